"""Dropout whose mask is an integer hash: as good as random numbers for training, and far cheaper once compiled.

Compiled by XLA for a CPU, the usual mask costs more than the rest of a small network: it made training slower than
plain `fit`. A hash of (element, seed, step) needs a few integer operations that XLA melts into the layer before.
The stock layer stays where it is and keeps its own seed state, so checkpoints, resuming and the download know
nothing of this.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from recipes import keras

GOLDEN = 0x9E3779B9


@contextmanager
def hashed_dropout(model: Any) -> Generator[None]:
    """Let every `Dropout` (not its subclasses) inside the model draw its masks by hash while it is traced in here."""
    layers = [layer for layer in all_layers(model) if type(layer) is keras.layers.Dropout]
    for layer in layers:
        layer.call = _call_of(layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def all_layers(model: Any) -> list[Any]:
    """List the layers of a model with those inside layers and nested models."""
    return list(model._flatten_layers(include_self=False))  # noqa: SLF001 - Keras has no public walk over inner layers


def keep_mask(shape: Any, rate: float, seed: Any) -> Any:
    """Return a boolean tensor of this shape, true with probability 1 - rate; `seed` is a pair of integers."""
    import tensorflow as tf

    seed = tf.cast(seed, tf.uint32)
    step_key = _mixed(seed[0] + _mixed(seed[1] * tf.constant(GOLDEN, tf.uint32)))
    elements = tf.reshape(tf.range(tf.reduce_prod(shape)), shape)
    bits = _mixed(tf.bitwise.bitwise_xor(tf.cast(elements, tf.uint32), step_key) + _mixed(step_key))
    return bits >= tf.constant(min(round(rate * 2**32), 2**32 - 1), tf.uint32)


def _call_of(layer: Any) -> Any:
    def call(inputs: Any, training: bool = False) -> Any:  # noqa: FBT001, FBT002 - the signature of Dropout.call
        import tensorflow as tf

        if not training or layer.rate == 0:
            return inputs
        shape = tf.shape(inputs)
        if layer.noise_shape is not None:
            shape = tf.stack([shape[axis] if size is None else size for axis, size in enumerate(layer.noise_shape)])
        keep = keep_mask(shape, layer.rate, layer.seed_generator.next())
        return tf.where(keep, inputs / (1 - layer.rate), tf.zeros((), inputs.dtype))

    return call


def _mixed(bits: Any) -> Any:
    """Mix 32 bits so that each input bit turns about half of the output bits: multiply, xor, shift, twice."""
    import tensorflow as tf

    def fold(value: Any, places: int) -> Any:
        shifted = tf.bitwise.right_shift(value, tf.constant(places, tf.uint32))
        return tf.bitwise.bitwise_xor(value, shifted)

    bits = fold(bits, 16) * tf.constant(0x7FEB352D, tf.uint32)
    bits = fold(bits, 15) * tf.constant(0x846CA68B, tf.uint32)
    return fold(bits, 16)
