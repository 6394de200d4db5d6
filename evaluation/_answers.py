"""Answers that are words of a text: decoding, scores as SQuAD has them, and simple rivals.

Exactly right means the same words; a, an, the, capitals and marks do not count. Token F1 is the harmonic mean of how
many words of the answer are right and how many of the right words are there, as in Rajpurkar, Zhang, Lopyrev, Liang,
"SQuAD: 100,000+ questions for machine comprehension of text", 2016.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from datasets import _qa_tokens as tokens_in
from datasets._table_encoding import words_of
from recipes import keras

FAR = 1e9
_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+")

Spans = np.ndarray
"""First and last word of each answer, counted from 0: (rows, 2)."""


def likeliest(logits: np.ndarray, most: int) -> tuple[Spans, np.ndarray]:
    """Choose the likeliest span of at most `most` words, (rows, 2, C) to (rows, 2), and how likely it is, (rows,).

    The same rule as `decoded` has for the download.
    """
    first, last = logits[:, 0].astype(np.float64), logits[:, 1].astype(np.float64)  # (rows, C)
    length = first.shape[1]
    filled = np.pad(last, ((0, 0), (0, most)), constant_values=-FAR)
    sums = np.stack([first + filled[:, more : more + length] for more in range(most)], axis=-1)  # (rows, C, most)
    best = sums.reshape(len(sums), -1).argmax(axis=1)
    spans = np.stack([best // most, best // most + best % most], axis=1)
    rows = np.arange(len(spans))
    return spans, _softmax(first)[rows, spans[:, 0]] * _softmax(last)[rows, spans[:, 1]]


def decoded(logits: Any, most: int) -> tuple[Any, Any]:
    """Do the same inside a model: (batch, 2, C) to (batch, 2) int32 and (batch, 1), by stock operations."""
    ops = keras.ops
    first, last = logits[:, 0], logits[:, 1]  # (batch, C)
    length = int(first.shape[1])
    filled = ops.pad(last, ((0, 0), (0, most)), constant_values=-FAR)
    sums = ops.stack([ops.add(first, filled[:, more : more + length]) for more in range(most)], axis=-1)
    best = ops.cast(ops.argmax(ops.reshape(sums, (-1, length * most)), axis=-1, keepdims=True), "int32")  # (batch, 1)
    start = ops.floor_divide(best, most)
    end = ops.add(start, ops.mod(best, most))
    sure = ops.multiply(
        ops.take_along_axis(ops.softmax(first, axis=-1), start, axis=1),
        ops.take_along_axis(ops.softmax(last, axis=-1), end, axis=1),
    )
    return ops.concatenate([start, end], axis=-1), sure


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# --- scores -------------------------------------------------------------------------------------------------------


def exact(truth: Sequence[list[str]], answer: Sequence[list[str]]) -> np.ndarray:
    """Say for each row whether the words are the same: (rows,) of 0 and 1."""
    pairs = zip(truth, answer, strict=True)
    return np.array([float(tokens_in.weighty(one) == tokens_in.weighty(other)) for one, other in pairs])


def f1(truth: Sequence[list[str]], answer: Sequence[list[str]]) -> np.ndarray:
    """Return for each row how far the words overlap, from 0 to 1: (rows,)."""
    return np.array([_overlap(*map(tokens_in.weighty, pair)) for pair in zip(truth, answer, strict=True)])


def _overlap(truth: list[str], answer: list[str]) -> float:
    common = (Counter(truth) & Counter(answer)).total()
    return 2 * common / (len(truth) + len(answer)) if common else 0.0


# --- simple rivals ------------------------------------------------------------------------------------------------


def usual_place(spans: Spans) -> tuple[int, int]:
    """Return the first and last word that answers have most often."""
    kinds, counts = np.unique(np.asarray(spans), axis=0, return_counts=True)
    first, last = kinds[counts.argmax()]
    return int(first), int(last)


def at_place(text: str, place: tuple[int, int]) -> list[str]:
    """Answer with the words at a place, or with the last word of a text that is shorter."""
    words = words_of(text)
    return words[place[0] : place[1] + 1] or words[-1:]


def most_shared(text: str, question: str) -> list[str]:
    """Answer from the sentence that shares most words with the question: its longest run of words that are not asked.

    Words that many sentences of the text have count less; a, an, the begin no answer.
    """
    asked = set(words_of(question))
    sentences = [words for words in map(words_of, _END.split(text)) if words]
    often = Counter(word for words in sentences for word in set(words))
    best = max(sentences, key=lambda words: sum(1 / often[word] for word in set(words) & asked), default=[])
    runs: list[list[str]] = [[]]
    for word in best:
        if word in asked:
            runs.append([])
        else:
            runs[-1].append(word)
    return tokens_in.weighty(max(runs, key=len))
