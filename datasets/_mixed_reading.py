"""From a table whose cells may name picture files, or a zip with both, to columns and an album of pictures."""

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from datasets._archive import Bundle, note_unsafe, opened
from datasets._pictures import ENDINGS, Album, Entry, Picture, canonical, open_picture
from datasets._table_columns import as_texts, one_array
from datasets._table_config import Config as TableConfig
from datasets._table_reading import Table, read_table
from recipes import Refusal

TABLES = (".csv", ".tsv", ".xlsx", ".parquet", ".json", ".jsonl")
NAMED = 0.8
"""So many of a column's cells must name pictures of the upload, or be lists of numbers."""
FEWEST_STEPS = 5
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_LIST = re.compile(rf"^[\[(]?\s*{_NUMBER}(?:\s*[,; |]\s*{_NUMBER}){{{FEWEST_STEPS - 1},}}\s*[\])]?$")
_FOUND = re.compile(_NUMBER)


@dataclass
class Parts:
    """A table taken apart: plain columns, series written as texts, and the pictures that one column names."""

    columns: dict[str, pa.Array]
    """Every column but that of the pictures, whose cells are exchanged for what tells equal pictures."""
    series: list[str] = field(default_factory=list)
    picture: str = ""
    """The column of pictures; empty where there is none."""
    notes: list[str] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    """Rows without a picture that could be read."""
    details: dict[str, Any] = field(default_factory=dict)


def read_parts(file: Path, reading: TableConfig, folder: Path) -> Parts:
    """Read an upload; an album is written to `folder` where a column names pictures."""
    if file.is_dir() or file.suffix.lower() == ".zip":
        with opened(file) as bundle:
            name, table = _table_of(bundle, reading)
            parts = _apart(table, _pictures_of(bundle))
            parts.notes = [*note_unsafe(bundle), *parts.notes]
            if parts.picture:
                _write_album(parts, bundle, folder)
            elif _pictures_of(bundle):
                parts.notes.append(f"No column of '{name}' names the pictures beside it, so they are left out.")
        return parts
    return _apart(_with_lists(read_table(file, reading), file), {})


def numbers_of(text: str) -> np.ndarray:
    """Read a cell that is a list of numbers: "[1, 2, 3]", "1;2;3", "1 2 3"."""
    return np.array([float(each) for each in _FOUND.findall(text)], dtype=np.float32)


def is_series(cells: pa.Array) -> bool:
    """Are nearly all cells lists of numbers?"""
    if not pa.types.is_string(cells.type):
        return False
    present = [text for text in cells.drop_null().slice(0, 500).to_pylist() if text.strip()]
    return bool(present) and sum(_LIST.match(text.strip()) is not None for text in present) >= NAMED * len(present)


def _table_of(bundle: Bundle, reading: TableConfig) -> tuple[str, Table]:
    """Read the table of a bundle; of several the one in which most cells name pictures, else the first."""
    names = [name for name in bundle.names if PurePosixPath(name).suffix.lower() in TABLES]
    if not names:
        raise Refusal(
            "There is no table in this zip. Put one beside the pictures, with a column that names their files."
        )
    pictures, best = _pictures_of(bundle), ("", Table({}), -1)
    with tempfile.TemporaryDirectory() as place:
        for number, name in enumerate(names[:10]):
            copy = Path(place) / f"{number}{PurePosixPath(name).suffix.lower()}"
            try:
                copy.write_bytes(bundle.read(name))
                table = _with_lists(read_table(copy, reading), copy)
            except OSError:
                raise Refusal(f"The table '{PurePosixPath(name).name}' is damaged. Zip the folder again.") from None
            except Refusal:
                if len(names) == 1:
                    raise
                continue
            named = max((_hits(cells, pictures) for cells in table.columns.values()), default=0)
            if named > best[2]:
                best = (PurePosixPath(name).name, table, named)
    if not best[1].columns:
        raise Refusal("None of the tables in this zip can be read. Save one as CSV and zip the folder again.")
    return best[0], best[1]


