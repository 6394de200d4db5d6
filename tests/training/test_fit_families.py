"""Families with memory, attention or a loss of their own: the fast loop meets the same losses as plain `fit`."""

from typing import Any

import numpy as np
import pytest

import training.fit as loop
from builders import Stage
from recipes import Part, Training, keras, validate

ROWS, STEPS, COLUMNS, PIXELS = 48, 6, 3, 12
SETTINGS = {"epochs": 2, "batch_size": 16, "early_stopping": False, "seed": 5}


def recurrent(kind, *, both=False, **settings):
    def make():
        inputs = keras.Input((STEPS, COLUMNS), name="x")
        layer = getattr(keras.layers, kind)(5, **settings)
        layer = keras.layers.Bidirectional(layer) if both else layer
        return keras.Model({"x": inputs}, keras.layers.Dense(2)(layer(inputs)))

    return make


def attending():
    inputs = keras.Input((STEPS,), name="x", dtype="int32")
    x = keras.layers.Embedding(20, 8)(inputs)
    x = x + keras.layers.MultiHeadAttention(2, 4)(x, x)
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.LayerNormalization()(x))
    return keras.Model({"x": inputs}, keras.layers.Dense(2)(x))


def variational():
    class Variational(keras.Model):
        def __init__(self):
            super().__init__()
            self.encoder = keras.Sequential([keras.Input((PIXELS,)), keras.layers.Dense(4)])
            self.decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(PIXELS)])
            self.noise = keras.random.SeedGenerator(3)
            self.cost = keras.metrics.Mean(name="kl")

        def call(self, inputs, training=None):
            mean, spread = keras.ops.split(self.encoder(inputs["x"]), 2, axis=-1)
            noise = keras.random.normal(keras.ops.shape(mean), seed=self.noise)
            return {"x": self.decoder(mean + noise * keras.ops.exp(spread / 2)), "mean": mean, "spread": spread}

        def compute_loss(self, x: Any = None, y=None, y_pred: Any = None, sample_weight=None, training=True):  # noqa: FBT002
            ops, mean, spread = keras.ops, y_pred["mean"], y_pred["spread"]
            cost = -0.5 * ops.mean(ops.sum(1 + spread - ops.square(mean) - ops.exp(spread), axis=-1))
            self.cost.update_state(cost)
            return ops.mean(ops.square(x["x"] - y_pred["x"])) + 0.1 * cost

    return Variational()


def adversarial():
    class Adversaries(keras.Model):
        """Two networks in one fit; each term reaches one of them only."""

        def __init__(self):
            super().__init__()
            layers = keras.layers
            self.generator = keras.Sequential([keras.Input((2,)), layers.Dense(8, "relu"), layers.Dense(PIXELS)])
            self.discriminator = keras.Sequential([keras.Input((PIXELS,)), layers.Dense(8, "relu"), layers.Dense(1)])
            self.noise = keras.random.SeedGenerator(3)
            self.judging = keras.metrics.Mean(name="judging")

        def call(self, inputs, training=None):
            judge, stop = self.discriminator, keras.ops.stop_gradient
            fake = self.generator(keras.random.normal((keras.ops.shape(inputs["x"])[0], 2), seed=self.noise))
            frozen = [stop(each.value) for each in judge.trainable_variables]
            fooled, _ = judge.stateless_call(frozen, [each.value for each in judge.non_trainable_variables], fake)
            return {"real": judge(inputs["x"]), "fake": judge(stop(fake)), "fooled": fooled}

        def compute_loss(self, x: Any = None, y=None, y_pred: Any = None, sample_weight=None, training=True):  # noqa: FBT002
            softplus = keras.ops.softplus
            judging = keras.ops.mean(softplus(-y_pred["real"]) + softplus(y_pred["fake"]))
            self.judging.update_state(judging)
            return judging + keras.ops.mean(softplus(-y_pred["fooled"]))

    return Adversaries()


def boltzmann():
    class Boltzmann(keras.Model):
        """Contrastive divergence as a difference of free energies."""

        def __init__(self):
            super().__init__()
            self.kernel = self.add_weight(shape=(PIXELS, 5), initializer=keras.initializers.RandomNormal(0, 0.1, 3))
            self.visible = self.add_weight(shape=(PIXELS,), initializer="zeros")
            self.hidden = self.add_weight(shape=(5,), initializer="zeros")
            self.noise = keras.random.SeedGenerator(3)

        def draw(self, chances):
            drawn = keras.random.uniform(keras.ops.shape(chances), seed=self.noise) < chances
            return keras.ops.cast(drawn, "float32")

        def call(self, inputs, training=None):
            ops = keras.ops
            hidden = self.draw(ops.sigmoid(ops.matmul(inputs["x"], self.kernel) + self.hidden))
            return ops.stop_gradient(ops.sigmoid(ops.matmul(hidden, ops.transpose(self.kernel)) + self.visible))

        def energy(self, seen):
            ops = keras.ops
            hidden = ops.sum(ops.softplus(ops.matmul(seen, self.kernel) + self.hidden), axis=-1)
            return -ops.sum(seen * self.visible, axis=-1) - hidden

        def compute_loss(self, x: Any = None, y=None, y_pred: Any = None, sample_weight=None, training=True):  # noqa: FBT002
            return keras.ops.mean(self.energy(x["x"]) - self.energy(y_pred))

    return Boltzmann()


