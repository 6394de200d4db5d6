"""The lesson of BERT: fill in masked words and tell whether one half of a text follows the other.

A text of token numbers becomes `[start] first half [end] second half [end]`; in half of the pairs the second half is
that of another text. Of 100 words 15 are asked for: 12 are hidden behind a mask, 1.5 become another word, 1.5 stay.
Everything is drawn inside the model from a seed, so each epoch asks for other words.
"""

from typing import Any

from recipes import keras

EXTRA = 3
"""Tokens that BERT adds behind the vocabulary: mask, end, start."""
FIRST_WORD = 2
"""Tokens before it are padding and the unknown word."""


def mask_of(vocabulary: int) -> int:
    """Return the number of the mask; `end` and `start` follow it."""
    return vocabulary


def halves(tokens: Any, other: Any, vocabulary: int) -> tuple[Any, Any]:
    """Pair the first half of each text with the second half of `other`.

    Both are (batch, length); returns tokens and segments (0 first half, 1 second half), (batch, length + 3).
    """
    ops = keras.ops
    end, start = vocabulary + 1, vocabulary + 2
    length = tokens.shape[1]
    count, other_count = _count(tokens), _count(other)  # (batch, 1)
    first, skipped = count // 2, other_count // 2
    second = other_count - skipped
    place = ops.expand_dims(ops.arange(length + EXTRA, dtype="int32"), 0)  # (1, length + 3)
    from_first = _taken(tokens, place - 1, length)
    from_second = _taken(other, place - first - 2 + skipped, length)
    last = first + second + 2
    pairs = ops.where(place <= first, from_first, from_second)
    pairs = ops.where(place == 0, start, pairs)
    pairs = ops.where((place == first + 1) | (place == last), end, pairs)
    pairs = ops.where(place > last, 0, pairs)
    return pairs, ops.cast((place > first + 1) & (place <= last), "int32")


def _count(tokens: Any) -> Any:
    return keras.ops.sum(keras.ops.cast(keras.ops.not_equal(tokens, 0), "int32"), axis=1, keepdims=True)


def _taken(tokens: Any, place: Any, length: int) -> Any:
    ops = keras.ops
    rows = ops.shape(tokens)[0]
    place = ops.broadcast_to(ops.clip(place, 0, length - 1), (rows, length + EXTRA))
    return ops.take_along_axis(tokens, place, axis=1)


def hidden_words(pairs: Any, vocabulary: int, share: float, seed: Any) -> tuple[Any, Any, Any]:
    """Hide some words of each row of `pairs` (batch, steps).

    Returns the spoilt rows (batch, steps), the places asked for (batch, most) and their weights (batch, most): 1 where
    something was asked for, 0 where the row is too short for so many.
    """
    ops, random = keras.ops, keras.random
    steps = pairs.shape[1]
    most = max(1, round(share * steps))
    words = (pairs >= FIRST_WORD) & (pairs < vocabulary)
    lots = ops.where(words, random.uniform(ops.shape(pairs), seed=seed), -1.0)
    best, places = ops.top_k(lots, most)  # (batch, most)
    wanted = ops.ceil(share * ops.sum(ops.cast(words, "float32"), axis=1, keepdims=True))
    weights = ops.cast((best >= 0) & (ops.cast(ops.arange(most), "float32") < wanted), "float32")
    chosen = ops.max(ops.one_hot(places, steps) * ops.expand_dims(weights, -1), axis=1) > 0  # (batch, steps)
    fate = random.uniform(ops.shape(pairs), seed=seed)
    strange = ops.cast(random.uniform(ops.shape(pairs), FIRST_WORD, vocabulary, seed=seed), "int32")
    spoilt = ops.where(fate < 0.8, mask_of(vocabulary), ops.where(fate < 0.9, strange, pairs))
    return ops.where(chosen, spoilt, pairs), places, weights


def pretraining(body: Any, words: Any, vocabulary: int, length: int, share: float, *, next_half: bool) -> Any:
    """Return the model of the pre-training stage, built and ready to be compiled without a loss.

    `body` maps {"tokens", "segments"} to (batch, steps, width); `words` is its layer of word vectors, by whose likeness
    a hidden word is guessed.
    """

    class MaskedWords(keras.Model):
        """Reads {"tokens": (batch, length)}; its losses are cross-entropies per asked word and per pair."""

        def __init__(self) -> None:
            super().__init__(name="masked_words")
            layers, width = keras.layers, int(words.output_dim)
            self.body, self.words = body, words
            self.thought = keras.Sequential([layers.Dense(width, activation="gelu"), layers.LayerNormalization()])
            self.rarity = self.add_weight(shape=(vocabulary,), initializer="zeros", name="rarity")
            self.follows = layers.Dense(1, dtype="float32", name="follows")
            self.seed_generator = keras.random.SeedGenerator(17)
            self.masked_accuracy = keras.metrics.Mean(name="masked_accuracy")
            self.masked_loss = keras.metrics.Mean(name="masked_loss")
            if next_half:
                self.next_accuracy = keras.metrics.Mean(name="next_accuracy")

        def guess(self, read: Any) -> Any:
            """Map what was read at some places, (batch, places, width), to logits (batch, places, vocabulary)."""
            ops = keras.ops
            likeness = ops.matmul(self.thought(read), ops.transpose(self.words.embeddings[:vocabulary]))
            return ops.cast(likeness, "float32") + self.rarity

        def call(self, inputs: dict[str, Any], training: Any = None) -> dict[str, Any]:
            ops, seed = keras.ops, self.seed_generator
            tokens = ops.cast(inputs["tokens"], "int32")
            if next_half:
                true = keras.random.uniform((ops.shape(tokens)[0], 1), seed=seed) < 0.5
                other = ops.where(true, tokens, ops.roll(tokens, 1, axis=0))
            else:
                true, other = ops.ones_like(tokens[:, :1], dtype="bool"), tokens
            pairs, segments = halves(tokens, other, vocabulary)
            spoilt, places, weights = hidden_words(pairs, vocabulary, share, seed)
            read = self.body({"tokens": spoilt, "segments": segments}, training=training)
            asked = ops.take_along_axis(read, ops.expand_dims(places, -1), axis=1)  # (batch, most, width)
            truth = ops.take_along_axis(pairs, places, axis=1)
            return {
                "words": self.guess(asked), "truth": ops.where(weights > 0, truth, 0), "weights": weights,
                "follows": self.follows(read[:, 0]), "true": ops.cast(true, "float32"),
            }  # fmt: skip

        def compute_loss(
            self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True  # noqa: FBT001, FBT002 - Keras's own signature
        ) -> Any:  # fmt: skip
            ops, told = keras.ops, y_pred
            weights = told["weights"]
            count = ops.maximum(ops.sum(weights), 1.0)
            each = keras.losses.sparse_categorical_crossentropy(told["truth"], told["words"], from_logits=True)
            words = ops.sum(each * weights) / count
            right = ops.cast(ops.equal(ops.argmax(told["words"], axis=-1), ops.cast(told["truth"], "int64")), "float32")
            self.masked_accuracy.update_state(ops.sum(right * weights) / count)
            self.masked_loss.update_state(words)
            if not next_half:
                return words
            logits, true = told["follows"], told["true"]
            self.next_accuracy.update_state(ops.mean(ops.cast(ops.equal(logits > 0, true > 0.5), "float32")))
            return words + ops.mean(ops.softplus(logits) - logits * true)  # cross-entropy of a logit

    model = MaskedWords()
    model({"tokens": keras.ops.ones((2, length), dtype="int32")})
    return model
