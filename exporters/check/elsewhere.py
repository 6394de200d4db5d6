"""The check of formats other than Keras's own: their own runtime answers in a clean process, as the run did.

One process can be asked about several files:

    entries = elsewhere.checked([Question(asked, "model", core, "onnx", file), ...])

A float file must answer ready rows, as Keras prepared them, within its `TOLERANCE`; from raw rows on, where its script
prepares them with numpy, within `RAW_TOLERANCE` (a picture is resized by another program). A file of int8 makes no such
promise: it is asked about many validation rows, and how far it agrees with the float model is told.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import exporters
from builders import Whole
from evaluation.asked import Asked
from exporters import _core_zip, check, keras_file
from records import write_json

SCRIPTS = {kind: Path(__file__).with_name(f"{kind}.py") for kind in ("core", "saved_model")}
RAW_TOLERANCE = 0.02
HALF_LEVEL = 0.5 / 255
"""A painted picture is the same where it rounds to the same bytes: flat parts are divided by next to no spread."""
MANY = 256
"""Validation rows on which a file of int8 is compared."""


@dataclass(frozen=True)
class Question:
    """A written file that is to be checked."""

    asked: Asked
    name: str
    """The deliverable: `model`, `decoder`, ..."""
    deliverable: Any
    form: str
    """The format: `onnx`, ..."""
    file: Path

    @property
    def format(self) -> Any:
        """The format's module."""
        return exporters.get(self.form)


def checked(questions: list[Question]) -> list[dict[str, Any]]:
    """Ask each file in a clean process of its runtime; writes and returns their entries."""
    folder = Path(tempfile.mkdtemp(prefix="layerwise-check-"))
    try:
        places = [_written(folder / str(number), question) for number, question in enumerate(questions)]
        started = time.monotonic()
        failures = {
            kind: _run(kind, folder, [place for place, each in zip(places, questions, strict=True)
                                      if kind == each.format.CHECK])
            for kind in dict.fromkeys(each.format.CHECK for each in questions)
        }  # fmt: skip
        here = Here()
        entries = [
            _entry(question, place, failures[question.format.CHECK], time.monotonic() - started, here)
            for question, place in zip(questions, places, strict=True)
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for question, entry in zip(questions, entries, strict=True):
        run = question.asked.run
        write_json(
            run.folder / "deliverables.json", (run.read("deliverables.json") or {}) | {question.file.name: entry}
        )
    return entries


def ready_apart(questions: list[Question]) -> list[float | str]:
    """Ask each file about ready rows alone; returns how far its answers lie apart, or what went wrong."""
    folder, here = Path(tempfile.mkdtemp(prefix="layerwise-check-")), Here()
    found: list[float | str] = []
    try:
        places = [
            _written(folder / str(number), question, is_raw=False) for number, question in enumerate(questions)
        ]  # fmt: skip
        failure = _run("core", folder, places)
        for question, place in zip(questions, places, strict=True):
            told = _read(place) or {"error": failure}
            if "error" in told:
                found.append(told["error"])
            else:
                answered, right = _core_answers(place), here.from_ready(question)
                found.append(max(apart(answered[name], right[name]) for name in right))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def tolerance_of(question: Question) -> float | None:
    """Return how far a file may lie apart from the run; None where it makes no such promise."""
    tolerance = question.format.TOLERANCE
    if tolerance is not None and question.asked.signature.task == "styling":
        return max(tolerance, HALF_LEVEL)
    return tolerance


def _written(folder: Path, question: Question, *, is_raw: bool = True) -> Path:
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps({"file": str(question.file.resolve())}), encoding="utf-8")
    check.write_rows(folder, check.rows_of(question.asked, question.deliverable)[0] if is_raw else [])
    if question.format.CHECK == "core":
        ready = _ready(question)
        members = {name: str(place) for place, name in enumerate(ready)}
        np.savez(folder / "ready.npz", allow_pickle=False, **{members[name]: ready[name] for name in ready})
        (folder / "ready.json").write_text(json.dumps(members), encoding="utf-8")
    return folder


def _ready(question: Question) -> dict[str, np.ndarray]:
    core = _core_zip.Core.of(question.asked, question.deliverable)
    return core.ready(check.ROWS if question.format.TOLERANCE else MANY)


