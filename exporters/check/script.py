"""Ask a downloaded model in a clean process: plain Keras, safe mode on, nothing of Layerwise on the path.

Run as `python -I script.py MODEL FOLDER`. The folder holds `rows.json` ([{input name: member of rows.npz}, ...]) and
`rows.npz`; the answers go into `answers.json`: {"keras", "python", "single": [{name: values}, ...], "batch": [...],
"milliseconds": what one row takes, the middle of some}.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np


def main(model_file: str, folder: Path) -> None:
    """Answer the rows one by one, and all those of one shape as a batch."""
    model = keras.saving.load_model(model_file, safe_mode=True)
    members = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    with np.load(folder / "rows.npz", allow_pickle=False) as file:
        rows = [{name: file[member] for name, member in row.items()} for row in members]
    single = [_ask(model, row)[0] for row in rows]
    batch: list[dict[str, Any] | None] = [None] * len(rows)
    for alike in _of_one_shape(rows):
        whole = {name: np.concatenate([rows[index][name] for index in alike]) for name in rows[alike[0]]}
        for index, answer in zip(alike, _ask(model, whole), strict=True):
            batch[index] = answer
    told = {"keras": keras.__version__, "python": sys.version.split()[0], "single": single, "batch": batch,
            "milliseconds": _milliseconds(model, rows[0])}  # fmt: skip
    (folder / "answers.json").write_text(json.dumps(told), encoding="utf-8")


def _ask(model: keras.Model, raw: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """Return the named answers of each row, texts as texts."""
    told = {name: np.asarray(answer) for name, answer in model.predict_on_batch(raw).items()}
    rows = len(next(iter(told.values())))
    return [{name: _plain(answer[row]) for name, answer in told.items()} for row in range(rows)]


def _milliseconds(model: keras.Model, row: dict[str, np.ndarray]) -> float:
    """Return the middle of what asking about this row takes, for at most half a second."""
    found: list[float] = []
    while len(found) < 3 or (len(found) < 30 and sum(found) < 500):
        started = time.perf_counter()
        model.predict_on_batch(row)
        found.append(1000 * (time.perf_counter() - started))
    return sorted(found)[len(found) // 2]


def _plain(answer: np.ndarray) -> Any:
    if answer.dtype.kind in "OS":
        return np.vectorize(lambda text: text.decode() if isinstance(text, bytes) else text)(answer).tolist()
    return answer.tolist() if answer.dtype.kind == "U" else answer.astype(np.float64).tolist()


def _of_one_shape(rows: list[dict[str, np.ndarray]]) -> list[list[int]]:
    groups: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(tuple(array.shape for array in row.values()), []).append(index)
    return list(groups.values())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
