"""A sentence becomes token numbers; the numbers that the model writes become words again."""

from typing import Any

import numpy as np

from .text import lines_of, numbered

UNKNOWN = "[UNK]"


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map a sentence to {"source": (1, length) int32}."""
    settings = told["preprocessing"]
    length = int(settings["source_length"])
    return {"source": numbered(row["text"], settings["source"], settings["unit"], length)}


def finish(answers: dict[str, np.ndarray], row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:  # noqa: ARG001 - the same call for all
    """Look the words up: (1, tokens) of strings, empty behind the end."""
    known = ["", UNKNOWN, *told["preprocessing"]["target"]]
    target = told["target"]
    numbers = answers[target][0].astype(int).tolist()
    return {target: np.array([[known[number] if number < len(known) else UNKNOWN for number in numbers]], object)}


def words(answers: dict[str, np.ndarray], told: dict[str, Any]) -> dict[str, Any]:
    """Put the words together."""
    between = " " if told["preprocessing"]["unit"] == "words" else ""
    return {told["target"]: between.join(word for word in answers[told["target"]][0] if word)}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ARG001 - the same call for all
    """Read a text file, one sentence a line; anything else is taken as the sentence itself."""
    return [{"text": line} for line in lines_of(given)]
