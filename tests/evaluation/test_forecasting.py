"""Forecasts are judged in their own unit, beside forecasts without a model, and the report says who wins."""

from typing import Any

import numpy as np
import pytest

from builders import Blueprint
from datasets import series
from evaluation.asked import Asked
from evaluation.tasks import forecasting
from recipes import Data, Recipe, keras
from records import Run

LAST, SEASON = forecasting.LAST, forecasting.SEASON


def asked_with(folder, core_of, **settings) -> Asked:
    """Prepare El Niño and judge a core made by hand."""
    dataset = series.load_sample("el-nino", folder / "data")
    prepared = series.prepare(dataset, Data(sample="el-nino", **settings), 1, folder / "ready", lambda *_: None)
    recipe = Recipe.of({"data": {"sample": "el-nino"}, "training": {"epochs": 8}})
    run = Run.create(folder / "run", recipe)
    return Asked(run, recipe, dataset, prepared, Blueprint((), {"model": core_of(prepared.signature)}))


def constant(value: float):
    """Make a core that answers the same whatever it sees."""

    def build(signature: Any) -> Any:
        shape = signature.inputs["series"].shape
        window = keras.Input(shape, name="series")
        horizon = signature.outputs
        layer = keras.layers.Dense(
            horizon, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(value)
        )
        return keras.Model({"series": window}, layer(keras.layers.Flatten()(window)))

    return build


def test_no_change_is_the_last_value(tmp_path):
    """A model that learned differences and answers none forecasts the last value going on."""
    asked = asked_with(tmp_path, constant(0.0), transform="difference", window=24)
    asked.encoding["answer_mean"] = 0.0
    part = asked.prepared.part("test")
    stretch, _ = series.windows(asked.dataset, asked.signature, part.rows)
    naive = forecasting.naives(asked, part.rows, stretch)[LAST]
    np.testing.assert_allclose(forecasting.answers(asked, part, stretch), naive, rtol=1e-6)


def test_a_season_ago_is_what_was_a_year_before(tmp_path):
    asked = asked_with(tmp_path, constant(0.0), horizon=15)
    rows = np.asarray(asked.prepared.part("test").rows)
    stretch, _ = series.windows(asked.dataset, asked.signature, rows)
    values = np.load(asked.dataset.folder / "values.npy")[:, 0]
    told = forecasting.naives(asked, rows, stretch)[SEASON]
    np.testing.assert_allclose(told[:, :12], values[rows[:, None] + np.arange(12) - 12])
    np.testing.assert_allclose(told[:, 12:], values[rows[:, None] + np.arange(12, 15) - 24])


def test_says_plainly_when_the_naive_forecast_wins(tmp_path):
    """A model that always answers the mean must not look good."""
    asked = asked_with(tmp_path, constant(0.0), transform="none")
    told = forecasting.report(asked, [])
    assert told["metrics"]["ratio"] > 1
    assert told["best_naive"] == SEASON
    assert told["sentences"][1].endswith("So the value a year ago is the better forecast: do not use this model yet.")
    assert told["next"].startswith("Set 'Learn changes' to difference, or let the model see more than 24 steps.")
    assert [each["name"] for each in told["baselines"]] == [LAST, SEASON, "drift", "linear model"]
    assert [panel["kind"] for panel in told["panels"]] == ["forecast", "lines", "skill", "forecast"]


def test_scores_are_what_their_names_say(tmp_path):
    asked = asked_with(tmp_path, constant(0.0))
    asked.encoding["mase"] = 2.0
    truth, naive = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 1.0], [1.0, 1.0]])
    told = forecasting.judge(asked, truth, truth + np.array([[1.0, -1.0], [2.0, 0.0]]), naive)
    assert told["mae"] == pytest.approx(1.0)
    assert told["mase"] == pytest.approx(0.5)
    assert told["rmse"] == pytest.approx(np.sqrt(6 / 4))
    assert told["ratio"] == pytest.approx(np.sqrt(6 / 4) / np.sqrt(14 / 4))


def width(interval):
    low, high = interval
    return high - low


def test_neighbours_alike_widen_the_interval(tmp_path):
    """Errors that come in stretches say less than as many independent ones; the same seed draws the same."""
    asked = asked_with(tmp_path, constant(0.0))
    random = np.random.default_rng(1)
    loose = random.normal(size=(400, 1))
    alike = np.repeat(random.normal(size=(40, 1)), 10, axis=0)
    truth, naive = np.zeros((400, 1)), np.ones((400, 1))
    widths = [width(forecasting.intervals(asked, truth, each / each.std(), naive)["rmse"]) for each in (loose, alike)]
    assert widths[1] > 1.5 * widths[0]
    again = width(forecasting.intervals(asked, truth, alike / alike.std(), naive)["rmse"])
    assert again == widths[1]


def test_live_panel_is_small_and_plain(tmp_path):
    asked = asked_with(tmp_path, constant(0.1))
    (panel,) = forecasting.evidence(asked)()
    assert panel["naive"] == "the value a year ago"
    assert len(panel["charts"]) == 3
    for chart in panel["charts"]:
        assert len(chart["times"]) == len(chart["seen"]) + 3
        assert len(chart["forecast"]) == len(chart["truth"]) == len(chart["naive"]) == 3


def test_skill_is_the_share_of_the_naive_error_that_is_saved(tmp_path):
    asked = asked_with(tmp_path, constant(0.0))
    random = np.random.default_rng(2)
    truth = random.normal(size=(300, 2))
    naive = truth + random.normal(size=(300, 2))
    answer = truth + random.normal(size=(300, 2)) * [0.5, 1.0]
    panel = forecasting._skill(truth, answer, {LAST: naive}, asked)
    (line,) = panel["lines"]
    errors = [np.sqrt(((each - truth) ** 2).mean(axis=0)) for each in (answer, naive)]
    np.testing.assert_allclose(line["values"], 1 - errors[0] / errors[1], atol=1e-3)
    assert line["low"][0] < line["values"][0] < line["high"][0]
    assert line["low"][0] > 0.3
    assert line["low"][1] < 0 < line["high"][1]
    assert line["name"] == "against the last value"
