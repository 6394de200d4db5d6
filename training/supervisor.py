"""The supervisor: takes runs from the queue, starts a worker each, watches them, and ends when nobody needs it.

    python -m training.supervisor --workspace DIR [--detach]

One a workspace, by a lock that it holds for as long as it lives. It belongs to no web server: both may be killed and
started again at any time. Workers outlive it; the next supervisor takes them over by process number and start time,
and a run's `done.json` decides how the run ended.
"""

import argparse
import logging
import os
import select
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

from recipes.configuration import check_or_exit, configuration
from records import Run, State, Workspace, disk, logs, write_json
from records.catalogue import Catalogue, Queue, RunRow, fair_order
from records.database import Unreachable, is_file
from training import failures, marks, reaper
from training.executor import SECONDS_TO_RESTORE, close, label
from training.keepers import JobKeeper, WarmKeeper
from training.launcher import Exit, Launcher, LaunchError, LocalLauncher, is_of_this_boot
from training.ray_launcher import chosen
from training.vigil import Vigil

DEATHS = "deaths.json"
ASK = "Tell the people who run Layerwise; then press Resume."
TICK_BUSY, TICK_IDLE = 0.2, 1.0
PURGE_EVERY = 5.0
CLEAR_EVERY = 600.0
ROOMY = 4
"""The disk must have so many times the ballast free before any is laid."""
RELIEF = 5.0
"""Seconds after a run was ended for its memory, in which no other one is."""

_log = logging.getLogger("layerwise.supervisor")


def main(arguments: list[str] | None = None) -> int:
    """Supervise a workspace until nobody needs it; at once done where another supervisor lives."""
    parser = argparse.ArgumentParser(prog="python -m training.supervisor")
    parser.add_argument("--workspace", type=Path, default=None)
    parser.add_argument("--detach", action="store_true", help="go on in the background, in an own session")
    told = parser.parse_args(arguments)
    check_or_exit()
    workspace = Workspace(told.workspace.resolve()) if told.workspace else Workspace.default()
    lock = marks.hold(marks.supervisor_lock(workspace), patience=1.0)
    if lock is None:
        return 0
    if told.detach:
        if os.fork():
            os._exit(0)  # the lock lives on in the child, so that whoever waits for us finds it held
        os.setsid()
    _write_log(workspace)
    local = LocalLauncher(workspace)
    supervisor = Supervisor(workspace, local, chosen(workspace, local))
    supervisor.run()
    os.close(lock)
    return 0


