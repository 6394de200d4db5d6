"""One run's folder: where its files are, and how they are read and written without being torn."""

import json
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from recipes import Recipe
from records import disk

Name = Literal["queued", "starting", "running", "finished", "stopped", "cancelled", "failed", "interrupted"]
Phase = Literal[
    "queued", "preparing", "compiling", "training", "validating", "evaluating", "saving", "checking", "done"
]
Stream = Literal["metrics", "events", "looks"]
ACTIVE: tuple[Name, ...] = ("queued", "starting", "running", "interrupted")
RESUMABLE: tuple[Name, ...] = ("stopped", "failed", "interrupted", "cancelled")


class State(BaseModel):
    """What a run is doing now (`state.json`). Times are seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    state: Name = "queued"
    phase: Phase = "queued"
    attempt: int = 1
    stage: str = ""
    stage_number: int = 0
    stages: int = 1
    epoch: int = 0
    """Epochs finished in this stage."""
    epochs: int = 0
    step: int = 0
    steps: int = 0
    eta_seconds: float | None = None
    samples_per_second: float | None = None
    memory_mb: float | None = None
    device: str = ""
    policy: str = ""
    """Why it is this fast, in one sentence."""
    message: str = ""
    """What happened, in words; with `advice` as the next step."""
    advice: str = ""
    reason: str = ""
    """What kind of failure it was, in one word (`training/failures.py`)."""
    cure: dict[str, Any] = {}
    """What would help: {"title": what a button says, "training": settings to be changed}; empty where nothing does."""
    created: float = 0.0
    started: float | None = None
    first_point: float | None = None
    ended: float | None = None
    updated: float = 0.0
    parameters: int | None = None

    @property
    def is_active(self) -> bool:
        """Is it waiting, starting or running?"""
        return self.state in ACTIVE

    @property
    def can_resume(self) -> bool:
        """Can it go on from its last checkpoint?"""
        return self.state in RESUMABLE


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all: temporary name, flush to disk, rename."""
    text = value.model_dump_json(indent=1) if isinstance(value, BaseModel) else json.dumps(value, indent=1)
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Write text whole or not at all."""
    disk.write(path, text.encode())


@lru_cache(maxsize=512)
def _recipe(file: Path, _node: int, _changed: int) -> Recipe:
    """Read a recipe once: YAML takes longer than all else that a page does with a run."""
    return Recipe.parse(file.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Run:
    """A run's folder. Every path and every reading of it is here and nowhere else."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, recipe: Recipe) -> "Run":
        """Make the folder with its recipe and first state."""
        folder.mkdir(parents=True)
        run = cls(folder)
        write_text(folder / "recipe.yaml", recipe.yaml())
        now = time.time()
        run.write_state(State(created=now, updated=now))
        return run

    @property
    def id(self) -> str:
        """The folder's name is the run's id."""
        return self.folder.name

    @property
    def recipe(self) -> Recipe:
        """The recipe it was started with, every setting written out."""
        file = self.folder / "recipe.yaml"
        about = file.stat()
        return _recipe(file, about.st_ino, about.st_mtime_ns).model_copy(deep=True)

    @property
    def state(self) -> State:
        """Read `state.json`."""
        return State.model_validate_json((self.folder / "state.json").read_text(encoding="utf-8"))

    @property
    def is_done(self) -> bool:
        """`done.json` is the file that means "done" and is written last."""
        return (self.folder / "done.json").exists()

    def write_state(self, state: State) -> None:
        """Replace `state.json` (worker and supervisor only)."""
        write_json(self.folder / "state.json", state)

    def append(self, stream: Stream, line: dict[str, Any]) -> None:
        """Append one JSON line in one write (the worker; the supervisor where a worker has died; pages their looks)."""
        disk.append(self.folder / f"{stream}.jsonl", (json.dumps(line) + "\n").encode())

    def lines(self, stream: Stream, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Read whole lines from a byte offset on; returns them and the next offset. A torn last line waits."""
        path = self.folder / f"{stream}.jsonl"
        if not path.exists():
            return [], offset
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines()], offset + len(whole)

    def read(self, name: str) -> Any:
        """Read one of the JSON files (`report.json`, `evidence.json`, `deliverables.json`, ...), or None."""
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def ask(self, wish: Literal["stop", "keep"]) -> None:
        """Ask the worker to stop (`stop`: can be resumed; `keep`: finish now with report and download)."""
        write_json(self.folder / "ask.json", {"wish": wish, "time": time.time()})

    def asked(self) -> str | None:
        """Return the wish that lies in the folder, if any."""
        told = self.read("ask.json")
        return told["wish"] if told else None

    def clear_ask(self) -> None:
        """Forget a wish, before a resume."""
        (self.folder / "ask.json").unlink(missing_ok=True)
