"""A text becomes token numbers: 0 fills up, 1 is not in the vocabulary, the vocabulary counts from 2."""

import re
from pathlib import Path
from typing import Any

import numpy as np

_SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_LOWER = str.maketrans(*_SMALL)
_BARE = str.maketrans(*_SMALL, "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'")
_WORD = re.compile(r"[^ \t\n\r\f\v]+")


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map a text to {"tokens": (1, length) int32}: its start counts."""
    settings = told["preprocessing"]
    return {"tokens": numbered(row["text"], settings["vocabulary"], settings["unit"], int(settings["length"]))}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ARG001 - the same call for all
    """Read a text file, one text a line; anything else is taken as the text itself."""
    return [{"text": line} for line in lines_of(given)]


def lines_of(given: str) -> list[str]:
    """Return the lines of a .txt file that are not empty, or the words themselves."""
    if not given.endswith(".txt"):
        return [given]
    return [line for line in Path(given).read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def numbered(text: Any, vocabulary: list[str], unit: str, length: int) -> np.ndarray:
    """Return the numbers of the first tokens of a text, (1, length) int32."""
    number_of = {token: number for number, token in enumerate(vocabulary, 2)}
    numbers = [number_of.get(token, 1) for token in cut(plain(text), unit)[:length]]
    return np.array([numbers + [0] * (length - len(numbers))], np.int32)


def cut(text: str, unit: str) -> list[str]:
    """Cut a text: words in small ASCII letters without ASCII marks, or characters in small letters."""
    return _WORD.findall(text.translate(_BARE)) if unit == "words" else list(text.translate(_LOWER))


def plain(text: Any) -> str:
    """Return a text that may lie in an array."""
    return str(text.ravel()[0]) if isinstance(text, np.ndarray) else str(text)
