"""How a worker is started, watched and stopped; the supervisor knows nothing else about it.

A second engine (a cluster's job service) is a second class with the methods of `Launcher`.
"""

import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import psutil

from records import Workspace
from training import devices
from training.zygote import FIRST_TO_GO, NICENESS

ROOT = Path(__file__).resolve().parents[1]
WORKER = (sys.executable, "-m", "training.worker")
WARM = (sys.executable, "-m", "training.warm")
JOB = (sys.executable, "-m", "training.jobs")
MARK = "LAYERWISE_WORKER"
"""In the environment of a worker: `WORKSPACE|RUN.ATTEMPT`, by which `training/reaper.py` knows it."""
LONGEST_LOADING = 90.0
"""Seconds after which a parent of workers that is still importing is given up."""
LONGEST_FORK = 20.0
LONGEST_REPORT = 1.0
"""Seconds that the parent of workers may take to say how one of them ended."""
TROUBLE = "launcher.json"
"""In the workspace: why nothing starts at the moment, in one sentence for the screens."""
PAUSES = (0.0, 1.0, 5.0, 30.0)
"""Seconds before the parent of workers is started again, by how often in a row it broke."""

_log = logging.getLogger("layerwise.launcher")


class LaunchError(RuntimeError):
    """A worker could not be started; the text goes into the log."""


@dataclass(frozen=True)
class Exit:
    """A worker is gone; `code` is None where it was not our child."""

    code: int | None
    blameless: bool = False
    """It never had a chance to start: no fault of the run."""
    reason: str = ""
    """What is wrong with the place where it was to run, in words, where that is known."""


class Launcher(Protocol):
    """What the supervisor needs of whatever computes runs."""

    def room(self, taken: Collection[str]) -> str | None:
        """Return the device for one more run, given those of the live runs; None: not now."""
        ...

    def start(self, folder: Path, attempt: int, device: str) -> str:
        """Start a worker; returns a handle that also a later supervisor can use. Raises `LaunchError`."""
        ...

    def poll(self, handle: str) -> Exit | None:
        """Return how a worker ended, or None while it lives."""
        ...

    def stop(self, handle: str, *, force: bool) -> None:
        """Ask a worker and its own children to end, or end them."""
        ...

    def close(self) -> None:
        """The supervisor ends; workers live on."""
        ...


