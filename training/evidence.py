"""What the model knows now: its answers on a few validation rows that stay the same for the whole run."""

import time
from typing import Any

import numpy as np

from datasets import Part, Prepared
from evaluation import report
from exporters import keras_file
from records import Run, write_json

ROWS = 12
SECONDS = 0.5


class Evidence:
    """Write `evidence.json` after an epoch, at most twice a second."""

    def __init__(self, run: Run, prepared: Prepared, core: Any) -> None:
        signature, part = prepared.signature, prepared.part("validation")
        chosen = choose(part, len(signature.target.classes))
        few = Part(
            {name: np.asarray(array[chosen]) for name, array in part.x.items()},
            np.asarray(part.y[chosen]),
            np.asarray(part.rows[chosen]),
        )
        kind = {"kind": "classes", "classes": list(signature.target.classes)} if signature.target.classes else {}
        rows = {"rows": few.rows.tolist(), "truth": report.truth_of(signature, few).tolist()}
        self._told = {"kind": "values"} | kind | rows
        self._file = run.folder / "evidence.json"
        self._x = few.x
        self._model = keras_file.answering(core, signature)
        self._model.jit_compile = False
        self._written = 0.0

    def show(self, epoch: int, *, now: bool = False) -> None:
        """Ask the model and write its answers, unless the last ones are fresh."""
        if not now and time.monotonic() - self._written < SECONDS:
            return
        answer = np.asarray(self._model.predict_on_batch(self._x), dtype=np.float64)
        plain = answer if self._told["kind"] == "classes" else answer.reshape(len(answer))
        write_json(self._file, {"epoch": epoch} | self._told | {"answer": np.round(plain, 5).tolist()})
        self._written = time.monotonic()


def choose(part: Part, classes: int) -> np.ndarray:
    """Choose rows of a part: all classes in turn, or values spread from the smallest to the largest."""
    truth = np.asarray(part.y).reshape(len(part))
    amount = min(ROWS, len(part))
    if not classes:
        spread = np.linspace(0, len(part) - 1, amount).astype(int)
        return np.sort(np.argsort(truth, kind="stable")[spread])
    turns = np.empty(len(part), int)
    for name in range(classes):
        members = np.flatnonzero(truth == name)
        turns[members] = np.arange(len(members))
    return np.sort(np.lexsort((truth, turns))[:amount])
