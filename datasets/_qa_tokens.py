"""Where the words of a text stand, where an answer lies among them, and token numbers for text and question.

Words are what Keras's `TextVectorization` makes: small ASCII letters, ASCII marks taken out, cut at white space. A mark
that stands alone is no word. Text and question share one vocabulary, and in the download one layer.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets import _text_tokens as tokens_in
from datasets._table_encoding import words_of
from recipes import keras

MARKS = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
OUTER = MARKS + "“”„«»‘’…–—"
"""Marks that are not shown at the ends of an answer."""
_PIECE = re.compile(r"[^ \t\n\r\f\v]+")
_OF_NO_WEIGHT = {"a", "an", "the"}


def places_of(text: str) -> list[tuple[int, int]]:
    """Return where each word of a text begins and ends, in characters; as many as `words_of` returns words."""
    return [piece.span() for piece in _PIECE.finditer(text) if piece[0].strip(MARKS)]


def extent(text: str, first: int, last: int) -> tuple[int, int]:
    """Return where the words from `first` to `last` begin and end, in characters, without marks around them."""
    places = places_of(text)[first : last + 1]
    if not places:
        return 0, 0
    start, end = places[0][0], places[-1][1]
    told = text[start:end]
    bare = told.strip(OUTER)
    if not bare:
        return start, end
    start += len(told) - len(told.lstrip(OUTER))
    return start, start + len(bare)


def passage(text: str, first: int, last: int) -> str:
    """Return the words from `first` to `last` as they stand in the text, without marks around them."""
    start, end = extent(text, first, last)
    return " ".join(text[start:end].split())


def weighty(words: Sequence[str]) -> list[str]:
    """Leave out a, an, the, as is usual when answers are compared; an answer of nothing else stays."""
    return [word for word in words if word not in _OF_NO_WEIGHT] or list(words)


def located(text: str, answer: str, start: int = -1) -> tuple[int, int] | None:
    """Return the first and last word of an answer in a text, or None where it is not there.

    `start` is the answer's place in characters, -1 where it is not known: then its first place counts. An answer that
    is part of a word ("5" in "$5-million") is that whole word.
    """
    words, sought, places = words_of(text), words_of(answer), places_of(text)
    size = len(sought)
    if not size:
        return None
    found = [at for at in range(len(words) - size + 1) if words[at] == sought[0] and words[at : at + size] == sought]
    if found:
        nearest = min(found, key=lambda at: abs(places[at][0] - start)) if start >= 0 else found[0]
        return nearest, nearest + size - 1
    at = start if start >= 0 and text[start : start + len(answer)] == answer else text.find(answer)
    covered = [
        number for number, (begin, end) in enumerate(places) if at >= 0 and begin < at + len(answer) and end > at
    ]
    return (covered[0], covered[-1]) if covered else None


def times(text: str, answer: str) -> int:
    """Count how often an answer stands in a text, as whole words."""
    words, sought = words_of(text), words_of(answer)
    return sum(words[at : at + len(sought)] == sought for at in range(len(words) - len(sought) + 1)) if sought else 0


def fit(texts: Sequence[str], questions: Sequence[str], most: int, lengths: dict[str, int]) -> dict[str, Any]:
    """Learn the vocabulary (words found at least twice) from the training part; a text counts once."""
    each = sorted(set(texts))
    known = tokens_in.fit([*each, *questions], "words", most, max(lengths["context"], lengths["question"]))
    return {"version": 1, "vocabulary": known["vocabulary"], "lengths": lengths}


def encode(encoding: dict[str, Any], side: str, texts: Sequence[str]) -> np.ndarray:
    """Return token numbers (rows, length of that side) int32: 0 fills up, 1 is unknown."""
    return tokens_in.encode(_of_length(encoding, encoding["lengths"][side]), texts)


def layers(encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ({"context", "question": (batch, 1) strings}, {the same: (batch, length) int32}) by stock layers."""
    lengths = encoding["lengths"]
    raw = {side: keras.Input((1,), name=side, dtype="string") for side in ("context", "question")}
    vectorize = tokens_in.vectorization(_of_length(encoding, max(lengths.values())))
    # One layer, so that the file holds its vocabulary once; what is longer than its side is cut off.
    ready = {side: keras.ops.cast(vectorize(text)[:, : lengths[side]], "int32") for side, text in raw.items()}
    return raw, ready


def _of_length(encoding: dict[str, Any], length: int) -> dict[str, Any]:
    return {"unit": "words", "length": length, "vocabulary": encoding["vocabulary"]}
