"""What the supervisor sees of one live worker: its heartbeats, its work and its memory; and why it had to end it."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil

from recipes.configuration import configuration
from records import Run
from training import devices, pulse
from training.failures import Reason
from training.launcher import identity
from training.limits import Limits

NEAR = 0.95
"""The share of its limit at which a run is ended, before the kernel ends something else."""
MOST_LIKELY = 0.85
"""A worker that was killed with this share of its limit was killed for its memory."""
SHORT = 0.05
"""Without a limit, a run may take what is free until only this share of the memory is left."""
BYTES_A_SECOND = 10 * 2**20
"""Reading or writing so much counts as one second of work."""
DUMP_SECONDS = 1.0
"""What a worker gets to write down where it stands."""


class Vigil:
    """One worker on this machine, or on another one: then only its heartbeats are seen."""

    def __init__(self, run: Run, attempt: int, handle: str) -> None:
        self.reason: Reason | None = None
        """Why it was ended, if we did that."""
        self._run, self._attempt, self._handle = run, attempt, handle
        pid = handle.partition(":")[0]
        self._pid = int(pid) if pid.isdigit() and identity(int(pid)) == handle else None
        self._watch = pulse.Watch(time.monotonic())
        self._kills = oom_kills()
        self._limit_mb = Limits.of(run).memory_mb or configuration().memory_mb_per_run or None
        self._memory_mb = 0.0
        self._was_short = False
        self._doomed = 0.0

    @property
    def ran_out(self) -> bool:
        """Say whether a worker that was killed by somebody else was most likely killed for its memory."""
        limit = self._limit_mb or (_share_mb() if self._was_short else float("inf"))
        return self._memory_mb >= MOST_LIKELY * limit or oom_kills() > self._kills

    @property
    def is_doomed(self) -> bool:
        """Must it be ended by force now?"""
        return self.reason is not None and time.monotonic() >= self._doomed

    def look(self) -> Reason | None:
        """Look once; returns why the worker must be ended, if so."""
        if self.reason is None:
            self.reason = self._memory() or self._pulse()
        return self.reason

    def _memory(self) -> Reason | None:
        if self._pid is None:
            return None
        with suppress(psutil.Error):
            self._memory_mb = psutil.Process(self._pid).memory_info().rss / 2**20
        limit = self._limit_mb
        if limit is None:
            self._was_short = free_share() < SHORT
            limit = _share_mb() if self._was_short else float("inf")
        return "memory" if self._memory_mb > NEAR * limit else None

    def _pulse(self) -> Reason | None:
        moment = time.monotonic()
        if moment - self._watch.looked < min(configuration().pulse_seconds, configuration().hung_seconds / 4):
            return None
        verdict = self._watch.look(pulse.read(self._run.folder, self._attempt), self._used(), moment)
        if verdict == "fine":
            return None
        self._doomed = moment + DUMP_SECONDS
        if self._pid is not None and identity(self._pid) == self._handle:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGUSR1)  # it writes into its log where it stands
        return "hung"

    def _used(self) -> float | None:
        """Return what the worker and its children have done: seconds of processor time, and bytes read and written."""
        if self._pid is None:
            return None
        total = 0.0
        with suppress(psutil.Error):
            worker = psutil.Process(self._pid)
            for process in (worker, *worker.children(recursive=True)):
                with suppress(psutil.Error, OSError):
                    total += sum(process.cpu_times()[:4])
                    moved = process.io_counters() if hasattr(process, "io_counters") else None
                    total += (moved.read_chars + moved.write_chars) / BYTES_A_SECOND if moved else 0.0
        return total


def oom_kills() -> int:
    """Count how often the kernel has ended a process for lack of memory: of this machine and of our container."""
    files = ("/proc/vmstat", "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
    lines = [line.split() for file in map(Path, files) if file.exists() for line in file.read_text().splitlines()]
    return sum(int(words[1]) for words in lines if len(words) == 2 and words[0] == "oom_kill")


def free_share() -> float:
    """Return which share of this machine's memory, or of its container's, is free."""
    machine = psutil.virtual_memory()
    shares = [machine.available / machine.total]
    limit, used, about = (Path(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current", "stat"))
    if limit.exists() and (told := limit.read_text().strip()).isdigit():
        # What was only read from files goes as soon as somebody needs the room.
        cached = [int(line.split()[1]) for line in about.read_text().splitlines() if line.startswith("inactive_file ")]
        shares.append(1 - (int(used.read_text()) - sum(cached)) / int(told))
    return min(shares)


def _share_mb() -> float:
    return devices.memory_mb() / max(1, devices.slots())
