"""Frame by frame: a small convolutional network looks at each frame, a recurrent one remembers what came before.

For clips in which one thing follows another. Every frame passes the same filters; what they find goes, frame after
frame, into a gated recurrent unit, whose memory at the end gives the answer.
Paper: Donahue and others, "Long-term Recurrent Convolutional Networks for Visual Recognition and Description", 2015;
the unit after Cho and others, "Learning Phrase Representations using RNN Encoder-Decoder", 2014.
Score: accuracy 0.92 on moving animals (sealed test part, mean of seeds 1 to 3).
"""

from typing import Any

from builders import Blueprint, Stage
from builders._held_out import evidence
from builders._layers import LayerSettings, Normalization, answer, normalized, objective, weights
from recipes import Refusal, Signature, keras, setting

TITLE = "Frames with memory"
SUMMARY = "Looks at each frame and remembers what came before: for clips where one thing follows another."
ICON = "slow_motion_video"
TASKS = ("classification",)
DATA_TYPES = ("video",)
PAPER = "Donahue and others: Long-term Recurrent Convolutional Networks for Visual Recognition and Description, 2015"
TRAINING = {"epochs": 25, "batch_size": 32, "learning_rate": 0.003, "patience": 8, "schedule": "cosine"}


class Config(LayerSettings):
    """Settings of the network with a memory."""

    filters: int = setting(12, "Filters", "Filters in the first block; they double from block to block.", ge=1, le=64,
                           log=True)  # fmt: skip
    depth: int = setting(3, "Blocks", "Each block halves the frame; 3 suit small clips.", ge=1, le=5)
    features: int = setting(64, "Features of a frame", "Numbers that are kept of each frame.", ge=4, le=512, log=True)
    units: int = setting(64, "Memory", "Numbers that are remembered from frame to frame.", ge=4, le=512, log=True)
    normalization: Normalization = setting(
        "batch", "Normalization", "Keeps the numbers inside the network at one size: per batch, per example, or not.",
        advanced=True,
    )  # fmt: skip
    dropout: float = setting(
        0.2, "Dropout", "Share of the units that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Map (batch, frames, height, width, channels), 0 to 255, to (batch, classes) logits."""
    spec = signature.inputs["clip"]
    frames, height, width, channels = (int(size or 1) for size in spec.shape)
    _refuse_impossible(height, width, config)
    clip = keras.Input(spec.shape, name="clip")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(clip)
    x = keras.ops.reshape(x, (-1, height, width, channels))  # (batch * frames, height, width, channels)
    for block in range(config.depth):
        x = _block(x, int(config.filters * 2**block), config)
    # Flattened, not averaged: where a thing stands is what changes from frame to frame.
    x = keras.layers.Dense(config.features, **weights(config))(keras.layers.Flatten()(x))
    x = keras.layers.Activation(config.activation)(x)
    x = keras.ops.reshape(x, (-1, frames, config.features))  # (batch, frames, features)
    x = keras.layers.GRU(config.units)(x)  # (batch, units)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout)(x)
    core = keras.Model({"clip": clip}, answer(x, signature, config), name="video_gru")
    loss, metrics = objective(signature)
    return Blueprint((Stage("fit", core, loss, metrics),), {"model": core}, evidence=evidence("clips"))


def _block(x: Any, filters: int, config: Config) -> Any:
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=config.normalization != "batch", **weights(config))(x)
    x = keras.layers.Activation(config.activation)(normalized(x, config))
    return keras.layers.MaxPooling2D(2)(x)


def _refuse_impossible(height: int, width: int, config: Config) -> None:
    possible = min(height, width).bit_length() - 1
    if config.depth > possible:
        raise Refusal(
            f"`depth` {config.depth} halves the frame {config.depth} times, but {height} x {width} pixels can be "
            f"halved only {possible} times. Set `depth` to {possible} or less, or use larger frames."
        )
