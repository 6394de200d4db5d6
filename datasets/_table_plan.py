"""What a recipe makes of a table: which column is learned, which are used and as what, which rows can serve."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from datasets import DataSet, PartName
from datasets._split import NEEDED, refuse_held_out, split
from datasets._table_columns import as_numbers, as_texts, find_column, one_array, propose_task
from datasets._table_config import Config
from datasets._table_encoding import raw_cells
from recipes import Data, Finding, Refusal, known, validate

TASKS = ("classification", "regression", "reconstruction")
FEWEST_ROWS = 10
RARE = 0.1
"""A class with a smaller share of the rows is taken for the odd one that redrawing is to find."""
MOST_CLASSES = 1000
MOST_COPIES = 0.1
"""Above this share of equal rows the columns simply take few values, and equal rows are no copies of each other."""


@dataclass(frozen=True)
class Plan:
    """A table as one recipe uses it. `rows` are the rows that can serve; `cells` are whole columns."""

    data: Data
    target: str
    """The column that is learned. For redrawing the column that only judges, or nothing."""
    task: str
    kinds: dict[str, str]
    """Kind of every column but the target, `ignore` included."""
    reasons: dict[str, str]
    cells: dict[str, pa.Array]
    rows: np.ndarray
    labels: np.ndarray
    """Class names (regression: numbers) of these rows."""
    classes: tuple[str, ...]
    without_target: int
    left_out: dict[str, int]
    """Classes that were left out as too rare, with their rows."""
    strays: dict[str, dict[str, Any]]
    """Cells that are no numbers in columns of numbers, as reading found them."""
    held_out: str = ""
    """Redrawing only: the class that is never trained on."""

    @property
    def all_rows(self) -> int:
        """Rows of the table, those without a target included."""
        return len(next(iter(self.cells.values())))

    @property
    def odd(self) -> tuple[int, ...]:
        """Redrawing only: the classes that should be found as odd, by number: the one held out, else a rare second."""
        if self.task != "reconstruction" or not self.classes:
            return ()
        if self.held_out:
            return (self.classes.index(self.held_out),)
        rarest = min(self.counts, key=lambda name: self.counts[name])
        is_rare = len(self.classes) == 2 and self.counts[rarest] < RARE * len(self.rows)
        return (self.classes.index(rarest),) if is_rare else ()

    @property
    def used(self) -> dict[str, str]:
        """The columns given to the model, with their kinds."""
        return {name: kind for name, kind in self.kinds.items() if kind != "ignore"}

    @cached_property
    def counts(self) -> dict[str, int]:
        """Rows of each class."""
        found, codes = self._coded
        told = dict(zip(found.tolist(), np.bincount(codes, minlength=len(found)).tolist(), strict=True))
        return {name: told[name] for name in self.classes}

    @cached_property
    def _coded(self) -> tuple[np.ndarray, np.ndarray]:
        """The different labels, sorted as texts, and the place of each usable row's label among them."""
        return np.unique(self.labels.astype(str), return_inverse=True)

    @cached_property
    def copies(self) -> np.ndarray:
        """A number for each usable row that is the same for rows equal in every cell, ignored columns included."""
        import pandas as pd
        from pandas import util

        hash_rows: Any = util.hash_pandas_object

        frame = pd.DataFrame(
            {str(place): array.to_pandas() for place, array in enumerate(self.cells.values())}, copy=False
        )
        hashes = hash_rows(frame, index=False).to_numpy()
        return np.unique(hashes[self.rows], return_inverse=True)[1]

    @property
    def copied_rows(self) -> int:
        """How many rows repeat an earlier one."""
        return len(self.rows) - int(self.copies.max(initial=-1)) - 1

    @property
    def keeps_copies_together(self) -> bool:
        """Are equal rows few enough to be copies, which must not be shared between training and test?"""
        return 0 < self.copied_rows <= MOST_COPIES * len(self.rows)

    def parts(self, seed: int) -> dict[PartName, np.ndarray]:
        """Split the usable rows; returns positions in `rows`."""
        refuse_held_out(self.data.folded, self.held_out)
        usual = np.flatnonzero(self.labels != self.held_out) if self.held_out else np.arange(len(self.rows))
        labels = None if (alike := self._alike()) is None else alike[usual]
        groups = self.copies[usual] if self.keeps_copies_together else None
        found = split(labels, len(usual), self.data.validation, self.data.test, seed, groups, fold=self.data.folded)
        parts: dict[PartName, np.ndarray] = {name: usual[places] for name, places in found.items()}
        if self.held_out:
            parts["test"] = np.sort(np.r_[parts["test"], np.flatnonzero(self.labels == self.held_out)])
        return parts

    def _alike(self) -> np.ndarray | None:
        """Return what every part should have its share of: classes, or tenths by size of the number."""
        if self.classes:
            if self.task == "reconstruction" and min(self.counts.values()) < NEEDED:
                return None
            names, codes = self._coded
            return names[codes]
        if self.task == "reconstruction" or len(self.labels) < 100:
            return None
        ranks = np.argsort(np.argsort(self.labels, kind="stable"), kind="stable")
        return ranks * 10 // len(ranks)

    def raw(self, name: str) -> np.ndarray:
        """Return a used column's usable rows as the finished model takes them."""
        return raw_cells(self.cells[name], self.kinds[name])[self.rows]


