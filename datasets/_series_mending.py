"""Series in canonical form: one value a step, nothing missing, and a note of everything that had to be mended.

Files of the folder: `values.npy` (steps of all series one after the other, columns) float64, `filled.npy` of the same
shape with 1 where a value was put in, `offsets.npy` where each series begins, `times.npy` (steps,), and for classes
`labels.npy` and `groups.npy` with a number for each series.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from datasets._series_reading import Raw
from datasets._series_time import Clock, Step, aligned, find_step, places, time_text, times_of, usual_step
from recipes import Refusal


@dataclass(frozen=True)
class Series:
    """Series on disk, as arrays."""

    values: np.ndarray
    filled: np.ndarray
    offsets: np.ndarray
    times: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    step: Step

    @classmethod
    def open(cls, folder: Path, details: dict[str, Any]) -> "Series":
        """Map the arrays of a folder into memory."""
        names = ("values", "filled", "offsets", "times", "labels", "groups")
        return cls(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names), Step(**details["step"]))

    def write(self, folder: Path) -> None:
        """Write the arrays."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("values", "filled", "offsets", "times", "labels", "groups"):
            np.save(folder / f"{name}.npy", getattr(self, name))

    @property
    def count(self) -> int:
        """How many series there are."""
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> np.ndarray:
        """Steps of each series."""
        return np.diff(self.offsets)

    def one(self, place: int) -> np.ndarray:
        """Return a series: (steps, columns)."""
        return np.asarray(self.values[self.offsets[place] : self.offsets[place + 1]])

    def owner(self, row: int) -> int:
        """Return which series a step belongs to."""
        return int(np.searchsorted(self.offsets, row, side="right") - 1)

    def when(self, row: int) -> str:
        """Write the time of a step as a person would."""
        return time_text(
            float(self.times[row]), counts=self.step.counts, length=self.step.length, months=self.step.months
        )


@dataclass
class Mended:
    """What mending a data set came to, for findings and notes."""

    inserted: int = 0
    longest_gap: int = 0
    gap_at: str = ""
    missing: int = 0
    duplicates: int = 0
    unordered: int = 0
    undated: int = 0
    averaged: bool = False


def mended_for_forecast(raw: Raw) -> tuple[Series, Mended, list[str]]:
    """Put every series on an even clock; returns it with what was mended and the names of the series kept."""
    step, told = _common_step(raw)
    values, filled, times, names = [], [], [], []
    for place, numbers in enumerate(raw.values):
        clock = raw.clocks[place] if raw.clocks else None
        even, when = _even(numbers, clock, step, told)
        if not np.isfinite(even).any(axis=0).all() or len(even) < 4:
            continue
        whole, holes = _without_holes(even)
        told.missing += int(holes.sum())
        values.append(whole)
        filled.append(holes)
        times.append(when)
        names.append(raw.names[place])
    if not values:
        raise Refusal("No series has numbers in every column over at least 4 steps. Check the columns of the file.")
    lengths = [len(each) for each in values]
    nothing = np.zeros(0, dtype=np.int64)
    return (
        Series(np.concatenate(values), np.concatenate(filled).astype(np.uint8), _offsets(lengths),
               np.concatenate(times), nothing, nothing, step),
        told,
        names,
    )  # fmt: skip


def mended_for_classes(raw: Raw) -> tuple[Series, Mended]:
    """Order every series by time and fill what is missing; steps keep their own distance."""
    told = Mended()
    values, filled = [], []
    for place, numbers in enumerate(raw.values):
        clock = raw.clocks[place] if raw.clocks else None
        ordered = numbers if clock is None else numbers[np.argsort(clock.times, kind="stable")]
        ordered = _without_tail(ordered)
        whole, holes = _without_holes(ordered)
        told.missing += int(holes.sum())
        values.append(whole)
        filled.append(holes)
    classes = sorted(set(raw.labels))
    labels = np.asarray([classes.index(label) for label in raw.labels], dtype=np.int64)
    groups = np.unique(raw.people, return_inverse=True)[1] if raw.people else np.arange(len(labels))
    lengths = [len(each) for each in values]
    times = np.concatenate([np.arange(length, dtype=np.float64) for length in lengths])
    step = Step(1.0, counts=True)
    whole = np.concatenate(values)
    return (
        Series(whole, np.concatenate(filled).astype(np.uint8), _offsets(lengths), times, labels,
               np.asarray(groups, dtype=np.int64), step),
        told,
    )  # fmt: skip


