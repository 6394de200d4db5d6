"""What a recipe makes of a table with texts: which column is read, which is learned, which rows can serve."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from datasets import PartName
from datasets._split import NEEDED, split
from datasets._table_columns import as_numbers, as_texts, one_array, propose_target, propose_task
from datasets._table_plan import sorted_classes
from recipes import Column, Data, Finding, Refusal, Schema, known

FEWEST_ROWS = 10
MOST_CLASSES = 1000
_TEXT_NAMES = (
    "text", "review", "review text", "sentence", "message", "comment", "tweet", "body", "content", "description",
    "document", "question", "headline",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """Texts and labels as one recipe uses them. `rows` are the rows that can serve."""

    data: Data
    column: str
    target: str
    task: str
    rows: np.ndarray
    texts: np.ndarray
    """The texts of these rows."""
    labels: np.ndarray
    """Class names of these rows; numbers where a number is learned."""
    classes: tuple[str, ...]
    without_text: int
    without_target: int
    left_out: dict[str, int]
    """Classes that were left out as too rare, with their rows."""

    @cached_property
    def counts(self) -> dict[str, int]:
        """Rows of each class."""
        found, counts = np.unique(self.labels.astype(str), return_counts=True)
        told = dict(zip(found.tolist(), counts.tolist(), strict=True))
        return {name: told[name] for name in self.classes}

    @cached_property
    def copies(self) -> np.ndarray:
        """A number for each row that is the same for texts that differ in spaces and in small or capital letters."""
        return np.unique([" ".join(text.lower().split()) for text in self.texts], return_inverse=True)[1]

    @property
    def copied_rows(self) -> int:
        """How many rows repeat an earlier text."""
        return len(self.rows) - len(np.unique(self.copies))

    def parts(self, seed: int) -> dict[PartName, np.ndarray]:
        """Split the usable rows, copies on one side; returns positions in `rows`."""
        labels: np.ndarray | None = self.labels.astype(str)
        if self.task == "regression":  # tenths by size of the number, so that every part sees small and large ones
            ranks = np.argsort(np.argsort(self.labels, kind="stable"), kind="stable")
            labels = ranks * 10 // len(ranks) if len(ranks) >= 100 else None
        groups = self.copies if self.copied_rows else None
        return split(
            labels, len(self.rows), self.data.validation, self.data.test, seed, groups, "sentence", self.data.folded
        )


def find_text_column(columns: dict[str, Column], cells: dict[str, pa.Array]) -> str:
    """Name the column that holds the texts: by its name, else the one with the most words; empty where none does."""
    words = {
        name: words_a_cell(cells[name]) for name, column in columns.items() if pa.types.is_string(cells[name].type)
    }
    able = {name: count for name, count in words.items() if count >= 2 and columns[name].unique > 1}
    for wanted in _TEXT_NAMES:
        for name in able:
            if name.lower().replace("_", " ").strip() == wanted:
                return name
    return max(able, key=lambda name: able[name], default="")


def words_a_cell(cells: pa.Array) -> float:
    """Count the words of an average cell, looking at some hundred."""
    told = [text for text in as_texts(cells.slice(0, 500)) if text]
    return sum(len(text.split()) for text in told) / len(told) if told else 0.0


def find_target(columns: dict[str, Column], text: str) -> str:
    """Propose what to learn: any column but the texts."""
    return propose_target({name: column for name, column in columns.items() if name != text})


def make_plan(schema: Schema, table: pa.Table, data: Data, config: Any) -> Plan:
    """Work out what the recipe's `data` asks of these texts; raises `Refusal` for what does not exist or fit."""
    columns = {column.name: column for column in schema.columns}
    column = config.text_column or schema.details["text_column"]
    target = data.target or schema.target
    for name in (column, target):
        if name and name not in columns:
            raise known("column", name, columns)
    if not target:
        raise Refusal(f"Which column is to be learned? Choose a target: {', '.join(list(columns)[:20])}.")
    if target == column:
        raise Refusal(f"Column '{column}' holds the texts and cannot be learned as well. Choose another target.")
    texts = as_texts(one_array(table.column(column)))
    task = _task(data, columns[target], one_array(table.column(target)))
    labels, has_label = _labels(one_array(table.column(target)), task)
    has_text = np.array([bool(text.strip()) for text in texts])
    rows = np.flatnonzero(has_text & has_label)
    left_out: dict[str, int] = {}
    if task == "classification" and config.rare_classes == "leave out":
        found, counts = np.unique(labels[rows].astype(str), return_counts=True)
        left_out = {str(name): int(count) for name, count in zip(found, counts, strict=True) if count < NEEDED}
        rows = rows[~np.isin(labels[rows].astype(str), list(left_out))] if left_out else rows
    return Plan(
        data=data, column=column, target=target, task=task, rows=rows, texts=texts[rows], labels=labels[rows],
        classes=sorted_classes(set(labels[rows].tolist())) if task == "classification" else (),
        without_text=int((~has_text).sum()), without_target=int((has_text & ~has_label).sum()), left_out=left_out,
    )  # fmt: skip


