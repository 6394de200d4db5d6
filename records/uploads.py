"""Files on their way in: written piece by piece where they are to stay, so that a broken upload goes on where it broke.

A *batch* is what a person chose at once: one file, several, or a folder. It lies in `incoming/<owner>/<batch>/`: its
plan (`plan.json`: names and sizes) and one file for each, as long as what has come of it. A finished batch moves, by
renaming, into the owner's uploads; one that nobody went on with for an hour is deleted.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes import Refusal
from records.run import write_json
from records.workspace import Workspace

MOST_FILES = 20_000
LONGEST_NAME = 1_000
"""Signs of a name with its folders."""
FORGOTTEN_SECONDS = 3_600.0
FREE_BYTES = 300_000_000
"""Left free on the disk: trainings that run must be able to write their checkpoints."""
MEGABYTE = 1_000_000
GONE = "This upload is not here any more. Choose the file again."
NO_ROOM = "The server's storage is full, so this was not kept. Nothing else was lost. Tell whoever runs the server."
CLUTTER = ("thumbs.db", "desktop.ini", "__macosx")

_BATCH, _OWNER = re.compile(r"[0-9a-f]{16,64}"), re.compile(r"[\w-]{1,128}")
_ODD = re.compile(r"[^\w.() -]+")


class TooLargeError(Refusal):
    """More than this visitor may bring."""


class NoRoomError(Refusal):
    """More than this disk can hold."""


class BusyError(Refusal):
    """Another connection writes this very file, or left off elsewhere."""


@dataclass(frozen=True)
class Planned:
    """One file of a batch, as the browser tells of it."""

    name: str
    size: int


@dataclass(frozen=True)
class Limits:
    """What one batch may take. Bytes; `left` is what the owner's storage still has room for."""

    most: int
    left: int | None = None


@dataclass(frozen=True)
class Waiting:
    """A batch that has come, wholly or in part, and that no page has taken yet."""

    batch: str
    name: str
    """Of its one file; "12 files" of several."""
    came: int
    size: int
    touched: float
    """When something last came of it; seconds since 1970."""


def begin(
    workspace: Workspace, owner: str, batch: str, files: Sequence[Planned], limits: Limits, field: str = ""
) -> list[int]:
    """Make room for a batch, or find the one that broke off; returns how many bytes of each file are there.

    `field` names the field for which it comes: a page that lost its memory finds it again by that (`waiting`).

    Raises `TooLargeError` or `NoRoomError` in words before a byte is sent.
    """
    _refuse_odd(files)
    folder, plan = _folder(workspace, owner, batch), [[each.name, each.size] for each in files]
    if _plan(folder) != plan:
        total = sum(each.size for each in files)
        _refuse_too_large(total, files, limits)
        _refuse_no_room(workspace, total)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
            for number, each in enumerate(files):
                if not each.size:
                    (folder / str(number)).touch()  # nothing will be sent of it
            write_json(folder / "plan.json", {"field": field, "files": plan})
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise _told(error) from error
    return offsets(workspace, owner, batch)


def offsets(workspace: Workspace, owner: str, batch: str) -> list[int]:
    """Say how many bytes of each file of a batch have come; raises `Refusal` for a batch that is not here."""
    folder = _folder(workspace, owner, batch)
    plan = _plan(folder)
    if plan is None:
        raise Refusal(GONE)
    return [_size(folder / str(number)) for number in range(len(plan))]


@contextlib.contextmanager
def writing(workspace: Workspace, owner: str, batch: str, number: int, offset: int) -> Generator["Part"]:
    """Go on with one file at `offset`, which must be where it ends; one connection at a time."""
    folder = _folder(workspace, owner, batch)
    plan = _plan(folder)
    if plan is None or not 0 <= number < len(plan):
        raise Refusal(GONE)
    try:
        opened = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _told(error) from error
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part = Part(opened, plan[number][1])
        if part.size != offset:
            raise BusyError(f"The server has {part.size} bytes of this file.")
        yield part
    except BlockingIOError:
        raise BusyError("Another connection is still sending this file.") from None
    finally:
        os.close(opened)


class Part:
    """One file that grows; it never grows past the size that was told."""

    def __init__(self, opened: int, whole: int) -> None:
        self._opened = opened
        self._whole = whole
        self.size = os.fstat(opened).st_size

    def append(self, block: bytes | bytearray) -> None:
        """Write a block behind what is there; raises `TooLargeError` or `NoRoomError`."""
        if self.size + len(block) > self._whole:
            raise TooLargeError("More was sent than the file was said to hold. Choose the file again.")
        view = memoryview(block)
        try:
            while view:
                written = os.write(self._opened, view)
                self.size += written
                view = view[written:]
        except OSError as error:
            raise _told(error) from error


def finish(workspace: Workspace, owner: str, batch: str) -> Path | None:
    """Move a whole batch into the owner's uploads.

    Returns the file, or the folder of several files with the subfolders that they came from; None where the batch is
    not here (it was taken before) or not whole yet.
    """
    folder = _folder(workspace, owner, batch)
    plan = _plan(folder)
    if plan is None or any(_size(folder / str(number)) != size for number, (_, size) in enumerate(plan)):
        return None
    taken = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.taken")
    try:
        folder.rename(taken)  # of two pages that see it finished, one gets it
    except OSError:
        return None
    target = workspace.new_upload_folder(owner)
    try:
        return _placed(taken, [name for name, _ in plan], target)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise _told(error) from error
    finally:
        shutil.rmtree(taken, ignore_errors=True)


