"""The kinds of layer that a stack may hold: their settings, what they do to a shape, how many weights they have.

Everything here is plain arithmetic, so that a page can tell shapes, parameters and impossible layers at once. Kinds and
settings have Keras's own names. Shapes are those of one example, without the batch axis.
"""

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import field_validator, model_validator

from builders._sound import MOST_COLUMNS, STEP_SECONDS
from recipes import Settings, setting

Bend = Literal["linear", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "tanh", "sigmoid", "softplus"]
FirstWeights = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal",
]  # fmt: skip
Padding = Literal["same", "valid"]
What = Literal["numbers", "words", "sound"]
Shape = tuple[int, ...]

NEEDS = {
    1: "a row of numbers",
    2: "steps (steps x numbers)",
    3: "pictures (height x width x channels)",
    4: "clips (pictures x height x width x channels)",
}
"""What has so many axes, in words."""


@dataclass(frozen=True)
class Flow:
    """What goes from one layer to the next, for one example."""

    shape: Shape
    what: What = "numbers"
    """`words` are token numbers, which only an Embedding can read; a `sound` has not been touched yet."""
    vocabulary: int = 0
    """How many tokens there are."""
    rate: int = 0
    """Samples a second of a sound."""

    @property
    def size(self) -> str:
        """Say it shortly: "64 numbers", "8 x 8 x 32", "40 words"."""
        told = sizes(self.shape)
        if self.what != "numbers":
            return f"{told} {'words' if self.what == 'words' else 'samples'}"
        return f"{told} numbers" if len(self.shape) == 1 else told

    @property
    def words(self) -> str:
        """Say what it is: "64 numbers", "24 steps of 2 numbers", "a picture of 8 x 8 x 32"."""
        if self.what == "sound":
            return f"a sound of {self.size}"
        if len(self.shape) == 2:
            return f"{self.shape[0]:,} steps of {self.shape[1]:,} numbers"
        return {3: "a picture of ", 4: "a clip of "}.get(len(self.shape), "") + self.size


class Impossible(Exception):  # noqa: N818 - it is an answer in words
    """A layer cannot stand here. `reason` goes on from "Layer 3 (Conv2D) ..."; `axes` is what would do."""

    def __init__(self, reason: str, cure: str = "", axes: tuple[int, ...] = ()) -> None:
        super().__init__(reason)
        self.reason, self.cure, self.axes = reason, cure, axes


class Layer(Settings):
    """One layer of a stack."""

    kind: str = ""
    SENTENCE: ClassVar[str] = ""
    """What it does, to go on from its name."""
    AXES: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)
    """How many axes it can take."""
    EACH: ClassVar[int] = 0
    """It works on so many axes; where there is one more in front, on each step of that one."""

    def after(self, flow: Flow) -> Flow:
        """Return what leaves the layer; raises `Impossible`."""
        self.refuse(flow)
        inner = self.inner(flow)
        given = flow.shape[: len(flow.shape) - len(inner)]
        return self._left(flow, (*given, *self.shape(inner)))

    def shape(self, shape: Shape) -> Shape:
        """Return the shape that leaves the layer."""
        return shape

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count the weights for this incoming shape."""
        return 0

    def most(self, shape: Shape) -> int:
        """Return the largest amount of numbers that is held inside for one example, beside what leaves."""
        return 0

    def inner(self, flow: Flow) -> Shape:
        """Return the axes that the Keras layer itself reads."""
        return flow.shape[-self.EACH :] if self.EACH else flow.shape

    def refuse(self, flow: Flow) -> None:
        """Raise `Impossible` where this cannot come in."""
        if flow.what == "words":
            raise Impossible(f"needs numbers, but gets {flow.words}", "Put an Embedding before it.")
        if len(flow.shape) not in self.AXES:
            raise Impossible(f"needs {NEEDS[self.AXES[0]]}, but gets {flow.words}", axes=self.AXES)

    def arguments(self) -> dict[str, Any]:
        """Return what Keras's layer of this kind is made with."""
        return self.model_dump(exclude={"kind"})

    def brief(self) -> str:
        """Say its settings in a few words."""
        return ""

    def plain(self) -> dict[str, Any]:
        """Return it as a recipe holds it: its kind, its main settings, and what else differs from the defaults."""
        told = self.model_dump(mode="json")
        fields = type(self).model_fields
        shown = {name: value for name, value in told.items() if _is_main(fields[name]) or value != fields[name].default}
        return {"kind": self.kind} | shown

    def told(self) -> str:
        """Say the whole layer in a line: "Dense 64 · relu · use_bias False"."""
        fields = type(self).model_fields
        rest = [f"{name} {value}" for name, value in self.plain().items() if not _is_main(fields[name])]
        return " · ".join(filter(None, (f"{self.kind} {self.brief()}".strip(), *rest)))

    def _left(self, flow: Flow, shape: Shape) -> Flow:
        untouched = flow.what == "sound" and shape == flow.shape and not self.parameters(flow.shape, flow)
        return Flow(shape, "sound" if untouched else "numbers", 0, flow.rate if untouched else 0)


