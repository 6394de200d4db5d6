"""Words of tasks that read and write them: which are there, what a person reads, and one taken away after the other."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

UNKNOWN = 1
"""The token number that stands for everything outside the vocabulary; what takes a word's place."""
UNSEEN = "□"

Group = tuple[int, int]
"""Where a word begins and ends among the tokens."""


def count_of(numbers: np.ndarray) -> int:
    """Count the tokens that are there, without what fills up the length."""
    return int(np.flatnonzero(np.asarray(numbers)).max(initial=-1)) + 1


def readable(numbers: Sequence[int] | np.ndarray, vocabulary: Sequence[str], written: Sequence[str] = ()) -> list[str]:
    """Return tokens as a person reads them; an unknown one as it was written, where that is known."""
    if len(written) >= len(numbers):
        return list(written[: len(numbers)])
    known = ["", UNSEEN, *vocabulary]
    return [known[number] if number < len(known) else UNSEEN for number in map(int, numbers)]


def words(tokens: Sequence[str], unit: str) -> list[Group]:
    """Group tokens to words: each by itself, or letters between two spaces."""
    if unit != "characters":
        return [(place, place + 1) for place in range(len(tokens))]
    groups: list[Group] = []
    start = 0
    for place, letter in enumerate([*tokens, " "]):
        if letter.isspace():
            groups += [(start, place)] if place > start else []
            start = place + 1
    return groups


def without_each(tokens: np.ndarray, groups: Sequence[Group]) -> np.ndarray:
    """Return the tokens (1, length) as they are, then once for each group without it: (1 + groups, length)."""
    without = np.repeat(np.asarray(tokens), len(groups) + 1, axis=0)
    for number, (first, last) in enumerate(groups, 1):
        without[number, first:last] = UNKNOWN
    return without


def shares(logits: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities along the last axis."""
    logits = np.asarray(logits, dtype=np.float64)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def in_turn(
    rows: int, together: int, tell: Callable[[float, str], None], ask: Callable[[slice], np.ndarray]
) -> np.ndarray:
    """Ask about some rows after the other; says how far it is."""
    found: list[Any] = []
    for start in range(0, rows, together):
        tell(start / rows, "Taking away one word after the other")
        found.append(ask(slice(start, start + together)))
    return np.concatenate(found)
