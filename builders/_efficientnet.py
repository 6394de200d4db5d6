"""EfficientNet-Lite0, trained on ImageNet, of stock layers: a trunk that stays as it is and a tail that may learn on.

Renjie Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020, after Mingxing Tan and Quoc Le,
"EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019. Its batch normalization is folded
into the convolutions, so nothing in it behaves otherwise while training.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from builders._weights import path
from recipes import keras

STAGES = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)  # fmt: skip
"""Expansion, channels, repeats, stride, side of the filter."""
FEATURES = 1280


@dataclass(frozen=True)
class _Block:
    name: str
    expansion: int
    channels: int
    stride: int
    kernel: int


def lite0(side: int | None, learning: int) -> tuple[Any, Any]:
    """Return trunk and tail, together (batch, side, side, 3) in 0 to 255 to (batch, 1280); any size where it is None.

    The tail holds the last `learning` of the 16 blocks and what stands behind them.
    """
    blocks = _blocks()
    cut = len(blocks) - learning
    picture = keras.Input((side, side, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="to_one")(picture)
    x = _capped(keras.layers.Conv2D(32, 3, strides=2, padding="same", name="stem")(x))
    for block in blocks[:cut]:
        x = _block(x, block)
    trunk = keras.Model(picture, x, name="trunk")
    activations = y = keras.Input(x.shape[1:], name="activations")
    for block in blocks[cut:]:
        y = _block(y, block)
    y = _capped(keras.layers.Conv2D(FEATURES, 1, name="head")(y))  # (batch, side / 32, side / 32, 1280)
    tail = keras.Model(activations, keras.layers.GlobalAveragePooling2D()(y), name="tail")
    for model in (trunk, tail):
        _load(model)
    return trunk, tail


def _blocks() -> list[_Block]:
    return [
        _Block(f"block{number}", expansion, channels, stride, kernel)
        for number, (expansion, channels, stride, kernel) in enumerate(
            (expansion, channels, stride if repeat == 0 else 1, kernel)
            for expansion, channels, repeats, stride, kernel in STAGES
            for repeat in range(repeats)
        )
    ]


def _block(x: Any, block: _Block) -> Any:
    """Widen, filter each channel by itself, narrow; with a short cut where the shape stays."""
    layers, before = keras.layers, x
    if block.expansion > 1:
        x = _capped(layers.Conv2D(x.shape[-1] * block.expansion, 1, name=f"{block.name}_expand")(x))
    x = layers.DepthwiseConv2D(
        block.kernel, strides=block.stride, padding="same", name=f"{block.name}_depthwise"
    )(x)  # fmt: skip
    x = layers.Conv2D(block.channels, 1, name=f"{block.name}_project")(_capped(x))
    return layers.Add()([before, x]) if before.shape == x.shape else x


def _capped(x: Any) -> Any:
    return keras.layers.ReLU(max_value=6.0)(x)


def _load(model: Any) -> None:
    told = _packed()
    for layer in model.layers:
        if layer.weights:
            name = layer.name.replace("_", ".")
            layer.set_weights([told[f"{name}.kernel"], told[f"{name}.bias"]])


@cache
def _packed() -> dict[str, np.ndarray]:
    with np.load(path("efficientnet_lite0.npz"), allow_pickle=False) as told:
        return {name: array.astype(np.float32) for name, array in told.items()}
