"""Layer by layer: a stack of Keras layers that a person puts together, from the data to the answer.

For whoever wants to see what each layer does: start from a template of these data, add, move and take out layers, and
read shapes and parameters as they change. The recipe holds the list as it stands. Words come in as token numbers (an
Embedding reads them), pictures scaled to -1..1; a dense layer for the answer stands behind the last layer.
Paper: Ivakhnenko, Lapa, "Cybernetic Predicting Devices", 1965, the first networks built layer by layer; the layers
after Chollet and others, "Keras", 2015.
Score: accuracy 1.00 on penguins (dense), 0.98 on digits (classic filters), 0.90 on reviews (embedding and convolution;
sealed test part, seed 1).
"""

from dataclasses import replace
from typing import Any

from pydantic import field_validator

from builders import Blueprint, Stage
from builders._evidence_series import stretch_that_decided
from builders._evidence_tables import about_rare, with_map
from builders._evidence_text import sentences_judged
from builders._forecast import with_straight_path
from builders._held_out import evidence
from builders._layers import answer, objective, penalty
from builders._sound import log_mel
from builders._stack import Step, entering, follow, obstacle, read
from builders._stack_kinds import AnyLayer, Layer
from builders._stack_templates import templates
from recipes import Refusal, Settings, Signature, keras, setting

TITLE = "Layer by layer"
SUMMARY = "Your own network: put layers on top of each other and see what each of them does."
ICON = "view_agenda"
TASKS = ("classification", "regression", "forecasting")
DATA_TYPES = ("tabular", "image", "text", "series", "audio", "video")
PAPER = "Ivakhnenko, Lapa: Cybernetic Predicting Devices, 1965"
TRAINING = {"epochs": 30, "patience": 8}
STEADY = ("Dense", "Dropout", "SpatialDropout1D", "GaussianNoise", "BatchNormalization", "LayerNormalization",
          "Activation", "MultiHeadAttention")  # fmt: skip
"""Kinds behind which each step still is the same word."""
RECURRENT = ("LSTM", "GRU", "SimpleRNN")


