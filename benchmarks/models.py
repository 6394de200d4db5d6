"""The models that the benchmarks fit: plain Keras, as a person would write them, on data made from a seed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from builders import Stage
from recipes import Part, keras


@dataclass(frozen=True)
class Case:
    """One model on one data set."""

    name: str
    build: Callable[[], Any]
    """Makes the model, built and with its weights."""
    rows: int
    shape: tuple[int, ...]
    classes: int
    """0 where the model is its own teacher."""
    batch_size: int
    is_random: bool = False
    """Random layers may draw other numbers, so the losses agree only about."""
    kind: str = "numbers"
    """What a row is: `numbers`, `tokens` or `pixels`."""


TOKENS = 1000
SMALL = (
    Case("table, 64-64", lambda: dense(0.0), 10_000, (20,), 4, 32),
    Case("table, 64-64, dropout", lambda: dense(0.2), 10_000, (20,), 4, 32, is_random=True),
    Case("small CNN, 28 x 28", lambda: convolutional((28, 28, 1), (16, 32)), 5_000, (28, 28, 1), 10, 64),
    Case("LSTM, 64 x 50 steps", lambda: recurrent("LSTM", 0.0), 5_000, (50, 8), 2, 32),
    Case("LSTM, dropout", lambda: recurrent("LSTM", 0.2), 5_000, (50, 8), 2, 32, is_random=True),
    Case("GRU, both ways", lambda: recurrent("GRU", 0.0, both=True), 5_000, (50, 8), 2, 32),
    Case("transformer, 64 tokens", lambda: transformer(0.0), 5_000, (64,), 2, 32, kind="tokens"),
    Case("transformer, dropout", lambda: transformer(0.1), 5_000, (64,), 2, 32, is_random=True, kind="tokens"),
    Case("VAE, 784-128-16", lambda: variational(784, 128, 16), 10_000, (784,), 0, 64, is_random=True, kind="pixels"),
)
"""What a pupil trains on a laptop."""
LARGE = (
    Case("table, 512-512", lambda: dense(0.0, 512), 200_000, (50,), 10, 256),
    Case("CNN, 64 x 64", lambda: convolutional((64, 64, 3), (64, 128, 256, 256)), 10_000, (64, 64, 3), 10, 128),
    Case("LSTM, 256 x 100 steps", lambda: recurrent("LSTM", 0.0, units=256, steps=100), 10_000, (100, 8), 2, 128),
    Case("transformer, 4 x 256, 128 tokens", lambda: transformer(0.0, 128, 256, 4), 10_000, (128,), 2, 64,
         kind="tokens"),
    Case("VAE, 784-512-32", lambda: variational(784, 512, 32), 50_000, (784,), 0, 128, is_random=True, kind="pixels"),
)  # fmt: skip
"""What needs a GPU."""


def data(case: Case, rows: int) -> Part:
    """Make rows in which there is something to be learned; the same for everybody.

    Every fifth answer is left to chance, so that the loss stays far from zero and losses can be compared.
    """
    random = np.random.default_rng(1)
    truth, chance = random.integers(0, max(case.classes, 2), (2, rows)).astype("int32")
    y = np.where(random.random(rows) < 0.2, chance, truth)
    shift = truth.reshape(-1, *[1] * len(case.shape))
    if case.kind == "tokens":
        x = (
            random.integers(0, TOKENS // 2, (rows, *case.shape)) + shift * random.integers(0, 100, case.shape)
        ) % TOKENS
        return Part({"x": x.astype("int32")}, y, np.arange(rows))
    x = (random.normal(size=(rows, *case.shape)) + shift / 2).astype("float32")
    return Part({"x": 1 / (1 + np.exp(-x)) if case.kind == "pixels" else x}, y, np.arange(rows))


def stage(case: Case) -> Stage:
    """Make the model with its loss and metric, always from the same first weights."""
    keras.utils.set_random_seed(1)
    model = case.build()
    if not case.classes:
        return Stage("fit", model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Stage("fit", model, loss, lambda: [keras.metrics.SparseCategoricalAccuracy(name="accuracy")])


def dense(dropout: float, width: int = 64) -> Any:
    """Map (batch, features) to (batch, classes) by two hidden layers."""
    features, classes = (20, 4) if width == 64 else (50, 10)
    inputs = keras.Input((features,), name="x")
    x = inputs
    for _ in range(2):
        x = keras.layers.Dense(width, activation="relu")(x)
        x = keras.layers.Dropout(dropout)(x) if dropout else x
    return keras.Model({"x": inputs}, _answer(x, classes))


def convolutional(shape: tuple[int, int, int], filters: tuple[int, ...]) -> Any:
    """Map (batch, height, width, channels) to (batch, 10); each block halves the picture."""
    inputs = keras.Input(shape, name="x")
    x = inputs
    for amount in filters:
        x = keras.layers.MaxPooling2D(2)(keras.layers.Conv2D(amount, 3, activation="relu", padding="same")(x))
    return keras.Model({"x": inputs}, _answer(keras.layers.Flatten()(x), 10))


def recurrent(kind: str, dropout: float, *, units: int = 64, steps: int = 50, both: bool = False) -> Any:
    """Map (batch, steps, 8) to (batch, 2) by one recurrent layer."""
    inputs = keras.Input((steps, 8), name="x")
    layer = getattr(keras.layers, kind)(units, dropout=dropout)
    x = keras.layers.Bidirectional(layer)(inputs) if both else layer(inputs)
    return keras.Model({"x": inputs}, _answer(x, 2))


def transformer(dropout: float, length: int = 64, width: int = 64, blocks: int = 1) -> Any:
    """Map (batch, length) token numbers to (batch, 2) by blocks of attention."""
    layers, ops = keras.layers, keras.ops
    inputs = keras.Input((length,), name="x", dtype="int32")
    places = ops.cumsum(ops.ones_like(inputs), axis=-1) - 1
    x = layers.Embedding(TOKENS, width)(inputs) + layers.Embedding(length, width)(places)  # (batch, length, width)
    for _ in range(blocks):
        looked = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, width // 4, dropout=dropout)(looked, looked)
        thought = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = x + layers.Dropout(dropout)(layers.Dense(width)(thought))
    return keras.Model({"x": inputs}, _answer(layers.GlobalAveragePooling1D()(x), 2))


def variational(pixels: int, width: int, code: int) -> Any:
    """Map (batch, pixels) to itself through a random code; its loss is its own (Kingma, Welling, 2013)."""
    ops, layers = keras.ops, keras.layers

    class Variational(keras.Model):
        """A variational autoencoder that shows the cost of its code beside the loss."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = keras.Sequential([layers.Dense(width, activation="relu"), layers.Dense(2 * code)])
            self.decoder = keras.Sequential([layers.Dense(width, activation="relu"), layers.Dense(pixels)])
            self.noise = keras.random.SeedGenerator(1)
            self.kl = keras.metrics.Mean(name="kl")

        def call(self, inputs: Any, training: bool = False) -> Any:  # noqa: FBT001, FBT002 - Keras's signature
            del training
            mean, log_variance = ops.split(self.encoder(inputs["x"]), 2, axis=-1)
            noise = keras.random.normal(ops.shape(mean), seed=self.noise)
            picture = self.decoder(mean + noise * ops.exp(log_variance / 2))
            return {"picture": picture, "mean": mean, "log_variance": log_variance}

        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: Any = None) -> Any:
            del y, sample_weight, training
            mean, log_variance = y_pred["mean"], y_pred["log_variance"]
            cost = -0.5 * ops.mean(ops.sum(1 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=-1))
            error = ops.binary_crossentropy(x["x"], y_pred["picture"], from_logits=True)
            self.kl.update_state(cost)
            return ops.mean(ops.sum(error, axis=-1)) + cost

    model = Variational()
    model({"x": np.zeros((1, pixels), "float32")})
    return model


def _answer(x: Any, classes: int) -> Any:
    return keras.layers.Dense(classes, dtype="float32")(x)
