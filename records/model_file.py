"""A `.keras` file from outside, looked at without Keras: the archive within limits, its description written anew.

`unpacked` is the first half of the gate (docs/import.md); `training/gate.py` is the second. Nothing here imports
Keras, and nothing of the file is ever run.
"""

import re
import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from recipes import Refusal
from records import model_description as description

MEGABYTE = 2**20
LARGEST = 200 * MEGABYTE
LARGEST_UNPACKED = 1024 * MEGABYTE
LARGEST_METADATA = 64 * 1024
LARGEST_VOCABULARY = 4 * MEGABYTE
LARGEST_RATIO = 100
MOST_MEMBERS = 64
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
VOCABULARY = re.compile(r"assets(/[A-Za-z0-9_]{1,64}){1,16}/vocabulary\.txt")
PROTECTED = 0x1
AGAIN = "Save the model in Keras 3 with `model.save('model.keras')` and take that file."
OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"\x89HDF", "an HDF5 file (.h5), the older format of Keras"),
    (b"\x80", "a pickled Python object, which could run any program"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"<!", "a web page"),
    (b"<h", "a web page"),
    (b"\x08", "an ONNX or TensorFlow model"),
    (b"\x1c\x00\x00\x00TFL3", "a LiteRT model"),
    (b" \x00\x00\x00TFL3", "a LiteRT model"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z", "a 7z archive"),
)
"""What else people take for a model, by its first bytes."""


class LayerLine(BaseModel):
    """One line of the layer table."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(max_length=description.LONGEST_NAME)
    kind: str = Field(max_length=128)
    shape: str = Field(max_length=2_000)
    parameters: int = Field(ge=0)


class Port(BaseModel):
    """An input or an answer: its name, its shape for one example (None: any size), its type of numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(max_length=description.LONGEST_NAME)
    shape: tuple[int | None, ...]
    dtype: str = Field(max_length=32)


class Inspected(BaseModel):
    """What is known about a model that has come through the gate; `model.json` beside its clean file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(max_length=description.LONGEST_NAME)
    kind: str = Field(max_length=32)
    keras: str = Field(max_length=32)
    """The version of Keras that wrote the file that was brought."""
    saved: str = Field("", max_length=64)
    layers: tuple[LayerLine, ...]
    parameters: int = Field(ge=0)
    trainable: int = Field(ge=0)
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    bytes: int = Field(ge=0)
    """Size of the clean file."""
    sha256: str = Field(pattern="[0-9a-f]{64}")
    """Of the clean file."""
    notes: tuple[str, ...] = ()
    """What a person should know, in sentences."""
    is_finite: bool = True
    """Are all its weights numbers? Else it has diverged and cannot be continued."""


@dataclass(frozen=True)
class Unpacked:
    """What of a file may go on: its description written anew, the words of its lookups, its weights as a file."""

    config: dict[str, Any]
    keras: str
    saved: str
    weights: Path
    vocabularies: dict[str, list[str]] = field(default_factory=dict)
    """By the path inside the archive."""
    notes: tuple[str, ...] = ()


def unpacked(file: Path, folder: Path) -> Unpacked:
    """Check the archive, read its description, and copy its weights into `folder`; raises `Refusal`."""
    _refuse_others(file)
    try:
        with zipfile.ZipFile(file) as archive:
            members = _members(archive)
            keras, saved = _metadata(_read(archive, members[METADATA], LARGEST_METADATA))
            text = _read(archive, members[CONFIG], description.LARGEST)
            config = description.cleaned(text)
            words = {
                name: _words(_read(archive, member, LARGEST_VOCABULARY))
                for name, member in members.items()
                if VOCABULARY.fullmatch(name)
            }
            weights = folder / "uploaded.h5"
            _copy(archive, members[WEIGHTS], weights)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise Refusal(_what_broke(error)) from None
    return Unpacked(config, keras, saved, weights, words, _notes(text))


def _refuse_others(file: Path) -> None:
    size = file.stat().st_size
    if size == 0:
        raise Refusal("The file is empty. Was it still downloading?")
    if size > LARGEST:
        raise Refusal(
            f"The file has {size / MEGABYTE:,.0f} MB; at most {LARGEST // MEGABYTE} MB are opened here. Save the model "
            "without its optimizer (`include_optimizer=False`), or take a smaller one."
        )
    with file.open("rb") as opened:
        head = opened.read(8)
    if head.startswith(b"PK\x03\x04"):
        return
    kind = next((kind for start, kind in OTHERS if head.startswith(start)), "")
    raise Refusal(f"This is not a .keras file: it looks like {kind}. {AGAIN}" if kind else _what_broke(None))


def _what_broke(error: Exception | None) -> str:
    if error is not None and "CRC" in str(error):
        return "A part of the file is damaged: its check sum is wrong. Copy or download the file again."
    return f"This is not a .keras file, or it is damaged or cut off. Copy or download it again. {AGAIN}"


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name, once every one of them is known to be harmless in size and name."""
    listed = archive.infolist()
    if len(listed) > MOST_MEMBERS:
        raise Refusal(f"The file holds {len(listed):,} parts; a .keras file has three. {AGAIN}")
    found: dict[str, zipfile.ZipInfo] = {}
    for member in listed:
        if member.filename in found:
            raise Refusal(f"The part `{member.filename}` is in the file twice. {AGAIN}")
        found[member.filename] = member
        _refuse_odd(member)
    for name in (CONFIG, METADATA, WEIGHTS):
        if name not in found:
            raise Refusal(f"The part `{name}` is missing, so this is no .keras file of Keras 3. {AGAIN}")
    total = sum(member.file_size for member in listed)
    packed = sum(member.compress_size for member in listed)
    if total > LARGEST_UNPACKED or (total > MEGABYTE and total > LARGEST_RATIO * packed):
        raise Refusal(f"The file unpacks to {total / MEGABYTE:,.0f} MB, far more than a model of its size needs.")
    return found


