"""What the recurrent families share: layers that read step by step, once or in both directions."""

from typing import Any, Literal

from builders import Blueprint
from builders._layers import penalty
from builders._sequences import SequenceSettings, Summary, answered, entered, summarised
from recipes import Signature, keras, setting


class RecurrentSettings(SequenceSettings):
    """Settings of LSTM and GRU."""

    units: int = setting(64, "Units", "Numbers that the network keeps in mind from step to step.", ge=1, le=512,
                         log=True)  # fmt: skip
    layers: int = setting(1, "Layers", "Recurrent layers on top of each other.", ge=1, le=4)
    direction: Literal["auto", "forward", "both"] = setting(
        "auto", "Direction", "`both` reads from the start and from the end; `auto` does so unless it forecasts.",
    )  # fmt: skip
    summary: Summary = setting(
        "auto", "Before the answer", "The last step, or average or largest value of all steps; `auto` suits the task.",
        advanced=True,
    )  # fmt: skip
    initializer: Literal["glorot_uniform", "he_normal", "orthogonal"] = setting(
        "glorot_uniform", "First weights", "From which random numbers the weights start.", advanced=True
    )
    activation: Literal["tanh", "relu"] = setting(
        "tanh", "Activation", "The bend of what is kept in mind; `tanh` keeps it between -1 and 1.", advanced=True
    )
    normalization: Literal["none", "layer"] = setting(
        "none", "Normalization", "Keeps the numbers between two layers at one size.", advanced=True
    )


def recurrent(kind: str, signature: Signature, config: Any) -> Blueprint:
    """Build a recurrent network of Keras's layer `kind` (`LSTM` or `GRU`)."""
    forecasts = signature.task == "forecasting"
    both = config.direction == "both" or (config.direction == "auto" and not forecasts)
    how = config.summary if config.summary != "auto" else "last" if forecasts else "max"
    sequence = entered(signature, config.embedding)
    x = sequence.steps
    if config.dropout and sequence.mask is not None:
        x = keras.layers.Dropout(config.dropout)(x)
    for number in range(config.layers):
        if number and config.normalization == "layer":
            x = keras.layers.LayerNormalization()(x)
        x = _read(kind, x, sequence.mask if how == "last" else None, config, both=both)  # (batch, steps, units)
    return answered(sequence, summarised(sequence, x, how), signature, config, kind.lower())


def _read(kind: str, x: Any, mask: Any, config: Any, *, both: bool) -> Any:
    """Run one layer over the steps, (batch, steps, channels) to (batch, steps, units or twice as many)."""
    layer = getattr(keras.layers, kind)(
        config.units, activation=config.activation, kernel_initializer=config.initializer,
        kernel_regularizer=penalty(config), return_sequences=True,
    )  # fmt: skip
    if both:
        layer = keras.layers.Bidirectional(layer)
    return layer(x) if mask is None else layer(x, mask=keras.ops.cast(mask, "bool"))
