"""From an uploaded file to named columns of cells: CSV and its kin, Excel, Parquet, JSON.

What a file *is* is told by its first bytes; its ending is only believed where they are silent. Everything that had to
be guessed is noted in words, and every guess can be overruled in the recipe.
"""

import codecs
import csv
import datetime as dt
import io
import json
import mmap
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasets._table_columns import one_array, pc
from datasets._table_config import Config
from recipes import Refusal

MOST_BYTES = 2_000_000_000
MOST_ROWS = 5_000_000
MOST_COLUMNS = 5_000
LONGEST_CELL = 1_000_000
MOST_UNPACKED = 1_000_000_000
LARGE = 8_000_000
"""Bytes from which on a regular file is read where it lies, never as one text in memory."""
HEAD_BYTES = 1_000_000
MOST_MENDED = 200_000_000
"""Bytes up to which a file is read as one text, as mending needs."""

DELIMITERS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", "^": "carets", "~": "tildes", " ": "spaces"}
"""Tried in this order; the first one that fits the header and the rows best wins."""

_OTHER_FILES = (
    (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"), (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a packed (gzip) file"), (b"Rar!", "a packed (RAR) file"), (b"7z\xbc\xaf", "a packed (7z) file"),
    (b"BZh", "a packed (bzip2) file"), (b"\x7fELF", "a program"), (b"MZ\x90", "a program"), (b"RIFF", "a sound"),
    (b"SQLite format 3", "a database"), (b"\x89HDF", "an HDF5 file"), (b"\x93NUMPY", "a NumPy file"),
)  # fmt: skip


@dataclass
class Table:
    """Columns as they were read: Arrow arrays of strings, numbers, truth values or times, all of one length."""

    columns: dict[str, pa.Array]
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def read_table(file: Path, reading: Config) -> Table:
    """Read any table; raises `Refusal` in words for what is none."""
    size = file.stat().st_size
    if size == 0:
        raise Refusal("The file is empty. Was it still downloading?")
    if size > MOST_BYTES:
        raise Refusal(
            f"This file has {size // 1_000_000:,} MB; the limit is {MOST_BYTES // 1_000_000} MB. "
            "Use fewer rows, or save it as Parquet, which is smaller."
        )
    with file.open("rb") as opened:
        head = opened.read(4096)
    table = _by_content(file, head, reading)
    if table is None and size >= LARGE:
        table = _read_large(file, reading)
    if table is None:
        _refuse_irregular(size)
        table = _read_text(file, reading)
    if not table.columns:
        raise Refusal("The file holds no table: no columns were found. Check that it is the right file.")
    rows = len(next(iter(table.columns.values())))
    _refuse_size(rows, len(table.columns))
    if rows == 0:
        raise Refusal("The file has a header but no rows below it. Add rows of data.")
    return table


def _refuse_irregular(size: int) -> None:
    """Refuse to mend a very large file: that needs many times its size in memory."""
    if size > MOST_MENDED:
        raise Refusal(
            f"This file has {size // 1_000_000:,} MB and is not a regular CSV in UTF-8; up to "
            f"{MOST_MENDED // 1_000_000} MB such a file can be mended. Save it as Parquet, or use fewer rows."
        )


