"""Would more data help? What a model loses falls with the rows it learns from about as a power of their number.

error(rows) = a * rows^-b, a straight line in logarithms (Hestness and others, "Deep Learning Scaling is Predictable,
Empirically", 2017; Cortes and others, "Learning Curves: Asymptotic Values and Rate of Convergence", 1994). A few runs
that learn from a quarter, a half and all of the training rows give its points. Each point is known only as well as the
test part tells: the line is drawn anew many times through points moved within their intervals, and what is said of
twice as many rows has the width that comes of it. Runs that share their test rows err together, so that width is
rather too large than too small. The law knows of no level that cannot be passed; so nothing is said beyond twice the
rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.words import number, percent
from recipes import Refusal

FEWEST = 3
DRAWS = 2_000
TIMES = 2.0
"""How many times the rows are looked ahead to."""
WORTH = 0.05
"""A smaller share of the error than this is hardly worth the labelling."""
SPREAD = 3.92
"""Width of a 95 % interval in standard deviations."""
LEAST = 1e-4
"""Errors below this are taken for it: a logarithm needs some."""
UPWARD = ("accuracy", "f1_macro", "roc_auc", "average_precision", "r2", "exact", "f1", "iou", "map50", "found", "order")
"""Scores whose best is 1: what is lost is the distance to it."""
SHARES = ("accuracy", "exact", "found")


@dataclass(frozen=True)
class Point:
    """The score of a run that learned from so many rows (or from a share of them), with its 95 % interval."""

    rows: float
    value: float
    low: float
    high: float


def told(points: Sequence[Point], metric: str, title: str, way: str, *, seed: int = 1) -> dict[str, Any]:
    """Return {"power", "now", "then", "low", "high", "line": [[rows, score], ...], "verdict", "sentence"}.

    `then` is the score that is to be expected of twice the rows, `low` and `high` its 95 % interval. `verdict` is
    `yes`, `hardly` or `unclear`. Raises `Refusal` for fewer than three points, or a score without such a law.
    """
    if len({point.rows for point in points}) < FEWEST:
        raise Refusal(f"A line needs {FEWEST} runs with different shares of the training rows. Wait for them.")
    if way == "up" and metric not in UPWARD:
        raise Refusal(f"{title} has no best value that is known, so no law can be fitted to it.")
    points = sorted(points, key=lambda point: point.rows)
    rows = np.log([point.rows for point in points])
    reached = np.array([_lost(point.value, way) for point in points])
    spread = np.array([abs(point.high - point.low) / SPREAD for point in points])
    slope, level = _line(rows, reached[None])
    random = np.random.default_rng(seed)
    moved = np.maximum(reached + random.normal(size=(DRAWS, len(points))) * spread, LEAST)
    slopes, levels = _line(rows, moved)
    ahead = rows[-1] + np.log(TIMES)
    then = float(np.exp(level + slope * ahead)[0])
    drawn = np.exp(levels + slopes * ahead)
    saved = 1 - drawn / np.exp(levels + slopes * rows[-1])
    low, high = (float(_score(each, way)) for each in np.percentile(drawn, (2.5, 97.5)))
    low, high = sorted((low, high))
    found = {
        "power": float(-slope[0]), "now": points[-1].value, "then": float(_score(then, way)), "low": low, "high": high,
        "line": [[float(np.exp(at)), float(_score(np.exp(level[0] + slope[0] * at), way))]
                 for at in np.linspace(rows[0], ahead, 25)],
        "verdict": _verdict(saved, float(1 - then / np.exp(level + slope * rows[-1])[0])),
    }  # fmt: skip
    return found | {"sentence": _sentence(found, metric, title)}


def _lost(value: float, way: str) -> float:
    return max(LEAST, 1 - value if way == "up" else value)


def _score(lost: Any, way: str) -> Any:
    return 1 - lost if way == "up" else lost


def _line(rows: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit log(lost) = level + slope * log(rows) to each row of `lost` by least squares; returns slopes and levels."""
    logs = np.log(np.maximum(lost, LEAST))
    middle = rows - rows.mean()
    slope = logs @ middle / (middle @ middle)
    return slope, logs.mean(axis=1) - slope * rows.mean()


def _verdict(saved: np.ndarray, expected: float) -> str:
    """Judge the share of the error that twice the rows would save: surely some, surely little, or who knows."""
    low, high = np.percentile(saved, (2.5, 97.5))
    if low > 0 and expected >= WORTH:
        return "yes"
    return "hardly" if high < 2 * WORTH else "unclear"


def _sentence(found: dict[str, Any], metric: str, title: str) -> str:
    write = percent if metric in SHARES else number
    ahead = (
        f"With twice as many training rows, {title} would be about {write(found['then'])} (95 % between "
        f"{write(found['low'])} and {write(found['high'])}) instead of {write(found['now'])}"
    )
    if found["verdict"] == "yes":
        return f"More data would help. {ahead}, if it goes on like this."
    if found["verdict"] == "hardly":
        return f"More data alone would hardly help. {ahead}. Change the model, or clean the labels."
    return f"Nobody can say yet whether more data would help: chance is as large as the change. {ahead}."