def _with_lists(table: Table, file: Path) -> Table:
    """Add columns of lists, which only Parquet knows, as texts."""
    if file.suffix.lower() != ".parquet":
        return table
    read = parquet.read_table(file)
    for name, column in zip(read.column_names, read.columns, strict=True):
        kind = column.type
        if (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and (
            pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)
        ):
            cells = one_array(column).to_pylist()
            table.columns[name] = pa.array(
                [None if cell is None else " ".join(f"{each:.7g}" for each in cell) for cell in cells]
            )
    table.notes = [note for note in table.notes if "no single values" not in note]
    return table


def _pictures_of(bundle: Bundle) -> dict[str, str]:
    """Map what a cell may call a picture (path, end of the path, name without ending) to its name in the bundle."""
    index: dict[str, str] = {}
    for name in bundle.names:
        path = PurePosixPath(name)
        if path.suffix.lower() in ENDINGS:
            for start in range(len(path.parts)):
                index.setdefault("/".join(path.parts[start:]).lower(), name)
            index.setdefault(path.stem.lower(), name)
    return index


def _hits(cells: pa.Array, pictures: Mapping[str, str]) -> int:
    """Count the cells that name a picture."""
    if not pictures:
        return 0
    return sum(_key(text) in pictures for text in as_texts(cells))


def _key(text: str) -> str:
    return text.replace("\\", "/").removeprefix("./").strip("/").lower()


def _apart(table: Table, pictures: Mapping[str, str]) -> Parts:
    parts = Parts(dict(table.columns), notes=list(table.notes), details=dict(table.details))
    named = Counter({name: _hits(cells, pictures) for name, cells in table.columns.items()})
    for name, hits in named.most_common():
        filled = int((as_texts(table.columns[name]) != "").sum())
        if not hits or hits < NAMED * filled:
            break
        if parts.picture:
            parts.notes.append(f"Column '{name}' also names pictures; only those of '{parts.picture}' are used.")
            del parts.columns[name]
        else:
            parts.picture = name
    parts.series = [name for name, cells in parts.columns.items() if name != parts.picture and is_series(cells)]
    return parts


def _write_album(parts: Parts, bundle: Bundle, folder: Path) -> None:
    """Write the pictures row by row; a row without one gets a plain grey one and is noted."""
    index, texts = _pictures_of(bundle), as_texts(parts.columns[parts.picture])
    broken: list[str] = []

    def entries() -> Iterator[Entry]:
        for row, text in enumerate(texts):
            entry = _entry(bundle, index.get(_key(text)))
            if entry is None:
                broken.append(str(text))
                parts.missing.append(row)
            yield entry or blank()

    album = Album.write(folder, entries(), [0] * len(texts))
    if len(broken) > (1 - NAMED) * len(texts):
        raise Refusal(
            f"{len(broken):,} of {len(texts):,} pictures could not be read, such as '{broken[0]}'. Check the files."
        )
    if broken:
        parts.notes.append(
            f"{len(broken):,} of {len(texts):,} rows have no picture that can be read; they show plain grey."
        )
    mark_pictures(parts, album)


def _entry(bundle: Bundle, name: str | None) -> Entry | None:
    """Open one picture; None where there is none or it is broken."""
    if name is None:
        return None
    try:
        return Entry.of(open_picture(bundle.read(name), PurePosixPath(name).name))
    except (OSError, Refusal):
        return None


def mark_pictures(parts: Parts, album: Album) -> None:
    """Put what tells equal pictures into the column of pictures; a missing one is null."""
    gone = set(parts.missing)
    marks = [None if row in gone else f"{int(digest):016x}" for row, digest in enumerate(album.digests)]
    parts.columns[parts.picture] = pa.array(marks, pa.string())


def blank() -> Entry:
    """Return a plain grey picture for a row that has none."""
    return Entry.of(Picture(canonical(Image.new("L", (8, 8), 128)), 8, 8))
