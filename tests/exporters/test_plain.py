"""What goes out beside a numeric core prepares raw values as the model's own layers do."""

import ast
from pathlib import Path

import numpy as np
import pytest

import exporters
from exporters.plain.prepare import audio, image, prose, qa, tabular, text
from recipes import keras

PLAIN = Path(exporters.__file__).parent / "plain"
ALLOWED = {"numpy", "PIL", "onnxruntime", "ai_edge_litert"}
STANDARD = {
    "collections", "csv", "datetime", "importlib", "json", "math", "pathlib", "re", "sys", "typing", "wave",
}  # fmt: skip


@pytest.mark.parametrize("file", sorted(PLAIN.rglob("*.py")), ids=lambda file: file.stem)
def test_needs_numpy_pillow_and_a_runtime_only(file):
    """It runs where neither Keras nor Layerwise is; its own modules stand beside it."""
    roots = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {name.name.split(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            roots.add((node.module or "").split(".")[0])
    assert roots <= ALLOWED | STANDARD


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize(("height", "width"), [(40, 64), (64, 40), (9, 9), (20, 20), (33, 70)])
def test_resizes_as_keras_does(fit, height, width):
    """At most a few values land on the other side of a rounding, one level of 255 apart."""
    picture = np.random.default_rng(1).integers(0, 255, (height, width, 3)).astype("float32")
    layer = keras.layers.Resizing(
        20, 20, antialias=True, crop_to_aspect_ratio=fit == "crop", pad_to_aspect_ratio=fit == "pad"
    )
    wanted = np.round(np.asarray(layer(picture[None]))[0])
    found = image.resized(picture, 20, fit)
    assert np.abs(found - wanted).max() <= 1
    assert (found != wanted).mean() < 0.01


def test_a_picture_of_the_right_size_passes_unchanged():
    picture = np.arange(20 * 20 * 3, dtype="float32").reshape(20, 20, 3) % 255
    np.testing.assert_array_equal(image.resized(picture, 20, "crop"), picture)


def test_reads_cells_as_people_write_them():
    assert tabular.number(" 1.5 ", "number", "a") == 1.5
    assert np.isnan(tabular.number("", "number", "a"))
    assert np.isnan(tabular.number("NA", "date", "a"))
    assert tabular.number("Yes", "boolean", "a") == 1
    assert tabular.number("1970-01-03", "date", "a") == 2
    assert tabular.number("1970-01-01T12:00:00", "date", "a") == 0.5


@pytest.mark.parametrize(
    ("cell", "kind", "sentence"),
    [
        ("tall", "number", "'tall' in column 'size' is not a number such as 1.5."),
        ("soon", "date", "'soon' in column 'size' is not a date such as 2024-12-31."),
    ],
)
def test_refuses_a_wrong_cell_in_words(cell, kind, sentence):
    with pytest.raises(SystemExit) as refused:
        tabular.number(cell, kind, "size")
    assert str(refused.value) == sentence


def test_a_short_text_is_filled_up_and_a_strange_word_is_one():
    found = text.numbered("The cat, the DOG!", ["the", "cat"], "words", 6)
    assert found.tolist() == [[2, 3, 2, 1, 0, 0]]


def test_prose_keeps_its_end():
    told = {"preprocessing": {"length": 3, "lower": True, "unit": "characters", "vocabulary": ["a", "b"]}}
    assert prose.ready({"text": "xABab"}, told)["tokens"].tolist() == [[3, 2, 3]]


def test_an_answer_is_words_of_the_text():
    told = {"target": "answer", "preprocessing": {"vocabulary": ["the", "cat"]}, "details": {"answer_length": 3}}
    row = {"context": "Look: the fat cat.", "question": "who"}
    found = qa.finish({"span": np.array([[1, 3]]), "probability": np.array([[0.5]])}, row, told)
    assert found["answer"].tolist() == [["the", "[UNK]", "cat"]]
    assert qa.words(found, told) == {"answer": "the [UNK] cat", "probability": 0.5}


def test_a_sound_is_its_loudest_stretch():
    told = {"preprocessing": {"samples": 3}}
    found = audio.ready({"sound": [0.0, 0.1, 0.9, 0.8, 0.7, 0.0]}, told)["sound"]
    np.testing.assert_allclose(found, [[0.9, 0.8, 0.7]])
    np.testing.assert_allclose(audio.ready({"sound": [0.5]}, told)["sound"], [[0.5, 0, 0]])
