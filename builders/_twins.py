"""Changing pictures at random, and the model that learns to find the changed twin of each picture among others."""

import math
from functools import cache
from typing import Any

from recipes import keras

PROJECTED = 64
"""Numbers in which twins are compared; the features before them are what is kept."""


@cache
def change_layer() -> Any:
    """Make the layer's class; Keras is only there once a worker builds."""
    ops = keras.ops

    class Change(keras.layers.Layer):
        """Turn, lean, stretch, move, embolden and tint pictures (batch, height, width, channels), 0 to 255.

        Every picture gets numbers of its own. Only while training; `strength` 1 is about what a hand would do.
        """

        def __init__(self, strength: float, *, mirror: bool) -> None:
            super().__init__(name="change")
            self.strength, self.mirror = strength, mirror
            self.seed = keras.random.SeedGenerator()

        def call(self, x: Any, *, training: bool = False) -> Any:
            x = ops.cast(x, "float32")
            return self._tinted(self._emboldened(self._moved(x))) if training else x

        def compute_output_spec(self, x: Any, *, training: bool = False) -> Any:
            return keras.KerasTensor(x.shape, "float32")

        def _normal(self, x: Any, spread: float, *shape: int) -> Any:
            size = (ops.shape(x)[0], *shape)
            return keras.random.normal(size, stddev=spread * self.strength, seed=self.seed)

        def _moved(self, x: Any) -> Any:
            """Look each pixel up at a place that is turned, leant, stretched and moved about the middle."""
            height, width = x.shape[1], x.shape[2]
            turn, lean = self._normal(x, math.radians(12)), self._normal(x, 0.15)
            wide, high = ops.exp(self._normal(x, 0.14)), ops.exp(self._normal(x, 0.14))
            if self.mirror:
                coin = keras.random.uniform(ops.shape(wide), seed=self.seed)
                wide = ops.where(coin < 0.5, wide, -wide)
            right, below = self._normal(x, 0.06 * width), self._normal(x, 0.06 * height)
            a, b = wide * ops.cos(turn), lean - ops.sin(turn)
            d, e = ops.sin(turn), high * ops.cos(turn)
            across, down = (width - 1) / 2, (height - 1) / 2
            c = across - a * across - b * down + right
            f = down - d * across - e * down + below
            zero = ops.zeros_like(a)
            places = ops.stack([a, b, c, d, e, f, zero, zero], axis=1)  # (batch, 8)
            return ops.image.affine_transform(x, places, interpolation="bilinear", fill_mode="nearest")

        def _emboldened(self, x: Any) -> Any:
            """Let light or dark parts grow by up to one pixel."""
            size = (ops.shape(x)[0], 1, 1, 1)
            weight = self.strength * keras.random.uniform(size, -0.6, 1.0, seed=self.seed)
            light = ops.max_pool(x, 3, strides=1, padding="same")
            dark = -ops.max_pool(-x, 3, strides=1, padding="same")
            return x + ops.clip(weight, 0, 1) * (light - x) + ops.clip(-weight, 0, 1) * (dark - x)

        def _tinted(self, x: Any) -> Any:
            """Make each colour brighter or darker, and add a little noise."""
            gain = ops.exp(self._normal(x, 0.2, 1, 1, 1) + self._normal(x, 0.1, 1, 1, x.shape[-1]))
            noise = 6 * self.strength * keras.random.normal(ops.shape(x), seed=self.seed)
            return ops.clip(x * gain + noise, 0, 255)

    return Change


def changed(picture: Any, strength: float, *, mirror: bool) -> Any:
    """Put the change behind a picture input."""
    return change_layer()(strength, mirror=mirror)(picture)


@cache
def twin_finder() -> Any:
    """Make the class that is fitted without labels."""
    ops = keras.ops

    class TwinFinder(keras.Model):
        """Change each picture twice and learn to pick the twin out of all others in the batch (NT-Xent)."""

        def __init__(self, encoder: Any, picture: str, temperature: float, strength: float, *, mirror: bool) -> None:
            super().__init__(name="twin_finder")
            self.encoder, self.picture, self.temperature = encoder, picture, temperature
            self.change = change_layer()(strength, mirror=mirror)
            features = int(encoder.output.shape[-1])
            self.projector = keras.Sequential(
                [
                    keras.Input((features,)),
                    keras.layers.Dense(features, activation="relu"),
                    keras.layers.Dense(PROJECTED),
                ],
                name="projector",
            )
            self.found = keras.metrics.Mean(name="found")
            self.built = True

        def call(self, x: Any, training: Any = None) -> Any:
            """Map (batch, height, width, channels) to the directions of both twins, (2 batch, 64)."""
            picture = x[self.picture]
            # Twins are made in validation too: without a change there would be nothing to find.
            both = ops.concatenate([self.change(picture, training=True), self.change(picture, training=True)])
            told = ops.cast(self.projector(self.encoder(both, training=training), training=training), "float32")
            return ops.normalize(told, axis=-1)

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            count = ops.shape(y_pred)[0]
            alike = ops.matmul(y_pred, ops.transpose(y_pred)) / self.temperature  # (2 batch, 2 batch)
            alike = alike - 1e9 * ops.eye(count)  # nobody is the own twin
            twin = ops.roll(ops.arange(count), count // 2)
            self.found.update_state(ops.cast(ops.equal(ops.argmax(alike, axis=-1), ops.cast(twin, "int64")), "float32"))
            return ops.mean(ops.sparse_categorical_crossentropy(twin, alike, from_logits=True))

    return TwinFinder
