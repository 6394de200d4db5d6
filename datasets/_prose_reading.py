"""From an upload to one clean text, cut into blocks that stay whole when the text is split.

A zip or folder holds a text a file; one file may hold several texts under headings (`# Title`). Short neighbours are
put together into one block, a text that is a large share of all is cut between paragraphs.
"""

import gzip
import re
import unicodedata
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from datasets import Progress
from datasets._archive import note_unsafe, opened
from datasets._table_reading import _decoded
from recipes import Refusal

ENDINGS = (".txt", ".text", ".md")
MOST_CHARACTERS = 20_000_000
HEADINGS = 3
"""From so many headings on, a file is taken as a collection of texts."""
BLOCKS = 40
"""About so many blocks are cut from one long text."""
SMALL_BLOCK = 1_000
GAP = "\n\n"
"""Stands between two texts."""

_HEADING = re.compile(r"^#{1,3} +(\S.*?)[ #]*$", re.MULTILINE)
_PUBLISHER = re.compile(r"^\*\*\* ?(START|END) OF TH(?:E|IS) PROJECT GUTENBERG.*$", re.MULTILINE)
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")


@dataclass
class Writing:
    """Texts by title, in order, and what reading had to decide."""

    pieces: list[tuple[str, str]]
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All texts in one."""
        return GAP.join(text for _, text in self.pieces)


def read_writing(file: Path, encoding: str, progress: Progress) -> Writing:
    """Read any upload of plain text; raises `Refusal` in words."""
    if file.is_dir() or file.suffix.lower() == ".zip":
        writing = _from_bundle(file, encoding, progress)
    else:
        writing = Writing([])
        title = PurePosixPath(file.name.removesuffix(".gz")).stem
        _add(writing, title, _bytes_of(file), encoding)
    writing.pieces = [(title, text) for title, text in writing.pieces if text]
    characters = sum(len(text) for _, text in writing.pieces)
    if not characters:
        raise Refusal("There is no text in it: nothing but blank lines. Check that it is the right file.")
    if characters > MOST_CHARACTERS:
        raise Refusal(
            f"This is {characters / 1e6:.0f} million characters; the limit is {MOST_CHARACTERS // 1_000_000} million. "
            "Upload a part of it."
        )
    return writing


def titled(text: str) -> list[tuple[str, str]]:
    """Cut a text at its headings into (title, text); one nameless piece where it has none."""
    marks = list(_HEADING.finditer(text))
    if len(marks) < HEADINGS:
        return [("", text.strip())]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    before = [("", text[: marks[0].start()].strip())] if text[: marks[0].start()].strip() else []
    return before + [(mark[1], text[mark.end() : end].strip()) for mark, end in zip(marks, ends, strict=True)]


def cleaned(text: str) -> str:
    """Bring a text to one form: composed letters, one sign for a new line, nothing invisible."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = re.sub(r"[\u2028\u2029\x85\x0b\x0c]", "\n", text).replace("\u00a0", " ")
    text = re.sub(r"[ \t]+\n", "\n", _INVISIBLE.sub("", text))
    return re.sub(r"\n{3,}", GAP, text).strip()


def blocks_of(pieces: list[tuple[str, str]]) -> list[tuple[int, int]]:
    """Return (start, end) of each block in the joined text, in order; between two there is nothing but white space."""
    total = sum(len(text) for _, text in pieces)
    least = max(min(SMALL_BLOCK, total // 5), total // 200)
    size = max(least, total // BLOCKS)
    found: list[tuple[int, int]] = []
    start = 0
    for _, text in pieces:
        # A story stays whole unless it is a large share of everything.
        ends = _cuts(text, size) if len(text) > max(total // 8, 2 * size) else [len(text)]
        first = 0
        for end in ends:
            found.append((start + first, start + end))
            first = end
        start += len(text) + len(GAP)
    return _merged(found, least)


def _merged(blocks: list[tuple[int, int]], least: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in blocks:
        if merged and merged[-1][1] - merged[-1][0] < least:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    if len(merged) > 1 and merged[-1][1] - merged[-1][0] < least:
        last = merged.pop()
        merged[-1] = (merged[-1][0], last[1])
    return merged


def _cuts(text: str, size: int) -> list[int]:
    """Cut a text about every `size` characters: after a paragraph, else a line, a sentence, a word."""
    ends, last = [], 0
    while len(text) - last > 1.5 * size:
        low, high = last + 3 * size // 4, last + 5 * size // 4
        places = (text.rfind(sign, low, high) + len(sign) for sign in (GAP, "\n", ". ", " "))
        last = next((place for place in places if place > low), last + size)
        ends.append(last)
    return [*ends, len(text)]


def _from_bundle(file: Path, encoding: str, progress: Progress) -> Writing:
    with opened(file) as bundle:
        names = [name for name in bundle.names if name.lower().endswith(ENDINGS)]
        if not names:
            raise Refusal("No texts found in it. Put .txt files into the folder and upload it again.")
        writing, unreadable = Writing([]), 0
        for done, name in enumerate(names):
            try:
                _add(writing, PurePosixPath(name).stem, bundle.read(name), encoding)
            except OSError:
                unreadable += 1
            if done % 200 == 0:
                progress(done / len(names), f"Reading texts: {done:,} of {len(names):,}")
        others = len(bundle.names) - len(names)
        writing.notes += [f"Left out {others:,} files of other kinds."] if others else []
        writing.notes += [f"{unreadable:,} files could not be read and were skipped."] if unreadable else []
        writing.notes = list(dict.fromkeys(writing.notes + note_unsafe(bundle)))
    return writing


def _add(writing: Writing, title: str, data: bytes, encoding: str) -> None:
    """Decode one file and add its texts."""
    if not data.strip():
        return
    text, _, notes = _decoded(data, encoding)
    writing.notes += notes
    text, was_framed = _without_publisher(cleaned(text))
    if was_framed:
        writing.notes.append("The publisher's notes before and after the book were left out.")
    writing.pieces += [(heading or title, part) for heading, part in titled(text)]


def _without_publisher(text: str) -> tuple[str, bool]:
    marks = {mark[1]: mark for mark in _PUBLISHER.finditer(text)}
    start = marks["START"].end() if "START" in marks else 0
    end = marks["END"].start() if "END" in marks else len(text)
    return text[start:end].strip(), bool(marks)


def _bytes_of(file: Path) -> bytes:
    most = 4 * MOST_CHARACTERS
    data = file.read_bytes() if file.stat().st_size <= most else b""
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(file) as packed:
                data = packed.read(most + 1)
        except (OSError, EOFError, zlib.error):
            raise Refusal("This .gz is damaged and cannot be unpacked. Pack or download it again.") from None
    elif file.suffix.lower() == ".gz":
        raise Refusal("This is not a packed (gzip) file, although its name ends in .gz. Upload the plain .txt file.")
    if len(data) > most or file.stat().st_size > most:
        raise Refusal(f"This file holds more than {most // 1_000_000} MB of text. Upload a part of it.")
    if not data.strip():
        raise Refusal("The file is empty. Was it still downloading?")
    return data