def _run(kind: str, folder: Path, places: list[Path]) -> str:
    """Run one clean process over these folders; returns why it failed as a whole, or nothing."""
    own = folder / kind
    own.mkdir()
    process = check.clean_process(SCRIPTS[kind], [str(place) for place in places], own)
    try:
        process.wait(timeout=check.PATIENCE)
    except subprocess.TimeoutExpired:
        return f"it gave no answer within {check.PATIENCE / 60:.0f} minutes"
    finally:
        process.kill()
        process.wait()
    return check.last_line(own / "log.txt") if process.returncode else ""


def _entry(question: Question, place: Path, failure: str, seconds: float, here: "Here") -> dict[str, Any]:
    run, file = question.asked.run, question.file
    words = {}
    if isinstance(question.deliverable, Whole):
        words = {"title": question.deliverable.title, "about": question.deliverable.sentence}
    return {
        **words,
        "of": question.name,
        "model": ((run.read("deliverables.json") or {}).get(question.name) or {}).get("sha256", ""),
        "format": question.form,
        "file": file.relative_to(run.folder).as_posix(),
        "bytes": file.stat().st_size,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "seconds": round(seconds, 2),
        **_compared(question, place, failure, here),
    }


def _compared(question: Question, place: Path, failure: str, here: "Here") -> dict[str, Any]:
    told = _read(place)
    if told is None:
        return _refused(question, failure or "it said nothing")
    if "error" in told:
        return _refused(question, told["error"])
    if told["loaded"]:
        return _refused(question, f"it needs {told['loaded'][0]}")
    found = {"milliseconds": round(told["milliseconds"], 3), "runtime": told["runtime"]}
    return _judged(question, place, told, here) | found


def _judged(question: Question, place: Path, told: dict[str, Any], here: "Here") -> dict[str, Any]:
    tolerance = tolerance_of(question)
    from_raw = _largest(told["single"], here.from_raw(question))
    rows = check.counted(len(told["single"]))
    where = f"Asked in a clean process with {told['runtime']}"
    if question.format.CHECK == "saved_model":
        if not from_raw <= (tolerance or 0.0):
            return _differs(question, from_raw)
        return {"checked": True, "largest_difference": from_raw, "sentence": f"{where}; same answers on {rows}."}
    right = here.from_ready(question)
    answered = _core_answers(place)
    if tolerance is None:
        return _coarse(question, where, answered, right)
    from_ready = max((apart(answered[name], right[name]) for name in right), default=0.0)
    if not from_ready <= tolerance or not from_raw <= RAW_TOLERANCE:
        return _differs(question, max(from_ready, from_raw))
    entry = {"checked": True, "largest_difference": from_ready, "sentence": f"{where}; same answers on {rows}."}
    if from_raw > tolerance:
        note = f"Note: predict.py prepares raw values a little differently: up to {from_raw:.1g} apart."
        entry |= {"difference_from_raw": from_raw, "sentence": f"{entry['sentence']} {note}"}
    return entry


def _read(place: Path) -> dict[str, Any] | None:
    answers = place / "answers.json"
    return json.loads(answers.read_text(encoding="utf-8")) if answers.exists() else None


def _core_answers(place: Path) -> dict[str, np.ndarray]:
    names = json.loads((place / "core.json").read_text(encoding="utf-8"))
    with np.load(place / "core.npz", allow_pickle=False) as file:
        return {name: file[str(number)] for number, name in enumerate(names)}


class Here:
    """What the models answer in this process; each is asked once, however many files are compared with it."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], Any] = {}

    def from_raw(self, question: Question) -> list[check.Answers]:
        """Answer raw rows, one by one."""
        raw = check.rows_of(question.asked, question.deliverable)[0]
        return self._once(question, 0, lambda: check.asked_here(
            keras_file.whole(question.deliverable, question.asked.prepared), raw))  # fmt: skip

    def from_ready(self, question: Question) -> dict[str, np.ndarray]:
        """Answer ready rows, as many as the format is asked about."""
        ready, core = _ready(question), _core_zip.Core.of(question.asked, question.deliverable)
        rows = self._once(question, len(next(iter(ready.values()))), lambda: check.asked_here(core.model, [ready]))
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _once(self, question: Question, rows: int, ask: Callable[[], Any]) -> Any:
        key = (id(question.deliverable), rows)
        if key not in self._known:
            self._known[key] = ask()
        return self._known[key]


def _coarse(
    question: Question, where: str, answered: dict[str, np.ndarray], right: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Say how far a file of int8 agrees with the float model, and what that does to its score."""
    if any(not np.isfinite(each).all() for each in answered.values() if each.dtype.kind == "f"):
        return _differs(question, float("inf"))
    rows = len(next(iter(right.values())))
    share, words = agreement(question.asked, question.deliverable, answered, right)
    scores = {
        name: _score(question, each) for name, each in (("score", answered), ("float_score", right))
    }  # fmt: skip
    noun = "examples" if isinstance(question.deliverable, Whole) else "validation rows"
    said = f"{where}: {words} {rows} {noun}"
    if scores["score"] and scores["float_score"]:
        title, value, full = scores["score"]["title"], scores["score"]["value"], scores["float_score"]["value"]
        said += f"; {title.lower()} {_shown(value)}, in full precision {_shown(full)}"
    with zipfile.ZipFile(question.file) as archive:
        eight_bits = json.loads(archive.read("preprocessing.json"))["eight_bits"]
    if eight_bits == "weights":
        said += ". Only its weights have eight bits: with all numbers in eight bits it agreed too rarely"
    return {"checked": True, "largest_difference": None, "agreement": share, "sentence": f"{said}.",
            "eight_bits": eight_bits, **scores}  # fmt: skip


