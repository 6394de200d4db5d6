"""From sentences and their counterparts to token numbers, and back to sentences.

What goes in is cut by Keras's `TextVectorization` (small ASCII letters, no ASCII marks, cut at white space) and, for
training, by the same rules in Python. What comes out is written token by token, so it may be cut more finely: words,
numbers and marks as they stand. 0 fills up, 1 is unknown; of the answers 2 begins and 3 ends a sentence.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets._table_encoding import words_of
from recipes import keras

START, END = "[start]", "[end]"
UNKNOWN = "[UNK]"
_TOKEN = re.compile(r"\w+['’](?=\w)|\w+|[^\w\s]")
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_TIGHT_BEFORE, _TIGHT_AFTER = set(".,;:!?)]}»”%"), set("([{«“")


def cut_source(text: str, unit: str) -> list[str]:
    """Cut a sentence as the finished model does."""
    return words_of(text) if unit == "words" else list(text.translate(_SMALL))


def cut_target(text: str, unit: str) -> list[str]:
    """Cut a sentence that is to be written."""
    return _TOKEN.findall(text) if unit == "words" else list(text)


def joined(tokens: Sequence[str], unit: str) -> str:
    """Put tokens together as people write them: "J' aime la pomme ." becomes "J'aime la pomme."."""
    if unit != "words":
        return "".join(tokens)
    text = ""
    for token in tokens:
        tight = not text or token in _TIGHT_BEFORE or text[-1] in _TIGHT_AFTER or text[-1] in "'’"
        text += token if tight else f" {token}"
    return text


def fit(sources: Sequence[str], targets: Sequence[str], unit: str, most: int) -> dict[str, Any]:
    """Learn both vocabularies and lengths from the training part."""
    cut = {
        "source": [cut_source(text, unit) for text in sources],
        "target": [cut_target(text, unit) for text in targets],
    }
    encoding: dict[str, Any] = {"version": 1, "unit": unit}
    for side, rows in cut.items():
        counted = Counter(token for row in rows for token in row if token not in ("", UNKNOWN, START, END))
        ranked = [token for _, token in sorted((-count, token) for token, count in counted.items())][:most]
        encoding[side] = ranked if side == "source" else [START, END, *ranked]
        encoding[f"{side}_length"] = max(len(row) for row in rows) + (side == "target")
    return encoding


def encode_sources(encoding: dict[str, Any], texts: Sequence[str]) -> np.ndarray:
    """Return (rows, source length) int32, filled up with 0."""
    number_of = {token: number for number, token in enumerate(encoding["source"], 2)}
    ready = np.zeros((len(texts), encoding["source_length"]), dtype=np.int32)
    for row, text in enumerate(texts):
        numbers = [number_of.get(token, 1) for token in cut_source(text, encoding["unit"])][: ready.shape[1]]
        ready[row, : len(numbers)] = numbers
    return ready


def encode_targets(encoding: dict[str, Any], texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the model has written so far and what it is to write next: both (rows, target length) int32."""
    number_of = {token: number for number, token in enumerate(encoding["target"], 2)}
    given = np.zeros((len(texts), encoding["target_length"]), dtype=np.int32)
    wanted = np.zeros_like(given)
    for row, text in enumerate(texts):
        numbers = [number_of.get(token, 1) for token in cut_target(text, encoding["unit"])][: given.shape[1] - 1]
        given[row, : len(numbers) + 1] = [number_of[START], *numbers]
        wanted[row, : len(numbers) + 1] = [*numbers, number_of[END]]
    return given, wanted


def sentence_of(encoding: dict[str, Any], numbers: Sequence[int]) -> str:
    """Write token numbers as a sentence; an unknown token is a box."""
    known = ["", "□", *encoding["target"]]
    return joined([known[number] for number in map(int, numbers) if number], encoding["unit"])


def layers(encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ({"text": (batch, 1) string}, {"source": (batch, source length) int32}) joined by stock layers."""
    text = keras.Input((1,), name="text", dtype="string")
    by_words = encoding["unit"] == "words"
    vectorize = keras.layers.TextVectorization(
        standardize="lower_and_strip_punctuation" if by_words else "lower",
        split="whitespace" if by_words else "character",
        output_mode="int",
        output_sequence_length=int(encoding["source_length"]),
        vocabulary=list(encoding["source"]),
        name="vocabulary",
    )
    return {"text": text}, {"source": keras.ops.cast(vectorize(text), "int32")}
