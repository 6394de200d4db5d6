"""Checkpoints: committed or absent, never torn; a resumed run equals the unbroken one to the last bit on a CPU.

A checkpoint holds what the next epoch depends on: every variable of the run's models (weights, counters, seeds), the
optimizer's, the callbacks' memory, and the best weights so far. It is written to a temporary folder, flushed, named
in a manifest with SHA-256 and renamed. `newest` returns the newest one whose every byte is as it was written.

The folders are called `epoch-0007`; an epoch that is written once more, as the last one of a stage, `epoch-0007.1`.
So a whole checkpoint is never taken away before the next one is there.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from records import disk
from records.run import write_text

KEPT = 2
"""How many stay beside the one of the best epoch: the newest may be damaged."""
REMEMBERED = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
"""What Keras's callbacks remember from epoch to epoch; the rest of them is settings, which the recipe has."""


@dataclass(frozen=True)
class Snapshot:
    """A run at the end of an epoch, in memory."""

    stage: int
    """Number of the stage, from 0."""
    epoch: int
    """Finished epochs of this stage."""
    finished: int
    """Finished epochs of all stages; names the checkpoint."""
    variables: list[np.ndarray]
    names: list[str]
    memory: dict[str, Any]
    """The scalars that each callback remembers."""
    best: dict[str, Any] = field(default_factory=dict)
    """Epoch and validation loss of the best epoch of this stage."""
    best_variables: list[np.ndarray] = field(default_factory=list)
    is_over: bool = False
    """Is the stage done? It may have ended before its last epoch."""
    bytes_written: dict[str, int] = field(default_factory=dict)
    """How long each record was then: what was appended later is cut off before a resume."""
    made_with: dict[str, Any] = field(default_factory=dict)
    """What the last bits depend on: versions, threads, processor, data (`training/proof.py`)."""


def arrays_of(variables: Iterable[Any]) -> list[np.ndarray]:
    """Copy variables into arrays."""
    # `asarray` first: a Keras variable does not know how to be copied, and its array may be a view of its memory.
    return [np.array(np.asarray(variable)) for variable in variables]


def put_back(variables: Iterable[Any], arrays: Iterable[np.ndarray]) -> None:
    """Assign arrays to variables, by position; raises ValueError when they are not of the same model."""
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            raise ValueError(f"{variable.path} has shape {tuple(variable.shape)}, the checkpoint {array.shape}.")
        variable.assign(array)


def memory_of(callbacks: Iterable[Any]) -> dict[str, Any]:
    """Collect the scalars that callbacks remember, such as how long early stopping has been waiting."""
    return {
        f"{number} {type(callback).__name__}": {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in vars(callback).items()
            if name in REMEMBERED
        }
        for number, callback in enumerate(callbacks)
    }


def remind(callbacks: Iterable[Any], memory: dict[str, Any]) -> None:
    """Give callbacks back what they remembered."""
    for number, callback in enumerate(callbacks):
        vars(callback).update(memory.get(f"{number} {type(callback).__name__}", {}))


def commit(folder: Path, snapshot: Snapshot) -> Path:
    """Write a checkpoint into the run's `checkpoints` folder, point `LATEST` to it, prune old ones.

    Once this returns, the checkpoint outlives a loss of power.
    """
    if not folder.exists():
        folder.mkdir(parents=True)
        disk.flush(folder.parent)
    place = _free_place(folder, snapshot.finished)
    with disk.fenced():
        disk.with_room(lambda: _write(place, snapshot))
    write_text(folder / "LATEST", place.name)
    disk.flush(folder)
    _prune(folder)
    return place


def newest(folder: Path) -> tuple[Snapshot | None, list[str]]:
    """Read the newest whole checkpoint; also name those that were damaged and passed over."""
    damaged = []
    for place in reversed(every(folder)):
        if snapshot := read(place):
            return snapshot, damaged
        if place.exists():  # else its run, which goes on, has pruned it while we looked
            damaged.append(place.name)
    return None, damaged


