"""A file of examples that a finished model is to answer: a table with a row each, or a zip with a file each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import _archive
from datasets._table_config import Config
from datasets._table_reading import Table, plain_cells, read_table
from recipes import Refusal, Signature

FILES = ("picture", "sound", "clip")
"""Kinds of raw input that are a file of their own."""
BLOCK = 2_000


@dataclass(frozen=True)
class Many:
    """Examples in the order of their file: how many, what they are called, and the cells of each."""

    count: int
    columns: tuple[str, ...]
    """What stands in front of each answer: the table's own columns, or `file`."""
    cells: Iterator[tuple[dict[str, Any], dict[str, Any]]]
    """Of each example what stands in front, and the values for `DataType.parse`."""


def opened(signature: Signature, file: Path) -> Many:
    """Open such a file for a model; raises `Refusal` in words where it lacks a column or is no such file."""
    kinds = {raw.kind for raw in signature.raw}
    if kinds & set(FILES):
        if len(signature.raw) > 1:
            raise Refusal("A model of several kinds of data answers one example at a time. Use the form above.")
        return _of_zip(signature, file)
    if "series" in kinds:
        raise Refusal("A model of series answers one series at a time. Use the form above.")
    return _of_table(signature, read_table(file, Config()))


def _of_zip(signature: Signature, file: Path) -> Many:
    (raw,) = signature.raw
    with _archive.opened(file) as bundle:
        names = bundle.names
    if not names:
        raise Refusal("This zip holds no files. Put the files into it and try again.")

    def read() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        with _archive.opened(file) as bundle:
            for name in names:
                try:
                    yield {"file": name}, {raw.name: bundle.read(name)}
                except OSError:
                    yield {"file": name}, {raw.name: b""}

    return Many(len(names), ("file",), read())


def _of_table(signature: Signature, table: Table) -> Many:
    named = _named(signature, table)
    cells = {name: plain_cells(column) for name, column in table.columns.items()}
    kept = {name: column for name, column in cells.items() if column is not None}
    count = len(next(iter(table.columns.values())))

    def read() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for start in range(0, count, BLOCK):
            block = {name: column.slice(start, BLOCK).to_pylist() for name, column in kept.items()}
            for place in range(min(BLOCK, count - start)):
                row = {name: column[place] for name, column in block.items()}
                yield row, {raw: row.get(column) for raw, column in named.items()}

    return Many(count, tuple(kept), read())


def _named(signature: Signature, table: Table) -> dict[str, str]:
    """Return which column holds each raw input; a single text may be called anything where it stands alone."""
    wanted, there = [raw.name for raw in signature.raw], list(table.columns)
    if len(wanted) == 1 and len(there) == 1:
        return {wanted[0]: there[0]}
    lower = {name.strip().lower(): name for name in reversed(there)}
    missing = [name for name in wanted if name.strip().lower() not in lower]
    if missing:
        some = ", ".join(f"'{name}'" for name in missing[:5]) + (", ..." if len(missing) > 5 else "")
        has = ", ".join(f"'{name}'" for name in there[:12]) + (", ..." if len(there) > 12 else "")
        one = len(missing) == 1
        raise Refusal(
            f"The column{'' if one else 's'} {some} {'is' if one else 'are'} missing. The file has: {has}. Name "
            f"{'it' if one else 'them'} as in the training data; cells may be empty."
        )
    return {name: lower[name.strip().lower()] for name in wanted}
