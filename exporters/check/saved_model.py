"""Ask SavedModels in a clean process with TensorFlow alone: `python -I saved_model.py FOLDER ...`.

A folder holds `job.json` ({"file"}), and `rows.json` with `rows.npz` as `script.py` reads them; the answers go into
`answers.json`: {"runtime", "single": [{name: values}, ...], "milliseconds"}, or {"error": what went wrong}.
"""

import json
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np


def main(folders: list[Path]) -> None:
    """Answer every folder's rows; what fails says why and holds up no other."""
    for folder in folders:
        try:
            told = asked(folder)
        except Exception as error:  # noqa: BLE001 - whatever a file does is told to the one who asked
            told = {"error": str(error).strip().splitlines()[0][:300] if str(error) else type(error).__name__}
        (folder / "answers.json").write_text(json.dumps(told), encoding="utf-8")


def asked(folder: Path) -> dict[str, Any]:
    """Answer the rows of one folder, one by one."""
    import tensorflow as tf

    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(job["file"]) as archive:
        archive.extractall(folder / "opened")
    model = tf.saved_model.load(str(folder / "opened" / "model"))
    members = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    with np.load(folder / "rows.npz", allow_pickle=False) as file:
        rows = [{name: file[member] for name, member in row.items()} for row in members]
    single = [_ask(model, row) for row in rows]
    milliseconds = _milliseconds(model, rows[0])
    return {"runtime": f"TensorFlow {tf.__version__}", "single": single, "milliseconds": milliseconds,
            "loaded": []}  # fmt: skip


def _ask(model: Any, row: dict[str, np.ndarray]) -> dict[str, Any]:
    given = {name: _tensor(array) for name, array in row.items()}
    return {name: _plain(answer.numpy()[0]) for name, answer in model.serve(given).items()}


def _tensor(array: np.ndarray) -> Any:
    import tensorflow as tf

    if array.dtype.kind in "SU":
        return tf.constant(array.astype(object), tf.string)
    return tf.constant(array, tf.float32 if array.dtype == np.uint8 else None)


def _plain(answer: Any) -> Any:
    array = np.asarray(answer)
    if array.dtype.kind in "OS":
        return np.vectorize(lambda text: text.decode() if isinstance(text, bytes) else text)(array).tolist()
    return array.astype(np.float64).tolist()


def _milliseconds(model: Any, row: dict[str, np.ndarray]) -> float:
    given, found = {name: _tensor(array) for name, array in row.items()}, []
    while len(found) < 3 or (len(found) < 30 and sum(found) < 500):
        started = time.perf_counter()
        for answer in model.serve(given).values():
            answer.numpy()
        found.append(1000 * (time.perf_counter() - started))
    return sorted(found)[len(found) // 2]


if __name__ == "__main__":
    sys.modules["keras"] = None  # ty: ignore[invalid-assignment] - whoever needs it fails
    main([Path(each) for each in sys.argv[1:]])
