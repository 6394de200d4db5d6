"""Writing: what is drawn, how unseen text is judged, what is learned by heart, what a person gets to read."""

import numpy as np
import pytest

import builders
from builders import Blueprint
from datasets import Data, _prose_tokens, prose
from evaluation import _writing
from evaluation.asked import Asked, Replying
from evaluation.tasks import generation
from exporters import keras_file
from recipes import Recipe, Refusal, keras
from records import Run

UNITS = 12


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A small recurrent writer, untrained, on a made text."""
    folder = tmp_path_factory.mktemp("writing")
    random = np.random.default_rng(1)
    tales = (" ".join(random.choice(["a cat", "the dog", "runs.", "sleeps.", "and"], 200)) for _ in range(8))
    (folder / "tales.txt").write_text("\n\n".join(f"# Tale\n\n{tale}" for tale in tales))
    dataset = prose.read(folder / "tales.txt", prose.Config(), folder / "read", lambda *_: None)
    prepared = prose.prepare(dataset, Data(file="x", length=16), 1, folder / "prepared", lambda *_: None)
    recipe = Recipe.of(
        {"data": {"file": "tales.txt"}, "model": {"architecture": "char_rnn"}, "training": {"epochs": 2}}
    )
    keras.utils.set_random_seed(1)
    family = builders.get("char_rnn")
    plan = family.build(prepared.signature, builders.config("char_rnn", {"units": UNITS, "layers": 2, "cell": "LSTM"}))
    return Asked(Run.create(folder / "run", recipe), recipe, dataset, prepared, plan)


def window_pen(asked):
    """The slow pen of the same models."""
    plan = Blueprint(asked.blueprint.stages, {"model": asked.blueprint.core})
    return _writing.pen_of(Asked(asked.run, asked.recipe, asked.dataset, asked.prepared, plan))


def test_both_pens_write_the_same(asked):
    """Handing the memory on is a short cut, not another model."""
    texts = [_prose_tokens.encode(asked.encoding, text)[0] for text in ("a cat", "the dog ")]
    warmth = np.array([0.5, 1.0])
    quick, slow = (
        _writing.write(pen, texts, warmth, 8, np.random.default_rng(3))
        for pen in (_writing.pen_of(asked), window_pen(asked))
    )
    np.testing.assert_array_equal(quick, slow)


def test_low_temperature_takes_the_likeliest_and_padding_is_never_drawn():
    """Tokens 0 and 1 are no text."""
    odds = np.tile([0.5, 0.3, 0.05, 0.1, 0.05], (200, 1))
    random = np.random.default_rng(1)
    assert set(_writing.drawn(odds, np.full(200, 0.01), random)) == {3}
    assert set(_writing.drawn(odds, np.full(200, 1.0), random)) == {2, 3, 4}


def test_loss_is_that_of_keras(asked):
    """The report and the curve speak of one number."""
    part = asked.prepared.part("test")
    tokens, following = _writing.some_of(part)
    losses, hits = _writing.judged(asked, tokens, following)
    model = asked.blueprint.stages[0].model
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    logits = model.predict({"tokens": tokens}, verbose=0)
    assert losses.mean() == pytest.approx(float(loss(following, logits)), rel=1e-5)
    assert hits.mean() == pytest.approx((logits.argmax(-1) == following).mean())


def test_rivals_give_odds_that_add_up(asked):
    """Over all tokens that may follow, the odds of each rival sum to 1."""
    rivals, size = _writing.rivals_of(asked), asked.signature.target.size
    context = np.tile([[4, 5]], (size, 1))
    for losses in rivals.losses(context, np.stack([np.zeros(size, int), np.arange(size)], axis=1)):
        assert np.exp(-losses[:, 1]).sum() == pytest.approx(1.0, abs=0.02)


def test_finds_the_longest_copy():
    """Word for word means sign for sign."""
    assert _writing.longest_copy("xx the old cat yy", "once the old cat sat") == " the old cat "
    assert _writing.longest_copy("zzz", "abc") == ""


def test_download_answers_what_follows_the_text(asked):
    """Text in, odds out, for a short text as for one longer than the window."""
    model = keras_file.assemble(asked.core, asked.signature, asked.encoding)
    for text in ("a c", "the dog runs. a cat sleeps."):
        odds = np.asarray(model.predict_on_batch({"text": np.array([[text]], dtype=object)})["next"])[0]
        tokens = _prose_tokens.ready(asked.encoding, text)
        last = int((tokens > 0).sum()) - 1
        logits = np.asarray(asked.core({"tokens": tokens[None]}))[0, last]
        np.testing.assert_allclose(odds, np.asarray(keras.ops.softmax(logits)), rtol=1e-4, atol=1e-6)
        assert odds.sum() == pytest.approx(1.0, abs=1e-5)


def test_report_judges_unseen_text(asked):
    """Scores, rivals, samples and copies; the best of the rivals stands beside the headline."""
    told = generation.report(asked, [])
    assert list(told["metrics"]) == ["loss", "perplexity", "bits", "accuracy"]
    assert told["metrics"].keys() <= generation.METRICS.keys()
    assert told["metrics"]["bits"] == pytest.approx(told["metrics"]["loss"] / np.log(2))
    names = ["character frequencies", "pairs of characters", "triples of characters"]
    assert [each["name"] for each in told["baselines"]] == names
    assert told["headline"]["baseline_value"] == min(each["metrics"]["loss"] for each in told["baselines"])
    assert told["intervals"]["loss"][0] < told["metrics"]["loss"] < told["intervals"]["loss"][1]
    assert [panel["kind"] for panel in told["panels"]] == ["texts", "texts"]
    assert [text["note"] for text in told["panels"][0]["texts"]] == [
        "Temperature 0.3", "Temperature 0.6", "Temperature 0.9", "Temperature 1.2"
    ]  # fmt: skip


def test_evidence_keeps_the_texts_of_earlier_epochs(asked):
    """The same beginnings each time; what it wrote before stays readable."""
    show = generation.evidence(asked)
    (first,) = show()
    asked.core.get_layer("next_token").bias.assign_add(np.linspace(0, 3, asked.signature.target.size))
    asked.run.append("metrics", {"epoch": 1, "end": True})
    (second,) = show()
    assert first["earlier"] == []
    assert [told["text"] for told in second["earlier"]] == [first["texts"][0]["text"]]
    assert [told["start"] for told in first["texts"]] == [told["start"] for told in second["texts"]]


def test_reply_goes_on_from_the_persons_words(asked):
    """Seeded; unknown signs are named; what cannot be is refused in words."""
    models = {name: keras_file.whole(each, asked.prepared) for name, each in asked.blueprint.deliverables.items()}

    def reply(**values):
        return generation.reply(Replying(asked.run, asked.prepared, values, models.__getitem__))

    told = reply(text="a cat Ω", temperature=0.8, amount=20, seed=4)
    assert told["start"] == "a cat Ω"
    assert len(told["text"]) == 20
    assert told["unknown"] == ["Ω"]
    assert reply(text="a cat Ω", temperature=0.8, amount=20, seed=4)["text"] == told["text"]
    with pytest.raises(Refusal) as refusal:
        reply(text=" ")
    assert str(refusal.value) == "There is nothing to go on from. Type a few words."
    with pytest.raises(Refusal) as refusal:
        reply(text="a", temperature=9)
    assert str(refusal.value) == "`temperature` must be between 0.05 and 2, but got 9."


def test_readme_writes_a_text_in_plain_keras(asked, tmp_path, monkeypatch, capsys):
    """What stands in the README runs as it stands."""
    keras_file.assemble(asked.core, asked.signature, asked.encoding).save(tmp_path / "model.keras")
    monkeypatch.chdir(tmp_path)
    exec(generation.usage(asked.signature).replace("range(300)", "range(12)"), {})  # noqa: S102 - it is our own text
    start = asked.signature.raw[0].typical
    assert len(capsys.readouterr().out.rstrip("\n")) == len(start) + 12