class LocalLauncher:
    """Workers on this machine: forks of a pre-warmed parent, or a fresh process where none is to be had.

    The warm process and the jobs on runs are started here too, wherever the runs themselves are computed.
    """

    def __init__(self, workspace: Workspace, command: tuple[str, ...] | None = None) -> None:
        self._workspace = workspace
        self._command = command or WORKER
        self._wants_parent = command is None
        self._parent: Parent | None = None
        self._broken = 0
        self._next_try = 0.0
        self._children: dict[int, subprocess.Popen] = {}
        self._exits: dict[int, int] = {}
        self._forked: dict[int, float] = {}
        """Forks of the parent, and since when they are gone without a word from it; 0 while they live."""

    @property
    def is_loading(self) -> bool:
        """Is the parent of workers still importing? Until then nothing starts: a cold start would be slower."""
        return self._parent is not None and not self._parent.is_ready

    def room(self, taken: Collection[str]) -> str | None:
        """See `Launcher`."""
        if self.is_loading:
            return None
        gpus = [device.id for device in devices.find()]
        if gpus:
            return next((gpu for gpu in gpus if gpu not in taken), None)
        return devices.NO_GPU if len(taken) < devices.slots() else None

    def start(self, folder: Path, attempt: int, device: str) -> str:
        """See `Launcher`."""
        mark = f"{self._workspace.root.resolve()}|{folder.name}.{attempt}"
        environment = {"CUDA_VISIBLE_DEVICES": device, MARK: mark}
        if self._parent and self._parent.is_ready:
            request = {"folder": str(folder), "attempt": attempt, "environment": environment}
            return self._handle(self._request(request))
        command = (*self._command, str(folder), "--attempt", str(attempt))
        handle = self._spawn(command, environment, folder / "log.txt")
        _go_first(_pid(handle))
        return handle

    def start_warm(self, log: Path) -> str:
        """Start the warm process, which never gets a GPU."""
        environment = {"CUDA_VISIBLE_DEVICES": devices.NO_GPU}
        if self._parent and self._parent.is_ready and not self._parent.is_spare:
            return self._handle(
                self._request({"warm": str(self._workspace.root), "log": str(log), "environment": environment})
            )
        return self._spawn((*WARM, "--workspace", str(self._workspace.root)), environment, log)

    def start_job(self, folder: Path) -> str:
        """Start a job on a run, which never gets a GPU. Raises `LaunchError`."""
        environment = {"CUDA_VISIBLE_DEVICES": devices.NO_GPU}
        if self._parent and self._parent.is_ready and not self._parent.is_spare:
            return self._handle(self._request({"job": str(folder), "environment": environment}))
        return self._spawn((*JOB, str(folder)), environment, folder / "log.txt")

    def poll(self, handle: str) -> Exit | None:
        """See `Launcher`."""
        pid = _pid(handle)
        self._listen()
        if pid in self._exits:
            self._forked.pop(pid, None)
            return Exit(self._exits.pop(pid))
        if identity(pid) == handle:
            return None
        if pid in self._children:
            return Exit(self._children.pop(pid).wait())  # a zombie: this does not wait
        if pid not in self._forked or self._parent is None:
            return Exit(None)
        # Its parent is about to say how it ended, which tells a full memory from a mistake.
        self._forked[pid] = self._forked[pid] or time.monotonic()
        if time.monotonic() - self._forked[pid] < LONGEST_REPORT:
            return None
        del self._forked[pid]
        return Exit(None)

    def stop(self, handle: str, *, force: bool) -> None:
        """See `Launcher`."""
        pid = _pid(handle)
        if identity(pid) != handle:
            return
        number = signal.SIGKILL if force else signal.SIGTERM
        with contextlib.suppress(ProcessLookupError):  # it may end while we speak
            if os.getpgid(pid) == pid:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)  # so young that it has no session of its own yet

    def tend(self) -> None:
        """Keep a parent of workers ready; to be called often."""
        self._listen()
        if self._parent and self._parent.is_broken:
            _log.warning("The parent of workers ended with %s.", self._parent.close())
            self._parent, self._broken = None, self._broken + 1
            self._next_try = time.monotonic() + PAUSES[min(self._broken, len(PAUSES) - 1)]
        if self._wants_parent and self._parent is None and time.monotonic() >= self._next_try:
            log = self._workspace.root / "log" / "zygote.log"
            self._parent = Parent(log, spare=bool(devices.find()) or not hasattr(os, "fork"))

    def close(self) -> None:
        """Let the parent of workers end; workers live on."""
        if self._parent:
            self._parent.close()
            self._parent = None

    def wakes(self) -> list[int]:
        """List the handles that become readable when something happened here."""
        return [self._parent.output] if self._parent else []

    def _listen(self) -> None:
        if self._parent:
            self._exits |= self._parent.exits()
            self._broken = 0 if self._parent.is_ready else self._broken

    def _request(self, request: dict[str, Any]) -> int:
        parent = self._parent
        if parent is None:
            raise LaunchError("There is no parent of workers.")
        pid = parent.request(request)
        if parent.is_spare:  # it is the worker now
            self._children[pid] = parent.process
            parent.let_go()
            self._parent = None
            self.tend()
        else:
            self._forked[pid] = 0.0
        return pid

    def _spawn(self, command: tuple[str, ...], environment: dict[str, str], log: Path) -> str:
        with log.open("ab") as file:
            try:
                child = subprocess.Popen(
                    command, cwd=ROOT, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=file,
                    stderr=file, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise LaunchError(f"{command[0]} could not be started: {error}") from error
        self._children[child.pid] = child
        return self._handle(child.pid)

    def _handle(self, pid: int) -> str:
        return identity(pid) or f"{pid}:gone"


class Parent:
    """The pre-warmed process (`training/zygote.py`) as seen from outside."""

    def __init__(self, log: Path, *, spare: bool) -> None:
        command = [sys.executable, "-m", "training.zygote", *(["--spare"] if spare else [])]
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, bufsize=0,
                start_new_session=True,
            )  # fmt: skip
        self.is_spare = spare
        self.is_ready = False
        self._failed = False
        self._started = time.monotonic()
        self._exits: dict[int, int] = {}
        self._answers: list[dict[str, Any]] = []
        self._rest = b""
        os.set_blocking(self.output, False)

    @property
    def output(self) -> int:
        """The handle that becomes readable when it says something."""
        return _pipe(self.process.stdout).fileno()

    @property
    def is_broken(self) -> bool:
        """Has it ended, failed, or does it load for too long?"""
        is_late = not self.is_ready and time.monotonic() - self._started > LONGEST_LOADING
        return self._failed or is_late or self.process.poll() is not None

    def exits(self) -> dict[int, int]:
        """Return the exit codes of children that ended since the last look."""
        self._read()
        exits, self._exits = self._exits, {}
        return exits

    def request(self, request: dict[str, Any]) -> int:
        """Ask for one process; returns its id."""
        answer = self._asked(request)
        if "failed" in answer:
            self._failed = True
            raise LaunchError(answer["failed"])
        return answer["pid"]

    def let_go(self) -> None:
        """Close our ends of its pipes."""
        for pipe in (self.process.stdin, self.process.stdout):
            _pipe(pipe).close()

    def close(self) -> int | None:
        """End it, but none of its children; returns its exit code."""
        self.let_go()
        self.process.kill()  # it holds nothing that could be lost
        return self.process.wait()

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            _pipe(self.process.stdin).write((json.dumps(request) + "\n").encode())
        except OSError as error:
            return {"failed": str(error)}
        last = time.monotonic() + LONGEST_FORK
        while not self._answers:
            if not select.select([self.output], [], [], max(0.0, last - time.monotonic()))[0]:
                return {"failed": "The parent of workers does not answer."}
            self._read()
            if not self._answers and self.process.poll() is not None:
                return {"failed": "The parent of workers has ended."}
        return self._answers.pop(0)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.output, 65536):
                self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "exited" in told:
                self._exits[told["exited"]] = told["code"]
            elif "ready" in told:
                self.is_ready = True
                _log.info("The parent of workers is ready after %s s.", told["ready"])
            else:
                self._answers.append(told)


