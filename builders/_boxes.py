"""Boxes in a network: a grid of cells that each may answer one box, the loss, and the answer without repeats.

A box is (left, top, right, bottom) as shares of the picture's sides. A network answers (batch, cells, 5 + classes): a
logit that says whether something is here, the box, and a logit for each class. Truth is (batch, 5 * most): for each
thing its class and its box; the class is -1 where there are fewer things than `most`.

The grid after Redmon, Divvala, Girshick, Farhadi, "You Only Look Once", 2016; every cell near the middle of a thing
answers for it, without anchors, after Tian, Shen, Chen, He, "FCOS", 2019; the overlap that also tells boxes that do not
touch how far they are apart, after Rezatofighi et al., "Generalized Intersection over Union", 2019.
"""

from typing import Any

import numpy as np

from recipes import keras

REACH = 1.0
"""A cell answers for a thing whose middle is less than so many cells away; in the open, four cells do."""
SMALL = 1e-7
CANDIDATES = 100
"""Boxes that are looked at before repeats are taken out."""
MOST = 50
"""Boxes that are answered for one picture, the surest first."""
LEAST_SURE = 0.05
"""Boxes below this are not answered."""
SAME = 0.5
"""Boxes of one class that overlap more than this are the same thing."""
SAME_OF_ANY = 0.75
"""Boxes that overlap more than this are the same thing, whatever it was taken for."""
ROUNDS = 8
"""How long a chain of boxes that take each other out may be."""


def middles(height: int, width: int) -> np.ndarray:
    """Return the middle (across, down) of each cell of a grid, row by row: (cells, 2)."""
    down, across = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return np.stack([(across.ravel() + 0.5) / width, (down.ravel() + 0.5) / height], axis=1).astype(np.float32)


def corners(numbers: Any, height: int, width: int) -> Any:
    """Turn four free numbers a cell (batch, cells, 4) into boxes near that cell (batch, cells, 4)."""
    ops = keras.ops
    reach = np.array([[1.5 * REACH / width, 1.5 * REACH / height]], dtype=np.float32)
    middle = ops.add(ops.multiply(ops.tanh(numbers[..., :2]), reach), middles(height, width))
    half = ops.multiply(ops.sigmoid(numbers[..., 2:]), 0.5)
    return ops.concatenate([ops.subtract(middle, half), ops.add(middle, half)], axis=-1)


def overlap(one: Any, other: Any) -> tuple[Any, Any]:
    """Return intersection over union and its generalised form of boxes (..., 4) and (..., 4): each (...)."""
    ops = keras.ops

    def area(low: Any, high: Any) -> Any:
        sides = ops.maximum(high - low, 0.0)
        return sides[..., 0] * sides[..., 1]

    shared = area(ops.maximum(one[..., :2], other[..., :2]), ops.minimum(one[..., 2:], other[..., 2:]))
    around = area(ops.minimum(one[..., :2], other[..., :2]), ops.maximum(one[..., 2:], other[..., 2:]))
    union = area(one[..., :2], one[..., 2:]) + area(other[..., :2], other[..., 2:]) - shared
    share = shared / (union + SMALL)
    return share, share - (around - union) / (around + SMALL)


