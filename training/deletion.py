"""Deleting for good: runs with their jobs, uploads, the drafts, and what the cache made of those uploads alone.

Nothing is only marked: when a function here returns, the files are gone. What others use too stays: a cache entry
that another run reads, the runs of other people.
"""

import json
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from recipes import Refusal
from records import Run, Workspace, audit, job, usage
from records.catalogue import Catalogue, Queue, RunRow
from records.classes import Classes
from records.people import People
from records.run import ACTIVE
from training.executor import Executor

PATIENCE = 12.0
"""Seconds in which a run that goes must have stopped."""
STILL_GOING = "{} still going and could not be stopped yet. Try again in a moment."
NOT_DELETED = "Some files could not be deleted. Try again, or tell whoever runs this server."
DATA_CACHES = ("datasets", "prepared")


def everything(executor: Executor, owner: str) -> None:
    """Delete all that an owner has here: runs, uploads, draft, classes, words. Raises `Refusal`."""
    workspace, classes = executor.workspace, Classes(executor.workspace)
    for each in classes.taught(owner):
        whole_class(executor, each.id, owner)
    classes.leave(owner)
    runs(executor, owner, _all(workspace, owner))
    folders = [workspace.root / place / owner for place in ("uploads", "incoming")]
    made = _of_uploads(workspace, folders)
    for folder in folders:
        _remove(workspace, folder)
    _remove_unused(workspace, made)
    (workspace.root / "drafts" / f"{owner}.json").unlink(missing_ok=True)
    People(workspace).forget(owner)
    usage.forget(workspace, owner)
    audit.note(workspace, owner, "everything deleted")


def whole_class(executor: Executor, classroom: str, teacher: str) -> None:
    """Delete a class with all that its students made in it: runs, and the files that only those runs read."""
    workspace, classes = executor.workspace, Classes(executor.workspace)
    by_owner: dict[str, list[str]] = {}
    for each in classes.runs(classroom, teacher):
        if owner := classes.owner_in(classroom, teacher, each.run):
            by_owner.setdefault(owner, []).append(each.run)
    for owner, names in by_owner.items():
        rows = [row for row in _all(workspace, owner) if row.id in names]
        files = {file for row in rows if (file := _file(workspace, row))}
        runs(executor, owner, rows)
        _delete_uploads(workspace, owner, files)
    classes.delete(classroom, teacher)


def runs(executor: Executor, owner: str, rows: Iterable[RunRow]) -> None:
    """Delete runs of an owner for good; those that go are stopped first. Raises `Refusal`."""
    workspace, queue = executor.workspace, Queue(executor.catalogue)
    rows = list(rows)
    _stop(executor, owner, rows)
    made = _of_runs(workspace, rows)
    for row in rows:
        executor.catalogue.change(row.id, owner, deleted=1.0)  # out of every list before its files go
        folder = workspace.run_folder(row.id)
        if folder.exists():
            for each in job.of_run(Run(folder)):
                job.ask_to_stop(each)
        _remove(workspace, folder)
        queue.remove(row.id)
        audit.note(workspace, owner, "run deleted", run=row.id)
    _remove_unused(workspace, made)
    usage.forget(workspace, owner)


def upload(executor: Executor, owner: str, name: str) -> None:
    """Delete one of an owner's uploads; runs that have read it keep their results. Raises `Refusal`."""
    workspace = executor.workspace
    folder = workspace.root / "uploads" / owner / name
    if not name.isalnum() or not folder.is_dir():
        raise Refusal("This upload is not here any more. Reload the page.")
    inside = f"{folder.resolve()}/"
    rows = [row for row in executor.runs(owner) if (file := _file(workspace, row)) and file.startswith(inside)]
    if any(row.state in ACTIVE for row in rows):
        raise Refusal("A run that waits or goes reads these data. Stop it first, then delete them.")
    made = _of_uploads(workspace, [folder])
    _remove(workspace, folder)
    _remove_unused(workspace, made)
    usage.forget(workspace, owner)
    audit.note(workspace, owner, "upload deleted")


