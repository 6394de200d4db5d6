"""What a comparison knows of one run: its data, its test part, its score and what it cost; read once for each change.

Scores may stand beside each other only where they were reached on the same test rows. `Facts.test` names them: a hash
of the rows and of the truth as they lie in `predictions.npz`; where a task keeps no answers, a hash of all that the
split goes by.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from datasets import DataSet
from evaluation import tasks
from records import Run
from training import many

READ = (
    "state.json", "recipe.yaml", "report.json", "predictions.npz", "prepared.json", "deliverables.json", "energy.json",
    "group.json",
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """One run as a comparison sees it; None where something is not known (yet)."""

    run: Run
    state: str
    data: str
    """Names the data set: its fingerprint, or what the recipe says where the data are gone."""
    task: str
    target: str
    test: str
    """Names the rows of the test part; empty where there is no report."""
    test_rows: int
    headline: dict[str, Any] | None
    seconds: float | None
    pace: float | None
    """Rows a second."""
    parameters: int | None
    bytes: int | None
    wh: float | None
    grams: float | None
    group: many.Group | None

    @property
    def score(self) -> float | None:
        """The score at the top of the report."""
        return self.headline["value"] if self.headline else None

    @property
    def board(self) -> tuple[str, str, str, str]:
        """Runs with the same board may be compared by their score."""
        return self.data, self.task, self.target, self.test

    @property
    def is_fold(self) -> bool:
        """Was it judged on a fold instead of the sealed test part?"""
        return self.group is not None and self.group.kind == "folds"


def of(run: Run) -> Facts:
    """Return what is known of a run now."""
    return _read(run.folder, tuple(_stamp(run.folder / name) for name in READ))


def ranked(facts: Sequence[Facts]) -> list[Facts]:
    """Order runs of one board by their score, the best first; those without one are left out."""
    scored = [(each.score, each) for each in facts if each.score is not None]
    up = not scored or scored[0][1].headline is None or scored[0][1].headline.get("better") != "down"
    return [each for _, each in sorted(scored, key=lambda pair: pair[0], reverse=up)]


def metric_title(task: str, metric: str) -> str:
    """Return a score's title in this task."""
    told = tasks.get(task).METRICS.get(metric)
    return told[0] if told else metric.replace("_", " ").capitalize()


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        about = file.stat()
    except FileNotFoundError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


@lru_cache(maxsize=2048)
def _read(folder: Path, _stamps: tuple[Any, ...]) -> Facts:
    run = Run(folder)
    state, report, energy = run.state, run.read("report.json"), run.read("energy.json")
    recipe = run.recipe
    first = next(iter((run.read("deliverables.json") or {}).values()), None)
    attempts = energy["attempts"] if energy else []
    last = state.ended - state.started if state.ended and state.started else None
    data = _data(run)
    return Facts(
        run=run,
        state=state.state,
        data=data,
        task=report["task"] if report else recipe.data.task,
        target=report["target"] if report else recipe.data.target,
        test=_test(run, data) if report else "",
        test_rows=report["rows"] if report else 0,
        headline=report["headline"] if report else None,
        seconds=sum(each["seconds"] for each in attempts) if len(attempts) > 1 else last,
        pace=state.samples_per_second,
        parameters=state.parameters,
        bytes=first["bytes"] if first else None,
        wh=energy["wh"] if energy else None,
        grams=energy["grams"] if energy else None,
        group=many.group_of(run),
    )


def _data(run: Run) -> str:
    told = run.read("prepared.json")
    if told and (Path(told["dataset"]) / "dataset.json").exists():
        return _fingerprint(Path(told["dataset"]))
    data = run.recipe.data
    return data.sample or Path(data.file).name


@lru_cache(maxsize=512)
def _fingerprint(folder: Path) -> str:
    return DataSet.open(folder).schema.fingerprint


def _test(run: Run, data: str) -> str:
    """Name the test rows, so that equal names mean equal rows with equal truth."""
    digest = hashlib.sha256()
    file = run.folder / "predictions.npz"
    if file.exists():
        with np.load(file, allow_pickle=False) as told:
            for name in ("rows", "truth"):
                if name in told.files:
                    array = np.ascontiguousarray(told[name])
                    digest.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    else:
        recipe = run.recipe
        settings = recipe.data.model_dump(mode="json", exclude={"file", "sample"})
        digest.update(json.dumps([data, settings, recipe.training.get("seed", 1)], sort_keys=True).encode())
    return digest.hexdigest()[:16]
