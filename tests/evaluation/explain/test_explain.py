"""Explanations find what was planted, their sums are right, and their checks tell sense from show."""

from typing import Any

import numpy as np
import pytest

from evaluation import explain
from evaluation.explain import Found, counterfactual, feature_map, grad_cam, integrated_gradients
from evaluation.explain._case import Case
from evaluation.explain._columns import blocks
from evaluation.explain._network import Network, kinds_of, network_of, untrained
from evaluation.explain._view import View
from recipes import Refusal, keras
from records import Run
from tests.evaluation.explain.planted import PATCH, asked_about, columns_model, patch_finder, signature_of


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One empty run for all."""
    from recipes import Recipe

    return Run.create(tmp_path_factory.mktemp("run") / "run", Recipe.of({"data": {"sample": "penguins"}}))


@pytest.fixture(scope="module")
def finder(run, tmp_path_factory):
    return patch_finder(run, tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def columns(run, tmp_path_factory):
    return columns_model(run, tmp_path_factory.mktemp("columns"))


def silent(share, text):
    """Nobody waits."""


def with_patch(asked):
    """Return row numbers of validation pictures with a patch."""
    part = asked.prepared.part("validation")
    return [int(row) for row, truth in zip(part.rows, part.y, strict=True) if truth]


def case_of(asked, **settings):
    return Case.of(asked, settings, network_of(asked), needs_example=True)


@pytest.mark.parametrize("name", ["grad_cam", "grad_cam_plus_plus", "occlusion"])
def test_a_planted_patch_is_found(finder, name):
    """Most of the warm weight lies on the patch, whose share of the picture is a ninth."""
    asked, places = finder
    shares = []
    for row in with_patch(asked)[:8]:
        case = case_of(asked, row=row, answer=1)
        found: Any = explain.get(name).explain(case, network_of(asked), silent).weights
        heat = np.maximum(found[0], 0)
        side = 24 // heat.shape[0]
        large = heat.repeat(side, axis=0).repeat(side, axis=1)
        top, left = places[row]
        # A coarse map cannot end exactly at the patch: one of its places around counts as on it.
        window = (slice(max(0, top - side), top + PATCH + side), slice(max(0, left - side), left + PATCH + side))
        shares.append(large[window].sum() / large.sum())
    assert np.mean(shares) > 0.75, shares


def test_integrated_gradients_add_up_to_the_difference_of_answers(finder):
    asked, _ = finder
    for row in with_patch(asked)[:4]:
        case, network = case_of(asked, row=row, answer=1), network_of(asked)
        view = View.of(case, network)
        shares, whole, missing = integrated_gradients.attributions(view, case, silent)
        picture = case.inputs["picture"]
        told = network.outputs({"picture": np.concatenate([np.zeros_like(picture), picture])})[:, 1]
        assert whole == pytest.approx(told[1] - told[0], rel=1e-4)
        assert shares.sum() == pytest.approx(told[1] - told[0], rel=0.05)
        assert missing <= 0.05


def test_grad_cam_weighs_maps_by_their_mean_slope(run, tmp_path):
    """Two maps by hand: one speaks for the answer with weight 3, one against it with weight 2."""
    picture = keras.Input((6, 6, 1), name="picture")
    convolution = keras.layers.Conv2D(2, 1, use_bias=False)
    answer = keras.layers.Dense(2, use_bias=False)
    core = keras.Model({"picture": picture}, answer(keras.layers.GlobalAveragePooling2D()(convolution(picture))))
    convolution.set_weights([np.array([[[[1.0, 0.5]]]], "float32")])
    answer.set_weights([np.array([[0.0, 3.0], [0.0, -2.0]], "float32")])
    x = {"picture": np.random.default_rng(1).integers(0, 255, (8, 6, 6, 1)).astype("uint8")}
    asked = asked_about(run, tmp_path / "data", signature_of("image", ("a", "b")), x, np.zeros(8, "int32"), core)
    case = case_of(asked, answer=1)
    heat: Any = grad_cam.explain(case, network_of(asked), silent).weights
    expected = case.inputs["picture"][0, :, :, 0].astype(float) * (3.0 * 1.0 - 2.0 * 0.5) / 36
    np.testing.assert_allclose(heat[0], expected, rtol=1e-5)


def test_a_noise_column_has_no_importance_and_a_signal_column_has(columns):
    told = explain.explain(columns, {"method": "permutation_importance"})
    found = {column["name"]: column for column in told["panel"]["columns"]}
    assert next(iter(found)) == "signal"
    assert found["noise"]["low"] <= 0 <= found["noise"]["high"]
    assert abs(found["noise"]["value"]) < 0.02
    assert found["signal"]["low"] > 0.2
    assert told["check"]["holds"]


def test_a_trained_network_passes_the_check(finder):
    asked, _ = finder
    told = explain.explain(asked, {"method": "grad_cam", "row": with_patch(asked)[0]})
    assert told["check"]["holds"]
    assert told["check"]["sentence"].startswith("Check passed: ")
    assert told["case"]["truth"] == 1
    assert told["panel"]["kind"] == "heat"


def test_an_explanation_that_only_shows_the_picture_fails_the_check(finder, monkeypatch):
    """An edge detector looks convincing on a network that has learned nothing, too."""
    asked, _ = finder

    def edges(case, _network, _tell):
        seen = case.inputs["picture"][0, :, :, 0].astype(float)
        return Found({"kind": "heat"}, np.abs(np.diff(seen, axis=0)))

    monkeypatch.setattr(grad_cam, "explain", edges)
    told = explain.explain(asked, {"method": "grad_cam"})
    assert not told["check"]["holds"]
    assert told["check"]["likeness"] == 1.0
    assert told["check"]["sentence"] == (
        "Do not trust this picture: a network that has learned nothing gives nearly the same one (likeness 1.00, "
        "allowed 0.5). It shows the example itself more than what was learned."
    )


def test_a_network_with_new_weights_has_learned_nothing(finder):
    asked, _ = finder
    part = asked.prepared.part("validation")
    own = network_of(asked).answers(part.x).argmax(axis=1)
    other = untrained(asked, 1)
    assert (own == np.asarray(part.y)).mean() > 0.97
    assert (other.answers(part.x).argmax(axis=1) == np.asarray(part.y)).mean() < 0.8
    assert untrained(asked, 1) is other
    assert not np.allclose(untrained(asked, 2).outputs(part.x), other.outputs(part.x))


def test_walking_through_a_network_gives_its_own_answers(finder):
    asked, _ = finder
    network = network_of(asked)
    x = {"picture": np.asarray(asked.prepared.part("validation").x["picture"][:3])}
    np.testing.assert_allclose(np.asarray(network.walk(x)), network.outputs(x), rtol=1e-5, atol=1e-5)


def test_nested_models_are_walked_through():
    inner_input = keras.Input((6, 6, 4))
    inner = keras.Model(inner_input, keras.layers.Conv2D(3, 3, padding="same")(inner_input))
    stacked = keras.Sequential([keras.layers.ReLU(), keras.layers.GlobalAveragePooling2D()])
    picture = keras.Input((6, 6, 1), name="picture")
    seen = inner(keras.layers.Conv2D(4, 3, padding="same")(picture))
    core = keras.Model({"picture": picture}, keras.layers.Dense(2)(stacked(seen)))
    network = Network(core, signature_of("image", ("a", "b")))
    x = {"picture": np.random.default_rng(1).normal(size=(2, 6, 6, 1)).astype("float32")}
    np.testing.assert_allclose(np.asarray(network.walk(x)), np.asarray(core(x)), rtol=1e-5)
    place = network.last_convolution({"picture": x["picture"][:1]})
    assert network.at({"picture": x["picture"][:1]}, place).shape == (1, 6, 6, 3)
    assert type(place.operation).__name__ == "ReLU"


def test_rank_correlation():
    assert explain.alike([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1.0)
    assert explain.alike([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1.0)
    assert explain.alike([1, 1, 1], [1, 2, 3]) == 0.0
    assert explain.alike(None, [1, 2]) == 0.0


def test_columns_know_their_numbers():
    encoding = {
        "numbers": [{"name": "a", "missing": True}, {"name": "b", "missing": False}],
        "dates": [{"name": "d", "cycles": ["year", "week"], "missing": True}],
        "categories": [{"name": "c", "values": ["x", "y"]}],
        "texts": [{"name": "t", "words": ["one"]}],
    }
    found = {name: places.tolist() for name, places in blocks(encoding).items()}
    assert found == {"a": [0, 2], "b": [1], "d": [3, 4, 5, 6, 7, 8], "c": [9, 10, 11], "t": [12, 13]}


def test_the_map_of_features_shows_their_largest_spread(columns):
    case = Case(columns, {"by": "pca"})
    told = feature_map.explain(case, network_of(columns), silent).panel
    assert len(told["x"]) == len(told["rows"]) == len(columns.prepared.part("validation"))
    assert told["width"] == 16
    assert 0 < told["kept"] <= 1
    assert np.var(told["x"]) >= np.var(told["y"])


def test_refusals_say_what_to_do(finder):
    asked, _ = finder
    with pytest.raises(Refusal) as refused:
        explain.explain(asked, {"method": "what_if"})
    assert str(refused.value) == "'What if' does not suit this model. Choose another explanation."
    with pytest.raises(Refusal) as refused:
        explain.explain(asked, {"method": "grad_cam", "row": 0})
    assert str(refused.value) == "Row 0 is not in the validation part. Choose another example."
    with pytest.raises(Refusal) as refused:
        explain.explain(asked, {"method": "grad_cam", "answer": 7})
    assert str(refused.value) == "There is no answer number 7. Choose one from 0 to 1."
    with pytest.raises(Refusal, match="There is no explanation 'magic'"):
        explain.explain(asked, {"method": "magic"})


def test_only_the_validation_part_is_read(finder, monkeypatch):
    """Looks at the sealed test part are not for free."""
    asked, _ = finder
    former, read = type(asked.prepared).part, []
    monkeypatch.setattr(type(asked.prepared), "part", lambda self, name: read.append(name) or former(self, name))
    for name in explain.offered(asked.signature, asked.blueprint):
        explain.explain(asked, {"method": name})
    assert set(read) == {"validation"}


def test_kinds_of_layers_open_nested_models(finder):
    asked, _ = finder
    assert {"Conv2D", "MaxPooling2D", "Dense"} <= kinds_of(asked.blueprint)


def test_a_counterfactual_is_small_and_turns_the_answer(tmp_path):
    """On real penguins: at most four cells, values that occur, and the model then answers the wanted class."""
    from tests.evaluation.explain.real import penguins

    asked = penguins(tmp_path)
    row = int(asked.prepared.part("validation").rows[0])
    told = explain.explain(asked, {"method": "counterfactual", "row": row})["panel"]
    assert told["found"]
    assert 1 <= len(told["changes"]) <= counterfactual.MOST_CHANGES
    raw = {each.name: each for each in asked.signature.raw}
    assert set(told["columns"]) == set(raw)
    one = told["changes"][0]["name"]
    only = explain.explain(asked, {"method": "counterfactual", "row": row, "columns": [one]})["panel"]
    assert {change["name"] for change in only["changes"]} <= {one}
    with pytest.raises(Refusal) as refused:
        explain.explain(asked, {"method": "counterfactual", "row": row, "columns": ["wings"]})
    assert str(refused.value).startswith("There is no column 'wings'. Choose from: ")
    curves = explain.explain(asked, {"method": "what_if", "row": row})["panel"]["columns"]
    assert {column["name"] for column in curves} <= set(raw)
    assert all(0 <= value <= 1 for column in curves for value in column["mean"])