def _is_main(field: Any) -> bool:
    return not (field.json_schema_extra or {}).get("advanced")


def sizes(shape: Shape) -> str:
    """Write a shape for people: "16 x 16 x 32"."""
    return " x ".join(f"{size:,}" for size in shape)


def _kind(name: str) -> Any:
    """Declare which kind it is; no field of a form."""
    return setting(name, "Kind", "Keras's name of the layer.", panel="none")


def _activation(default: str) -> Any:
    return setting(default, "Activation", "The bend behind the layer; `linear` is none.")


def _weights(default: str = "glorot_uniform") -> Any:
    return setting(default, "First weights", "From which random numbers the weights start.", advanced=True)


def _bias() -> Any:
    return setting(
        True, "Bias", "A number of its own for each unit; not needed just before BatchNormalization.", advanced=True
    )


def _side(title: str, sentence: str, default: int = 3) -> Any:
    return setting(default, title, sentence, ge=1, le=63)


def _strides() -> Any:
    return setting(1, "Stride", "How far a filter moves each time; 2 halves the size.", ge=1, le=32, advanced=True)


def _gaps() -> Any:
    return setting(1, "Gaps", "1 means none; 2 looks at every second place.", ge=1, le=512, advanced=True)


def _padding() -> Any:
    return setting("same", "Edges", "`same` fills up the edges, `valid` loses them.", advanced=True)


def _square(side: int) -> str:
    return f"{side} x {side}"


def _bent(activation: str) -> str:
    return "" if activation == "linear" else f" · {activation.replace('_', ' ')}"


# Rows of numbers


class Dense(Layer):
    """`keras.layers.Dense`: on more than one axis it works on each place."""

    SENTENCE: ClassVar[str] = "every unit looks at all numbers"
    kind: Literal["Dense"] = _kind("Dense")
    units: int = setting(64, "Units", "How many numbers leave the layer.", ge=1, le=4096, log=True)
    activation: Bend = _activation("relu")
    use_bias: bool = _bias()
    kernel_initializer: FirstWeights = _weights()

    def shape(self, shape: Shape) -> Shape:
        """Replace the last axis."""
        return (*shape[:-1], self.units)

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count one weight for each pair of numbers."""
        return self.units * (shape[-1] + self.use_bias)

    def brief(self) -> str:
        """Say units and activation."""
        return f"{self.units}{_bent(self.activation)}"


class Embedding(Layer):
    """`keras.layers.Embedding`."""

    SENTENCE: ClassVar[str] = "turns each word into numbers that are learned"
    kind: Literal["Embedding"] = _kind("Embedding")
    output_dim: int = setting(64, "Numbers per word", "How many numbers describe each word.", ge=1, le=1024, log=True)

    def refuse(self, flow: Flow) -> None:
        """Take words alone."""
        if flow.what != "words":
            raise Impossible(
                f"needs words, but gets {flow.words}", "It can only be the first layer, and only for text."
            )

    def shape(self, shape: Shape) -> Shape:
        """Add an axis."""
        return (*shape, self.output_dim)

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count a row for each word of the vocabulary."""
        return flow.vocabulary * self.output_dim

    def brief(self) -> str:
        """Say its size."""
        return f"{self.output_dim} per word"


