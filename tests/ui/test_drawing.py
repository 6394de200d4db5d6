"""What the drawing pad sends is checked, and framed as the training pictures are."""

import base64
import io

import pytest
from PIL import Image

from recipes import Refusal
from ui import drawing

UNREADABLE = "The drawing could not be read. Clear the pad and draw again."


def address(image):
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def drawn(box):
    image = Image.new("RGBA", (drawing.SIDE, drawing.SIDE), (0, 0, 0, 0))
    image.paste((255, 255, 255, 255), box)
    return image


def test_a_small_sign_in_a_corner_fills_the_frame():
    framed = drawing.framed(drawing.ink_of(address(drawn((10, 10, 20, 50)))))
    assert framed is not None
    assert framed.size == (64, 64)
    assert framed.getbbox() == (24, 0, 40, 64)
    assert framed.getpixel((32, 32)) == 255


def test_an_empty_pad_is_no_drawing():
    assert drawing.framed(drawing.ink_of(address(drawn((0, 0, 0, 0))))) is None


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "data:image/png;base64,!!",
        "data:image/png;base64," + base64.b64encode(b"no picture").decode(),
        "x" * 3_000_000,
    ],
)
def test_what_no_pad_sends_is_refused(sent):
    with pytest.raises(Refusal) as refused:
        drawing.ink_of(sent)
    assert str(refused.value) == UNREADABLE


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(Refusal, match=UNREADABLE):
        drawing.ink_of(address(Image.new("RGBA", (5000, 5000))))
