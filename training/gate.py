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
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from recipes import Refusal
from records.model_file import Inspected, unpacked
from records.run import write_text

ROOT = Path(__file__).resolve().parents[1]
READING, BUILDING = "training._gate_reader", "training._gate_builder"
LONGEST = {READING: 40.0, BUILDING: 180.0}
"""Seconds on the clock; a busy machine is slow without any guilt of the file."""
LARGEST_WORD = 4_096
TOO_LONG = "Opening this model took too long, so it was given up. Take a smaller model."
DIED = "Opening this model took more memory or time than is allowed here. Take a smaller model."
CHANGED = "The model's file is not as it was when it was checked. Open the original .keras file again."
MODEL, TOLD = "model.keras", "model.json"

_one_at_a_time = threading.Semaphore(1)
_log = logging.getLogger("layerwise.gate")


def admitted(file: Path, folder: Path) -> Inspected:
    """Leave `model.keras` and `model.json` in the folder and return what is known; raises `Refusal` in one sentence."""
    folder.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="gate-", dir=folder) as made:
        room = Path(made).resolve()
        found = unpacked(file, room)
        _asked(READING, room)
        (room / "uploaded.h5").unlink()
        rewritten = {
            "config": found.config, "keras": found.keras, "saved": found.saved, "vocabularies": found.vocabularies,
            "notes": found.notes,
        }  # fmt: skip
        write_text(room / "rewritten.json", json.dumps(rewritten))
        _asked(BUILDING, room)
        inspected = _inspected(room)
        (room / MODEL).replace(folder / MODEL)
        write_text(folder / TOLD, inspected.model_dump_json(indent=1))
        return inspected


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
        inspected = Inspected.model_validate_json((room / TOLD).read_bytes())
        clean = room / MODEL
        is_plain = clean.is_file() and not clean.is_symlink()
        same = is_plain and _hash(clean) == inspected.sha256
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
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(room)], cwd=room, env=_environment(room), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        said, complaint = child.communicate(timeout=LONGEST[module])
    except subprocess.TimeoutExpired:
        raise Refusal(TOO_LONG) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.kill()
        child.wait()
    told = _line(said)
    if child.returncode or "ok" not in told:
        _log.info("%s ended with %s: %s", module, child.returncode, complaint[-2_000:].decode("utf-8", "replace"))
    if "refused" in told:
        raise Refusal(str(told["refused"])[:600])
    if child.returncode or "ok" not in told:
        raise Refusal(DIED)
    if missing := told["ok"].get("missing"):
        _log.warning("This system puts no wall around: %s. Model files are opened without it.", ", ".join(missing))


def _line(said: bytes) -> dict[str, Any]:
    """Return the last line as an object, or nothing."""
    lines = said[-LARGEST_WORD:].splitlines()
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(lines[-1]) if lines else {}
        return told if isinstance(told, dict) else {}
    return {}


def _environment(room: Path) -> dict[str, str]:
    """Return the little that Python and Keras need; no word of the server's own settings goes along."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(room),
        "KERAS_HOME": str(room),
        "TMPDIR": str(room),
        "KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "LANG": "C.UTF-8",
    }


def forget(folder: Path) -> None:
    """Delete a model that came through the gate, and whatever lies beside it."""
    shutil.rmtree(folder, ignore_errors=True)
