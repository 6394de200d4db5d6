"""Answers of a finished run's own download, for Try: the very file that a person takes away, kept loaded.

Used by the warm process (Keras live). Nothing here needs the run's worker.
"""

import base64
import binascii
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from datasets import DataSet, Prepared
from evaluation import strange, stress, tasks
from evaluation.asked import Replying
from evaluation.stress import DRAWS
from recipes import Refusal, Signature, keras
from records import Run

KEPT = 6
"""Models kept loaded; one more replaces the one that was asked longest ago."""
FILES = ("picture", "sound", "clip")
"""Kinds of raw input that come from the page as the bytes of a file."""


def answer(run: Run, values: dict[str, Any], model: Callable[[str], Any] | None = None) -> dict[str, Any]:
    """Answer one example from a form: cells by name (files as base64), and whatever else the task's form has.

    `model` returns a deliverable by name where the run has no files yet.
    For the general form: {"target", "classes", "answer": probabilities in the order of the classes, or one value}.
    """
    prepared = _prepared(run)
    replying = Replying(run, prepared, decoded(prepared.signature, values), model or (lambda name: download(run, name)))
    told = tasks.get(prepared.signature.task).reply(replying)
    if model is None and prepared.signature.task in strange.TASKS:
        told["strange"] = strange.told(run, download(run, "model"), prepared.signature, replying.row())
    return told


def withstands(run: Run, values: dict[str, Any], name: str) -> dict[str, Any]:
    """Answer one example, disturbed more and more: {"levels", "answers": the mean answer at each level}."""
    prepared = _prepared(run)
    signature = prepared.signature
    replying = Replying(run, prepared, decoded(signature, values), lambda name: download(run, name))
    row = replying.row()
    rows = [stress.disturbed(signature, row, name, level, draw) for level in stress.LEVELS for draw in range(DRAWS)]
    many = {name: np.concatenate([each[name] for each in rows]) for name in row}
    told = np.asarray(download(run, "model").predict_on_batch(many)[signature.target.name], dtype=float)
    means = told.reshape(len(stress.LEVELS), DRAWS, -1).mean(axis=1)
    return {"levels": list(stress.LEVELS), "answers": means.tolist()}


def answer_rows(run: Run, rows: Sequence[int]) -> dict[str, Any]:
    """Answer rows of the data set, by their numbers: {"target", "classes", "rows", "answers": one list a row}."""
    signature = signature_of(run)
    dataset = DataSet.open(Path(run.read("prepared.json")["dataset"]))
    raw = datasets.get(signature.data_type).raw(dataset, signature, rows)
    model, name = download(run, "model"), signature.target.name
    told = [np.asarray(model.predict_on_batch(row)[name])[0].tolist() for row in raw]
    return {"target": name, "classes": list(signature.target.classes), "rows": list(map(int, rows)), "answers": told}


def signature_of(run: Run) -> Signature:
    """Return what a run's download takes and answers."""
    return _prepared(run).signature


def _prepared(run: Run) -> Prepared:
    return _opened(Path(run.read("prepared.json")["folder"]))


@lru_cache(maxsize=32)
def _opened(folder: Path) -> Prepared:
    return Prepared.open(folder)


def decoded(signature: Signature, values: dict[str, Any]) -> dict[str, Any]:
    """Turn cells as a page sends them into cells as a data type parses them: files from base64 to bytes."""
    files = {raw.name for raw in signature.raw if raw.kind in FILES}
    return {name: _bytes(value) if name in files else value for name, value in values.items()}


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise Refusal("The file did not arrive whole. Choose it once more.") from None


def download(run: Run, name: str) -> Any:
    """Return a deliverable as it was saved, loaded and kept; raises `Refusal` where there is none yet."""
    file = run.folder / "deliverables" / f"{name}.keras"
    if not file.exists():
        raise Refusal("This run has no model to try yet. Wait until it has finished, or resume it.")
    return _loaded(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=KEPT)
def _loaded(file: Path, _written: int) -> Any:
    """Load a deliverable; a file written anew has another time and is loaded anew."""
    with warnings.catch_warnings():
        # Inputs of columns with a slash bear another name; they are called by the column's all the same.
        warnings.filterwarnings("ignore", "When providing `inputs` as a dict", UserWarning)
        model = keras.saving.load_model(file, compile=False)
    model.jit_compile = False
    return model
