"""From an upload to a table with texts: a table as it is, a folder per class, a file per class, labelled lines."""

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from datasets import Progress
from datasets._archive import Bundle, note_unsafe, opened
from datasets._table_columns import as_texts
from datasets._table_config import Config as TableConfig
from datasets._table_reading import Table, read_table
from recipes import Refusal

TEXT_ENDINGS = (".txt", ".text", ".md")
SPLIT_FOLDERS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
MOST_LABELS = 1000
_FASTTEXT = re.compile(r"__label__(\S+)\s+(.+)")


def read_texts(file: Path, reading: TableConfig, progress: Progress) -> Table:
    """Read any upload that holds texts with labels; raises `Refusal` in words."""
    if file.is_dir() or file.suffix.lower() == ".zip":
        with opened(file) as bundle:
            table = _from_bundle(bundle, progress)
            table.notes += note_unsafe(bundle)
            return table
    return labelled_lines(file) or with_true_header(file, reading)


def labelled_lines(file: Path) -> Table | None:
    """Read lines such as `__label__sports Who won?`, as fastText writes them; None where the file is none of these."""
    if file.suffix.lower() not in {*TEXT_ENDINGS, ".train", ".valid", ".test"}:
        return None
    with file.open("rb") as opened_file:
        if b"__label__" not in opened_file.read(2000):
            return None
    lines = [line for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    found = [_FASTTEXT.fullmatch(line.strip()) for line in lines]
    told = [match for match in found if match]
    if len(told) < 0.9 * len(lines):
        return None
    notes = [f"Left out {len(lines) - len(told):,} lines without a label."] if len(told) < len(lines) else []
    return _table([match[2] for match in told], [match[1] for match in told], notes)


def with_true_header(file: Path, reading: TableConfig) -> Table:
    """Read a table; a first row whose label is met again below is data, and the columns then get plain names."""
    table = read_table(file, reading)
    if reading.header == "auto" and _header_is_data(table):
        table = read_table(file, reading.model_copy(update={"header": "no"}))
        table.notes = [note for note in table.notes if "first row holds data" not in note]
        table.notes.append("The first row holds data: the file has no header.")
    if len(table.columns) == 2 and set(table.columns) == {"column 1", "column 2"}:
        table.columns = dict(zip(_plain_names(table), table.columns.values(), strict=True))
    return table


def _header_is_data(table: Table) -> bool:
    for name, cells in table.columns.items():
        if not pa.types.is_string(cells.type) or len(cells) < 4:
            continue
        values = Counter(as_texts(cells.slice(0, 5000)).tolist())
        if name.strip() in values and len(values) <= max(2, len(cells) // 4):
            return True
    return False


def _plain_names(table: Table) -> list[str]:
    sizes = [sum(map(len, as_texts(cells.slice(0, 500)))) for cells in table.columns.values()]
    return ["text", "label"] if sizes[0] >= sizes[1] else ["label", "text"]


def _from_bundle(bundle: Bundle, progress: Progress) -> Table:
    names = [name for name in bundle.names if PurePosixPath(name).suffix.lower() in TEXT_ENDINGS]
    if not names:
        raise Refusal("No texts found. Expected folders named after classes with .txt files inside, e.g. spam/1.txt.")
    labels = _folders(names)
    if len(set(labels.values())) > 1:
        return _from_folders(bundle, labels, len(names), progress)
    return _from_files(bundle, names)


def _folders(names: list[str]) -> dict[str, str]:
    """Name the class of each file: its first folder, after those that all share or that only name a split."""
    folders = {name: list(PurePosixPath(name).parts[:-1]) for name in names}
    while True:
        tops = {folder[0] for folder in folders.values() if folder}
        deep = any(len(folder) > 1 for folder in folders.values())
        if not deep or not (len(tops) == 1 or {top.lower() for top in tops} <= SPLIT_FOLDERS):
            return {name: folder[0] for name, folder in folders.items() if folder}
        folders = {name: folder[1:] for name, folder in folders.items()}


def _from_folders(bundle: Bundle, labels: dict[str, str], total: int, progress: Progress) -> Table:
    texts, classes, unreadable = [], [], 0
    for done, (name, label) in enumerate(labels.items()):
        try:
            texts.append(_decoded(bundle.read(name)))
            classes.append(label)
        except OSError:
            unreadable += 1
        if done % 500 == 0:
            progress(done / len(labels), f"Reading texts: {done:,} of {len(labels):,}")
    notes = [f"Left out {total - len(labels):,} texts outside the class folders."] if total > len(labels) else []
    notes += [f"{unreadable:,} files could not be read and were skipped."] if unreadable else []
    return _table(texts, classes, notes)


def _from_files(bundle: Bundle, names: list[str]) -> Table:
    """Read a file of texts and one of labels, line by line, or one file a class with a text a line."""
    lines = {name: _lines(bundle, name) for name in names}
    if len(lines) < 2:
        raise Refusal(
            "Only one file of texts: nothing says which text is of which class. Make a folder for each class, one file "
            "for each class, or a table with a column of texts and a column of labels."
        )
    if len(lines) == 2:
        (one, other) = sorted(lines.values(), key=lambda found: len(set(found)))
        if len(one) == len(other) and len(set(one)) <= min(MOST_LABELS, max(2, len(one) // 3)):
            return _table(other, one, ["Texts and labels stand in two files, line by line."])
    pairs = [(line, PurePosixPath(name).stem) for name, found in lines.items() for line in found if line.strip()]
    return _table([text for text, _ in pairs], [label for _, label in pairs], ["One file a class, one text a line."])


def _lines(bundle: Bundle, name: str) -> list[str]:
    try:
        return [line.strip() for line in _decoded(bundle.read(name)).rstrip("\n").split("\n")]
    except OSError:
        short = PurePosixPath(name).name
        raise Refusal(f"'{short}' is damaged or too large. Save it again and zip it anew.") from None


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _table(texts: list[str], labels: list[Any], notes: list[str]) -> Table:
    clean = [text.encode("utf-8", errors="replace").decode().strip() for text in texts]
    return Table({"text": pa.array(clean, pa.string()), "label": pa.array(labels, pa.string())}, list(notes))