def _go_first(pid: int) -> None:
    """Let a worker that is no fork of the parent give way, as the forks do by themselves; a wish only."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(FIRST_TO_GO), encoding="ascii")


def identity(pid: int) -> str | None:
    """Name a living process so that no later one with the same number is taken for it; None for a dead one.

    On Linux the start is counted in ticks since the boot, which no change of the clock moves.
    """
    stat = Path(f"/proc/{pid}/stat")
    try:
        if Path("/proc/self/stat").exists():
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
            return None if fields[0] in "ZX" else f"{pid}:{fields[19]}:{boot}"
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{pid}:{process.create_time():.0f}"
    except (OSError, psutil.Error):
        return None


def is_alive(handle: str) -> bool:
    """Say whether the process of this handle still lives."""
    return bool(handle) and identity(_pid(handle)) == handle


def is_of_this_boot(handle: str) -> bool:
    """Say whether the machine has not been started anew since this handle was made."""
    own = identity(os.getpid()) or ""
    return handle.count(":") < 2 or handle.rpartition(":")[2] == own.rpartition(":")[2]


def _pid(handle: str) -> int:
    """Return the number in a handle; of one that another launcher made, a number that no process has."""
    number = handle.partition(":")[0]
    return int(number) if number.isdigit() else -1


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise LaunchError("The parent of workers has no pipes.")
    return pipe
