"""Data sets and prepared data, kept by what they were made from: the same work is never done twice.

Each entry of the cache is built in a temporary folder and renamed, so two processes may want it at once. The key
holds the content and the code of `datasets/`, so an entry is never stale. Reading an upload happens in a child
process with limits (`start_reading`, `reading`): a hostile file cannot hurt the page.
"""

import argparse
import contextlib
import hashlib
import json
import os
import resource
import secrets
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import datasets
from datasets import DataSet, Prepared, Progress
from recipes import Data, Recipe, Refusal, validate
from records import Workspace, write_json
from training.plan import complete, training_of

READ_MEMORY = 6 * 2**30
READ_SECONDS = 900
TOO_MUCH = "This file needs more memory than reading may take. Use a smaller file or fewer columns."


def silent(share: float, text: str) -> None:
    """Take progress and tell nobody."""


def open_dataset(data: Data, workspace: Workspace, progress: Progress = silent) -> DataSet:
    """Return the data set of a resolved recipe's `data` group; reads it once and keeps it."""
    kind = datasets.get(str(data.type))
    folder = _dataset_folder(data, workspace)

    def build(into: Path) -> None:
        if data.sample:
            kind.load_sample(data.sample, into)
        else:
            kind.read(Path(data.file), validate(kind.Config, data.settings, "data"), into, progress)

    return DataSet.open(_kept(folder, "dataset.json", build))


def open_prepared(
    recipe: Recipe, workspace: Workspace, progress: Progress = silent
) -> tuple[Recipe, DataSet, Prepared]:
    """Return the recipe with target and task filled in, its data set and its prepared data.

    Raises `Refusal` where a look at the data finds a problem that makes training pointless.
    """
    dataset = open_dataset(recipe.data, workspace, progress)
    recipe = complete(recipe, dataset.schema)
    corrections = recipe.data.corrections
    if corrections and corrections.rows:
        plain = recipe.model_copy(update={"data": recipe.data.model_copy(update={"corrections": None})})
        prepared = _prepared(plain, dataset, workspace, progress)
        key = {"prepared": prepared.folder.name, "corrections": corrections.plain()}

        def rebuild(into: Path) -> None:
            datasets.correct(dataset, prepared, corrections, into)

        folder = _kept(workspace.cached("prepared", key), "prepared.json", rebuild)
        return recipe, dataset, Prepared.open(folder)
    return recipe, dataset, _prepared(recipe, dataset, workspace, progress)


def _prepared(recipe: Recipe, dataset: DataSet, workspace: Workspace, progress: Progress) -> Prepared:
    """Return the prepared data of a completed recipe without corrections."""
    kind, seed = datasets.get(dataset.schema.data_type), training_of(recipe).seed
    key = {
        "dataset": dataset.schema.fingerprint,
        "data": recipe.data.model_dump(mode="json", exclude={"file", "sample", "corrections"}),
        "seed": seed,
        "code": _code(),
    }

    def build(into: Path) -> None:
        for finding in kind.check(dataset, recipe.data):
            if finding.severity == "problem":
                raise Refusal(f"{finding.sentence} {finding.cure}".strip())
        kind.prepare(dataset, recipe.data, seed, into, progress)

    return Prepared.open(_kept(workspace.cached("prepared", key), "prepared.json", build))


# Reading in the background


def start_reading(data: Data, workspace: Workspace) -> Path:
    """Start to read an upload in a child process; returns the job folder for `reading`."""
    job = workspace.root / "cache" / "reading" / secrets.token_hex(8)
    job.mkdir(parents=True)
    folder = _dataset_folder(data, workspace)
    if (folder / "dataset.json").exists():
        _tell(job, 1.0, "Ready", dataset=str(folder))
        return job
    _tell(job, 0.0, "Opening the file")
    write_json(job / "job.json", {"data": data.model_dump(mode="json"), "workspace": str(workspace.root.resolve())})
    with (job / "log.txt").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "training.shelf", str(job.resolve())],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=_wait_for, args=(child, job), daemon=True).start()
    return job


