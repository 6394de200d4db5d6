"""Live evidence of families that sort series: the stretch of the signal that decided.

Part after part of a held-out recording is replaced by a straight line between its ends; where the model then is less
sure of its answer, that part had decided (occlusion, after Zeiler and Fergus, "Visualizing and understanding
convolutional networks", 2014).
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from builders import Panel

SHOWN = 3
"""Recordings of the validation part, of different classes."""
PARTS = 12
"""Stretches that are covered, one after the other, in a recording."""
MOST_POINTS = 120
MOST_LINES = 3


def stretch_that_decided(asked: Any) -> Callable[[], list[Panel]]:
    """Cover a few held-out recordings part by part after each epoch; `asked` is an `evaluation.asked.Asked`."""
    signature, part = asked.signature, asked.prepared.part("validation")
    name = next(iter(signature.inputs))
    rows = _one_of_each(np.asarray(part.y), len(signature.target.classes))
    recordings = np.asarray(part.x[name][rows], dtype=np.float32)  # (shown, steps, columns)
    bounds = _bounds(recordings.shape[1])
    covered = np.concatenate([_covered(each, bounds) for each in recordings])
    signals = [_signal(each, asked.encoding, signature.details["columns"]) for each in recordings]
    classes, truth = list(signature.target.classes), np.asarray(part.y)[rows]

    def make() -> list[Panel]:
        odds = _odds(asked.ask_core({name: covered})).reshape(len(rows), 1 + len(bounds), -1)
        told = []
        for place, row in enumerate(rows):
            whole, without = odds[place, 0], odds[place, 1:]
            said = int(whole.argmax())
            told.append({
                "row": int(part.rows[row]), "truth": classes[truth[place]], "answer": classes[said],
                "sure": round(float(whole[said]), 4), "signal": signals[place],
                "parts": [[first, last, round(float(whole[said] - each[said]), 4)]
                          for (first, last), each in zip(bounds, without, strict=True)],
            })  # fmt: skip
        return [{
            "kind": "stretch", "title": "The stretch that decided",
            "sentence": "The stronger the colour, the less sure the model is once that stretch is smoothed away.",
            "steps": int(recordings.shape[1]), "recordings": told,
        }]  # fmt: skip

    return make


def _one_of_each(truth: np.ndarray, classes: int) -> list[int]:
    """Choose the first recording of each class in turn."""
    firsts = [np.flatnonzero(truth == name) for name in range(classes)]
    return [int(each[0]) for each in firsts if len(each)][:SHOWN]


def _bounds(steps: int) -> list[tuple[int, int]]:
    edges = np.unique(np.linspace(0, steps, min(PARTS, steps) + 1).astype(int)).tolist()
    return list(pairwise(edges))


def _covered(recording: np.ndarray, bounds: list[tuple[int, int]]) -> np.ndarray:
    """Return the recording as it is, then with each stretch smoothed away: (1 + stretches, steps, columns)."""
    copies = np.repeat(recording[None], 1 + len(bounds), axis=0)
    for place, (first, last) in enumerate(bounds, 1):
        before, after = recording[max(0, first - 1)], recording[min(len(recording) - 1, last)]
        way = np.linspace(0, 1, last - first + 2)[1:-1, None]
        copies[place, first:last] = before + way * (after - before)
    return copies


def _odds(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return powers / powers.sum(axis=1, keepdims=True)


def _signal(recording: np.ndarray, encoding: dict[str, Any], columns: list[str]) -> list[dict[str, Any]]:
    """Return the liveliest columns in their own unit, thinned: [{"column", "steps", "values"}]."""
    own = recording * np.asarray(encoding["scale"]) + np.asarray(encoding["mean"])
    lively = sorted(np.argsort(-own.std(axis=0), kind="stable")[:MOST_LINES].tolist())
    kept = np.unique(np.linspace(0, len(own) - 1, min(MOST_POINTS, len(own))).astype(int))
    return [
        {"column": columns[place], "steps": kept.tolist(), "values": np.round(own[kept, place], 4).tolist()}
        for place in lively
    ]
