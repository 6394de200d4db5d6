"""The two heartbeats of a worker, and how the supervisor reads them.

A thread of the worker writes every two seconds, into a file of its attempt, that it lives, and how often the run has
got any further. The supervisor goes by its own clock and by what has changed since its last look: no clock of another
process, no change of the time and no sleep of the computer can make a healthy run look dead.

*Silent* is a worker that says nothing and does nothing. *Hung* is one that lives, but gets no further: between two
steps for longer than `hung_seconds` or twenty usual steps; in a phase that may take long (reading a big table,
compiling, the report) only where it does nothing meanwhile, or for thirty times as long.
"""

import json
import os
import statistics
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from recipes.configuration import configuration
from records import disk

FILE = "pulse.json"
ROOM = 256
"""Bytes of the file. It never grows, so a full disk cannot stop it."""
STEPS_REMEMBERED = 101
USUAL_STEPS = 20
LONG_PHASE = 30
BUSY = 0.03
"""A process that takes this share of a core does something."""
LONGEST_BLINK = 5.0
"""Seconds between two looks, after which all waiting is counted anew: the computer slept, or we did."""

Verdict = Literal["fine", "silent", "hung"]


def now() -> float:
    """Return seconds since the machine was started, its sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Pulse:
    """A worker's side: `beat` says that the run got further."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._beats = self._alive = 0
        self._last = now()
        self._steps: deque[float] = deque(maxlen=STEPS_REMEMBERED)
        self._is_slow = True
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="pulse")

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def beat(self, *, slow: bool = True) -> None:
        """Say that the run got further; `slow` that what follows may honestly take long."""
        moment = now()
        if not slow and not self._is_slow:
            self._steps.append(moment - self._last)
        self._beats, self._last, self._is_slow = self._beats + 1, moment, slow

    def slowly(self) -> None:
        """Say that the next step may take long: it compiles something."""
        self._is_slow = True

    def _run(self) -> None:
        while not self._over.wait(configuration().pulse_seconds):
            self._write()

    def _write(self) -> None:
        self._alive += 1
        step = statistics.median(self._steps) if self._steps else 0.0
        told = {"alive": self._alive, "beats": self._beats, "slow": self._is_slow, "step": round(step, 4), "at": now()}
        data = json.dumps(told).encode().ljust(ROOM)
        try:
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o644)
        except FileNotFoundError:
            return  # a newer attempt has taken the run: this one learns of it at its next write
        try:
            os.pwrite(handle, data, 0)
        except OSError as error:
            if not disk.is_full(error):
                raise
        finally:
            os.close(handle)


def read(folder: Path, attempt: int) -> dict[str, Any] | None:
    """Return the last heartbeat of an attempt; None where there is none, or where it is just being written."""
    try:
        return json.loads((folder / f"{disk.WRITING}{attempt}" / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None


@dataclass
class Watch:
    """The supervisor's side: what it has seen of one worker so far, by its own clock."""

    looked: float
    heard: float = 0.0
    moved: float = 0.0
    worked: float = 0.0
    used: float | None = None
    told: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.heard = self.moved = self.worked = self.looked

    def look(self, told: dict[str, Any] | None, used: float | None, moment: float) -> Verdict:
        """Judge a worker by its heartbeat and by the work that it and its children have done so far.

        `used` are seconds of processor time, with a second for each 10 MB read or written; None where nobody knows.
        """
        if moment - self.looked > LONGEST_BLINK:
            self.heard = self.moved = self.worked = moment
            self.used = None
        self._take(told or {}, used, moment)
        if told is None and used is None:
            return "fine"  # on another machine, and not begun yet
        silent, hung = configuration().silent_seconds, configuration().hung_seconds
        if self.told and moment - self.heard > silent and moment - self.worked > silent:
            return "silent"
        limit = max(hung, USUAL_STEPS * self.told.get("step", 0.0))
        if self.told.get("slow", True) and moment - self.worked < limit:
            limit = LONG_PHASE * hung
        return "hung" if moment - self.moved > limit else "fine"

    def _take(self, told: dict[str, Any], used: float | None, moment: float) -> None:
        if told and told["alive"] != self.told.get("alive"):
            self.heard = moment
        if told and (told["beats"], told["slow"]) != (self.told.get("beats"), self.told.get("slow")):
            self.moved = moment
        if used is None:
            self.worked = moment
        elif self.used is None or used - self.used > BUSY * (moment - self.looked):
            self.worked, self.used = moment, used
        else:
            self.used = used
        self.looked = moment
        self.told = told or self.told