class Config(Settings):
    """Settings of a stack."""

    layers: tuple[AnyLayer, ...] | None = setting(
        None, "Layers", "The layers from the data to the answer; nothing means a template that fits the data.",
        panel="layers",
    )  # fmt: skip
    shortcut: bool = setting(
        True, "Straight path", "A straight line from what was seen to the forecast beside the layers (forecasts).",
        panel="forecast",
    )  # fmt: skip
    l2: float = setting(
        0.0, "L2 penalty", "Makes large weights costly; a little (0.0001) keeps the model simple.", ge=0, le=0.1,
        advanced=True, log=True, panel="training",
    )  # fmt: skip

    @field_validator("layers", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """Tell mistakes with the layer's number and name."""
        return None if value is None else read(value)


def build(signature: Signature, config: Config) -> Blueprint:
    """Map one input to (batch, outputs) logits, or standardised numbers, through the layers of the stack."""
    layers = templates(signature)[0].layers if config.layers is None else config.layers
    start = entering(signature)
    steps = follow(layers, start)
    if impossible := obstacle(steps, start):
        raise Refusal(impossible)
    name, spec = next(iter(signature.inputs.items()))
    inputs = keras.Input(spec.shape, name=name, dtype=spec.dtype)
    x, mask = _entered(inputs, signature)
    for step in steps:
        x, mask = _applied(step, x, mask, config)
    outputs = answer(x, signature, config)
    if signature.task == "forecasting" and config.shortcut:
        outputs = with_straight_path(outputs, inputs, signature)
    core = keras.Model({name: inputs}, outputs, name="custom")
    return _with_evidence(Blueprint((Stage("fit", core, *objective(signature)),), {"model": core}), signature)


def _with_evidence(plan: Blueprint, signature: Signature) -> Blueprint:
    """Add what other families show of the same data."""
    if signature.data_type == "tabular":
        return with_map(replace(plan, notes=about_rare(signature)), signature)
    told = {"text": sentences_judged, "audio": evidence("spectrogram"), "video": evidence("clips")}.get(
        signature.data_type
    )
    if signature.data_type == "series" and signature.task == "classification":
        told = stretch_that_decided
    return replace(plan, evidence=told)


def _entered(inputs: Any, signature: Signature) -> tuple[Any, Any]:
    """Return what the first layer reads, and for texts a mask (batch, steps) that is 1 where there is a word."""
    if signature.data_type in ("image", "video"):
        return keras.layers.Rescaling(1 / 127.5, offset=-1.0)(inputs), None
    if signature.data_type == "text":
        tokens = keras.ops.cast(inputs, "int32")
        return tokens, keras.ops.cast(keras.ops.not_equal(tokens, 0), "float32")
    return inputs, None


def _applied(step: Step, x: Any, mask: Any, config: Config) -> tuple[Any, Any]:
    """Put one layer on; returns what leaves it, and the mask while the steps are still the words."""
    layer, before = step.layer, step.before
    assert before is not None  # noqa: S101 - an impossible stack was refused
    if layer.kind == "MelSpectrogram":
        return log_mel(x, before.rate, layer.arguments()["num_mel_bins"]), None
    if layer.kind == "Embedding":
        return _made(layer, config, input_dim=before.vocabulary)(x), mask
    if layer.kind == "MultiHeadAttention":
        there = None if mask is None else keras.ops.expand_dims(keras.ops.cast(mask, "bool"), 1)
        looked = _made(layer, config)(x, x, attention_mask=there)
        return keras.layers.Add()([x, looked]), mask
    if layer.kind in RECURRENT:
        return _read_in_order(layer, x, mask, config)
    if mask is not None and layer.kind in ("GlobalAveragePooling1D", "GlobalMaxPooling1D"):
        return _summed_up(layer, x, mask, config), None
    made = _made(layer, config)
    x = _on_each(made, x) if layer.EACH and len(before.shape) > layer.EACH else made(x)
    return x, mask if _keeps_words(layer) else None


def _made(layer: Layer, config: Config, **more: Any) -> Any:
    """Make Keras's layer, with the penalty where it has a kernel."""
    told = layer.arguments() | more
    if layer.kind in ("Dense", "Conv1D", "Conv2D", "Conv3D", *RECURRENT):
        told["kernel_regularizer"] = penalty(config)
    if layer.kind == "Embedding":
        told["embeddings_initializer"] = "uniform"
    return getattr(keras.layers, layer.kind)(**told)


def _read_in_order(layer: Any, x: Any, mask: Any, config: Config) -> tuple[Any, Any]:
    """Read step by step. The last word counts, not the padding behind it; all steps are told apart further on."""
    made = _made(layer, config)
    if layer.bidirectional:
        made = keras.layers.Bidirectional(made)
    if layer.return_sequences or mask is None:
        return made(x), mask if layer.return_sequences else None
    return made(x, mask=keras.ops.cast(mask, "bool")), None


def _summed_up(layer: Layer, x: Any, mask: Any, config: Config) -> Any:
    """Average, or take the largest of, the steps that are words; padding counts only where there is nothing else."""
    ops = keras.ops
    some = ops.minimum(ops.sum(mask, axis=1, keepdims=True), 1.0)
    if layer.kind == "GlobalAveragePooling1D":
        return _made(layer, config)(x, mask=ops.maximum(mask, ops.subtract(1.0, some)))
    low = ops.multiply(ops.multiply(ops.subtract(mask, 1.0), some), 1e4)  # (batch, steps)
    return _made(layer, config)(ops.add(x, ops.cast(ops.expand_dims(low, -1), x.dtype)))


def _on_each(made: Any, x: Any) -> Any:
    """Apply a layer for pictures to each picture of a clip."""
    pictures = made(keras.ops.reshape(x, (-1, *x.shape[2:])))  # (batch * pictures, ...)
    return keras.ops.reshape(pictures, (-1, x.shape[1], *pictures.shape[1:]))


def _keeps_words(layer: Any) -> bool:
    same_length = layer.kind == "Conv1D" and layer.strides == 1 and layer.padding != "valid"
    return layer.kind in STEADY or same_length
