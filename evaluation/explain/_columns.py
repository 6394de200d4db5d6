"""The columns of a table behind the ready numbers: which numbers belong to which column, and cells as numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

import datasets
from datasets import _table_encoding
from evaluation.asked import Asked
from evaluation.explain._case import Case
from recipes import RawInput

MOST_VALUES = 12
"""Values of a category that are tried."""
POINTS = 21
"""Numbers of a column that are tried, from its 5th to its 95th of hundred."""
ROWS_AT_ONCE = 500


def encoding_of(asked: Asked) -> Mapping[str, Any]:
    """Return the encoding of the table, also where it is one part of a mixed row."""
    return asked.encoding.get("table", asked.encoding)


def blocks(encoding: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Name every column with the places of its numbers among the features."""
    names = [column["name"] for column in encoding["numbers"]]
    found: dict[str, list[int]] = {name: [place] for place, name in enumerate(names)}
    next_place = len(names)
    for column in encoding["numbers"]:
        if column["missing"]:
            found[column["name"]].append(next_place)
            next_place += 1
    sizes = [(column["name"], 1 + 2 * len(column["cycles"]) + bool(column["missing"])) for column in encoding["dates"]]
    sizes += [(column["name"], 1 + len(column["values"])) for column in encoding["categories"]]
    sizes += [(column["name"], 1 + len(column["words"])) for column in encoding["texts"]]
    for name, size in sizes:
        found[name] = list(range(next_place, next_place + size))
        next_place += size
    return {name: np.asarray(places) for name, places in found.items()}


def inputs_by_name(asked: Asked) -> dict[str, RawInput]:
    """Return the columns that the model reads, with their kinds and ranges."""
    return {raw.name: raw for raw in asked.signature.raw if raw.name in blocks(encoding_of(asked))}


def cells(asked: Asked, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return these rows of the data set as raw columns: float32 (NaN is missing) or texts."""
    kind = datasets.get(asked.signature.data_type)
    told = kind.raw(asked.dataset, asked.signature, [int(row) for row in rows])
    return {name: np.concatenate([np.ravel(row[name]) for row in told]) for name in inputs_by_name(asked)}


def cells_of(case: Case) -> dict[str, np.ndarray]:
    """Return the example's own cells, one a column."""
    if case.row is not None:
        return cells(case.asked, np.asarray([case.row]))
    kind = datasets.get(case.asked.signature.data_type)
    parsed = kind.parse(case.asked.signature, case.settings["values"])
    return {name: np.ravel(parsed[name]) for name in inputs_by_name(case.asked)}


def encoded(asked: Asked, raw: Mapping[str, np.ndarray]) -> np.ndarray:
    """Turn raw columns into the ready numbers (rows, features)."""
    return _table_encoding.encode(encoding_of(asked), raw)


def tried(raw: RawInput, seen: np.ndarray) -> list[Any]:
    """Return values of a column that are worth trying, out of those that were seen; nothing for free texts."""
    if raw.kind == "category":
        values, counts = np.unique(seen[seen != ""].astype(str), return_counts=True)
        common = [str(values[place]) for place in np.argsort(-counts, kind="stable")[:MOST_VALUES]]
        return [value for value in common if value in raw.choices]
    if raw.kind == "text":
        return []
    known = seen[np.isfinite(seen.astype(np.float64))].astype(np.float64)
    if not len(known):
        return []
    distinct = np.unique(known)
    if len(distinct) <= POINTS:
        return distinct.tolist()
    spread = np.quantile(known, np.linspace(0.05, 0.95, POINTS))
    return np.unique(np.float32(spread)).astype(float).tolist()


def with_value(raw: Mapping[str, np.ndarray], name: str, value: Any) -> dict[str, np.ndarray]:
    """Return the columns with one of them set to a value in all rows."""
    new = np.full(len(raw[name]), value, dtype=raw[name].dtype)
    return {**raw, name: new}


def plain(raw: RawInput, value: Any) -> Any:
    """Return a cell as JSON knows it: None where it is missing, yes and no, days as dates."""
    if raw.kind in ("category", "text"):
        return str(value) or None
    if not np.isfinite(float(value)):
        return None
    if raw.kind == "boolean":
        return "yes" if float(value) >= 0.5 else "no"
    if raw.kind == "date":
        return str(np.datetime64(int(np.floor(float(value))), "D"))
    return float(f"{float(value):.6g}")
