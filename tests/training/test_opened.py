"""A run opened again answers as it did when it was judged."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.asked import asking
from exporters import keras_file
from recipes import Recipe, Refusal
from records import Run
from training import checkpoints, worker
from training.opened import TOO_EARLY, Opened, opened
from training.plan import resolve


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("workspace") / "runs"


def trained(runs, name, sample, family, **training):
    values = {"data": {"sample": sample}, "model": {"architecture": family}, "training": {"seed": 3} | training}
    run = Run.create(runs / name, resolve(Recipe.of(values)))
    assert worker.main(run.folder, 1) == worker.FINISHED
    return run


def answered(run):
    asked = opened(run)
    told = asking(keras_file.answering(asked.core, asked.signature))(asked.prepared.part("test").x)
    return np.asarray(told[asked.signature.target.name])


@pytest.mark.parametrize("keeps_best", [True, False])
def test_its_models_answer_as_the_report_judged_them(runs, keeps_best):
    # A high rate makes late epochs worse, so that the best one is not the last.
    run = trained(runs, f"plain{keeps_best}", "penguins", "mlp", epochs=12, learning_rate=0.05,
                  restore_best=keeps_best, early_stopping=False)  # fmt: skip
    with np.load(run.folder / "predictions.npz") as told:
        np.testing.assert_allclose(answered(run), told["answer"], atol=1e-6)


def test_a_run_of_several_stages_is_opened_as_its_last_one_left_it(runs):
    run = trained(runs, "stages", "digits", "dbn", epochs=2)
    with np.load(run.folder / "predictions.npz") as told:
        np.testing.assert_allclose(answered(run), told["answer"], atol=1e-6)


def test_prepared_data_that_were_cleared_away_are_made_anew(runs):
    run = trained(runs, "cleared", "iris", "mlp", epochs=2)
    (run.folder / "prepared.json").write_text('{"folder": "/nowhere", "dataset": "/nowhere"}')
    with np.load(run.folder / "predictions.npz") as told:
        np.testing.assert_allclose(answered(run), told["answer"], atol=1e-6)


def test_a_run_that_has_learned_nothing_yet_cannot_be_opened(runs):
    run = Run.create(runs / "fresh", resolve(Recipe.of({"data": {"sample": "iris"}})))
    with pytest.raises(Refusal, match=TOO_EARLY):
        opened(run)


def test_a_resumed_run_whose_best_epoch_lies_before_its_resume_keeps_that_epoch(runs):
    former = trained(runs, "former", "penguins", "mlp", epochs=6, early_stopping=False)
    snapshot, _ = checkpoints.newest(former.folder / "checkpoints")
    assert snapshot is not None
    longer = former.recipe.model_copy(update={"training": former.recipe.training | {"epochs": 7}})
    run = Run.create(runs / "longer", longer)
    told = {"epoch": 6, "loss": -1.0}  # no later epoch can be better
    checkpoints.commit(run.folder / "checkpoints", replace(snapshot, best=told, bytes_written={"metrics": 0}))
    (run.folder / "metrics.jsonl").touch()
    assert worker.main(run.folder, 1) == worker.FINISHED
    kept = worker.variables_of(opened(run).blueprint)
    for variable, array in zip(kept, snapshot.variables[: len(kept)], strict=True):
        np.testing.assert_array_equal(np.asarray(variable), array)


def test_an_open_run_follows_its_checkpoints(runs):
    run = trained(runs, "followed", "iris", "mlp", epochs=3, restore_best=False)
    live = Opened(run)
    assert (live.epoch, live.follow()) == (3, True)
    row = {name: np.asarray([[1.0]], "float32") for name in live.model("model").input}
    before = live.model("model").predict_on_batch(row)
    snapshot, _ = checkpoints.newest(run.folder / "checkpoints")
    assert snapshot is not None
    later = replace(snapshot, epoch=4, finished=4, variables=[array * 2 for array in snapshot.variables])
    checkpoints.commit(run.folder / "checkpoints", later)
    assert live.follow()
    assert live.epoch == 4
    after = live.model("model").predict_on_batch(row)
    assert any(not np.allclose(before[name], after[name]) for name in before)


def test_an_open_run_does_not_follow_into_another_stage(runs):
    run = trained(runs, "next", "iris", "mlp", epochs=2)
    live = Opened(run)
    snapshot, _ = checkpoints.newest(run.folder / "checkpoints")
    assert snapshot is not None
    checkpoints.commit(run.folder / "checkpoints", replace(snapshot, stage=1, epoch=1, finished=3))
    assert not live.follow()
