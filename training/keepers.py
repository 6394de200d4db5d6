"""What the supervisor keeps going beside the runs: the warm process that answers screens, and the jobs on runs."""

import json
import logging
import time
from pathlib import Path

from records import Workspace, write_json
from records.job import Ticket, tickets
from training.launcher import PAUSES, LaunchError, LocalLauncher, is_alive

JOB_DIED = "The computer ended this work, most likely because its memory was full. Try again when it is less busy."
LONG_LIFE = 60.0
"""A warm process that lived that long did not break at its start."""

_log = logging.getLogger("layerwise.supervisor")


class WarmKeeper:
    """Keeps one warm process alive, also one that an earlier supervisor has started."""

    def __init__(self, workspace: Workspace, launcher: LocalLauncher) -> None:
        self._launcher = launcher
        self._note = workspace.root / "warm.handle"
        self._log = workspace.root / "log" / "warm.log"
        self._handle = json.loads(self._note.read_text(encoding="utf-8")) if self._note.exists() else ""
        self._started = 0.0
        self._broken = 0
        self._next_try = 0.0

    def tend(self) -> None:
        """Start it where it is missing, with growing pauses where it keeps breaking."""
        if self._handle and self._launcher.poll(self._handle) is None:
            return
        now = time.monotonic()
        if self._handle:
            self._broken = 0 if now - self._started > LONG_LIFE else self._broken + 1
            _log.warning("The warm process is gone.")
            self._handle, self._next_try = "", now + PAUSES[min(self._broken, len(PAUSES) - 1)]
        if now < self._next_try or self._launcher.is_loading:
            return
        try:
            self._handle = self._launcher.start_warm(self._log)
        except LaunchError:
            _log.exception("The warm process could not be started.")
            self._next_try = now + PAUSES[-1]
            return
        self._started = now
        write_json(self._note, self._handle)

    def close(self) -> None:
        """Let it end."""
        if is_alive(self._handle):
            self._launcher.stop(self._handle, force=False)


class JobKeeper:
    """Starts the jobs that wait, one at a time and the oldest first, and watches those that go."""

    def __init__(self, workspace: Workspace, launcher: LocalLauncher, stop_seconds: float) -> None:
        self._workspace, self._launcher, self._stop_seconds = workspace, launcher, stop_seconds
        self._stopping: dict[Path, float] = {}

    def tend(self) -> bool:
        """Look at every job; says whether any goes or waits."""
        every = tickets(self._workspace)
        lives = [ticket for ticket in every if ticket.handle and self._watch(ticket)]
        waiting = [ticket for ticket in every if not ticket.handle]
        if waiting and not lives and not self._launcher.is_loading:
            self._start(waiting[0])
        return bool(every)

    def _watch(self, ticket: Ticket) -> bool:
        """Say whether it still goes; press it where it is to stop, close it where it died."""
        if self._launcher.poll(ticket.handle) is None:
            self._press(ticket)
            return True
        self._stopping.pop(ticket.file, None)
        state = ticket.job.state
        if state and state.is_active:
            stopped = ticket.job.is_to_stop
            _log.warning("Job %s died.", ticket.file.stem)
            ticket.job.write_state("stopped" if stopped else "failed", text="Stopped by you." if stopped else JOB_DIED)
        ticket.tear()
        return False

    def _press(self, ticket: Ticket) -> None:
        if not ticket.job.is_to_stop:
            return
        if ticket.file not in self._stopping:
            self._stopping[ticket.file] = time.monotonic()
            self._launcher.stop(ticket.handle, force=False)
        elif time.monotonic() - self._stopping[ticket.file] > self._stop_seconds:
            self._launcher.stop(ticket.handle, force=True)

    def _start(self, ticket: Ticket) -> None:
        if not (ticket.job.folder / "job.json").exists():  # its run was deleted meanwhile
            ticket.tear()
            return
        if ticket.job.is_to_stop:
            ticket.job.write_state("stopped", text="Stopped by you.")
            ticket.tear()
            return
        try:
            ticket.take(self._launcher.start_job(ticket.job.folder))
        except LaunchError:
            _log.exception("Job %s could not be started and waits again.", ticket.file.stem)
