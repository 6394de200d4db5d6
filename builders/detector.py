"""Object detector: looks at the whole picture at once and says where things are and what each of them is.

A convolutional network halves the picture until about eight by eight cells are left; each cell says whether the
middle of a thing is near, how large its box is, and of which class it is. Repeats of one thing are taken out.
The first choice where things are to be found, from some hundred labelled pictures on.
Paper: Redmon, Divvala, Girshick, Farhadi, "You Only Look Once: Unified, Real-Time Object Detection", 2016.
Score: overlap (IoU) 0.82, classes right 0.97, mAP@.5 0.98 on find-the-animal (sealed test part, mean of seeds 1 to 3).
"""

from typing import Any, Literal

from builders import Blueprint, Stage, _boxes
from builders._layers import LayerSettings, Normalization, normalized, weights
from recipes import Refusal, Signature, keras, setting

TITLE = "Object detector"
SUMMARY = "Finds things in pictures: a box around each, and what it is."
ICON = "crop_free"
TASKS = ("detection",)
DATA_TYPES = ("boxes",)
PAPER = "Redmon, Divvala, Girshick, Farhadi: You Only Look Once: Unified, Real-Time Object Detection, 2016"
TRAINING = {"epochs": 16, "patience": 10, "learning_rate": 0.003, "schedule": "cosine"}
METRICS = {
    "iou": ("Overlap", "How much the boxes and the true ones overlap (IoU), at the places where things are."),
    "class_accuracy": ("Classes right", "The share of the things that are taken for what they are."),
}
CELLS = 8
"""So many cells a side are left where the blocks are chosen by the data."""


