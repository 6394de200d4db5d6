"""Stacks to start from, for each data type: small models of the other families, layer by layer."""

from dataclasses import dataclass
from typing import Any

from builders._stack import entering, read
from builders._stack_kinds import Layer
from recipes import Signature

Plain = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """A stack with a name."""

    title: str
    sentence: str
    layers: tuple[Layer, ...]


def templates(signature: Signature) -> tuple[Template, ...]:
    """List the stacks for these data; the first one is what a new stack starts with."""
    shape = entering(signature).shape
    told = _MAKERS[signature.data_type](shape, signature.task)
    return tuple(Template(title, sentence, read(layers)) for title, sentence, layers in told)


def _dense(units: int, activation: str = "relu") -> Plain:
    return {"kind": "Dense", "units": units, "activation": activation}


def _dropout(rate: float) -> Plain:
    return {"kind": "Dropout", "rate": rate}


def _plain(kind: str) -> Plain:
    return {"kind": kind}


def _conv2d(filters: int, *, bias: bool = True, kind: str = "Conv2D", activation: str = "relu") -> Plain:
    told = {"kind": kind, "filters": filters, "kernel_size": 3, "activation": activation}
    return told if bias else told | {"use_bias": False}


def _halvings(side: int, most: int = 3) -> int:
    """How often a side can be halved with something left."""
    return max(0, min(most, side.bit_length() - 1))


_Told = list[tuple[str, str, list[Plain]]]


def _tables(_: tuple[int, ...], __: str) -> _Told:
    normalized = [_plain("BatchNormalization"), {"kind": "Activation", "activation": "relu"}]
    thin = {"kind": "Dense", "units": 128, "activation": "linear", "use_bias": False}
    return [
        ("Dense network", "Two wide layers: the first choice for tables.",
         [_dense(256), _dropout(0.1), _dense(256), _dropout(0.1)]),
        ("Small dense network", "One layer of 16 units, for few rows.", [_dense(16)]),
        ("Dense network with normalization", "Three layers, each kept at one size.",
         [thin, *normalized, _dropout(0.2), thin, *normalized, _dropout(0.2), _dense(64)]),
        ("Linear model", "No layer at all: the columns are weighed and added up.", []),
    ]  # fmt: skip


def _pictures(shape: tuple[int, ...], _: str) -> _Told:
    blocks = _halvings(min(shape[:2]))
    halve = {"kind": "MaxPooling2D", "pool_size": 2}
    first: list[Plain] = []
    simple: list[Plain] = []
    light: list[Plain] = []
    for block in range(blocks):
        filters = 32 * 2**block
        bare = _conv2d(filters, bias=False, activation="linear")
        first += [bare, _plain("BatchNormalization"), {"kind": "Activation", "activation": "relu"}, halve]
        simple += [_conv2d(min(filters, 64)), halve]
        light += [_conv2d(filters, kind="SeparableConv2D" if block else "Conv2D"), halve]
    average = [_plain("GlobalAveragePooling2D"), _dropout(0.2)]
    return [
        ("Convolutional network", "Filters find edges, then parts, then things: the first choice for pictures.",
         [*first, *average]),
        ("Classic convolutional network", "Filters, then a dense layer on all that was found.",
         [*simple, _plain("Flatten"), _dense(64), _dropout(0.3)]),
        ("Light convolutional network", "Filters with far fewer weights.", [*light, *average]),
        ("Dense network on pixels", "No filters: all pixels in one row.",
         [_plain("Flatten"), _dense(128), _dropout(0.2), _dense(64)]),
    ]  # fmt: skip


def _texts(_: tuple[int, ...], __: str) -> _Told:
    words = {"kind": "Embedding", "output_dim": 64}
    both = {"units": 64, "return_sequences": True, "bidirectional": True}
    filters = {"kind": "Conv1D", "filters": 128, "kernel_size": 3, "activation": "relu"}
    look = {"kind": "MultiHeadAttention", "num_heads": 4, "key_dim": 16}
    largest, average = _plain("GlobalMaxPooling1D"), _plain("GlobalAveragePooling1D")
    return [
        ("Embedding and GRU", "Words become numbers and are read in order, both ways.",
         [words, _dropout(0.3), {"kind": "GRU"} | both, largest, _dropout(0.3)]),
        ("Embedding and convolution", "Filters look for telling pieces of three words: quick and strong.",
         [words, _dropout(0.4), filters, largest, _dense(64), _dropout(0.4)]),
        ("Embedding and LSTM", "As with the GRU, with a longer memory.",
         [words, _dropout(0.3), {"kind": "LSTM"} | both, largest, _dropout(0.3)]),
        ("Embedding and attention", "Every word looks at every other word.",
         [words, _dropout(0.3), look, _plain("LayerNormalization"), _dense(64), average, _dropout(0.3)]),
        ("Bag of words", "The average of all words, in any order.", [words, average, _dense(32), _dropout(0.3)]),
    ]  # fmt: skip


