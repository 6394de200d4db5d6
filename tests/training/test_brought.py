"""Models that came through the gate are laid where workers find them, and a run that continues one is a run."""

import shutil

import numpy as np
import pytest

from recipes import Recipe, Refusal, keras
from records import Run, Workspace
from training import _gate_builder, brought, gate, worker
from training.plan import resolve

layers = keras.layers


def clean(folder, seed=1, *, finite=True):
    """Leave a model as the gate leaves it."""
    keras.utils.set_random_seed(seed)
    some = [layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3)]
    model = keras.Sequential([keras.Input((4,)), *some, layers.Dense(3, activation="softmax")], name="flowers")
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / gate.MODEL)
    told = {"keras": keras.__version__, "saved": "", "notes": [], "config": {}, "vocabularies": {}}
    inspected = _gate_builder._inspected(model, folder / gate.MODEL, told, [] if finite else ["a"])
    (folder / gate.TOLD).write_text(inspected.model_dump_json())
    return folder


@pytest.fixture
def space(tmp_path):
    return Workspace(tmp_path / "space")


def test_a_model_is_kept_once_under_its_fingerprint(space, tmp_path):
    folder = clean(tmp_path / "one")
    name = brought.keep(folder, space)
    assert brought.keep(folder, space) == name
    assert [each.name for each in space.models.iterdir()] == [name]
    assert brought.find(name, space).name == "flowers"
    with pytest.raises(Refusal) as refused:
        brought.find("../one", space)
    assert str(refused.value) == brought.imported.GONE


def test_what_diverged_or_was_changed_is_not_kept(space, tmp_path):
    with pytest.raises(Refusal) as refused:
        brought.keep(clean(tmp_path / "odd", finite=False), space)
    assert str(refused.value) == brought.DIVERGED
    folder = clean(tmp_path / "one")
    clean(tmp_path / "two", seed=2)
    shutil.copy(tmp_path / "two" / gate.MODEL, folder / gate.MODEL)
    with pytest.raises(Refusal) as refused:
        brought.keep(folder, space)
    assert str(refused.value) == gate.CHANGED
    assert not space.models.exists()


def test_a_forgotten_model_stays_while_a_run_or_somebody_else_has_it(space):
    mine, theirs = (clean(space.new_upload_folder(owner)) for owner in ("ann", "bob"))
    again = space.new_upload_folder("ann")
    for other in (theirs, again):
        shutil.copytree(mine, other, dirs_exist_ok=True)
    name = brought.keep(mine, space)
    brought.forget(mine, space)
    assert not mine.exists()
    assert brought.find(name, space)
    run = Run.create(space.new_run_folder(), Recipe.of(recipe(name)))
    brought.forget(theirs, space)
    shutil.rmtree(run.folder)
    assert brought.find(name, space)
    brought.forget(again, space)
    assert not (space.models / name).exists()


def recipe(name):
    model = {"architecture": "imported", "model": name}
    training = {"epochs": 4, "early_stopping": False, "restore_best": False}
    return {"data": {"sample": "iris"}, "model": model, "training": training}


class Cut(Exception):  # noqa: N818 - it is no mistake, the power is gone
    """The machine stops here."""


def test_a_run_that_was_cut_off_goes_on_to_the_same_last_bit(space, tmp_path, monkeypatch):
    """The weights that were brought, those that learned, and the seeds of Dropout inside the model all come back."""
    name = brought.keep(clean(tmp_path / "one"), space)
    whole, cut = (Run.create(space.runs / each, resolve(Recipe.of(recipe(name)))) for each in ("whole", "cut"))
    assert worker.main(whole.folder, 1) == worker.FINISHED
    take = worker.Fitted._take

    def cut_off(self, number, epoch, *rest):
        take(self, number, epoch, *rest)
        if epoch == 2:
            self.commit()
            raise Cut

    with monkeypatch.context() as patched:
        patched.setattr(worker.Fitted, "_take", cut_off)
        assert worker.main(cut.folder, 1) != worker.FINISHED
    assert worker.main(cut.folder, 2) == worker.FINISHED
    one, other = (
        keras.saving.load_model(run.folder / "deliverables" / "model.keras").get_weights() for run in (whole, cut)
    )
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)
    text = (whole.folder / "deliverables" / "recipe.yaml").read_text()
    assert f"model: {name}" in text
