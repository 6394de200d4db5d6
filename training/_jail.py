"""Limits that a process puts on itself before it touches a file from outside; there is no way back.

Memory, processor time, size of files, open files; no network, no new rights, no new process; and of the disk only what
Python and Keras need to be imported, with one folder to write into. What the system does not offer is named, not
hidden.
"""

import contextlib
import ctypes
import os
import resource
import struct
import sys
from pathlib import Path

from training._seccomp import refuse_calls

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("recipes", "records", "datasets", "builders", "training")
SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types")
SYSTEM += ("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system", "/sys/fs/cgroup")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
NO_NEW_RIGHTS = 38
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
CREATE_RULES, ADD_RULE, RESTRICT = 444, 445, 446
"""Numbers of the Landlock calls, the same on every processor."""
EXECUTE, WRITE, READ, LIST, SHORTEN = 1, 2, 4, 8, 1 << 14
ODD_FILES = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12
"""Making devices, sockets, pipes and links, which would wait for whoever reads the folder next."""
VERSION = 1
RIGHTS = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1)
"""What each version of Landlock can forbid about files: moving came with the second, shortening with the third."""


def enter(folder: Path, *, memory: int, seconds: int, largest_file: int, readable: tuple[str, ...] = ()) -> list[str]:
    """Limit this process for good; returns which of its walls this system could not put up.

    `folder` is where it may write; `readable` are files and folders that it may read besides.
    """
    limit(memory=memory, seconds=seconds, largest_file=largest_file)
    missing = []
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is None or libc.prctl(NO_NEW_RIGHTS, 1, 0, 0, 0):
        missing.append("new rights")
    has_network = libc is None or (libc.unshare(NEW_NETWORK) and libc.unshare(NEW_USER | NEW_NETWORK))
    if libc is None or not _only_these_files(libc, folder, readable):
        missing.append("files")
    if libc is None or not refuse_calls(libc):
        missing.append("processes")
        if has_network:
            missing.append("network")
    return missing


def environment(room: Path, **more: str) -> dict[str, str]:
    """Return the little that Python needs to work in a folder; no word of the server's own settings goes along."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(room),
        "TMPDIR": str(room),
        "LANG": "C.UTF-8",
    } | more


def limit(*, memory: int, seconds: int, largest_file: int) -> None:
    """Limit what this process may take: bytes of memory, seconds of processor time, bytes of a file."""
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_FSIZE, largest_file)
    _limit(resource.RLIMIT_NOFILE, 256)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, memory)


def _limit(kind: int, most: int) -> None:
    with contextlib.suppress(ValueError, OSError):  # a tighter limit stands already
        resource.setrlimit(kind, (most, most))


def _only_these_files(libc: ctypes.CDLL, folder: Path, more: tuple[str, ...]) -> bool:
    """Forbid every file but those of Python, of the code, and of this folder; False where the kernel cannot."""
    version = libc.syscall(CREATE_RULES, 0, 0, VERSION)
    everything = RIGHTS[max(0, min(version, len(RIGHTS) - 1))]
    rules = libc.syscall(CREATE_RULES, struct.pack("Q", everything), ctypes.c_size_t(8), 0) if everything else -1
    if rules < 0:
        return False
    code = [str(ROOT / room) for room in ROOMS]
    readable = [*SYSTEM, sys.prefix, sys.base_prefix, *code, *more]
    allowed = [(place, EXECUTE | READ | LIST) for place in readable]
    allowed += [(place, (READ | WRITE | SHORTEN) & everything) for place in DEVICES]
    allowed.append((str(folder), everything & ~(EXECUTE | ODD_FILES)))
    try:
        return all(_allow(libc, rules, place, rights) for place, rights in allowed) and not libc.syscall(
            RESTRICT, rules, 0
        )
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, place: str, rights: int) -> bool:
    try:
        opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return True  # what is not there need not be allowed
    try:
        if not Path(place).is_dir():
            rights &= EXECUTE | WRITE | READ | SHORTEN
        return libc.syscall(ADD_RULE, rules, 1, struct.pack("=Qi", rights, opened), 0) == 0
    finally:
        os.close(opened)