class Supervisor:
    """One pass over the queue is `tick`; `run` repeats it."""

    def __init__(
        self,
        workspace: Workspace,
        local: LocalLauncher,
        launcher: Launcher | None = None,
        *,
        idle_seconds: float | None = None,
        stop_seconds: float | None = None,
        keeps_warm: bool = True,
    ) -> None:
        self.workspace = workspace
        self.local = local
        """Starts the warm process and the jobs on runs, always on this machine."""
        self.launcher = launcher or local
        """Starts the runs, wherever they are computed."""
        self.queue = Queue(Catalogue(workspace))
        self._idle_seconds = configuration().idle_seconds if idle_seconds is None else idle_seconds
        self._stop_seconds = configuration().stop_seconds if stop_seconds is None else stop_seconds
        self._warm = WarmKeeper(workspace, local) if keeps_warm else None
        self._jobs = JobKeeper(workspace, local, self._stop_seconds)
        self._stopping: dict[tuple[str, int], float] = {}
        self._vigils: dict[tuple[str, int], Vigil] = {}
        self._needed = time.monotonic()
        self._next_purge = self._next_reap = self._next_clear = self._relief = 0.0
        self._next_start = 0.0
        self._ended = False

    def run(self) -> None:
        """Tick until nobody needs us, or until SIGTERM."""
        _log.info("Supervisor %s takes over %s.", os.getpid(), self.workspace.root)
        (self.workspace.root / "log").mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        bell = marks.open_bell(self.workspace)
        try:
            self.reconcile()
            while not self._ended:
                try:
                    busy = self.tick()
                    if not self._is_needed(busy=busy):
                        break
                except Unreachable:
                    busy = False  # the database said nothing, so nothing is decided; workers go on meanwhile
                self._wait(bell, TICK_BUSY if busy or self.local.is_loading else TICK_IDLE)
        finally:
            os.close(bell)
            self.close()
        _log.info("Supervisor %s ends.", os.getpid())

    def close(self) -> None:
        """End what only we need; workers live on."""
        if self._warm:
            self._warm.close()
        self.launcher.close()
        self.local.close()

    def reconcile(self) -> None:
        """Make catalogue and run folders agree, after whatever happened while nobody watched."""
        known = self.queue.every_id()
        folders = {folder.name: folder for folder in self.workspace.runs.iterdir() if folder.is_dir()}
        lost = known - folders.keys()
        if 2 * len(lost) > len(known) and not is_file(self.workspace):
            _log.error("Most runs of the catalogue have no folder: is it mounted? Nothing is forgotten.")
            return
        for run in lost:
            _log.warning("Run %s has lost its folder and is forgotten.", run)
            self.queue.remove(run)
        for run in folders.keys() - known:
            self._enter(Run(folders[run]))

    def tick(self) -> bool:
        """Look at every live run, start what may start; says whether any run lives or waits."""
        self.local.tend()
        for row in self.queue.live():
            self._guarded(row)
        self._start_waiting()
        if self._warm:
            self._warm.tend()
        if time.monotonic() >= self._next_purge:
            self._purge()
        if time.monotonic() >= self._next_reap:
            self._reap()
        jobs = self._jobs.tend()
        return bool(jobs or self.queue.live() or self.queue.queued())

    def _guarded(self, row: RunRow) -> None:
        try:
            self._watch(row)
        except Unreachable:
            raise
        except (OSError, ValueError) as error:
            if disk.is_full(error):  # nothing is decided before it can be written down
                _log.warning("The disk is full.")
                disk.drop_ballast(self.workspace.root)
                return
            # One folder that was damaged from outside must not stop everybody's runs.
            _log.exception("Run %s cannot be read and is given up.", row.id)
            self.queue.change(row.id, row.attempt, state="failed", handle="")

    def _watch(self, row: RunRow) -> None:
        run = Run(self.workspace.run_folder(row.id))
        if not row.handle:  # a supervisor died between claim and start
            self._requeue(row, deaths=row.deaths)
            return
        exited = self.launcher.poll(row.handle)
        if exited is None:
            self._press(row, run)
            self._look(row, run)
            return
        leader = row.handle.partition(":")[0]
        if leader.isdigit():
            reaper.sweep(int(leader))
        self._stopping.pop((row.id, row.attempt), None)
        vigil = self._vigils.pop((row.id, row.attempt), None)
        done = run.read("done.json")
        if done and done["attempt"] == row.attempt:
            _log.info("Run %s attempt %s: %s.", row.id, row.attempt, done["state"])
            self.queue.change(row.id, row.attempt, state=done["state"], handle="", took=_took(run.state))
        elif run.asked() == "stop":
            close(run, run.state, "stopped", f"Stopped by you{_after(run.state)}.", "Press Resume to go on.")
            self.queue.change(row.id, row.attempt, state="stopped", handle="")
        else:
            self._bury(row, run, exited, vigil)

    def _look(self, row: RunRow, run: Run) -> None:
        """Look after a worker's heart and memory; end it where that must be. The rest is as after any death."""
        key = (row.id, row.attempt)
        if key not in self._vigils:
            self._vigils[key] = Vigil(run, row.attempt, row.handle)
        vigil = self._vigils[key]
        before = vigil.reason
        if before is None and time.monotonic() < self._relief:
            return
        reason = vigil.look()
        if reason and before is None:
            _log.warning("Run %s attempt %s is ended: %s.", row.id, row.attempt, reason)
        if reason == "memory" and before is None:
            self._relief = time.monotonic() + RELIEF
        if vigil.is_doomed:
            self.launcher.stop(row.handle, force=True)

    def _press(self, row: RunRow, run: Run) -> None:
        """Where a stop is wished: ask at once, kill when it takes too long; never wait here."""
        if run.asked() != "stop":
            return
        key = (row.id, row.attempt)
        if key not in self._stopping:
            self._stopping[key] = time.monotonic()
            self.launcher.stop(row.handle, force=False)
        elif time.monotonic() - self._stopping[key] > self._stop_seconds:
            _log.warning("Run %s does not stop and is killed.", row.id)
            self.launcher.stop(row.handle, force=True)

    def _bury(self, row: RunRow, run: Run, exited: Exit, vigil: Vigil | None) -> None:
        """A worker died without a word: let the run go on, or give it up where it gets no further."""
        state = run.state
        reached = state.stage_number * 100_000 + state.epoch
        hung = vigil is not None and vigil.reason == "hung"
        ran_out = vigil is not None and (vigil.reason == "memory" or (_is_kill(exited.code) and vigil.ran_out))
        reason = failures.reason_of_death(exited.code, ran_out=ran_out, hung=hung)
        # Where the machine was switched off, or there was no place, it was no fault of the run.
        is_blamed = not exited.blameless and is_of_this_boot(row.handle)
        deaths = row.deaths if not is_blamed else 1 if reached > row.reached else row.deaths + 1
        times = _equal_deaths(run, row.attempt, reason, reached) if is_blamed else 0
        _log.warning(
            "Run %s attempt %s died (%s, %s), death %s.", row.id, row.attempt, exited.code, reason, deaths
        )  # fmt: skip
        if times > failures.RESTARTS[reason] or deaths >= failures.GIVE_UP:
            told = _epitaph(run, reason, times, exited)
            close(run, state, "failed", *told)
            self.queue.change(row.id, row.attempt, state="failed", handle="", deaths=deaths, reached=reached)
            return
        how = "It stood still" if hung else "Interrupted"
        message = f"{how}{_after(state)}; it goes on by itself from its last checkpoint."
        told = {"state": "interrupted", "phase": "queued", "message": message, "updated": time.time()}
        run.write_state(state.model_copy(update=told))
        run.append("events", {"time": time.time(), "kind": "interrupted", "text": message})
        self._requeue(row, deaths=deaths, reached=reached)

    def _requeue(self, row: RunRow, **values: int) -> None:
        self.queue.change(row.id, row.attempt, state="queued", handle="", device="", **values)

    def _start_waiting(self) -> None:
        if time.monotonic() < self._next_start:
            return
        queued = self.queue.queued()
        if not queued:
            return
        live = self.queue.live()
        for row in fair_order(queued, live, configuration().runs_per_owner, self.queue.served()):
            device = self.launcher.room([other.device for other in live])
            if device is None:
                return
            attempt = self.queue.claim(row.id, device)
            if attempt is not None:
                live.append(replace(row, device=device))
                self._start(row.id, attempt, device)

    def _start(self, name: str, attempt: int, device: str) -> None:
        run = Run(self.workspace.run_folder(name))
        try:
            told = {"state": "starting", "phase": "preparing", "attempt": attempt, "message": "", "advice": "",
                    "reason": "", "cure": {}}  # fmt: skip
            disk.take(run.folder, attempt)
            run.write_state(run.state.model_copy(update=told | {"updated": time.time()}))
            handle = self.launcher.start(run.folder, attempt, device)
        except LaunchError:
            _log.exception("Run %s could not be started and waits again.", name)
            self.queue.change(name, attempt, state="queued", handle="", device="")
            self._next_start = time.monotonic() + 1.0
        except (OSError, ValueError, disk.Superseded) as error:
            if disk.is_full(error):
                _log.warning("The disk is full, so run %s waits.", name)
                disk.drop_ballast(self.workspace.root)
                self.queue.change(name, attempt, state="queued", handle="", device="")
                self._next_start = time.monotonic() + configuration().room_seconds
                return
            _log.exception("Run %s cannot be read and is given up.", name)
            self.queue.change(name, attempt, state="failed", handle="")
        else:
            self.queue.change(name, attempt, state="running", handle=handle)
            _log.info("Run %s attempt %s started as %s.", name, attempt, handle)

    def _enter(self, run: Run) -> None:
        """Write a run back into the catalogue that has lost it."""
        told = label(run.folder)
        if told is None:
            return  # a run of the command line belongs to nobody's list
        owner, title = told
        state = run.state
        name = "queued" if state.is_active else state.state
        _log.warning("Run %s was missing in the catalogue and is entered as %s.", run.id, name)
        created = state.created or time.time()
        Catalogue(self.workspace).add(
            RunRow(run.id, owner, title, name, state.attempt, place=created, created=created, updated=time.time())
        )

    def _purge(self) -> None:
        self._next_purge = time.monotonic() + PURGE_EVERY
        for run in self.queue.thrown_away(time.time() - SECONDS_TO_RESTORE):
            folder = self.workspace.run_folder(run)
            if folder.exists():
                shutil.rmtree(folder)
            self.queue.remove(run)

    def _reap(self) -> None:
        """End what no run claims any more, keep room aside, and now and then delete what was never finished."""
        now = time.monotonic()
        self._next_reap = now + configuration().reap_seconds
        live = {(row.id, row.attempt) for row in self.queue.live()}
        for run, attempt in reaper.reap(self.workspace, live):
            _log.warning("A worker of run %s, attempt %s, that nobody claims was ended.", run, attempt)
        self._vigils = {key: vigil for key, vigil in self._vigils.items() if key in live}
        size = configuration().ballast_mb
        if shutil.disk_usage(self.workspace.root).free > ROOMY * size * 2**20:
            disk.lay_ballast(self.workspace.root, size)
        if now >= self._next_clear:
            self._next_clear = now + CLEAR_EVERY
            for place in reaper.clear_temporaries(self.workspace):
                _log.info("%s was never finished and is deleted.", place.name)

    def _is_needed(self, *, busy: bool) -> bool:
        if busy or self.queue.thrown_away(time.time()) or not marks.is_free(marks.servers_lock(self.workspace)):
            self._needed = time.monotonic()
        return time.monotonic() - self._needed <= self._idle_seconds

    def _wait(self, bell: int, seconds: float) -> None:
        ready, _, _ = select.select([bell, *self.local.wakes()], [], [], seconds)
        if bell in ready:
            os.read(bell, 65536)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ended = True


