"""What the families share: choices of settings, the last layer with its loss, augmentation, the layer table."""

import math
from collections.abc import Callable
from typing import Any, Literal

from builders import Blueprint, Stage
from recipes import Settings, Signature, keras, setting

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "tanh", "sigmoid", "softplus"]
Initializer = Literal[
    "he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "lecun_uniform", "orthogonal",
    "truncated_normal",
]  # fmt: skip
Normalization = Literal["none", "batch", "layer"]
INPUT = "Input"
"""What the layer table calls the place where the data come in: the word of Keras's own function."""


class LayerSettings(Settings):
    """Settings of nearly every family; a family changes a default by declaring the setting again."""

    activation: Activation = setting(
        "relu", "Activation", "The bend after each layer; without one, all layers together would be a straight line.",
        advanced=True,
    )  # fmt: skip
    normalization: Normalization = setting(
        "none", "Normalization", "Keeps the numbers inside the network at one size: per batch, per example, or not.",
        advanced=True,
    )  # fmt: skip
    initializer: Initializer = setting(
        "he_normal", "First weights", "From which random numbers the weights start.", advanced=True
    )
    dropout: float = setting(
        0.0, "Dropout", "Share of the units that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip
    l2: float = setting(
        0.0, "L2 penalty", "Makes large weights costly; a little (0.0001) keeps the model simple.", ge=0, le=0.1,
        advanced=True, log=True, panel="training",
    )  # fmt: skip


class PictureSettings(LayerSettings):
    """Settings of families that read pictures: what is changed in a picture while training."""

    flip: Literal["none", "horizontal", "vertical", "both"] = setting(
        "none", "Mirror", "Also show mirrored pictures. Not for digits and letters.", panel="training"
    )
    rotation: float = setting(
        0.0, "Turn", "Turn each picture by up to this many degrees, either way.", ge=0, le=180, step=1, unit="°",
        panel="training", advanced=True,
    )  # fmt: skip
    shift: float = setting(
        0.0, "Shift", "Shift each picture by up to this share of its size.", ge=0, le=0.5, step=0.01, panel="training",
        advanced=True,
    )  # fmt: skip
    zoom: float = setting(
        0.0, "Zoom", "Zoom in or out by up to this share.", ge=0, le=0.5, step=0.01, panel="training", advanced=True
    )
    brightness: float = setting(
        0.0, "Brightness", "Make pictures darker or brighter by up to this share.", ge=0, le=0.8, step=0.05,
        panel="training", advanced=True,
    )  # fmt: skip
    contrast: float = setting(
        0.0, "Contrast", "Make pictures flatter or harder by up to this share.", ge=0, le=0.8, step=0.05,
        panel="training", advanced=True,
    )  # fmt: skip


def penalty(config: Any) -> Any:
    """Return the regularizer of a layer's weights, or None."""
    return keras.regularizers.L2(config.l2) if config.l2 else None


def weights(config: LayerSettings) -> dict[str, Any]:
    """Return the keyword arguments that every layer with a kernel takes."""
    return {"kernel_initializer": config.initializer, "kernel_regularizer": penalty(config)}


def normalized(x: Any, config: LayerSettings) -> Any:
    """Put the chosen normalization behind a layer."""
    if config.normalization == "batch":
        # The usual 0.99 needs hundreds of steps to forget its start; small data have ten steps an epoch.
        return keras.layers.BatchNormalization(momentum=0.9)(x)
    return keras.layers.LayerNormalization()(x) if config.normalization == "layer" else x


def dense_block(x: Any, units: int, config: LayerSettings) -> Any:
    """Map (batch, features) to (batch, units): dense, normalization, activation, dropout."""
    x = keras.layers.Dense(units, use_bias=config.normalization != "batch", **weights(config))(x)
    x = keras.layers.Activation(config.activation)(normalized(x, config))
    return keras.layers.Dropout(config.dropout)(x) if config.dropout else x


def answer(x: Any, signature: Signature, config: Any) -> Any:
    """Map (batch, features) to (batch, outputs): logits, or the standardised number; always in full precision."""
    return keras.layers.Dense(signature.outputs, dtype="float32", kernel_regularizer=penalty(config), name="answer")(x)


def objective(signature: Signature) -> tuple[Any, Callable[[], list[Any]]]:
    """Return the loss for these logits or numbers, and what makes the metrics beside it."""
    if not signature.target.classes:
        return keras.losses.MeanSquaredError(), lambda: [keras.metrics.MeanAbsoluteError(name="mae")]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss, lambda: [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]


def blueprint(core: Any, signature: Signature, stage_model: Any = None, notes: tuple[str, ...] = ()) -> Blueprint:
    """Make the blueprint of a family with one stage; `stage_model` is the core in its training clothes."""
    loss, metrics = objective(signature)
    return Blueprint((Stage("fit", stage_model or core, loss, metrics),), {"model": core}, notes)


def augmented(core: Any, signature: Signature, config: PictureSettings) -> Any:
    """Return the core behind the chosen augmentation (same weights), or the core itself if none is chosen."""
    layers = _augmentation(config)
    if not layers:
        return core
    name, spec = next(iter(signature.inputs.items()))
    picture = keras.Input(spec.shape, name=name)
    x = picture
    for layer in layers:
        x = layer(x)
    return keras.Model({name: picture}, core({name: x}), name=f"{core.name}_in_training")


def layer_table(model: Any) -> list[dict[str, Any]]:
    """List every layer, nested models opened: name, kind, output shape for people, parameters."""
    rows = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            inner = layer_table(layer)
            rows += [row for row in inner if row["kind"] != INPUT or not rows]
        else:
            parameters = sum(math.prod(weight.shape) for weight in layer.weights)
            shape = ", ".join(map(_words, shapes_out(layer)))
            kind = INPUT if isinstance(layer, keras.layers.InputLayer) else type(layer).__name__
            rows.append({"name": layer.name, "kind": kind, "shape": shape, "parameters": parameters})
    return rows


def shapes_out(layer: Any) -> list[tuple[int | None, ...]]:
    """Return the shapes of what a layer puts out; nothing for a layer that is called inside a model's own `call`."""
    try:
        return [each.shape for each in keras.tree.flatten(layer.output)]
    except AttributeError:  # Keras's word for "never called on a symbolic tensor"
        return []


def _augmentation(config: PictureSettings) -> list[Any]:
    kinds = keras.layers
    layers = []
    if config.flip != "none":
        mode = "horizontal_and_vertical" if config.flip == "both" else config.flip
        layers.append(kinds.RandomFlip(mode))
    if config.rotation:
        layers.append(kinds.RandomRotation(config.rotation / 360, fill_mode="nearest"))
    if config.shift:
        layers.append(kinds.RandomTranslation(config.shift, config.shift, fill_mode="nearest"))
    if config.zoom:
        layers.append(kinds.RandomZoom(config.zoom, fill_mode="nearest"))
    if config.brightness:
        layers.append(kinds.RandomBrightness(config.brightness, value_range=(0, 255)))
    if config.contrast:
        layers.append(kinds.RandomContrast(config.contrast, value_range=(0, 255)))
    return layers


def _words(shape: Any) -> str:
    """Turn (None, 16, 16, 32) into "16 x 16 x 32"; an axis of any length is "any"."""
    return " x ".join("any" if size is None else str(size) for size in shape[1:]) or "1"
