"""A job: a piece of work on a run that takes longer than a page may wait, such as an export or an explanation.

It lives in `RUN/jobs/<kind>-<hash of its settings>/`, so that the same question is answered once:

    job.json     {"kind", "settings"}
    state.json   `JobState`
    ask.json     a wish to stop
    result.json  what came out, beside whatever files the job wrote

A ticket in `WORKSPACE/jobs/` says that it waits or goes; the supervisor starts it.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from records.run import Run, write_json
from records.workspace import Workspace

JobName = Literal["queued", "running", "finished", "stopped", "failed"]


class JobState(BaseModel):
    """How far a job is. Times are seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    state: JobName = "queued"
    done: float = 0.0
    """The share that is done, 0 to 1."""
    text: str = ""
    """What it does now; where it failed, why, with the next step."""
    created: float = 0.0
    ended: float | None = None

    @property
    def is_active(self) -> bool:
        """Does it wait or go?"""
        return self.state in ("queued", "running")


@dataclass(frozen=True)
class JobFolder:
    """A job's folder: every path and every reading of it."""

    folder: Path

    @classmethod
    def of(cls, run: Run, kind: str, settings: dict[str, Any]) -> "JobFolder":
        """Return the place of this question about a run, whether it was asked or not."""
        told = json.dumps(settings, sort_keys=True)
        return cls(run.folder / "jobs" / f"{kind}-{hashlib.sha256(told.encode()).hexdigest()[:12]}")

    @property
    def run(self) -> Run:
        """The run that it works on."""
        return Run(self.folder.parents[1])

    @property
    def state(self) -> JobState | None:
        """Say how far it is; None where it was never asked for."""
        try:
            return JobState.model_validate_json((self.folder / "state.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    @property
    def question(self) -> dict[str, Any]:
        """Return {"kind", "settings"}."""
        return json.loads((self.folder / "job.json").read_text(encoding="utf-8"))

    @property
    def result(self) -> dict[str, Any]:
        """What came out; only where the state is `finished`."""
        file = self.folder / "result.json"
        return _result(file, file.stat().st_mtime_ns)

    @property
    def is_to_stop(self) -> bool:
        """Does somebody wish it to stop?"""
        return (self.folder / "ask.json").exists()

    def write_state(self, state: JobName, done: float = 0.0, text: str = "") -> None:
        """Say how far it is: the job itself, or the supervisor where it died without a word."""
        former, now = self.state, time.time()
        ended = None if state in ("queued", "running") else now
        told = JobState(state=state, done=done, text=text, created=former.created if former else now, ended=ended)
        write_json(self.folder / "state.json", told)


@lru_cache(maxsize=64)
def _result(file: Path, _written: int) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Ticket:
    """A job that waits or goes, as the supervisor sees it."""

    file: Path
    job: JobFolder
    handle: str
    """The process that does it; empty while it waits."""

    def take(self, handle: str) -> None:
        """Note who does it, also for a later supervisor."""
        write_json(self.file, {"job": str(self.job.folder), "handle": handle})

    def tear(self) -> None:
        """The job is over."""
        self.file.unlink(missing_ok=True)


def ask_for(workspace: Workspace, run: Run, kind: str, settings: dict[str, Any]) -> JobFolder:
    """Put a job into the queue, unless it waits, goes or is finished already; returns its folder."""
    job = JobFolder.of(run, kind, settings)
    former = job.state
    if former and (former.is_active or former.state == "finished"):
        return job
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "ask.json").unlink(missing_ok=True)
    write_json(job.folder / "job.json", {"kind": kind, "settings": settings})
    job.write_state("queued")
    Ticket(_tickets(workspace) / f"{run.id}.{job.folder.name}.json", job, "").take("")
    return job


def ask_to_stop(job: JobFolder) -> None:
    """Wish that a job stops; one that is over stays as it is."""
    state = job.state
    if state and state.is_active:
        write_json(job.folder / "ask.json", {"time": time.time()})


def of_run(run: Run) -> list[JobFolder]:
    """List the jobs of a run."""
    return [JobFolder(file.parent) for file in sorted((run.folder / "jobs").glob("*/job.json"))]


def tickets(workspace: Workspace) -> list[Ticket]:
    """List what waits and goes, the oldest first."""
    found = []
    for file in _tickets(workspace).glob("*.json"):
        told = json.loads(file.read_text(encoding="utf-8"))
        found.append(Ticket(file, JobFolder(Path(told["job"])), told["handle"]))
    return sorted(found, key=lambda ticket: state.created if (state := ticket.job.state) else 0.0)


def _tickets(workspace: Workspace) -> Path:
    folder = workspace.root / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
