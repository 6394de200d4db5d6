"""How a run's files are written: whole or not at all, by the newest attempt only, patiently where the disk is full.

**Whole.** A file is written under a temporary name, flushed to the disk and renamed.

**Fenced.** Every start of a run is an attempt with a number, and `take` gives the run's folder to an attempt: its one
folder `writing-3` is renamed to `writing-4`. Whatever attempt 3 writes has its temporary name inside `writing-3`. So
when a worker wakes that was taken for dead, the kernel itself refuses its renames; there is no moment between a look
and a write in which it could slip through. The records that grow (`metrics.jsonl`, `events.jsonl`) are copied anew by
`take`, and a worker appends to the copy that it opened when it began.

**Patient.** With `waiting`, a write that finds the disk full waits and is tried again (`with_room`). A file without
content, the ballast, keeps room aside so that a run can say that it waits.

**Watched.** `watched` lets a test see each operation before it happens, and break it.
"""

import errno
import io
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

FULL = (errno.ENOSPC, errno.EDQUOT)
STREAMS = ("metrics.jsonl", "events.jsonl")
"""Records that a worker appends to."""
WRITING = "writing-"
BUFFER = 1 << 20
BALLAST = "ballast"

Result = TypeVar("Result")
Watcher = Callable[[str, Path, Any], None]
"""Hears the name of an operation, its path, and what it writes or where it renames to."""


class Superseded(Exception):  # noqa: N818 - nothing is wrong, another worker has the run now
    """A newer attempt has this run: leave at once and write nothing more."""


@dataclass(frozen=True)
class Lease:
    """One attempt's right to write into a run's folder."""

    folder: Path
    attempt: int
    handles: dict[Path, int]
    """The records that it appends to, as it opened them."""

    @property
    def writing(self) -> Path:
        """The folder of everything that has not its final name yet."""
        return self.folder / f"{WRITING}{self.attempt}"

    @property
    def is_good(self) -> bool:
        """Has no newer attempt taken the run?"""
        return self.writing.exists()


_held: list[Lease] = []
_waiters: list[Callable[[], None]] = []
_watchers: list[Watcher] = []


# Attempts


def take(folder: Path, attempt: int) -> None:
    """Give a run's folder to this attempt, once; raises `Superseded` where a newer one has it."""
    mine = folder / f"{WRITING}{attempt}"
    former = sorted(_attempts(folder))
    if former and former[-1][0] > attempt:
        raise Superseded
    if not former:
        mine.mkdir()
    elif former[-1][0] < attempt:
        former[-1][1].rename(mine)
        _renew(folder, mine)
    for _, older in former[:-1]:
        shutil.rmtree(older, ignore_errors=True)


def _attempts(folder: Path) -> list[tuple[int, Path]]:
    return [(int(each.name[len(WRITING) :]), each) for each in folder.glob(f"{WRITING}*[0-9]")]


def _renew(folder: Path, mine: Path) -> None:
    """Throw away what was left half written, and copy the records so that older handles lead nowhere."""
    for each in mine.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    for name in STREAMS:
        if (folder / name).exists():
            with create(mine / name) as copy, (folder / name).open("rb") as former:
                shutil.copyfileobj(former, copy)
            (mine / name).rename(folder / name)
    flush(folder)


@contextmanager
def held(folder: Path, attempt: int) -> Generator[Lease]:
    """Let this process write into a run's folder as this attempt, as long as no newer one has taken it."""
    take(folder, attempt)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    handles = {folder / name: os.open(folder / name, flags, 0o644) for name in STREAMS}
    lease = Lease(folder, attempt, handles)
    _held.append(lease)
    try:
        check()  # after the records were opened: from here on they are ours
        yield lease
    finally:
        _held.remove(lease)
        for handle in handles.values():
            os.close(handle)


def check() -> None:
    """Raise `Superseded` where the attempt that this process writes for is not the newest any more."""
    if _held and not _held[-1].is_good:
        raise Superseded


@contextmanager
def fenced() -> Generator[None]:
    """Where something is missing in here because a newer attempt has taken the run, say that instead."""
    try:
        yield
    except FileNotFoundError:
        check()
        raise


def _lease_of(path: Path) -> Lease | None:
    return next((lease for lease in _held if path.is_relative_to(lease.folder)), None)


