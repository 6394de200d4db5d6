"""Many runs from one recipe: every combination of listed values (a sweep), or the folds of a cross-validation.

Each is an ordinary run. What they belong to lies in the run's folder, in `group.json`, beside its label:

    {"id": "9f2c...", "kind": "sweep", "title": "Learning rate", "number": 2, "size": 3,
     "varied": [{"path": "training.learning_rate", "title": "Learning rate", "value": 0.003}], "name": ""}
"""

import itertools
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, Literal

from recipes import Recipe, Refusal
from recipes.recipe import LEAST_FOLDS, MOST_FOLDS
from records import Run, write_json
from training import plan
from training.executor import Executor

FILE = "group.json"
MOST_RUNS = 32
"""Of one sweep: as many as a class may wait for."""


@dataclass(frozen=True)
class Varied:
    """A setting with the values that are tried; `path` is its place in a recipe, such as `training.learning_rate`."""

    path: str
    title: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Group:
    """To which runs one belongs, and what it has otherwise than they."""

    id: str
    kind: Literal["sweep", "folds"]
    title: str
    number: int
    size: int
    varied: tuple[dict[str, Any], ...] = ()
    """{"path", "title", "value"} of each setting that is not the same in all."""
    name: str = ""
    """What a person called it."""


def count(varied: Sequence[Varied]) -> int:
    """Say how many runs these lists make."""
    return prod(len(each.values) for each in varied)


def spread(recipe: Recipe, varied: Sequence[Varied]) -> list[tuple[Recipe, tuple[dict[str, Any], ...]]]:
    """Return a recipe for every combination, with what it has otherwise; raises `Refusal` for too many."""
    amount = count(varied)
    if amount > MOST_RUNS:
        lists = " × ".join(f"{len(each.values)} of {each.title}" for each in varied)
        raise Refusal(f"These lists make {amount} runs ({lists}), but {MOST_RUNS} is the most. Shorten a list.")
    made = []
    for values in itertools.product(*(each.values for each in varied)):
        chosen = tuple(
            {"path": each.path, "title": each.title, "value": value} for each, value in zip(varied, values, strict=True)
        )
        made.append((_with(recipe, chosen), chosen))
    return made


def submit_sweep(
    executor: Executor, recipe: Recipe, varied: Sequence[Varied], owner: str, title: str = "",
    seconds: float | None = None,
) -> str:  # fmt: skip
    """Queue a run for every combination; returns the group's id. Nothing is queued where one of them is refused."""
    made = spread(recipe, varied)
    for each, _ in made:
        executor.check(each, owner, len(made))
    group = secrets.token_hex(8)
    about = " × ".join(each.title for each in varied)
    for number, (each, chosen) in enumerate(made, 1):
        words = ", ".join(f"{one['title']} {_plain(one['value'])}" for one in chosen)
        run = executor.submit(each, owner, f"{title or _name(each)} · {words}"[:120], seconds)
        _write(executor, run, owner, Group(group, "sweep", about, number, len(made), chosen, title))
    return group


SHARE = "training.train_share"
SHARES = (0.25, 0.5, 1.0)
"""Of the training rows: through the scores of these runs a line is drawn that tells whether more data would help."""


def submit_shares(executor: Executor, recipe: Recipe, owner: str, title: str = "") -> str:
    """Queue the same run on a quarter, a half and all of its training rows; returns the group's id."""
    plain = recipe.plain()
    plain["training"] = {name: value for name, value in plain.get("training", {}).items() if name != "train_share"}
    return submit_sweep(executor, Recipe.of(plain), [Varied(SHARE, "Share of the training rows", SHARES)], owner, title)


def folds(recipe: Recipe, amount: int) -> list[Recipe]:
    """Return a recipe for every fold of a cross-validation; raises `Refusal` where there can be none."""
    if not LEAST_FOLDS <= amount <= MOST_FOLDS:
        raise Refusal(f"A cross-validation has {LEAST_FOLDS} to {MOST_FOLDS} folds, but got {amount}.")
    plain = recipe.plain()
    return [
        Recipe.of(plain | {"data": plain["data"] | {"folds": amount, "fold": number}})
        for number in range(1, amount + 1)
    ]


def submit_folds(
    executor: Executor, recipe: Recipe, amount: int, owner: str, title: str = "", seconds: float | None = None
) -> str:
    """Queue a run for every fold; returns the group's id. Nothing is queued where one of them is refused."""
    made = folds(recipe, amount)
    for each in made:
        executor.check(each, owner, len(made))
    group = secrets.token_hex(8)
    for number, each in enumerate(made, 1):
        name = title or _name(recipe)
        run = executor.submit(each, owner, f"{name} · fold {number} of {amount}"[:120], seconds)
        _write(executor, run, owner, Group(group, "folds", f"{amount} folds", number, amount, name=title))
    return group


def group_of(run: Run) -> Group | None:
    """Return the group of a run, None for a run of its own."""
    file = run.folder / FILE
    try:
        return _read(file, file.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=2048)
def _read(file: Path, _changed: int) -> Group:
    told = json.loads(file.read_text(encoding="utf-8"))
    return Group(**told | {"varied": tuple(told["varied"])})


def _with(recipe: Recipe, chosen: Sequence[dict[str, Any]]) -> Recipe:
    plain = recipe.plain()
    for each in chosen:
        part, name = each["path"].split(".", 1)
        plain[part] = plain.get(part, {}) | {name: each["value"]}
    return Recipe.of(plain)


def _write(executor: Executor, run: str, owner: str, group: Group) -> None:
    folder = executor.folder(run, owner)
    if folder is not None:
        write_json(folder.folder / FILE, asdict(group))


def _name(recipe: Recipe) -> str:
    from training.executor import default_title

    return recipe.name or default_title(plan.resolve(recipe))


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