def tasks_of_cells(truth: Any, height: int, width: int) -> tuple[Any, Any, Any]:
    """Say what each cell is to answer: 1 where it has a thing (batch, cells), class (batch, cells), box (..., 4).

    A cell answers for the nearest of the things whose middle lies within reach.
    """
    ops = keras.ops
    things = ops.reshape(ops.cast(truth, "float32"), (-1, truth.shape[-1] // 5, 5))  # (batch, most, 5)
    there = things[:, :, 0] >= 0  # (batch, most)
    middle = (things[:, :, 1:3] + things[:, :, 3:5]) / 2
    cells = np.array([width, height], dtype=np.float32)
    away = ops.abs(ops.expand_dims(middle, 1) - middles(height, width)[None, :, None]) * cells
    distance = ops.max(away, axis=-1)  # (batch, cells, most), in cells
    distance = ops.where(ops.expand_dims(there, 1), distance, 1e6)
    nearest = ops.one_hot(ops.argmin(distance, axis=-1), things.shape[1], dtype="float32")
    mine = ops.matmul(nearest, things)  # (batch, cells, 5)
    has = ops.cast(ops.min(distance, axis=-1) < REACH, "float32")
    return has, ops.cast(ops.maximum(mine[..., 0], 0.0), "int32"), mine[..., 1:]


def loss_on(height: int, width: int, weight: float) -> Any:
    """Make the loss on a grid: is something here, how far off is the box (times `weight`), which class is it."""
    ops = keras.ops

    def detection(truth: Any, answer: Any) -> Any:
        has, label, box = tasks_of_cells(truth, height, width)
        share, general = overlap(answer[..., 1:5], box)
        # How sure a cell should be follows from how well its box fits, so that the best box comes first.
        quality = ops.stop_gradient(ops.clip(share, 0.0, 1.0)) * 0.5 + 0.5
        here = ops.binary_crossentropy(has * quality, answer[..., 0], from_logits=True)
        kind = ops.sparse_categorical_crossentropy(label, answer[..., 5:], from_logits=True)
        number = ops.maximum(ops.sum(has, axis=-1), 1.0)  # (batch,)
        return (ops.sum(here, axis=-1) + ops.sum(has * (weight * (1.0 - general) + kind), axis=-1)) / number

    return detection


def metrics_on(height: int, width: int) -> list[Any]:
    """Make fresh live metrics: overlap and right classes of the cells that answer for something."""
    ops = keras.ops

    def measured(values: Any, has: Any) -> Any:
        return ops.sum(values * has, axis=-1) / ops.maximum(ops.sum(has, axis=-1), 1.0)

    def iou(truth: Any, answer: Any) -> Any:
        has, _, box = tasks_of_cells(truth, height, width)
        return measured(overlap(answer[..., 1:5], box)[0], has)

    def class_accuracy(truth: Any, answer: Any) -> Any:
        has, label, _ = tasks_of_cells(truth, height, width)
        return measured(ops.cast(ops.equal(ops.cast(ops.argmax(answer[..., 5:], axis=-1), "int32"), label), "float32"),
                        has)  # fmt: skip

    return [keras.metrics.MeanMetricWrapper(each, name=each.__name__) for each in (iou, class_accuracy)]


def chosen(answer: Any) -> dict[str, Any]:
    """Turn the cells' answers (batch, cells, 5 + classes) into boxes, surest first, each thing once.

    Gives `boxes` (batch, most, 4), `scores` (batch, most) and `classes` (batch, most, int32); unused places hold a
    score of 0 and class -1. Stock operations only: it stands in the download.
    """
    ops = keras.ops
    most = min(MOST, int(answer.shape[1]))
    shares = ops.softmax(answer[..., 5:], axis=-1)
    sure = ops.multiply(ops.sigmoid(answer[..., 0]), ops.max(shares, axis=-1))  # (batch, cells)
    score, place = ops.top_k(sure, min(CANDIDATES, int(answer.shape[1])))
    place = ops.cast(place, "int32")
    label = ops.take_along_axis(ops.cast(ops.argmax(shares, axis=-1), "int32"), place, axis=1)
    box = ops.take_along_axis(ops.clip(answer[..., 1:5], 0.0, 1.0), ops.expand_dims(place, -1), axis=1)
    repeats = _repeats(box, label)
    keep = ops.ones_like(score)
    for _ in range(ROUNDS):  # a box falls to a surer one that stays itself; after as many rounds as chains are long
        keep = ops.subtract(1.0, ops.max(ops.multiply(repeats, ops.expand_dims(keep, 1)), axis=-1))  # it is settled
    score = ops.multiply(score, ops.multiply(keep, ops.cast(ops.greater_equal(score, LEAST_SURE), "float32")))
    score, place = ops.top_k(score, most)
    place = ops.cast(place, "int32")
    there = ops.greater(score, 0.0)
    label = ops.where(there, ops.take_along_axis(label, place, axis=1), -1)
    box = ops.take_along_axis(box, ops.expand_dims(place, -1), axis=1)
    return {"boxes": ops.multiply(box, ops.expand_dims(ops.cast(there, "float32"), -1)), "scores": score,
            "classes": label}  # fmt: skip


def _repeats(box: Any, label: Any) -> Any:
    """Say which boxes (rows) are the same thing as a surer one (columns): (batch, n, n) of 0 and 1."""
    ops = keras.ops
    one, other = ops.expand_dims(box, 2), ops.expand_dims(box, 1)  # (batch, n, 1, 4), (batch, 1, n, 4)
    low, high = ops.maximum(one[..., :2], other[..., :2]), ops.minimum(one[..., 2:], other[..., 2:])
    shared = ops.prod(ops.maximum(ops.subtract(high, low), 0.0), axis=-1)
    area = ops.prod(ops.subtract(box[..., 2:], box[..., :2]), axis=-1)
    # Never `ops.add` here: for a batch of one, Keras 3.15 takes (1, 1, n) for a bias and adds it along the wrong axis.
    union = ops.subtract(ops.expand_dims(area, 2), ops.subtract(shared, ops.expand_dims(area, 1)))
    alike = ops.equal(ops.expand_dims(label, 2), ops.expand_dims(label, 1))
    same = ops.logical_and(ops.greater(shared, ops.multiply(union, SAME)), alike)
    same = ops.logical_or(same, ops.greater(shared, ops.multiply(union, SAME_OF_ANY)))
    number = int(box.shape[1])
    surer = np.tri(number, k=-1, dtype=np.float32)[None]
    return ops.multiply(ops.cast(same, "float32"), surer)
