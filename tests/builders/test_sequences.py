"""Families that read sentences and series: shapes for every task, padding, attention, BERT's lesson."""

from types import SimpleNamespace

import numpy as np
import pytest

import builders
from builders import _evidence_text, _masked_words, bert
from builders._attention import waves
from recipes import Part, Refusal, Signature, Target, TensorSpec, keras
from tests.builders.steps import losses

WORDS, LENGTH = 20, 12
FAMILIES = ("lstm", "gru", "cnn1d", "transformer")


def signature_of(kind: str, task: str) -> Signature:
    spec = {"tokens": TensorSpec(shape=(LENGTH,), dtype="int32")} if kind == "text" else {
        "series": TensorSpec(shape=(16, 3))
    }  # fmt: skip
    target = {
        "classification": Target(name="mood", classes=("a", "b", "c")), "regression": Target(name="stars"),
        "forecasting": Target(name="level", size=4),
    }[task]  # fmt: skip
    return Signature(
        data_type=kind, task=task, inputs=spec, raw=(), target=target, rows={"train": 8, "validation": 4, "test": 4},
        details={"vocabulary": WORDS, "length": LENGTH, "horizon": 4},
    )  # fmt: skip


def examples(signature: Signature, rows: int = 6) -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(2)
    if signature.data_type == "text":
        tokens = random.integers(1, WORDS, (rows, LENGTH)).astype("int32")
        tokens[:, 8:] = 0
        x = {"tokens": tokens}
    else:
        x = {"series": random.normal(size=(rows, 16, 3)).astype("float32")}
    if signature.target.classes:
        return x, (np.arange(rows) % 3).astype("int32")
    return x, random.normal(size=(rows, signature.outputs)).astype("float32")


def build(name: str, signature: Signature, **settings) -> builders.Blueprint:
    keras.utils.set_random_seed(1)
    return builders.get(name).build(signature, builders.config(name, settings))


CASES = [(name, "text", task) for name in (*FAMILIES, "bert") for task in ("classification", "regression")]
CASES += [(name, "series", task) for name in FAMILIES for task in ("classification", "regression", "forecasting")]


