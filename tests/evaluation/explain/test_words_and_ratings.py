"""Explanations of answers that are words or ratings find what was planted, and their checks hold."""

import json
from typing import Any

import numpy as np
import pytest

import builders
from builders import Blueprint, Stage
from datasets import Prepared
from evaluation import explain
from evaluation.asked import Asked
from recipes import Part, Recipe, Refusal, keras
from records import Run, Workspace
from tests.builders.smallest import signature_of

WORDS = 10
layers, ops = keras.layers, keras.ops


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", Recipe.of({"data": {"sample": "penguins"}}))


def asked(run, signature, x, y, blueprint, encoding):
    rows = np.arange(len(y))
    part = Part(x, y, rows)
    parts: Any = dict.fromkeys(("train", "validation", "test"), part)
    prepared = Prepared(run.folder / "prepared", signature, encoding).save(parts)
    nobody: Any = None
    return Asked(run, run.recipe, nobody, prepared, blueprint)


def own_words(width=WORDS):
    """A table in which each word is a direction of its own; an unknown word and none point nowhere."""
    told = layers.Embedding(width, width)
    told.build()
    table = 9.0 * np.eye(width, dtype="float32")
    table[:2] = 0.0
    told.set_weights([table])
    return told


def test_each_written_word_leans_on_the_word_that_made_it(run):
    """The planted model writes each word as it stands at the same place."""
    signature = signature_of("pairs", "translation")
    source, target = keras.Input((6,), name="source", dtype="int32"), keras.Input((7,), name="target", dtype="int32")
    told = own_words()(source)  # (batch, 6, words)
    told = ops.pad(told, [[0, 0], [0, 1], [0, 0]]) + 0.0 * ops.cast(ops.expand_dims(target, -1), "float32")
    teacher = keras.Model({"source": source, "target": target}, told)
    core = keras.Model({"source": source}, ops.multiply(source, 1))
    x = {"source": np.array([[4, 7, 3, 5, 0, 0]], "int32"), "target": np.zeros((1, 7), "int32")}
    vocabulary = [f"w{number}" for number in range(2, WORDS)]
    plan = Blueprint((Stage("fit", teacher),), {"model": core})
    encoding = {"source": vocabulary, "target": [word.upper() for word in vocabulary], "unit": "words"}
    subject = asked(run, signature, x, np.zeros((1, 7), "int32"), plan, encoding)
    found = explain.explain(subject, {"method": "source_words"})
    panel = found["panel"]
    assert (panel["columns"], panel["rows"]) == (["w4", "w7", "w3", "w5"], ["W4", "W7", "W3", "W5"])
    weights = np.array(panel["weights"])
    assert np.diag(weights).min() > 0.8
    assert np.abs(weights - np.diag(np.diag(weights))).max() == 0
    assert found["check"]["holds"]
    assert json.loads(json.dumps(found)) == found


def test_an_answer_leans_on_the_word_of_the_question_that_it_was_found_by(run):
    """The planted reader marks the word of the text that is the question's first word."""
    signature = signature_of("qa", "answering")
    context, question = (
        keras.Input((size,), name=side, dtype="int32") for side, size in (("context", 16), ("question", 6))
    )
    table = own_words()
    scores = ops.sum(table(context) * table(question)[:, :1], axis=-1)  # (batch, 16)
    core = keras.Model({"context": context, "question": question}, ops.stack([scores, scores], axis=1))
    text = [3, 4, 5, 6, 7, 8, 9, 2, 3, *[0] * 7]
    x = {"context": np.array([text], "int32"), "question": np.array([[7, 4, 9, 0, 0, 0]], "int32")}
    plan = Blueprint((Stage("fit", core),), {"model": core})
    subject = asked(run, signature, x, np.array([[4, 4]], "int32"), plan,
                    {"vocabulary": [f"w{number}" for number in range(2, WORDS)]})  # fmt: skip
    found = explain.explain(subject, {"method": "passage_words"})
    asking, passage = found["panel"]["parts"]
    assert asking["words"] == ["w7", "w4", "w9"]
    assert asking["weights"][0] > 0.9
    assert asking["weights"][1:] == [0, 0]
    assert passage["marked"] == [4, 4]
    assert int(np.argmax(passage["weights"])) == 4
    assert not found["check"]["holds"], "every table of words finds the same word again: nothing was learned for it"


