"""From a text to token numbers, twice: in numpy for training, in stock Keras layers for the model.

Both do what Keras's `TextVectorization` does without any clean-up but, if wished, small ASCII letters. Characters are
Unicode code points; words stand between white space and keep their commas. 0 fills up short texts, 1 stands for
everything that is not in the vocabulary, the vocabulary counts from 2.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from recipes import keras

RESERVED = 2
"""Token numbers before the vocabulary: padding and unknown."""
MOST_CHARACTERS = 500
UNKNOWN = "□"
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_WORD = re.compile(r"[^ \t\n\r\f\v]+")


def fit(texts: Sequence[str], *, unit: str, lower: bool, length: int, words: int) -> dict[str, Any]:
    """Learn the vocabulary from the training part: what was met at least twice, the most frequent first."""
    counted: Counter[str] = Counter()
    for text in texts:
        cased = text.translate(_SMALL) if lower else text
        counted.update(cased if unit == "characters" else _WORD.findall(cased))
    most = MOST_CHARACTERS if unit == "characters" else words
    ranked = sorted((-count, token) for token, count in counted.items() if count > 1 and token not in ("", "[UNK]"))
    vocabulary = [token for _, token in ranked[:most]]
    return {"version": 1, "unit": unit, "lower": lower, "length": length, "vocabulary": vocabulary}


def encode(encoding: dict[str, Any], text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the token numbers of a text and the place (in characters) where each begins: both (tokens,) int32."""
    if encoding["lower"]:
        text = text.translate(_SMALL)
    vocabulary = encoding["vocabulary"]
    if encoding["unit"] == "words":
        number_of = {token: number for number, token in enumerate(vocabulary, RESERVED)}
        found = [(number_of.get(word[0], 1), word.start()) for word in _WORD.finditer(text)]
        both = np.array(found, dtype=np.int32).reshape(-1, 2)
        return both[:, 0], both[:, 1]
    points = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)
    known = np.array([ord(sign) for sign in vocabulary], dtype=np.uint32)
    order = np.argsort(known)
    place = np.searchsorted(known[order], points).clip(max=max(len(known) - 1, 0))
    hit = known[order][place] == points if len(known) else np.zeros(len(points), dtype=bool)
    numbers = np.where(hit, order[place] + RESERVED if len(known) else 1, 1)
    return numbers.astype(np.int32), np.arange(len(points), dtype=np.int32)


def ready(encoding: dict[str, Any], text: str) -> np.ndarray:
    """Return the last `length` tokens of a text as the models read them: (length,) int32, filled up with 0."""
    length = int(encoding["length"])
    numbers = encode(encoding, text)[0][-length:]
    return np.pad(numbers, (0, length - len(numbers)))


def written(encoding: dict[str, Any], numbers: Iterable[int]) -> str:
    """Write token numbers as text; an unknown token is a box, padding is nothing."""
    known = ["", UNKNOWN, *encoding["vocabulary"]]
    return between(encoding).join(known[number] for number in map(int, numbers) if number)


def between(encoding: dict[str, Any]) -> str:
    """Return what stands between two tokens."""
    return " " if encoding["unit"] == "words" else ""


def layers(encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ({"text": (batch, 1) string}, {"tokens": (batch, length) int32}): the last tokens, filled up behind."""
    ops, length = keras.ops, int(encoding["length"])
    text = keras.Input((1,), name="text", dtype="string")
    vectorize = keras.layers.TextVectorization(
        standardize="lower" if encoding["lower"] else None,
        split="whitespace" if encoding["unit"] == "words" else "character",
        output_mode="int",
        vocabulary=list(encoding["vocabulary"]),
        name="vocabulary",
    )
    numbers = ops.cast(vectorize(text), "int32")  # (batch, longest text of the batch)
    there = ops.sum(ops.cast(ops.not_equal(numbers, 0), "int32"), axis=-1, keepdims=True)  # (batch, 1)
    places = ops.maximum(there - length, 0) + ops.expand_dims(ops.arange(length, dtype="int32"), 0)
    return {"text": text}, {"tokens": ops.take_along_axis(ops.pad(numbers, ((0, 0), (0, length))), places, axis=1)}
