"""A threshold counts exactly, and the cheapest one is the cheapest of all."""

import time

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from evaluation import thresholds


def made(rows=500, seed=0, digits=2):
    """Shares with many ties, so that equal values are kept together."""
    random = np.random.default_rng(seed)
    positive = random.random(rows) < 0.3
    return positive, np.round(np.clip(random.normal(0.4 + 0.25 * positive, 0.15), 0, 1), digits)


def test_counts_are_those_of_a_confusion_matrix():
    positive, shares = made()
    told = thresholds.at(positive, shares, 0.5)
    (quiet, alarms), (missed, found) = confusion_matrix(positive, shares >= 0.5)
    assert told == thresholds.Counts(found, missed, alarms, quiet)
    assert told.found_share == pytest.approx(found / positive.sum())
    assert told.cost(2, 10) == 2 * alarms + 10 * missed


@pytest.mark.parametrize(("alarm", "miss"), [(1, 1), (1, 20), (30, 1), (0, 1), (1, 0), (2.5, 2.5)])
def test_no_other_threshold_is_cheaper(alarm, miss):
    positive, shares = made()
    best = thresholds.cheapest(positive, shares, alarm, miss)
    reached = thresholds.at(positive, shares, best).cost(alarm, miss)
    every = [thresholds.at(positive, shares, each).cost(alarm, miss) for each in np.linspace(0, 1.01, 400)]
    assert reached == pytest.approx(min(every))


def test_the_threshold_follows_the_costs():
    positive, shares = made(5_000)
    found = [thresholds.cheapest(positive, shares, alarm, 1) for alarm in (0.1, 1, 10)]
    assert found == sorted(found)
    assert found[0] < found[2]


def test_of_equally_cheap_ones_it_takes_the_sensible_one():
    """Whatever parts two clean groups is free of errors; 0.5 is where a pupil would put it."""
    positive, shares = np.array([False, False, True, True]), np.array([0.1, 0.2, 0.8, 0.9])
    assert thresholds.cheapest(positive, shares, 1, 1) == 0.5
    assert thresholds.cheapest(positive, np.array([0.6, 0.7, 0.8, 0.9]), 1, 1) == pytest.approx(0.75)


def test_it_may_be_best_never_to_ring_and_always_to_ring():
    positive, shares = np.array([False, True, False, False]), np.array([0.9, 0.2, 0.8, 0.3])
    assert thresholds.at(positive, shares, thresholds.cheapest(positive, shares, 100, 1)).alarms == 0
    assert thresholds.at(positive, shares, thresholds.cheapest(positive, shares, 1, 100)).missed == 0


def test_a_hundred_thousand_rows_are_quick_enough_for_a_slider():
    positive, shares = made(100_000, digits=6)
    began = time.perf_counter()
    thresholds.at(positive, shares, thresholds.cheapest(positive, shares, 1, 5))
    assert time.perf_counter() - began < 0.5  # generous: other work may share the machine
