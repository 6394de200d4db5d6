"""Hybrid: one branch for each part of a row (picture, numbers and words, text, series), joined into one answer.

For rows of which no part says enough by itself: a photo with measurements, a text with a price. Each branch turns its
part into a few numbers; side by side these go through a dense layer. Any part can be switched off to see what is left.
Paper: Ngiam et al., "Multimodal Deep Learning", 2011.
Score: accuracy 0.97 on sightings; with the picture alone 0.68, the table alone 0.76, the text alone 0.66 (sealed test
part, mean of seeds 1 to 3).
"""

from dataclasses import replace
from functools import partial
from typing import Any

from builders import Blueprint
from builders._evidence_parts import shares
from builders._layers import LayerSettings, Normalization, answer, blueprint, dense_block, normalized, weights
from recipes import Refusal, Signature, keras, setting

TITLE = "Hybrid"
SUMMARY = "Uses pictures, numbers, texts and series of a row together, one branch for each."
ICON = "hub"
TASKS = ("classification", "regression")
DATA_TYPES = ("mixed",)
PAPER = "Ngiam et al.: Multimodal Deep Learning, 2011"
TRAINING: dict[str, Any] = {"epochs": 20, "patience": 5, "learning_rate": 0.002}

SMALLEST = 6
"""A picture branch halves the picture until a side would be shorter."""
SWITCHES = {"picture": "use_picture", "features": "use_table", "tokens": "use_text", "series": "use_series"}


class Config(LayerSettings):
    """Settings of the hybrid network."""

    dropout: float = setting(
        0.2, "Dropout", "Share of the units that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip
    normalization: Normalization = setting(
        "batch", "Normalization", "Keeps the numbers inside the network at one size: per batch, per example, or not.",
        advanced=True,
    )  # fmt: skip
    use_picture: bool = setting(True, "Use the picture", "Switch it off to see what the other parts know.")
    use_table: bool = setting(True, "Use numbers and words", "Switch them off to see what the other parts know.")
    use_text: bool = setting(True, "Use the text", "Switch it off to see what the other parts know.")
    use_series: bool = setting(True, "Use the series", "Switch it off to see what the other parts know.")
    filters: int = setting(
        16, "Filters", "Patterns that the first layer of the picture branch looks for.", ge=4, le=256, log=True
    )
    width: int = setting(64, "Width", "Numbers into which each branch turns its part.", ge=4, le=1024, log=True)
    fusion: int = setting(
        64, "Joining layer", "Units of the layer that sees all parts together.", ge=4, le=2048, log=True
    )


def build(signature: Signature, config: Config) -> Blueprint:
    """Map one tensor a part to (batch, outputs) logits or the standardised number."""
    inputs = {name: keras.Input(spec.shape, name=name, dtype=spec.dtype) for name, spec in signature.inputs.items()}
    parts = [name for name in inputs if getattr(config, SWITCHES[name])]
    _refuse_none(signature, parts)
    branches = {
        "picture": _picture, "features": _table, "series": _series,
        "tokens": partial(_text, vocabulary=int(signature.details.get("vocabulary", 0))),
    }  # fmt: skip
    described = [branches[name](inputs[name], config=config) for name in parts]
    x = keras.layers.Concatenate(name="all_parts")(described) if len(described) > 1 else described[0]
    x = dense_block(x, config.fusion, config)
    core = keras.Model(inputs, answer(x, signature, config), name="hybrid")
    left_out = [name for name in inputs if name not in parts]
    plan = blueprint(core, signature, notes=_notes(signature, left_out))
    return replace(plan, evidence=lambda asked: shares(asked, parts))


def _refuse_none(signature: Signature, parts: list[str]) -> None:
    if not parts:
        switches = ", ".join(f"`{SWITCHES[name]}`" for name in signature.inputs)
        raise Refusal(f"Every part of these rows is switched off. Switch one on again: {switches}.")


def _notes(signature: Signature, left_out: list[str]) -> tuple[str, ...]:
    columns = [column for name in left_out for column in signature.details.get("parts", {}).get(name, [name])]
    return (f"Switched off, so not looked at: {', '.join(columns)}.",) if columns else ()


def _picture(picture: Any, config: Config) -> Any:
    """Map (batch, height, width, channels) to (batch, width): convolutions that halve the picture again and again."""
    layers = keras.layers
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    filters, side = config.filters, min(picture.shape[1:3])
    while True:
        x = layers.Conv2D(filters, 3, padding="same", use_bias=config.normalization != "batch", **weights(config))(x)
        x = layers.Activation(config.activation)(normalized(x, config))
        if side // 2 < SMALLEST:
            break
        x = layers.MaxPooling2D()(x)
        side, filters = side // 2, min(2 * filters, 256)
    return dense_block(layers.GlobalAveragePooling2D()(x), config.width, config)


def _table(features: Any, config: Config) -> Any:
    """Map (batch, features) to (batch, width)."""
    return dense_block(features, config.width, config)


def _text(tokens: Any, vocabulary: int, config: Config) -> Any:
    """Map numbers of words (batch, length) to (batch, width): the mean of the words' vectors, ends left out."""
    layers = keras.layers
    vectors = layers.Embedding(vocabulary, config.width, mask_zero=True, name="words")(tokens)
    return dense_block(layers.GlobalAveragePooling1D()(vectors), config.width, config)


def _series(series: Any, config: Config) -> Any:
    """Map (batch, steps, columns) to (batch, width): convolutions along time, their strongest answers kept."""
    layers = keras.layers
    x, steps, filters = series, series.shape[1], config.filters
    for _ in range(3):
        x = layers.Conv1D(filters, min(5, steps), padding="same", **weights(config))(x)
        x = layers.Activation(config.activation)(normalized(x, config))
        if steps < 2 * SMALLEST:
            break
        x, steps, filters = layers.MaxPooling1D()(x), steps // 2, min(2 * filters, 256)
    return dense_block(layers.GlobalMaxPooling1D()(x), config.width, config)