def _task(data: Data, column: Column, cells: pa.Array) -> str:
    if data.task not in {"", "classification", "regression"}:
        raise known("task", data.task, ("classification", "regression"))
    task = data.task or propose_task(column, cells)
    if task == "regression" and not np.isfinite(as_numbers(cells, "number")).any():
        raise Refusal(
            f"Column '{column.name}' does not hold numbers, so no number can be predicted. "
            "Choose the task 'classification', or another target."
        )
    return task


def _labels(cells: pa.Array, task: str) -> tuple[np.ndarray, np.ndarray]:
    if task == "regression":
        numbers = as_numbers(cells, "number")
        return numbers, np.abs(numbers) < 1e38
    names = as_texts(cells)
    return names, names != ""


def problems(plan: Plan) -> list[Finding]:
    """Find what makes training impossible; `prepare` refuses with the first of these."""
    usable = len(plan.rows)
    if usable < FEWEST_ROWS:
        told = f"Only {count(usable)} with a label can be used, but at least {FEWEST_ROWS} are needed."
        return [_problem("rows", told, "Add sentences.")]
    if plan.task == "regression":
        if plan.labels.min() == plan.labels.max():
            told = f"Column '{plan.target}' holds the same number in every row."
            return [_problem("one_value", told, "Choose another target.", plan.target)]
        return []
    return _class_problems(plan)


def _class_problems(plan: Plan) -> list[Finding]:
    counts = plan.counts
    rare = [name for name, rows in counts.items() if rows < NEEDED]
    if len(counts) == 1:
        told = f"Only one class '{plan.classes[0]}' in column '{plan.target}': the model has nothing to tell apart."
        cure = "Choose another target, or add sentences of another class."
        return [_problem("one_class", told, cure, plan.target)]
    if len(counts) > MOST_CLASSES or (len(rare) > len(counts) / 2 and len(counts) > 20):
        told = f"Column '{plan.target}' has {len(counts):,} different values: too many to be classes."
        return [_problem("too_many_classes", told, "Choose another target.", plan.target)]
    if rare:
        more = f" ({len(rare) - 1} more such {'class' if len(rare) == 2 else 'classes'})" if len(rare) > 1 else ""
        told = f"Class '{rare[0]}' has only {count(counts[rare[0]])}{more}."
        cure = (
            f"Each class needs at least {NEEDED}, so that training, validation and test each get one: add sentences "
            "to it, or set 'Rare classes' to 'leave out'."
        )
        return [_problem("rare_classes", told, cure, plan.target)]
    return []


def _problem(code: str, sentence: str, cure: str, column: str = "") -> Finding:
    return Finding(code=code, severity="problem", sentence=sentence, cure=cure, column=column)


def count(number: int, thing: str = "sentence") -> str:
    """Write "1 sentence" or "2,000 sentences"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def fingerprint(source: bytes, config: Any) -> str:
    """Name a source together with the settings by which it was read."""
    return hashlib.sha256(source + config.model_dump_json().encode()).hexdigest()
