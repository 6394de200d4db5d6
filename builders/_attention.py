"""Attention: what the transformer and its relatives share, from positions to a block."""

from typing import Any, Literal

import numpy as np

from builders._layers import penalty
from builders._sequences import Sequence
from recipes import Refusal, Settings, keras, setting


class AttentionSettings(Settings):
    """Settings of families made of blocks in which every step looks at every other."""

    embedding: int = setting(
        64, "Width", "Numbers by which each word or step is described, in all blocks.", ge=1, le=512, log=True
    )
    heads: int = setting(4, "Heads", "How many ways of looking at the other words each block has.", ge=1, le=16)
    blocks: int = setting(1, "Blocks", "How often every word looks at the others.", ge=1, le=8)
    feed_forward: int = setting(
        2, "Inner width", "How many times wider the dense layers inside a block are.", ge=1, le=8, advanced=True
    )
    positions: Literal["learned", "waves"] = setting(
        "learned", "Positions", "How places are told: vectors that are learned, or fixed sine waves.", advanced=True
    )
    norm: Literal["before", "after"] = setting(
        "before", "Normalization", "Before each part (steadier) or after it (as in the paper).", advanced=True
    )
    activation: Literal["gelu", "relu", "silu"] = setting(
        "gelu", "Activation", "The bend inside each block.", advanced=True
    )
    initializer: Literal["glorot_uniform", "he_normal", "truncated_normal"] = setting(
        "glorot_uniform", "First weights", "From which random numbers the weights start.", advanced=True
    )
    dropout: float = setting(
        0.3, "Dropout", "Share of the units that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip
    l2: float = setting(
        0.0, "L2 penalty", "Makes large weights costly; a little (0.0001) keeps the model simple.", ge=0, le=0.1,
        advanced=True, log=True, panel="training",
    )  # fmt: skip


def refuse_uneven(width: int, heads: int) -> None:
    """Refuse heads that cannot share the width evenly."""
    if width % heads:
        raise Refusal(
            f"`heads` {heads} cannot share a width of `embedding` {width} evenly. "
            f"Set `embedding` to {max(1, round(width / heads)) * heads}, or choose other heads."
        )


def placed(sequence: Sequence, config: Any) -> Any:
    """Add positions to the steps: (batch, steps, width)."""
    ops, x = keras.ops, sequence.steps
    if sequence.mask is None:
        x = keras.layers.Dense(config.embedding, name="width")(x)
    first = sequence.input if sequence.mask is not None else sequence.input[:, :, 0]
    numbers = ops.cumsum(ops.cast(ops.ones_like(first), "int32"), axis=1) - 1  # 0, 1, 2, ... (batch, steps)
    if config.positions == "waves":
        places = ops.take(waves(sequence.length, config.embedding), numbers, axis=0)
        x = ops.add(ops.multiply(x, float(np.sqrt(config.embedding))), places)
    else:
        x = keras.layers.Add()([x, keras.layers.Embedding(sequence.length, config.embedding, name="places")(numbers)])
    return keras.layers.Dropout(config.dropout)(x) if config.dropout else x


def waves(steps: int, width: int) -> np.ndarray:
    """Return the fixed positions of the paper: sines and cosines of falling pitch, (steps, width)."""
    angles = np.arange(steps)[:, None] / 10_000 ** (2 * (np.arange(width)[None] // 2) / width)
    return np.where(np.arange(width) % 2, np.cos(angles), np.sin(angles)).astype(np.float32)


def block(x: Any, mask: Any, config: Any) -> tuple[Any, Any]:
    """Let every step look at the others, then think alone.

    Returns the steps (batch, steps, width) and who looked where, (batch, heads, steps, steps).
    """
    layers = keras.layers
    before = config.norm == "before"
    attention = layers.MultiHeadAttention(
        config.heads, config.embedding // config.heads, kernel_initializer=config.initializer,
        kernel_regularizer=penalty(config),
    )  # fmt: skip
    there = None if mask is None else keras.ops.cast(keras.ops.expand_dims(mask, 1), "bool")  # (batch, 1, steps)
    asked = layers.LayerNormalization()(x) if before else x
    told, scores = attention(asked, asked, attention_mask=there, return_attention_scores=True)
    x = layers.Add()([x, _dropped(told, config)])
    x = x if before else layers.LayerNormalization()(x)
    inner = layers.LayerNormalization()(x) if before else x
    inner = layers.Dense(
        config.embedding * config.feed_forward, activation=config.activation, kernel_initializer=config.initializer,
        kernel_regularizer=penalty(config),
    )(inner)  # fmt: skip
    inner = layers.Dense(config.embedding, kernel_regularizer=penalty(config))(inner)
    x = layers.Add()([x, _dropped(inner, config)])
    return (x if before else layers.LayerNormalization()(x)), scores


def _dropped(x: Any, config: Any) -> Any:
    return keras.layers.Dropout(config.dropout)(x) if config.dropout else x
