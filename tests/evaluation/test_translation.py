"""Translation: how sentences are judged, what the download writes, what a person gets to read."""

import numpy as np
import pytest

import builders
from datasets import Data, pairs
from evaluation import _pairs
from evaluation.asked import Asked, Replying
from evaluation.tasks import translation
from exporters import keras_file
from recipes import Recipe, keras
from records import Run

TABLE = "english,french\n" + "".join(f"I see {n} cats.,Je vois {n} chats.\n" for n in range(40))


@pytest.fixture(scope="module", params=["seq2seq", "translator"])
def asked(request, tmp_path_factory):
    """Small untrained translators."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "pairs.csv").write_text(TABLE)
    dataset = pairs.read(folder / "pairs.csv", pairs.Config(), folder / "read", lambda *_: None)
    prepared = pairs.prepare(dataset, Data(file="x"), 1, folder / "prepared", lambda *_: None)
    recipe = Recipe.of({"data": {"file": "pairs.csv"}, "model": {"architecture": request.param}})
    keras.utils.set_random_seed(1)
    plan = builders.get(request.param).build(prepared.signature, builders.config(request.param, {}))
    return Asked(Run.create(folder / "run", recipe), recipe, dataset, prepared, plan)


def test_chrf_by_hand():
    """Equal is 100, nothing in common is 0, and two of three letters lie between."""
    assert _pairs.chrf(_pairs.chrf_counts("le chat", "le chat")) == pytest.approx(100)
    assert _pairs.chrf(_pairs.chrf_counts("abc", "xyz")) == 0.0
    # n = 1: 2 of 3 both ways, n = 2: 1 of 2, n = 3: 0 of 1; the mean is 7/18 for recall and precision alike.
    assert _pairs.chrf(_pairs.chrf_counts("abc", "abd")) == pytest.approx(100 * 7 / 18)


def test_words_count_at_their_place():
    """A word too many costs as much as one that is wrong."""
    truth = [["a", "b"], ["a", "b"], ["a"]]
    answer = [["a", "b"], ["a", "c", "b"], []]
    assert _pairs.exact(truth, answer).tolist() == [1.0, 0.0, 0.0]
    assert _pairs.tokens_right(truth, answer).tolist() == [1.0, pytest.approx(1 / 3), 0.0]


def test_nearest_shares_the_rare_words():
    """Words that stand everywhere say nothing."""
    nearest = _pairs.Nearest(np.array([[2, 3, 0], [2, 4, 0], [2, 5, 6], [2, 0, 0]]))
    assert nearest.of(np.array([2, 4, 0])) == 1
    assert nearest.of(np.array([6, 5, 2])) == 2


def test_writes_alone_what_the_teacher_would_say(asked):
    """Told its own words, the teacher names each of them as the likeliest next one."""
    source = np.asarray(asked.prepared.part("test").x["source"])
    words = np.asarray(asked.core({"source": source}))
    given = np.concatenate([np.full((len(words), 1), 2), words[:, :-1]], axis=1).astype("int32")
    logits = np.asarray(asked.blueprint.stages[0].model({"source": source, "target": given}))
    likeliest = logits[..., 2:].argmax(axis=-1) + 2
    written = words > 0
    assert written.any()
    np.testing.assert_array_equal(likeliest[written], words[written])


def test_padding_changes_nothing(asked):
    """A sentence means the same however much room is left behind it."""
    source = np.asarray(asked.prepared.part("test").x["source"])[:2].copy()
    source[:, -1] = 0
    model = asked.blueprint.stages[0].model
    target = np.asarray(asked.prepared.part("test").x["target"])[:2]
    both = np.asarray(model({"source": source, "target": target}))
    one = np.asarray(model({"source": source[:1], "target": target[:1]}))
    np.testing.assert_allclose(both[:1], one, rtol=1e-4, atol=1e-5)


def test_download_answers_words(asked, tmp_path):
    """A raw sentence in, words out, empty behind the end; a file of plain Keras."""
    model = keras_file.assemble(asked.core, asked.signature, asked.encoding)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    raw = {"text": np.array([["I see 3 cats."]], dtype=object)}
    words = np.asarray(again.predict_on_batch(raw)["french"])
    assert words.shape == (1, asked.signature.details["target_length"])
    np.testing.assert_array_equal(words, np.asarray(model.predict_on_batch(raw)["french"]))


def test_report_stands_beside_simple_rivals(asked):
    """Scores with intervals, copying and the nearest sentence, the worst sentences to look at."""
    told = translation.report(asked, [])
    assert told["metrics"].keys() == translation.METRICS.keys()
    assert [each["name"] for each in told["baselines"]] == ["copy of the sentence", "nearest training sentence"]
    assert told["baselines"][1]["metrics"]["words"] > 0.5
    assert told["headline"]["title"] == "Exactly right"
    assert {panel["kind"] for panel in told["panels"]} == {"pairs"}
    assert (asked.run.folder / "predictions.npz").exists()


def test_evidence_translates_held_out_sentences(asked):
    """What was given, what it made of it, what would have been right."""
    (panel,) = translation.evidence(asked)()
    assert panel["kind"] == "pairs"
    assert panel["pairs"][0].keys() == {"source", "answer", "truth", "right"}
    assert panel["pairs"][0]["source"].startswith("I see ")


def test_reply_names_words_that_it_never_met(asked):
    """A person may type anything; what was not learned is said."""
    model = keras_file.assemble(asked.core, asked.signature, asked.encoding)
    told = translation.reply(Replying(asked.run, asked.prepared, {"text": "I see zebras."}, lambda _: model))
    assert told["unknown"] == ["zebras"]
    assert told["left_out"] == 0
    assert isinstance(told["text"], str)
