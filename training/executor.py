"""What screens do with runs: submit, stop, resume, delete. Everything is written down; the supervisor acts on it."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import builders
from recipes import Recipe, Refusal
from recipes.configuration import configuration
from records import Run, State, Workspace, job, project, write_json
from records.catalogue import Catalogue, Queue, RunRow
from records.run import RESUMABLE, Name
from training import devices, forecast, marks, plan, quota
from training.forecast import Turn
from training.launcher import TROUBLE

ROOT = Path(__file__).resolve().parents[1]
LEAST_FREE_MB = 500
SECONDS_TO_RESTORE = 60.0
"""How long a deleted run can be brought back."""
FORECAST_SECONDS = 2.0
"""How long a look into the future holds for all viewers, unless the queue changes."""
NOT_HERE = "There is no such run. Open it again from the Runs page."


@dataclass(frozen=True)
class Capacity:
    """How much goes at once, and how much of it is taken."""

    slots: int
    running: int
    queued: int
    devices: tuple[devices.Device, ...]


class Executor:
    """The runs of one workspace. Every question names its owner; a foreign run is one that does not exist."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.catalogue = Catalogue(workspace)
        self._forecast: tuple[Any, float, dict[str, Turn]] = ((), 0.0, {})

    def submit(self, recipe: Recipe, owner: str, title: str = "", seconds: float | None = None) -> str:
        """Check a recipe, write every setting out, put the run into the queue; returns its id.

        `seconds` is how long training should take, where that is known: from it others learn when they start.
        """
        resolved = self.check(recipe, owner)
        self._refuse_full_disk()
        title = title or resolved.name or default_title(resolved)
        run = Run.create(self.workspace.new_run_folder(), resolved)
        _write_label(run, owner, title)
        quota.grant(self.workspace, owner, run)
        now = time.time()
        self.catalogue.add(RunRow(run.id, owner, title, place=now, created=now, updated=now, seconds=seconds))
        self._wake()
        return run.id

    def check(self, recipe: Recipe, owner: str, runs: int = 1) -> Recipe:
        """Return the recipe resolved, if this owner may train so many runs of it; raises `Refusal`."""
        resolved = plan.resolve(recipe)
        quota.refuse(self.workspace, owner, resolved, runs)
        return resolved

    def runs(self, owner: str) -> list[RunRow]:
        """List this owner's runs, newest first."""
        return self.catalogue.of(owner)

    def status(self, run: str, owner: str) -> RunRow | None:
        """Return one run of this owner, or None for an unknown or foreign one."""
        return self.catalogue.find(run, owner)

    def folder(self, run: str, owner: str) -> Run | None:
        """Return the folder of one run of this owner, or None for an unknown or foreign one."""
        return Run(self.workspace.run_folder(run)) if self.catalogue.find(run, owner) else None

    def turns(self) -> dict[str, Turn]:
        """Say of every waiting run which place it has and when it starts, the next one first."""
        mark = self.catalogue.mark()
        known, moment, found = self._forecast
        if known != mark or time.monotonic() - moment > FORECAST_SECONDS:
            found = self._look_ahead()
            self._forecast = (mark, time.monotonic(), found)
        return found

    def trouble(self) -> str:
        """Say why nothing starts at the moment, in one sentence; empty where all is well."""
        file = self.workspace.root / TROUBLE
        if configuration().launcher == "local" or not file.exists():
            return ""
        return str(json.loads(file.read_text(encoding="utf-8"))["sentence"])

    def turn(self, run: str) -> Turn | None:
        """Say which place a waiting run has and when it starts, or None where it does not wait."""
        return self.turns().get(run)

    def position(self, run: str) -> int | None:
        """Say at which place of the queue a run waits (1 is next), or None where it does not wait."""
        turn = self.turn(run)
        return turn.number if turn else None

    def move(self, run: str, owner: str, *, to_front: bool) -> None:
        """Put a waiting run before or behind the others of its owner; nobody else waits any longer for it."""
        self._mine(run, owner)
        if not self.catalogue.move(run, owner, to_front=to_front):
            raise Refusal("This run does not wait any more, so it has no place in the queue.")
        marks.ring(self.workspace)

    def stop(self, run: str, owner: str) -> None:
        """Stop a run after its next few steps, with a checkpoint to resume from; a waiting one is cancelled."""
        row = self._mine(run, owner)
        if row.state == "queued" and self._cancelled(row):
            return
        self._ask(run, owner, "stop")

    def keep(self, run: str, owner: str) -> None:
        """Stop training now, keep the best epoch, go on to report and download."""
        if self._mine(run, owner).state == "queued":
            raise Refusal("This run has not started yet, so there is nothing to keep. Wait for it, or cancel it.")
        self._ask(run, owner, "keep")

    def cancel(self, run: str, owner: str) -> None:
        """Take a waiting run out of the queue; one that has just started is stopped."""
        self.stop(run, owner)

    def resume(self, run: str, owner: str) -> None:
        """Let a stopped or failed run go on from its last checkpoint."""
        row = self._mine(run, owner)
        if row.state == "finished":
            raise Refusal("This run is finished. Use its settings again for a new one.")
        if row.state not in RESUMABLE:
            raise Refusal("This run is still going. Stop it first, or wait for its end.")
        self._refuse_full_disk()
        folder = Run(self.workspace.run_folder(run))
        folder.clear_ask()
        for name in ("done.json", "deaths.json"):
            (folder.folder / name).unlink(missing_ok=True)
        told = {"state": "queued", "phase": "queued", "message": "", "advice": "", "reason": "", "cure": {},
                "ended": None}  # fmt: skip
        folder.write_state(folder.state.model_copy(update=told | {"updated": time.time()}))
        self.catalogue.change(run, owner, RESUMABLE, state="queued", place=time.time(), deaths=0, reached=0)
        self._wake()

    def cure(self, run: str, owner: str) -> str:
        """Train a failed run's recipe again with what would help (`State.cure`); returns the new run's id."""
        row = self._mine(run, owner)
        folder = Run(self.workspace.run_folder(run))
        cure, recipe = folder.state.cure, folder.recipe
        if not cure:
            raise Refusal("Nothing is known that would help this run. Change its settings, then train again.")
        cured = recipe.model_copy(update={"training": recipe.training | cure["training"]})
        return self.submit(cured, owner, row.title)

    def delete(self, run: str, owner: str) -> None:
        """Throw a run away: gone from every list now, from the disk in a minute. A running one is refused."""
        row = self._mine(run, owner)
        if row.state == "queued":
            self._cancelled(row)
        rest: tuple[Name, ...] = ("finished", *RESUMABLE)
        if not self.catalogue.change(run, owner, rest, deleted=time.time()):
            raise Refusal("This run is still going. Stop it first, then delete it.")
        for each in job.of_run(Run(self.workspace.run_folder(run))):
            job.ask_to_stop(each)
        marks.ring(self.workspace)

    def restore(self, run: str, owner: str) -> None:
        """Bring a run back that was deleted less than a minute ago."""
        if not self.catalogue.restore(run, owner):
            raise Refusal("This run is gone for good: a deleted run can be brought back for one minute only.")

    def rename(self, run: str, owner: str, title: str) -> None:
        """Give a run another title."""
        title = " ".join(title.split())
        if not 0 < len(title) <= 120:
            raise Refusal(f"A title has 1 to 120 letters, but this one has {len(title)}. Choose another one.")
        self._mine(run, owner)
        self.catalogue.change(run, owner, title=title)
        _write_label(Run(self.workspace.run_folder(run)), owner, title)

    def star(self, run: str, owner: str, *, starred: bool = True) -> None:
        """Mark a run as a favourite, or no longer."""
        self._mine(run, owner)
        self.catalogue.change(run, owner, starred=starred)

    def open_project(self, file: Path, owner: str) -> list[str]:
        """Take the runs of a project (`records/project.py`) over for this owner; returns their new ids."""
        self._refuse_full_disk()
        members = project.opened(file, self.workspace, owner)
        for member in members:
            run, state, now = member.run, member.run.state, time.time()
            _write_label(run, owner, member.title)
            row = RunRow(run.id, owner, member.title, state.state, state.attempt, place=now, created=now, updated=now,
                         starred=member.starred)  # fmt: skip
            self.catalogue.add(row)
        return [member.run.id for member in members]

    def members(self, owner: str, runs: Sequence[str]) -> list[project.Member]:
        """Return these runs of an owner as they go into a project."""
        rows = [self._mine(run, owner) for run in runs]
        return [project.Member(Run(self.workspace.run_folder(row.id)), row.title, row.starred) for row in rows]

    def start_job(self, run: str, owner: str, kind: str, settings: dict[str, Any]) -> None:
        """Have something done with a run in the background; what waits, goes or is finished stays as it is."""
        self._mine(run, owner)
        self._refuse_full_disk()
        job.ask_for(self.workspace, Run(self.workspace.run_folder(run)), kind, settings)
        self._wake()

    def stop_job(self, run: str, owner: str, kind: str, settings: dict[str, Any]) -> None:
        """Stop a job after its next step, or take it out of the queue."""
        self._mine(run, owner)
        job.ask_to_stop(job.JobFolder.of(Run(self.workspace.run_folder(run)), kind, settings))
        marks.ring(self.workspace)

    def capacity(self) -> Capacity:
        """Say how many runs go at once, how many go and wait now, and on which GPUs."""
        running, queued = len(Queue(self.catalogue).live()), len(self.turns())
        return Capacity(_slots(running), running, queued, devices.find())

    def ensure_supervisor(self) -> None:
        """Start the supervisor if none lives, and have it stay for as long as this process lives (web servers)."""
        _hold_server_mark(self.workspace)
        self._start_supervisor()

    def _start_supervisor(self) -> None:
        if supervisor_lives(self.workspace):
            return
        log = self.workspace.root / "log" / "supervisor.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        root = str(self.workspace.root.resolve())
        command = [sys.executable, "-m", "training.supervisor", "--workspace", root, "--detach"]
        with log.open("ab") as file:
            subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=True)

    def _look_ahead(self) -> dict[str, Turn]:
        queue = Queue(self.catalogue)
        queued = queue.queued()
        if not queued:
            return {}
        live, pace = queue.live(), forecast.Pace.of(queue.lately())
        left = [(row.owner, pace.left(row, self._state(row.id))) for row in live]
        found = forecast.turns(queued, left, _slots(len(live)), configuration().runs_per_owner, pace, queue.served())
        return {run: Turn(turn.number, None) for run, turn in found.items()} if self.trouble() else found

    def _state(self, run: str) -> State | None:
        try:
            return Run(self.workspace.run_folder(run)).state
        except (OSError, ValueError):
            return None  # damaged, or gone this instant: then its estimate must do

    def _mine(self, run: str, owner: str) -> RunRow:
        row = self.catalogue.find(run, owner)
        if row is None:
            raise Refusal(NOT_HERE)
        return row

    def _cancelled(self, row: RunRow) -> bool:
        name: Name = "stopped" if row.attempt else "cancelled"
        if not self.catalogue.change(row.id, row.owner, ["queued"], state=name):
            return False
        folder = Run(self.workspace.run_folder(row.id))
        message = "Stopped by you while it waited." if row.attempt else "Cancelled before it started."
        close(folder, folder.state, name, message, "Press Resume to queue it again.")
        return True

    def _ask(self, run: str, owner: str, wish: str) -> None:
        if not self._mine(run, owner).is_live:
            raise Refusal("This run is not going, so there is nothing to stop.")
        Run(self.workspace.run_folder(run)).ask("keep" if wish == "keep" else "stop")
        marks.ring(self.workspace)

    def _wake(self) -> None:
        self._start_supervisor()
        marks.ring(self.workspace)

    def _refuse_full_disk(self) -> None:
        free = shutil.disk_usage(self.workspace.runs).free // 2**20
        if free < LEAST_FREE_MB:
            raise Refusal(f"The disk has only {free} MB left. Delete some runs or other files, then train again.")