def make_plan(dataset: DataSet, table: pa.Table, data: Data) -> Plan:
    """Work out what the recipe's `data` asks of this table; raises `Refusal` for what does not exist or fit."""
    config: Any = validate(Config, data.settings, "data")
    schema = {column.name: column for column in dataset.schema.columns}
    for name in config.columns:
        if name not in schema:
            raise known("column", name, schema)
    target = data.target or dataset.schema.target
    if not target and data.task != "reconstruction":
        raise Refusal(f"Which column is to be learned? Choose a target: {', '.join(list(schema)[:20])}.")
    if target and target not in schema:
        raise known("column", target, schema)
    cells = {name: one_array(table.column(name)) for name in table.column_names}
    kinds, reasons = {}, {}
    for name, column in schema.items():
        wanted = config.columns.get(name, "")
        if wanted and wanted != column.kind:
            found = find_column(name, cells[name], ".", wanted)
            column, cells[name] = found.column, found.cells  # noqa: PLW2901  the recipe overrules the schema
        kinds[name], reasons[name] = column.kind, column.reason
    if data.task not in {"", *TASKS}:
        raise known("task", data.task, TASKS)
    strays = dataset.schema.details.get("strays", {})
    if data.task == "reconstruction":
        target = target if target and _may_judge(schema[target], cells[target]) else ""
        kinds.pop(target, None)
        return _without_target(data, config, target, kinds, reasons, cells, strays)
    if config.hold_out:
        raise Refusal("Only redrawing (`data.task: reconstruction`) can hold out a class. Leave `data.hold_out` empty.")
    task = _task(data, schema[target], target, kinds[target], cells[target])
    kinds.pop(target)
    return _with_rows(data, config, target, task, kinds, reasons, cells, strays)


def _task(data: Data, column: Any, target: str, kind: str, cells: pa.Array) -> str:
    task = data.task or propose_task(
        column.model_copy(update={"kind": kind if kind != "ignore" else _plain_kind(cells)}), cells
    )
    if task == "regression" and not np.isfinite(as_numbers(cells, "date" if kind == "date" else "number")).any():
        raise Refusal(
            f"Column '{target}' does not hold numbers, so no number can be predicted. "
            "Choose the task 'classification', or another target."
        )
    return task


def _plain_kind(cells: pa.Array) -> str:
    return "number" if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) else "category"


def _with_rows(
    data: Data, config: Any, target: str, task: str, kinds: dict[str, str], reasons: dict[str, str],
    cells: dict[str, pa.Array], strays: dict[str, Any],
) -> Plan:  # fmt: skip
    left_out: dict[str, int] = {}
    if task == "regression":
        labels = as_numbers(cells[target], "date" if pa.types.is_timestamp(cells[target].type) else "number")
        rows = np.flatnonzero(np.abs(labels) < 1e38)
        classes: tuple[str, ...] = ()
    else:
        labels = as_texts(cells[target])
        rows = np.flatnonzero(labels != "")
        found, counts = np.unique(labels[rows].astype(str), return_counts=True)
        if config.rare_classes == "leave out":
            left_out = {str(name): int(n) for name, n in zip(found, counts, strict=True) if n < NEEDED}
            rows = rows[~np.isin(labels[rows].astype(str), list(left_out))] if left_out else rows
        classes = sorted_classes(str(name) for name in found if name not in left_out)
    return Plan(
        data=data, target=target, task=task, kinds=kinds, reasons=reasons, cells=cells, rows=rows, labels=labels[rows],
        classes=classes, without_target=len(labels) - len(rows) - sum(left_out.values()), left_out=left_out,
        strays=strays,
    )  # fmt: skip


