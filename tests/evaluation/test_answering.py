"""Answering: spans are decoded alike twice, scores by hand, rivals, the download, what a person gets to read."""

import numpy as np
import pytest

import builders
from datasets import Data, qa
from evaluation import _answers
from evaluation.asked import Asked, Replying
from evaluation.tasks import answering
from exporters import keras_file
from recipes import Recipe, keras
from records import Run

TABLE = "context,question,answer\n" + "".join(
    f"Tom saw {n} red cats. Ann met the dog at house {n}.,Where did Ann meet the dog?,house {n}\n" for n in range(40)
)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A small untrained reader."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "questions.csv").write_text(TABLE)
    dataset = qa.read(folder / "questions.csv", qa.Config(), folder / "read", lambda *_: None)
    prepared = qa.prepare(dataset, Data(file="x"), 1, folder / "prepared", lambda *_: None)
    recipe = Recipe.of({"data": {"file": "questions.csv"}, "model": {"architecture": "span_reader"}})
    keras.utils.set_random_seed(1)
    plan = builders.get("span_reader").build(prepared.signature, builders.config("span_reader", {"units": 4}))
    return Asked(Run.create(folder / "run", recipe), recipe, dataset, prepared, plan)


def test_the_likeliest_span_never_ends_before_it_begins():
    """The best pair in order and not too long, not the best of each alone."""
    first, last = [0.0, 1.0, 0.0, 5.0], [0.0, 6.0, 4.5, 0.0]
    logits = np.array([[first, last]], dtype="float32")
    spans, sure = _answers.likeliest(logits, 2)
    assert spans.tolist() == [[1, 1]]  # 1 + 6 beats 5 + 0; 5 + 6 would run backwards
    powers = np.exp(logits[0]) / np.exp(logits[0]).sum(axis=1, keepdims=True)
    assert sure[0] == pytest.approx(powers[0, 1] * powers[1, 1])


def test_download_and_report_decode_alike():
    """The report in numpy and the download in stock layers choose the same words and are as sure."""
    logits = np.random.default_rng(1).normal(size=(50, 2, 12)).astype("float32")
    for most in (1, 3, 12):
        spans, sure = _answers.likeliest(logits, most)
        told_spans, told_sure = _answers.decoded(keras.ops.convert_to_tensor(logits), most)
        np.testing.assert_array_equal(spans, told_spans)
        np.testing.assert_allclose(sure, np.asarray(told_sure)[:, 0], rtol=1e-5)
        assert (spans[:, 1] - spans[:, 0] < most).all()


def test_scores_by_hand():
    """Articles do not count; half of the words is a half."""
    truth = [["the", "red", "kite"], ["old", "mill"], ["tom"]]
    answer = [["red", "kite"], ["mill"], ["ben"]]
    assert _answers.exact(truth, answer).tolist() == [1.0, 0.0, 0.0]
    assert _answers.f1(truth, answer).tolist() == [1.0, pytest.approx(2 / 3), 0.0]


def test_rivals_by_hand():
    """The usual place, and what the likest sentence tells beside the question's words."""
    assert _answers.usual_place(np.array([[1, 2], [3, 3], [3, 3]])) == (3, 3)
    assert _answers.at_place("Tom ran home.", (1, 2)) == ["ran", "home"]
    assert _answers.at_place("Tom ran home.", (8, 9)) == ["home"]
    text = "Tom found the old kite at noon. Ann went to the lake. Ben went to the red barn."
    assert _answers.most_shared(text, "To which place went Ben?") == ["red", "barn"]


def test_download_answers_words(asked, tmp_path):
    """Text and question in, words out, empty behind the last one; a file of plain Keras."""
    model = keras_file.assemble(asked.core, asked.signature, asked.encoding)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    text = "Tom saw 9 red cats. Ann met the dog at house 3."
    raw = {"context": np.array([[text]], dtype=object), "question": np.array([["Where?"]], dtype=object)}
    told, same = (
        {name: np.asarray(each) for name, each in one.predict_on_batch(raw).items()} for one in (again, model)
    )
    assert told.keys() == {"answer", "span", "probability"}
    first, last = told["span"][0]
    words = [word.decode() for word in told["answer"][0] if word]
    known = set(asked.encoding["vocabulary"])
    expected = text.replace(".", "").lower().split()[first : last + 1]
    assert words == [word if word in known else "[UNK]" for word in expected]
    for name in told:
        np.testing.assert_array_equal(told[name], same[name])


def test_report_stands_beside_simple_rivals(asked):
    """Scores with intervals, two rivals, marked texts to look at."""
    told = answering.report(asked, [])
    assert told["metrics"].keys() == answering.METRICS.keys()
    assert [each["name"] for each in told["baselines"]] == ["most frequent position", "sentence with most shared words"]
    assert told["baselines"][0]["metrics"]["exact"] == 1.0  # here each answer stands at one place
    assert told["headline"]["title"] == "Exactly right"
    assert {panel["kind"] for panel in told["panels"]} == {"marked"}
    assert (asked.run.folder / "predictions.npz").exists()


def test_evidence_marks_held_out_texts(asked):
    """A text in three pieces, the answer in the middle."""
    (panel,) = answering.evidence(asked)()
    assert panel["kind"] == "marked"
    for each in panel["texts"]:
        assert (each["before"] + each["marked"] + each["after"]).startswith("Tom saw ")
        assert each["truth"].startswith("house ")


def test_long_texts_are_shown_around_the_answer():
    """Evidence stays small, and the answer is always in it."""
    words = [f"w{number}" for number in range(400)]
    text = " ".join(words)
    for first in (0, 200, 399):
        told = answering._marked(text, "What?", words[first], np.array([first, first]), np.array([first, first]), 0.5)
        assert told["marked"] == words[first]
        assert told["right"]
        assert len((told["before"] + told["marked"] + told["after"]).split()) <= answering.MOST_SHOWN_WORDS + 3


def test_marks_around_an_answer_are_not_marked():
    """A full stop behind a name is no part of it."""
    span = np.array([2, 3])
    told = answering._marked('He met "Ann Lee".', "Whom?", "Ann Lee", span, span, 0.5)
    assert (told["before"], told["marked"], told["after"]) == ('He met "', "Ann Lee", '".')


def test_reply_shows_the_answer_in_the_text(asked):
    """Pieces make up the text again; words that were never met and text that was not read are told."""
    model = keras_file.assemble(asked.core, asked.signature, asked.encoding)
    text = "Tom saw 9 red cats. Ann met the dog at house 3." + " More." * 30
    told = answering.reply(
        Replying(asked.run, asked.prepared, {"context": text, "question": "Where is Zelda?"}, lambda _: model)
    )
    assert told["before"] + told["marked"] + told["after"] == text
    assert told["answer"] in text
    assert 0 < told["sure"] <= 1
    assert "zelda" in told["unknown"]
    assert told["left_out"] == 30
