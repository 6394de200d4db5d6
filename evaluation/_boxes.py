"""Scores of found boxes against the true ones, and simple rivals.

Truth of a picture is (things, 5): class, left, top, right, bottom; an answer is (boxes, 6): the same and how sure.
Average precision is the area under precision over recall, precision made never to rise, a box being right where it
overlaps a true one of its class by half, after Everingham et al., "The Pascal Visual Object Classes Challenge", 2010,
in the form of its later years (every point counts).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datasets._box_things import overlaps

HALF = 0.5
DRAWS = 300
THRESHOLDS = np.round(np.arange(0.1, 0.91, 0.05), 2)
SIDE = 12
"""Pixels to which pictures are brought to say which are alike."""
MOST_REMEMBERED = 4_000
"""Training pictures among which the nearest one is looked for."""

Boxes = Sequence[np.ndarray]


@dataclass(frozen=True)
class Met:
    """What became of the things of some pictures where boxes below a threshold are not shown."""

    picture: np.ndarray
    """(things,): in which picture, counted from 0."""
    overlap: np.ndarray
    """(things,): how much its box overlaps it; 0 where it was missed."""
    right: np.ndarray
    """(things,): 1 where its box bears its class."""
    extra: np.ndarray
    """(pictures,): boxes that belong to no thing."""


def met(truth: Boxes, answer: Boxes, least: float) -> Met:
    """Give each thing at most one box, those that overlap most first, whatever their class."""
    picture, share, right, extra = [], [], [], []
    for number, (things, boxes) in enumerate(zip(truth, answer, strict=True)):
        shown = boxes[boxes[:, 5] >= least]
        mine, free = np.full(len(things), -1), np.ones(len(shown), dtype=bool)
        common = overlaps(things[:, 1:], shown[:, 1:5])
        for place in np.argsort(-common, axis=None, kind="stable"):
            thing, box = np.unravel_index(place, common.shape)
            if common[thing, box] <= 0:
                break
            if mine[thing] < 0 and free[box]:
                mine[thing], free[box] = box, False
        has = mine >= 0
        picture.append(np.full(len(things), number))
        share.append(np.where(has, common[np.arange(len(things)), mine], 0.0) if len(shown) else np.zeros(len(things)))
        kinds = shown[mine, 0] if len(shown) else np.full(len(things), -1)
        right.append((has & (kinds == things[:, 0])).astype(float))
        extra.append(int(free.sum()))
    return Met(np.concatenate(picture).astype(int), np.concatenate(share), np.concatenate(right), np.array(extra))


@dataclass(frozen=True)
class Ranked:
    """Every box of some pictures, the surest first, and whether it is right."""

    picture: np.ndarray
    kind: np.ndarray
    score: np.ndarray
    hit: np.ndarray
    things: np.ndarray
    """(pictures, classes): how many things there are."""


def ranked(truth: Boxes, answer: Boxes, classes: int) -> Ranked:
    """Say of each box whether it is right: the surest box takes the thing of its class that it overlaps most."""
    rows = []
    things = np.zeros((len(truth), classes))
    for number, (there, boxes) in enumerate(zip(truth, answer, strict=True)):
        things[number] = np.bincount(there[:, 0].astype(int), minlength=classes)
        free = np.ones(len(there), dtype=bool)
        common = overlaps(boxes[:, 1:5], there[:, 1:])
        for place in np.argsort(-boxes[:, 5], kind="stable"):
            fitting = np.where(free & (there[:, 0] == boxes[place, 0]), common[place], 0.0)
            hit = bool(len(there)) and fitting.max() >= HALF
            if hit:
                free[int(fitting.argmax())] = False
            rows.append((number, boxes[place, 0], boxes[place, 5], hit))
    told = np.array(rows, dtype=float).reshape(-1, 4)
    told = told[np.argsort(-told[:, 2], kind="stable")]
    return Ranked(told[:, 0].astype(int), told[:, 1].astype(int), told[:, 2], told[:, 3], things)


def average_precisions(found: Ranked, weights: np.ndarray | None = None) -> np.ndarray:
    """Return each class's average precision: (classes,), NaN where there is no thing of it."""
    weights = np.ones(len(found.things)) if weights is None else weights
    total = weights @ found.things
    told = np.full(found.things.shape[1], np.nan)
    for kind in np.flatnonzero(total):
        here = found.kind == kind
        counted = weights[found.picture[here]]
        right, all_ = np.cumsum(counted * found.hit[here]), np.cumsum(counted)
        precision = np.maximum.accumulate((right / np.maximum(all_, 1e-12))[::-1])[::-1]
        told[kind] = float(np.diff(right / total[kind], prepend=0.0) @ precision)
    return told