def _refuse_size(rows: int, columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise Refusal(f"This table has {columns:,} columns; the limit is {MOST_COLUMNS:,}. Leave some out.")
    if rows > MOST_ROWS:
        raise Refusal(f"This table has {rows:,} rows; the limit is {MOST_ROWS:,}. Use a part of them.")


def _by_content(file: Path, head: bytes, reading: Config) -> Table | None:
    """Read what its first bytes give away, else return None."""
    if head.startswith(b"PAR1"):
        return _with_surprise(_read_parquet(file), file, "a Parquet file", (".parquet", ".pq"))
    if head.startswith(b"PK\x03\x04"):
        return _with_surprise(
            _read_zip_sheet(file, reading), file, "an Excel file", (".xlsx", ".xlsm", ".xlsb", ".ods")
        )
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _with_surprise(_read_sheet(file, reading), file, "an Excel file", (".xls", ".xlt"))
    for magic, what in _OTHER_FILES:
        if head.startswith(magic):
            raise Refusal(f"This is not a table: it looks like {what}. Save the table as CSV, Excel, Parquet or JSON.")
    if re.match(rb"\s*<(!doctype html|html|\?xml|svg)", head, re.IGNORECASE):
        raise Refusal("This is not a table: it looks like a web page. Download the data itself, for example as CSV.")
    return None


def _with_surprise(table: Table, file: Path, what: str, endings: Sequence[str]) -> Table:
    if file.suffix.lower() not in endings:
        table.notes.insert(0, f"This looks like {what} and was read as one, although its name ends in '{file.suffix}'.")
    return table


# --- text ---------------------------------------------------------------------------------------------------------


def _read_text(file: Path, reading: Config) -> Table:
    text, encoding, notes = _decoded(file.read_bytes(), reading.encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise Refusal("The file is empty: it holds nothing but blank lines.")
    json_named = file.suffix.lower() in {".json", ".jsonl", ".ndjson"}
    if json_named or re.match(r'\s*(\{\s*"|\[\s*[\[{"])', text):
        table = _read_json(text, must=json_named)
        if table is not None:
            table.notes = notes + table.notes
            return table
    if file.suffix.lower() in {".xlsx", ".xls", ".ods", ".parquet", ".pq"}:
        notes.append(f"This is plain text and was read as CSV, although its name ends in '{file.suffix}'.")
    table = _read_delimited(text, reading)
    table.notes = notes + table.notes
    table.details["encoding"] = encoding
    return table


def _decoded(data: bytes, wanted: str) -> tuple[str, str, list[str]]:
    """Return the text, the name of its encoding, and a note where that was a guess."""
    if wanted:
        try:
            return data.decode(wanted).removeprefix("\ufeff"), wanted, []
        except LookupError:
            raise Refusal(f"There is no encoding '{wanted}'. Try utf-8, cp1252 or utf-16, or leave it empty.") from None
        except UnicodeDecodeError:
            raise Refusal(
                f"The file is not written in '{wanted}'. Leave the encoding empty to have it found."
            ) from None
    for mark, name in (
        (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
    ):  # fmt: skip
        if data.startswith(mark):
            text = data.decode(name, errors="replace")
            return _refuse_binary(text), name, [] if name == "utf-8-sig" else [f"Read as {name.upper()}."]
    if b"\x00" in data[:4096]:
        wide = _wide_encoding(data[:4096])
        if not wide:
            raise Refusal("This is not a table: it holds binary data. Save it as CSV, Excel, Parquet or JSON.")
        return _refuse_binary(data.decode(wide, errors="replace")), wide, ["Read as UTF-16."]
    try:
        return _refuse_binary(data.decode("utf-8")), "utf-8", []
    except UnicodeDecodeError:
        return _guessed(data)


def _wide_encoding(head: bytes) -> str:
    """Tell UTF-16 without a mark: mostly Latin text has a zero in every other byte."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.1 * half else ""


def _guessed(data: bytes) -> tuple[str, str, list[str]]:
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    if sum(1 for sign in text[:1_000_000] if sign > "\x7f") > 20 * broken:
        return text, "utf-8", [f"Read as UTF-8; {broken} broken signs were replaced."]
    from charset_normalizer import from_bytes

    # Windows-1252 and its relatives share most of their letters: the guess needs only lines that hold such letters.
    telling = b"\n".join(line for line in data[:4_000_000].split(b"\n") if not line.isascii())[:200_000]
    best = from_bytes(telling, cp_isolation=list(_ENCODINGS)).best()
    name = best.encoding if best else "cp1252"
    if name in {"cp1250", "cp1252", "cp1254", "cp1257", "latin_1"}:
        name = "cp1250" if _CENTRAL_EUROPEAN.search(telling) else "cp1252"
    text = data.decode(name, errors="replace")
    return _refuse_binary(text), name, [f"Read as {_ENCODINGS.get(name, name)}. Do the accents look right?"]


_ENCODINGS = {
    "cp1252": "Windows-1252", "cp1250": "Windows-1250", "cp1251": "Windows-1251", "cp1253": "Windows-1253",
    "cp1254": "Windows-1254", "cp1257": "Windows-1257", "latin_1": "Latin-1", "shift_jis": "Shift JIS",
    "gb18030": "GB 18030", "big5": "Big5", "euc_kr": "EUC-KR", "euc_jp": "EUC-JP", "koi8_r": "KOI8-R",
}  # fmt: skip


_CENTRAL_EUROPEAN = re.compile(
    rb"(?<=[A-Za-z\xc0-\xff])[\x8d\x8f\x9d\xa3\xa5\xaa\xaf\xb3\xb9\xba\xbc\xbe\xbf](?=[a-z\xc0-\xff])"
)
"""Inside words: letters in Windows-1250 (Polish, Czech), signs such as ¿ and ³ in Windows-1252 (German, French)."""


def _refuse_binary(text: str) -> str:
    head = text[:100_000]
    odd = sum(
        1 for sign in head if (sign < " " and sign not in "\t\n\r\f\v\x1a\x1b\x1c\x1d\x1e\x1f") or sign == "\ufffd"
    )
    if odd > 0.02 * len(head) + 2:
        raise Refusal("This is not a table: it holds binary data. Save it as CSV, Excel, Parquet or JSON.")
    return text.removeprefix("\ufeff").replace("\x00", "")


def _read_delimited(text: str, reading: Config) -> Table:
    delimiter, text = _delimiter_of(text, reading.delimiter)
    if not text.strip(f'{delimiter}" \n'):
        raise Refusal("The file is empty: it holds nothing but separators.")
    notes = (
        [] if delimiter in {",", "\t"} else [f"Cells are separated by {DELIMITERS.get(delimiter, repr(delimiter))}."]
    )
    width = len(next((row for row in _rows(text, delimiter) if row), []))
    _refuse_size(0, width)
    columns = _fast_columns(text, delimiter, width)
    if columns is None:
        rows, row_notes = _repaired(text, delimiter, skip=reading.skip_bad_rows)
        notes += row_notes
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    table = _with_header(columns, reading.header)
    table.notes = notes + table.notes
    table.details["delimiter"] = delimiter
    return table


# --- large texts --------------------------------------------------------------------------------------------------


def _read_large(file: Path, reading: Config) -> Table | None:
    """Read a regular file in UTF-8 block by block; None where anything in it needs the closer look of `_read_text`."""
    endings = {".json", ".jsonl", ".ndjson", ".xlsx", ".xls", ".ods", ".parquet", ".pq"}
    if reading.encoding.lower() not in {"", "utf-8", "utf8"} or file.suffix.lower() in endings:
        return None
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(b"\x00") >= 0 or not _is_utf8(data):
            return None
        has_mark = data[:3] == codecs.BOM_UTF8
        has_quotes, has_returns = data.find(b'"') >= 0, data.find(b"\r") >= 0
        head = data[: data.rfind(b"\n", 0, HEAD_BYTES) + 1].decode("utf-8-sig")
        last = data[data.rfind(b"\n", 0, _end_of_text(data)) + 1 :].decode("utf-8")
    head = _refuse_binary(head.replace("\r\n", "\n").replace("\r", "\n"))
    if not head.strip('\t ;,|^~"\n') or re.match(r'\s*(\{\s*"|\[\s*[\[{"])|"?sep=', head):
        return None
    delimiter, head = _delimiter_of(head, reading.delimiter)
    width = len(next((row for row in _rows(head, delimiter) if row), []))
    _refuse_size(0, width)
    with pa.memory_map(str(file)) as source:
        columns = _columns_of(source, delimiter, width, may_break=has_quotes)
    if columns is None or (has_quotes and not _ends_whole(columns, last, delimiter)):
        return None
    if has_quotes and has_returns:
        columns = [_with_plain_breaks(column) for column in columns]
    table = _with_header(columns, reading.header)
    if delimiter not in {",", "\t"}:
        table.notes.insert(0, f"Cells are separated by {DELIMITERS.get(delimiter, repr(delimiter))}.")
    table.details |= {"delimiter": delimiter, "encoding": reading.encoding or ("utf-8-sig" if has_mark else "utf-8")}
    return table


def _is_utf8(data: mmap.mmap) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), HEAD_BYTES):
            decoder.decode(data[start : start + HEAD_BYTES], final=start + HEAD_BYTES >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _end_of_text(data: mmap.mmap) -> int:
    """Return where the last line that holds anything ends."""
    return (
        len(data) - HEAD_BYTES + len(data[-HEAD_BYTES:].rstrip()) if len(data) > HEAD_BYTES else len(data[:].rstrip())
    )


def _ends_whole(columns: list[pa.Array], last: str, delimiter: str) -> bool:
    """Is the last row the last line and nothing more? A quote that never ends would have swallowed what follows it."""
    rows = list(_rows(f"{last.rstrip()}\n\x1e", delimiter))
    return len(rows) == 2 and rows[0] == [column[-1].as_py() for column in columns]


def _with_plain_breaks(column: pa.Array) -> pa.Array:
    if not pc.any(pc.match_substring(column, "\r")).as_py():
        return column
    return pc.replace_substring(pc.replace_substring(column, "\r\n", "\n"), "\r", "\n")


def _delimiter_of(text: str, wanted: str) -> tuple[str, str]:
    """Return the delimiter and the text without a leading `sep=` line, which Excel writes and reads."""
    told = re.match(r'"?sep=(.)"?\n', text[:10])
    if told:
        return told[1], text[told.end() :]
    named = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "whitespace": " "}
    wanted = named.get(wanted, wanted)
    if len(wanted) > 1:
        raise Refusal(
            f"The delimiter must be one sign such as ; or ,, but got '{wanted}'. Leave it empty to have it found."
        )
    return wanted or _sniffed(text), text


def _sniffed(text: str) -> str:
    """Choose the delimiter that cuts header and rows into the same number of cells, most often."""
    head = text[:200_000]
    if len(head) < len(text):
        head = head[: head.rfind("\n") + 1] or head
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        rows = [row for row, _ in zip(_rows(head, delimiter), range(200), strict=False) if row]
        widths = Counter(len(row) for row in rows)
        usual, count = widths.most_common(1)[0] if widths else (1, 0)
        if usual < 2:
            continue
        score = count / len(rows)
        score -= 0.3 * (len(rows[0]) not in {usual, usual - 1})
        score -= 0.4 * (delimiter == " ")
        if score > best_score + 0.02:
            best, best_score = delimiter, score
    return best


def _rows(text: str, delimiter: str) -> Iterable[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MOST_BYTES))
    if delimiter == " ":
        lines = (re.sub(r"[ \t]+", " ", line).strip(" ") for line in io.StringIO(text))
        return csv.reader(lines, delimiter=" ")
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _fast_columns(text: str, delimiter: str, width: int) -> list[pa.Array] | None:
    """Read by Arrow what is regular; None where a row needs a closer look."""
    if _open_quote(text, delimiter):
        return None
    return _columns_of(io.BytesIO(text.encode("utf-8", errors="replace")), delimiter, width, may_break='"' in text)


def _columns_of(source: Any, delimiter: str, width: int, *, may_break: bool) -> list[pa.Array] | None:
    """Read all cells as texts; None where a row has more or fewer cells than `width`, or a cell is too long.

    `may_break`: cells may hold line breaks, as they are quoted.
    """
    if delimiter == " " or not delimiter.isascii() or width == 0:
        return None
    from pyarrow import csv as arrow_csv

    names = [str(number) for number in range(width)]
    irregular = []

    def skip(row: Any) -> str:
        irregular.append(row)
        return "skip" if len(irregular) < 100 else "error"

    try:
        table = arrow_csv.read_csv(
            source,
            arrow_csv.ReadOptions(column_names=names, block_size=16 << 20),
            arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=may_break, invalid_row_handler=skip),
            arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    if irregular or any((pc.max(pc.binary_length(column)).as_py() or 0) > LONGEST_CELL for column in table.columns):
        return None
    return [one_array(column) for column in table.columns]


def _open_quote(text: str, delimiter: str) -> bool:
    """Does a quoted cell never end? A mark put behind the text would then not stand alone."""
    if '"' not in text:
        return False
    last: list[str] = []
    for row in _rows(f"{text}\n\x1e", delimiter):
        last = row
    return last != ["\x1e"]


def _repaired(text: str, delimiter: str, *, skip: bool) -> tuple[list[list[str]], list[str]]:
    """Return rows of equal length; what cannot be mended without guessing is refused with its row number."""
    notes = []
    if _open_quote(text, delimiter):
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE))
        if len({len(row) for row in rows if row}) != 1:
            raise Refusal(
                f'{_place_of_open_quote(text, delimiter)} opens a quote (") that never ends. Close or remove it.'
            )
        notes.append("Quotes were taken as plain signs, as one of them never ends.")
    else:
        rows = list(_rows(text, delimiter))
    numbered = [(number, row) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    usual = Counter(len(_stripped(row)) for _, row in numbered[:1000]).most_common(1)[0][0]
    while len(numbered) > 1 and usual > 1 and _is_title(numbered[0][1]):
        notes.append(f"Row {numbered[0][0]} was left out: it is a title or a remark, not a row of cells.")
        numbered = numbered[1:]
    first = _stripped(numbered[0][1])
    width = max(len(first), 1)
    body = [len(_stripped(row)) for _, row in numbered[1:]]
    if body and min(body) == max(body) == width + 1:  # R writes row names without a name for their column
        numbered[0] = (numbered[0][0], ["", *first])
        width += 1
    return _evened(numbered, width, notes, skip=skip), notes


def _evened(numbered: list[tuple[int, list[str]]], width: int, notes: list[str], *, skip: bool) -> list[list[str]]:
    rows, short, skipped = [], [], []
    for number, row in numbered:
        cells = row if len(row) <= width else _stripped(row, width)
        if len(cells) > width:
            if not skip:
                raise Refusal(
                    f"Row {number} has {len(cells)} cells but the header has {width}. Mend that row (often a quote or "
                    "separator too many), or switch on 'Skip bad rows'."
                )
            skipped.append(number)
            continue
        if max(map(len, cells)) > LONGEST_CELL:
            raise Refusal(f"Row {number} has a cell of more than 1 MB. Look for a quote that is never closed.")
        if len(cells) < width:
            short.append(number)
        rows.append(cells + [""] * (width - len(cells)))
    if skipped:
        notes.append(f"{_rows_in_words(skipped)} skipped: more cells than the header.")
    if short:
        notes.append(f"{_rows_in_words(short)} filled with empty cells: fewer cells than the header.")
    return rows


def _rows_in_words(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"Row {numbers[0]} was"
    named = ", ".join(str(number) for number in numbers[:3])
    return f"{len(numbers):,} rows ({named}{', …' if len(numbers) > 3 else ''}) were"


def _stripped(row: list[str], keep: int = 0) -> list[str]:
    """Return the row without empty cells at its end."""
    end = len(row)
    while end > keep and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _is_title(row: list[str]) -> bool:
    return sum(bool(cell.strip()) for cell in row) == 1 and bool(row[0].strip())


def _place_of_open_quote(text: str, delimiter: str) -> str:
    return f"Row {sum(1 for _ in _rows(text, delimiter))}"


# --- header -------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?(\d[\d.,' ]*|[.,]\d+)([eE][+-]?\d+)?\s*%?")


def _with_header(columns: list[pa.Array], wanted: str) -> Table:
    """Take the names from the first row, or invent them where it holds data already."""
    first = [str(column[0].as_py() or "") for column in columns]
    if wanted == "no" or (wanted != "yes" and _is_data(first, columns)):
        names = [f"column {number}" for number in range(1, len(columns) + 1)]
        last = names[-1] if len(names) > 1 else "column 1"
        notes = (
            [f"The first row holds data, so the columns are called 'column 1' to '{last}'."] if wanted != "no" else []
        )
        return Table(dict(zip(names, columns, strict=True)), notes)
    return _named(first, [column.slice(1) for column in columns])


def _is_data(first: list[str], columns: list[pa.Array]) -> bool:
    """Is the first row data? Numbers over numbers speak for it, words over numbers against it."""
    over_numbers = []
    for cell, column in zip(first, columns, strict=True):
        below = [value for value in column.slice(1, 50).to_pylist() if value and value.strip()]
        if below and sum(bool(_NUMBER.fullmatch(value.strip())) for value in below) > 0.8 * len(below):
            over_numbers.append(cell.strip())
    numeric = [cell for cell in over_numbers if _NUMBER.fullmatch(cell)]
    if not numeric or len(numeric) < len([cell for cell in over_numbers if cell]):
        return False
    return not _counts_up(numeric)


def _counts_up(cells: list[str]) -> bool:
    """Are these numbers names: years in a row, or 0, 1, 2, 3 as pandas writes them?"""
    if len(cells) < 3 or not all(cell.isdecimal() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    steps = {after - before for before, after in pairwise(numbers)}
    return steps == {1} and (1800 <= numbers[0] <= 2200 or (numbers[0] == 0 and len(numbers) > 3))


def _named(names: Sequence[str], columns: list[pa.Array]) -> Table:
    """Give every column a name of its own; empty and double names are replaced and noted."""
    table = Table({})
    for number, (told, column) in enumerate(zip(names, columns, strict=True), 1):
        clean = _clean_name(told)
        name = clean or f"column {number}"
        again = 1
        while name in table.columns:
            again += 1
            name = f"{clean or f'column {number}'} ({again})"
        if not clean and column.null_count + (
            pc.sum(pc.equal(column, "")).as_py() or 0 if _is_text(column) else 0
        ) == len(column):
            continue  # an unnamed column without a single cell: a separator at the end of each row
        if not clean:
            table.notes.append(f"Column {number} has no name and is called '{name}'.")
        elif again > 1:
            table.notes.append(f"There is more than one column '{clean}'; column {number} is called '{name}'.")
        table.columns[name] = column
    return table


def _is_text(column: pa.Array) -> bool:
    return pa.types.is_string(column.type)


def _clean_name(name: str) -> str:
    plain = unicodedata.normalize("NFC", name)
    return " ".join("".join(sign if sign.isprintable() else " " for sign in plain).split())


# --- Excel --------------------------------------------------------------------------------------------------------


def _read_zip_sheet(file: Path, reading: Config) -> Table:
    try:
        with zipfile.ZipFile(file) as packed:
            inside = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Refusal("This Excel file is damaged and cannot be opened. Save it again, or save it as CSV.") from None
    names = {entry.filename for entry in inside}
    if not any(name.startswith("xl/") for name in names) and "content.xml" not in names:
        raise Refusal("This is a zip file, not a table. Unpack it and choose the table inside.")
    if sum(entry.file_size for entry in inside) > MOST_UNPACKED:
        raise Refusal("This Excel file unpacks to more than 1 GB. Save the sheet you need as CSV.")
    return _read_sheet(file, reading)


def _read_sheet(file: Path, reading: Config) -> Table:
    from python_calamine import CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(file.read_bytes()))  # by content, not by its name
        sheets = list(book.sheet_names)
        wanted = [name for name in sheets if reading.sheet in {"", name}]
        grids = {name: book.get_sheet_by_name(name).to_python() for name in wanted}
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # the reader is written in Rust and panics past `Exception` on damaged files
        if "password" in str(error).lower() or "encrypt" in str(error).lower():
            raise Refusal("This Excel file has a password. Save it without one, or save it as CSV.") from None
        raise Refusal("This Excel file is damaged and cannot be opened. Save it again, or save it as CSV.") from error
    if not wanted:
        raise Refusal(f"There is no sheet '{reading.sheet}'. Sheets of this file: {', '.join(sheets)}.")
    filled = [name for name, grid in grids.items() if any(any(cell != "" for cell in row) for row in grid)]
    if not filled:
        raise Refusal("The Excel file is empty: no sheet holds a cell.")
    table = _from_grid(grids[filled[0]], reading.header)
    table.details |= {"sheet": filled[0], "sheets": sheets}
    if len(filled) > 1:
        table.notes.insert(0, f"Read sheet '{filled[0]}' of {len(sheets)}: {', '.join(sheets)}.")
    return table


def _from_grid(grid: list[list[Any]], header: str) -> Table:
    """Make columns of a sheet: blank rows and titles above the header are left out."""
    rows = [row for row in grid if any(cell not in {"", None} for cell in row)]
    notes = []
    usual = Counter(sum(cell not in {"", None} for cell in row) for row in rows[:1000]).most_common(1)[0][0]
    while len(rows) > 1 and usual > 1 and sum(cell not in {"", None} for cell in rows[0]) == 1:
        notes.append("A title above the header was left out.")
        rows = rows[1:]
    _refuse_size(len(rows), max(map(len, rows)))
    width = max(map(len, rows))
    cells = [list(row) + [""] * (width - len(row)) for row in rows]
    if header == "no" or (header != "yes" and not any(isinstance(cell, str) and cell for cell in cells[0])):
        names, body = [f"column {number}" for number in range(1, width + 1)], cells
        notes.append(f"The first row holds data, so the columns are called 'column 1' to 'column {width}'.")
    else:
        names, body = [_as_text(cell) for cell in cells[0]], cells[1:]
    table = _named(names, [_typed(column) for column in zip(*body, strict=True)] if body else [pa.array([])] * width)
    table.notes = notes + table.notes
    return table


def _typed(values: Iterable[Any]) -> pa.Array:
    """Make an Arrow array of Python cells: of their own type where they agree, else of texts."""
    cells = [None if cell is None or cell == "" or cell != cell else cell for cell in values]  # noqa: PLR0124  NaN
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {bool}:
        return pa.array(cells, pa.bool_())
    if kinds and kinds <= {int, float}:
        return _numbers(cells)
    if kinds and kinds <= {dt.date, dt.datetime}:
        return pa.array([None if cell is None else _as_time(cell) for cell in cells], pa.timestamp("us"))
    return pa.array(["" if cell is None else _as_text(cell) for cell in cells], pa.string())


def _numbers(cells: list[Any]) -> pa.Array:
    numbers: list[Any] = [None if cell is None or _is_huge(cell) else float(cell) for cell in cells]
    array = pa.array(numbers, pa.float64())
    whole = all(number is None or (number.is_integer() and abs(number) < 2**53) for number in numbers)
    return array.cast(pa.int64()) if whole else array


def _is_huge(number: float) -> bool:
    """Is it a whole number that no float can hold?"""
    return isinstance(number, int) and abs(number) > 1e300


def _as_time(cell: dt.date) -> dt.datetime:
    if isinstance(cell, dt.datetime):
        return cell.replace(tzinfo=None)
    return dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001  a plain date has no zone


def _as_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return str(cell.date())
    if isinstance(cell, (dict, list)):
        return json.dumps(cell, ensure_ascii=False)
    text = str(cell)
    return text.encode("utf-8", errors="replace").decode() if not text.isascii() else text


# --- Parquet ------------------------------------------------------------------------------------------------------


def _read_parquet(file: Path) -> Table:
    from pyarrow import parquet

    try:
        told = parquet.ParquetFile(file)
        _refuse_size(told.metadata.num_rows, told.metadata.num_columns)
        unpacked = sum(told.metadata.row_group(group).total_byte_size for group in range(told.metadata.num_row_groups))
        if unpacked > 4 * MOST_UNPACKED:
            raise Refusal("This Parquet file unpacks to more than 4 GB. Use a part of its rows.")
        read = told.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal("This Parquet file is damaged and cannot be read. Save it again.") from error
    names, columns, left_out = [], [], []
    for name, column in zip(read.column_names, read.columns, strict=True):
        plain = plain_cells(one_array(column))
        if plain is None:
            left_out.append(name)
        elif not name.startswith("__index_level_"):
            names.append(name)
            columns.append(plain)
    table = _named(names, columns)
    if left_out:
        table.notes.append(f"Left out, as their cells are no single values: {', '.join(left_out)}.")
    return table


def plain_cells(column: pa.Array) -> pa.Array | None:
    """Return a column as one of four plain types, or None for lists, structures and bytes."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return plain_cells(column.dictionary_decode())
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_integer(kind):
        return column.cast(pa.int64(), safe=False) if kind != pa.uint64() else column.cast(pa.float64(), safe=False)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64(), safe=False)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        moments = column.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False).cast(pa.timestamp("us"))
        return _within_calendar(moments)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_null(kind) or pa.types.is_time(kind):
        return column.cast(pa.string())
    return None


def _within_calendar(moments: pa.Array) -> pa.Array:
    """Empty what lies outside the years 1 to 9999: a damaged file holds such moments, no calendar writes them."""
    ends = (dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31))  # noqa: DTZ001 - cells have no time zone either
    first, last = (pa.scalar(moment, moments.type) for moment in ends)
    inside = pc.and_(pc.greater_equal(moments, first), pc.less_equal(moments, last))
    return pc.if_else(inside, moments, pa.scalar(None, moments.type))


