"""The finished example on the Start page: a real run of the command line, kept small; `build.py` makes it."""

import hashlib
import json
import shutil
from functools import cache
from pathlib import Path

from datasets import DataSet
from records import Run, Workspace, write_json

FOLDER = Path(__file__).parent / "run"
NAME = "example"


def place(workspace: Workspace, dataset: DataSet) -> Run:
    """Return the example as a run folder in this workspace, joined to its data set; it is copied there once."""
    folder = workspace.cached("example", {"files": _fingerprint(), "dataset": str(dataset.folder)}) / NAME
    if not (folder / "prepared.json").exists():
        shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
        write_json(folder / "prepared.json", {"folder": str(folder / "prepared"), "dataset": str(dataset.folder)})
    return Run(folder)


@cache
def _fingerprint() -> str:
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    told = {str(path.relative_to(FOLDER)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
