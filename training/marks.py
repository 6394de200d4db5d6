"""Who lives: locks that the kernel frees with their holder, and the bell that wakes the supervisor."""

import fcntl
import os
import time
from pathlib import Path

from records import Workspace


def supervisor_lock(workspace: Workspace) -> Path:
    """Return the file that the one supervisor of a workspace locks for as long as it lives."""
    return workspace.root / "supervisor.lock"


def servers_lock(workspace: Workspace) -> Path:
    """Return the file that every web server locks, shared with the others, for as long as it lives."""
    return workspace.root / "servers.lock"


def hold(file: Path, *, shared: bool = False, patience: float = 0.0) -> int | None:
    """Lock a file until this process ends or closes the handle; None where somebody else keeps holding it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    last = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= last:
                os.close(handle)
                return None
            time.sleep(0.05)
        else:
            return handle


def is_free(file: Path, *, shared: bool = False) -> bool:
    """Say whether the lock could be had now: with `shared`, whether nobody holds it alone; else, nobody at all."""
    handle = hold(file, shared=shared)
    if handle is not None:
        os.close(handle)
    return handle is not None


def open_bell(workspace: Workspace) -> int:
    """Return a handle that becomes readable when somebody rings (supervisor only)."""
    bell = _bell(workspace)
    if not bell.exists():
        os.mkfifo(bell, 0o600)
    return os.open(bell, os.O_RDWR | os.O_NONBLOCK)  # also a writer, so that it never reads as closed


def ring(workspace: Workspace) -> None:
    """Wake the supervisor at once instead of at its next tick."""
    try:
        handle = os.open(_bell(workspace), os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return  # nobody listens: whoever starts next looks at the queue anyway
    try:
        os.write(handle, b"!")
    except BlockingIOError:
        return  # so full of rings that it is awake
    finally:
        os.close(handle)


def _bell(workspace: Workspace) -> Path:
    return workspace.root / "bell"
