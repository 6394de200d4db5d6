"""What families that continue a text share: the loss over every place of a window, the blueprint."""

from typing import Any

from builders import Blueprint, Stage, Whole
from recipes import Signature, keras


def tokens_in(signature: Signature) -> Any:
    """Return the input of a window of token numbers: (batch, length) int32."""
    return keras.Input((int(signature.details["length"]),), name="tokens", dtype="int32")


def next_token(x: Any, signature: Signature) -> Any:
    """Map (batch, length, features) to logits of the token that follows each place: (batch, length, vocabulary)."""
    return keras.layers.Dense(signature.outputs, dtype="float32", name="next_token")(x)


def written(core: Any, wholes: dict[str, Whole] | None = None, notes: tuple[str, ...] = ()) -> Blueprint:
    """Make the blueprint of a family that is fitted to name the next token at every place of a window."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    stage = Stage("fit", core, loss, lambda: [keras.metrics.SparseCategoricalAccuracy(name="accuracy")])
    return Blueprint((stage,), {"model": core, **(wholes or {})}, notes)
