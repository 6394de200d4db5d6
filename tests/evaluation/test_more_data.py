"""Would more data help? A line through known points finds the law they were made with, and says how sure it is."""

import numpy as np
import pytest

from evaluation import more_data
from evaluation.more_data import Point
from recipes import Refusal

SHARES = (0.25, 0.5, 1.0)


def points(law, half=0.0):
    return [Point(rows, law(rows), law(rows) - half, law(rows) + half) for rows in SHARES]


def test_the_planted_law_is_found():
    """An error of 0.1 that falls with the square root of the rows is 0.0707 for twice as many."""
    told = more_data.told(points(lambda rows: 1 - 0.1 * rows**-0.5), "accuracy", "Accuracy", "up")
    assert told["power"] == pytest.approx(0.5)
    assert told["then"] == pytest.approx(1 - 0.1 / np.sqrt(2))
    assert told["line"][0] == [pytest.approx(0.25), pytest.approx(0.8)]
    assert told["line"][-1] == [pytest.approx(2.0), pytest.approx(told["then"])]
    assert told["verdict"] == "yes"
    assert told["sentence"] == (
        "More data would help. With twice as many training rows, Accuracy would be about 93 % (95 % between 93 % and "
        "93 %) instead of 90 %, if it goes on like this."
    )


def test_scores_that_should_fall_are_read_the_other_way():
    told = more_data.told(points(lambda rows: 2.0 * rows**-0.3), "mae", "Mean error", "down")
    assert told["then"] == pytest.approx(2.0 * 2**-0.3)
    assert told["low"] <= told["then"] <= told["high"]


def test_a_flat_line_says_that_data_alone_would_hardly_help():
    told = more_data.told(points(lambda _: 0.8, half=0.005), "accuracy", "Accuracy", "up")
    assert told["verdict"] == "hardly"
    assert told["sentence"].startswith("More data alone would hardly help.")


def test_what_chance_could_have_made_is_left_open():
    told = more_data.told(points(lambda rows: 1 - 0.1 * rows**-0.1, half=0.08), "accuracy", "Accuracy", "up")
    assert told["verdict"] == "unclear"
    assert told["low"] < 0.9 < told["high"]


def test_the_interval_holds_what_it_promises():
    """Over 200 worlds with known laws and noisy scores, what twice the rows give lies inside in 95 of 100."""
    random = np.random.default_rng(7)
    held = 0
    for world in range(200):
        error, power, noise = random.uniform(0.05, 0.3), random.uniform(0.1, 0.6), 0.01
        made = [1 - error * rows**-power + random.normal(0, noise) for rows in SHARES]
        half = 1.96 * noise
        seen = [Point(rows, value, value - half, value + half) for rows, value in zip(SHARES, made, strict=True)]
        told = more_data.told(seen, "accuracy", "Accuracy", "up", seed=world)
        held += told["low"] <= 1 - error * 2**-power <= told["high"]
    assert 0.90 <= held / 200 <= 1.0, held


def test_too_few_runs_and_scores_without_a_best_value_are_refused():
    with pytest.raises(Refusal) as refused:
        more_data.told(points(lambda _: 0.8)[:2], "accuracy", "Accuracy", "up")
    assert str(refused.value) == "A line needs 3 runs with different shares of the training rows. Wait for them."
    with pytest.raises(Refusal) as refused:
        more_data.told(points(lambda _: 40.0), "chrf", "chrF", "up")
    assert str(refused.value) == "chrF has no best value that is known, so no law can be fitted to it."