def _slots(running: int) -> int:
    """Say how many runs go at once; a cluster is taken to have room for as many as go now, unless it is told."""
    if configuration().launcher == "local":
        return devices.slots()
    return configuration().slots or max(running, 1)


def supervisor_lives(workspace: Workspace) -> bool:
    """Say whether a supervisor holds this workspace."""
    return not marks.is_free(marks.supervisor_lock(workspace), shared=True)


def close(
    run: Run, state: State, name: Name, message: str, advice: str = "", reason: str = "",
    cure: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """End a run that has no worker, the way a worker would: state first, `done.json` last."""
    now = time.time()
    told = {"state": name, "phase": "done", "message": message, "advice": advice, "ended": now, "updated": now,
            "reason": reason, "cure": cure or {}}  # fmt: skip
    run.write_state(state.model_copy(update=told | {"eta_seconds": None}))
    write_json(run.folder / "done.json", {"state": name, "attempt": state.attempt, "time": now})


def label(folder: Path) -> tuple[str, str] | None:
    """Return (owner, title) as noted in a run's folder, so that a lost catalogue can be written anew."""
    file = folder / "catalogue.json"
    if not file.exists():
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    return told["owner"], told["title"]


def _write_label(run: Run, owner: str, title: str) -> None:
    write_json(run.folder / "catalogue.json", {"owner": owner, "title": title})


@cache
def _hold_server_mark(workspace: Workspace) -> int | None:
    return marks.hold(marks.servers_lock(workspace), shared=True, patience=1.0)


def default_title(recipe: Recipe) -> str:
    """Return what a run is called in lists as long as nobody gave it a name."""
    data = recipe.data.sample or Path(recipe.data.file).stem
    return f"{builders.get(recipe.model.architecture).TITLE} · {data}"
