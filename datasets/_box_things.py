"""The boxes of a data set on disk, and how boxes lie to one another."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

TWICE = 0.95
"""Boxes of one class that overlap more than this are one box, written twice."""


@dataclass(frozen=True)
class Things:
    """The boxes of a data set on disk (`boxes.npz`), picture after picture."""

    boxes: np.ndarray
    """(boxes, 5) float32: class number, left, top, right, bottom."""
    starts: np.ndarray
    """Where the boxes of each picture begin, and the end."""

    @classmethod
    def open(cls, folder: Path) -> "Things":
        """Open the boxes of a data set."""
        with np.load(folder / "boxes.npz", allow_pickle=False) as told:
            return cls(told["boxes"], told["starts"])

    def of(self, row: int) -> np.ndarray:
        """Return the boxes of one picture: (n, 5)."""
        return self.boxes[self.starts[row] : self.starts[row + 1]]

    @property
    def counts(self) -> np.ndarray:
        """Count the boxes of each picture."""
        return np.diff(self.starts)

    @property
    def rows(self) -> np.ndarray:
        """Return for each box the row of its picture."""
        return np.repeat(np.arange(len(self.starts) - 1), self.counts)

    def of_classes(self, number: int) -> np.ndarray:
        """Count the boxes of each class."""
        return np.bincount(self.boxes[:, 0].astype(int), minlength=number)

    def pictures_of_classes(self, number: int) -> np.ndarray:
        """Count the pictures that show each class."""
        pairs = np.unique(np.stack([self.rows, self.boxes[:, 0].astype(int)]), axis=1)
        return np.bincount(pairs[1], minlength=number)


def once(boxes: np.ndarray) -> np.ndarray:
    """Return the places of boxes that repeat none before them."""
    kept: list[int] = []
    for place, box in enumerate(boxes):
        others = boxes[[other for other in kept if boxes[other, 0] == box[0]]]
        if not len(others) or overlaps(box[None, 1:], others[:, 1:]).max() <= TWICE:
            kept.append(place)
    return np.array(kept, dtype=int)


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return intersection over union of every pair of boxes: (n, 4) and (m, 4) to (n, m)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(each[:, 2:] - each[:, :2], 0, None).prod(axis=-1) for each in (one, other)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)