class Config(LayerSettings):
    """Settings of the object detector."""

    filters: int = setting(16, "Filters", "Filters in the first block; they double from block to block.", ge=1, le=128,
                           log=True)  # fmt: skip
    depth: int = setting(
        0, "Blocks", "Each block halves the picture; the cells that are left answer. Fewer blocks find smaller things. "
        "0 chooses by the size of the pictures.", ge=0, le=6, zero="automatic",
    )  # fmt: skip
    context: int = setting(
        3, "Layers that look around", "Filters at the size of the cells: more of them see larger things whole.",
        ge=1, le=8, advanced=True,
    )  # fmt: skip
    width: int = setting(
        64, "Filters of the cells", "Filters in the layers that look around.", ge=1, le=512, log=True, advanced=True
    )
    box_weight: float = setting(
        2.0, "Weight of the boxes", "How much a badly placed box costs beside a wrong class.", ge=0.1, le=20, log=True,
        advanced=True, panel="training",
    )  # fmt: skip
    flip: Literal["none", "horizontal", "vertical", "both"] = setting(
        "none", "Mirror", "Also show mirrored pictures, with their boxes. Not where left and right matter.",
        panel="training",
    )  # fmt: skip
    brightness: float = setting(
        0.0, "Brightness", "Make pictures darker or brighter by up to this share.", ge=0, le=0.8, step=0.05,
        panel="training", advanced=True,
    )  # fmt: skip
    contrast: float = setting(
        0.0, "Contrast", "Make pictures flatter or harder by up to this share.", ge=0, le=0.8, step=0.05,
        panel="training", advanced=True,
    )  # fmt: skip
    normalization: Normalization = setting(
        "batch", "Normalization", "Keeps the numbers inside the network at one size: per batch, per example, or not.",
        advanced=True,
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Map (batch, height, width, channels), 0 to 255, to (batch, cells, 5 + classes), as in `builders/_boxes.py`."""
    name, spec = next(iter(signature.inputs.items()))
    depth = config.depth or _depth_for(spec.shape)
    _refuse_too_deep(spec.shape, depth)
    picture = keras.Input(spec.shape, name=name)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    for block in range(depth):
        x = _convolved(x, min(int(config.filters * 2**block), 1024), config, strides=2)
    for _ in range(config.context):
        x = _convolved(x, config.width, config)  # (batch, rows, columns, width)
    if config.dropout:
        x = keras.layers.Dropout(config.dropout)(x)
    height, width = int(x.shape[1]), int(x.shape[2])
    core = keras.Model({name: picture}, _cells(x, signature, config), name="detector")
    stage = Stage(
        "fit",
        _in_training(core, signature, config, (height, width)),
        _boxes.loss_on(height, width, config.box_weight),
        lambda: _boxes.metrics_on(height, width),
    )
    return Blueprint((stage,), {"model": core}, (f"{height} x {width} cells answer, one box each.",))


def _convolved(x: Any, filters: int, config: Config, strides: int = 1) -> Any:
    x = keras.layers.Conv2D(
        filters, 3, strides=strides, padding="same", use_bias=config.normalization != "batch", **weights(config)
    )(x)
    return keras.layers.Activation(config.activation)(normalized(x, config))


def _cells(x: Any, signature: Signature, config: Config) -> Any:
    """Let each cell answer: (batch, rows, columns, width) to (batch, cells, 5 + classes)."""
    ops, (height, width) = keras.ops, x.shape[1:3]
    settings = {"dtype": "float32", "kernel_regularizer": weights(config)["kernel_regularizer"]}
    # Few cells hold a thing: to begin with "here is one in fifty" spares the first steps.
    here = keras.layers.Conv2D(1, 1, bias_initializer=keras.initializers.Constant(-4.0), name="here", **settings)(x)
    box = keras.layers.Conv2D(4, 1, name="box", **settings)(x)
    kind = keras.layers.Conv2D(signature.outputs, 1, name="kind", **settings)(x)
    here, box, kind = (ops.reshape(each, (-1, height * width, each.shape[-1])) for each in (here, box, kind))
    return ops.concatenate([here, _boxes.corners(box, height, width), kind], axis=-1)


def _in_training(core: Any, signature: Signature, config: Config, cells: tuple[int, int]) -> Any:
    """Return the core behind the chosen changes of pictures (same weights), or the core itself if none is chosen.

    What it answers about a mirrored picture is mirrored back, so that it is judged by the boxes as they are.
    """
    if config.flip == "none" and not config.brightness and not config.contrast:
        return core
    layers = keras.layers
    name, spec = next(iter(signature.inputs.items()))
    picture = keras.Input(spec.shape, name=name)
    x = keras.ops.cast(picture, "float32")
    if config.brightness:
        x = layers.RandomBrightness(config.brightness, value_range=(0, 255))(x)
    if config.contrast:
        x = layers.RandomContrast(config.contrast, value_range=(0, 255))(x)
    axes = {"none": (), "horizontal": (2,), "vertical": (1,), "both": (1, 2)}[config.flip]
    coins = [_coin(x) for _ in axes]
    for axis, coin in zip(axes, coins, strict=True):
        x = keras.ops.where(keras.ops.expand_dims(coin, -1), keras.ops.flip(x, axis=axis), x)
    answer = core({name: x})
    for axis, coin in zip(axes, coins, strict=True):
        answer = keras.ops.where(coin, _mirrored(answer, axis, cells), answer)
    return keras.Model({name: picture}, answer, name="detector_in_training")


def _coin(x: Any) -> Any:
    """Say of each picture (batch, height, width, channels) whether it is mirrored: (batch, 1, 1); never when asked."""
    ops = keras.ops
    ones = ops.add(ops.multiply(ops.cast(x[:, :1, :1, 0], "float32"), 0.0), 1.0)
    # Dropout keeps half of them while training and makes those twice as large: a coin from stock layers.
    return ops.greater(keras.layers.Dropout(0.5, dtype="float32")(ones), 1.5)


def _mirrored(answer: Any, axis: int, cells: tuple[int, int]) -> Any:
    """Mirror what cells answer (batch, cells, 5 + classes) along rows (axis 1) or columns (axis 2) of the grid."""
    ops = keras.ops
    grid = ops.reshape(answer, (-1, *cells, answer.shape[-1]))
    flat = ops.reshape(ops.flip(grid, axis=axis), (-1, cells[0] * cells[1], answer.shape[-1]))
    here, left, top, right, bottom = (flat[..., place : place + 1] for place in range(5))
    if axis == 2:
        left, right = ops.subtract(1.0, right), ops.subtract(1.0, left)
    else:
        top, bottom = ops.subtract(1.0, bottom), ops.subtract(1.0, top)
    return ops.concatenate([here, left, top, right, bottom, flat[..., 5:]], axis=-1)


def _depth_for(shape: tuple[int | None, ...]) -> int:
    side = min(int(shape[0] or 1), int(shape[1] or 1))
    return max(1, min(6, round(side / CELLS).bit_length() - 1))


def _refuse_too_deep(shape: tuple[int | None, ...], depth: int) -> None:
    side = min(int(shape[0] or 1), int(shape[1] or 1))
    possible = side.bit_length() - 1
    if depth > possible:
        raise Refusal(
            f"`depth` {depth} halves the picture {depth} times, but {shape[0]} x {shape[1]} pixels can be halved only "
            f"{possible} times. Set `depth` to {possible} or less, or use larger pictures."
        )
