"""Scores of sentences against what they should have been, and simple rivals.

A translation is a list of words (or characters). chrF follows Popović, "chrF: character n-gram F-score for automatic
MT evaluation", 2015: n-grams of 1 to 6 characters without white space, recall counted twice as much (chrF2).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

CHARACTERS = 6
BETA = 2.0
MOST_REMEMBERED = 20_000
"""Training pairs among which the nearest one is looked for."""


def exact(truth: Sequence[list[str]], answer: Sequence[list[str]]) -> np.ndarray:
    """Say for each row whether every word is right: (rows,) of 0 and 1."""
    return np.array([float(one == other) for one, other in zip(truth, answer, strict=True)])


def tokens_right(truth: Sequence[list[str]], answer: Sequence[list[str]]) -> np.ndarray:
    """Return for each row the share of words at their place, of the longer of both sentences: (rows,)."""
    return np.array([
        sum(a == b for a, b in zip(one, other, strict=False)) / max(1, len(one), len(other))
        for one, other in zip(truth, answer, strict=True)
    ])  # fmt: skip


def chrf_counts(truth: str, answer: str) -> np.ndarray:
    """Return n-grams in common, in the truth, in the answer, for n = 1 to 6: (6, 3)."""
    one, other = "".join(truth.split()), "".join(answer.split())
    found = np.zeros((CHARACTERS, 3))
    for size in range(1, CHARACTERS + 1):
        of_truth = Counter(one[place : place + size] for place in range(len(one) - size + 1))
        of_answer = Counter(other[place : place + size] for place in range(len(other) - size + 1))
        found[size - 1] = ((of_truth & of_answer).total(), of_truth.total(), of_answer.total())
    return found


def chrf(counts: np.ndarray) -> float:
    """Turn counts summed over rows (6, 3) into chrF2, from 0 to 100."""
    common, of_truth, of_answer = counts[counts[:, 1] > 0].T if (counts[:, 1] > 0).any() else np.zeros((3, 1))
    recall, precision = common / np.maximum(of_truth, 1), common / np.maximum(of_answer, 1)
    precision, recall = float(precision.mean()), float(recall.mean())
    bottom = BETA**2 * precision + recall
    return 100 * (1 + BETA**2) * precision * recall / bottom if bottom else 0.0


class Nearest:
    """Answer with the counterpart of the training sentence that shares most words, rare ones counting more."""

    def __init__(self, sources: np.ndarray) -> None:
        """Remember token numbers (rows, length), 0 being padding."""
        self._sources = sources[:MOST_REMEMBERED]
        rows = np.repeat(np.arange(len(self._sources)), sources.shape[1])
        tokens = self._sources.ravel()
        order = np.argsort(tokens, kind="stable")
        kinds, starts = np.unique(tokens[order], return_index=True)
        self._rows_with = dict(zip(kinds.tolist(), np.split(rows[order], starts[1:]), strict=True))
        self._rows_with.pop(0, None)

    def of(self, source: np.ndarray) -> int:
        """Return the row of the nearest training sentence."""
        total = len(self._sources)
        shared = np.zeros(total)
        for token in set(source.tolist()) - {0}:
            there = np.unique(self._rows_with.get(token, np.zeros(0, dtype=int)))
            shared[there] += np.log(1 + total / (1 + len(there)))
        lengths = (self._sources > 0).sum(axis=1)
        # Of sentences that share as much, the one of the most similar length.
        return int(np.argmax(shared - 1e-3 * np.abs(lengths - int((source > 0).sum()))))
