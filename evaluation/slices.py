"""Where is the model weak? Its score group by group, and a search for weak groups that guards against chance.

A condition is one value of a column or one quarter of its numbers; a slice is one condition, or two of different
columns. Of data without columns, what can be measured takes their place: how long a sentence is, how bright a picture.

Whoever looks at many slices finds a bad one by luck. So a slice counts only where chance would make it so bad in fewer
than one of twenty *searches*: the exact binomial test for right and wrong, Student's t-test for errors, each at 5 %
divided by the number of slices (Bonferroni). How many were searched is said too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from evaluation import scores
from evaluation.asked import Asked
from evaluation.words import count, number, percent
from recipes import Part

CHANCE = 0.05
FEWEST = 12
"""Rows of a slice without which nothing is said of it."""
LEAST_SHARE = 0.01
MOST_CONDITIONS = 90
MOST_COLUMNS = 30
MOST_VALUES = 8
FEW_NUMBERS = 6
"""A column with so few different numbers is read as classes."""
MOST_FOUND = 5
MOST_ROWS = 60
"""Rows that a slice lists to be opened: the wrong ones, or the largest errors first."""
EXAMPLES = 12

Measure = Callable[[np.ndarray], dict[str, np.ndarray]]
"""Measure each row of a ready tensor: numbers by their title."""
Way = Literal["up", "down"]
"""`up`: a quality is 1 (right) or 0; `down`: it is an error, and small is good."""


@dataclass(frozen=True)
class Column:
    """What is known of each row: numbers (NaN is missing) or texts (empty is missing)."""

    name: str
    values: np.ndarray
    kind: Literal["number", "text", "date"] = "text"


@dataclass(frozen=True)
class Condition:
    """Some rows and what they share: "age" and "18 to 25"."""

    column: str
    words: str
    here: np.ndarray
    """Which rows: (rows,) of true and false."""


def judge(columns: Sequence[Column], rows: np.ndarray, quality: np.ndarray, way: Way) -> dict[str, Any]:
    """Judge each group of each column and search for weak slices.

    `rows` are row numbers of the data set, `quality` one number for each. Returns {"way", "overall", "columns":
    [{"name", "groups": [{"name", "rows", "value", "low", "high", "examples"}]}], "searched", "weak": [{"conditions":
    [[column, words]], "rows", "value", "low", "high", "examples"}], "sentence"}.
    """
    by_column = {column.name: conditions(column, len(rows)) for column in columns[:MOST_COLUMNS]}
    by_column = {name: found for name, found in by_column.items() if len(found) > 1}
    found, searched = weak([each for some in by_column.values() for each in some], quality, way)
    told = {
        "way": way,
        "overall": float(quality.mean()),
        "columns": [
            {"name": name, "groups": [{"name": each.words} | _told(each.here, rows, quality, way) for each in some]}
            for name, some in by_column.items()
        ],
        "searched": searched,
        "weak": [
            {"conditions": [[each.column, each.words] for each in several]}
            | _told(_both(several), rows, quality, way, MOST_ROWS)
            for several in found
        ],
    }
    return told | {"sentence": _sentence(told)}


def weak(every: Sequence[Condition], quality: np.ndarray, way: Way) -> tuple[list[tuple[Condition, ...]], int]:
    """Return the slices that are weaker than chance explains, the surest first, and how many were searched.

    A slice whose weakness is that of one named before it is left out: it must be weak on its other rows too.
    """
    kept = list(every)[:MOST_CONDITIONS]
    if not kept or quality.std() == 0:
        return [], 0
    inside = np.stack([each.here for each in kept]).astype(np.float64)  # (conditions, rows)
    amounts, sums, squares = _sums(inside, quality)
    allowed = _allowed(kept) & (amounts >= max(FEWEST, LEAST_SHARE * len(quality)))
    ones, others = np.nonzero(np.triu(allowed))
    if not len(ones):
        return [], 0
    chance = _chances(amounts[ones, others], sums[ones, others], squares[ones, others], float(quality.mean()), way)
    limit = CHANCE / len(ones)
    found: list[tuple[Condition, ...]] = []
    taken = np.zeros(len(quality), dtype=bool)
    for place in np.argsort(chance, kind="stable"):
        if chance[place] >= limit or len(found) == MOST_FOUND:
            break
        first, second = kept[ones[place]], kept[others[place]]
        several = (first,) if first is second else (first, second)
        fresh = _both(several) & ~taken
        if fresh.sum() < FEWEST or _chance_of(quality[fresh], float(quality.mean()), way) >= CHANCE:
            continue
        found.append(several)
        taken |= _both(several)
    return found, len(ones)


def _sums(inside: np.ndarray, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the rows of each pair of conditions, and sum their qualities and squares: (conditions, conditions) each."""
    from threadpoolctl import threadpool_limits

    # One thread: on a busy machine several wait for each other, up to thirty times as long (measured).
    with threadpool_limits(1):
        amounts = (inside @ inside.T).astype(np.int64)
        return amounts, (inside * quality) @ inside.T, (inside * quality**2) @ inside.T


