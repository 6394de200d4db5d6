"""Variational autoencoder: squeezes a picture into a few numbers in such an orderly way that new numbers draw new ones.

The encoder answers a place and a spread for each picture; the decoder redraws it from a point near that place. A second
cost keeps all places close to the middle, so that any point near it draws something sensible. With two numbers the
whole world of the pictures is a map.
Paper: Kingma, Welling, "Auto-Encoding Variational Bayes", 2013; beta after Higgins and others, "beta-VAE", 2017.
Score: all 10 classes among 500 new pictures on digits and on glyphs, judged by an independent classifier.
"""

import math
from functools import cache
from typing import Any, Literal

from builders import Blueprint, Stage, Whole
from builders._drawing import codes, decode, encode, picture_of, shown
from recipes import Settings, Signature, keras, setting

TITLE = "Variational autoencoder"
SUMMARY = "Learns a map of the pictures: every point on it draws one, and between two points one turns into the other."
ICON = "scatter_plot"
TASKS = ("generation",)
DATA_TYPES = ("image",)
PAPER = "Kingma, Welling: Auto-Encoding Variational Bayes, 2013"
TRAINING = {"epochs": 150, "batch_size": 64, "learning_rate": 0.002, "patience": 40}
METRICS = {
    "redrawing": ("Redrawing cost", "How unlike the redrawn pictures are; the loss is this plus beta times the other."),
    "kl": ("Order cost", "How many numbers' worth of detail the code keeps beyond the orderly map (KL divergence)."),
}


TINY = 256
"""Pictures of at most so many values are drawn from two numbers, unless a person says otherwise."""


class Config(Settings):
    """Settings of the variational autoencoder."""

    layers: Literal["dense", "convolutional"] = setting(
        "dense", "Layers", "`dense` suits tiny pictures and is quick; `convolutional` suits larger ones."
    )
    code: int = setting(
        0, "Numbers in the code", "Two make a map to walk on, more redraw better. Automatic: 2 for tiny pictures.",
        ge=0, le=256, log=True, zero="automatic",
    )  # fmt: skip
    units: int = setting(256, "Units", "Units of the larger dense layer; the other has half.", ge=1, le=4096, log=True)
    filters: int = setting(
        32, "Filters", "Filters of the first convolution; they double from step to step.", ge=1, le=256, log=True,
        advanced=True,
    )  # fmt: skip
    beta: float = setting(
        1.0, "Beta", "Above 1 the map is more orderly and the pictures blurrier; below 1 they are sharper.", ge=0.01,
        le=20, log=True,
    )  # fmt: skip
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh"] = setting(
        "relu", "Activation", "The bend after each layer.", advanced=True
    )


def build(signature: Signature, config: Config) -> Blueprint:
    """Make encoder (picture to code), decoder (code to picture) and the model that trains both."""
    name, spec = picture_of(signature)
    size = config.code or (2 if math.prod(int(side or 1) for side in spec.shape) <= TINY else 8)
    picture = keras.Input(spec.shape, name=name)
    x = encode(keras.layers.Rescaling(1 / 255)(picture), config.layers, config.units, config.filters, config.activation)
    mean = keras.layers.Dense(size, dtype="float32", name="place")(x)
    log_var = keras.layers.Dense(size, dtype="float32", kernel_initializer="zeros", name="log_spread")(x)
    encoder = keras.Model({name: picture}, {"code": mean, "log_spread": log_var}, name="encoder")

    code = keras.Input((size,), name="code")
    logits = decode(code, spec.shape, config.layers, config.units, config.filters, config.activation)
    drawer = keras.Model(code, logits, name="drawer")
    point = keras.Input((size,), name="code")
    decoder = keras.Model({"code": point}, {"picture": shown(drawer(point))}, name="decoder")

    stage = Stage("fit", _trainer()(encoder, drawer, config.beta, name))
    told = f"A code of {size} numbers in, a picture from 0 to 255 out. Codes are drawn from a normal distribution."
    return Blueprint(
        (stage,),
        {"decoder": Whole(decoder, "Decoder", told, {"code": codes(size)}), "encoder": encoder},
    )


@cache
def _trainer() -> Any:
    """Make the class that is fitted; Keras is only there once a worker builds."""
    ops = keras.ops

    class VariationalAutoencoder(keras.Model):
        """Encoder, a random point near the place it answers, decoder; the loss is in nats a picture."""

        def __init__(self, encoder: Any, drawer: Any, beta: float, picture: str) -> None:
            super().__init__(name="vae")
            self.encoder, self.drawer, self.beta, self.picture = encoder, drawer, beta, picture
            self.seed = keras.random.SeedGenerator()
            self.redrawing, self.kl = keras.metrics.Mean(name="redrawing"), keras.metrics.Mean(name="kl")
            self.built = True

        def call(self, x: Any, training: Any = None) -> Any:
            told = self.encoder(x, training=training)
            noise = keras.random.normal(ops.shape(told["code"]), seed=self.seed)
            point = told["code"] + (noise * ops.exp(0.5 * told["log_spread"]) if training else 0.0)
            return told | {"logits": self.drawer(point, training=training)}

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            truth = ops.cast(x[self.picture], "float32") / 255
            logits = y_pred["logits"]
            # Cross entropy of each pixel, from logits: stable where a pixel is certain.
            costs = ops.maximum(logits, 0) - logits * truth + ops.log1p(ops.exp(-ops.abs(logits)))
            redrawing = ops.mean(ops.sum(costs, axis=(1, 2, 3)))
            mean, log_var = y_pred["code"], y_pred["log_spread"]
            kl = -0.5 * ops.mean(ops.sum(1 + log_var - ops.square(mean) - ops.exp(log_var), axis=-1))
            self.redrawing.update_state(redrawing)
            self.kl.update_state(kl)
            return redrawing + self.beta * kl

    return VariationalAutoencoder
