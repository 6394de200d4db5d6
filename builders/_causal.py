"""Transformer blocks that read from left to right or look into another text: pre-norm, of stock layers alone."""

from typing import Any

from recipes import Refusal, keras

SMALL = 0.02
"""Spread of the first vectors, as in GPT-2."""


def refuse_uneven(width: int, heads: int) -> None:
    """Refuse a width that the heads cannot share."""
    if width % heads:
        near = max(heads, round(width / heads) * heads)
        raise Refusal(
            f"`width` {width} cannot be shared evenly by `heads` {heads}. Set the width to {near} or change the heads."
        )


def placed(tokens: Any, vocabulary: int, length: int, width: int, name: str) -> Any:
    """Map (batch, length) token numbers to (batch, length, width): a vector for the token plus one for its place."""
    ops = keras.ops
    small = keras.initializers.RandomNormal(stddev=SMALL)
    places = ops.subtract(ops.cumsum(ops.ones_like(tokens), axis=-1), 1)
    seen = keras.layers.Embedding(vocabulary, width, embeddings_initializer=small, name=f"{name}_signs")(tokens)
    where = keras.layers.Embedding(length, width, embeddings_initializer=small, name=f"{name}_places")(places)
    return ops.add(seen, where)


def attend(x: Any, heads: int, dropout: float, *, to: Any = None, mask: Any = None, causal: bool = False) -> Any:
    """Add to (batch, length, width) what it finds in itself, or in `to` (batch, other, width) where `mask` is true."""
    calm = normalized(x)
    width = int(x.shape[-1])
    other = calm if to is None else to
    found = keras.layers.MultiHeadAttention(heads, width // heads)(
        calm, other, attention_mask=mask, use_causal_mask=causal
    )
    return keras.ops.add(x, dropped(found, dropout))


def think(x: Any, dropout: float) -> Any:
    """Add to (batch, length, width) what two dense layers make of each place."""
    width = int(x.shape[-1])
    found = keras.layers.Dense(4 * width, activation="gelu")(normalized(x))
    return keras.ops.add(x, dropped(keras.layers.Dense(width)(found), dropout))


def normalized(x: Any) -> Any:
    """Bring each place to one size."""
    return keras.layers.LayerNormalization(epsilon=1e-5)(x)


def dropped(x: Any, share: float) -> Any:
    """Let a share of the units sit out."""
    # A layer of its own, not the one inside attention: the fit loop makes this one fast.
    return keras.layers.Dropout(share)(x) if share else x