# Whole files


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""

    def once() -> None:
        temporary = beside(path)
        try:
            with create(temporary) as file:
                file.write(data)
            rename(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    with_room(once)


def beside(path: Path) -> Path:
    """Return the temporary name under which this process should write a file or folder before it renames it."""
    if lease := _lease_of(path):
        return lease.writing / f"{'-'.join(path.relative_to(lease.folder).parts)}.tmp"
    return path.with_name(f"{path.name}.{os.getpid()}.tmp")


@contextmanager
def create(path: Path) -> Generator[BinaryIO]:
    """Open a new file; at the end of the block all of it is on the disk."""
    _step("create", path)
    with fenced():
        raw = _Watched(path)
    with io.BufferedWriter(raw, BUFFER) as file:
        yield file
        file.flush()
        _step("fsync", path)
        os.fsync(file.fileno())


def rename(temporary: Path, path: Path) -> None:
    """Give a file or folder its final name."""
    _step("rename", temporary, path)
    with fenced():
        temporary.rename(path)


def put(temporary: Path, path: Path) -> None:
    """Give what another library has written under a temporary name its final one."""
    lease = _lease_of(path)
    if lease and not temporary.is_relative_to(lease.writing):
        middle = beside(path)
        rename(temporary, middle)
        temporary = middle
    rename(temporary, path)


def make(folder: Path) -> None:
    """Make a new folder."""
    _step("mkdir", folder)
    with fenced():
        folder.mkdir()


def remove(path: Path) -> None:
    """Remove a file or a folder with all in it, if it is there; half of a folder never stays under its name."""
    if not path.exists():
        return
    lease = _lease_of(path)
    if lease and not path.is_relative_to(lease.writing):
        aside = beside(path)
        rename(path, aside)
        path = aside
    _step("remove", path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flush(folder: Path) -> None:
    """Have a folder's names on the disk."""
    _step("flush", folder)
    with fenced():
        handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Records that grow


def append(path: Path, data: bytes) -> None:
    """Append to a record: all of it or nothing."""

    def once() -> None:
        with _opened(path) as handle:
            _step("append", path, data)
            written = os.write(handle, data)
            if written < len(data):
                os.ftruncate(handle, max(0, os.fstat(handle).st_size - written))
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with_room(once)


def settle(path: Path) -> int:
    """Have a record on the disk as it is now; returns how long it is."""
    with _opened(path) as handle:
        _step("fsync", path)
        os.fsync(handle)
        return os.fstat(handle).st_size


def cut(path: Path, size: int) -> None:
    """Cut a record off after so many bytes; a shorter one loses only a last line that was torn."""
    with _opened(path) as handle:
        whole = path.read_bytes()[:size]
        _step("truncate", path, size)
        os.ftruncate(handle, whole.rfind(b"\n") + 1)


@contextmanager
def _opened(path: Path) -> Generator[int]:
    lease = _lease_of(path)
    if lease and path in lease.handles:
        check()
        yield lease.handles[path]
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)


# A full disk


def is_full(error: BaseException) -> bool:
    """Say whether this error means that the disk, or somebody's share of it, is full."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    # Libraries that write by themselves (HDF5) wrap the error and keep its words.
    return isinstance(error, OSError | RuntimeError | ValueError) and os.strerror(errno.ENOSPC) in str(error)


def with_room(action: Callable[[], Result]) -> Result:
    """Do something that writes; where the disk is full and somebody waits for room (`waiting`), do it again then."""
    while True:
        try:
            return action()
        except (OSError, RuntimeError, ValueError) as error:
            if not _waiters or not is_full(error):
                raise
        waiter = _waiters.pop()  # what is written meanwhile must not wait in its turn
        try:
            waiter()
        finally:
            _waiters.append(waiter)


@contextmanager
def waiting(waiter: Callable[[], None]) -> Generator[None]:
    """While in here, have a write that finds the disk full call this, which returns when there may be room again."""
    _waiters.append(waiter)
    try:
        yield
    finally:
        _waiters.remove(waiter)


def lay_ballast(root: Path, megabytes: float) -> bool:
    """Keep so much room aside in a workspace; says whether there was that much."""
    file, size = root / BALLAST, int(megabytes * 2**20)
    if size == 0 or (file.exists() and file.stat().st_size == size):
        return True
    temporary = file.with_name(f"{BALLAST}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as opened:
            _allocate(opened, size)
        temporary.rename(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if is_full(error):
            return False
        raise
    return True


def drop_ballast(root: Path) -> None:
    """Give the room back that was kept aside."""
    with suppress(FileNotFoundError):
        (root / BALLAST).unlink()


def _allocate(file: BinaryIO, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    block = bytes(BUFFER)
    file.writelines(block[: size - first] for first in range(0, size, BUFFER))


# Watching


@contextmanager
def watched(watcher: Watcher) -> Generator[None]:
    """While in here, tell the watcher of each operation before it happens; what it raises comes out of there."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def _step(name: str, path: Path, about: Any = None) -> None:
    for watcher in _watchers:
        watcher(name, path, about)


class _Watched(io.FileIO):
    """A new file whose every write is told."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "wb")
        self.path = path

    def write(self, data: Any, /) -> int:
        if _watchers:
            _step("write", self.path, (self.tell(), bytes(data)))
        return super().write(data)
