"""Autoencoder: squeezes each example into a few numbers and rebuilds it from them; what it cannot rebuild is odd.

It learns without labels what is usual. The few numbers are a compressed form; the error of rebuilding is a measure of
oddness that finds frauds, faults and pictures of a kind it has never seen. With noise it learns to clean what it sees.
Paper: Hinton, Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006; with noise after
Vincent, Larochelle, Bengio, Manzagol, "Extracting and Composing Robust Features with Denoising Autoencoders", 2008.
Score: ROC AUC 0.9 for a digit that it never saw, sealed test part, mean of three seeds.
"""

import math
from functools import cache
from typing import Any, Literal

from builders import Blueprint, Stage, Whole
from builders._drawing import codes, decode, encode
from recipes import Refusal, Settings, Signature, TensorSpec, keras, setting

TITLE = "Autoencoder"
SUMMARY = "Squeezes each example into a few numbers and rebuilds it; what it cannot rebuild is odd."
ICON = "compress"
TASKS = ("reconstruction",)
DATA_TYPES = ("tabular", "series", "image")
PAPER = "Hinton, Salakhutdinov: Reducing the Dimensionality of Data with Neural Networks, 2006"
TRAINING = {"epochs": 100, "batch_size": 64, "learning_rate": 0.002, "patience": 15}


class Config(Settings):
    """Settings of the autoencoder."""

    layers: Literal["dense", "convolutional"] = setting(
        "dense", "Layers", "`dense` suits tables and tiny pictures; `convolutional` suits larger pictures."
    )
    code: int = setting(
        0, "Numbers in the code", "How far it squeezes. Fewer: odd examples stand out more. More: finer rebuilding.",
        ge=0, le=1024, log=True, zero="automatic",
    )  # fmt: skip
    units: int = setting(256, "Units", "Units of the larger dense layer; the other has half.", ge=1, le=4096, log=True)
    filters: int = setting(
        32, "Filters", "Filters of the first convolution; they double from step to step.", ge=1, le=256, log=True,
        advanced=True,
    )  # fmt: skip
    noise: float = setting(
        0.2, "Noise to clean", "Adds noise while training and asks for the clean example; above 0 it learns to clean.",
        ge=0, le=1, step=0.05,
    )  # fmt: skip
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh"] = setting(
        "relu", "Activation", "The bend after each layer.", advanced=True
    )
    dropout: float = setting(
        0.0, "Dropout", "Share of the encoder's units that sit out each step.", ge=0, le=0.8, step=0.05,
        panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Make encoder and decoder, and from them what rebuilds and measures the error of each example."""
    name, spec = next(iter(signature.inputs.items()))
    is_picture = len(spec.shape) == 3
    if config.layers == "convolutional" and not is_picture:
        raise Refusal("`layers` convolutional needs pictures. Choose dense.")
    inputs = math.prod(int(size or 1) for size in spec.shape)
    size = config.code or min(32, max(1, inputs // 8))
    notes = () if config.code else (f"Each example of {inputs:,} numbers is squeezed into {size:,}.",)
    example = keras.Input(spec.shape, name=name)
    encoder = _encoder(spec, config, size)
    decoder = _decoder(spec, config, size, is_picture=is_picture)
    scaled = keras.layers.Rescaling(1 / 255)(example) if is_picture else example
    rebuilt = decoder(encoder(scaled))  # in the scale in which the error is measured
    error = keras.ops.mean(
        keras.ops.square(rebuilt - scaled), axis=tuple(range(1, len(spec.shape) + 1)), keepdims=False
    )
    told = {"reconstruction": keras.layers.Rescaling(255.0 if is_picture else 1.0, dtype="float32")(rebuilt)}
    core = keras.Model(
        {name: example},
        told | {"error": keras.layers.Reshape((1,), dtype="float32")(keras.ops.expand_dims(error, -1))},
        name="autoencoder",
    )

    noisy = keras.layers.GaussianNoise(config.noise)(scaled) if config.noise else scaled
    stage = Stage("fit", _trainer()({name: example}, {"rebuilt": decoder(encoder(noisy)), "truth": scaled}))
    code = keras.Input((size,), name="code")
    drawn = keras.layers.Rescaling(255.0 if is_picture else 1.0, dtype="float32")(decoder(code))
    what = "a picture from 0 to 255" if is_picture else "the example in the form that the model sees"
    whole = Whole(
        keras.Model({"code": code}, {"reconstruction": drawn}, name="decoder"),
        "Decoder", f"The {size} numbers of a code in, {what} out.", {"code": codes(size)},
    )  # fmt: skip
    squeeze = keras.Model({name: example}, {"code": encoder(scaled)}, name="encoder_of_examples")
    return Blueprint((stage,), {"model": core, "encoder": squeeze, "decoder": whole}, notes)


def _encoder(spec: TensorSpec, config: Config, size: int) -> Any:
    """Map scaled examples to codes (batch, size)."""
    example = keras.Input(spec.shape, name="scaled")
    x = encode(example, config.layers, config.units, config.filters, config.activation, config.dropout)
    return keras.Model(example, keras.layers.Dense(size, dtype="float32")(x), name="encoder")


def _decoder(spec: TensorSpec, config: Config, size: int, *, is_picture: bool) -> Any:
    """Map codes to scaled examples: pictures from 0 to 1, other numbers of any size."""
    code = keras.Input((size,), name="code")
    shape = spec.shape if is_picture else (1, math.prod(int(each or 1) for each in spec.shape), 1)
    x = decode(code, shape, config.layers, config.units, config.filters, config.activation)
    if is_picture:
        return keras.Model(code, keras.layers.Activation("sigmoid", dtype="float32")(x), name="decoder")
    return keras.Model(code, keras.layers.Reshape(spec.shape)(x), name="decoder")


@cache
def _trainer() -> Any:
    """Make the class that is fitted; Keras is only there once a worker builds."""

    class Rebuilding(keras.Model):
        """Rebuilds an example, perhaps a noisy one; the loss is the mean squared error to the clean one."""

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            return keras.ops.mean(keras.ops.square(y_pred["rebuilt"] - y_pred["truth"]))

    return Rebuilding
