"""The script and the notebook of a run: plain Keras alone, run in a clean process, reach what the run reached."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from exporters import code
from exporters.code._source import Source
from recipes import Recipe, Refusal, Signature, Target, keras
from records import Run
from training import worker
from training.opened import opened
from training.plan import resolve

CASES = [
    # Sample, family, epochs, score, how far the script's may lie from the run's (another draw of weights and order).
    ("penguins", "mlp", 15, "accuracy", 0.05),
    ("auto-mpg", "mlp", 30, "r2", 0.12),
    ("digits", "cnn", 6, "accuracy", 0.06),
    ("tickets", "cnn1d", 2, "accuracy", 0.08),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("workspace") / "runs"


def trained(runs, sample, family, epochs):
    if (done := Run(runs / f"{sample}{family}")).folder.exists():
        return done
    values = {"data": {"sample": sample}, "model": {"architecture": family}}
    run = Run.create(
        runs / f"{sample}{family}", resolve(Recipe.of(values | {"training": {"seed": 2, "epochs": epochs}}))
    )
    assert worker.main(run.folder, 1) == worker.FINISHED
    return run


def unpacked(run, into):
    with zipfile.ZipFile(code.write(opened(run), into.parent / f"{into.name}.zip")) as archive:
        archive.extractall(into)
    return into


def execute(folder, *command):
    """Run in a process that knows nothing of Layerwise: isolated, its own folder, an empty environment."""
    told = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, "-I", *command], cwd=folder, env=told, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "scores.json").read_text())


@pytest.mark.parametrize(("sample", "family", "epochs", "score", "near"), CASES)
def test_the_script_reaches_the_run_and_its_file_answers_from_raw_values(
    runs, tmp_path, sample, family, epochs, score, near
):
    run = trained(runs, sample, family, epochs)
    folder = unpacked(run, tmp_path / "code")
    found = execute(folder, "train.py")[score]
    assert found == pytest.approx(run.read("report.json")["metrics"][score], abs=near)
    model = keras.saving.load_model(folder / "model.keras", safe_mode=True)
    theirs = keras.saving.load_model(run.folder / "deliverables" / "model.keras", safe_mode=True)
    assert model.input.keys() == theirs.input.keys()
    assert {name: each.shape for name, each in model.output.items()} == {
        name: each.shape for name, each in theirs.output.items()
    }


def test_the_notebook_is_the_same_code_in_cells(runs, tmp_path):
    folder = unpacked(trained(runs, "penguins", "mlp", 15), tmp_path / "code")
    told = json.loads((folder / "train.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in told["cells"] if cell["cell_type"] == "code"]
    script = (folder / "train.py").read_text()
    assert all(cell in script for cell in cells)
    (folder / "cells.py").write_text("\n\n".join(cells))
    assert 0 <= execute(folder, "cells.py")["accuracy"] <= 1


def test_every_setting_of_training_reaches_the_code(runs, tmp_path):
    values = {"data": {"sample": "iris"}, "model": {"architecture": "mlp"}}
    settings = {
        "epochs": 2, "optimizer": "sgd", "momentum": 0.8, "weight_decay": 0.01, "gradient_clipping": 2.0,
        "schedule": "cosine", "warmup_epochs": 1, "class_weights": "balanced", "patience": 4, "restore_best": False,
    }  # fmt: skip
    run = Run.create(runs / "settings", resolve(Recipe.of(values | {"training": settings})))
    assert worker.main(run.folder, 1) == worker.FINISHED
    folder = unpacked(run, tmp_path / "code")
    script = (folder / "train.py").read_text()
    for line in (
        "optimizer=keras.optimizers.SGD(learning_rate=RATE, weight_decay=0.01, global_clipnorm=2.0, momentum=0.8),",
        "callbacks.append(keras.callbacks.LearningRateScheduler(rate))",
        "callbacks.append(keras.callbacks.EarlyStopping(patience=4, restore_best_weights=False))",
        "    return RATE * 0.5 * (1 + math.cos(math.pi * passed / left))",
        'sample_weight=weights[y["train"]],',
    ):
        assert line in script
    compile(script, "train.py", "exec")


def signature(task, rows=100):
    return Signature(
        data_type="image", task=task, target=Target(name="kind"), inputs={}, raw=(), rows={"train": rows}
    )  # fmt: skip


def test_what_cannot_be_plain_code_is_said_before():
    assert code.offered(signature("classification"), "cnn") == ""
    assert code.offered(signature("reconstruction"), "autoencoder") == code.OTHER_TASK
    assert code.offered(signature("classification"), "transfer") == code.PRETRAINED
    assert code.offered(signature("classification", 60_000), "cnn") == (
        "These data have 60,000 examples; a script takes up to 50,000 along. The recipe trains the run again."
    )


def test_a_training_of_several_fits_is_refused_in_words(runs, tmp_path):
    run = trained(runs, "iris", "dbn", 1)
    with pytest.raises(Refusal) as refusal:
        code.write(opened(run), tmp_path / "code.zip")
    assert str(refusal.value) == code.OWN_TRAINING


def rebuilt(model):
    source = Source()
    source.model(model, "model")
    names = {"keras": keras, "layers": keras.layers, "ops": keras.ops, "np": np, "CONSTANTS": source.constants}
    exec("\n".join(source.lines), names)  # noqa: S102 - the code under test
    return names["model"]


def test_code_of_a_model_with_shared_layers_inner_models_and_operations_computes_the_same():
    layers, ops = keras.layers, keras.ops
    first, second = keras.Input((6,), name="a b"), keras.Input((6,), name="2nd")
    shared = layers.Dense(4, activation="tanh", kernel_initializer="he_normal")
    inner = keras.Input((4,))
    twice = keras.Model(inner, {"double": inner * 2.0, "less": ops.maximum(inner - 1, 0.1)}, name="twice")
    told = twice(shared(first))
    both = layers.Concatenate()([told["double"], told["less"], shared(second)])
    parts = ops.split(both, 2, axis=-1)
    answer = layers.Dense(2)(
        parts[1][:, 1:3] + layers.Rescaling(list(np.arange(20.0)[:2]), [0.5, 1.0])(parts[0][:, :2])
    )
    model = keras.Model({"a b": first, "2nd": second}, [answer, parts[0]])
    again = rebuilt(model)
    again.set_weights(model.get_weights())
    random = np.random.default_rng(1)
    x = {name: random.normal(size=(3, 6)).astype("float32") for name in ("a b", "2nd")}
    for one, other in zip(model(x), again(x), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-6)


def test_a_class_of_our_own_is_refused():
    @keras.saving.register_keras_serializable("mine")
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 2

    inputs = keras.Input((2,))
    with pytest.raises(Refusal, match="The part `Doubled` of this model is not one of Keras's own"):
        rebuilt(keras.Model(inputs, Doubled()(inputs)))


def test_the_zip_pins_what_it_needs():
    assert [line.split("==")[0] for line in code.requirements().splitlines()] == [
        "tensorflow", "keras", "numpy", "pandas", "pillow",
    ]  # fmt: skip
    assert Path(code.__file__).exists()
