"""Answers of a finished run's own download, for Try: the very file that a person takes away, kept loaded.

Used by the warm process (Keras live). Nothing here needs the run's worker.
"""

import base64
import binascii
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from datasets import DataSet, Prepared
from recipes import Refusal, Signature, keras
from records import Run

KEPT = 4
"""Models kept loaded; a fifth replaces the one that was asked longest ago."""


def answer(run: Run, values: dict[str, Any]) -> dict[str, Any]:
    """Answer one example from a form: cells by column name, or a picture as base64.

    Returns {"target", "classes", "answer": probabilities in the order of the classes, or one value}.
    """
    signature = _prepared(run).signature
    row = datasets.get(signature.data_type).parse(signature, _decoded(signature, values))
    return {**_asked(signature), "answer": _answers(run, signature, row)[0].tolist()}


def answer_rows(run: Run, rows: Sequence[int]) -> dict[str, Any]:
    """Answer rows of the data set, by their numbers: {"target", "classes", "rows", "answers": one list a row}."""
    signature = _prepared(run).signature
    dataset = DataSet.open(Path(run.read("prepared.json")["dataset"]))
    raw = datasets.get(signature.data_type).raw(dataset, signature, rows)
    told = [_answers(run, signature, row)[0].tolist() for row in raw]
    return {**_asked(signature), "rows": [int(row) for row in rows], "answers": told}


def _prepared(run: Run) -> Prepared:
    return _opened(Path(run.read("prepared.json")["folder"]))


@lru_cache(maxsize=32)
def _opened(folder: Path) -> Prepared:
    return Prepared.open(folder)


def _asked(signature: Signature) -> dict[str, Any]:
    return {"target": signature.target.name, "classes": list(signature.target.classes)}


def _decoded(signature: Signature, values: dict[str, Any]) -> dict[str, Any]:
    pictures = {raw.name for raw in signature.raw if raw.kind == "picture"}
    return {name: _bytes(value) if name in pictures else value for name, value in values.items()}


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise Refusal("The picture did not arrive whole. Choose it once more.") from None


def _answers(run: Run, signature: Signature, row: dict[str, np.ndarray]) -> np.ndarray:
    file = run.folder / "deliverables" / "model.keras"
    if not file.exists():
        raise Refusal("This run has no model to try yet. Wait until it has finished, or resume it.")
    model = _loaded(file, file.stat().st_mtime_ns)
    return np.asarray(model.predict_on_batch(row)[signature.target.name])


@lru_cache(maxsize=KEPT)
def _loaded(file: Path, _written: int) -> Any:
    """Load a deliverable; a file written anew has another time and is loaded anew."""
    with warnings.catch_warnings():
        # Inputs of columns with a slash bear another name; they are called by the column's all the same.
        warnings.filterwarnings("ignore", "When providing `inputs` as a dict", UserWarning)
        model = keras.saving.load_model(file, compile=False)
    model.jit_compile = False
    return model
