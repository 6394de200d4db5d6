"""A recipe is resolved without Keras: every setting written out, every mistake refused before anything starts."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

import builders
from recipes import Data, Recipe, Refusal, Training
from records import Workspace
from training import failures, shelf
from training.fit import NotFiniteError
from training.plan import complete, resolve, training_of

ROOT = Path(__file__).resolve().parents[2]


def recipe(**groups):
    return resolve(Recipe.of({"data": {"sample": "penguins"}} | groups))


def test_writes_every_setting_out():
    plain = recipe(training={"epochs": 4}).plain()
    assert plain["data"]["type"] == "tabular"
    assert (plain["data"]["target"], plain["data"]["task"]) == ("species", "classification")
    assert (plain["data"]["validation"], plain["data"]["test"]) == (0.15, 0.2)
    assert set(plain["model"]) == {"architecture", *builders.get("mlp").Config.model_fields}
    assert set(plain["training"]) == set(Training.model_fields)
    assert plain["training"]["epochs"] == 4


def test_resolving_twice_changes_nothing():
    once = recipe(model={"architecture": "mlp", "width": 9})
    assert resolve(once) == once
    assert resolve(Recipe.parse(once.yaml())).plain() == once.plain()


def test_a_familys_own_defaults_fill_what_was_not_said():
    own = builders.get("mlp").TRAINING
    training = training_of(recipe(training={"batch_size": 7}))
    assert training.batch_size == 7
    assert all(getattr(training, name) == value for name, value in own.items())


def test_data_without_a_family_get_the_one_that_suits():
    assert recipe().model.architecture == "mlp"
    assert recipe(data={"sample": "digits"}).model.architecture == "cnn"


def test_another_target_than_the_samples_own_brings_no_task():
    data = recipe(data={"sample": "penguins", "target": "island"}).data
    assert (data.target, data.task) == ("island", "")


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        (
            {"data": {"sample": "penguins", "type": "image"}},
            "`data.type` is image, but the sample 'penguins' is tabular. Leave `type` out.",
        ),
        (
            {"data": {"file": "/nowhere/rows.csv"}},
            "There is no file '/nowhere/rows.csv'. Check `data.file` in the recipe.",
        ),
        ({"model": {"architecture": "mlp", "width": 0}}, "`model.width` must be between 1 and 2048, but got 0."),
    ],
)
def test_refuses_in_words(groups, sentence):
    with pytest.raises(Refusal) as refused:
        recipe(**groups)
    assert str(refused.value) == sentence


def test_a_data_set_proposes_what_the_recipe_leaves_open(tmp_path):
    (tmp_path / "rows.csv").write_text("a,kind\n" + "\n".join(f"{n},{'x' if n % 2 else 'y'}" for n in range(40)) + "\n")
    resolved = resolve(Recipe.of({"data": {"file": str(tmp_path / "rows.csv")}}))
    dataset = shelf.open_dataset(resolved.data, Workspace(tmp_path / "space"))
    filled = complete(resolved, dataset.schema)
    assert (filled.data.target, filled.data.task) == ("kind", "classification")


def test_data_are_read_and_prepared_once(tmp_path):
    workspace = Workspace(tmp_path)
    resolved = recipe()
    _, dataset, prepared = shelf.open_prepared(resolved, workspace)
    written = (prepared.folder / "prepared.json").stat().st_mtime_ns
    again, same, kept = shelf.open_prepared(resolved, workspace)
    assert (same.folder, kept.folder) == (dataset.folder, prepared.folder)
    assert (kept.folder / "prepared.json").stat().st_mtime_ns == written
    assert again.data.target == "species"
    other = recipe(training={"seed": 2})
    assert shelf.open_prepared(other, workspace)[2].folder != prepared.folder
    assert not list(tmp_path.rglob("*.tmp"))


def test_two_processes_may_prepare_the_same_data_at_once(tmp_path):
    code = (
        "from pathlib import Path\nfrom recipes import Recipe\nfrom records import Workspace\n"
        "from training import plan, shelf\nr = plan.resolve(Recipe.of({'data': {'sample': 'penguins'}}))\n"
        f"print(shelf.open_prepared(r, Workspace(Path({str(tmp_path)!r})))[2].folder)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    answers = {process.communicate()[0] for process in both}
    assert len(answers) == 1
    assert [process.returncode for process in both] == [0, 0]
    assert not list(tmp_path.rglob("*.tmp"))


def read_in_background(data, workspace):
    job = shelf.start_reading(data, workspace)
    end = time.monotonic() + 60
    while shelf.reading(job)["done"] < 1:
        assert time.monotonic() < end
        time.sleep(0.02)
    return shelf.reading(job)


def test_an_upload_is_read_by_a_child_process(tmp_path):
    (tmp_path / "rows.csv").write_text("a,kind\n" + "\n".join(f"{n},{'x' if n % 2 else 'y'}" for n in range(40)) + "\n")
    data, workspace = (
        resolve(Recipe.of({"data": {"file": str(tmp_path / "rows.csv")}})).data,
        Workspace(tmp_path / "ws"),
    )
    told = read_in_background(data, workspace)
    assert (told["text"], told["refused"]) == ("Ready", None)
    assert Path(told["dataset"]) == shelf.open_dataset(data, workspace).folder
    assert read_in_background(data, workspace)["dataset"] == told["dataset"]


def test_a_bad_upload_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"")
    data = Data.model_validate({"file": str(tmp_path / "rows.csv"), "type": "tabular"})
    told = read_in_background(data, Workspace(tmp_path / "ws"))
    assert told["dataset"] is None
    assert told["refused"].startswith("The file is empty")


@pytest.mark.parametrize(
    ("error", "sentence", "advice"),
    [
        (
            NotFiniteError(2.5),
            "Loss became NaN at epoch 3.",
            "Lower the learning rate (try 0.0003) or look for extreme values in the data.",
        ),
        (MemoryError(), "The computer ran out of memory.", "Try batch size 16 (was 64) or smaller data."),
        (
            OSError(28, "No space left on device"),
            "The disk is full.",
            "Free some space, then press Resume: the model up to epoch 7 is safe.",
        ),
        (Refusal("Too few rows."), "Too few rows.", ""),
        (
            KeyError("x"),
            "The engine stopped with an error (KeyError).",
            "Press Resume to go on: the model up to epoch 7 is safe. The log says more.",
        ),
    ],
)
def test_failures_are_told_in_words(error, sentence, advice):
    made = recipe(training={"learning_rate": 0.003, "batch_size": 64})
    assert failures.classify(error, made, 7)[:2] == (sentence, advice)


def test_nothing_here_imports_keras():
    code = (
        "import sys, training.plan, training.shelf, training.ask, training.failures, training.estimate\n"
        "import training.__main__, training.warm, training.worker\n"
        "from recipes import Recipe\ntraining.plan.resolve(Recipe.of({'data': {'sample': 'penguins'}}))\n"
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
