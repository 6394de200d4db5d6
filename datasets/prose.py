"""Plain text that a model learns to continue: a text file, several texts in a zip or a folder, or a bundled sample.

Canonical form: `text.txt` (all texts, one after the other) and `dataset.json`, whose details hold the blocks that stay
whole when the text is split: stories, or stretches of a long text. A row is a place in the text, in characters. The
models read windows {"tokens": (length,) int32} and answer, at every place of a window, the token that follows.
"""

import bisect
import gzip
import hashlib
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from datasets import DataSet, PartName, Prepared, Progress, Sample
from datasets import _prose_tokens as tokens_in
from datasets._archive import opened
from datasets._pack import path as packed
from datasets._prose_checks import Look, findings, problems
from datasets._prose_reading import ENDINGS, Writing, blocks_of, cleaned, read_writing, titled
from datasets._split import NEEDED, split
from datasets._table_reading import _decoded
from recipes import (
    Column,
    Data,
    Finding,
    Part,
    RawInput,
    Refusal,
    Schema,
    Settings,
    Signature,
    Target,
    TensorSpec,
    known,
    setting,
    validate,
)

TITLE = "Writing"
SUMMARY = "Stories, poems, songs, code: text that is to be continued in its own style."
NOUN = "character"
ICON = "edit_note"
EXTENSIONS = (*ENDINGS, ".gz", ".zip")
INSIDE = ENDINGS
TASKS = ("generation",)
FIRST_CHOICE = {"generation": "char_rnn"}
READING = ("encoding",)

TARGET = "next"
LENGTHS = {"characters": 80, "words": 30}
"""Tokens of a window where the recipe leaves it open."""
ENOUGH_WINDOWS = 2_000
"""A short text is read in windows that overlap, until there are so many (but at most eight times as many)."""
UNIT = 500
"""Characters by which blocks are weighed when they are dealt out."""
SHOWN = 240


class Config(Settings):
    """How a text is cut for the model."""

    unit: Literal["characters", "words"] = setting(
        "characters", "Written by", "Letter by letter, or word by word (needs a long text: at least a million words).",
        panel="data",
    )  # fmt: skip
    length: int = setting(
        0, "Window", "How many characters or words the model sees at once; longer remembers more and is slower.",
        ge=0, le=256, step=8, zero="automatic", panel="data",
    )  # fmt: skip
    lower: bool = setting(
        False, "Small letters only", "Turn A to Z into a to z: fewer signs to learn, plainer texts.", panel="data",
        advanced=True,
    )  # fmt: skip
    vocabulary: int = setting(
        3000, "Vocabulary", "Word by word only: how many of the most frequent words are known.", ge=10, le=20_000,
        log=True, panel="data", advanced=True,
    )  # fmt: skip
    encoding: str = setting(
        "", "Encoding", "How letters are stored, such as utf-8 or cp1252; empty: found out.", advanced=True,
        panel="data", max_length=30,
    )  # fmt: skip

    @field_validator("length")
    @classmethod
    def _is_useful(cls, length: int) -> int:
        if 0 < length < 8:
            raise ValueError(f"`data.length` must be between 8 and 256 (or 0), but got {length}.")
        return length


_GRIMM = Sample(
    name="grimm",
    title="Grimm's fairy tales",
    sentence="47 fairy tales. Learn to write like them, letter by letter.",
    data_type="prose", target=TARGET, task="generation", licence="public domain",
    source="Grimm's tales, translated by Edgar Taylor and Marian Edwardes", architecture="char_rnn",
    expected="loss 1.45 per character", rows=374_911,
)  # fmt: skip


# --- reading ------------------------------------------------------------------------------------------------------


