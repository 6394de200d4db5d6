"""Which file of an upload is of which class: told by a table, by folders or by file names."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from datasets._archive import Bundle
from recipes import Refusal

SPLIT_FOLDERS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev")
TABLE_ENDINGS = (".csv", ".tsv")
TABLE_WORDS = ("label", "class", "meta", "target", "index")
LABEL_WORDS = (
    "label",
    "labels",
    "class",
    "class_name",
    "classname",
    "category",
    "target",
    "species",
    "breed",
    "type",
    "word",
)


@dataclass(frozen=True)
class Kind:
    """What is looked for: files of these endings, called so."""

    noun: str
    endings: tuple[str, ...]
    example: str
    """A path as it should be: "dog/1.wav"."""
    needs_classes: bool = True
    """False where files without classes are of use too; then every label is empty."""

    def counted(self, number: int) -> str:
        """Say how many: "1 sound", "2 sounds"."""
        return counted(number, self.noun)

    def has(self, name: str) -> bool:
        """Say whether a file is of this kind, by its ending."""
        return name.lower().endswith(self.endings)


@dataclass(frozen=True)
class Layout:
    """The class of each file by its name in the bundle, and how that was found out."""

    labels: dict[str, str]
    notes: list[str]


def layout(bundle: Bundle, kind: Kind) -> Layout:
    """Find the classes: by a table, else by folders, else by file names.

    Where there are none, it is refused in words, or every label is empty, as the kind has it.
    """
    files = [name for name in bundle.names if kind.has(name)]
    if not files:
        raise Refusal(f"No {kind.noun}s found. Expected folders named after classes, e.g. {kind.example}.")
    found = _by_table(bundle, files, kind) or _by_folder(files, kind) or _by_name(files, kind)
    labels, merged = _merged(found.labels) if found else (dict.fromkeys(files, ""), [])
    if len(set(labels.values())) == 1:
        only = next(iter(labels.values()))
        labels, merged = dict.fromkeys(labels, ""), [_without_classes(only, kind)]
    known = set(files)
    others = [name for name in bundle.names if name not in known and not name.lower().endswith(TABLE_ENDINGS)]
    return Layout(labels, [*(found.notes if found else ()), *merged, *_note_others(others)])


def _without_classes(only: str, kind: Kind) -> str:
    """Say what files without classes, or of one class, are good for; a refusal where they are good for nothing."""
    if not kind.needs_classes:
        seen = f"All {kind.noun}s are of one class, '{only}'" if only else "No classes were found"
        return (
            f"{seen}: a model can draw new ones or find odd ones, but has nothing to tell apart. "
            f"For that, put the {kind.noun}s of each class into a folder of its own, e.g. {kind.example}."
        )
    if not only:
        raise Refusal(
            f"No classes found. Put the {kind.noun}s of each class into a folder of its own, e.g. {kind.example}."
        )
    raise Refusal(
        f"Only one class '{only}': the model has nothing to tell apart. Add a second folder of other {kind.noun}s."
    )


def note_unreadable(unreadable: Sequence[tuple[str, str]], total: int, kind: Kind) -> list[str]:
    """Say which of all files were skipped."""
    if not unreadable:
        return []
    verb = "was" if len(unreadable) == 1 else "were"
    names = listed([short(name) for name, _ in unreadable[:3]])
    return [f"{len(unreadable)} of {total:,} {kind.noun}s could not be read and {verb} skipped: {names}."]


def refuse_unreadable(unreadable: Sequence[tuple[str, str]], labels: dict[str, str], kind: Kind) -> None:
    """Refuse an upload of which a whole class or more than a tenth cannot be read, with the first reason."""
    if not unreadable:
        return
    reason = unreadable[0][1]
    broken = {name for name, _ in unreadable}
    readable = {label for name, label in labels.items() if name not in broken}
    empty = next((label for label in sorted(set(labels.values())) if label not in readable), None)
    if empty is not None:
        which = f"No {kind.noun} of class '{empty}'" if empty else f"None of the {kind.noun}s"
        raise Refusal(f"{which} could be read. {reason}")
    if 10 * len(unreadable) > len(labels):
        raise Refusal(f"{len(unreadable)} of {len(labels):,} {kind.noun}s could not be read. {reason}")


def listed(names: Sequence[str]) -> str:
    """Join names as in a sentence: 'a', 'b' and 'c'."""
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def counted(number: int, thing: str) -> str:
    """Say how many: "1 sound", "2,000 sounds"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def are(number: int, thing: str) -> str:
    """Say how many are so: "1 sound is", "2 sounds are"."""
    return f"{counted(number, thing)} {'is' if number == 1 else 'are'}"


def short(name: str) -> str:
    """Return the last part of a path."""
    return PurePosixPath(name).name


def _by_table(bundle: Bundle, files: list[str], kind: Kind) -> Layout | None:
    """Take labels from the table that names most files, if one names at least half of them."""
    best = Layout({}, [])
    for name in bundle.names:
        if name.lower().endswith(TABLE_ENDINGS) and (not kind.has(name) or _names_labels(name)):
            found = _match(name, _table(bundle, name), files, kind)
            best = found if len(found.labels) > len(best.labels) else best
    return best if 2 * len(best.labels) >= len(files) else None


