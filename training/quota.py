"""What a person may train: the limits of this installation, and those of the class in which the person is.

Every limit is asked here and nowhere else: `Executor.submit` before a run is made, and the Build screen before its
button is pressed. Each refusal says what the limit is, what was asked for, and what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import builders
import datasets
from recipes import Recipe, Refusal
from recipes.configuration import configuration
from records import Run, Workspace, audit, usage, write_json
from records.catalogue import Catalogue, RunRow
from records.classes import Classes, Classroom, Limits
from records.run import ACTIVE
from training import plan, shelf

FILE = "limits.json"
MEGABYTE = 1_000_000
DATA, FAMILY = "data", "model.architecture"
"""The parts of a recipe that are locked whole."""


@dataclass(frozen=True)
class Used:
    """How much of the disk an owner takes; `most` is None without a limit. Bytes."""

    bytes: int
    most: int | None

    @property
    def words(self) -> str:
        """Write it as people do: "12 MB", "0.4 of 1.0 GB"."""
        unit, name = (1e9, "GB") if max(self.bytes, self.most or 0) >= 1e9 else (1e6, "MB")
        return f"{self.bytes / unit:.1f} {'' if self.most is None else f'of {self.most / unit:.1f} '}{name}"

    @property
    def is_full(self) -> bool:
        """Is there no room for more?"""
        return self.most is not None and self.bytes >= self.most


def used(workspace: Workspace, owner: str, rows: Sequence[RunRow]) -> Used:
    """Say how much of the disk an owner's uploads and runs take."""
    most = configuration().quota_disk_mb
    size = usage.bytes_of(workspace, owner, [row.id for row in rows])
    return Used(size, most * MEGABYTE if most else None)


def refuse(workspace: Workspace, owner: str, recipe: Recipe, runs: int = 1) -> None:
    """Refuse what an owner may not train: so many runs of a resolved recipe. Raises `Refusal`."""
    if _is_foreign(workspace, owner, recipe):
        raise Refusal(f"There is no file '{Path(recipe.data.file).name}' among your uploads. Upload it again.")
    sentence = _of_installation(workspace, owner, runs) or obstacle(workspace, owner, recipe, runs)
    if sentence:
        audit.note(workspace, owner, "refused by a limit", runs=runs)
        raise Refusal(sentence)


def obstacle(workspace: Workspace, owner: str, recipe: Recipe, runs: int = 1) -> str:
    """Say what in a resolved recipe the owner's class does not allow; empty where it does."""
    now = Classes(workspace).joined(owner)
    if now is None or not now[0].is_open:
        return ""
    limits = now[0].settings.limits
    return (
        _family(limits, recipe)
        or _data(limits, recipe)
        or _locked(now[0], recipe, workspace)
        or _epochs(limits, recipe)
        or _rows(limits, recipe, workspace)
        or _at_once(limits, workspace, owner, runs)
    )


def grant(workspace: Workspace, owner: str, run: Run) -> None:
    """Write down by what a new run is limited (`limits.json`), and that it was made in a class."""
    classes, most = Classes(workspace), configuration().quota_minutes
    now = classes.joined(owner)
    minutes, who = (most or None), "this server"
    own = now[0].settings.limits.minutes if now is not None and now[0].is_open else None
    if own is not None and (minutes is None or own <= minutes):
        minutes, who = own, "your class"
    if minutes is not None:
        write_json(run.folder / FILE, {"seconds": minutes * 60, "memory_mb": None, "who": who})
    classes.note_run(owner, run.id)


def locks(classroom: Classroom) -> dict[str, Any]:
    """Return what students of a class cannot change, with the value that the teacher's start gives it."""
    settings = classroom.settings
    if not settings.start or not settings.locked:
        return {}
    values = flat(_read(settings.start))
    return {path: values[path] for path in settings.locked if path in values}


def flat(recipe: Recipe) -> dict[str, Any]:
    """Return the parts of a resolved recipe that a teacher can lock: `data`, `model.…`, `training.…`."""
    parts: dict[str, Any] = {DATA: _named(recipe), FAMILY: recipe.model.architecture}
    parts |= {f"model.{name}": value for name, value in recipe.model.settings.items()}
    return parts | {f"training.{name}": value for name, value in recipe.training.items()}


def title_of(path: str, architecture: str) -> str:
    """Call a lockable part as screens call it: `training.learning_rate` is "Learning rate"."""
    from recipes import Training

    if path in (DATA, FAMILY):
        return "Data" if path == DATA else "Model family"
    group, name = path.split(".", 1)
    fields = Training.model_fields if group == "training" else builders.get(architecture).Config.model_fields
    return (fields[name].title if name in fields else "") or name.replace("_", " ").capitalize()