SURE = {
    "LSTM": (recurrent("LSTM"), "series"),
    "GRU both ways": (recurrent("GRU", both=True), "series"),
    "attention": (attending, "tokens"),
}
RANDOM = {
    "LSTM with dropout": (recurrent("LSTM", dropout=0.2, seed=3), "series"),
    "variational": (variational, "pixels"),
    "adversarial": (adversarial, "pixels"),
    "boltzmann": (boltzmann, "pixels"),
}
ALL = SURE | RANDOM


def data(kind, rows=ROWS, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, rows).astype("int32")
    if kind == "tokens":
        x = random.integers(0, 20, (rows, STEPS)).astype("int32")
    else:
        x = random.random((rows, STEPS, COLUMNS) if kind == "series" else (rows, PIXELS)).astype("float32")
    return Part({"x": x}, y, np.arange(rows))


def compiled(make, kind, settings):
    keras.utils.set_random_seed(7)
    model = make()
    seeds = [each for each in model.variables if "seed_generator" in each.path]
    before = [each.numpy() for each in seeds]
    model({"x": data(kind, 1).x["x"]})  # a subclass of `keras.Model` makes its weights when it is called
    for variable, value in zip(seeds, before, strict=True):
        variable.assign(value)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    own = type(model).compute_loss is not keras.Model.compute_loss
    loop.compile_stage(Stage("fit", model, None if own else loss), validate(Training, settings))
    return model


def plain(model, train):
    """Fit epoch by epoch with Keras alone, on rows laid out in the loop's order."""
    found = {}
    for epoch in range(SETTINGS["epochs"]):
        rows = loop.order(SETTINGS["seed"], epoch, ROWS)
        told = model.fit(
            {"x": train.x["x"][rows]}, train.y[rows], batch_size=SETTINGS["batch_size"], shuffle=False, verbose=0
        ).history
        found = {name: found.get(name, []) + values for name, values in told.items()}
    return found


def fast(model, train, *, xla, **arguments):
    policy = loop.Policy("compiled", xla, True, "As the test wants it.", steps_before_xla=2)
    settings = validate(Training, SETTINGS | {"epochs": arguments.pop("epochs", SETTINGS["epochs"])})
    return loop.fit(model, train, None, training=settings, policy=policy, **arguments).history


def same(one, other, tolerance):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", ALL)
def test_equals_plain_fit(name):
    """Losses and the family's own metrics, to the fifth digit."""
    make, kind = ALL[name]
    train = data(kind)
    expected = plain(compiled(make, kind, SETTINGS), train)
    same(fast(compiled(make, kind, SETTINGS), train, xla=False), expected, 1e-5)


@pytest.mark.parametrize("name", ALL)
def test_equals_plain_fit_with_xla(name, caplog):
    """XLA really compiles it. It may draw other random numbers, so where chance has a part they agree only about."""
    make, kind = ALL[name]
    train = data(kind)
    expected = plain(compiled(make, kind, SETTINGS), train)
    same(fast(compiled(make, kind, SETTINGS), train, xla=True), expected, 1e-5 if name in SURE else 0.2)
    assert "XLA cannot compile" not in caplog.text


@pytest.mark.parametrize("name", RANDOM)
def test_random_layers_resume_to_the_last_bit(name):
    """What they draw is a function of their seed's state, which is part of a checkpoint."""
    make, kind = RANDOM[name]
    train = data(kind)
    whole = compiled(make, kind, SETTINGS)
    expected = fast(whole, train, xla=True, epochs=3)
    first, second = compiled(make, kind, SETTINGS), compiled(make, kind, SETTINGS)
    fast(first, train, xla=True, epochs=2)
    for old, new in zip([*first.variables, *first.optimizer.variables],
                        [*second.variables, *second.optimizer.variables], strict=True):  # fmt: skip
        new.assign(old)
    history = fast(second, train, xla=True, epochs=3, initial_epoch=2)
    assert history["loss"] == expected["loss"][2:]
    for one, other in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_goes_on_without_xla_where_it_cannot_compile(monkeypatch, caplog):
    """No weight has changed by then, so nothing is lost, and the log says why it is slower."""
    import tensorflow as tf

    from training import _on_tensorflow

    def refuse(*_arguments):
        raise tf.errors.InvalidArgumentError(None, None, "must be a compile-time constant")

    monkeypatch.setattr(_on_tensorflow, "_through_xla", lambda *_arguments: refuse)
    make, kind = SURE["attention"]
    train = data(kind)
    expected = plain(compiled(make, kind, SETTINGS), train)
    same(fast(compiled(make, kind, SETTINGS), train, xla=True), expected, 1e-5)
    assert "XLA cannot compile this model; it goes on without." in caplog.text
