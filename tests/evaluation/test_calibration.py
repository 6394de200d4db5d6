"""Calibration is measured exactly, held against chance, and mended by a temperature from validation rows only."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import brier_score_loss, log_loss

from evaluation import calibration


def honest(rows=4_000, classes=3, strength=2.0, seed=0):
    """Make probabilities and draw the truth from them: as right as they are sure."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(rows, classes)) * strength
    answer = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (answer.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1).clip(max=classes - 1)
    return truth, answer


def test_the_error_is_the_mean_distance_over_ten_bins():
    sure, right = np.array([0.55, 0.58, 0.95, 1.0]), np.array([True, False, True, True])
    expected = (abs(1 - 1.13) + abs(2 - 1.95)) / 4
    assert calibration.error(sure, right) == pytest.approx(expected)


def test_brier_is_scikit_learns_for_two_classes():
    truth, answer = honest(300, 2)
    assert calibration.brier(truth, answer).mean() == pytest.approx(brier_score_loss(truth, answer[:, 1]))


def test_the_temperature_is_the_best_one():
    truth, answer = honest()
    hot = calibration.warmed(answer, 0.5)
    best = minimize_scalar(
        lambda heat: log_loss(truth, calibration.warmed(hot, heat)), bounds=(0.1, 10), method="bounded"
    )
    assert calibration.temperature(truth, hot) == pytest.approx(best.x, rel=1e-3)
    assert calibration.temperature(truth, hot) == pytest.approx(2.0, rel=0.1)


def test_an_honest_model_is_believed():
    truth, answer = honest()
    told = calibration.judge(truth, answer, honest(seed=1), seed=1)
    assert told["verdict"] == "fine"
    assert told["ece"] <= told["by_chance"]
    assert told["ece_interval"][0] <= told["ece"] <= told["ece_interval"][1]
    assert told["sentence"].endswith("its percentages can be believed. A temperature would change nothing.")
    assert sum(each["rows"] for each in told["bins"]) == 4_000
    assert all(each["low"] <= each["right"] <= each["high"] for each in told["bins"])


def test_a_model_that_is_too_sure_is_told_so_and_mended():
    (truth, answer), (watched, told) = honest(), honest(seed=1)
    found = calibration.judge(truth, calibration.warmed(answer, 0.4), (watched, calibration.warmed(told, 0.4)), seed=1)
    assert found["verdict"] == "too sure"
    assert found["temperature"]["value"] == pytest.approx(2.5, rel=0.1)
    assert found["temperature"]["ece_after"] < found["by_chance"] * 1.5 < found["ece"]
    assert found["temperature"]["log_loss_after"] < found["temperature"]["log_loss_before"]
    assert (
        "it is surer than it should be, so read its percentages with care. With a temperature of 2."
        in found["sentence"]
    )
    assert found["sentence"].endswith("not one answer would change.")


def test_a_model_that_is_too_modest_is_told_so():
    truth, answer = honest()
    assert calibration.judge(truth, calibration.warmed(answer, 3.0), None, seed=1)["verdict"] == "too modest"


def test_a_model_that_is_too_sure_here_and_too_modest_there_is_told_so():
    """The means are alike, yet neither percentage can be believed."""
    sure = np.repeat([0.6, 0.95], 500)
    right = np.tile([True, True, True, True, False], 200)  # 80 % everywhere
    sure = sure + right.mean() - sure.mean()
    truth, answer = (~right).astype(int), np.stack([sure, 1 - sure], axis=1)
    found = calibration.judge(truth, answer, None, seed=1)
    assert found["verdict"] == "uneven"
    assert found["sentence"].endswith("in places it is surer than it should be, in others less sure.")


def test_few_or_faultless_validation_rows_give_no_temperature():
    truth, answer = honest(200)
    assert calibration.judge(truth, answer, (truth[:30], answer[:30]), seed=1)["temperature"] is None
    right = answer.argmax(axis=1)
    assert calibration.judge(truth, answer, (right, answer), seed=1)["temperature"] is None


def test_the_interval_holds_the_true_error_about_as_often_as_it_says():
    """A model that is 95 % sure of everything and right on 80 % is off by 0.15."""
    held = 0
    for seed in range(60):
        right = np.random.default_rng(seed).random(300) < 0.8
        answer = np.tile([0.95, 0.05], (300, 1))
        low, high = calibration.judge((~right).astype(int), answer, None, seed)["ece_interval"]
        held += low <= 0.15 <= high
    assert held >= 53
