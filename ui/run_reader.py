"""What a page knows of one run: read by byte offset, shared by every tab that looks at it, thinned for the browser."""

import json
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from recipes import Recipe
from records import Run, State

POINTS = 800
"""The most points a curve sends to the browser."""
MOST_KEPT = 64
"""Drawings of one run that are kept for the next tab: each metric, stage and smoothing that somebody looks at."""

Line = dict[str, Any]


@st.cache_resource(max_entries=256, ttl="2h", show_spinner=False)
def reader(folder: Path) -> "RunReader":
    """Return the one reader of this run folder in this process."""
    return RunReader(Run(folder))


class Glance:
    """A run as it stood at one moment: all that a page draws of it agrees, and tabs that look at once share it."""

    def __init__(self, known: "RunReader") -> None:
        self.run = known.run
        self.taken = time.monotonic()
        self._known = known
        self._curve, self._mark = known.followed()
        self._lines = self._curve.lines
        self._files: dict[str, tuple[Any, Any]] = {}

    @property
    def state(self) -> State:
        """The run's `state.json`."""
        mark, told = self._marked("state.json")
        return self._known.once("state", mark, lambda: State.model_validate(told))

    @property
    def recipe(self) -> Recipe:
        """The run's recipe, to be read and never changed: every tab has the same one."""
        return self._known.once("recipe", self._marked_recipe(), lambda: self.run.recipe)

    def file(self, name: str) -> Any:
        """Return one of the run's JSON files, parsed again only when it was replaced; None while it is not there."""
        return self._marked(name)[1]

    def lines(self) -> list[Line]:
        """Return every line of `metrics.jsonl`; `x` runs on from stage to stage."""
        return list(self._lines)

    def stages(self) -> list[str]:
        """Name the stages that have begun, in their order."""
        return list(self._curve.stages)

    def epochs(self, stage: str | None = None) -> list[Line]:
        """Return the lines that end an epoch, of all stages or of one."""
        return list(
            self.drawn(("epochs", stage), lambda: [line for line in _of_stage(self._lines, stage) if line.get("end")])
        )

    def points(self, limit: int = POINTS, stage: str | None = None) -> list[Line]:
        """Return the curve with at most `limit` points; peaks, the ends of epochs and the newest point stay."""
        return list(self.drawn(("points", stage, limit), lambda: self._points(limit, stage)))

    def drawn(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` makes of the lines as they were; every tab that looks at them is given the same."""
        return self._known.once(("drawn", key), self._mark, make)

    def drawn_of(self, name: str, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` makes of one of the run's JSON files, again only when that was replaced."""
        return self._known.once((name, key), self._marked(name)[0], make)

    def _marked(self, name: str) -> tuple[Any, Any]:
        if name not in self._files:
            self._files[name] = self._known.marked(name)
        return self._files[name]

    def _points(self, limit: int, stage: str | None) -> list[Line]:
        if stage is not None:
            return thin(_of_stage(self._lines, stage), limit)
        return _thinned(self._lines, self._curve.watched, self._curve.is_end, limit)

    def _marked_recipe(self) -> Any:
        if "recipe.yaml" not in self._files:
            self._files["recipe.yaml"] = mark_of(self.run.folder / "recipe.yaml"), None
        return self._files["recipe.yaml"][0]


class RunReader:
    """Follow one run folder; each call reads only what was added or replaced since the last one."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._files: dict[str, tuple[Any, Any]] = {}
        self._made: dict[Any, tuple[Any, Any]] = {}
        self._follower = _Follower(run.folder / "metrics.jsonl")
        self._last: Glance | None = None

    def glance(self, age: float = 0.0) -> Glance:
        """Look at the run, or return the last look at it if that was `age` seconds ago or less."""
        last = self._last
        if last is None or time.monotonic() - last.taken > age:
            last = self._last = Glance(self)
        return last

    @property
    def state(self) -> State:
        """The run's `state.json`."""
        return self.glance().state

    def file(self, name: str) -> Any:
        """Return one of the run's JSON files, parsed again only when it was replaced; None while it is not there."""
        return self.marked(name)[1]

    def lines(self) -> list[Line]:
        """Return every line of `metrics.jsonl`; `x` runs on from stage to stage."""
        return self.glance().lines()

    def stages(self) -> list[str]:
        """Name the stages that have begun, in their order."""
        return self.glance().stages()

    def epochs(self, stage: str | None = None) -> list[Line]:
        """Return the lines that end an epoch, of all stages or of one."""
        return self.glance().epochs(stage)

    def points(self, limit: int = POINTS, stage: str | None = None) -> list[Line]:
        """Return the curve with at most `limit` points; peaks, the ends of epochs and the newest point stay."""
        return self.glance().points(limit, stage)

    def drawn(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what `make` makes of the lines as they are now; every tab that looks at them is given the same."""
        return self.glance().drawn(key, make)

    # For `Glance`

    def followed(self) -> tuple["_Curve", Any]:
        """Return the lines as they are now, and what tells them from those of another moment."""
        with self._lock:
            curve = self._follower.read()
            return curve, (self._follower.times_forgotten, len(curve.lines))

    def marked(self, name: str) -> tuple[Any, Any]:
        """Return what tells this version of a file from the others, and what it holds."""
        path = self.run.folder / name
        mark = mark_of(path)
        if mark is None:
            return None, None
        with self._lock:
            known = self._files.get(name)
            if known is None or known[0] != mark:
                known = (mark, json.loads(path.read_text(encoding="utf-8")))
                self._files[name] = known
        return known

    def once(self, key: Any, mark: Any, make: Callable[[], Any]) -> Any:
        """Return what was made for this mark before; two tabs that ask at once may both make it."""
        known = self._made.get(key)
        if known is None or known[0] != mark:
            if len(self._made) > MOST_KEPT:
                self._made.clear()
            known = self._made[key] = (mark, make())
        return known[1]


def mark_of(path: Path) -> tuple[int, int, int] | None:
    """Return what tells this version of a file from the others; None while it is not there."""
    try:
        about = path.stat()
    except FileNotFoundError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def _of_stage(lines: list[Line], stage: str | None) -> list[Line]:
    """Return all lines, or those of one stage with their `x` counted from its own beginning."""
    if stage is None:
        return lines
    return [line | {"x": line["stage_x"]} for line in lines if line["stage"] == stage]


def thin(lines: Sequence[Line], limit: int = POINTS) -> list[Line]:
    """Keep at most `limit` lines: the ends of epochs first, then the lowest and highest loss of equal stretches.

    Stretches grow by doubling, so that points do not wander from one second to the next while the run goes on.
    """
    return _thinned(lines, [_watched(line) for line in lines], [line.get("end", False) for line in lines], limit)


def _watched(line: Line) -> float | None:
    return line.get("val_loss", line.get("loss"))


def _thinned(lines: Sequence[Line], watched: list[float | None], is_end: list[bool], limit: int) -> list[Line]:
    if len(lines) <= limit:
        return list(lines)
    losses = np.array(watched, dtype=float)
    losses[~np.isfinite(losses)] = math.inf
    ended = np.array(is_end, dtype=bool)
    ends, live = np.flatnonzero(ended), np.flatnonzero(~ended)
    kept = _extremes(losses, ends, max(limit * 3 // 4, limit - 1 - len(live)))
    kept = np.concatenate([kept, _extremes(losses, live, limit - 1 - len(kept))])
    return [lines[place] for place in np.unique(np.append(kept, len(lines) - 1)).tolist()]


def _extremes(losses: np.ndarray, places: np.ndarray, room: int) -> np.ndarray:
    """Return the places of the lowest and the highest loss of each stretch of `places`."""
    if len(places) <= room:
        return places
    if room < 2:
        return places[:0]
    width = 2
    while math.ceil(len(places) / width) * 2 > room:
        width *= 2
    filled = np.pad(places, (0, -len(places) % width), mode="edge").reshape(-1, width)
    stretches, rows = losses[filled], np.arange(len(filled))
    return np.unique(np.concatenate([filled[rows, stretches.argmin(1)], filled[rows, stretches.argmax(1)]]))


@dataclass
class _Curve:
    """The lines read so far, and what each look asks of all of them: kept as they come, not searched for again."""

    lines: list[Line] = field(default_factory=list)
    watched: list[float | None] = field(default_factory=list)
    is_end: list[bool] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)

    def take(self, line: Line) -> None:
        self.lines.append(line)
        self.watched.append(_watched(line))
        self.is_end.append(line.get("end", False))
        if line["stage"] not in self.stages:
            self.stages.append(line["stage"])

    def copy(self) -> "_Curve":
        return _Curve(list(self.lines), list(self.watched), list(self.is_end), list(self.stages))


class _Follower:
    """Parse a growing file of JSON lines from a byte offset on.

    A resumed run cuts its file back to the checkpoint and goes on writing. The bytes before the offset tell: if they
    are no longer those that were read last, everything is read again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.times_forgotten = 0
        self._forget()

    def read(self) -> _Curve:
        """Return all lines; those of later stages have their `x` behind the stages before."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset - len(self._tail))
                if file.read(len(self._tail)) != self._tail:
                    self._forget()
                    file.seek(0)
                data = file.read()
        except FileNotFoundError:
            self._forget()
            return _Curve()
        whole = data[: data.rfind(b"\n") + 1]
        for text in whole.splitlines():
            self._take(json.loads(text))
        if whole:
            self._offset += len(whole)
            self._tail = whole.splitlines(keepends=True)[-1]
        return self._curve.copy()

    def _forget(self) -> None:
        self.times_forgotten += 1
        self._offset = 0
        self._tail = b""
        self._curve = _Curve()
        self._before = 0.0

    def _take(self, line: Line) -> None:
        if self._curve.lines and line["stage"] != self._curve.lines[-1]["stage"]:
            self._before = self._curve.lines[-1]["x"]
        self._curve.take(line | {"x": line["x"] + self._before, "stage_x": line["x"]})