def best_threshold(found: Ranked) -> float:
    """Return how sure a box must be so that most things are found for the fewest boxes too many (best F1)."""
    total = found.things.sum()

    def f1(least: float) -> float:
        shown = found.score >= least
        right = found.hit[shown].sum()
        return float(2 * right / max(1.0, total + shown.sum()))

    reached = [f1(least) for least in THRESHOLDS]
    best = np.flatnonzero(np.isclose(reached, max(reached)))
    return float(THRESHOLDS[best[len(best) // 2]])


def scores(truth: Boxes, answer: Boxes, classes: int, least: float) -> dict[str, float | None]:
    """Score the answers to some pictures."""
    told, found = met(truth, answer, least), ranked(truth, answer, classes)
    return _of_met(told, np.ones(len(truth))) | {"map50": _mean(average_precisions(found))}


def intervals(truth: Boxes, answer: Boxes, classes: int, least: float, seed: int) -> dict[str, list[float] | None]:
    """Give each score its 95 % interval: pictures are drawn anew, each with all its things."""
    told, found = met(truth, answer, least), ranked(truth, answer, classes)
    random = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(DRAWS):
        weights = np.bincount(random.integers(0, len(truth), len(truth)), minlength=len(truth)).astype(float)
        again = _of_met(told, weights) | {"map50": _mean(average_precisions(found, weights))}
        for name, value in again.items():
            if value is not None:
                drawn.setdefault(name, []).append(value)
    return {name: _interval(values) for name, values in drawn.items()}


def mistakes(truth: Boxes, answer: Boxes, least: float) -> dict[str, int]:
    """Count what became of the things, and the boxes that show nothing."""
    told = met(truth, answer, least)
    placed = told.overlap >= HALF
    return {
        "Found and named right": int((placed & (told.right > 0)).sum()),
        "Found, wrong class": int((placed & (told.right == 0)).sum()),
        "Box badly placed": int(((told.overlap > 0) & ~placed).sum()),
        "Missed": int((told.overlap == 0).sum()),
        "Boxes on nothing": int(told.extra.sum()),
    }


def usual(train: Boxes, rows: int) -> list[np.ndarray]:
    """Answer every picture with the mean box and the most frequent class."""
    every = np.concatenate(list(train))
    if not len(every):
        return [np.zeros((0, 6))] * rows
    kind = np.bincount(every[:, 0].astype(int)).argmax()
    return [np.array([[kind, *every[:, 1:].mean(axis=0), 1.0]])] * rows


def of_nearest(pictures: np.ndarray, train: np.ndarray, boxes: Boxes) -> list[np.ndarray]:
    """Answer each picture with the boxes of the training picture that looks most like it."""
    known, asked = _small(train[:MOST_REMEMBERED]), _small(pictures)
    lengths = (known**2).sum(axis=1)
    nearest = [
        int(place) for start in range(0, len(asked), 256)
        for place in (lengths[None] - 2 * asked[start : start + 256] @ known.T).argmin(axis=1)
    ]  # fmt: skip
    return [np.column_stack([boxes[place], np.ones(len(boxes[place]))]) for place in nearest]


def _of_met(told: Met, weights: np.ndarray) -> dict[str, float | None]:
    mine = weights[told.picture]
    total = mine.sum()

    def share(values: np.ndarray) -> float | None:
        return float(mine @ values / total) if total else None

    return {
        "iou": share(told.overlap), "class_accuracy": share(told.right), "found": share(told.overlap >= HALF),
        "extra": float(weights @ told.extra / weights.sum()),
    }  # fmt: skip


def _mean(values: np.ndarray) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _interval(values: list[float]) -> list[float] | None:
    low, high = np.percentile(values, (2.5, 97.5))
    return None if low == high else [float(low), float(high)]


def _small(pictures: np.ndarray) -> np.ndarray:
    """Bring (n, height, width, channels) to rows of a few numbers by taking the mean of blocks."""
    height, width = pictures.shape[1] // SIDE * SIDE, pictures.shape[2] // SIDE * SIDE
    grey = np.asarray(pictures[:, :height, :width]).mean(axis=-1, dtype=np.float32)
    blocks = grey.reshape(len(grey), SIDE, height // SIDE, SIDE, width // SIDE)
    return blocks.mean(axis=(2, 4)).reshape(len(grey), -1)
