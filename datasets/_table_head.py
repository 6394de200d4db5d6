"""The first rows of an upload, read quickly: enough to tell which kind of table it is."""

import tempfile
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from datasets._table_config import Config
from datasets._table_reading import Table, plain_cells, read_table
from recipes import Refusal

HEAD_BYTES = 200_000
HEAD_ROWS = 200
SMALL_FILE = 5_000_000
"""Files that must be read whole (Excel, JSON) are looked at up to this size."""
WHOLE = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".json")


def head_of(file: Path) -> Table | None:
    """Return the first rows of a table, or None where the file is none (or too big to be read for a guess)."""
    try:
        told = file.stat()
    except OSError:
        return None
    return _head(file, told.st_mtime_ns, told.st_size) if file.is_file() else None


@lru_cache(maxsize=32)
def _head(file: Path, _changed: int, size: int) -> Table | None:
    try:
        if file.suffix.lower() in {".parquet", ".pq"}:
            return _parquet_head(file)
        if file.suffix.lower() in WHOLE or size <= HEAD_BYTES:
            return _shortened(read_table(file, Config())) if size <= SMALL_FILE else None
        return _text_head(file)
    except Refusal:
        return None  # whoever reads the file says what is wrong with it


def _parquet_head(file: Path) -> Table | None:
    try:
        rows = next(parquet.ParquetFile(file).iter_batches(batch_size=HEAD_ROWS), None)
    except (pa.ArrowException, OSError):
        return None
    if rows is None:
        return None
    plain = {name: plain_cells(cells) for name, cells in zip(rows.schema.names, rows.columns, strict=True)}
    return Table({name: cells for name, cells in plain.items() if cells is not None})


def _text_head(file: Path) -> Table:
    with file.open("rb") as opened:
        start = opened.read(HEAD_BYTES)
    with tempfile.TemporaryDirectory() as folder:
        shorter = Path(folder) / file.name
        shorter.write_bytes(start[: start.rfind(b"\n") + 1] or start)
        return _shortened(read_table(shorter, Config()))


def _shortened(table: Table) -> Table:
    return Table({name: cells.slice(0, HEAD_ROWS) for name, cells in table.columns.items()}, table.notes, table.details)
