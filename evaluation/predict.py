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
from evaluation import tasks
from evaluation.asked import Replying
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
    replying = Replying(run, prepared, _decoded(prepared.signature, values), model or (lambda name: _model(run, name)))
    return tasks.get(prepared.signature.task).reply(replying)


def answer_rows(run: Run, rows: Sequence[int]) -> dict[str, Any]:
    """Answer rows of the data set, by their numbers: {"target", "classes", "rows", "answers": one list a row}."""
    signature = _prepared(run).signature
    dataset = DataSet.open(Path(run.read("prepared.json")["dataset"]))
    raw = datasets.get(signature.data_type).raw(dataset, signature, rows)
    model, name = _model(run, "model"), signature.target.name
    told = [np.asarray(model.predict_on_batch(row)[name])[0].tolist() for row in raw]
    return {"target": name, "classes": list(signature.target.classes), "rows": list(map(int, rows)), "answers": told}


def _prepared(run: Run) -> Prepared:
    return _opened(Path(run.read("prepared.json")["folder"]))


@lru_cache(maxsize=32)
def _opened(folder: Path) -> Prepared:
    return Prepared.open(folder)


def _decoded(signature: Signature, values: dict[str, Any]) -> dict[str, Any]:
    files = {raw.name for raw in signature.raw if raw.kind in FILES}
    return {name: _bytes(value) if name in files else value for name, value in values.items()}


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise Refusal("The file did not arrive whole. Choose it once more.") from None


def _model(run: Run, name: str) -> Any:
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