def _may_judge(column: Any, cells: pa.Array) -> bool:
    """Is this a column of classes, by which the odd rows can be told afterwards?"""
    kind = column.kind if column.kind != "ignore" else _plain_kind(cells)
    return kind != "text" and propose_task(column.model_copy(update={"kind": kind}), cells) == "classification"


def _without_target(
    data: Data, config: Any, target: str, kinds: dict[str, str], reasons: dict[str, str], cells: dict[str, pa.Array],
    strays: dict[str, Any],
) -> Plan:  # fmt: skip
    """Plan a redrawing: every row with its label (if there is a column that judges), nothing to be predicted."""
    labels = as_texts(cells[target]) if target else np.full(len(next(iter(cells.values()))), "", dtype=object)
    rows = np.flatnonzero(labels != "") if target else np.arange(len(labels))
    classes = sorted_classes(np.unique(labels[rows].astype(str)).tolist()) if target else ()
    if config.hold_out and config.hold_out not in classes:
        raise known("class", config.hold_out, classes)
    return Plan(
        data=data, target=target, task="reconstruction", kinds=kinds, reasons=reasons, cells=cells, rows=rows,
        labels=labels[rows], classes=classes, without_target=len(labels) - len(rows), left_out={}, strays=strays,
        held_out=config.hold_out,
    )  # fmt: skip


def sorted_classes(names: Any) -> tuple[str, ...]:
    """Sort class names; names that are all numbers by their value."""
    names = list(names)
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(sorted(names))


def problems(plan: Plan) -> list[Finding]:
    """Find what makes training impossible; `prepare` refuses with the first of these."""
    found = []
    usable = len(plan.rows)
    if usable < FEWEST_ROWS:
        found.append(
            _problem("rows", f"Only {_rows(usable)} can be used, but at least {FEWEST_ROWS} are needed.", "Add rows.")
        )
    if not plan.used:
        found.append(_problem(
            "columns", "No column is left to learn from.",
            f"Choose a kind other than 'ignore' for one of: {', '.join(list(plan.kinds)[:10]) or 'none'}."
            if plan.kinds else "Add columns beside the target.",
        ))  # fmt: skip
    if plan.task == "reconstruction":
        return found
    if plan.task == "regression":
        if usable and plan.labels.min() == plan.labels.max():
            found.append(_problem(
                "one_value", f"Column '{plan.target}' holds the same number in every row.", "Choose another target.",
                plan.target,
            ))  # fmt: skip
        return found
    return found + (_class_problems(plan) if usable >= FEWEST_ROWS else [])


def _class_problems(plan: Plan) -> list[Finding]:
    counts = plan.counts
    rare = [name for name, count in counts.items() if count < NEEDED]
    if len(counts) == 1:
        name = next(iter(counts))
        return [_problem(
            "one_class", f"Only one class '{name}' in column '{plan.target}': the model has nothing to tell apart.",
            "Choose another target, or add rows of another class.", plan.target,
        )]  # fmt: skip
    if len(counts) > MOST_CLASSES or (len(rare) > len(counts) / 2 and len(counts) > 20):
        return [_problem(
            "too_many_classes",
            f"Column '{plan.target}' has {len(counts):,} different values in {_rows(len(plan.rows))}: "
            "too many to be classes.",
            "Choose another target, or the task 'regression' if it holds numbers.", plan.target,
        )]  # fmt: skip
    if rare:
        more = f" ({len(rare) - 1} more such {'class' if len(rare) == 2 else 'classes'})" if len(rare) > 1 else ""
        return [_problem(
            "rare_classes", f"Class '{rare[0]}' has only {_rows(counts[rare[0]])}{more}.",
            f"Each class needs at least {NEEDED}, so that training, validation and test each get one: add rows to it, "
            "or set 'Rare classes' to 'leave out'.", plan.target,
        )]  # fmt: skip
    return []


def _problem(code: str, sentence: str, cure: str, column: str = "") -> Finding:
    return Finding(code=code, severity="problem", sentence=sentence, cure=cure, column=column)


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
