"""The files of other formats that were made already: their own runtime answers every validation row."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.asked import Asked
from exporters import _core_zip, check
from exporters.check import elsewhere


def answers(asked: Asked, deliverable: Any, file: Path) -> dict[str, np.ndarray]:
    """Ask a file about every validation row, in a clean process of its runtime; returns its named answers.

    Raises `RuntimeError` with what went wrong.
    """
    folder = Path(tempfile.mkdtemp(prefix="layerwise-compress-"))
    try:
        (folder / "job.json").write_text(json.dumps({"file": str(file.resolve())}), encoding="utf-8")
        check.write_rows(folder, [])
        ready = _core_zip.Core.of(asked, deliverable).ready(len(asked.prepared.part("validation")))
        members = {name: str(place) for place, name in enumerate(ready)}
        np.savez(folder / "ready.npz", allow_pickle=False, **{members[name]: array for name, array in ready.items()})
        (folder / "ready.json").write_text(json.dumps(members), encoding="utf-8")
        process = check.clean_process(elsewhere.SCRIPTS["core"], [str(folder)], folder)
        try:
            process.wait(timeout=check.PATIENCE)
        finally:
            process.kill()
            process.wait()
        return _read(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> dict[str, np.ndarray]:
    file = folder / "answers.json"
    told = (
        json.loads(file.read_text(encoding="utf-8"))
        if file.exists()
        else {"error": check.last_line(folder / "log.txt")}
    )
    if "error" in told:
        raise RuntimeError(told["error"])
    names = json.loads((folder / "core.json").read_text(encoding="utf-8"))
    with np.load(folder / "core.npz", allow_pickle=False) as opened:
        return {name: opened[str(number)] for number, name in enumerate(names)}
