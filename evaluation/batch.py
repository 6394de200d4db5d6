"""Many examples at once: a file of them in, a CSV of answers out, in bounded memory. Jobs only."""

import csv
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from datasets import _many
from evaluation.predict import download, signature_of
from recipes import Refusal, Signature
from records import Run

AT_ONCE = 256
SHOWN = 20
"""Rows of the preview."""
MOST_CLASSES = 20
"""With more classes only the likeliest one is written."""
MOST_NUMBERS = 64
UNSAFE = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula."""

Row = dict[str, Any]


def answer_file(run: Run, file: Path, out: Path, tell: Callable[[float, str], None]) -> dict[str, Any]:
    """Answer every example of a file into a CSV; returns {"rows", "refused", "preview", "columns"}.

    In front stand the file's own columns, then the answers; where an example cannot be read, the last column says why.
    """
    signature = signature_of(run)
    many = _many.opened(signature, file)
    model = download(run, "model")
    told: dict[str, Any] = {"rows": 0, "refused": 0, "preview": []}
    columns: list[str] = []
    with out.open("w", newline="", encoding="utf-8-sig") as opened:
        writer = csv.writer(opened)
        for block in _blocks(many.cells):
            tell(told["rows"] / many.count, f"{told['rows']:,} of {many.count:,} answered")
            answers = answered(signature, model, [values for _, values in block])
            for (front, _), answer in zip(block, answers, strict=True):
                if not columns:
                    names = _answer_names(signature, answers, many.columns)
                    columns = [*many.columns, *names.values(), "problem"]
                    writer.writerow(map(_safe, columns))
                row = [*(front[name] for name in many.columns), *(answer.get(name) for name in names)]
                row.append(answer.get("problem", ""))
                writer.writerow([_safe(cell) for cell in row])
                told["refused"] += "problem" in answer
                if len(told["preview"]) < SHOWN:
                    told["preview"].append([_plain(cell) for cell in row])
            told["rows"] += len(block)
    return told | {"columns": columns}


def _blocks(cells: Iterator[tuple[Row, Row]]) -> Iterator[list[tuple[Row, Row]]]:
    while block := list(islice(cells, AT_ONCE)):
        yield block


def answered(signature: Signature, model: Any, values: list[Row]) -> list[Row]:
    """Answer examples; equal shapes together, what cannot be read with its reason."""
    kind = datasets.get(signature.data_type)
    told: list[Row] = [{} for _ in values]
    ready: dict[tuple[Any, ...], list[tuple[int, Row]]] = {}
    for place, each in enumerate(values):
        try:
            row = kind.parse(signature, each)
        except Refusal as refusal:
            told[place] = {"problem": str(refusal)}
            continue
        ready.setdefault(tuple(array.shape for array in row.values()), []).append((place, row))
    for alike in ready.values():
        rows = _filled([row for _, row in alike])
        answers = {name: np.asarray(each) for name, each in model.predict_on_batch(rows).items()}
        for at, (place, _) in enumerate(alike):
            told[place] = _named_answers(signature, {name: each[at] for name, each in answers.items()})
    return told


def _filled(rows: list[Row]) -> Row:
    """Put rows together; small tables are filled up to one size, so that nothing is traced for a last block."""
    cells = all(array.ndim <= 2 for array in rows[0].values())
    rows = rows + [rows[-1]] * (AT_ONCE - len(rows)) if cells else rows
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _named_answers(signature: Signature, answers: Row) -> Row:
    target = signature.target
    if signature.task == "classification":
        shares = np.asarray(answers[target.name], dtype=float)
        best = int(shares.argmax())
        each = {f"share of {name}": float(share) for name, share in zip(target.classes, shares, strict=True)}
        few = each if len(target.classes) <= MOST_CLASSES else {}
        return {target.name: target.classes[best], "confidence": float(shares[best])} | few
    return {name: _flat(answer) for name, answer in answers.items()}


def _flat(answer: np.ndarray) -> Any:
    """Return one number or text as it is, several as a list in JSON."""
    values = [_plain(value) for value in np.ravel(answer)]
    if len(values) == 1:
        return values[0]
    return json.dumps(values[:MOST_NUMBERS], ensure_ascii=False)


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _answer_names(signature: Signature, answers: list[Row], taken: tuple[str, ...]) -> dict[str, str]:
    """Name the answers' columns so that none meets a column of the file: `species` becomes `predicted species`."""
    names = next((list(row) for row in answers if "problem" not in row), [signature.target.name])
    return {name: f"predicted {name}" if name in taken or name == signature.target.name else name for name in names}


def _safe(cell: Any) -> Any:
    """Keep a text from being taken for a formula by a spreadsheet."""
    text = "" if cell is None else cell
    return f"'{text}" if isinstance(text, str) and text.startswith(UNSAFE) else _plain(text)
