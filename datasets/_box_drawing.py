"""Boxes drawn on pictures, so that they can be told from any ground, with a word on each."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

TRUE, ANSWERED = "#009E73", "#D55E00"
"""What is there, and what a model says: the fixed colours of the test part and of an answer."""
HALO = "#FFFFFF"
SIDE = 320
"""Pixels of the longer side of a picture with boxes: lines and words need room."""
INK = "#FFFFFF"

Box = Sequence[float]
"""Left, top, right, bottom as shares of the sides."""
Drawn = tuple[Box, str, str]
"""A box, the word on it, and its colour."""


def drawn(image: Image.Image, boxes: Sequence[Drawn], side: int = SIDE) -> Image.Image:
    """Return the picture at `side` pixels with these boxes on it; earlier boxes lie below later ones."""
    picture = enlarged(image, side)
    pen = ImageDraw.Draw(picture)
    width = max(3, side // 110)
    for box, _, colour in boxes:
        _outline(pen, _pixels(box, picture), colour, width)
    font = ImageFont.load_default(min(18, max(13, side // 16)))
    for box, word, colour in boxes:  # words above all lines
        if word:
            _plate(pen, _pixels(box, picture), word, colour, font, picture.size)
    return picture


def enlarged(image: Image.Image, side: int) -> Image.Image:
    """Return the picture in colour with its longer side at `side` pixels; small ones keep their sharp pixels."""
    factor = side / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    method = Image.Resampling.NEAREST if factor > 1.5 else Image.Resampling.LANCZOS
    return image.convert("RGB").resize(size, method)


def _pixels(box: Box, picture: Image.Image) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    wide, high = picture.width - 1, picture.height - 1
    return left * wide, top * high, max(left, right) * wide, max(top, bottom) * high


def _outline(pen: ImageDraw.ImageDraw, at: tuple[float, float, float, float], colour: str, width: int) -> None:
    left, top, right, bottom = at
    pen.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=HALO, width=width + 2)
    pen.rectangle(at, outline=colour, width=width)


def _plate(
    pen: ImageDraw.ImageDraw, at: tuple[float, float, float, float], word: str, colour: str,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont, size: tuple[int, int],
) -> None:  # fmt: skip
    """Write a word on a plate above the box, or inside where there is no room above."""
    _, _, wide, high = pen.textbbox((0, 0), word, font=font)
    left = min(max(0.0, at[0]), max(0.0, size[0] - wide - 6))
    top = at[1] - high - 5
    top = at[1] if top < 0 else top
    pen.rectangle((left, top, left + wide + 6, top + high + 5), fill=colour)
    pen.text((left + 3, top + 2), word, fill=INK, font=font)
