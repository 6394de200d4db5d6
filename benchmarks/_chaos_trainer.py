"""A trainer without Keras, on the same records, leases and checkpoints as a real run; and a disk that loses its power.

    python -m benchmarks._chaos_trainer FOLDER --attempt 2

As a worker's command it stands in for `training.worker`, so that a supervisor can be killed a thousand times an hour.
"""

import argparse
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from records import Run, disk
from records.disk import Superseded
from training import checkpoints
from training.checkpoints import Snapshot

FENCED = 3
SIZE = 64
Said = Callable[[int], None]


def silent(epoch: int) -> None:
    """Take the number of a committed epoch and tell nobody."""


def train(
    folder: Path, attempt: int, epochs: int, *, seconds: float = 0.0, committed: Said = silent,
    resumed: Said = silent,
) -> None:  # fmt: skip
    """Train from the newest checkpoint to the end, as a worker does; `committed` hears of each checkpoint."""
    with disk.held(folder, attempt):
        disk.remove(folder / "done.json")
        place, metrics = folder / "checkpoints", folder / "metrics.jsonl"
        snapshot, damaged = checkpoints.newest(place)
        checkpoints.mend(place, damaged)
        disk.cut(metrics, snapshot.bytes_written["metrics"] if snapshot else 0)
        first = snapshot.epoch if snapshot else 0
        resumed(first)
        weights = snapshot.variables[0] if snapshot else beginning()
        for epoch in range(first + 1, epochs + 1):
            time.sleep(seconds)
            weights = step(weights, epoch)
            line = {"epoch": epoch, "x": float(epoch), "end": True, "loss": float(weights.mean())}
            Run(folder).append("metrics", line)
            checkpoints.commit(place, taken(weights, epoch, disk.settle(metrics)))
            committed(epoch)
        disk.write(folder / "done.json", json.dumps({"state": "finished", "attempt": attempt, "time": 0.0}).encode())
        disk.flush(folder)


def beginning() -> np.ndarray:
    """Return the first weights."""
    return np.random.default_rng(1).normal(size=SIZE)


def step(weights: np.ndarray, epoch: int) -> np.ndarray:
    """Learn for one epoch: what comes out depends on every epoch before."""
    return np.cos(weights * 1.7 + epoch) + np.random.default_rng([1, epoch]).normal(size=SIZE)


def taken(weights: np.ndarray, epoch: int, size: int) -> Snapshot:
    """Return what a checkpoint of this epoch holds."""
    return Snapshot(
        stage=0, epoch=epoch, finished=epoch, variables=[weights], names=["weights"], memory={},
        best={"epoch": 1, "loss": 0.5}, best_variables=[np.full(SIZE, 0.5)], bytes_written={"metrics": size},
    )  # fmt: skip


def unbroken(epochs: int) -> list[np.ndarray]:
    """Return the weights after each epoch of a run that nothing happened to."""
    weights, every = beginning(), []
    for epoch in range(1, epochs + 1):
        weights = step(weights, epoch)
        every.append(weights)
    return every


# What must hold


def wrong(folder: Path, epochs: int, *, is_done: bool) -> str:
    """Say what is wrong with a run's folder after whatever was done to it; empty where all is well."""
    right = unbroken(epochs)
    snapshot, damaged = checkpoints.newest(folder / "checkpoints")
    lines, _ = Run(folder).lines("metrics")
    if damaged:
        return f"damaged checkpoints {damaged}"
    if snapshot and snapshot.variables[0].tobytes() != right[snapshot.epoch - 1].tobytes():
        return f"other weights after epoch {snapshot.epoch}"
    latest = folder / "checkpoints" / "LATEST"
    if is_done and (not snapshot or latest.read_text() != checkpoints.every(latest.parent)[-1].name):
        return "LATEST names another checkpoint than the newest"
    if [line["epoch"] for line in lines] != list(range(1, len(lines) + 1)):
        return f"epochs {[line['epoch'] for line in lines]}"
    if [line["loss"] for line in lines] != [float(each.mean()) for each in right[: len(lines)]]:
        return "another curve"
    if is_done and (len(lines) != epochs or not Run(folder).is_done or not snapshot or snapshot.epoch != epochs):
        return f"not finished: {len(lines)} of {epochs} epochs"
    if is_done and (left := [each.name for each in folder.rglob("*.tmp")]):
        return f"left behind: {left}"
    return ""


# A disk that loses its power


@dataclass
class _File:
    """A file's content: what is surely on the disk, and the writes since."""

    sure: bytes = b""
    later: list[tuple[int, bytes] | int] = field(default_factory=list)
    """A write (offset, bytes), or the size to which it was cut."""

    def content(self, amount: int, torn: float = 1.0) -> bytes:
        """Return the content after so many of the later writes, the last of them torn."""
        data = bytearray(self.sure)
        for number, change in enumerate(self.later[:amount]):
            if isinstance(change, int):
                del data[change:]
                continue
            offset, written = change
            if number == amount - 1:
                written = written[: max(1, round(len(written) * torn))]
            data[len(data) :] = bytes(max(0, offset - len(data)))
            data[offset : offset + len(written)] = written
        return bytes(data)