# --- JSON ---------------------------------------------------------------------------------------------------------


def _read_json(text: str, *, must: bool) -> Table | None:
    """Read records, columns or lines of JSON; None where it is no JSON and need not be."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        told = _json_lines(text)
        if told is None:
            if not must:
                return None
            place = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            raise Refusal(f"This is not valid JSON{place}. Save the table again, for example as CSV.") from None
    columns = _json_columns(told)
    if columns is None:
        if not must:
            return None
        raise Refusal(
            'This JSON holds no table. Expected a list of rows such as [{"age": 3, "name": "Ada"}, ...], '
            "one such row a line, or lists by column name."
        )
    return _named(list(columns), [_typed(cells) for cells in columns.values()])


def _json_lines(text: str) -> list[Any] | None:
    try:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None
    return rows if rows and all(isinstance(row, (dict, list)) for row in rows) else None


def _json_columns(told: Any) -> dict[str, list[Any]] | None:
    if isinstance(told, dict) and {"columns", "data"} <= told.keys() and isinstance(told["data"], list):
        names = told["columns"]
        if isinstance(names, list) and all(isinstance(row, list) and len(row) == len(names) for row in told["data"]):
            return _of_records([dict(zip(map(str, names), row, strict=True)) for row in told["data"]])
    if isinstance(told, dict):
        lists = [value for value in told.values() if isinstance(value, list)]
        if len(lists) == 1 and lists[0] and all(isinstance(row, dict) for row in lists[0]):
            return _of_records(lists[0])
        if lists and len(lists) == len(told) and len({len(value) for value in lists}) == 1:
            return {str(name): value for name, value in told.items()}
        if told and all(isinstance(value, dict) for value in told.values()):
            keys = dict.fromkeys(key for value in told.values() for key in value)
            return {str(name): [value.get(key) for key in keys] for name, value in told.items()}
        return _of_records([told]) if told and not lists else None
    if not isinstance(told, list) or not told:
        return None
    if all(isinstance(row, dict) for row in told):
        return _of_records(told)
    if all(isinstance(row, list) and len(row) == len(told[0]) for row in told) and told[0]:
        has_names = all(isinstance(cell, str) for cell in told[0])
        names = told[0] if has_names else [f"column {number}" for number in range(1, len(told[0]) + 1)]
        body = told[1:] if has_names else told
        return {name: [row[place] for row in body] for place, name in enumerate(_distinct(names))}
    return None


def _distinct(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct


def _of_records(records: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Turn rows into columns; a group inside a row becomes columns `group.name`."""
    flat = [_flattened(record) for record in records]
    names = dict.fromkeys(name for record in flat for name in record)
    _refuse_size(len(flat), len(names))
    return {name: [record.get(name) for record in flat] for name in names}


def _flattened(record: dict[str, Any], before: str = "") -> dict[str, Any]:
    cells = {}
    for name, value in record.items():
        if isinstance(value, dict) and value and before.count(".") < 8:
            cells |= _flattened(value, f"{before}{name}.")
        else:
            cells[f"{before}{name}"] = value
    return cells
