"""Whatever is left over: workers that no run claims any more, and files that were never finished.

A worker that a supervisor has started signs in `WORKSPACE/workers/`; one that never came so far is known by its
environment. A worker of the command line does neither, and nobody touches it.
"""

import os
import shutil
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import psutil

from records import Workspace
from training.launcher import MARK, identity

OLD = 3600.0
"""Seconds after which a temporary file belongs to nobody any more."""
TEMPORARIES = (
    "*.tmp", "cache/*/*.tmp", "jobs/*.tmp", "runs/*/*.tmp", "runs/*/writing-*/*.tmp", "runs/*/deliverables/*.tmp*",
    "uploads/*/*.tmp", "uploads/*/*/*.tmp",
)  # fmt: skip

Claim = tuple[str, int]
"""A run and its attempt."""


def sign(folder: Path, attempt: int) -> None:
    """Note that this process executes an attempt of a run, if a supervisor has started it."""
    if MARK in os.environ:
        names = Workspace(folder.resolve().parents[1]).root / "workers"
        names.mkdir(exist_ok=True)
        (names / f"{folder.name}.{attempt}").write_text(identity(os.getpid()) or "", encoding="ascii")


def reap(workspace: Workspace, claimed: Collection[Claim]) -> list[Claim]:
    """End the workers of this workspace that nobody claims, with their children; says of which attempts they were."""
    ended = []
    for file in (workspace.root / "workers").glob("*.*"):
        run, _, attempt = file.name.rpartition(".")
        handle = file.read_text(encoding="ascii")
        pid = int(handle.partition(":")[0] or 0)
        claim = (run, int(attempt))
        if claim in claimed or not pid:
            continue
        if identity(pid) == handle:
            ended.append(claim)
            _end(pid)
        else:
            sweep(pid)
            file.unlink(missing_ok=True)
    for pid, claim in _marked(workspace):
        if claim not in claimed:
            ended.append(claim)
            _end(pid)
    return ended


def sweep(leader: int) -> None:
    """End the children of a worker that is gone; its number still names their group, so that nobody else has it."""
    if not psutil.pid_exists(leader):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def clear_temporaries(workspace: Workspace, now: float | None = None) -> list[Path]:
    """Delete what was begun and never finished, once nothing in it has changed for an hour; says what."""
    before = (time.time() if now is None else now) - OLD
    old = [place for pattern in TEMPORARIES for place in workspace.root.glob(pattern) if _newest(place) < before]
    for place in old:
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
    return old


def _newest(place: Path) -> float:
    """Return when something in a folder, or a file, was written last; one that is gone meanwhile is not old."""
    try:
        return max(each.lstat().st_mtime for each in (place, *place.rglob("*")))
    except FileNotFoundError:
        return float("inf")


def _marked(workspace: Workspace) -> list[tuple[int, Claim]]:
    """List the processes whose environment says that they work for this workspace."""
    root, found = str(workspace.root.resolve()), []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            where, _, claim = process.environ().get(MARK, "").rpartition("|")
            run, _, attempt = claim.rpartition(".")
            if where == root and attempt.isdigit():
                found.append((process.pid, (run, int(attempt))))
    return found


def _end(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
