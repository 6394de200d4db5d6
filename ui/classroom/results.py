"""What a class has reached: the table that a teacher takes away, and the leaderboard."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from records import Run, Workspace
from records.classes import Classes, Classroom, ClassRun
from ui import run_view
from ui.compare import facts
from ui.compare.facts import Facts

COLUMNS = (
    "nickname", "run", "data", "model", "state", "score", "value", "low", "high", "epochs", "seconds", "entered",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes a text that begins so for a formula."""


def table(classroom: Classroom, workspace: Workspace) -> str:
    """Return every run of a class as CSV; texts cannot be taken for formulas."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for run in Classes(workspace).runs(classroom.id, classroom.teacher):
        writer.writerow({name: safe(value) for name, value in _line(run, told(run, workspace)).items()})
    return out.getvalue()


def safe(value: Any) -> Any:
    """Keep a text from being taken for a formula."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA) else value


def told(run: ClassRun, workspace: Workspace) -> Facts:
    """Return what is known of a run that was found through its class."""
    return facts.of(Run(workspace.run_folder(run.run)))


def board_of(run: Facts) -> dict[str, str]:
    """Name the board on which a run counts: the same data, task, target and sealed test rows."""
    return dict(zip(("data", "task", "target", "test"), run.board, strict=True))


def fits(classroom: Classroom, run: Facts) -> bool:
    """Was this run judged on the very test rows of the class's leaderboard?"""
    contest = classroom.settings.contest
    return run.headline is not None and not run.is_fold and board_of(run).items() <= contest.items()


def ranked(classroom: Classroom, entries: Sequence[ClassRun], workspace: Workspace) -> list[dict[str, Any]]:
    """Return the leaderboard: one line an entry, the best first; equal scores share a place."""
    by_run = {each.run: each for each in entries if each.entered is not None}
    known = [one for each in by_run.values() if fits(classroom, one := told(each, workspace))]
    order = facts.ranked(known)
    scores = [one.score for one in order]
    return [
        {
            "Place": scores.index(one.score) + 1,
            "Name": by_run[one.run.id].nickname,
            (one.headline or {})["title"]: one.score,
            "Model": run_view.family_name(one.run.recipe),
        }
        for one in order
    ]


def _line(run: ClassRun, known: Facts) -> dict[str, Any]:
    head: dict[str, Any] = known.headline or {}
    recipe = known.run.recipe
    return {
        "nickname": run.nickname,
        "run": run.title,
        "data": run_view.data_name(recipe),
        "model": run_view.family_name(recipe),
        "state": known.state,
        "score": head.get("title", ""),
        "value": head.get("value"),
        "low": head.get("low"),
        "high": head.get("high"),
        "epochs": recipe.training.get("epochs"),
        "seconds": round(known.seconds, 1) if known.seconds is not None else None,
        "entered": "yes" if run.entered is not None else "",
    }
