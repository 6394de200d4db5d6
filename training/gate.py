"""The gate for model files from outside: what comes through is a new file, written here, of the same model.

`admitted` takes a `.keras` file that somebody brought and leaves a clean `model.keras` with its `model.json` in a
folder. The file itself is never given to Keras: it is looked at as an archive and as text (`records/model_file.py`),
its weights are read as plain arrays in one limited process, and the model is rebuilt from both in another.
docs/import.md has the reasons.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from recipes import Refusal
from records.model_file import Inspected, unpacked
from records.run import write_text
from training import _jail

READING, BUILDING = "training._gate_reader", "training._gate_builder"
LONGEST = {READING: 40.0, BUILDING: 180.0}
"""Seconds on the clock; a busy machine is slow without any guilt of the file."""
LARGEST_WORD = 4_096
LONGEST_SENTENCE = 600
TOO_LONG = "Opening this model took too long, so it was given up. Take a smaller model."
DIED = "Opening this model took more memory or time than is allowed here. Take a smaller model."
CHANGED = "The model's file is not as it was when it was checked. Open the original .keras file again."
MODEL, TOLD = "model.keras", "model.json"

_one_at_a_time = threading.Semaphore(1)
_log = logging.getLogger("layerwise.gate")


def admitted(file: Path, folder: Path) -> Inspected:
    """Leave `model.keras` and `model.json` in the folder and return what is known; raises `Refusal` in one sentence."""
    folder.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time, _room(folder) as first, _room(folder) as second:
        found = unpacked(file, first)
        _asked(READING, first)
        for name in ("arrays.bin", "arrays.json"):
            _plain(first / name).replace(second / name)
        rewritten = {
            "config": found.config, "keras": found.keras, "saved": found.saved, "vocabularies": found.vocabularies,
            "notes": found.notes,
        }  # fmt: skip
        write_text(second / "rewritten.json", json.dumps(rewritten))
        _asked(BUILDING, second)
        inspected = _inspected(second)
        (second / MODEL).replace(folder / MODEL)
        write_text(folder / TOLD, inspected.model_dump_json(indent=1))
        return inspected


@contextlib.contextmanager
def _room(folder: Path) -> Generator[Path]:
    """Give each child a folder of its own: what one left behind, the next never sees."""
    with tempfile.TemporaryDirectory(prefix="gate-", dir=folder) as made:
        yield Path(made).resolve()


def _plain(file: Path) -> Path:
    """Return a file that a child wrote, unless it is a link or something else."""
    if file.is_symlink() or not file.is_file():
        raise Refusal(DIED)
    return file


def opened(folder: Path) -> Inspected:
    """Return what is known about a model that came through the gate, if its file is still the same."""
    try:
        inspected = Inspected.model_validate_json((folder / TOLD).read_text(encoding="utf-8"))
        same = _hash(folder / MODEL) == inspected.sha256
    except (OSError, ValidationError):
        same = False
    if not same:
        raise Refusal(CHANGED)
    return inspected


def _inspected(room: Path) -> Inspected:
    """Read what the child says about its file, as data from a stranger: it has met the model."""
    try:
        inspected = Inspected.model_validate_json(_plain(room / TOLD).read_bytes())
        same = _hash(_plain(room / MODEL)) == inspected.sha256
    except (OSError, ValidationError):
        same = False
    if not same:
        raise Refusal(DIED)
    return inspected


def _hash(file: Path) -> str:
    with file.open("rb") as opened_file:
        return hashlib.file_digest(opened_file, "sha256").hexdigest()


def _asked(module: str, room: Path) -> None:
    """Run a child of the gate; whatever it does, at most a sentence comes out."""
    # Files, for a pipe could be flooded; without names, for a child could put something else in their place.
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complaint:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(room)], cwd=room, env=_environment(room),
            stdin=subprocess.DEVNULL, stdout=said, stderr=complaint, start_new_session=True,
        )  # fmt: skip
        try:
            child.wait(timeout=LONGEST[module])
        except subprocess.TimeoutExpired:
            raise Refusal(TOO_LONG) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        told, complained = _line(_end_of(said)), _end_of(complaint).decode("utf-8", "replace")
    if child.returncode or "ok" not in told:
        _log.info("%s ended with %s: %s", module, child.returncode, complained)
    if "refused" in told:
        raise Refusal(str(told["refused"])[:LONGEST_SENTENCE])
    if child.returncode or "ok" not in told:
        raise Refusal(DIED)
    if missing := told["ok"].get("missing"):
        _log.warning("This system puts no wall around: %s. Model files are opened without it.", ", ".join(missing))


def _end_of(file: IO[bytes]) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LARGEST_WORD))
    return file.read(LARGEST_WORD)


def _line(said: bytes) -> dict[str, Any]:
    """Return the last line as an object, or nothing."""
    lines = said.splitlines()
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(lines[-1]) if lines else {}
        return told if isinstance(told, dict) else {}
    return {}


def _environment(room: Path) -> dict[str, str]:
    """Return what Python and Keras need."""
    return _jail.environment(
        room, KERAS_HOME=str(room), KERAS_BACKEND=os.environ.get("KERAS_BACKEND", "tensorflow"),
        CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3",
    )  # fmt: skip


def forget(folder: Path) -> None:
    """Delete a model that came through the gate, and whatever lies beside it."""
    shutil.rmtree(folder, ignore_errors=True)
