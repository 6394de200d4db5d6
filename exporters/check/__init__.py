"""The check before a download is offered: a clean process loads the file and must answer as the run did.

The worker starts it as soon as the file is written and collects it after the report, so that loading TensorFlow anew
costs no time:

    file = keras_file.export(run, "model", core, prepared, dataset)
    checking = check.start(asked, file, core)
    report.make(asked, history)
    told = checking.finish()
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from builders import Whole
from evaluation import tasks
from evaluation.asked import Asked
from exporters import keras_file
from recipes import keras
from records import write_json

Answers = dict[str, np.ndarray]
"""What one row is answered, by name."""
ROWS = 8
TOLERANCE = 1e-5
"""Largest difference allowed, relative to answers larger than 1."""
PATIENCE = 300.0
"""Seconds until a clean process that says nothing is given up."""
SCRIPT = Path(__file__).with_name("script.py")
KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
"""Times of all formats are of one thread, so that they can be compared."""


@dataclass
class Handle:
    """A check under way. End it with `finish` or `cancel`; both leave neither process nor folder behind."""

    asked: Asked
    file: Path
    deliverable: Any
    raw: list[dict[str, np.ndarray]]
    """The rows asked, as the deliverable takes them."""
    ready: dict[str, np.ndarray] | None
    """The same rows as the core takes them; None for a whole model, which takes them as they are."""
    folder: Path
    process: subprocess.Popen[bytes]
    started: float
    also: dict[str, Any] = field(default_factory=dict)
    """What else the entry of this file says."""

    def finish(self) -> dict[str, Any]:
        """Wait for the answers, compare, write `deliverables.json`, and return the entry of this file."""
        try:
            self.process.wait(timeout=PATIENCE)
            told = self._compared() | self._pace()
        except subprocess.TimeoutExpired:
            told = _refused(f"The clean process gave no answer within {PATIENCE / 60:.0f} minutes, so the file is not "
                            "offered. Resume the run when the computer is less busy.")  # fmt: skip
        finally:
            self.cancel()
        run = self.asked.run
        entry = {
            **self._words(),
            **self.also,
            "file": self.file.relative_to(run.folder).as_posix(),
            "bytes": self.file.stat().st_size,
            "sha256": hashlib.sha256(self.file.read_bytes()).hexdigest(),
            "seconds": round(time.monotonic() - self.started, 2),
            **told,
        }
        write_json(run.folder / "deliverables.json", (run.read("deliverables.json") or {}) | {self.file.stem: entry})
        return entry

    def cancel(self) -> None:
        """End the clean process and clear its folder."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _compared(self) -> dict[str, Any]:
        if self.process.returncode:
            reason = last_line(self.folder / "log.txt")
            return _refused(f"Plain Keras could not load the file in a clean process ({reason}), so it is not offered. "
                            "The run itself is safe.")  # fmt: skip
        told = json.loads((self.folder / "answers.json").read_text(encoding="utf-8"))
        same = f"Loaded in a clean Keras {told['keras']} process; same answers on {counted(len(self.raw))}"
        to_report = _difference(told, self._reported(self.ready)) if self.ready is not None else None
        if to_report is not None and to_report <= TOLERANCE:
            return {"checked": True, "largest_difference": to_report, "sentence": f"{same}."}
        # The report read prepared tensors. Ask the same model raw in this process, to tell a bad file from a
        # preprocessing that differs (pictures are resized by two programs).
        largest = _difference(told, self._answered_here())
        if not np.isfinite(largest):
            return _refused("The file gave other answers, or answers that are no numbers, in a clean process, so it is "
                            "not offered. Train again with a lower learning rate.")  # fmt: skip
        if largest > TOLERANCE:
            return _refused(f"The file answered differently in a clean process (by up to {largest:.1g}), so it is not "
                            "offered. The run itself is safe.") | {"largest_difference": largest}  # fmt: skip
        if to_report is None:
            return {"checked": True, "largest_difference": largest, "sentence": f"{same}."}
        why = f"raw inputs are prepared a little differently than for the report: up to {to_report:.1g} apart"
        found = {"largest_difference": largest, "difference_to_report": to_report}
        return {"checked": True, **found, "sentence": f"{same}. Note: {why}."}

    def _pace(self) -> dict[str, float]:
        """Return what one row took, where the file answered."""
        answers = self.folder / "answers.json"
        return {"milliseconds": round(json.loads(answers.read_text())["milliseconds"], 3)} if answers.exists() else {}

    def _words(self) -> dict[str, str]:
        if isinstance(self.deliverable, Whole):
            return {"title": self.deliverable.title, "about": self.deliverable.sentence}
        return {}

    def _reported(self, ready: dict[str, np.ndarray]) -> list[Answers]:
        """Answer as the report did, from ready tensors."""
        return asked_here(keras_file.answering(self.deliverable, self.asked.signature), [ready])

    def _answered_here(self) -> list[Answers]:
        return asked_here(keras_file.whole(self.deliverable, self.asked.prepared), self.raw)