def _took(state: State) -> float | None:
    """Return how long a finished run took, from which others learn when they start."""
    if state.state != "finished" or state.started is None or state.ended is None:
        return None
    return max(state.ended - state.started, 0.0)


def _after(state: State) -> str:
    return f" after epoch {state.epoch} of {state.epochs}" if state.epoch else ""


def _is_kill(code: int | None) -> bool:
    """Say whether a worker may have been killed; of one that another supervisor has started nobody knows."""
    return code is None or code == -signal.SIGKILL


def _equal_deaths(run: Run, attempt: int, reason: failures.Reason, reached: int) -> int:
    """Note a death in the run's folder; returns how often it died so at this place since a person started it."""
    deaths = [*(run.read(DEATHS) or []), {"attempt": attempt, "reason": reason, "reached": reached}]
    write_json(run.folder / DEATHS, deaths)
    return sum(each["reason"] == reason and each["reached"] == reached for each in deaths)


def _epitaph(run: Run, reason: failures.Reason, times: int, exited: Exit) -> failures.Failure:
    if exited.reason:
        return failures.Failure(exited.reason, ASK, reason)
    seconds = configuration().hung_seconds
    told = failures.epitaph(reason, times, run.recipe, code=exited.code, seconds=seconds)
    if reason == "crash":
        _log.warning("Run %s: %s", run.id, told.message)
    return told


def _write_log(workspace: Workspace) -> None:
    logs.keep(workspace, "supervisor")


if __name__ == "__main__":
    sys.exit(main())
