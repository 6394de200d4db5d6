"""What families that read sequences share: how words and measurements come in, how steps become one vector.

Texts enter as {"tokens": (length,) int32}, where 0 is padding, and go through an embedding. Series enter as
{"series": (steps, columns) float32} and stay as they are. So a sequence is a tensor (batch, steps, channels) and, for
texts, a mask (batch, steps) that is 1 where there is a word.
"""

from dataclasses import dataclass
from typing import Any, Literal

from builders import Blueprint, Stage
from builders._evidence_series import stretch_that_decided
from builders._evidence_text import sentences_judged
from builders._forecast import with_straight_path
from builders._layers import LayerSettings, answer, objective
from recipes import Refusal, Settings, Signature, keras, setting

DATA_TYPES = ("text", "series")
TASKS = ("classification", "regression", "forecasting")
Summary = Literal["auto", "last", "average", "max"]


class ForecastSettings(Settings):
    """What only forecasts need."""

    shortcut: bool = setting(
        True, "Straight path", "A straight line from what was seen to the forecast beside the network (forecasts).",
        advanced=True,
    )  # fmt: skip


class SequenceSettings(LayerSettings, ForecastSettings):
    """Settings of every family that reads sequences."""

    embedding: int = setting(
        64, "Word vector", "Numbers by which each word is described (texts only).", ge=1, le=512, log=True,
        advanced=True,
    )  # fmt: skip
    dropout: float = setting(
        0.3, "Dropout", "Share of the units that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


@dataclass(frozen=True)
class Sequence:
    """A sequence inside a model: its input, its steps (batch, steps, channels), its mask or None."""

    name: str
    input: Any
    steps: Any
    mask: Any = None
    most: int = 0
    """Its longest length where that is not fixed."""

    @property
    def length(self) -> int:
        """Steps of the sequence."""
        return self.most or int(self.steps.shape[1])


def entered(signature: Signature, embedding: int, *, masked: bool = False) -> Sequence:
    """Let the data in: words as vectors (batch, length, embedding), measurements as they are.

    With `masked`, layers that know Keras's masks skip the padding; else only `Sequence.mask` tells of it.
    """
    name, spec = next(iter(signature.inputs.items()))
    data = keras.Input(spec.shape, name=name, dtype=spec.dtype)
    if signature.data_type == "series":
        return Sequence(name, data, data)
    vectors = keras.layers.Embedding(
        int(signature.details["vocabulary"]),
        embedding,
        embeddings_initializer="uniform",
        mask_zero=masked,
        name="words",
    )
    tokens = keras.ops.cast(data, "int32")
    return Sequence(name, data, vectors(tokens), keras.ops.cast(keras.ops.not_equal(tokens, 0), "float32"))


def summarised(sequence: Sequence, steps: Any, how: str) -> Any:
    """Map (batch, steps, channels) to (batch, channels): the last step, the average or the largest value.

    Padding counts neither in an average nor in a maximum; a sequence of padding alone is all zeros.
    """
    ops = keras.ops
    if how == "last":
        return steps[:, -1]
    if sequence.mask is None:
        return ops.max(steps, axis=1) if how == "max" else ops.mean(steps, axis=1)
    there = ops.expand_dims(ops.cast(sequence.mask, steps.dtype), -1)  # (batch, steps, 1)
    count = ops.sum(there, axis=1)  # (batch, 1)
    if how == "average":
        return ops.divide(ops.sum(ops.multiply(steps, there), axis=1), ops.maximum(count, 1.0))
    largest = ops.max(ops.add(steps, ops.multiply(ops.subtract(there, 1.0), 1e4)), axis=1)
    return ops.multiply(largest, ops.minimum(count, 1.0))


def answered(sequence: Sequence, features: Any, signature: Signature, config: Any, name: str) -> Blueprint:
    """Close the model with dropout and (batch, outputs) logits or standardised numbers; one stage fits it."""
    if config.dropout:
        features = keras.layers.Dropout(config.dropout)(features)
    outputs, forecasts = answer(features, signature, config), signature.task == "forecasting"
    if forecasts and config.shortcut:
        outputs = with_straight_path(outputs, sequence.input, signature)
    core = keras.Model({sequence.name: sequence.input}, outputs, name=name)
    evidence = sentences_judged if signature.data_type == "text" else None
    if signature.data_type == "series" and signature.task == "classification":
        evidence = stretch_that_decided
    return Blueprint((Stage("fit", core, *objective(signature)),), {"model": core}, evidence=evidence)


def refuse_short(sequence: Sequence, setting_name: str, value: int, most: int) -> None:
    """Refuse a setting that needs more steps than there are."""
    if value > most:
        raise Refusal(
            f"`{setting_name}` {value} is too much for sequences of {sequence.length} steps. "
            f"Set `{setting_name}` to {most} or less, or use longer sequences."
        )
