"""What families share that turn one sentence into another: attention over the source, greedy writing, the blueprint.

While training, the model is told what it should have written so far and names the next word at every place. The
download writes by itself: the likeliest word at each place is what it reads at the next one, up to a fixed length.
"""

from collections.abc import Callable
from typing import Any

from builders import Blueprint, Stage
from recipes import Signature, keras

FAR = 1e9


def inputs_of(signature: Signature) -> tuple[Any, Any]:
    """Return the inputs: the source (batch, S) and what has been written so far (batch, T), both int32."""
    return tuple(keras.Input(signature.inputs[name].shape, name=name, dtype="int32") for name in ("source", "target"))


def there(tokens: Any) -> Any:
    """Say where a row holds words: (batch, length) with 1 for a word and 0 for padding."""
    return keras.ops.cast(keras.ops.not_equal(tokens, 0), "float32")


def look_back(query: Any, memory: Any, is_word: Any) -> Any:
    """Read the source as each query asks: (batch, n, width), (batch, S, width), (batch, S) to (batch, n, width)."""
    ops = keras.ops
    scores = ops.matmul(query, ops.transpose(memory, (0, 2, 1)))  # (batch, n, S)
    scores = ops.subtract(scores, ops.multiply(ops.expand_dims(ops.subtract(1.0, is_word), 1), FAR))
    return ops.matmul(ops.softmax(scores, axis=-1), memory)


def greedy(start: Any, steps: int, end: int, step: Callable[[list[Any], int], Any]) -> Any:
    """Write `steps` words, each the likeliest after those before; what stands behind the end becomes 0.

    `start` is (batch, 1) int32; `step` gets the words so far, each (batch, 1), and the place, and returns logits
    (batch, vocabulary). Answers (batch, steps) int32.
    """
    ops = keras.ops
    written = [start]
    for place in range(steps):
        logits = step(written, place)
        # Padding and unknown words are no answer.
        best = ops.add(ops.argmax(logits[:, 2:], axis=-1), 2)
        written.append(ops.expand_dims(ops.cast(best, "int32"), -1))
    words = ops.concatenate(written[1:], axis=-1)  # (batch, steps)
    alive = ops.cumprod(ops.cast(ops.not_equal(words, end), "int32"), axis=-1)
    return ops.multiply(words, alive)


def started(source: Any, signature: Signature) -> Any:
    """Return the token that begins a sentence, for each row: (batch, 1) int32."""
    ops = keras.ops
    return ops.add(ops.multiply(source[:, :1], 0), int(signature.details["start"]))


def translated(teacher: Any, core: Any) -> Blueprint:
    """Make the blueprint: `teacher` maps source and target so far to logits (batch, T, vocabulary)."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    return Blueprint((Stage("fit", teacher, loss, _metrics),), {"model": core})


def _metrics() -> list[Any]:
    return [keras.metrics.MeanMetricWrapper(_words_right, name="accuracy")]


def _words_right(truth: Any, logits: Any) -> Any:
    """Return the share of the next words that are right, padding aside: (batch,)."""
    ops = keras.ops
    counts = ops.cast(ops.not_equal(truth, 0), "float32")
    hits = ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), ops.cast(truth, "int32")), "float32")
    return ops.divide(ops.sum(ops.multiply(hits, counts), axis=-1), ops.maximum(ops.sum(counts, axis=-1), 1.0))