@pytest.mark.parametrize(("name", "kind", "task"), CASES)
def test_learns_and_survives_saving(name, kind, task, tmp_path):
    """Numbers for every step of a forecast, logits for classes; the file answers without our code."""
    signature = signature_of(kind, task)
    plan = build(name, signature)
    x, y = examples(signature)
    assert plan.core(x).shape == (6, signature.outputs)
    stage = plan.stages[-1]
    stage.model.compile(keras.optimizers.Adam(0.003), loss=stage.loss, metrics=stage.metrics())
    told = losses(stage.model, x, y, 40)
    assert told[-1] < 0.8 * told[0]
    plan.core.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(plan.core(x), again(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [*FAMILIES, "bert"])
def test_a_sentence_of_unknown_signs_has_an_answer(name):
    """What holds no word at all becomes padding alone."""
    signature = signature_of("text", "classification")
    nothing = {"tokens": np.zeros((2, LENGTH), "int32")}
    for summary in ({"summary": "average"}, {"summary": "max"}, {}) if name != "bert" else ({},):
        assert np.isfinite(np.asarray(build(name, signature, **summary).core(nothing))).all()


@pytest.mark.parametrize("settings", [{"direction": "forward", "summary": "last"}, {"summary": "average"}])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_what_stands_in_the_padding_is_not_summarised(name, settings):
    """The last step of a short sentence is its last word."""
    signature = signature_of("text", "classification")
    core = build(name, signature, **settings).core
    short = examples(signature)[0]["tokens"]
    longer = Signature.model_validate(
        signature.model_dump() | {"inputs": {"tokens": {"shape": (LENGTH + 5,), "dtype": "int32"}}}
    )
    wide = build(name, longer, **settings).core
    wide.set_weights(core.get_weights())
    if settings["summary"] == "last":
        np.testing.assert_allclose(
            core({"tokens": short}), wide({"tokens": np.pad(short, ((0, 0), (0, 5)))}), rtol=1e-5, atol=1e-6
        )


def test_transformer_ignores_padding():
    """Nobody looks at it, and it counts in no average."""
    signature = signature_of("text", "classification")
    core = build("transformer", signature, positions="waves").core
    words = keras.Model(core.input, core.get_layer("words").output)
    x = examples(signature)[0]
    before = np.asarray(core(x))
    table = core.get_layer("words").get_weights()[0]
    table[0] += 5.0
    core.get_layer("words").set_weights([table])
    assert np.asarray(words(x))[0, -1].max() > 4
    np.testing.assert_allclose(core(x), before, rtol=1e-5, atol=1e-5)


def test_refuses_heads_that_do_not_share_the_width():
    with pytest.raises(Refusal) as refusal:
        build("transformer", signature_of("text", "classification"), heads=3)
    assert str(refusal.value) == (
        "`heads` 3 cannot share a width of `embedding` 64 evenly. Set `embedding` to 63, or choose other heads."
    )


def test_refuses_more_halvings_than_steps():
    with pytest.raises(Refusal) as refusal:
        build("cnn1d", signature_of("text", "classification"), depth=6)
    assert str(refusal.value) == (
        "`depth` 6 is too much for sequences of 12 steps. Set `depth` to 3 or less, or use longer sequences."
    )


def test_waves_begin_with_sine_and_cosine():
    table = waves(3, 4)
    np.testing.assert_allclose(table[:, 0], np.sin([0, 1, 2]), rtol=1e-6)
    np.testing.assert_allclose(table[:, 3], np.cos(np.array([0, 1, 2]) / 100), rtol=1e-6)


def test_cuts_texts_in_two():
    """start, the words before (or after) the cut, end; nothing of one part stands in the other."""
    end, start = WORDS + 1, WORDS + 2
    tokens = np.tile(np.array([*range(2, 12), 0, 0], "int32"), (300, 1))
    parts = _masked_words.cut(keras.ops.array(tokens), 6, WORDS, keras.random.SeedGenerator(5))
    lengths = set()
    for first, second in zip(*map(np.asarray, parts), strict=True):
        one, other = first[first > 0].tolist(), second[second > 0].tolist()
        assert (one[0], one[-1], other[0], other[-1]) == (start, end, start, end)
        assert one[1:-1] == list(range(other[1] - len(one) + 2, other[1]))
        assert other[1:-1] == list(range(other[1], other[1] + len(other) - 2))
        assert 4 <= other[1] <= 9
        lengths.add((len(one) - 2, len(other) - 2))
    assert {one for one, _ in lengths} == {2, 3, 4, 5, 6}


def test_hides_the_share_of_words_that_was_asked_for():
    """Eight of ten chosen words are masked, one is another word, one stays; marks and padding are never chosen."""
    random = np.random.default_rng(3)
    pairs = random.integers(2, 500, (400, 60)).astype("int32")
    pairs[:, 0], pairs[:, 50:] = 502, 0
    spoilt, places, weights = (np.asarray(each) for each in _masked_words.hidden_words(
        keras.ops.array(pairs), 500, 0.15, keras.random.SeedGenerator(4)
    ))  # fmt: skip
    asked = weights.sum(axis=1)
    assert set(asked.tolist()) == {8.0}
    chosen = np.zeros(pairs.shape, bool)
    for row, (at, weight) in enumerate(zip(places, weights, strict=True)):
        chosen[row, at[weight > 0]] = True
    assert chosen[:, 0].sum() == chosen[:, 50:].sum() == 0
    np.testing.assert_array_equal(spoilt[~chosen], pairs[~chosen])
    assert np.mean(spoilt[chosen] == 500) == pytest.approx(0.8, abs=0.03)
    assert np.mean(spoilt[chosen] == pairs[chosen]) == pytest.approx(0.1, abs=0.03)


def test_bert_reads_first_and_then_learns_from_few_labels():
    signature = signature_of("text", "classification")
    plan = build("bert", signature, labels=4)
    assert [stage.name for stage in plan.stages] == ["pre-training", "fine-tuning"]
    lesson = plan.stages[0].model
    x, y = examples(signature, 40)
    before = [weight.copy() for weight in plan.core.get_weights()]
    lesson.compile("adam")
    told = lesson.fit(x, y, epochs=2, batch_size=8, verbose=0).history
    assert {"loss", "masked_accuracy", "masked_loss", "next_accuracy"} <= told.keys()
    assert any((one != other).any() for one, other in zip(before, plan.core.get_weights(), strict=True))
    select = plan.stages[1].select
    assert select
    few = select(Part(x, y, np.arange(40)))
    assert len(few) == 4
    assert set(few.y.tolist()) == {0, 1, 2}
    assert [stage.name for stage in build("bert", signature, pretraining=False).stages] == ["fine-tuning"]


def test_few_labels_of_numbers_are_drawn_from_all():
    part = Part({"tokens": np.zeros((50, 3), "int32")}, np.linspace(0, 1, 50)[:, None].astype("float32"), np.arange(50))
    few = bert.few_labels(part, 10)
    assert len(few) == len(set(few.rows.tolist())) == 10
    assert bert.few_labels(part, 0) is part


@pytest.mark.parametrize("name", [*FAMILIES, "bert"])
def test_shows_the_visitors_own_sentence(name):
    """It is judged again at each call, and its earlier answers are kept."""
    signature = signature_of("text", "classification")
    plan = build(name, signature)
    x, y = examples(signature)
    own = {"text": "w1 w2"}
    asked = SimpleNamespace(
        signature=signature, encoding={"unit": "words", "vocabulary": [f"w{n}" for n in range(WORDS - 2)]},
        own=lambda: own, ready=lambda _: {"tokens": np.array([[3, 4] + [0] * (LENGTH - 2)], "int32")},
        ask_core=lambda inputs: np.asarray(plan.core(inputs)),
        prepared=SimpleNamespace(part=lambda _: Part(x, y, np.arange(6))),
    )  # fmt: skip
    assert plan.evidence
    make = plan.evidence(asked)
    make()
    panels = {panel["kind"]: panel for panel in make()}
    first = panels["sentences"]["sentences"][0]
    assert (first["text"], first["own"], len(first["trace"])) == ("w1 w2", True, 2)
    assert sum(first["answer"]) == pytest.approx(1, abs=1e-3)
    assert [each["truth"] for each in panels["sentences"]["sentences"][1:]] == ["a", "b", "c"]
    if name == "transformer":
        assert panels["tokens"]["words"] == ["w1", "w2"]
        np.testing.assert_allclose(np.sum(panels["tokens"]["matrix"], axis=1), 1, atol=0.01)
    if name == "bert":
        assert len(panels["masked"]["masks"]) == _evidence_text.np.count_nonzero(x["tokens"][0]) - 2