def _series(shape: tuple[int, ...], task: str) -> _Told:
    steps = shape[0]
    depth = next(depth for depth in range(1, 9) if depth == 8 or 2 ** (depth + 1) - 1 >= steps)
    padding = "causal" if task == "forecasting" else "same"
    dilated = [
        {"kind": "Conv1D", "filters": 32, "kernel_size": 3, "dilation_rate": 2**block, "padding": padding}
        for block in range(depth)
    ]
    end = _plain("Flatten") if task == "forecasting" else _plain("GlobalAveragePooling1D")
    both = {"kind": "GRU", "units": 48, "return_sequences": True, "bidirectional": True}
    return [
        ("LSTM", "Reads step by step and keeps a long memory.", [{"kind": "LSTM", "units": 64}, _dropout(0.2)]),
        ("Dilated convolutions", "Filters with growing gaps see all steps at once.", [*dilated, end, _dropout(0.2)]),
        ("GRU in both directions", "Reads from the start and from the end.",
         [both, _plain("GlobalMaxPooling1D"), _dropout(0.2)]),
        ("Dense network on all steps", "All steps in one row.", [_plain("Flatten"), _dense(64), _dropout(0.2)]),
    ]  # fmt: skip


def _sounds(shape: tuple[int, ...], _: str) -> _Told:
    halve = {"kind": "MaxPooling2D", "pool_size": 2}
    blocks: list[Plain] = []
    for block in range(3):
        blocks += [_conv2d(16 * 2**block), halve, *([_plain("BatchNormalization")] if block else [])]
    picture = {"kind": "MelSpectrogram", "num_mel_bins": 48}
    strides = 16 if shape[0] > 4000 else 4
    waves = {"kind": "Conv1D", "filters": 32, "kernel_size": 32, "activation": "relu", "strides": strides}
    further = {"kind": "Conv1D", "filters": 64, "kernel_size": 8, "activation": "relu", "strides": 4}
    return [
        ("Picture of the sound, then filters", "Pitch over time, read like a picture: the first choice for sounds.",
         [picture, *blocks, _plain("GlobalAveragePooling2D"), _dropout(0.3)]),
        ("Picture of the sound, then GRU", "Pitch over time, read column by column.",
         [picture, {"kind": "Reshape", "target_shape": "-1 x 48"}, {"kind": "GRU", "units": 64, "bidirectional": True},
          _dropout(0.3)]),
        ("Filters on the wave", "Filters slide along the sound itself; needs many recordings.",
         [{"kind": "Reshape", "target_shape": "-1 x 1"}, waves, _plain("BatchNormalization"), further,
          _plain("GlobalMaxPooling1D"), _dropout(0.3)]),
    ]  # fmt: skip


def _clips(shape: tuple[int, ...], _: str) -> _Told:
    frames, side = shape[0], min(shape[1:3])
    each: list[Plain] = []
    for block in range(_halvings(side)):
        each += [_conv2d(16 * 2**block), {"kind": "MaxPooling2D", "pool_size": 2}]
    through: list[Plain] = []
    for block in range(min(_halvings(side), _halvings(frames, 2) + 1)):
        through += [{"kind": "Conv3D", "filters": 16 * 2**block, "kernel_size": 3}]
        through += [{"kind": "MaxPooling3D" if block and frames >= 4 * block else "MaxPooling2D", "pool_size": 2}]
    row = {"kind": "Reshape", "target_shape": f"{frames} x -1"}
    return [
        ("Picture by picture, then GRU", "Filters look at each picture, a memory follows what changes.",
         [*each, row, _dense(64), {"kind": "GRU", "units": 64}, _dropout(0.2)]),
        ("Filters over space and time", "Filters see movement directly.",
         [*through, _plain("GlobalAveragePooling3D"), _dropout(0.2)]),
    ]  # fmt: skip


_MAKERS = {
    "tabular": _tables, "image": _pictures, "text": _texts, "series": _series, "audio": _sounds, "video": _clips,
}  # fmt: skip
