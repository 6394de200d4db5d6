"""Dilated convolutional network: filters with growing gaps look far back in few layers, and never into the future.

A strong first choice for series: it reads all steps at once, so it trains faster than LSTM and GRU, and every layer
doubles how far it sees. For forecasts a straight path from the window to the answer runs beside it.
Paper: Bai, Kolter, Koltun, "An empirical evaluation of generic convolutional and recurrent networks for sequence
modeling", 2018; the growing gaps after van den Oord and others, "WaveNet: a generative model for raw audio", 2016.
Score: RMSE 0.56 of the last value's on sunspots, 0.66 of a year ago's on El Niño, accuracy 0.98 on the wrist sensor
(sealed test part, mean of seeds 1 to 3).
"""

from typing import Any, Literal

from builders import Blueprint, Stage
from builders._evidence_series import stretch_that_decided
from builders._forecast import with_straight_path
from builders._layers import LayerSettings, Normalization, answer, normalized, objective, weights
from recipes import Refusal, Signature, keras, setting

TITLE = "Dilated convolutional network"
SUMMARY = "The first choice for series: filters with growing gaps see far back in few layers."
ICON = "filter_list"
TASKS = ("forecasting", "classification")
DATA_TYPES = ("series",)
PAPER = "Bai, Kolter, Koltun: An empirical evaluation of generic convolutional and recurrent networks, 2018"
TRAINING = {"epochs": 50, "patience": 15, "learning_rate": 0.005}


class Config(LayerSettings):
    """Settings of the dilated convolutional network."""

    filters: int = setting(32, "Filters", "Filters of every layer.", ge=1, le=512, log=True)
    depth: int = setting(
        0, "Blocks", "Each block doubles the gaps, so it sees twice as far back; 0 chooses so that all steps are seen.",
        ge=0, le=12, zero="automatic",
    )  # fmt: skip
    kernel: int = setting(3, "Filter length", "Steps that a filter sees at once, with gaps between them.", ge=2, le=31)
    convolutions: int = setting(1, "Convolutions per block", "How many stand in a row before the short cut.", ge=1,
                                le=4, advanced=True)  # fmt: skip
    shortcut: bool = setting(
        True, "Straight path", "A straight line from what was seen to the forecast beside the network (forecasts).",
    )  # fmt: skip
    summary: Literal["auto", "last", "average", "max"] = setting(
        "auto", "Before the answer", "The last step, or average or largest value of all steps; `auto` suits the task.",
        advanced=True,
    )  # fmt: skip
    normalization: Normalization = setting(
        "none", "Normalization", "Keeps the numbers inside the network at one size: per batch, per example, or not.",
        advanced=True,
    )  # fmt: skip
    dropout: float = setting(
        0.3, "Dropout", "Share of the units that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Map (batch, steps, columns) to (batch, outputs): logits, or standardised forecasts of the steps to come."""
    name, spec = next(iter(signature.inputs.items()))
    steps, forecasts = int(spec.shape[0] or 1), signature.task == "forecasting"
    _refuse_long(config, steps)
    depth = config.depth or fitting_depth(steps, config)
    series = keras.Input(spec.shape, name=name)
    x = keras.layers.Conv1D(config.filters, 1, **weights(config))(series)  # (batch, steps, filters)
    for block in range(depth):
        x = _block(x, 2**block, config)
    outputs = answer(_summarised(x, config, forecasts=forecasts), signature, config)
    if forecasts and config.shortcut:
        outputs = with_straight_path(outputs, series, signature)
    core = keras.Model({name: series}, outputs, name="tcn")
    notes = () if config.depth else (f"{depth} blocks see {reach(depth, config)} steps back, of {steps}.",)
    evidence = None if forecasts else stretch_that_decided
    return Blueprint((Stage("fit", core, *objective(signature)),), {"model": core}, notes, evidence)


def reach(depth: int, config: Config) -> int:
    """Return how many steps the last one knows of."""
    return 1 + config.convolutions * (config.kernel - 1) * (2**depth - 1)


def fitting_depth(steps: int, config: Config) -> int:
    """Return the fewest blocks with which the last step knows of all others."""
    return next(depth for depth in range(1, 13) if depth == 12 or reach(depth, config) >= steps)


def _block(x: Any, gap: int, config: Config) -> Any:
    """Convolve with gaps, looking back only, and add what came in: (batch, steps, filters)."""
    before = x
    for _ in range(config.convolutions):
        x = keras.layers.Conv1D(
            config.filters, config.kernel, padding="causal", dilation_rate=gap,
            use_bias=config.normalization != "batch", **weights(config),
        )(x)  # fmt: skip
        x = keras.layers.Activation(config.activation)(normalized(x, config))
        if config.dropout:
            x = keras.layers.SpatialDropout1D(config.dropout)(x)
    return keras.layers.Add()([before, x])


def _summarised(x: Any, config: Config, *, forecasts: bool) -> Any:
    how = config.summary if config.summary != "auto" else "last" if forecasts else "average"
    if how == "last":
        return x[:, -1]
    return (keras.layers.GlobalAveragePooling1D() if how == "average" else keras.layers.GlobalMaxPooling1D())(x)


def _refuse_long(config: Config, steps: int) -> None:
    if config.depth and 2 ** (config.depth - 1) >= max(2, steps):
        most = max(1, (steps - 1).bit_length())
        raise Refusal(
            f"`depth` {config.depth} makes gaps of {2 ** (config.depth - 1)} steps, but only {steps} are seen. "
            f"Set `depth` to {most} or less, or let the model see more steps."
        )
    if config.kernel > steps:
        raise Refusal(f"`kernel` {config.kernel} is longer than the {steps} steps that are seen. "
                      f"Set `kernel` to {max(2, steps)} or less.")  # fmt: skip