def waiting(workspace: Workspace, owner: str, field: str = "") -> list[Waiting]:
    """List what has come for a field, or for any, and was not taken yet, the newest first."""
    found = []
    for folder in (workspace.root / "incoming" / owner).glob("*"):
        told = _told_of(folder)
        if not _BATCH.fullmatch(folder.name) or not told or (field and told["field"] != field):
            continue
        files = told["files"]
        name = str(files[0][0]) if len(files) == 1 else f"{len(files)} files"
        came = sum(_size(folder / str(number)) for number in range(len(files)))
        found.append(Waiting(folder.name, name, came, sum(size for _, size in files), _touched(folder)))
    return sorted(found, key=lambda each: -each.touched)


def cancel(workspace: Workspace, owner: str, batch: str) -> None:
    """Throw away what has come of a batch."""
    shutil.rmtree(_folder(workspace, owner, batch), ignore_errors=True)


def sweep(workspace: Workspace, now: float | None = None) -> int:
    """Delete batches that nobody went on with for an hour; returns how many."""
    swept = 0
    for folder in (workspace.root / "incoming").glob("*/*"):
        if (now or time.time()) - _touched(folder) > FORGOTTEN_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
            swept += 1
    return swept


def reserved(workspace: Workspace, owner: str) -> int:
    """Count the bytes that are still to come of this owner's batches."""
    missing = 0
    for folder in (workspace.root / "incoming" / owner).glob("*"):
        plan = _plan(folder) or []
        missing += sum(max(0, size - _size(folder / str(number))) for number, (_, size) in enumerate(plan))
    return missing


def safe(name: str) -> list[str]:
    """Split a name as the browser told it into harmless parts: no way up, no odd signs, at least one part."""
    parts = [_ODD.sub("_", part).strip(" .") for part in name.replace("\\", "/").split("/")]
    return [part[-120:] for part in parts if part] or ["upload"]


def is_clutter(name: str) -> bool:
    """Is it one of the hidden files that systems leave in folders?"""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {".", ".."}]
    return any(part.startswith(".") or part.lower() in CLUTTER for part in parts)


def fresh(path: Path) -> Path:
    """Return the path, with a number where a file of that name is there already."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_stem(f"{path.stem} {number}"), number + 1
    return free


def megabytes(count: int) -> str:
    """Write a size as people read it: under 1 MB, 12 MB, 3.1 GB."""
    if count < MEGABYTE:
        return "under 1 MB"
    return f"{count / MEGABYTE:,.0f} MB" if count < 1000 * MEGABYTE else f"{count / MEGABYTE / 1000:,.1f} GB"


def _placed(taken: Path, names: list[str], target: Path) -> Path:
    if len(names) == 1:
        return (taken / "0").rename(target / safe(names[0])[-1]).resolve()
    kept = [(number, name) for number, name in enumerate(names) if not is_clutter(name)]
    # The folder's name is what the data are called; inside, each file keeps the subfolder that it came from.
    folder = target / f"{len(kept)} files"
    folder.mkdir()
    for number, name in kept:
        file = folder.joinpath(*safe(name))
        file.parent.mkdir(parents=True, exist_ok=True)
        (taken / str(number)).rename(fresh(file))
    return folder.resolve()


def _refuse_odd(files: Sequence[Planned]) -> None:
    if not files:
        raise Refusal("Choose at least one file.")
    if len(files) > MOST_FILES:
        raise TooLargeError(
            f"These are {len(files):,} files; at most {MOST_FILES:,} can be brought at once. Make a zip of them."
        )
    for each in files:
        if not 0 < len(each.name) <= LONGEST_NAME:
            raise Refusal("A file's name is too long. Give it a shorter one and choose it again.")
        if each.size < 0:
            raise Refusal("A file's size is unknown. Choose it again.")
        if each.size == 0 and len(files) == 1:
            raise Refusal("The file is empty. Was it still downloading?")


def _refuse_too_large(total: int, files: Sequence[Planned], limits: Limits) -> None:
    what = "This file has" if len(files) == 1 else f"These {len(files):,} files have"
    if total > limits.most:
        raise TooLargeError(
            f"{what} {megabytes(total)}; the limit is {megabytes(limits.most)}. "
            "Use a part of the data, or smaller files."
        )
    if limits.left is not None and total > limits.left:
        raise TooLargeError(
            f"{what} {megabytes(total)}, but your storage has room for {megabytes(max(0, limits.left))} only. "
            "Delete runs or data that you do not need any more."
        )


def _refuse_no_room(workspace: Workspace, total: int) -> None:
    workspace.root.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(workspace.root).free - total < FREE_BYTES:
        raise NoRoomError(NO_ROOM)


def _told(error: OSError) -> Refusal:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO):
        return NoRoomError(NO_ROOM)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Refusal(GONE)
    return NoRoomError("The server could not keep this file just now. Nothing else was lost. Try again in a moment.")


def _folder(workspace: Workspace, owner: str, batch: str) -> Path:
    if not _OWNER.fullmatch(owner) or not _BATCH.fullmatch(batch):
        raise Refusal(GONE)
    return workspace.root / "incoming" / owner / batch


def _plan(folder: Path) -> list[Any] | None:
    told = _told_of(folder)
    return told["files"] if told else None


def _told_of(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _touched(folder: Path) -> float:
    """Return when something last came of a batch."""
    with contextlib.suppress(OSError):
        times = [folder.stat().st_mtime]
        with os.scandir(folder) as entries:
            times += [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
        return max(times)
    return time.time()