def _offsets(lengths: list[int]) -> np.ndarray:
    return np.append(0, np.cumsum(lengths)).astype(np.int64)


def _common_step(raw: Raw) -> tuple[Step, Mended]:
    """Find the step that most series have; where none has one, a usual one, to which values are averaged."""
    clocks = [clock for clock in raw.clocks if clock is not None]
    if not clocks:
        return Step(1.0, counts=True), Mended()
    steps = [find_step(clock) for clock in clocks[:50]]
    found = [step for step in steps if step is not None]
    if 2 * len(found) > len(steps):
        return max(found, key=found.count), Mended()
    longest = max(clocks, key=lambda clock: len(clock.times))
    if len(np.unique(longest.times[np.isfinite(longest.times)])) < 3:
        raise Refusal("There are fewer than 3 different times, so there is no series to learn from. Check the file.")
    return usual_step(longest), Mended(averaged=True)


def _even(numbers: np.ndarray, clock: Clock | None, step: Step, told: Mended) -> tuple[np.ndarray, np.ndarray]:
    """Return values (steps, columns) at even times, NaN where there is none, and the times."""
    if clock is None:
        return numbers, np.arange(len(numbers), dtype=np.float64)
    known = np.isfinite(clock.times)
    told.undated += int((~known).sum())
    times, numbers = clock.times[known], numbers[known]
    if not len(times):
        return np.full((0, numbers.shape[1]), np.nan), times
    if told.averaged:
        times = aligned(times, step)
    order = np.argsort(times, kind="stable")
    told.unordered += int((np.diff(times) < 0).sum())
    times, numbers = times[order], numbers[order]
    where = places(times, step)
    twice = len(where) - len(np.unique(where))
    told.duplicates += 0 if told.averaged else twice
    count = int(where[-1]) + 1
    if count > 4 * len(where) + 1000:
        raise Refusal(
            f"The times leave more than four times as many steps empty as there are rows (one every {step.words}). "
            "Check the time column, or keep only the rows that are evenly spaced."
        )
    even = _averaged(numbers, where, count)
    absent = np.setdiff1d(np.arange(count), where)
    evenly = times_of(float(times[0]), count, step)
    told.inserted += len(absent)
    if len(absent):
        runs = np.split(absent, np.flatnonzero(np.diff(absent) > 1) + 1)
        longest = max(runs, key=len)
        if len(longest) > told.longest_gap:
            told.longest_gap = len(longest)
            told.gap_at = time_text(float(evenly[longest[0]]), counts=step.counts, length=step.length,
                                    months=step.months)  # fmt: skip
    return even, evenly


def _averaged(numbers: np.ndarray, where: np.ndarray, count: int) -> np.ndarray:
    """Average the values that fall on one step: (rows, columns) to (count, columns)."""
    there = np.isfinite(numbers)
    total, amount = np.zeros((count, numbers.shape[1])), np.zeros((count, numbers.shape[1]))
    np.add.at(total, where, np.where(there, numbers, 0.0))
    np.add.at(amount, where, there.astype(float))
    return np.divide(total, amount, out=np.full_like(total, np.nan), where=amount > 0)


def _without_holes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fill holes with a straight line between their neighbours, and both ends with the nearest value."""
    holes = ~np.isfinite(values)
    if not holes.any():
        return values, holes
    whole = values.copy()
    steps = np.arange(len(values))
    for column in range(values.shape[1]):
        there = ~holes[:, column]
        known = values[there, column]
        whole[:, column] = np.interp(steps, steps[there], known) if len(known) else 0.0
    return whole, holes


def _without_tail(values: np.ndarray) -> np.ndarray:
    """Cut off empty steps at the end: series of different lengths in one table are filled up with empty cells."""
    there = np.flatnonzero(np.isfinite(values).any(axis=1))
    return values[: there[-1] + 1] if len(there) else values[:1]
