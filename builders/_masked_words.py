"""The lesson of BERT: fill in masked words, and tell which words come next.

A text is cut in two: `[start] words before the cut [end]` and `[start] words after it [end]`. Of 100 words 15 are asked
for: 12 hide behind a mask, 1.5 become another word, 1.5 stay. And for each first part the model picks the second part
that follows it among those of 32 texts. The paper asks yes or no about one pair; choosing among many
teaches more from few texts (Logeswaran, Lee, "An efficient framework for learning sentence representations", 2018).
Everything is drawn inside the model from a seed, so each epoch cuts and asks anew.
"""

from typing import Any

from recipes import keras

EXTRA = 3
"""Tokens that BERT adds behind the vocabulary: mask, end, start."""
FIRST_WORD = 2
"""Tokens before it are padding and the unknown word."""
CHOICE = 32
"""Second parts among which the right one is picked."""
SHARPNESS = 10.0
"""By how much the likeness of two parts (-1 to 1) is stretched before the choice."""


def mask_of(vocabulary: int) -> int:
    """Return the number of the mask; `end` and `start` follow it."""
    return vocabulary


def part_of(tokens: Any, first: Any, count: Any, most: int, vocabulary: int) -> Any:
    """Return `[start]`, `count` tokens from place `first` on (both (batch, 1)), `[end]`: (batch, most + 2)."""
    ops = keras.ops
    end, start = vocabulary + 1, vocabulary + 2
    at = ops.expand_dims(ops.arange(most + 2, dtype="int32"), 0)  # (1, most + 2)
    place = ops.clip(at - 1 + first, 0, tokens.shape[1] - 1)
    part = ops.take_along_axis(tokens, place, axis=1)
    part = ops.where(at > count, 0, part)
    part = ops.where(at == count + 1, end, part)
    return ops.where(at == 0, start, part)


