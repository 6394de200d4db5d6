"""Learning rates: the preview plot and the run follow the same numbers."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from recipes import Training, keras
from recipes.recipe import Optimizer
from training.optimizers import CLASSES, make_optimizer
from training.schedules import make_callbacks, rates

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"schedule": "constant"}, [1, 1, 1, 1]),
        ({"schedule": "constant", "warmup_epochs": 3}, [0.25, 0.5, 0.75, 1]),
        ({"schedule": "cosine"}, [1, 0.8535534, 0.5, 0.1464466]),
        ({"schedule": "cosine", "warmup_epochs": 2}, [1 / 3, 2 / 3, 1, 0.5]),
        ({"schedule": "step", "decay_every": 2}, [1, 1, 0.5, 0.5]),
        ({"schedule": "step", "decay_every": 1, "warmup_epochs": 1}, [0.5, 1, 0.5, 0.25]),
        ({"schedule": "exponential", "decay_factor": 0.125}, [1, 0.5, 0.25, 0.125]),
        ({"schedule": "reduce_on_plateau"}, [1, 1, 1, 1]),
        ({"schedule": "cosine", "warmup_epochs": 9}, [0.2, 0.4, 0.6, 0.8]),
    ],
)
def test_rates_follow_the_schedule(settings, expected):
    assert rates(Training(epochs=4, learning_rate=1.0, **settings)) == pytest.approx(expected)


def test_one_epoch_has_one_rate():
    for schedule in ("constant", "cosine", "step", "exponential", "reduce_on_plateau"):
        assert rates(Training(epochs=1, learning_rate=0.1, schedule=schedule)) == [0.1]


def fitted(training):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(make_optimizer(training), loss="mse")
    x, y = np.zeros((4, 2), "float32"), np.ones((4, 1), "float32")
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(float(model.optimizer.learning_rate))  # noqa: ARG005
    )
    model.fit(
        x, y, validation_data=(x, y), epochs=training.epochs, callbacks=[*make_callbacks(training), watch], verbose=0
    )
    return seen


def test_the_run_follows_the_preview():
    training = Training(epochs=4, schedule="cosine", warmup_epochs=1, learning_rate=0.01)
    assert fitted(training) == pytest.approx(rates(training))


def test_a_plateau_cuts_the_rate_after_the_warm_up():
    """Warm-up is planned; after it the rate belongs to what the run does."""
    training = Training(
        epochs=6, schedule="reduce_on_plateau", warmup_epochs=1, decay_every=1, decay_factor=0.5, learning_rate=1e-9,
        optimizer="sgd", momentum=0, early_stopping=False,
    )  # fmt: skip
    seen = fitted(training)
    assert seen[:2] == pytest.approx([0.5e-9, 1e-9])
    assert seen[-1] < 1e-9


def test_early_stopping_is_as_asked():
    (stopper,) = make_callbacks(Training(patience=4, restore_best=False))
    assert (stopper.patience, stopper.restore_best_weights, stopper.monitor) == (4, False, "val_loss")
    assert make_callbacks(Training(early_stopping=False, restore_best=False)) == []


def test_the_best_round_is_kept_without_early_stopping():
    """Two switches, two meanings."""
    (keeper,) = make_callbacks(Training(epochs=20, early_stopping=False, restore_best=True))
    assert keeper.restore_best_weights
    assert keeper.patience > 20


@pytest.mark.parametrize("name", get_args(Optimizer))
def test_every_optimizer_steps_downhill(name):
    training = Training(optimizer=name, learning_rate=0.05, weight_decay=0.01, gradient_clipping=1.0)
    optimizer = make_optimizer(training)
    assert type(optimizer).__name__ == CLASSES[name]
    assert optimizer.weight_decay == 0.01
    assert optimizer.global_clipnorm == 1.0
    weight = keras.Variable([[1.0, -2.0], [3.0, 1.0]])
    optimizer.build([weight])
    optimizer.apply([keras.ops.convert_to_tensor([[1.0, -1.0], [1.0, 1.0]])])
    assert float(weight[0, 0]) < 1.0
    assert float(weight[0, 1]) > -2.0


@pytest.mark.parametrize("name", ["sgd", "rmsprop"])
def test_momentum_reaches_those_who_know_it(name):
    assert make_optimizer(Training(optimizer=name, momentum=0.7)).momentum == 0.7


@pytest.mark.parametrize("name", get_args(Optimizer))
def test_no_weight_decay_unless_asked(name):
    """AdamW and Muon have one of their own, which nobody set."""
    assert not make_optimizer(Training(optimizer=name)).weight_decay


def test_pages_can_draw_the_plan_without_keras():
    program = (
        "import sys; from recipes import Training; from training import schedules; "
        "schedules.rates(Training(schedule='cosine')); "
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