def _all(workspace: Workspace, owner: str) -> list[RunRow]:
    return Catalogue(workspace).of(owner)


def _stop(executor: Executor, owner: str, rows: list[RunRow]) -> None:
    """Stop what waits or goes, and wait until nobody writes any more."""
    active = {row.id for row in rows if row.state == "queued" or row.is_live}
    for name in active:
        try:
            executor.stop(name, owner)
        except Refusal:
            continue  # it has ended this instant
    last = time.monotonic() + PATIENCE
    while active:
        now = {row.id: row for row in executor.runs(owner)}
        active = {name for name in active if name in now and (now[name].is_live or now[name].state == "queued")}
        if active and time.monotonic() > last:
            raise Refusal(STILL_GOING.format("1 run is" if len(active) == 1 else f"{len(active)} runs are"))
        if active:
            time.sleep(0.1)


def _remove(workspace: Workspace, folder: Path) -> None:
    """Take a folder away under its name at once, then delete it: nobody meets half of it. Raises `Refusal`."""
    trash = workspace.root / "trash"
    trash.mkdir(exist_ok=True)
    if folder.exists():
        folder.rename(trash / secrets.token_hex(8))
    for away in trash.iterdir():  # also what a process that was killed has left
        shutil.rmtree(away, ignore_errors=True)
        if away.exists():
            raise Refusal(NOT_DELETED)


def _of_runs(workspace: Workspace, rows: Iterable[RunRow]) -> set[Path]:
    """Return what the cache holds for runs on uploads; what samples made serves everybody and stays."""
    found: set[Path] = set()
    for row in rows:
        if _file(workspace, row):
            found |= _reads(workspace.run_folder(row.id))
    return found


def _of_uploads(workspace: Workspace, folders: Iterable[Path]) -> set[Path]:
    """Return the data sets that were read from uploads in these folders, as their reading jobs tell."""
    inside = [str(folder.resolve()) for folder in folders]
    found: set[Path] = set()
    for reading in (workspace.root / "cache" / "reading").glob("*"):
        asked, told = reading / "job.json", reading / "progress.json"
        if not asked.exists() or not told.exists():
            continue
        file = json.loads(asked.read_text(encoding="utf-8"))["data"].get("file", "")
        if any(file.startswith(f"{each}/") for each in inside):
            if dataset := json.loads(told.read_text(encoding="utf-8")).get("dataset"):
                found.add(Path(dataset).resolve())
            shutil.rmtree(reading, ignore_errors=True)
    return found


def _remove_unused(workspace: Workspace, made: set[Path]) -> None:
    """Delete entries of the cache that no run and nobody else's upload needs any more."""
    if not made:
        return
    for folder in workspace.runs.iterdir():
        made = made - _reads(folder)
    for told in (workspace.root / "cache" / "reading").glob("*/progress.json"):
        if dataset := json.loads(told.read_text(encoding="utf-8")).get("dataset"):
            made = made - {Path(dataset).resolve()}
    inside = {(workspace.root / "cache" / name).resolve() for name in DATA_CACHES}
    for entry in made:
        if entry.parent in inside:
            _remove(workspace, entry)


def _reads(folder: Path) -> set[Path]:
    file = folder / "prepared.json"
    if not file.exists():
        return set()
    return {Path(place).resolve() for place in json.loads(file.read_text(encoding="utf-8")).values()}


def _file(workspace: Workspace, row: RunRow) -> str:
    folder = workspace.run_folder(row.id)
    return Run(folder).recipe.data.file if (folder / "recipe.yaml").exists() else ""


def _delete_uploads(workspace: Workspace, owner: str, files: set[str]) -> None:
    """Delete uploads that no other run of their owner reads."""
    still = {_file(workspace, row) for row in _all(workspace, owner)}
    uploads = (workspace.root / "uploads" / owner).resolve()
    for file in files - still:
        place = Path(file).resolve()
        if uploads in place.parents:
            top = uploads / place.relative_to(uploads).parts[0]
            made = _of_uploads(workspace, [top])
            _remove(workspace, top)
            _remove_unused(workspace, made)