# Filters


class _Filters(Layer):
    """What sliding filters share."""

    def _refuse_far_steps(self) -> None:
        if getattr(self, "strides", 1) > 1 and getattr(self, "dilation_rate", 1) > 1:
            raise ValueError("`strides` and `dilation_rate` cannot both be above 1. Set one of them to 1.")

    @model_validator(mode="after")
    def _check(self) -> "_Filters":
        self._refuse_far_steps()
        return self

    def _slid(self, places: Shape) -> Shape:
        """Return how many places the filters stop at, along each axis."""
        told: Any = self
        strides, gap = told.strides, getattr(self, "dilation_rate", 1)
        reach = (told.kernel_size - 1) * gap + 1
        if told.padding != "valid":
            return tuple(math.ceil(size / strides) for size in places)
        if reach > min(places):
            raise Impossible(
                f"has filters that reach over {reach} places, but there are only {sizes(places)}",
                "Make `kernel_size` smaller, or set `padding` to `same`.",
            )
        return tuple((size - reach) // strides + 1 for size in places)


class Conv1D(_Filters):
    """`keras.layers.Conv1D`."""

    SENTENCE: ClassVar[str] = "filters slide along the steps"
    AXES: ClassVar[tuple[int, ...]] = (2,)
    kind: Literal["Conv1D"] = _kind("Conv1D")
    filters: int = setting(64, "Filters", "How many patterns are looked for.", ge=1, le=1024, log=True)
    kernel_size: int = _side("Filter length", "Steps that a filter sees at once.")
    activation: Bend = _activation("relu")
    strides: int = _strides()
    dilation_rate: int = _gaps()
    padding: Literal["same", "valid", "causal"] = setting(
        "same", "Edges", "`same` fills up the edges, `valid` loses them, `causal` looks back only.", advanced=True
    )
    use_bias: bool = _bias()
    kernel_initializer: FirstWeights = _weights()

    def shape(self, shape: Shape) -> Shape:
        """Map (steps, channels) to (steps, filters)."""
        return (*self._slid(shape[:1]), self.filters)

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count filter length times channels for each filter."""
        return self.filters * (self.kernel_size * shape[-1] + self.use_bias)

    def brief(self) -> str:
        """Say filters, length and gaps."""
        gap = f" · gaps of {self.dilation_rate}" if self.dilation_rate > 1 else ""
        return f"{self.filters} · length {self.kernel_size}{gap}{_bent(self.activation)}"


class Conv2D(_Filters):
    """`keras.layers.Conv2D`; on a clip it works on each picture."""

    SENTENCE: ClassVar[str] = "filters slide over the picture"
    AXES: ClassVar[tuple[int, ...]] = (3, 4)
    EACH: ClassVar[int] = 3
    kind: Literal["Conv2D"] = _kind("Conv2D")
    filters: int = setting(32, "Filters", "How many patterns are looked for.", ge=1, le=1024, log=True)
    kernel_size: int = _side("Filter size", "Side of a filter in pixels.")
    activation: Bend = _activation("relu")
    strides: int = _strides()
    dilation_rate: int = _gaps()
    padding: Padding = _padding()
    use_bias: bool = _bias()
    kernel_initializer: FirstWeights = _weights()

    def shape(self, shape: Shape) -> Shape:
        """Map (height, width, channels) to (height, width, filters)."""
        return (*self._slid(shape[:2]), self.filters)

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count filter size times channels for each filter."""
        return self.filters * (self.kernel_size**2 * shape[-1] + self.use_bias)

    def brief(self) -> str:
        """Say filters and size."""
        return f"{self.filters} · {_square(self.kernel_size)}{_bent(self.activation)}"


class SeparableConv2D(_Filters):
    """`keras.layers.SeparableConv2D`; on a clip it works on each picture."""

    SENTENCE: ClassVar[str] = "lighter filters: first space, then channels"
    AXES: ClassVar[tuple[int, ...]] = (3, 4)
    EACH: ClassVar[int] = 3
    kind: Literal["SeparableConv2D"] = _kind("SeparableConv2D")
    filters: int = setting(32, "Filters", "How many patterns are looked for.", ge=1, le=1024, log=True)
    kernel_size: int = _side("Filter size", "Side of a filter in pixels.")
    activation: Bend = _activation("relu")
    strides: int = _strides()
    padding: Padding = _padding()
    use_bias: bool = _bias()

    def shape(self, shape: Shape) -> Shape:
        """Map (height, width, channels) to (height, width, filters)."""
        return (*self._slid(shape[:2]), self.filters)

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count one filter a channel, and the mixing of the channels."""
        return self.kernel_size**2 * shape[-1] + self.filters * (shape[-1] + self.use_bias)

    def brief(self) -> str:
        """Say filters and size."""
        return f"{self.filters} · {_square(self.kernel_size)}{_bent(self.activation)}"


class Conv3D(_Filters):
    """`keras.layers.Conv3D`."""

    SENTENCE: ClassVar[str] = "filters slide over space and time"
    AXES: ClassVar[tuple[int, ...]] = (4,)
    kind: Literal["Conv3D"] = _kind("Conv3D")
    filters: int = setting(16, "Filters", "How many patterns are looked for.", ge=1, le=512, log=True)
    kernel_size: int = setting(3, "Filter size", "Side of a filter, in pixels and in pictures.", ge=1, le=11)
    activation: Bend = _activation("relu")
    strides: int = _strides()
    padding: Padding = _padding()
    use_bias: bool = _bias()
    kernel_initializer: FirstWeights = _weights()

    def shape(self, shape: Shape) -> Shape:
        """Map (pictures, height, width, channels) to (pictures, height, width, filters)."""
        return (*self._slid(shape[:3]), self.filters)

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count filter size times channels for each filter."""
        return self.filters * (self.kernel_size**3 * shape[-1] + self.use_bias)

    def brief(self) -> str:
        """Say filters and size."""
        return f"{self.filters} · {_square(self.kernel_size)} x {self.kernel_size}{_bent(self.activation)}"


# Making smaller


class _Pooling(Layer):
    """Keeps one of several neighbours: the largest, or their average."""

    pool_size: int = setting(2, "Size", "Of how many neighbours along each side one is kept.", ge=1, le=64)
    strides: int = setting(
        0, "Stride", "How far it moves each time; as far as its size if empty.", ge=0, le=64, zero="as the size",
        advanced=True,
    )  # fmt: skip
    padding: Padding = setting("valid", "Edges", "`valid` drops an incomplete edge, `same` keeps it.", advanced=True)

    def shape(self, shape: Shape) -> Shape:
        """Shrink all axes but the last."""
        places, stride = shape[:-1], self.strides or self.pool_size
        if self.padding == "same":
            return (*(math.ceil(size / stride) for size in places), shape[-1])
        if self.pool_size > min(places):
            raise Impossible(
                f"keeps one of {self.pool_size} neighbours, but there are only {sizes(places)}",
                "Make `pool_size` smaller, or take it out.",
            )
        return (*((size - self.pool_size) // stride + 1 for size in places), shape[-1])

    def arguments(self) -> dict[str, Any]:
        """Turn an empty stride into Keras's None."""
        return {"pool_size": self.pool_size, "strides": self.strides or None, "padding": self.padding}

    def brief(self) -> str:
        """Say the size."""
        axes = self.EACH or self.AXES[0]
        return " x ".join([str(self.pool_size)] * (axes - 1))


class MaxPooling1D(_Pooling):
    """`keras.layers.MaxPooling1D`."""

    SENTENCE: ClassVar[str] = "keeps the largest of neighbouring steps"
    AXES: ClassVar[tuple[int, ...]] = (2,)
    kind: Literal["MaxPooling1D"] = _kind("MaxPooling1D")


class AveragePooling1D(_Pooling):
    """`keras.layers.AveragePooling1D`."""

    SENTENCE: ClassVar[str] = "averages neighbouring steps"
    AXES: ClassVar[tuple[int, ...]] = (2,)
    kind: Literal["AveragePooling1D"] = _kind("AveragePooling1D")


class MaxPooling2D(_Pooling):
    """`keras.layers.MaxPooling2D`; on a clip it works on each picture."""

    SENTENCE: ClassVar[str] = "halves the picture, keeps the largest"
    AXES: ClassVar[tuple[int, ...]] = (3, 4)
    EACH: ClassVar[int] = 3
    kind: Literal["MaxPooling2D"] = _kind("MaxPooling2D")


class AveragePooling2D(_Pooling):
    """`keras.layers.AveragePooling2D`; on a clip it works on each picture."""

    SENTENCE: ClassVar[str] = "halves the picture, keeps the average"
    AXES: ClassVar[tuple[int, ...]] = (3, 4)
    EACH: ClassVar[int] = 3
    kind: Literal["AveragePooling2D"] = _kind("AveragePooling2D")


class MaxPooling3D(_Pooling):
    """`keras.layers.MaxPooling3D`."""

    SENTENCE: ClassVar[str] = "halves space and time, keeps the largest"
    AXES: ClassVar[tuple[int, ...]] = (4,)
    kind: Literal["MaxPooling3D"] = _kind("MaxPooling3D")


class _Global(Layer):
    """Leaves one number a channel."""

    def shape(self, shape: Shape) -> Shape:
        """Leave the channels."""
        return shape[-1:]


class GlobalAveragePooling1D(_Global):
    """`keras.layers.GlobalAveragePooling1D`; padding of texts does not count."""

    SENTENCE: ClassVar[str] = "the average over all steps"
    AXES: ClassVar[tuple[int, ...]] = (2,)
    kind: Literal["GlobalAveragePooling1D"] = _kind("GlobalAveragePooling1D")


class GlobalMaxPooling1D(_Global):
    """`keras.layers.GlobalMaxPooling1D`; padding of texts does not count."""

    SENTENCE: ClassVar[str] = "the largest value over all steps"
    AXES: ClassVar[tuple[int, ...]] = (2,)
    kind: Literal["GlobalMaxPooling1D"] = _kind("GlobalMaxPooling1D")


class GlobalAveragePooling2D(_Global):
    """`keras.layers.GlobalAveragePooling2D`; on a clip it works on each picture."""

    SENTENCE: ClassVar[str] = "the average of each channel over the picture"
    AXES: ClassVar[tuple[int, ...]] = (3, 4)
    EACH: ClassVar[int] = 3
    kind: Literal["GlobalAveragePooling2D"] = _kind("GlobalAveragePooling2D")


class GlobalMaxPooling2D(_Global):
    """`keras.layers.GlobalMaxPooling2D`; on a clip it works on each picture."""

    SENTENCE: ClassVar[str] = "the largest value of each channel in the picture"
    AXES: ClassVar[tuple[int, ...]] = (3, 4)
    EACH: ClassVar[int] = 3
    kind: Literal["GlobalMaxPooling2D"] = _kind("GlobalMaxPooling2D")


class GlobalAveragePooling3D(_Global):
    """`keras.layers.GlobalAveragePooling3D`."""

    SENTENCE: ClassVar[str] = "the average of each channel over the clip"
    AXES: ClassVar[tuple[int, ...]] = (4,)
    kind: Literal["GlobalAveragePooling3D"] = _kind("GlobalAveragePooling3D")


# Reading step by step


class _Recurrent(Layer):
    """What layers share that read step by step."""

    GATES: ClassVar[int] = 1
    AXES: ClassVar[tuple[int, ...]] = (2,)
    units: int = setting(64, "Units", "Numbers kept in mind from step to step.", ge=1, le=1024, log=True)
    return_sequences: bool = setting(
        False, "All steps", "Pass on what is in mind at every step; otherwise only at the last one."
    )
    bidirectional: bool = setting(False, "Both directions", "Also read from the end; twice as many numbers leave.")

    def shape(self, shape: Shape) -> Shape:
        """Map (steps, channels) to (steps, units) or (units,)."""
        units = self.units * (1 + self.bidirectional)
        return (shape[0], units) if self.return_sequences else (units,)

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count for each gate the weights of what comes in, of what is in mind, and the bias."""
        each = self.GATES * self.units * (shape[-1] + self.units + self._biases())
        return each * (1 + self.bidirectional)

    def arguments(self) -> dict[str, Any]:
        """Leave out what wraps the layer."""
        return {"units": self.units, "return_sequences": self.return_sequences}

    def brief(self) -> str:
        """Say units, steps and directions."""
        steps = " · all steps" if self.return_sequences else ""
        return f"{self.units}{' · both ways' if self.bidirectional else ''}{steps}"

    def _biases(self) -> int:
        return 1


class LSTM(_Recurrent):
    """`keras.layers.LSTM`."""

    SENTENCE: ClassVar[str] = "reads step by step, keeps a long memory"
    GATES: ClassVar[int] = 4
    kind: Literal["LSTM"] = _kind("LSTM")


class GRU(_Recurrent):
    """`keras.layers.GRU`."""

    SENTENCE: ClassVar[str] = "reads step by step, lighter than LSTM"
    GATES: ClassVar[int] = 3
    kind: Literal["GRU"] = _kind("GRU")

    def _biases(self) -> int:
        return 2


class SimpleRNN(_Recurrent):
    """`keras.layers.SimpleRNN`."""

    SENTENCE: ClassVar[str] = "reads step by step, forgets quickly"
    kind: Literal["SimpleRNN"] = _kind("SimpleRNN")


class MultiHeadAttention(Layer):
    """`keras.layers.MultiHeadAttention` of the steps to each other, added to what came in."""

    SENTENCE: ClassVar[str] = "every step looks at every other step"
    AXES: ClassVar[tuple[int, ...]] = (2,)
    kind: Literal["MultiHeadAttention"] = _kind("MultiHeadAttention")
    num_heads: int = setting(4, "Heads", "In how many ways the steps look at each other.", ge=1, le=32)
    key_dim: int = setting(16, "Size of a head", "Numbers by which the steps are compared.", ge=1, le=256, log=True)

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count query, key, value and output."""
        width = self.num_heads * self.key_dim
        return 3 * width * (shape[-1] + 1) + shape[-1] * (width + 1)

    def most(self, shape: Shape) -> int:
        """Count the scores of all steps for all steps."""
        return self.num_heads * shape[0] ** 2

    def brief(self) -> str:
        """Say heads and size."""
        return f"{self.num_heads} heads · {self.key_dim}"


# Keeping in shape, keeping it general


class Dropout(Layer):
    """`keras.layers.Dropout`."""

    SENTENCE: ClassVar[str] = "some numbers sit out while training"
    kind: Literal["Dropout"] = _kind("Dropout")
    rate: float = setting(0.2, "Share", "Share of the numbers that sit out each step.", ge=0, le=0.9, step=0.05)

    def brief(self) -> str:
        """Say the share."""
        return f"{self.rate:.0%}"


class SpatialDropout1D(Layer):
    """`keras.layers.SpatialDropout1D`."""

    SENTENCE: ClassVar[str] = "whole channels of the steps sit out"
    AXES: ClassVar[tuple[int, ...]] = (2,)
    kind: Literal["SpatialDropout1D"] = _kind("SpatialDropout1D")
    rate: float = setting(0.2, "Share", "Share of the channels that sit out each step.", ge=0, le=0.9, step=0.05)

    def brief(self) -> str:
        """Say the share."""
        return f"{self.rate:.0%}"


class GaussianNoise(Layer):
    """`keras.layers.GaussianNoise`."""

    SENTENCE: ClassVar[str] = "disturbs the numbers while training"
    kind: Literal["GaussianNoise"] = _kind("GaussianNoise")
    stddev: float = setting(0.1, "Strength", "How strongly, beside numbers around 1.", ge=0, le=2, step=0.05)

    def brief(self) -> str:
        """Say how strongly."""
        return f"{self.stddev:g}"


class BatchNormalization(Layer):
    """`keras.layers.BatchNormalization`."""

    SENTENCE: ClassVar[str] = "keeps the numbers at one size over the batch"
    kind: Literal["BatchNormalization"] = _kind("BatchNormalization")
    momentum: float = setting(
        0.9, "Momentum", "How much of the old averages is kept at each step.", ge=0, le=0.999, step=0.01, advanced=True
    )

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count scale, shift, average and spread of each channel."""
        return 4 * shape[-1]


class LayerNormalization(Layer):
    """`keras.layers.LayerNormalization`."""

    SENTENCE: ClassVar[str] = "keeps the numbers of each example at one size"
    kind: Literal["LayerNormalization"] = _kind("LayerNormalization")

    def parameters(self, shape: Shape, flow: Flow) -> int:
        """Count scale and shift of each channel."""
        return 2 * shape[-1]


class Activation(Layer):
    """`keras.layers.Activation`."""

    SENTENCE: ClassVar[str] = "a bend on its own"
    kind: Literal["Activation"] = _kind("Activation")
    activation: Bend = _activation("relu")

    def brief(self) -> str:
        """Say which bend."""
        return self.activation.replace("_", " ")


# Other shapes


class Flatten(Layer):
    """`keras.layers.Flatten`."""

    SENTENCE: ClassVar[str] = "puts all numbers into one row"
    kind: Literal["Flatten"] = _kind("Flatten")

    def shape(self, shape: Shape) -> Shape:
        """Leave one axis."""
        return (math.prod(shape),)


class Reshape(Layer):
    """`keras.layers.Reshape`."""

    SENTENCE: ClassVar[str] = "arranges the same numbers otherwise"
    kind: Literal["Reshape"] = _kind("Reshape")
    target_shape: str = setting("-1 x 1", "New shape", "Such as 8 x 32; -1 stands for what is left.", max_length=40)

    @field_validator("target_shape", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """Also take a list of numbers; write it in one way."""
        parts = list(value) if isinstance(value, list | tuple) else re.split(r"[x×,*\s]+", str(value).strip(" ()[]"))
        if not (1 <= len(parts) <= 4 and all(re.fullmatch(r"-1|[1-9]\d{0,6}", str(part)) for part in parts)):
            raise ValueError("`target_shape` must be one to four sizes such as 8 x 32, but got " + repr(value) + ".")
        if sum(str(part) == "-1" for part in parts) > 1:
            raise ValueError("`target_shape` may hold -1 only once.")
        return " x ".join(map(str, parts))

    @property
    def target(self) -> Shape:
        """The sizes; -1 for what is left."""
        return tuple(map(int, self.target_shape.split(" x ")))

    def shape(self, shape: Shape) -> Shape:
        """Arrange the numbers; their count stays."""
        count, known = math.prod(shape), math.prod(size for size in self.target if size > 0)
        if count % known or (count != known and -1 not in self.target):
            raise Impossible(
                f"cannot arrange {count:,} numbers ({sizes(shape)}) as {self.target_shape}",
                f"The sizes of `target_shape` must multiply to {count:,}.",
            )
        return tuple(count // known if size < 0 else size for size in self.target)

    def arguments(self) -> dict[str, Any]:
        """Give Keras the sizes."""
        return {"target_shape": self.target}

    def brief(self) -> str:
        """Say the shape."""
        return self.target_shape.replace("-1", "rest")


class MelSpectrogram(Layer):
    """A sound as a picture of pitch over time, with `keras.layers.MelSpectrogram`."""

    SENTENCE: ClassVar[str] = "turns a sound into a picture of pitch over time"
    kind: Literal["MelSpectrogram"] = _kind("MelSpectrogram")
    num_mel_bins: int = setting(48, "Pitch bands", "Into how many bands the pitches are sorted.", ge=8, le=128, step=8)

    def refuse(self, flow: Flow) -> None:
        """Take sounds alone."""
        if flow.what != "sound":
            raise Impossible(f"needs a sound, but gets {flow.words}", "It can only stand at the start, for sounds.")

    def after(self, flow: Flow) -> Flow:
        """Map (samples,) to (columns, bands, 1)."""
        self.refuse(flow)
        samples = flow.shape[0]
        step = max(int(STEP_SECONDS * flow.rate), samples // MOST_COLUMNS)
        return Flow((samples // step + 1, self.num_mel_bins, 1))

    def brief(self) -> str:
        """Say the bands."""
        return f"{self.num_mel_bins} bands"


# Varying pictures while training


class _Varied(Layer):
    AXES: ClassVar[tuple[int, ...]] = (3,)


class RandomFlip(_Varied):
    """`keras.layers.RandomFlip`."""

    SENTENCE: ClassVar[str] = "mirrors pictures while training"
    kind: Literal["RandomFlip"] = _kind("RandomFlip")
    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = setting(
        "horizontal", "Mirror", "Along which axis. Not for digits and letters."
    )

    def brief(self) -> str:
        """Say the axis."""
        return self.mode.replace("_", " ")


class RandomRotation(_Varied):
    """`keras.layers.RandomRotation`."""

    SENTENCE: ClassVar[str] = "turns pictures a little while training"
    kind: Literal["RandomRotation"] = _kind("RandomRotation")
    factor: float = setting(0.05, "Share of a full turn", "Up to this much, either way.", ge=0, le=0.5, step=0.01)

    def arguments(self) -> dict[str, Any]:
        """Fill what comes into view with the nearest pixel."""
        return {"factor": self.factor, "fill_mode": "nearest"}

    def brief(self) -> str:
        """Say it in degrees."""
        return f"{360 * self.factor:.0f}°"


class RandomTranslation(_Varied):
    """`keras.layers.RandomTranslation`, by the same share along both sides."""

    SENTENCE: ClassVar[str] = "shifts pictures a little while training"
    kind: Literal["RandomTranslation"] = _kind("RandomTranslation")
    factor: float = setting(0.1, "Share of the size", "Up to this much, to each side.", ge=0, le=0.5, step=0.01)

    def arguments(self) -> dict[str, Any]:
        """Use the share for both sides."""
        return {"height_factor": self.factor, "width_factor": self.factor, "fill_mode": "nearest"}

    def brief(self) -> str:
        """Say the share."""
        return f"{self.factor:.0%}"


class RandomZoom(_Varied):
    """`keras.layers.RandomZoom`."""

    SENTENCE: ClassVar[str] = "zooms in or out a little while training"
    kind: Literal["RandomZoom"] = _kind("RandomZoom")
    factor: float = setting(0.1, "Share", "Up to this much, in or out.", ge=0, le=0.5, step=0.01)

    def arguments(self) -> dict[str, Any]:
        """Use the share for both sides."""
        return {"height_factor": self.factor, "fill_mode": "nearest"}

    def brief(self) -> str:
        """Say the share."""
        return f"{self.factor:.0%}"


AnyLayer = (
    Dense | Conv2D | MaxPooling2D | Conv1D | MaxPooling1D | LSTM | GRU | Embedding | Dropout | BatchNormalization
    | LayerNormalization | Activation | Flatten | Reshape | GlobalAveragePooling2D | GlobalMaxPooling2D
    | GlobalAveragePooling1D | GlobalMaxPooling1D | MultiHeadAttention | SimpleRNN | SeparableConv2D | AveragePooling2D
    | AveragePooling1D | Conv3D | MaxPooling3D | GlobalAveragePooling3D | SpatialDropout1D | GaussianNoise
    | MelSpectrogram | RandomFlip | RandomRotation | RandomTranslation | RandomZoom
)  # fmt: skip
KINDS: dict[str, type[Layer]] = {kind.model_fields["kind"].default: kind for kind in AnyLayer.__args__}
"""Every kind of layer by its name, in the order in which they are offered."""