def reading(job: Path) -> dict[str, Any]:
    """Say how far a job is: `done` (0 to 1), `text`, then `dataset` (a folder) or `refused` (a sentence)."""
    return json.loads((job / "progress.json").read_text(encoding="utf-8"))


def read_job(job: Path) -> None:
    """Read as the child process does: with limits, telling its progress at most five times a second."""
    told = json.loads((job / "job.json").read_text(encoding="utf-8"))
    data, workspace = Data.model_validate(told["data"]), Workspace(Path(told["workspace"]))
    last = 0.0

    def progress(share: float, text: str) -> None:
        nonlocal last
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            _tell(job, min(share, 0.99), text)

    try:
        dataset = open_dataset(data, workspace, progress)
    except Refusal as refusal:
        _tell(job, 1.0, "Refused", refused=str(refusal))
    except MemoryError:
        _tell(job, 1.0, "Refused", refused=TOO_MUCH)
    except Exception:
        traceback.print_exc()
        _tell(job, 1.0, "Refused", refused="This file could not be read. Save it again in its program, or as CSV.")
        raise
    else:
        _tell(job, 1.0, "Ready", dataset=str(dataset.folder))


def _wait_for(child: subprocess.Popen[bytes], job: Path) -> None:
    """Reap the child; one that ended without an answer was stopped by its limits."""
    child.wait()
    if job.exists() and reading(job)["done"] < 1:
        _tell(job, 1.0, "Refused", refused=TOO_MUCH)


def _tell(job: Path, done: float, text: str, dataset: str | None = None, refused: str | None = None) -> None:
    write_json(job / "progress.json", {"done": done, "text": text, "dataset": dataset, "refused": refused})


# Keys and places


def _dataset_folder(data: Data, workspace: Workspace) -> Path:
    if data.sample:
        return workspace.cached("datasets", {"sample": data.sample, "code": _code()})
    kind = datasets.get(str(data.type))
    settings = validate(kind.Config, data.settings, "data").model_dump(mode="json")
    reads = getattr(kind, "READING", tuple(settings))
    key = {"content": _content(Path(data.file)), "type": data.type, "code": _code()}
    return workspace.cached("datasets", key | {name: settings[name] for name in reads})


def _kept(folder: Path, last_file: str, build: Callable[[Path], None]) -> Path:
    """Return the folder, built at most once; `last_file` says that it is whole."""
    if (folder / last_file).exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(folder) as temporary:
        build(temporary)
        # Another process may have been faster: then its folder stays and ours goes.
        with contextlib.suppress(OSError):
            temporary.rename(folder)
    return folder


@contextlib.contextmanager
def _temporary(folder: Path) -> Generator[Path]:
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _content(path: Path) -> str:
    """Hash a file, or all files of a folder with their names."""
    if not path.exists():
        raise Refusal(f"There is no file '{path}'. Check `data.file` in the recipe.")
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            status = file.stat()
            digest.update(f"{file.relative_to(path.parent)}\0".encode())
            digest.update(_digest(file, status.st_size, status.st_mtime_ns))
    return digest.hexdigest()


@lru_cache(maxsize=4096)
def _digest(file: Path, _size: int, _changed: int) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


@cache
def _code() -> str:
    """Hash the code of the data types and the bundled files: new code never meets old entries."""
    digest = hashlib.sha256()
    folder = Path(datasets.__file__).parent
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def main(arguments: list[str] | None = None) -> None:
    """Read one job as a child process: `python -m training.shelf JOB`."""
    parser = argparse.ArgumentParser(description="Read one upload into a data set, with limits.")
    parser.add_argument("job", type=Path)
    job = parser.parse_args(arguments).job
    resource.setrlimit(resource.RLIMIT_AS, (READ_MEMORY, READ_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (READ_SECONDS, READ_SECONDS))
    read_job(job)


if __name__ == "__main__":
    main()
