"""The last tokens of a text: characters, or words with their marks; 0 fills up, 1 is not in the vocabulary."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from .text import plain

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_WORD = re.compile(r"[^ \t\n\r\f\v]+")
SHOWN = 10


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map a text to {"tokens": (1, length) int32}: its end counts, filled up behind."""
    settings = told["preprocessing"]
    length = int(settings["length"])
    text = plain(row["text"]).translate(_LOWER) if settings["lower"] else plain(row["text"])
    number_of = {token: number for number, token in enumerate(settings["vocabulary"], 2)}
    tokens = _WORD.findall(text) if settings["unit"] == "words" else list(text)
    numbers = [number_of.get(token, 1) for token in tokens[-length:]]
    return {"tokens": np.array([numbers + [0] * (length - len(numbers))], np.int32)}


def finish(answers: dict[str, np.ndarray], row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Keep the odds of what follows the last token: (1, vocabulary)."""
    there = int((ready(row, told)["tokens"] != 0).sum())
    return {name: answer[:, max(there - 1, 0)] for name, answer in answers.items()}


def words(answers: dict[str, np.ndarray], told: dict[str, Any]) -> dict[str, Any]:
    """List the likeliest ways to go on."""
    known = ["", "□", *told["preprocessing"]["vocabulary"]]
    odds = answers[told["target"]][0]
    likeliest = [int(place) for place in np.argsort(-odds)[:SHOWN] if place < len(known)]
    return {"next": {known[place]: round(float(odds[place]), 6) for place in likeliest}}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ARG001 - the same call for all
    """Read a text file as one text; anything else is taken as the text itself."""
    return [{"text": Path(given).read_text(encoding="utf-8-sig") if given.endswith(".txt") else given}]
