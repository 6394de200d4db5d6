"""Runs on a share of the training rows: nested, with every class, and as a group of ordinary runs."""

import numpy as np
import pytest

from recipes import Part, Recipe
from records import Run, Workspace
from training import many, shares, worker
from training.executor import Executor
from training.plan import resolve


def part(y):
    rows = len(y)
    return Part({"features": np.arange(rows, dtype="float32")[:, None]}, np.asarray(y), np.arange(1000, 1000 + rows))


def test_smaller_shares_lie_inside_larger_ones_and_classes_keep_theirs():
    whole = part(np.array([0] * 80 + [1] * 16 + [2] * 4, "int32"))
    few, more = (shares.of(whole, share, 1) for share in (0.25, 0.5))
    assert set(few.rows) < set(more.rows)
    assert np.bincount(few.y).tolist() == [20, 4, 1]
    assert np.bincount(more.y).tolist() == [40, 8, 2]
    np.testing.assert_array_equal(few.x["features"][:, 0] + 1000, few.rows)
    assert set(shares.of(whole, 0.25, 2).rows) != set(few.rows)


@pytest.mark.parametrize("y", [np.linspace(0, 1, 40, dtype="float32"), np.zeros((40, 7), "int32")])
def test_numbers_and_sequences_are_taken_by_chance(y):
    assert len(shares.of(part(y), 0.25, 1)) == 10
    assert len(shares.of(part(y), 0.001, 1)) == 1


def test_a_run_learns_from_its_share_alone(tmp_path):
    values = {"data": {"sample": "iris"}, "training": {"epochs": 1, "train_share": 0.5, "batch_size": 10}}
    run = Run.create(Workspace(tmp_path).runs / "half", resolve(Recipe.of(values)))
    assert worker.main(run.folder, 1) == worker.FINISHED
    assert run.state.steps == 5  # of 98 rows, 49 in tens
    assert run.read("report.json")["rows"] == 30


def test_three_ordinary_runs_are_queued_together(tmp_path, monkeypatch):
    monkeypatch.setattr(Executor, "_wake", lambda _: None)
    executor = Executor(Workspace(tmp_path))
    recipe = resolve(Recipe.of({"data": {"sample": "iris"}, "training": {"train_share": 0.5}}))
    group = many.submit_shares(executor, recipe, "ann")
    runs = [Run(executor.workspace.run_folder(row.id)) for row in executor.runs("ann")]
    told = sorted((each for run in runs if (each := many.group_of(run))), key=lambda each: each.number)
    assert [each.id for each in told] == [group] * 3
    assert [each.varied[0]["value"] for each in told] == [0.25, 0.5, 1.0]
    assert sorted(run.recipe.training["train_share"] for run in runs) == [0.25, 0.5, 1.0]
