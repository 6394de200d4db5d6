"""A checkpoint is committed or absent: what is damaged is passed over, what is read equals what was written."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from training import checkpoints
from training.checkpoints import Snapshot


def snapshot(epoch):
    variables = [np.full((2, 3), epoch, "float32"), np.arange(4, dtype="uint32"), np.float32(0.5) * np.ones(())]
    return Snapshot(
        stage=0,
        epoch=epoch,
        finished=epoch,
        variables=variables,
        names=["dense/kernel", "dropout/seed", "adam/rate"],
        memory={"0 EarlyStopping": {"wait": 2, "best": 0.25}},
        best={"epoch": 1, "loss": 0.25},
        best_variables=[np.ones((2, 3), "float32")],
        bytes_written={"metrics": 17},
    )


def assert_equal(read, written):
    assert replace(read, variables=[], best_variables=[]) == replace(written, variables=[], best_variables=[])
    for mine, other in zip(read.variables, written.variables, strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other)
    for mine, other in zip(read.best_variables, written.best_variables, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_reads_back_what_was_written(tmp_path):
    written = snapshot(3)
    place = checkpoints.commit(tmp_path, written)
    read, damaged = checkpoints.newest(tmp_path)
    assert read is not None
    assert_equal(read, written)
    assert damaged == []
    assert sorted(file.name for file in place.iterdir()) == ["best.npz", "manifest.json", "state.json", "variables.npz"]
    assert (tmp_path / "LATEST").read_text() == "epoch-0003"


def test_keeps_the_last_two_and_leaves_nothing_half_written(tmp_path):
    (tmp_path / "epoch-0009.77.tmp").mkdir()
    for epoch in range(1, 5):
        checkpoints.commit(tmp_path, snapshot(epoch))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["LATEST", "epoch-0003", "epoch-0004"]


def test_a_folder_without_checkpoints_starts_anew(tmp_path):
    assert checkpoints.newest(tmp_path / "none") == (None, [])


@pytest.mark.parametrize("name", ["variables.npz", "best.npz", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "gone"])
def test_a_damaged_checkpoint_is_passed_over_and_named(tmp_path, name, damage):
    checkpoints.commit(tmp_path, snapshot(1))
    file = checkpoints.commit(tmp_path, snapshot(2)) / name
    data = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    else:
        data[len(data) // 2] ^= 0x40
        file.write_bytes(data[: len(data) // 2] if damage == "truncated" else data)
    read, damaged = checkpoints.newest(tmp_path)
    assert read is not None
    assert read.epoch == 1
    assert damaged == ["epoch-0002"]


def test_the_same_epoch_can_be_written_again(tmp_path):
    checkpoints.commit(tmp_path, snapshot(2))
    checkpoints.commit(tmp_path, replace(snapshot(2), is_over=True))
    read, _ = checkpoints.newest(tmp_path)
    assert read is not None
    assert read.is_over


def test_callbacks_get_their_memory_back():
    early = SimpleNamespace(wait=3, best=np.float32(0.5), best_weights=[1], min_delta=-0.1)
    memory = json.loads(json.dumps(checkpoints.memory_of([early])))
    assert memory == {"0 SimpleNamespace": {"wait": 3, "best": 0.5}}
    fresh = SimpleNamespace(wait=0, best=None)
    checkpoints.remind([fresh], memory)
    assert (fresh.wait, fresh.best) == (3, 0.5)


def test_weights_of_another_model_are_refused():
    variable = SimpleNamespace(path="dense/kernel", shape=(2, 2), assign=lambda _: None)
    with pytest.raises(ValueError, match=r"dense/kernel has shape \(2, 2\), the checkpoint \(3,\)\."):
        checkpoints.put_back([variable], [np.zeros(3)])
