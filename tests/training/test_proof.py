"""A resumed run says that it is the same only where that was checked, byte by byte."""

from dataclasses import replace

import numpy as np
import pytest

from records import Run
from training import checkpoints, proof
from training.checkpoints import Snapshot

HERE = proof.circumstances("CPU · 2 cores", "TensorFlow 2", proof.Path("prepared-1"))


def snapshot(epoch, **changes):
    made = Snapshot(stage=0, epoch=epoch, finished=epoch, variables=[np.full(3, epoch, "float32")],
                    names=["dense/kernel"], memory={}, made_with=HERE)  # fmt: skip
    return replace(made, **changes)


@pytest.fixture
def run(tmp_path):
    """A run whose epochs took a tenth of a second each."""
    made = Run(tmp_path)
    for epoch in range(1, 8):
        made.append("metrics", {"stage": "fit", "epoch": epoch, "end": True, "seconds": 0.1})
    return made


def prepared(run, older, newest):
    for each in (older, newest):
        if each:
            checkpoints.commit(run.folder / "checkpoints", each)
    return proof.prepare(run, newest, HERE, "fit")


def test_it_goes_on_from_the_checkpoint_before_the_newest(run):
    known = prepared(run, snapshot(4), snapshot(7))
    assert known.start.epoch == 4
    assert known.sentence(same=True) == (
        "Trained epochs 5 to 7 again from the checkpoint of epoch 4: the same to the last bit."
    )
    assert known.sentence(same=False) == (
        "Trained epochs 5 to 7 again from the checkpoint of epoch 4: not the same to the last bit. "
        "It continues from the first result."
    )


ELSEWHERE = HERE | {"threads": 64, "processor": "another"}
UNPROVEN = {
    "alone": (None, snapshot(7), "There is no earlier checkpoint to compare with."),
    "elsewhere": (
        snapshot(4),
        snapshot(7, made_with=ELSEWHERE),
        "What changed meanwhile: the processor and its cores. The last digits may differ.",
    ),
    "unknown": (
        snapshot(4),
        snapshot(7, made_with={}),
        "Its checkpoint does not say how it was made, so nothing was compared.",
    ),
    "another stage": (snapshot(4, stage=1), snapshot(7), "There is no earlier checkpoint to compare with."),
}


@pytest.mark.parametrize("case", UNPROVEN)
def test_without_a_comparison_nothing_is_claimed(run, case):
    older, newest, why = UNPROVEN[case]
    known = prepared(run, older, newest)
    assert known.start is newest
    assert known.sentence(same=None) == f"Continues after epoch 7. {why}"


def test_long_epochs_are_not_trained_again(run, monkeypatch):
    monkeypatch.setattr(proof, "SECONDS", 0.2)
    known = prepared(run, snapshot(4), snapshot(7))
    assert known.older is None
    assert known.why == "Training its last epochs again to compare would have taken too long."


def test_equal_means_every_byte():
    one = np.array([0.0, np.nan], "float32")
    assert proof.is_same([one], [one.copy()])
    assert not proof.is_same([one], [np.array([-0.0, np.nan], "float32")])
    assert not proof.is_same([one], [one.astype("float64")])
    assert not proof.is_same([one], [])


def test_what_came_out_is_kept_for_each_resume(run):
    known = prepared(run, snapshot(4), snapshot(7))
    proof.note(run, 2, known, same=True)
    proof.note(run, 3, known, same=False)
    told = run.read(proof.FILE)
    assert [(each["attempt"], each["epoch"], each["same"]) for each in told] == [(2, 7, True), (3, 7, False)]