def cut(tokens: Any, most: int, vocabulary: int, seed: Any) -> tuple[Any, Any]:
    """Cut each text (batch, length) somewhere in its middle half; returns both parts, (batch, most + 2) each.

    Each part keeps a random number of the words next to the cut, so that its length does not give the other away.
    """
    ops, random = keras.ops, keras.random
    rows = ops.shape(tokens)[0]
    words = ops.sum(ops.cast(ops.not_equal(tokens, 0), "int32"), axis=1, keepdims=True)  # (batch, 1)
    place = ops.cast(ops.cast(words, "float32") * random.uniform((rows, 1), 0.25, 0.75, seed=seed), "int32")
    rooms = ops.cast(random.uniform((rows, 2), most // 2, most + 1, seed=seed), "int32")
    before = ops.minimum(place, ops.clip(rooms[:, :1], 1, most))
    after = ops.minimum(words - place, ops.clip(rooms[:, 1:], 1, most))
    first = part_of(tokens, place - before, before, most, vocabulary)
    return first, part_of(tokens, place, after, most, vocabulary)


def hidden_words(parts: Any, vocabulary: int, share: float, seed: Any) -> tuple[Any, Any, Any]:
    """Hide some words of each row of `parts` (batch, steps).

    Returns the spoilt rows (batch, steps), the places asked for (batch, most) and their weights (batch, most): 1 where
    something was asked for, 0 where the row is too short for so many.
    """
    ops, random = keras.ops, keras.random
    steps = parts.shape[1]
    most = max(1, round(share * steps))
    words = (parts >= FIRST_WORD) & (parts < vocabulary)
    lots = ops.where(words, random.uniform(ops.shape(parts), seed=seed), -1.0)
    best, places = ops.top_k(lots, most)  # (batch, most)
    wanted = ops.ceil(share * ops.sum(ops.cast(words, "float32"), axis=1, keepdims=True))
    weights = ops.cast((best >= 0) & (ops.cast(ops.arange(most), "float32") < wanted), "float32")
    chosen = ops.max(ops.one_hot(places, steps) * ops.expand_dims(weights, -1), axis=1) > 0  # (batch, steps)
    fate = random.uniform(ops.shape(parts), seed=seed)
    strange = ops.cast(random.uniform(ops.shape(parts), FIRST_WORD, vocabulary, seed=seed), "int32")
    spoilt = ops.where(fate < 0.8, mask_of(vocabulary), ops.where(fate < 0.9, strange, parts))
    return ops.where(chosen, spoilt, parts), places, weights


def pretraining(body: Any, vocabulary: int, length: int, share: float, *, next_part: bool) -> Any:
    """Return the model of the pre-training stage, built and ready to be compiled without a loss.

    `body` maps {"tokens": (batch, steps)} to (batch, steps, width); its layer `words` has the word vectors by whose
    likeness a hidden word is guessed.
    """
    most, width = max(2, length // 2), int(body.output.shape[-1])

    class MaskedWords(keras.Model):
        """Reads {"tokens": (batch, length)}; its losses are cross-entropies per hidden word and per text."""

        def __init__(self) -> None:
            super().__init__(name="masked_words")
            layers = keras.layers
            self.body = body
            self.thought = keras.Sequential([layers.Dense(width, activation="gelu"), layers.LayerNormalization()])
            self.rarity = self.add_weight(shape=(vocabulary,), initializer="zeros", name="rarity")
            self.seed_generator = keras.random.SeedGenerator(17)
            self.masked_accuracy = keras.metrics.Mean(name="masked_accuracy")
            self.masked_loss = keras.metrics.Mean(name="masked_loss")
            if next_part:
                self.asking, self.following = layers.Dense(width), layers.Dense(width)
                self.next_accuracy = keras.metrics.Mean(name="next_accuracy")

        def guess(self, read: Any) -> Any:
            """Map what was read at some places, (batch, places, width), to logits (batch, places, vocabulary)."""
            ops = keras.ops
            vectors = self.body.get_layer("words").embeddings[:vocabulary]
            likeness = ops.matmul(self.thought(read), ops.transpose(vectors))
            return ops.cast(likeness, "float32") + self.rarity

        def call(self, inputs: dict[str, Any], training: Any = None) -> dict[str, Any]:
            ops, seed = keras.ops, self.seed_generator
            tokens = ops.cast(inputs["tokens"], "int32")
            parts = ops.concatenate(cut(tokens, most, vocabulary, seed), axis=0)  # (2 * batch, most + 2)
            spoilt, places, weights = hidden_words(parts, vocabulary, share, seed)
            read = self.body({"tokens": spoilt}, training=training)
            asked = ops.take_along_axis(read, ops.expand_dims(places, -1), axis=1)  # (2 * batch, most asked, width)
            truth = ops.where(weights > 0, ops.take_along_axis(parts, places, axis=1), 0)
            told = {"words": self.guess(asked), "truth": truth, "weights": weights}
            if next_part:
                whole = average(read, spoilt)
                half = ops.shape(tokens)[0]
                one, other = _unit(self.asking(whole[:half])), _unit(self.following(whole[half:]))
                told["next"] = _among_few(SHARPNESS * ops.cast(ops.matmul(one, ops.transpose(other)), "float32"))
            return told

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: Any = None
        ) -> Any:
            ops, weights = keras.ops, y_pred["weights"]
            count = ops.maximum(ops.sum(weights), 1.0)
            loss = ops.sum(_surprise(y_pred["truth"], y_pred["words"]) * weights) / count
            self.masked_accuracy.update_state(ops.sum(_right(y_pred["truth"], y_pred["words"]) * weights) / count)
            self.masked_loss.update_state(loss)
            if next_part:
                own = ops.arange(ops.shape(y_pred["next"])[0], dtype="int32")
                self.next_accuracy.update_state(ops.mean(_right(own, y_pred["next"])))
                loss = loss + ops.mean(_surprise(own, y_pred["next"]))
            return loss

    model = MaskedWords()
    model({"tokens": keras.Input((length,), dtype="int32")})  # symbolic: only the shapes are needed
    return model


def average(read: Any, tokens: Any) -> Any:
    """Average what was read over all tokens but padding: (batch, steps, width) to (batch, width)."""
    ops = keras.ops
    there = ops.cast(ops.expand_dims(ops.not_equal(tokens, 0), -1), read.dtype)
    return ops.sum(read * there, axis=1) / ops.sum(there, axis=1)  # a start is always there


def _among_few(logits: Any) -> Any:
    """Let each row of (batch, batch) choose among its `CHOICE` neighbours: as hard in any size of batch."""
    ops = keras.ops
    group = ops.arange(ops.shape(logits)[0], dtype="int32") // CHOICE
    return ops.where(ops.equal(ops.expand_dims(group, 1), ops.expand_dims(group, 0)), logits, -1e9)


def _unit(vectors: Any) -> Any:
    return keras.ops.normalize(vectors, axis=-1)


def _surprise(truth: Any, logits: Any) -> Any:
    return keras.losses.sparse_categorical_crossentropy(truth, logits, from_logits=True)


def _right(truth: Any, logits: Any) -> Any:
    ops = keras.ops
    return ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), truth), "float32")
