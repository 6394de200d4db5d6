"""A text and a question become token numbers; the span that the model finds becomes words again."""

from pathlib import Path
from typing import Any

import numpy as np

from .text import cut, numbered, plain


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map {"context", "question"} to token numbers of the same names, (1, length) int32 each."""
    settings = told["preprocessing"]
    return {
        side: numbered(row[side], settings["vocabulary"], "words", int(length))
        for side, length in settings["lengths"].items()
    }


def finish(answers: dict[str, np.ndarray], row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Add the words of the answer: (1, longest answer) of strings, empty behind the last one."""
    known = set(told["preprocessing"]["vocabulary"])
    tokens = [word if word in known else "[UNK]" for word in cut(plain(row["context"]), "words")]
    start, end = answers["span"][0].astype(int).tolist()
    longest = int(told["details"].get("answer_length", 0)) or end - start + 1
    found = tokens[start : end + 1]
    return {told["target"]: np.array([found + [""] * (longest - len(found))], object)} | answers


def words(answers: dict[str, np.ndarray], told: dict[str, Any]) -> dict[str, Any]:
    """Put the words together, and say how sure that is."""
    found = " ".join(word for word in answers[told["target"]][0] if word)
    return {told["target"]: found, "probability": round(float(answers["probability"].ravel()[0]), 6)}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ARG001 - the same call for all
    """Take the question after a blank line at the end of a .txt file."""
    text, _, question = Path(given).read_text(encoding="utf-8-sig").strip().rpartition("\n\n")
    if not text:
        raise SystemExit(f"'{given}' needs the text, an empty line, and then the question.")
    return [{"context": text, "question": question}]
