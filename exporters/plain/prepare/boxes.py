"""A picture is stretched to the model's size; boxes come back in shares of its sides."""

from typing import Any

import numpy as np

from .image import read, ready

__all__ = ["read", "ready", "words"]
LEAST = 0.5


def words(answers: dict[str, np.ndarray], told: dict[str, Any]) -> dict[str, Any]:
    """List what was found with a score of at least 0.5: left, top, right, bottom in shares of the sides."""
    boxes, scores, classes = (answers[name][0] for name in ("boxes", "scores", "classes"))
    found = [
        {"class": told["classes"][int(number)], "score": round(float(score), 4), "box": box.round(4).tolist()}
        for box, score, number in zip(boxes, scores, classes, strict=True)
        if score >= LEAST
    ]
    return {"found": found}