def test_the_next_letter_leans_on_the_one_that_was_planted(run):
    """The planted writer repeats the letter before the last one."""
    signature = signature_of("prose", "generation")
    tokens = keras.Input((16,), name="tokens", dtype="int32")
    told = ops.pad(own_words(20)(tokens)[:, :-1], [[0, 0], [1, 0], [0, 0]])
    core = keras.Model({"tokens": tokens}, told)
    x = {"tokens": np.array([[*range(2, 18)]], "int32")}
    subject = asked(run, signature, x, np.zeros((1, 16), "int32"), Blueprint((Stage("fit", core),), {"model": core}),
                    {"vocabulary": [" ", *"abcdefghijklmnopq"]})  # fmt: skip
    panel = explain.explain(subject, {"method": "earlier_tokens"})["panel"]
    assert panel["words"] == ["␣", *"abcdefghijklmno"]
    assert panel["next"] == "n"
    assert int(np.argmax(panel["weights"])) == len(panel["words"]) - 2
    assert np.count_nonzero(panel["weights"]) == 1


def ratings(run, y, user, item):
    """A recommender by hand: even items are for people who like the first taste, odd ones for the others."""
    signature = signature_of("ratings", "recommendation")
    blueprint = builders.get("matrix_factorization").build(
        signature, builders.config("matrix_factorization", {"factors": 2})
    )
    tastes = np.random.default_rng(3).normal(size=(7, 2))
    kinds = np.array([[number % 2 == 0, number % 2 == 1] for number in range(6)], "float32")
    blueprint.core.get_layer("user_vectors").set_weights([tastes.astype("float32")])
    blueprint.core.get_layer("item_vectors").set_weights([kinds])
    x = {"user": np.array(user, "int32"), "item": np.array(item, "int32")}
    return asked(run, signature, x, np.array(y, "float32"), blueprint, {"items": ["a", "B", "c", "D", "e"]})


def test_an_earlier_rating_of_something_alike_speaks_for_it(run):
    subject = ratings(run, [2.0, -2.0, 0.0], [1, 1, 1], [2, 1, 4])
    panel = explain.explain(subject, {"method": "earlier_ratings", "row": 2})["panel"]
    assert panel["about"] == "D"
    rows = {row["name"]: row for row in panel["rows"]}
    assert rows["B"]["alike"] > 0.9  # 2 and 4 are even
    assert rows["B"]["value"] > 1
    assert rows["a"]["alike"] < 0
    assert panel["mean"] == 0


def test_somebody_without_earlier_ratings_is_told_so(run):
    subject = ratings(run, [2.0, -2.0], [1, 2], [2, 1])
    with pytest.raises(Refusal) as refused:
        explain.explain(subject, {"method": "earlier_ratings"})
    assert str(refused.value) == (
        "This user rated fewer than two other things in the training part, so there is nothing earlier to lean on. "
        "Choose another example."
    )


def test_a_picture_of_ones_own_is_explained_as_a_page_sends_it(tmp_path):
    """Try and Why send a picture as base64; what is explained is the picture as the download would see it."""
    import base64
    import io

    from PIL import Image

    from training import plan, shelf

    recipe = plan.resolve(Recipe.of({"data": {"sample": "digits"}, "model": {"architecture": "cnn"}}))
    workspace = Workspace(tmp_path / "space")
    recipe, dataset, prepared = shelf.open_prepared(recipe, workspace)
    blueprint = builders.get("cnn").build(prepared.signature, builders.config("cnn", {}))
    subject = Asked(Run.create(workspace.runs / "one", recipe), recipe, dataset, prepared, blueprint)
    picture = Image.new("L", (60, 60), 0)
    picture.paste(255, (25, 8, 34, 52))
    written = io.BytesIO()
    picture.save(written, "PNG")
    values = {"picture": base64.b64encode(written.getvalue()).decode()}
    told = explain.explain(subject, {"method": "occlusion", "values": values})
    assert told["case"]["row"] is None
    assert told["case"]["truth"] is None
    assert told["panel"]["kind"] == "heat"
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(told["panel"]["pictures"][0]))))
    assert shown.shape == (8, 8)
    assert shown[:, 3:5].mean() > 3 * shown[:, :2].mean()
    with pytest.raises(Refusal) as refused:
        explain.explain(subject, {"method": "occlusion", "values": {"picture": "no base64"}})
    assert str(refused.value) == "The file did not arrive whole. Choose it once more."
