"""Ask exported cores in a clean process, with the script that lies in their zip: `python -I core.py FOLDER ...`.

A folder holds `job.json` ({"file"}), `rows.json` with `rows.npz` (raw rows, as `script.py` reads them) and `ready.npz`
(the same and more, as the core takes them; members by place in `ready.json`). The answers go into `answers.json`:
{"runtime", "single": [{name: values}, ...] from raw rows, "milliseconds", "loaded"}, and those to `ready.npz` into
`core.npz` with `core.json`; or {"error": what went wrong}.
"""

import importlib
import json
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

OURS = ("predict", "runtime", "prepare")


def main(folders: list[Path]) -> None:
    """Answer every folder's rows; what fails says why and holds up no other."""
    for folder in folders:
        try:
            told = asked(folder)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a file does is told to the one who asked
            told = {"error": str(error).strip().splitlines()[0][:300] if str(error) else type(error).__name__}
        (folder / "answers.json").write_text(json.dumps(told), encoding="utf-8")


def asked(folder: Path) -> dict[str, Any]:
    """Answer the rows of one folder."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with zipfile.ZipFile(job["file"]) as archive:
        archive.extractall(folder / "opened")
    model = _opened(folder / "opened")
    members = json.loads((folder / "rows.json").read_text(encoding="utf-8"))
    with np.load(folder / "rows.npz", allow_pickle=False) as file:
        rows = [{name: file[member] for name, member in row.items()} for row in members]
    single = [{name: _plain(answer[0]) for name, answer in model.answer(row).items()} for row in rows]
    milliseconds = _milliseconds(model, rows[0]) if rows else 0.0
    names = json.loads((folder / "ready.json").read_text(encoding="utf-8"))
    with np.load(folder / "ready.npz", allow_pickle=False) as file:
        found = model.core({name: file[member] for name, member in names.items()})
    np.savez(folder / "core.npz", allow_pickle=False, **{str(place): each for place, each in enumerate(found.values())})
    (folder / "core.json").write_text(json.dumps(list(found)), encoding="utf-8")
    return {"runtime": model.runtime.name, "single": single, "milliseconds": milliseconds,
            "loaded": [name for name in ("keras", "tensorflow", "jax", "torch") if name in sys.modules]}  # fmt: skip


def _opened(folder: Path) -> Any:
    """Import the script of this folder, and nothing that another folder's script has brought."""
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        return importlib.import_module("predict").Model(folder, threads=1)
    finally:
        sys.path.remove(str(folder))


def _plain(answer: np.ndarray) -> Any:
    return answer.tolist() if answer.dtype.kind in "OU" else answer.astype(np.float64).tolist()


def _milliseconds(model: Any, row: dict[str, np.ndarray]) -> float:
    """Return the middle of what one raw row takes."""
    found: list[float] = []
    while len(found) < 3 or (len(found) < 30 and sum(found) < 500):
        started = time.perf_counter()
        model.answer(row)
        found.append(1000 * (time.perf_counter() - started))
    return sorted(found)[len(found) // 2]


if __name__ == "__main__":
    main([Path(each) for each in sys.argv[1:]])