def samples() -> tuple[Sample, ...]:
    """List the bundled texts."""
    return (_GRIMM,)


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form."""
    if name != _GRIMM.name:
        raise known("sample", name, [_GRIMM.name])
    text = gzip.decompress(packed("grimm.txt.gz").read_bytes()).decode("utf-8")
    return _store(Writing(titled(cleaned(text))), _GRIMM.title, "", folder)


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:
    """Read a text file, or a zip or folder of them, into canonical form; raises `Refusal` in words."""
    settings = Config.model_validate(config.model_dump())
    progress(0.05, "Reading the text")
    dataset = _store(read_writing(file, settings.encoding, progress), file.name, settings.encoding, folder)
    progress(1.0, "Done")
    return dataset


def looks_like(file: Path) -> float:
    """Say how sure it is that a file is running text: long lines, many small letters, few cells."""
    if file.is_dir() or file.suffix.lower() == ".zip":
        return _sure_of_bundle(file)
    try:
        if file.suffix.lower() == ".gz":
            with gzip.open(file) as unpacked:
                head = unpacked.read(50_000)
        else:
            with file.open("rb") as plain:
                head = plain.read(50_000)
        return _sure_of_text(_decoded(head, "")[0])
    except (OSError, EOFError, zlib.error, Refusal):
        return 0.0


def _sure_of_bundle(file: Path) -> float:
    try:
        with opened(file) as bundle:
            names = bundle.names
    except Refusal:
        return 0.0
    texts = [name for name in names if name.lower().endswith(ENDINGS)]
    return 0.6 * len(texts) / max(1, len(names))


def _sure_of_text(text: str) -> float:
    """Tables have equally many tabs, semicolons or bars in every line; lists of labels have short lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or "__label__" in text[:2000]:
        return 0.0
    for sign in "\t;|":
        counts = [line.count(sign) for line in lines[:50]]
        if len(lines) > 1 and min(counts) >= 1 and max(counts) == min(counts):
            return 0.1
    words = sum(1 for sign in text if sign.isalpha() or sign == " ") / len(text)
    return 0.8 if words > 0.75 and len(text) >= 500 else 0.4 if words > 0.5 else 0.2


def _store(writing: Writing, name: str, settings: str, folder: Path) -> DataSet:
    """Write `text.txt`, then `dataset.json`."""
    text = writing.text
    blocks = blocks_of(writing.pieces)
    data = text.encode("utf-8", "replace")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text.txt").write_bytes(data)
    starts, place = [], 0
    for title, piece in writing.pieces:
        starts.append([place, title[:120]])
        place += len(piece) + 2
    schema = Schema(
        name=name,
        data_type="prose",
        rows=len(text),
        columns=(Column(name="text", kind="text", unique=len(set(text)), examples=(text[:60],), reason="the text"),),
        target=TARGET,
        task="generation",
        fingerprint=hashlib.sha256(data + settings.encode()).hexdigest(),
        notes=tuple(writing.notes),
        details={"blocks": [list(block) for block in blocks], "texts": starts[:5_000], "pieces": len(writing.pieces)},
    )
    temporary = folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(indent=1), encoding="utf-8")
    temporary.rename(folder / "dataset.json")
    return DataSet(folder, schema)


def text_of(dataset: DataSet) -> str:
    """Return the whole text."""
    return (dataset.folder / "text.txt").read_bytes().decode("utf-8")


# --- checking and preparing ---------------------------------------------------------------------------------------


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the text; every check answers, also with `pass`."""
    _settings(data)
    return findings(_look(dataset))


def classes(dataset: DataSet, data: Data) -> dict[str, int]:  # noqa: ARG001 - part of the contract
    """Nothing is counted: the answer is the next character."""
    return {}


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split by blocks, learn the vocabulary from the training part, write windows (rows, length) int32."""
    settings, look = _settings(data), _look(dataset)
    for problem in problems(look):
        raise Refusal(f"{problem.sentence} {problem.cure}")
    progress(0.0, "Reading the text")
    dealt = _dealt(look, data, seed)
    length = settings.length or LENGTHS[settings.unit]
    encoding = tokens_in.fit(
        [look.text[start:end] for start, end in dealt["train"]],
        unit=settings.unit, lower=settings.lower, length=length, words=settings.vocabulary,
    )  # fmt: skip
    if not encoding["vocabulary"]:
        raise Refusal("No word is found twice in the training part, so nothing can be learned. Add text.")
    progress(0.3, "Cutting windows")
    ready: dict[PartName, Part] = {name: _windows(look.text, here, encoding, name) for name, here in dealt.items()}
    size = len(encoding["vocabulary"]) + tokens_in.RESERVED
    signature = Signature(
        data_type="prose",
        task="generation",
        inputs={"tokens": TensorSpec(shape=(length,), dtype="int32")},
        raw=(_raw_input(look.text[slice(*dealt["train"][0])], settings.unit, length),),
        target=Target(name=TARGET, size=size),
        rows={name: len(part) for name, part in ready.items()},
        details={"vocabulary": size, "length": length, "unit": settings.unit},
    )
    encoding["parts"] = {name: [list(block) for block in here] for name, here in dealt.items()}
    prepared = Prepared(folder, signature, encoding).save(ready)
    progress(1.0, "Prepared")
    return prepared


