"""The check before a download is offered: a clean process loads the file and must answer as the run did.

The worker starts it as soon as the file is written and collects it after the report, so that loading TensorFlow anew
costs no time:

    file = keras_file.export(run, core, prepared, dataset)
    checking = check.start(run, file, core, prepared, dataset)
    report.make(run, core, prepared, history)
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from datasets import DataSet, Part, Prepared
from exporters import keras_file
from recipes import keras
from records import Run, write_json

ROWS = 8
TOLERANCE = 1e-5
"""Largest difference allowed, relative to answers larger than 1."""
PATIENCE = 300.0
"""Seconds until a clean process that says nothing is given up."""
SCRIPT = Path(__file__).with_name("script.py")
KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT")


@dataclass
class Handle:
    """A check under way. End it with `finish` or `cancel`; both leave neither process nor folder behind."""

    run: Run
    file: Path
    prepared: Prepared
    core: Any
    part: Part
    """The validation rows asked, as prepared tensors."""
    raw: list[dict[str, np.ndarray]]
    """The same rows as the deliverable takes them."""
    folder: Path
    process: subprocess.Popen[bytes]
    started: float

    def finish(self) -> dict[str, Any]:
        """Wait for the answers, compare, write `deliverables.json`, and return the entry of this file."""
        try:
            self.process.wait(timeout=PATIENCE)
            told = self._compared()
        except subprocess.TimeoutExpired:
            told = _refused(f"The clean process gave no answer within {PATIENCE / 60:.0f} minutes, so the file is not "
                            "offered. Resume the run when the computer is less busy.")  # fmt: skip
        finally:
            self.cancel()
        entry = {
            "file": self.file.relative_to(self.run.folder).as_posix(),
            "bytes": self.file.stat().st_size,
            "sha256": hashlib.sha256(self.file.read_bytes()).hexdigest(),
            "seconds": round(time.monotonic() - self.started, 2),
            **told,
        }
        write_json(
            self.run.folder / "deliverables.json", {**(self.run.read("deliverables.json") or {}), "model": entry}
        )
        return entry

    def cancel(self) -> None:
        """End the clean process and clear its folder."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _compared(self) -> dict[str, Any]:
        if self.process.returncode:
            reason = _last_line(self.folder / "log.txt")
            return _refused(f"Plain Keras could not load the file in a clean process ({reason}), so it is not offered. "
                            "The run itself is safe.")  # fmt: skip
        told = json.loads((self.folder / "answers.json").read_text(encoding="utf-8"))
        same = f"Loaded in a clean Keras {told['keras']} process; same answers on {_rows(len(self.raw))}"
        to_report = _difference(told, _reported(self.core, self.prepared, self.part))
        if to_report <= TOLERANCE:
            return {"checked": True, "largest_difference": to_report, "sentence": f"{same}."}
        # The report read prepared tensors. Ask the same model raw in this process, to tell a bad file from a
        # preprocessing that differs (pictures are resized by two programs).
        largest = _difference(told, self._answered_here())
        if not np.isfinite(largest):
            return _refused("The file gave answers that are no numbers in a clean process, so it is not offered. "
                            "Train again with a lower learning rate.")  # fmt: skip
        found = {"largest_difference": largest, "difference_to_report": to_report}
        if largest <= TOLERANCE:
            why = f"raw inputs are prepared a little differently than for the report: up to {to_report:.1g} apart"
            return {"checked": True, **found, "sentence": f"{same}. Note: {why}."}
        return _refused(f"The file answered differently in a clean process (by up to {largest:.1g}), so it is not "
                        "offered. The run itself is safe.") | found  # fmt: skip

    def _answered_here(self) -> np.ndarray:
        model = keras_file.assemble(self.core, self.prepared.signature, self.prepared.encoding)
        model.jit_compile = False
        name = self.prepared.signature.target.name
        with keras.device("cpu"):
            return np.concatenate([np.asarray(model.predict_on_batch(row)[name]) for row in self.raw])


def start(run: Run, file: Path, core: Any, prepared: Prepared, dataset: DataSet) -> Handle:
    """Start a clean process that answers a few validation rows from this file."""
    started = time.monotonic()
    part = prepared.part("validation")
    kept = np.unique(np.linspace(0, len(part) - 1, min(ROWS, len(part))).astype(int))
    some = Part({name: array[kept] for name, array in part.x.items()}, part.y[kept], part.rows[kept])
    raw = datasets.get(prepared.signature.data_type).raw(dataset, prepared.signature, some.rows.tolist())
    folder = Path(tempfile.mkdtemp(prefix="layerwise-check-"))
    _write_rows(folder, raw)
    return Handle(run, file, prepared, core, some, raw, folder, _clean_process(file, folder), started)


def _write_rows(folder: Path, raw: list[dict[str, np.ndarray]]) -> None:
    # Column names may hold anything, so they never become names of archive members.
    members = [{name: f"{row}-{place}" for place, name in enumerate(cells)} for row, cells in enumerate(raw)]
    arrays = {
        member: _plain(raw[row][name]) for row, cells in enumerate(members) for name, member in cells.items()
    }  # fmt: skip
    np.savez(folder / "rows.npz", allow_pickle=False, **arrays)
    (folder / "rows.json").write_text(json.dumps(members), encoding="utf-8")


def _plain(array: np.ndarray) -> np.ndarray:
    """Objects would be pickled; strings are written as strings."""
    return array.astype(np.str_) if array.dtype.kind in "OT" else array


def _clean_process(file: Path, folder: Path) -> subprocess.Popen[bytes]:
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    environment = {
        **kept,
        "HOME": str(folder),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    command = [sys.executable, "-I", str(SCRIPT), str(file.resolve()), str(folder)]
    with (folder / "log.txt").open("wb") as log:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )  # fmt: skip


def _reported(core: Any, prepared: Prepared, part: Part) -> np.ndarray:
    model = keras_file.answering(core, prepared.signature)
    model.jit_compile = False
    # The clean process has no GPU either: devices differ in the last digits, which is not what is looked for here.
    with keras.device("cpu"):
        return np.asarray(model.predict_on_batch(part.x))


def _difference(told: dict[str, Any], expected: np.ndarray) -> float:
    """Return the largest difference of any answer, alone or in a batch; relative where answers are larger than 1."""
    size = np.maximum(1.0, np.abs(expected))
    found = [np.asarray(told[way], dtype=np.float64) for way in ("single", "batch")]
    if any(answers.shape != expected.shape or not np.isfinite(answers).all() for answers in found):
        return float("inf")
    return float(max((np.abs(answers - expected) / size).max() for answers in found))


def _refused(sentence: str) -> dict[str, Any]:
    return {"checked": False, "largest_difference": None, "sentence": sentence}


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip()[:200] if lines else "it said nothing"


def _rows(amount: int) -> str:
    return f"{amount} row" if amount == 1 else f"{amount} rows"