def agreement(
    asked: Asked, deliverable: Any, answered: dict[str, np.ndarray], right: dict[str, np.ndarray]
) -> tuple[float, str]:
    """Compare two sets of answers: the share of equal classes, or how far numbers lie apart by their own spread."""
    target = asked.signature.target.name
    if not isinstance(deliverable, Whole) and asked.signature.target.classes and target in right:
        share = float((answered[target].argmax(-1) == right[target].argmax(-1)).mean())
        return share, f"the same class as the float model in {share:.1%} of"
    whole = [name for name in right if right[name].dtype.kind != "f"]
    if len(whole) == len(right):
        share = float(np.mean([(answered[name] == right[name]).mean() for name in whole]))
        return share, f"the same answer as the float model in {share:.1%} of"
    gaps = [
        float(np.abs(answered[name] - right[name]).mean()) / max(float(right[name].std()), 1e-9)
        for name in right if right[name].dtype.kind == "f"
    ]  # fmt: skip
    gap = max(gaps)
    return 1.0 - gap, f"{gap:.1%} of their own spread away from the float model's answers, on average over"


def _score(question: Question, answers: dict[str, np.ndarray]) -> dict[str, Any] | None:
    """Judge answers to validation rows where one number says it: accuracy, or the mean error in the target's unit."""
    signature = question.asked.signature
    if isinstance(question.deliverable, Whole) or signature.task not in ("classification", "regression"):
        return None
    part = question.asked.prepared.part("validation")
    truth, answer = np.asarray(part.y[_core_zip.rows_of(part, MANY)]), answers[signature.target.name]
    if signature.task == "classification":
        return {"title": "Accuracy", "value": float((answer.argmax(-1) == truth.ravel()).mean())}
    own = truth.reshape(answer.shape) * signature.target.scale + signature.target.mean
    return {"title": "Mean error", "value": float(np.abs(answer - own).mean())}


def _shown(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def apart(answer: Any, right: np.ndarray) -> float:
    """Return how far one answer lies apart, relative to its largest number where that is above 1.

    A picture is right where none of its pixels is off by more than its brightest one allows, however dark the pixel.
    """
    numbers = None if right.dtype.kind in "OSU" else np.asarray(answer, dtype=np.float64)
    if numbers is None or numbers.shape != right.shape or not np.isfinite(numbers).all():
        return check.apart(answer, right)
    largest = float(np.abs(right).max(initial=1.0))
    return float(np.abs(numbers - right).max(initial=0.0)) / largest


def _largest(told: list[dict[str, Any]], right: list[dict[str, np.ndarray]]) -> float:
    if len(told) != len(right) or any(one.keys() != other.keys() for one, other in zip(told, right, strict=True)):
        return float("inf")
    pairs = zip(told, right, strict=True)
    return max((apart(one[name], other[name]) for one, other in pairs for name in other), default=0.0)


def _refused(question: Question, why: str) -> dict[str, Any]:
    title = question.format.TITLE
    return {"checked": False, "largest_difference": None,
            "sentence": f"The {title} file could not be asked in a clean process ({why.rstrip('.')}), so it is not "
                        "offered. The Keras file is not touched by this."}  # fmt: skip


def _differs(question: Question, largest: float) -> dict[str, Any]:
    found = largest if np.isfinite(largest) else None
    by = f" (by up to {largest:.1g})" if found is not None else ""
    return {"checked": False, "largest_difference": found,
            "sentence": f"The {question.format.TITLE} file answered differently in a clean process{by}, so it is not "
                        "offered. The Keras file is not touched by this."}  # fmt: skip