def every(folder: Path) -> list[Path]:
    """List the checkpoints of a run, the newest last, whole or not."""
    return sorted(folder.glob("epoch-*[0-9]"), key=lambda place: [int(part) for part in place.name[6:].split(".")])


def read(place: Path) -> Snapshot | None:
    """Read one checkpoint, if every byte is as it was written."""
    try:
        return _read(place) if _is_whole(place) else None
    except FileNotFoundError:
        return None


def mend(folder: Path, damaged: Iterable[str]) -> None:
    """Before a run goes on: throw damaged checkpoints away, which must not count among those that are kept.

    And let `LATEST` name the newest one, where the last worker was killed before it could say so.
    """
    for name in damaged:
        disk.remove(folder / name)
    latest, names = folder / "LATEST", [place.name for place in every(folder)]
    if names and (not latest.exists() or latest.read_text(encoding="utf-8") != names[-1]):
        write_text(latest, names[-1])
    elif not names:
        disk.remove(latest)


def _free_place(folder: Path, finished: int) -> Path:
    place, times = folder / f"epoch-{finished:04d}", 0
    while place.exists():
        times += 1
        place = folder / f"epoch-{finished:04d}.{times}"
    return place


def _write(place: Path, snapshot: Snapshot) -> None:
    temporary = disk.beside(place)
    disk.remove(temporary)
    disk.make(temporary)
    try:
        _save(temporary / "variables.npz", snapshot.names, snapshot.variables)
        if snapshot.best_variables and snapshot.best.get("epoch") != snapshot.epoch:
            _save(temporary / "best.npz", snapshot.names, snapshot.best_variables)
        _put(temporary / "state.json", _told(snapshot))
        _put(temporary / "manifest.json", {file.name: _measure(file) for file in sorted(temporary.iterdir())})
        disk.flush(temporary)
        disk.rename(temporary, place)
    except OSError:
        disk.remove(temporary)
        raise
    disk.flush(place.parent)


def _put(file: Path, value: Any) -> None:
    with disk.create(file) as opened:
        opened.write(json.dumps(value, indent=1).encode())


def _told(snapshot: Snapshot) -> dict[str, Any]:
    names = ("stage", "epoch", "finished", "memory", "best", "is_over", "bytes_written", "made_with")
    return {name: getattr(snapshot, name) for name in names}


def _read(place: Path) -> Snapshot:
    told = json.loads((place / "state.json").read_text(encoding="utf-8"))
    names, variables = _load(place / "variables.npz")
    best = _load(place / "best.npz")[1] if (place / "best.npz").exists() else variables if told["best"] else []
    return Snapshot(**told, variables=variables, names=names, best_variables=best)


def _save(file: Path, names: list[str], arrays: list[np.ndarray]) -> None:
    """Write arrays under numbered names, so that their order and meaning can be read without us."""
    numbered = {f"{number:04d} {name}": array for number, (name, array) in enumerate(zip(names, arrays, strict=False))}
    with disk.create(file) as opened:
        np.savez(opened, **numbered)  # ty: ignore[invalid-argument-type]


def _load(file: Path) -> tuple[list[str], list[np.ndarray]]:
    with np.load(file, allow_pickle=False) as stored:
        names = sorted(stored.files)
        return [name[5:] for name in names], [stored[name] for name in names]


def _measure(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(opened, "sha256").hexdigest()}


def _is_whole(place: Path) -> bool:
    try:
        told = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
        return bool(told) and all(_measure(place / name) == measured for name, measured in told.items())
    except (OSError, ValueError, AttributeError):
        return False


def _prune(folder: Path) -> None:
    """Keep the last two; each holds the best weights so far, so no older one is needed."""
    for place in [*every(folder)[:-KEPT], *folder.glob("epoch-*.tmp")]:
        disk.remove(place)
