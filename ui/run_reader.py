"""What a page knows of one run: read by byte offset, shared by every tab that looks at it, thinned for the browser."""

import json
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from records import Run, State

POINTS = 800
"""The most points a curve sends to the browser."""

Line = dict[str, Any]


@st.cache_resource(max_entries=256, ttl="2h", show_spinner=False)
def reader(folder: Path) -> "RunReader":
    """Return the one reader of this run folder in this process."""
    return RunReader(Run(folder))


class RunReader:
    """Follow one run folder; each call reads only what was added or replaced since the last one."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._files: dict[str, tuple[tuple[int, int, int], Any]] = {}
        self._follower = _Follower(run.folder / "metrics.jsonl")

    @property
    def state(self) -> State:
        """The run's `state.json`."""
        return State.model_validate(self.file("state.json"))

    def file(self, name: str) -> Any:
        """Return one of the run's JSON files, parsed again only when it was replaced; None while it is not there."""
        path = self.run.folder / name
        try:
            about = path.stat()
        except FileNotFoundError:
            return None
        mark = (about.st_ino, about.st_size, about.st_mtime_ns)
        with self._lock:
            known = self._files.get(name)
            if known is None or known[0] != mark:
                known = (mark, json.loads(path.read_text(encoding="utf-8")))
                self._files[name] = known
        return known[1]

    def lines(self) -> list[Line]:
        """Return every line of `metrics.jsonl`; `x` runs on from stage to stage."""
        with self._lock:
            return self._follower.lines()

    def stages(self) -> list[str]:
        """Name the stages that have begun, in their order."""
        return list(dict.fromkeys(line["stage"] for line in self.lines()))

    def epochs(self, stage: str | None = None) -> list[Line]:
        """Return the lines that end an epoch, of all stages or of one."""
        return [line for line in self._of(stage) if line.get("end")]

    def points(self, limit: int = POINTS, stage: str | None = None) -> list[Line]:
        """Return the curve with at most `limit` points; peaks, the ends of epochs and the newest point stay."""
        return thin(self._of(stage), limit)

    def _of(self, stage: str | None) -> list[Line]:
        """Return all lines, or those of one stage with their `x` counted from its own beginning."""
        if stage is None:
            return self.lines()
        return [line | {"x": line["stage_x"]} for line in self.lines() if line["stage"] == stage]


def thin(lines: Sequence[Line], limit: int = POINTS) -> list[Line]:
    """Keep at most `limit` lines: the ends of epochs first, then the lowest and highest loss of equal stretches.

    Stretches grow by doubling, so that points do not wander from one second to the next while the run goes on.
    """
    if len(lines) <= limit:
        return list(lines)
    ends = [place for place, line in enumerate(lines) if line.get("end")]
    live = [place for place, line in enumerate(lines) if not line.get("end")]
    kept = _extremes(lines, ends, max(limit * 3 // 4, limit - 1 - len(live)))
    kept += _extremes(lines, live, limit - 1 - len(kept))
    return [lines[place] for place in sorted({*kept, len(lines) - 1})]


def _extremes(lines: Sequence[Line], places: list[int], room: int) -> list[int]:
    if len(places) <= room:
        return places
    if room < 2:
        return []
    width = 2
    while math.ceil(len(places) / width) * 2 > room:
        width *= 2
    kept = []
    for start in range(0, len(places), width):
        stretch = places[start : start + width]
        kept += {min(stretch, key=lambda at: _loss(lines[at])), max(stretch, key=lambda at: _loss(lines[at]))}
    return kept


def _loss(line: Line) -> float:
    loss = line.get("val_loss", line.get("loss"))
    return loss if isinstance(loss, (int, float)) and math.isfinite(loss) else math.inf


class _Follower:
    """Parse a growing file of JSON lines from a byte offset on.

    A resumed run cuts its file back to the checkpoint and goes on writing. The bytes before the offset tell: if they
    are no longer those that were read last, everything is read again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._forget()

    def lines(self) -> list[Line]:
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
            return []
        whole = data[: data.rfind(b"\n") + 1]
        for text in whole.splitlines():
            self._take(json.loads(text))
        if whole:
            self._offset += len(whole)
            self._tail = whole.splitlines(keepends=True)[-1]
        return list(self._lines)

    def _forget(self) -> None:
        self._offset = 0
        self._tail = b""
        self._lines: list[Line] = []
        self._stage: str | None = None
        self._before = 0.0

    def _take(self, line: Line) -> None:
        if self._lines and line.get("stage") != self._stage:
            self._before = self._lines[-1]["x"]
        self._stage = line.get("stage")
        self._lines.append(line | {"x": line["x"] + self._before, "stage_x": line["x"]})
