"""How much of the disk one owner's uploads and runs take."""

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from records.workspace import Workspace

FRESH_SECONDS = 5.0
"""How long an answer is good for: a page is drawn every second, and thousands of files take a moment to count."""
PLACES = ("uploads", "incoming")
MOST_KEPT = 4_096

_counted: dict[tuple[Path, str], tuple[float, int]] = {}
_lock = threading.Lock()


def bytes_of(workspace: Workspace, owner: str, runs: Iterable[str]) -> int:
    """Count the bytes of an owner's uploads, also of unfinished ones, and of these runs' folders."""
    key = (workspace.root, owner)
    with _lock:
        moment, size = _counted.get(key, (float("-inf"), 0))
    if time.monotonic() - moment < FRESH_SECONDS:
        return size
    folders = [workspace.root / place / owner for place in PLACES]
    folders += [workspace.run_folder(run) for run in runs]
    size = sum(map(folder_bytes, folders))
    with _lock:
        if len(_counted) >= MOST_KEPT:
            _counted.clear()
        _counted[key] = time.monotonic(), size
    return size


def forget(workspace: Workspace, owner: str) -> None:
    """Count afresh next time: something large came or went."""
    with _lock:
        _counted.pop((workspace.root, owner), None)


def folder_bytes(folder: Path) -> int:
    """Count the bytes of all files in a folder; files that go away meanwhile count nothing."""
    size, waiting = 0, [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return size