def _settings(data: Data) -> Config:
    if data.task and data.task not in TASKS:
        raise Refusal(f"Plain text can be continued, so `data.task` must be generation, not {data.task}.")
    if data.target and data.target != TARGET:
        raise Refusal(f"Plain text has one target, `{TARGET}`, but got '{data.target}'. Leave `data.target` out.")
    return validate(Config, data.settings, "data")


def _look(dataset: DataSet) -> Look:
    blocks = [(int(start), int(end)) for start, end in dataset.schema.details["blocks"]]
    return Look(text_of(dataset), blocks, NEEDED)


def _dealt(look: Look, data: Data, seed: int) -> dict[PartName, list[tuple[int, int]]]:
    """Deal the blocks out by their size; equal ones stay together."""
    first: dict[str, int] = {}
    groups = [first.setdefault(look.text[start:end], number) for number, (start, end) in enumerate(look.blocks)]
    weights = [max(1, (end - start) // UNIT) for start, end in look.blocks]
    blocks = np.repeat(np.arange(len(look.blocks)), weights)
    tied = np.repeat(groups, weights)
    found = split(None, len(blocks), data.validation, data.test, seed, tied, "passage", data.folded)
    return {name: [look.blocks[number] for number in np.unique(blocks[rows])] for name, rows in found.items()}


def _windows(text: str, blocks: list[tuple[int, int]], encoding: dict[str, Any], name: PartName) -> Part:
    """Cut windows that never cross the border of a block; only those of the training part may overlap."""
    length = int(encoding["length"])
    found = [(*tokens_in.encode(encoding, text[start:end]), start) for start, end in blocks]
    found = [told for told in found if len(told[0]) > length]
    if not found:
        raise Refusal(
            f"A window of {length} {encoding['unit']} is longer than the passages of the {name} part. "
            "Set `data.length` lower or add text."
        )
    total = sum(len(numbers) for numbers, _, _ in found)
    stride = max(length // 8, 1, min(length, total // ENOUGH_WINDOWS)) if name == "train" else length
    x, y, rows = [], [], []
    for numbers, places, start in found:
        last = len(numbers) - length - 1
        first = np.unique(np.append(np.arange(0, last + 1, stride), last))
        window = np.lib.stride_tricks.sliding_window_view(numbers, length + 1)[first]
        x.append(window[:, :-1])
        y.append(window[:, 1:])
        rows.append(places[first].astype(np.int64) + start)
    return Part({"tokens": np.concatenate(x)}, np.concatenate(y), np.concatenate(rows))


def _raw_input(text: str, unit: str, length: int) -> RawInput:
    start = " ".join(text[:60].split(" ")[:-1]) or text[:30]
    told = f"The beginning of a text; its last {length} {unit} are read."
    return RawInput(name="text", kind="text", dtype="string", typical=start, description=told)


# --- rows for people and for the finished model -------------------------------------------------------------------


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return the passages that begin at these places, with the title of the text they stand in."""
    text, texts = text_of(dataset), dataset.schema.details["texts"]
    starts = [start for start, _ in texts]
    found = []
    for row in rows:
        passage = text[row : row + SHOWN]
        whole = passage if len(passage) < SHOWN else passage[: passage.rfind(" ") if " " in passage else SHOWN] + " …"
        title = texts[max(0, bisect.bisect_right(starts, row) - 1)][1]
        found.append({"text": whole} | ({"title": title} if title else {}))
    return found


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return the windows that begin at these places as the finished model takes them: {"text": (1, 1) strings}."""
    text, length = text_of(dataset), int(signature.details["length"])
    return [
        {"text": np.array([[_passage(text, row, length, signature.details["unit"])]], dtype=object)} for row in rows
    ]


def _passage(text: str, row: int, length: int, unit: str) -> str:
    if unit == "characters":
        return text[row : row + length]
    found = re.compile(rf"(?:[^ \t\n\r\f\v]+[ \t\n\r\f\v]*){{1,{length}}}").match(text, row)
    return found[0].rstrip() if found else ""


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:  # noqa: ARG001 - part of the contract
    """Turn {"text": what was typed} into one raw row."""
    told = values.get("text")
    text = cleaned_prompt(told) if isinstance(told, str) else ""
    if not text:
        raise Refusal("There is nothing to go on from. Type a few words.")
    return {"text": np.array([[text]], dtype=object)}


def cleaned_prompt(text: str) -> str:
    """Bring what was typed to the form of the texts; a space at its end stays."""
    tail = text[len(text.rstrip(" \n")) :]
    return cleaned(text) + tail if text.strip() else ""


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: ARG001 - part of the contract
    """Return the raw text (batch, 1) and its last tokens (batch, length), joined by stock layers. Worker only."""
    return tokens_in.layers(encoding)