def start(asked: Asked, file: Path, deliverable: Any, also: dict[str, Any] | None = None) -> Handle:
    """Start a clean process that answers a few validation rows, or a whole model's own examples, from this file."""
    started = time.monotonic()
    raw, ready = rows_of(asked, deliverable)
    if hasattr(tasks.get(asked.signature.task), "join"):
        ready = None
    folder = Path(tempfile.mkdtemp(prefix="layerwise-check-"))
    write_rows(folder, raw)
    process = clean_process(SCRIPT, [str(file.resolve()), str(folder)], folder)
    return Handle(asked, file, deliverable, raw, ready, folder, process, started, also or {})


def rows_of(asked: Asked, deliverable: Any) -> tuple[list[dict[str, np.ndarray]], dict[str, np.ndarray] | None]:
    """Choose what a file is asked: raw rows one by one, and the same ready for the core; None for a whole model."""
    if isinstance(deliverable, Whole):
        amount = len(next(iter(deliverable.examples.values())))
        return [
            {name: array[row : row + 1] for name, array in deliverable.examples.items()} for row in range(amount)
        ], None  # fmt: skip
    part = asked.prepared.part("validation")
    kept = np.unique(np.linspace(0, len(part) - 1, min(ROWS, len(part))).astype(int))
    rows = np.asarray(part.rows[kept]).tolist()
    raw = datasets.get(asked.signature.data_type).raw(asked.dataset, asked.signature, rows)
    return raw, {name: np.asarray(array[kept]) for name, array in part.x.items()}


def write_rows(folder: Path, raw: list[dict[str, np.ndarray]], name: str = "rows") -> None:
    """Write rows for a clean process: `<name>.npz`, and `<name>.json` which says what is what."""
    # Column names may hold anything, so they never become names of archive members.
    members = [{name: f"{row}-{place}" for place, name in enumerate(cells)} for row, cells in enumerate(raw)]
    arrays = {
        member: _plain(raw[row][name]) for row, cells in enumerate(members) for name, member in cells.items()
    }  # fmt: skip
    np.savez(folder / f"{name}.npz", allow_pickle=False, **arrays)
    (folder / f"{name}.json").write_text(json.dumps(members), encoding="utf-8")


def _plain(array: np.ndarray) -> np.ndarray:
    """Objects would be pickled; strings are written as strings."""
    return array.astype(np.str_) if array.dtype.kind in "OT" else array


def clean_process(script: Path, arguments: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start a script with nothing of Layerwise on its path, in a folder of its own, without a GPU."""
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    environment = {
        **kept,
        **ONE_THREAD,
        "HOME": str(folder),
        "KERAS_BACKEND": keras.backend.backend(),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    command = [sys.executable, "-I", str(script), *arguments]
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )  # fmt: skip


def asked_here(model: Any, batches: list[dict[str, np.ndarray]]) -> list[Answers]:
    """Return the named answers of each row, in this process."""
    model.jit_compile = False
    found: list[Answers] = []
    # The clean process has no GPU either: devices differ in the last digits, which is not what is looked for here.
    with keras.device("cpu"):
        for batch in batches:
            told = {name: np.asarray(answer) for name, answer in model.predict_on_batch(batch).items()}
            rows = len(next(iter(told.values())))
            found += [{name: answer[row] for name, answer in told.items()} for row in range(rows)]
    return found


def _difference(told: dict[str, Any], expected: list[Answers]) -> float:
    """Return the largest difference of any answer, alone or in a batch; relative where answers are larger than 1."""
    if any(len(told[way]) != len(expected) for way in ("single", "batch")):
        return float("inf")
    pairs = [(answer, right) for way in ("single", "batch") for answer, right in zip(told[way], expected, strict=True)]
    if any(answer.keys() != right.keys() for answer, right in pairs):
        return float("inf")
    return max(apart(answer[name], right[name]) for answer, right in pairs for name in right)


def apart(answer: Any, right: np.ndarray) -> float:
    """Return the largest difference of one answer, relative where it is larger than 1; infinite where texts differ."""
    if right.dtype.kind in "OSU":
        texts = [text.decode() if isinstance(text, bytes) else str(text) for text in np.ravel(right)]
        return 0.0 if texts == np.ravel(np.asarray(answer, dtype=object)).tolist() else float("inf")
    numbers = np.asarray(answer, dtype=np.float64)
    if numbers.shape != right.shape or not np.isfinite(numbers).all():
        return float("inf")
    return float((np.abs(numbers - right) / np.maximum(1.0, np.abs(right))).max(initial=0.0))


def _refused(sentence: str) -> dict[str, Any]:
    return {"checked": False, "largest_difference": None, "sentence": sentence}


def last_line(log: Path) -> str:
    """Return what a process said last."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip()[:200] if lines else "it said nothing"


def counted(amount: int) -> str:
    """Say how many rows."""
    return f"{amount} row" if amount == 1 else f"{amount} rows"