@lru_cache(maxsize=64)
def _read(start: str) -> Recipe:
    return Recipe.parse(start)


def _is_foreign(workspace: Workspace, owner: str, recipe: Recipe) -> bool:
    """Does a recipe read what somebody else has uploaded?"""
    place = Path(recipe.data.file).resolve()
    everybodys = [(workspace.root / name).resolve() for name in ("uploads", "incoming")]
    return any(folder in place.parents and folder / owner not in place.parents for folder in everybodys)


# The installation


def _of_installation(workspace: Workspace, owner: str, runs: int) -> str:
    told = configuration()
    if not (told.quota_disk_mb or told.quota_queued or told.quota_datasets):
        return ""
    rows = Catalogue(workspace).of(owner)
    active = sum(row.state in ACTIVE for row in rows)
    if told.quota_queued and active + runs > told.quota_queued:
        return (
            f"{_count(told.quota_queued, 'run')} of one person may wait and go here, and you have {active}. "
            "Wait for one to end, or cancel one."
        )
    known = used(workspace, owner, rows)
    if known.is_full:
        return f"You use {known.words}. Delete runs that you need no more on the Runs page, then train again."
    brought = _uploads(workspace, owner)
    if told.quota_datasets and brought > told.quota_datasets:
        return (
            f"You have {brought} uploads, and {told.quota_datasets} is the most here. Delete some under Your data on "
            "the Runs page, then train again."
        )
    return ""


def _uploads(workspace: Workspace, owner: str) -> int:
    folder = workspace.root / "uploads" / owner
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


# The class


def _family(limits: Limits, recipe: Recipe) -> str:
    name = recipe.model.architecture
    if not limits.families or name in limits.families:
        return ""
    able = _list([builders.get(each).TITLE for each in limits.families if each in builders.names()])
    return f"Your class works with {able}, not with {builders.get(name).TITLE}. Choose one of those."


def _data(limits: Limits, recipe: Recipe) -> str:
    if recipe.data.file:
        return "" if limits.uploads else "Your class works with samples, not with own files. Choose a sample."
    if not limits.samples or recipe.data.sample in limits.samples:
        return ""
    able = _list([datasets.find_sample(each).title for each in limits.samples])
    return f"Your class works with {able}. Choose one of those samples."


def _locked(classroom: Classroom, recipe: Recipe, workspace: Workspace) -> str:
    fixed = locks(classroom)
    if not fixed:
        return ""
    if DATA in fixed:
        recipe = plan.complete(recipe, shelf.open_dataset(recipe.data, workspace).schema)
    has = flat(recipe)
    if recipe.model.architecture != _read(classroom.settings.start).model.architecture:
        # Another family's width is not the width that was fixed.
        fixed = {path: value for path, value in fixed.items() if not path.startswith("model.") or path == FAMILY}
    for path, value in fixed.items():
        if has.get(path) == value or path not in has:
            continue
        title = title_of(path, recipe.model.architecture)
        if path == DATA:
            return "Your teacher has fixed the data. Load your teacher's start again."
        shown = builders.get(str(value)).TITLE if path == FAMILY else value
        return f"Your teacher has fixed {title} at {shown}. Load your teacher's start again."
    return ""


def _epochs(limits: Limits, recipe: Recipe) -> str:
    epochs = plan.training_of(recipe).epochs
    if limits.epochs is None or epochs <= limits.epochs:
        return ""
    return f"Your class trains at most {limits.epochs} epochs, but this is set to {epochs}. Lower Epochs."


def _rows(limits: Limits, recipe: Recipe, workspace: Workspace) -> str:
    if limits.rows is None:
        return ""
    rows = shelf.open_dataset(recipe.data, workspace).schema.rows
    if rows <= limits.rows:
        return ""
    return f"Your class trains on at most {limits.rows:,} rows, but these data have {rows:,}. Choose smaller data."


def _at_once(limits: Limits, workspace: Workspace, owner: str, runs: int) -> str:
    if limits.runs is None:
        return ""
    active = sum(row.state in ACTIVE for row in Catalogue(workspace).of(owner))
    if active + runs <= limits.runs:
        return ""
    if runs > limits.runs:
        return f"Your class trains {_count(limits.runs, 'run')} at once, but these are {runs}. Try fewer values."
    return (
        f"Your class trains {_count(limits.runs, 'run')} at once, and you have {active} waiting or going. Wait for one "
        "to end, or stop one."
    )


def _named(recipe: Recipe) -> dict[str, Any]:
    """Return the data group as two people share it: a file by its name alone, a fold not at all."""
    told = recipe.portable().data.model_dump(mode="json")
    return {name: value for name, value in told.items() if name not in ("fold", "folds", "corrections")}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _list(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
