"""A picture and a painting: which is which, what is refused, what is cut from both, what the download takes."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

import datasets
from datasets import style
from recipes import Data, Refusal, keras


def nobody(done, text):
    """Nobody listens to the progress."""


def picture(width=96, height=80, seed=0, kind="PNG"):
    """Make a noisy picture file."""
    array = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind)
    return buffer.getvalue()


def zipped(folder, files):
    """Write a zip of named files."""
    path = folder / "pair.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def read(folder, files, **settings):
    return style.read(zipped(folder, files), style.Config(**settings), folder / "set", nobody)


def refusal_of(folder, files):
    with pytest.raises(Refusal) as refused:
        read(folder, files)
    return str(refused.value)


def prepared(dataset, folder, seed=1, **settings):
    return style.prepare(dataset, Data.model_validate(settings), seed, folder / "prepared", nobody)


@pytest.fixture
def pair(tmp_path):
    return read(tmp_path, {"photo.png": picture(96, 80, 1), "my_style.png": picture(120, 120, 2)})


@pytest.mark.parametrize("name", style.SAMPLES)
def test_every_sample_is_a_pair_that_nothing_speaks_against(name, tmp_path):
    """A sample may be noticed, never warned of."""
    dataset = style.load_sample(name, tmp_path / "set")
    assert dataset.schema.rows == 2
    assert {finding.severity for finding in style.check(dataset, Data(sample=name))} <= {"pass", "notice"}
    assert [cells["role"] for cells in style.preview(dataset, (0, 1))] == ["content", "style"]


def test_a_sample_is_the_same_every_time(tmp_path):
    """The same recipe gives the same run: the paintings come from a seed."""
    first, second = (style.load_sample("village-in-waves", tmp_path / str(turn)) for turn in (1, 2))
    assert first.schema.fingerprint == second.schema.fingerprint


@pytest.mark.parametrize(
    ("names", "painted", "said"),
    [
        (("a_style.png", "b.png"), "b.png", "as their names say"),
        (("a.png", "b_content.png"), "b_content.png", "as their names say"),
        (("a.png", "b.png"), "a.png", "The names do not say"),
        (("style_content.png", "style_two.png"), "style_content.png", "as their names say"),
    ],
)
def test_names_decide_which_picture_is_painted(tmp_path, names, painted, said):
    dataset = read(tmp_path, {name: picture(seed=number) for number, name in enumerate(names)})
    assert dataset.schema.details["names"][0] == painted
    assert said in dataset.schema.notes[0]
    assert dataset.schema.name.startswith(painted.removesuffix(".png") + " in the style of ")


@pytest.mark.parametrize(("count", "told"), [(1, "there is 1"), (3, "there are 3")])
def test_anything_but_two_pictures_is_refused(tmp_path, count, told):
    files = {f"{number}.png": picture(seed=number) for number in range(count)}
    assert refusal_of(tmp_path, files) == (
        f"Style transfer takes two pictures, one to be painted and one for the style, but {told}. Upload exactly two."
    )


def test_a_tiny_picture_is_refused(tmp_path):
    assert refusal_of(tmp_path, {"a.png": picture(40, 30), "b.png": picture()}) == (
        "'a.png' has only 40 x 30 pixels. Choose a picture with at least 64 on its longer and 32 on its shorter side."
    )


def test_a_narrow_picture_is_refused(tmp_path):
    assert refusal_of(tmp_path, {"a.png": picture(400, 50), "b.png": picture()}) == (
        "'a.png' is too narrow: 400 x 50 pixels. Cut it so that it is at most 4 times as long as it is wide."
    )


def test_a_file_that_is_no_picture_is_refused(tmp_path):
    told = refusal_of(tmp_path, {"a.png": b"no picture at all", "b.png": picture()})
    assert told == "'a.png' is not a picture we can read. Save it as PNG, JPEG, GIF, WebP, BMP or TIFF."


def test_two_pictures_alone_are_taken_for_a_pair(tmp_path):
    """Two pictures are too few for anything else; with a third they are a picture data set."""
    two = zipped(tmp_path, {"a.png": picture(), "b.jpg": picture(kind="JPEG")})
    assert datasets.type_of(two) == "style"
    three = zipped(tmp_path, {f"{name}.png": picture() for name in "abc"})
    assert datasets.type_of(three) == "image"


def test_pieces_lie_in_the_training_part_and_the_whole_in_both_others(pair, tmp_path):
    found = prepared(pair, tmp_path, size=96, pieces=20)
    train, validation, test = (found.part(name) for name in ("train", "validation", "test"))
    assert train.x["picture"].shape == train.x["style"].shape == (20, 80, 80, 3)
    assert validation.x["picture"].shape == test.x["picture"].shape == (1, 80, 96, 3)
    assert validation.x["style"].shape == (1, 96, 96, 3)
    assert found.signature.details["names"] == ["photo.png", "my_style.png"]


def test_same_seed_cuts_the_same_pieces(pair, tmp_path):
    one, same, other = (
        np.asarray(prepared(pair, tmp_path / str(turn), seed, size=96, pieces=20).part("train").x["picture"])
        for turn, seed in enumerate((1, 1, 2))
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_swapped_pictures_change_their_parts(pair, tmp_path):
    found = prepared(pair, tmp_path, size=96, pieces=20, swap=True)
    assert found.signature.details["names"] == ["my_style.png", "photo.png"]
    assert found.part("test").x["picture"].shape == (1, 96, 96, 3)
    first = style.check(pair, Data.model_validate({"file": "pair.zip", "swap": True}))[0]
    assert first.severity == "notice"
    assert first.sentence == "The two are swapped: 'my_style.png' is painted in the style of 'photo.png'."


def test_larger_strokes_look_at_a_larger_painting(pair, tmp_path):
    found = prepared(pair, tmp_path, size=96, pieces=20, strokes=2.0)
    assert found.part("test").x["style"].shape == (1, 192, 192, 3)


def test_the_same_picture_twice_keeps_train_closed(tmp_path):
    dataset = read(tmp_path, {"a.png": picture(), "b.png": picture()})
    found = {finding.code: finding for finding in style.check(dataset, Data(file="pair.zip"))}
    assert found["same"].severity == "problem"
    assert found["same"].sentence == "Both pictures are the same, so there is no other style to take on."


def test_it_says_that_nothing_is_kept_back(pair):
    found = {finding.code: finding for finding in style.check(pair, Data(file="pair.zip"))}
    assert found["seal"].severity == "notice"
    assert found["seal"].sentence.startswith("With one picture nothing can be kept back for a test")


def test_raw_and_ready_pictures_are_the_same(pair, tmp_path):
    """What the download does with the raw picture is what was prepared."""
    found = prepared(pair, tmp_path, size=96, pieces=20)
    (raw,) = style.raw(pair, found.signature, [0])
    ready = keras.Model(*style.layers_of(found.signature, found.encoding)).predict_on_batch(raw)
    np.testing.assert_array_equal(ready["picture"], found.part("test").x["picture"])


def test_a_visitors_picture_is_brought_to_the_size_that_was_trained(pair, tmp_path):
    signature = prepared(pair, tmp_path, size=96, pieces=20).signature
    assert style.parse(signature, {"picture": picture(300, 200)})["picture"].shape == (1, 64, 96, 3)
    assert style.parse(signature, {"picture": picture(300, 200), "side": 192})["picture"].shape == (1, 128, 192, 3)


def test_a_visitors_mistakes_are_refused_in_words(pair, tmp_path):
    signature = prepared(pair, tmp_path, size=96, pieces=20).signature
    with pytest.raises(Refusal) as refused:
        style.parse(signature, {})
    assert str(refused.value) == "No picture was given. Choose a file or take a photo."
    with pytest.raises(Refusal) as refused:
        style.parse(signature, {"picture": picture(), "side": 9000})
    assert str(refused.value) == "The longer side must be between 64 and 512 pixels, but got 9000."


def test_another_task_or_target_is_refused(pair):
    for data, told in (
        (
            {"task": "classification"},
            "Two pictures serve styling, so `data.task` cannot be classification. Leave it out.",
        ),
        ({"target": "label"}, "Two pictures have one target, `styled`, but got 'label'. Leave `data.target` out."),
    ):
        with pytest.raises(Refusal) as refused:
            style.check(pair, Data.model_validate(data))
        assert str(refused.value) == told