def _names_labels(name: str) -> bool:
    """Tell the table of labels from tables that are themselves what is looked for."""
    return any(word in short(name).lower() for word in TABLE_WORDS)


def _table(bundle: Bundle, name: str) -> list[list[str]]:
    try:
        data = bundle.read(name)
    except OSError:
        raise Refusal(f"The table '{short(name)}' is damaged or too large. Save it again and zip it anew.") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=head.count)
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error:
        raise Refusal(f"The table '{short(name)}' cannot be read. Save it again as CSV and zip it anew.") from None


def _match(name: str, rows: list[list[str]], files: list[str], kind: Kind) -> Layout:
    """Find the column that names files and the one that holds the labels."""
    if len(rows) < 2:
        return Layout({}, [])
    header, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    index = _index(files)
    hits = [sum(row[column].strip().lower() in index for row in body) for column in range(len(header))]
    column = int(np.argmax(hits))
    label = _label_column(header, column)
    if not hits[column] or label is None:
        return Layout({}, [])
    labels = {
        index[row[column].strip().lower()]: row[label].strip()
        for row in body
        if row[column].strip().lower() in index and row[label].strip()
    }
    notes = [f"Labels were read from column '{header[label]}' of '{short(name)}'."]
    if len(body) > hits[column]:
        notes.append(f"Left out {counted(len(body) - hits[column], 'row')} of the table without a {kind.noun}.")
    if len(files) > len(labels):
        notes.append(f"Left out {kind.counted(len(files) - len(labels))} without a label.")
    return Layout(labels, notes)


def _index(files: list[str]) -> dict[str, str]:
    """Map what a table may call a file (path, end of the path, name without ending) to its name."""
    index: dict[str, str] = {}
    for file in files:
        parts = PurePosixPath(file).parts
        for start in range(len(parts)):
            index.setdefault("/".join(parts[start:]).lower(), file)
        index.setdefault(PurePosixPath(file).stem.lower(), file)
    return index


def _label_column(header: list[str], files: int) -> int | None:
    words = [word.strip().lower() for word in header]
    named = [words.index(word) for word in LABEL_WORDS if word in words]
    if named:
        return named[0]
    return 1 - files if len(header) == 2 else None


def _by_folder(files: list[str], kind: Kind) -> Layout | None:
    """Take the first folder that differs as the class; train and test folders above it are put together."""
    folders = {name: list(PurePosixPath(name).parts[:-1]) for name in files}
    notes = []
    while True:
        deep = [folder for folder in folders.values() if folder]
        tops = {folder[0] for folder in deep}
        if deep and all(top.lower() in SPLIT_FOLDERS for top in tops) and any(len(folder) > 1 for folder in deep):
            if len(tops) > 1:
                notes.append(
                    f"Folders {listed(sorted(tops))} were put together; Layerwise splits the {kind.noun}s anew."
                )
        elif len(tops) != 1 or not any(len(folder) > 1 for folder in deep):
            break
        folders = {name: folder[1:] for name, folder in folders.items()}
    labels = {name: folder[0] for name, folder in folders.items() if folder}
    found = {label.lower() for label in labels.values()}
    says_nothing = len(found) == 1 or found <= set(SPLIT_FOLDERS)
    if not labels or (says_nothing and (len(labels) < len(files) or _by_name_labels(files))):
        return None
    loose = len(files) - len(labels)
    if loose:
        notes.append(f"Left out {kind.counted(loose)} outside the class folders.")
    return Layout(labels, notes)


def _by_name(files: list[str], kind: Kind) -> Layout | None:
    labels = _by_name_labels(files)
    if not labels:
        return None
    example = next(iter(labels))
    notes = [f"Classes were taken from the file names, such as '{labels[example]}' from '{short(example)}'."]
    if len(labels) < len(files):
        notes.append(f"Left out {kind.counted(len(files) - len(labels))} whose name holds no class.")
    return Layout(labels, notes)


def _by_name_labels(files: list[str]) -> dict[str, str]:
    """Take what stands before the last `_` or number as the class, if that makes groups."""
    labels = {}
    for name in files:
        stem = PurePosixPath(name).stem
        label = re.sub(r"[\s_.\-]*\(?\d+\)?$", "", stem)
        labels[name] = label if label != stem else stem.rpartition("_")[0]
    labels = {name: label for name, label in labels.items() if label}
    classes = len(set(labels.values()))
    return labels if 1 < classes <= len(labels) // 2 else {}


def _merged(labels: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Take spellings that differ only in case or Unicode form as one class, under the most frequent spelling."""
    labels = {name: unicodedata.normalize("NFC", label).strip()[:120] for name, label in labels.items()}
    spellings: dict[str, Counter[str]] = {}
    for label in labels.values():
        spellings.setdefault(label.casefold(), Counter())[label] += 1
    chosen = {key: counts.most_common(1)[0][0] for key, counts in spellings.items()}
    notes = [
        f"{listed(sorted(counts))} were taken as one class '{chosen[key]}'."
        for key, counts in spellings.items()
        if len(counts) > 1
    ]
    return {name: chosen[label.casefold()] for name, label in labels.items()}, notes


def _note_others(names: list[str]) -> list[str]:
    if not names:
        return []
    examples = listed([short(name) for name in names[:3]])
    return [f"Left out {counted(len(names), 'file')} of other kinds, for example {examples}."]
