"""Families for tables, ratings and mixed rows: crossed columns, live maps, what each part adds."""

from types import SimpleNamespace

import numpy as np
import pytest

import builders
from builders import _evidence_parts, _evidence_tables
from recipes import Part, RawInput, Refusal, Signature, Target, TensorSpec, keras
from tests.builders.smallest import build, signature_of


def table(classes=("no", "yes"), counts=(), columns=3):
    return Signature(
        data_type="tabular",
        task="classification" if classes else "regression",
        inputs={"features": TensorSpec(shape=(columns,))},
        raw=tuple(RawInput(name=f"c{place}", kind="number") for place in range(columns)),
        target=Target(name="answer", classes=classes, mean=0.0 if classes else 100.0, scale=1.0 if classes else 10.0),
        rows={"train": 80, "validation": 40, "test": 40},
        class_counts=counts,
    )


def asked_of(signature, answer, columns=3, *, plain=True):
    """Ask a made-up model: the answer follows the first column."""
    random = np.random.default_rng(1)
    x = random.normal(size=(120, columns)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int32) if signature.target.classes else x[:, :1]
    parts = {
        "train": Part({"features": x[:80]}, y[:80], np.arange(80)),
        "validation": Part({"features": x[80:]}, y[80:], np.arange(80, 120)),
    }
    numbers = [{"name": f"c{place}", "mean": 50.0, "scale": 2.0, "log": False} for place in range(columns)]
    return SimpleNamespace(
        signature=signature, encoding={"numbers": numbers if plain else []},
        prepared=SimpleNamespace(part=parts.__getitem__), ask_core=lambda inputs: answer(inputs["features"]),
    )  # fmt: skip


def two_classes(features):
    return np.stack([-9 * features[:, 0], 9 * features[:, 0]], axis=1)


def test_the_map_shows_the_border_between_two_classes():
    """Left of the border one class, right of it the other, in the columns' own unit."""
    (panel,) = _evidence_tables.boundary(asked_of(table(), two_classes))()
    cells = np.array(panel["cells"]).reshape(_evidence_tables.SIDE, _evidence_tables.SIDE)
    middles = (np.array(panel["x"]["edges"][1:]) + np.array(panel["x"]["edges"][:-1])) / 2
    assert panel["x"]["name"] == "c0"
    assert (cells == (middles > 50)).all()
    assert all((x > 50) == truth for x, truth in zip(panel["points"]["x"], panel["points"]["truth"], strict=True))
    assert set(panel["points"]["rows"]) <= set(range(80, 120))


def test_without_two_columns_of_numbers_the_map_is_a_projection():
    asked = asked_of(table(), two_classes, plain=False)
    (panel,) = _evidence_tables.boundary(asked)()
    assert (panel["x"]["name"], panel["x"]["has_unit"]) == ("First direction", False)
    assert panel["sentence"].startswith("A flat view of all columns.")
    assert set(panel["cells"]) == {0, 1}


def test_a_number_is_shown_in_its_own_unit():
    (panel,) = _evidence_tables.boundary(asked_of(table(classes=()), lambda features: features[:, :1]))()
    assert panel["classes"] == []
    assert "sure" not in panel
    assert 60 < min(panel["cells"]) < 100 < max(panel["cells"]) < 140


def test_a_heavy_tail_keeps_its_unit_on_the_map():
    plane = _evidence_tables._Plane(
        np.eye(2), np.zeros(2), np.zeros((2, 2)), ("a", "b"),
        ({"mean": 3.0, "scale": 2.0, "log": True}, {"mean": 0.0, "scale": 1.0, "log": False}),
    )  # fmt: skip
    assert plane.in_own_unit(0, np.array([0.0, 1.0])) == pytest.approx([np.expm1(3), np.expm1(5)], rel=1e-3)


def test_a_rare_class_is_pointed_out():
    assert _evidence_tables.about_rare(table(counts=(50, 30))) == ()
    (note,) = _evidence_tables.about_rare(table(counts=(988, 12)))
    assert note.startswith("Class 'yes' has only 1.2% of the training rows.")


def test_the_wide_part_multiplies_every_pair():
    """With the deep part away and known weights, the answer is the product of two columns."""
    core = builders.get("wide_deep").build(table(), builders.config("wide_deep", {"depth": 0})).core
    wide = core.get_layer("wide")
    weights = np.zeros((6, 2), "float32")
    weights[5, 1] = 1.0  # the last of the pairs 0-1, 0-2, 1-2
    wide.set_weights([weights, np.zeros(2, "float32")])
    answer = keras.ops.convert_to_numpy(core({"features": np.array([[5.0, 2.0, 3.0]], "float32")}))
    np.testing.assert_allclose(answer, [[0.0, 6.0]])


def test_wide_tables_cross_their_first_thousand_pairs():
    plan = builders.get("wide_deep").build(table(columns=60), builders.config("wide_deep", {}))
    assert plan.notes == ("This table has 1,770 pairs of features; the wide part sees the first 1,000.",)
    assert plan.core.get_layer("wide").get_weights()[0].shape == (1060, 2)


def test_the_part_that_says_it_all_has_the_whole_share():
    random = np.random.default_rng(2)
    x = {"features": random.normal(size=(100, 2)).astype(np.float32), "tokens": np.ones((100, 4), np.int32)}
    y = (x["features"][:, 0] > 0).astype(np.int32)
    asked = SimpleNamespace(
        signature=signature_of("mixed", "classification").model_copy(
            update={"details": {"parts": {"features": ["weight"], "tokens": ["note"]}}}
        ),
        prepared=SimpleNamespace(part=lambda _: Part(x, y, np.arange(100))),
        ask_core=lambda rows: np.stack([-rows["features"][:, 0], rows["features"][:, 0]], axis=1),
    )
    (panel,) = _evidence_parts.shares(asked, ["features", "tokens"])()
    told = {part["name"]: part["share"] for part in panel["parts"]}
    assert panel["whole"] == 1.0
    assert told == {"Numbers and words": 1.0, "Text": 0.0}


def test_a_part_that_is_switched_off_is_not_looked_at():
    plan = build("hybrid", "mixed", "classification", use_picture=False)
    assert plan.notes == ("Switched off, so not looked at: picture.",)
    kinds = {type(layer).__name__ for layer in plan.core.layers}
    assert "Conv2D" not in kinds
    assert "Embedding" in kinds


def test_with_every_part_switched_off_nothing_is_left():
    with pytest.raises(Refusal) as refusal:
        build("hybrid", "mixed", "classification", use_picture=False, use_table=False, use_text=False)
    assert str(refusal.value) == (
        "Every part of these rows is switched off. Switch one on again: `use_picture`, `use_table`, `use_text`."
    )
