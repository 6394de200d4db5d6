"""A sentence as its words: which tokens a model read, which belong to one word, and how each weighs."""

from typing import Any

import numpy as np

import datasets
from datasets._text_tokens import tokens_of as cut
from datasets._text_tokens import words_for
from evaluation.explain._case import Case

UNKNOWN = 1
"""The token number that stands for everything outside the vocabulary."""


def tokens_of(case: Case) -> np.ndarray:
    """Return the token numbers that are there, without what fills up the length: (tokens,)."""
    numbers = np.asarray(case.inputs["tokens"][0])
    return numbers[: int(np.flatnonzero(numbers).max(initial=-1)) + 1]


def groups_of(case: Case) -> list[tuple[int, int]]:
    """Return where each word begins and ends among the tokens; letters between two spaces are one word."""
    tokens = tokens_of(case)
    if case.asked.signature.details.get("unit") != "characters":
        return [(place, place + 1) for place in range(len(tokens))]
    letters = _read(case, tokens)
    groups: list[tuple[int, int]] = []
    start = 0
    for place, letter in enumerate([*letters, " "]):
        if letter.isspace():
            if place > start:
                groups.append((start, place))
            start = place + 1
    return groups


def panel(case: Case, weights: np.ndarray, *, signed: bool) -> dict[str, Any]:
    """Draw one weight a token as one a word: {"words", "weights"}."""
    groups, read = groups_of(case), _read(case, tokens_of(case))
    words = ["".join(read[first:last]) for first, last in groups]
    return {"kind": "words", "words": words, "signed": signed,
            "weights": [round(float(weights[first:last].sum()), 6) for first, last in groups]}  # fmt: skip


def _read(case: Case, tokens: np.ndarray) -> list[str]:
    """Return the tokens as a person reads them; one outside the vocabulary as it was written, where that is known."""
    encoding = case.asked.encoding
    written = _written(case)
    if len(written) >= len(tokens):
        return written[: len(tokens)]
    if "vocabulary" in encoding:
        return [words_for(encoding, [number])[0] for number in tokens]
    known = ["", "□", *(encoding.get("texts") or {}).get("words", [])]
    return [known[number] if number < len(known) else "□" for number in map(int, tokens)]


def _written(case: Case) -> list[str]:
    """Cut the text itself into tokens; nothing where it is not at hand."""
    asked = case.asked
    if asked.signature.data_type != "text" or asked.dataset is None:
        return []
    if case.row is None:
        text = str(case.settings["values"].get("text", ""))
    else:
        raw = datasets.get("text").raw(asked.dataset, asked.signature, [case.row])[0]
        text = str(np.ravel(raw["text"])[0])
    return cut(text, str(asked.signature.details["unit"]))