@dataclass(frozen=True)
class _Name:
    """A change of a folder: this name there now means that file, folder, or nothing."""

    parent: int
    name: str
    node: int | None
    source: tuple[int, str] | None = None
    """The name that it had before, and loses in the same instant."""


class Tape:
    """Hears each operation (`disk.watched`) and can tell what a loss of power would leave of it.

    What was flushed is there. Of the rest, each folder may have lost its latest changes and each file its latest
    writes, independently of each other: harder than what a journal allows.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[int, _File] = {}
        self.folders: dict[int, dict[str, int]] = {0: {}}
        """What every folder held when the tape began."""
        self.now: dict[str, int] = {".": 0}
        self.names: list[_Name] = []
        self.sure: dict[int, int] = {}
        """Of each folder, how many of all changes are surely on the disk."""
        self.epoch = 0
        for place in sorted(root.rglob("*")):
            self._enter(place.relative_to(root).as_posix(), place.read_bytes() if place.is_file() else None)

    def __call__(self, name: str, path: Path, about: Any) -> None:
        """Note one operation."""
        place = path.relative_to(self.root).as_posix()
        if name in ("create", "mkdir"):
            self._make(place, is_file=name == "create")
        elif name == "write":
            self.files[self.now[place]].later.append(about)
        elif name == "append":
            file = self.files[self.now[place]]
            file.later.append((len(file.content(len(file.later))), about))
        elif name == "truncate":
            self.files[self.now[place]].later.append(about)
        elif name == "fsync":
            file = self.files[self.now[place]]
            file.sure, file.later = file.content(len(file.later)), []
        elif name == "flush":
            self.sure[self.now[place]] = len(self.names)
        elif name == "rename":
            self._move(place, about.relative_to(self.root).as_posix())
        elif name == "remove":
            self.names.append(_Name(*self._parent(place), None))
            self.now.pop(place)

    def crash(self, into: Path, chance: random.Random) -> None:
        """Write what is left after a loss of power at this moment into a fresh folder."""
        entries = {node: dict(names) for node, names in self.folders.items()}
        kept = {node: chance.randint(self.sure.get(node, 0), len(self.names)) for node in entries}
        for number, change in enumerate(self.names):
            if number >= kept[change.parent]:
                continue
            if change.source:
                entries[change.source[0]].pop(change.source[1], None)
            if change.node is None:
                entries[change.parent].pop(change.name, None)
            else:
                entries[change.parent][change.name] = change.node
        into.mkdir(parents=True)
        self._write(0, entries, into, chance)

    def _write(self, node: int, entries: dict[int, dict[str, int]], into: Path, chance: random.Random) -> None:
        for name, inside in entries[node].items():
            if inside in self.files:
                file = self.files[inside]
                (into / name).write_bytes(file.content(chance.randint(0, len(file.later)), chance.random()))
            else:
                (into / name).mkdir()
                self._write(inside, entries, into / name, chance)

    def _enter(self, place: str, content: bytes | None) -> None:
        parent, name = self._parent(place)
        node = len(self.files) + len(self.folders)
        self.folders[parent][name] = self.now[place] = node
        if content is None:
            self.folders[node] = {}
        else:
            self.files[node] = _File(content)

    def _make(self, place: str, *, is_file: bool) -> None:
        node = len(self.files) + len(self.folders)
        if is_file:
            self.files[node] = _File()
        else:
            self.folders[node] = {}
        self.names.append(_Name(*self._parent(place), node))
        self.now[place] = node

    def _move(self, place: str, target: str) -> None:
        node = self.now[place]
        self.names.append(_Name(*self._parent(target), node, self._parent(place)))
        for known in [each for each in self.now if each == place or each.startswith(f"{place}/")]:
            self.now[target + known[len(place) :]] = self.now.pop(known)

    def _parent(self, place: str) -> tuple[int, str]:
        path = PurePosixPath(place)
        return self.now[path.parent.as_posix()], path.name


def main() -> int:
    """Train as a worker of a supervisor."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--attempt", type=int, required=True)
    asked = parser.parse_args()
    told = json.loads((asked.folder / "chaos.json").read_text())
    with (asked.folder / "starts").open("a") as file:
        file.write(f"{asked.attempt}\n")
    try:
        train(asked.folder, asked.attempt, told["epochs"], seconds=told["seconds"])
    except Superseded:
        return FENCED
    return 0


def fresh(folder: Path) -> Path:
    """Make an empty folder where another one may have been."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def fork(action: Callable[[], None]) -> int:
    """Do something in a child process that does nothing else afterwards; returns its number."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        action()
        code = 0
    except Superseded:
        code = FENCED
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