def conditions(column: Column, rows: int) -> list[Condition]:
    """Cut a column into groups: its most frequent values, or four groups of its numbers."""
    least = max(2, min(FEWEST, rows // 20))
    found = _of_numbers(column) if column.kind in ("number", "date") else _of_texts(column)
    return [each for each in found if each.here.sum() >= least]


def _of_texts(column: Column) -> list[Condition]:
    values, counts = np.unique(column.values, return_counts=True)
    order = [place for place in np.argsort(-counts, kind="stable") if values[place] != ""][:MOST_VALUES]
    found = [Condition(column.name, str(values[place]), column.values == values[place]) for place in order]
    rest = (column.values != "") & ~np.isin(column.values, values[order])
    others = [Condition(column.name, "any other", rest)] if rest.any() else []
    return [*found, *others, *_missing(column.name, column.values == "")]


def _of_numbers(column: Column) -> list[Condition]:
    values = column.values.astype(np.float64)
    known = values[np.isfinite(values)]
    missing = _missing(column.name, ~np.isfinite(values))
    if not len(known):
        return missing
    write = _dated if column.kind == "date" else number
    different = np.unique(known)
    if len(different) <= FEW_NUMBERS:
        return [Condition(column.name, write(each), values == each) for each in different] + missing
    edges = np.unique(np.quantile(known, (0, 0.25, 0.5, 0.75, 1), method="inverted_cdf"))
    found = []
    for low, high in pairwise(edges):
        here = (values <= high) & ((values > low) if low > edges[0] else (values >= low))
        words = f"up to {write(high)}" if low == edges[0] else f"above {write(low)}"
        if edges[0] < low and high < edges[-1]:
            words = f"{write(low)} to {write(high)}"
        found.append(Condition(column.name, words, here))
    return found + missing


def _missing(name: str, here: np.ndarray) -> list[Condition]:
    return [Condition(name, "missing", here)] if here.any() else []


def _dated(days: float) -> str:
    return str(np.datetime64(int(days), "D"))


def _allowed(every: Sequence[Condition]) -> np.ndarray:
    """Two conditions make a slice where they are of different columns, and one by itself: (conditions, conditions)."""
    names = np.array([each.column for each in every])
    return (names[:, None] != names[None]) | np.eye(len(every), dtype=bool)


def _both(several: Sequence[Condition]) -> np.ndarray:
    return np.logical_and.reduce([each.here for each in several])


def _chances(amounts: np.ndarray, sums: np.ndarray, squares: np.ndarray, overall: float, way: Way) -> np.ndarray:
    """Return how likely chance makes slices of such sizes so bad, where they are as good as all rows: (slices,)."""
    from scipy.special import bdtr, stdtr  # slow to import

    if way == "up":
        return bdtr(np.round(sums), amounts, overall)
    means = sums / amounts
    spread = np.sqrt(np.maximum(squares / amounts - means**2, 0) * amounts / np.maximum(amounts - 1, 1))
    errors = np.divide(spread, np.sqrt(amounts), out=np.full(len(amounts), np.inf), where=spread > 0)
    return stdtr(np.maximum(amounts - 1, 1), -(means - overall) / errors)


def _chance_of(some: np.ndarray, overall: float, way: Way) -> float:
    amount, total, squares = np.array([len(some)]), np.array([some.sum()]), np.array([(some**2).sum()])
    return float(_chances(amount, total, squares, overall, way)[0])


def _told(here: np.ndarray, rows: np.ndarray, quality: np.ndarray, way: Way, most: int = EXAMPLES) -> dict[str, Any]:
    some = quality[here]
    worst = np.flatnonzero(some == 0)[:most] if way == "up" else np.argsort(-some, kind="stable")[:most]
    low, high = _between(some, way) or (None, None)
    examples = rows[here][worst].tolist()
    return {"rows": len(some), "value": float(some.mean()), "low": low, "high": high, "examples": examples}


def _between(some: np.ndarray, way: Way) -> tuple[float, float] | None:
    if way == "up":
        low, high = scores.wilson(int(some.sum()), len(some))
        return low, high
    if len(some) < 2:
        return None
    half = 1.96 * float(some.std(ddof=1)) / len(some) ** 0.5
    return max(0.0, float(some.mean()) - half), float(some.mean()) + half


# --- words --------------------------------------------------------------------------------------------------------


def in_words(conditions: Sequence[Sequence[str]]) -> str:
    """Write a slice: "age: 18 to 25, and city: Rome"."""
    return ", and ".join(f"{column}: {words}" for column, words in conditions)


def _sentence(told: dict[str, Any]) -> str:
    searched = f"{count(told['searched'], 'group')} of test rows {'was' if told['searched'] == 1 else 'were'} searched"
    if told["overall"] == (1.0 if told["way"] == "up" else 0.0):
        return "There is not one mistake on the test part, so no group is weak."
    if not told["searched"]:
        return "The test part is too small to be searched for weak groups."
    if not told["weak"]:
        return f"{searched}: none is weaker than chance makes one now and then."
    worst = told["weak"][0]
    place, rows = in_words(worst["conditions"]), count(worst["rows"], "row")
    if told["way"] == "up":
        there = f"{percent(worst['value'])} of {rows} are right, of all rows {percent(told['overall'])}"
    else:
        there = f"it is off by {number(worst['value'])} on {rows}, on all rows by {number(told['overall'])}"
    return f"{searched}. It is weakest where {place}: {there}."


# --- what is known of each row ------------------------------------------------------------------------------------


def columns_of(asked: Asked, part: Part) -> list[Column]:
    """Return what can be said of each row of a part: the cells of its table, and what its tensors measure."""
    return [*_cells(asked, np.asarray(part.rows)), *_measures(part)]


def _cells(asked: Asked, rows: np.ndarray) -> list[Column]:
    file = asked.dataset.folder / "table.parquet"
    if not file.exists():
        return []
    import pyarrow as pa
    from pyarrow import parquet

    wanted = {
        column.name: column.kind
        for column in asked.dataset.schema.columns
        if column.kind in ("number", "category", "boolean", "date") and column.name != asked.signature.target.name
    }
    held = parquet.read_table(file, columns=list(wanted)).take(pa.array(rows))
    return [_column(name, kind, held.column(name).to_pylist()) for name, kind in wanted.items()]


def _column(name: str, kind: str, cells: list[Any]) -> Column:
    if kind == "number":
        values = np.array([float(cell) if isinstance(cell, (int, float)) else np.nan for cell in cells])
        return Column(name, values, "number")
    if kind == "boolean":
        return Column(name, np.array(["" if cell is None else "yes" if cell else "no" for cell in cells]))
    if kind == "date" and all(cell is None or hasattr(cell, "year") for cell in cells):
        days = [np.nan if cell is None else np.datetime64(cell, "D").astype(int) for cell in cells]
        return Column(name, np.array(days, dtype=np.float64), "date")
    return Column(name, np.array(["" if cell is None else str(cell) for cell in cells]))


def _measures(part: Part) -> list[Column]:
    """Measure ready tensors by what they are: see `docs/architecture.md` on the names of inputs."""
    found = []
    for name, array in part.x.items():
        measure = MEASURES.get(name)
        if measure is not None and array.ndim >= 2:
            found += [Column(title, values, "number") for title, values in measure(array).items()]
    return found


def _of_tokens(tokens: np.ndarray) -> dict[str, np.ndarray]:
    return {"Length in words or signs": (np.asarray(tokens) != 0).sum(axis=1).astype(np.float64)}


def _of_words(name: str) -> Measure:
    """Measure one of several texts by its length."""
    return lambda tokens: {f"Length of the {name}": _of_tokens(tokens)["Length in words or signs"]}


def _of_pictures(pictures: np.ndarray) -> dict[str, np.ndarray]:
    flat = _thin(pictures)
    return {"Brightness (0 to 255)": flat.mean(axis=1), "Contrast": flat.std(axis=1)}


def _of_sounds(sounds: np.ndarray) -> dict[str, np.ndarray]:
    return {"Loudness (0 to 1)": np.sqrt((_thin(sounds) ** 2).mean(axis=1))}


def _of_series(series: np.ndarray) -> dict[str, np.ndarray]:
    flat = _thin(series)
    return {"Mean of the measurements": flat.mean(axis=1), "Ups and downs of the measurements": flat.std(axis=1)}


def _thin(array: np.ndarray, most: int = 4_096) -> np.ndarray:
    """Return at most so many numbers a row, evenly spread: (rows, numbers) float32."""
    flat = array.reshape(len(array), -1)
    return np.asarray(flat[:, :: max(1, flat.shape[1] // most)], dtype=np.float32)


MEASURES: dict[str, Measure] = {
    "tokens": _of_tokens,
    "source": _of_words("sentence"),
    "context": _of_words("text"),
    "question": _of_words("question"),
    "picture": _of_pictures,
    "clip": _of_pictures,
    "sound": _of_sounds,
    "series": _of_series,
}
