"""What a model for tables shows while it learns: a map of its answers over two columns, real rows on top.

The two columns are those that tell most about the target by themselves. Where a table has fewer than two columns of
numbers, the map is the plane in which the rows differ most (their first two principal components). What the map does
not show is taken from the real rows nearest to each place, so that a colour is what the model says about rows like
those that lie there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from builders import Blueprint, Panel
from recipes import Signature

SIDE = 26
"""Places along each axis: 676 answers take some 20 ms."""
POINTS = 150
NEIGHBOURS = 5
MOST_ROWS = 2_000
EDGE = 0.01
"""The share of rows that lies beyond each end of an axis: a few far rows must not squeeze the others together."""
FEWEST_VALUES = 6

Tell = Callable[[], list[Panel]]


def with_map(plan: Blueprint, signature: Signature) -> Blueprint:
    """Give a blueprint for a table its live map; other data have evidence of their own."""
    is_table = signature.data_type == "tabular" and signature.task in {"classification", "regression"}
    return replace(plan, evidence=boundary) if is_table else plan


def about_rare(signature: Signature) -> tuple[str, ...]:
    """Say how a rare class is treated: a note for the run's page, or none."""
    counts = signature.class_counts
    if not counts or min(counts) * 9 > max(counts):
        return ()
    name = signature.target.classes[int(np.argmin(counts))]
    told = (
        f"Class '{name}' has only {min(counts) / sum(counts):.1%} of the training rows. Without class weights, as by "
        f"default, rows are put into the best order; `balanced` finds more of '{name}' at once, at the price of more "
        "false alarms."
    )
    return (told,)


def boundary(asked: Any) -> Tell:
    """Return what draws the map: {"kind": "boundary", axes, a cell for each place, held-out points}."""
    train, held_out = asked.prepared.part("train"), asked.prepared.part("validation")
    kept = np.sort(np.random.default_rng(0).permutation(len(train))[:MOST_ROWS])
    rows, truth = np.asarray(train.x["features"][kept], dtype=np.float64), np.ravel(train.y[kept])
    plane = _two_columns(asked.signature, asked.encoding, rows, truth) or _principal(rows)
    if plane is None:
        return list
    places, features = plane.places(rows)
    panel = _frame(asked.signature, plane) | {"points": _points(asked.signature, plane, held_out)}

    def tell() -> list[Panel]:
        return [panel | _cells(asked.signature, asked.ask_core({"features": features}))]

    return tell if len(places) else list


@dataclass(frozen=True)
class _Plane:
    """Two directions in the space of features, (2, features), around `middle`, with the ends of both axes."""

    basis: np.ndarray
    middle: np.ndarray
    ends: np.ndarray
    """(2, 2): low and high of each axis."""
    names: tuple[str, str]
    columns: tuple[dict[str, Any], ...] = ()
    """The encoding of the two columns, by which an axis is written in the column's own unit; none for a projection."""

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Map (rows, features) to (rows, 2)."""
        return (rows - self.middle) @ self.basis.T

    def edges(self) -> np.ndarray:
        """Return the borders between places along each axis: (2, SIDE + 1)."""
        return np.stack([np.linspace(low, high, SIDE + 1) for low, high in self.ends])

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the middles of all places (SIDE², 2), the lower axis running fastest, and features to ask about."""
        across, up = ((edges[1:] + edges[:-1]) / 2 for edges in self.edges())
        places = np.stack([np.tile(across, SIDE), np.repeat(up, SIDE)], axis=1)
        seen = self.of(rows)
        rest = rows - self.middle - seen @ self.basis
        apart = ((places[:, None] - seen[None]) ** 2).sum(axis=2)  # (places, rows)
        near = np.argpartition(apart, min(NEIGHBOURS, len(rows)) - 1, axis=1)[:, :NEIGHBOURS]
        features = self.middle + rest[near].mean(axis=1) + places @ self.basis
        return places, features.astype(np.float32)

    def in_own_unit(self, axis: int, values: np.ndarray) -> list[float]:
        """Undo the standardising of one axis, and the logarithm of a heavy tail."""
        if self.columns:
            column = self.columns[axis]
            values = values * column["scale"] + column["mean"]
            if column["log"]:
                values = np.sign(values) * np.expm1(np.abs(values))
        return [float(f"{value:.4g}") for value in values]


