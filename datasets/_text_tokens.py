"""From texts to rows of token numbers, twice: in Python for training, in stock Keras layers for the model.

Both do what Keras's `TextVectorization` does. Words: small ASCII letters, ASCII marks taken out, cut at white space.
Characters: small ASCII letters, nothing taken out. 0 fills up short texts, 1 stands for everything that is not in
the vocabulary, the vocabulary counts from 2 by falling frequency.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from datasets._table_encoding import words_of
from recipes import keras

RESERVED = 2
"""Token numbers before the vocabulary: padding and unknown."""
LONGEST = {"words": 400, "characters": 1000}
SHORTEST = 4
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def tokens_of(text: str, unit: str) -> list[str]:
    """Cut one text into words or characters."""
    return words_of(text) if unit == "words" else list(text.translate(_SMALL))


def fit(texts: Sequence[str], unit: str, most: int, length: int) -> dict[str, Any]:
    """Learn the vocabulary (tokens found at least twice) and, where `length` is 0, the length from the training part.

    The chosen length holds 95 of 100 texts whole; longer ones lose their end.
    """
    cut = [tokens_of(text, unit) for text in texts]
    counted = Counter(token for tokens in cut for token in tokens if _can_be_known(token))
    ranked = sorted((-count, token) for token, count in counted.items() if count > 1)
    sizes = np.array([len(tokens) for tokens in cut])
    chosen = length or int(np.clip(np.ceil(np.quantile(sizes, 0.95)), SHORTEST, LONGEST[unit]))
    return {"version": 1, "unit": unit, "length": chosen, "vocabulary": [token for _, token in ranked[:most]]}


def _can_be_known(token: str) -> bool:
    """May it stand in a vocabulary? Saved models keep one entry a line, so ends of lines may not."""
    return len(token.splitlines()) == 1 and token.splitlines()[0] == token


def encode(encoding: dict[str, Any], texts: Iterable[str]) -> np.ndarray:
    """Return token numbers (rows, length) int32; the start of each text counts, the rest is 0."""
    texts = list(texts)
    number_of = {token: number for number, token in enumerate(encoding["vocabulary"], RESERVED)}
    ready = np.zeros((len(texts), encoding["length"]), dtype=np.int32)
    for row, text in enumerate(texts):
        numbers = [number_of.get(token, 1) for token in tokens_of(text, encoding["unit"])[: encoding["length"]]]
        ready[row, : len(numbers)] = numbers
    return ready


def words_for(encoding: dict[str, Any], numbers: Iterable[int]) -> list[str]:
    """Write token numbers as people read them; an unknown token is a box, padding is left out."""
    known = ["", "□", *encoding["vocabulary"]]
    return [known[number] if number < len(known) else "□" for number in map(int, numbers) if number]


def vectorization(encoding: dict[str, Any]) -> Any:
    """Return the stock layer that maps (batch,) strings to (batch, length) token numbers. Worker only."""
    by_words = encoding["unit"] == "words"
    return keras.layers.TextVectorization(
        standardize="lower_and_strip_punctuation" if by_words else "lower",
        split="whitespace" if by_words else "character",
        output_mode="int",
        output_sequence_length=int(encoding["length"]),
        vocabulary=list(encoding["vocabulary"]),
        name="vocabulary",
    )
