"""Found boxes of two detectors on the same pictures, scored for many draws of those pictures.

What a box is worth is settled once for each picture; a draw then only counts pictures more or less often.
"""

from collections.abc import Callable

import numpy as np

from evaluation import _boxes

METRICS = ("iou", "class_accuracy", "found", "extra", "map50")
NOTHING = -1
"""The class of a place without a box."""


def shown(answer: np.ndarray, least: float) -> np.ndarray:
    """Take boxes (rows, most, 6) that are less than so sure away; average precision needs them all."""
    kept = answer.copy()
    kept[kept[..., 5] < least] = 0
    kept[kept[..., 5] < least, 0] = NOTHING
    return kept


def as_wide(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give both the same number of places for boxes; new places are empty."""
    most = max(first.shape[1], second.shape[1])

    def filled(answer: np.ndarray) -> np.ndarray:
        wide = np.zeros((len(answer), most, 6), dtype=answer.dtype)
        wide[..., 0] = NOTHING
        wide[:, : answer.shape[1]] = answer
        return wide

    return filled(first), filled(second)


def score(metric: str) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """Return what scores answers (rows, most, 6) against truth (rows, 5 * most) under weights (draws, rows)."""
    known: dict[int, tuple[np.ndarray, Callable[[np.ndarray], float]]] = {}

    def of(truth: np.ndarray, answer: np.ndarray, weights: np.ndarray) -> np.ndarray:
        if id(answer) not in known:
            known[id(answer)] = answer, _settled(metric, truth, answer)  # kept, so that no other array gets its number
        return np.array([known[id(answer)][1](each) for each in weights])

    return of


def _settled(metric: str, truth: np.ndarray, answer: np.ndarray) -> Callable[[np.ndarray], float]:
    there = np.asarray(truth, dtype=np.float64).reshape(len(truth), -1, 5)
    things = [row[row[:, 0] >= 0] for row in there]
    boxes = [row[row[:, 0] >= 0] for row in np.asarray(answer, dtype=np.float64)]
    classes = int(max([each[:, 0].max() for each in (*things, *boxes) if len(each)], default=0)) + 1
    if metric == "map50":
        ranked = _boxes.ranked(things, boxes, classes)

        def precision(weights: np.ndarray) -> float:
            found = _boxes.average_precisions(ranked, weights)
            return float(np.nanmean(found)) if np.isfinite(found).any() else np.nan

        return precision
    met = _boxes.met(things, boxes, 0.0)
    if metric == "extra":
        return lambda weights: float(weights @ met.extra / weights.sum())
    values = {"iou": met.overlap, "class_accuracy": met.right, "found": (met.overlap >= _boxes.HALF).astype(float)}[
        metric
    ]

    def share(weights: np.ndarray) -> float:
        mine = weights[met.picture]
        return float(mine @ values / mine.sum()) if mine.sum() else np.nan

    return share