def _refuse_odd(member: zipfile.ZipInfo) -> None:
    name = member.filename
    shown = "".join(sign if sign.isprintable() else "?" for sign in name)[:80]
    if member.orig_filename != name or name.startswith(("/", "\\")) or ".." in PurePosixPath(name).parts:
        raise Refusal(f"The file holds a part with an unsafe name, `{shown}`. {AGAIN}")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise Refusal(f"The part `{shown}` is a link to another file, and no link is followed here. {AGAIN}")
    if name not in (CONFIG, METADATA, WEIGHTS) and not VOCABULARY.fullmatch(name):
        raise Refusal(f"The file holds `{shown}`, which is no part of a .keras file that is opened here. {AGAIN}")
    if member.flag_bits & PROTECTED:
        raise Refusal("The file has a password. Save it without one.")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refusal(f"The file is packed in a way that Keras does not use. {AGAIN}")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, largest: int) -> bytes:
    """Read a member; what it says about its own size is not believed."""
    with archive.open(member) as opened:
        found = opened.read(largest + 1)
        if len(found) <= largest:
            opened.read(1)  # to its very end, where the check sum is looked at
            return found
    raise Refusal(f"The part `{member.filename}` has more than {largest // 1024:,} kB, far more than a model needs.")


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    left = LARGEST_UNPACKED
    with archive.open(member) as opened, target.open("wb") as file:
        while piece := opened.read(MEGABYTE):
            left -= len(piece)
            if left < 0:
                raise Refusal(f"The weights unpack to more than {LARGEST_UNPACKED // MEGABYTE:,} MB.")
            file.write(piece)


def _metadata(text: bytes) -> tuple[str, str]:
    """Return the version of Keras that wrote the file, and when."""
    told = description.parsed(text, LARGEST_METADATA)
    version, saved = told.get("keras_version"), told.get("date_saved", "")
    if not isinstance(version, str) or not re.fullmatch(r"\d{1,3}(\.\w{1,12}){0,4}", version):
        raise Refusal(f"The file does not say which Keras wrote it. {AGAIN}")
    if version.partition(".")[0] != "3":
        raise Refusal(
            f"This file was written by Keras {version}, and files of Keras 3 are opened here. Load it there, and save "
            "the model again with Keras 3."
        )
    is_date = isinstance(saved, str) and re.fullmatch(r"[\d@:. T+-]{0,40}", saved)
    return version, saved.replace("@", " ") if is_date else ""


def _words(text: bytes) -> list[str]:
    try:
        lines = text.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise Refusal(f"A list of words inside the file is no readable text. {AGAIN}") from None
    if len(lines) > description.MOST_WORDS or any(len(line) > 1_000 or "\x00" in line for line in lines):
        raise Refusal(f"A list of words inside the file has more than {description.MOST_WORDS:,} words.")
    return lines


def _notes(text: bytes) -> tuple[str, ...]:
    compiled = description.parsed(text).get("compile_config")
    said = "How it was trained (loss, optimizer, metrics) is not taken over: training settings are chosen anew here."
    return (said,) if compiled else ()