def _two_columns(signature: Signature, encoding: dict[str, Any], rows: np.ndarray, truth: np.ndarray) -> _Plane | None:
    """Choose the two columns of numbers that tell most about the target and say different things."""
    plain = {raw.name for raw in signature.raw if raw.kind == "number"}
    able = [
        place
        for place, column in enumerate(encoding["numbers"])
        if column["name"] in plain and len(np.unique(rows[:, place])) >= FEWEST_VALUES
    ]
    if len(able) < 2:
        return None
    telling = {place: _telling(rows[:, place], truth, is_class=bool(signature.target.classes)) for place in able}
    first = max(able, key=telling.__getitem__)
    alike = {place: abs(np.corrcoef(rows[:, first], rows[:, place])[0, 1]) for place in able if place != first}
    second = max(alike, key=lambda place: telling[place] * (1 - alike[place]))
    basis = np.zeros((2, rows.shape[1]))
    basis[0, first] = basis[1, second] = 1.0
    columns = (encoding["numbers"][first], encoding["numbers"][second])
    return _framed(basis, np.zeros(rows.shape[1]), rows, (columns[0]["name"], columns[1]["name"]), columns)


def _telling(values: np.ndarray, truth: np.ndarray, *, is_class: bool) -> float:
    """Say how much of the spread of the ranks the target explains (0 to 1)."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float)
    if not is_class:
        return abs(float(np.corrcoef(ranks, np.argsort(np.argsort(truth)))[0, 1]))
    codes = np.unique(truth, return_inverse=True)[1]
    means = np.bincount(codes, ranks) / np.bincount(codes)
    return float(means[codes].var() / ranks.var())


def _principal(rows: np.ndarray) -> _Plane | None:
    """Lay a plane through the rows in which they differ most."""
    middle = rows.mean(axis=0)
    basis = np.linalg.svd(rows - middle, full_matrices=False)[2][:2]
    if len(basis) < 2 or not np.ptp((rows - middle) @ basis.T, axis=0).all():
        return None
    return _framed(basis, middle, rows, ("First direction", "Second direction"), ())


def _framed(
    basis: np.ndarray, middle: np.ndarray, rows: np.ndarray, names: tuple[str, str], columns: tuple[dict[str, Any], ...]
) -> _Plane:
    seen = (rows - middle) @ basis.T
    ends = np.quantile(seen, [EDGE, 1 - EDGE], axis=0).T
    margin = 0.06 * np.maximum(ends[:, 1] - ends[:, 0], 1e-6)
    return _Plane(basis, middle, ends + np.stack([-margin, margin], axis=1), names, columns)


def _frame(signature: Signature, plane: _Plane) -> Panel:
    """Return what does not change from epoch to epoch."""
    edges = plane.edges()
    axes = {
        key: {
            "name": plane.names[axis],
            "edges": plane.in_own_unit(axis, edges[axis]),
            "log": bool(plane.columns) and bool(plane.columns[axis]["log"]),
            "has_unit": bool(plane.columns),
        }
        for axis, key in enumerate(("x", "y"))
    }
    told = "what it answers at each place; the points are rows that it does not learn from"
    sentence = f"The colours are {told}." if plane.columns else f"A flat view of all columns. The colours are {told}."
    return {
        "kind": "boundary",
        "title": "Map of its answers",
        "sentence": sentence,
        "classes": list(signature.target.classes),
        "target": signature.target.name,
        **axes,
    }


def _points(signature: Signature, plane: _Plane, part: Any) -> dict[str, list[Any]]:
    """Return held-out rows inside the frame, all classes in turn: {"x", "y", "truth", "rows"}."""
    truth = np.ravel(part.y)
    chosen = _in_turn(truth) if signature.target.classes else np.arange(len(truth))[:POINTS]
    seen = plane.of(np.asarray(part.x["features"][chosen], dtype=np.float64))
    inside = ((seen >= plane.ends[:, 0]) & (seen <= plane.ends[:, 1])).all(axis=1)
    chosen, seen = chosen[inside], seen[inside]
    own = truth[chosen] * signature.target.scale + signature.target.mean
    return {
        "x": plane.in_own_unit(0, seen[:, 0]),
        "y": plane.in_own_unit(1, seen[:, 1]),
        "truth": truth[chosen].tolist() if signature.target.classes else _short(own),
        "rows": np.asarray(part.rows[chosen]).tolist(),
    }


def _in_turn(truth: np.ndarray) -> np.ndarray:
    """Choose places, one of each class in turn, so that a rare class is seen."""
    turns = np.empty(len(truth), int)
    for name in np.unique(truth):
        members = np.flatnonzero(truth == name)
        turns[members] = np.arange(len(members))
    return np.sort(np.lexsort((truth, turns))[:POINTS])


def _cells(signature: Signature, outputs: np.ndarray) -> dict[str, list[Any]]:
    """Return the answer at each place: {"cells": class numbers, "sure": shares}, or {"cells": numbers}."""
    if not signature.target.classes:
        return {"cells": _short(outputs.reshape(-1) * signature.target.scale + signature.target.mean)}
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    return {"cells": shares.argmax(axis=1).tolist(), "sure": np.round(shares.max(axis=1), 2).tolist()}


def _short(values: Sequence[float] | np.ndarray) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
