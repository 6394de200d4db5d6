"""What families that draw pictures share: encoders from picture to features, decoders from a code to a picture.

Pictures go in as bytes or floats from 0 to 255 and come out as floats from 0 to 255, so that every deliverable speaks
of pictures in the same way. Convolutional halves go down to about four pixels a side, whatever the size.
"""

from typing import Any, Literal

import numpy as np

from recipes import Signature, TensorSpec, keras

Layers = Literal["dense", "convolutional"]
SMALLEST = 8
"""A side from which on a picture is halved once more."""


def picture_of(signature: Signature) -> tuple[str, TensorSpec]:
    """Return name and spec of the one input."""
    return next(iter(signature.inputs.items()))


def classes_of(signature: Signature) -> list[str]:
    """Name the classes where they are known but not what is learned."""
    return list(signature.details.get("classes", ()))


def sides(shape: tuple[int | None, ...]) -> list[tuple[int, int]]:
    """Return (height, width) from the whole picture down to the smallest map, each half of the one before."""
    found = [(int(shape[0] or 0), int(shape[1] or 0))]
    while max(found[-1]) >= SMALLEST:
        height, width = found[-1]
        found.append((-(-height // 2), -(-width // 2)))
    return found


def encode(
    x: Any,
    kind: Layers,
    units: int,
    filters: int,
    activation: str = "relu",
    dropout: float = 0.0,
    *,
    batch: bool = False,
) -> Any:
    """Map pictures (batch, height, width, channels) from 0 to 1 to features (batch, any)."""
    layers = keras.layers
    if kind == "dense":
        x = layers.Flatten()(x)
        for size in (units, max(8, units // 2)):
            x = _dropped(
                layers.Activation(activation)(_usual(layers.Dense(size, use_bias=not batch)(x), batch)), dropout
            )
        return x
    for step in range(len(sides(x.shape[1:])) - 1):
        x = layers.Conv2D(filters * min(4, 2**step), 4, strides=2, padding="same", use_bias=not batch)(x)
        x = _dropped(layers.Activation(activation)(_usual(x, batch)), dropout)
    return layers.Flatten()(x)


def decode(
    code: Any, shape: tuple[int | None, ...], kind: Layers, units: int, filters: int, activation: str = "relu",
    *, batch: bool = False,
) -> Any:  # fmt: skip
    """Map codes (batch, numbers) to logits of pictures (batch, height, width, channels), in full precision."""
    layers = keras.layers
    channels = int(shape[2] or 1)
    if kind == "dense":
        x = code
        for size in (max(8, units // 2), units):
            x = layers.Activation(activation)(_usual(layers.Dense(size, use_bias=not batch)(x), batch))
        height, width = sides(shape)[0]
        return layers.Reshape((height, width, channels))(layers.Dense(height * width * channels, dtype="float32")(x))
    steps = sides(shape)
    widths = [filters * min(4, 2**step) for step in range(len(steps) - 1)] or [filters]
    height, width = steps[-1]
    x = layers.Dense(height * width * widths[-1], use_bias=not batch)(code)
    x = layers.Activation(activation)(_usual(layers.Reshape((height, width, widths[-1]))(x), batch))
    for step in range(len(steps) - 2, -1, -1):
        is_last = step == 0
        size = channels if is_last else widths[step - 1]
        x = layers.Conv2DTranspose(
            size, 4, strides=2, padding="same", use_bias=is_last or not batch, dtype="float32" if is_last else None
        )(x)
        height, width = steps[step]
        if x.shape[1:3] != (height, width):
            x = layers.Cropping2D(((0, x.shape[1] - height), (0, x.shape[2] - width)))(x)
        if not is_last:
            x = layers.Activation(activation)(_usual(x, batch))
    if len(steps) == 1:
        x = layers.Conv2D(channels, 3, padding="same", dtype="float32")(x)
    return x


def shown(logits: Any) -> Any:
    """Turn logits into a picture from 0 to 255."""
    layers = keras.layers
    return layers.Rescaling(255.0, dtype="float32")(layers.Activation("sigmoid", dtype="float32")(logits))


def codes(numbers: int, rows: int = 8) -> np.ndarray:
    """Return a few codes with which a drawing deliverable is checked: (rows, numbers) float32."""
    return np.random.default_rng(7).normal(size=(rows, numbers)).astype(np.float32)


def _usual(x: Any, batch: bool) -> Any:  # noqa: FBT001 - passed on
    return keras.layers.BatchNormalization(momentum=0.9)(x) if batch else x


def _dropped(x: Any, dropout: float) -> Any:
    return keras.layers.Dropout(dropout)(x) if dropout else x
