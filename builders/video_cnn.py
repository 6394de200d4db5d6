"""Network for clips: small filters that reach over neighbouring frames see shapes and how they move.

The first choice for short clips in which the movement matters: gestures, sports, which way something goes. Each block
convolves over time, height and width at once and halves the picture; time is halved from the second block on.
Paper: Tran, Bourdev, Fergus, Torresani, Paluri, "Learning Spatiotemporal Features with 3D Convolutional Networks",
2015.
Score: accuracy 0.99 on moving animals (sealed test part, mean of seeds 1 to 3).
"""

from typing import Any

from builders import Blueprint, Stage
from builders._held_out import evidence
from builders._layers import LayerSettings, Normalization, answer, normalized, objective, weights
from recipes import Refusal, Signature, keras, setting

TITLE = "3-D convolutional network"
SUMMARY = "The first choice for clips: filters see shapes and how they move."
ICON = "movie"
TASKS = ("classification",)
DATA_TYPES = ("video",)
PAPER = "Tran and others: Learning Spatiotemporal Features with 3D Convolutional Networks, 2015"
TRAINING = {"epochs": 14, "batch_size": 32, "learning_rate": 0.003, "patience": 6, "schedule": "cosine"}


class Config(LayerSettings):
    """Settings of the network for clips."""

    filters: int = setting(8, "Filters", "Filters in the first block; they double from block to block.", ge=1, le=64,
                           log=True)  # fmt: skip
    depth: int = setting(3, "Blocks", "Each block halves the picture; 3 suit small clips.", ge=1, le=5)
    reach: int = setting(3, "Reach in time", "Over how many neighbouring frames a filter looks.", ge=1, le=7,
                         advanced=True)  # fmt: skip
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
    _refuse_impossible(spec.shape, config)
    clip = keras.Input(spec.shape, name="clip")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(clip)
    for block in range(config.depth):
        x = _block(x, block, config)  # (batch, frames / 2, height / 2, width / 2, filters)
    x = keras.layers.GlobalAveragePooling3D()(x)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout)(x)
    core = keras.Model({"clip": clip}, answer(x, signature, config), name="video_cnn")
    loss, metrics = objective(signature)
    return Blueprint((Stage("fit", core, loss, metrics),), {"model": core}, evidence=evidence("clips"))


def _block(x: Any, block: int, config: Config) -> Any:
    filters, biased = int(config.filters * 2**block), config.normalization != "batch"
    x = keras.layers.Conv3D(filters, (config.reach, 3, 3), padding="same", use_bias=biased, **weights(config))(x)
    x = keras.layers.Activation(config.activation)(normalized(x, config))
    # The first block keeps every frame: slow movement is a matter of one pixel from frame to frame.
    return keras.layers.MaxPooling3D((2 if block and x.shape[1] > 1 else 1, 2, 2))(x)


def _refuse_impossible(shape: tuple[int | None, ...], config: Config) -> None:
    height, width = int(shape[1] or 1), int(shape[2] or 1)
    possible = min(height, width).bit_length() - 1
    if config.depth > possible:
        raise Refusal(
            f"`depth` {config.depth} halves the frame {config.depth} times, but {height} x {width} pixels can be "
            f"halved only {possible} times. Set `depth` to {possible} or less, or use larger frames."
        )
