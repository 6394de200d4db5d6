"""Many runs from one recipe: every combination once, checked before the first is queued, at most 32."""

from typing import Any

import pytest

from recipes import Recipe, Refusal
from records import Workspace
from training import many
from training.executor import Executor
from training.many import Varied

RECIPE = {"data": {"sample": "penguins"}, "model": {"architecture": "mlp"}}
RATES = Varied("training.learning_rate", "Learning rate", (0.01, 0.001))
DEPTHS = Varied("model.depth", "Hidden layers", (1, 2, 3))


@pytest.fixture
def executor(tmp_path, monkeypatch):
    monkeypatch.setattr(Executor, "_wake", lambda _self: None)  # nothing shall train here
    return Executor(Workspace(tmp_path))


def test_makes_every_combination_once():
    made = many.spread(Recipe.of(RECIPE), [RATES, DEPTHS])
    assert [(recipe.training["learning_rate"], recipe.model.settings["depth"]) for recipe, _ in made] == [
        (0.01, 1), (0.01, 2), (0.01, 3), (0.001, 1), (0.001, 2), (0.001, 3),
    ]  # fmt: skip
    assert made[1][1] == (
        {"path": "training.learning_rate", "title": "Learning rate", "value": 0.01},
        {"path": "model.depth", "title": "Hidden layers", "value": 2},
    )


def test_refuses_more_than_anybody_can_wait_for():
    seeds = Varied("training.seed", "Seed", tuple(range(7)))
    with pytest.raises(Refusal) as refused:
        many.spread(Recipe.of(RECIPE), [RATES, DEPTHS, seeds])
    assert str(refused.value) == (
        "These lists make 42 runs (2 of Learning rate × 3 of Hidden layers × 7 of Seed), but 32 is the most. Shorten "
        "a list."
    )


def test_queues_runs_that_know_each_other(executor):
    group = many.submit_sweep(executor, Recipe.of(RECIPE), [RATES], "ann")
    rows = sorted(executor.runs("ann"), key=lambda row: row.created)
    assert [row.title for row in rows] == [
        "Dense network · penguins · Learning rate 0.01", "Dense network · penguins · Learning rate 0.001",
    ]  # fmt: skip
    told: list[Any] = [many.group_of(executor.folder(row.id, "ann")) for row in rows]
    assert [(each.id, each.kind, each.number, each.size, each.varied[0]["value"]) for each in told] == [
        (group, "sweep", 1, 2, 0.01), (group, "sweep", 2, 2, 0.001),
    ]  # fmt: skip
    assert [executor.folder(row.id, "ann").recipe.training["learning_rate"] for row in rows] == [0.01, 0.001]


def test_queues_nothing_where_one_of_them_is_refused(executor):
    with pytest.raises(Refusal):
        many.submit_sweep(executor, Recipe.of(RECIPE), [Varied("training.learning_rate", "Rate", (0.01, 99.0))], "ann")
    assert executor.runs("ann") == []


def test_a_run_of_its_own_has_no_group(executor):
    run = executor.submit(Recipe.of(RECIPE), "ann")
    assert many.group_of(executor.folder(run, "ann")) is None


def test_a_cross_validation_is_a_run_for_each_fold(executor):
    group = many.submit_folds(executor, Recipe.of(RECIPE), 3, "ann", "Mine")
    rows = sorted(executor.runs("ann"), key=lambda row: row.created)
    assert [row.title for row in rows] == ["Mine · fold 1 of 3", "Mine · fold 2 of 3", "Mine · fold 3 of 3"]
    runs = [executor.folder(row.id, "ann") for row in rows]
    assert [run.recipe.data.folded for run in runs] == [(1, 3), (2, 3), (3, 3)]
    groups: list[Any] = [many.group_of(run) for run in runs]
    assert [(each.id, each.kind, each.number) for each in groups] == [
        (group, "folds", 1), (group, "folds", 2), (group, "folds", 3),
    ]  # fmt: skip


@pytest.mark.parametrize("amount", [2, 11])
def test_too_few_and_too_many_folds_are_refused(amount):
    with pytest.raises(Refusal) as refused:
        many.folds(Recipe.of(RECIPE), amount)
    assert str(refused.value) == f"A cross-validation has 3 to 10 folds, but got {amount}."
