"""Prepared data are made once and lie on the disk, whatever their size."""

import numpy as np
import pytest

import datasets
from datasets import Prepared, room, tabular
from recipes import Part, Recipe, Signature, Target, TensorSpec
from records import Workspace
from training import plan, shelf


def refuse(*_args, **_told):
    pytest.fail("It was done a second time.")


def table(tmp_path, rows=400):
    chance = np.random.default_rng(0)
    lines = [f"{x:.3f},{y:.3f},{'up' if x + y > 0 else 'down'}" for x, y in chance.normal(size=(rows, 2))]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(["x,y,way", *lines]))
    return plan.resolve(Recipe.of({"data": {"file": str(file), "target": "way"}}))


def test_a_second_run_on_the_same_data_starts_at_once(tmp_path, monkeypatch):
    recipe, workspace = table(tmp_path), Workspace(tmp_path / "workspace")
    _, first, prepared = shelf.open_prepared(recipe, workspace)
    for work in ("read", "check", "prepare"):
        monkeypatch.setattr(tabular, work, refuse)
    longer = Recipe.of(recipe.plain() | {"training": {"epochs": 7, "learning_rate": 0.01}})
    _, second, again = shelf.open_prepared(longer, workspace)
    assert (second.folder, again.folder) == (first.folder, prepared.folder)


def test_another_seed_is_prepared_anew(tmp_path):
    recipe, workspace = table(tmp_path), Workspace(tmp_path / "workspace")
    _, _, prepared = shelf.open_prepared(recipe, workspace)
    other = Recipe.of(recipe.plain() | {"training": {"seed": 2}})
    assert shelf.open_prepared(other, workspace)[2].folder != prepared.folder


def test_rows_encoded_in_chunks_are_the_same(tmp_path, monkeypatch):
    """Large tables are encoded chunk by chunk, straight into the file."""
    recipe = table(tmp_path)
    whole = shelf.open_prepared(recipe, Workspace(tmp_path / "one"))[2].part("train")
    monkeypatch.setattr(tabular, "CHUNK", 7)
    parts = shelf.open_prepared(recipe, Workspace(tmp_path / "two"))[2].part("train")
    np.testing.assert_array_equal(parts.x["features"], whole.x["features"])
    assert isinstance(parts.x["features"], np.memmap)


def test_what_room_gave_is_not_written_twice(tmp_path, monkeypatch):
    signature = Signature(
        data_type="tabular", task="regression", inputs={"features": TensorSpec(shape=(2,))}, raw=(),
        target=Target(name="y"), rows={"train": 3},
    )  # fmt: skip
    x = room(tmp_path, "train", "features", (3, 2), np.float32)
    x[:] = 5
    written = []
    real = np.save
    monkeypatch.setattr(np, "save", lambda file, array: written.append(file.name) or real(file, array))
    part = Part({"features": x}, np.zeros((3, 1), np.float32), np.arange(3))
    Prepared(tmp_path, signature, {}).save({"train": part})
    assert written == ["train.y.npy", "train.rows.npy"]
    np.testing.assert_array_equal(Prepared.open(tmp_path).part("train").x["features"], np.full((3, 2), 5.0))


def test_a_part_of_a_mapped_array_is_written_whole(tmp_path):
    x = room(tmp_path, "train", "features", (6, 2), np.float32)
    x[:] = np.arange(12).reshape(6, 2)
    datasets._write(tmp_path / "test.features.npy", x[2:4])
    np.testing.assert_array_equal(np.load(tmp_path / "test.features.npy"), [[4, 5], [6, 7]])
