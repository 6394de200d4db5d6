"""Occlusion: one spot after the other is covered; where the answer then becomes less sure, the spot had counted.

Works for every network, as it only asks. Pictures are covered by their mean colour, sounds by silence.
Paper: Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2.
"""

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._network import Network
from evaluation.explain._view import View, suits
from recipes import Signature

TITLE = "Covered up"
NAME = "Occlusion"
SENTENCE = "Blue: without this spot the answer loses ground. Orange: without it the answer would be surer."
PAPER = "Zeiler, Fergus: Visualizing and Understanding Convolutional Networks, 2014"
SCOPE = "example"
ORDER = 30
CHECKED = True
LOOKS = 120

SPOT = 0.22
"""Side of the covered spot as a share of the shorter side."""
PLACES = 11
"""Spots a side; they overlap."""


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a picture or a sound."""
    return suits(signature, kinds, ("picture", "clip", "sound"))


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return how much the answer loses by each spot: (1, height, width)."""
    view = View.of(case, network)
    height, width = view.value.shape[-3:-1]
    spots = [(top, left) for top in _edges(height) for left in _edges(width)]
    tall, wide = _side(height), _side(width)
    plain = view.value.mean(axis=tuple(range(1, view.value.ndim - 1)), keepdims=True)
    filler = view.nothing[..., :1, :1, :] if view.name == "sound" else plain
    whole = _said(view, view.value, case.answer)[0]
    lost, counts = np.zeros((height, width)), np.zeros((height, width))
    for start in range(0, len(spots), 32):
        tell(start / len(spots), "Covering one spot after the other")
        some = spots[start : start + 32]
        covered = np.repeat(view.value, len(some), axis=0)
        for number, (top, left) in enumerate(some):
            covered[number, ..., top : top + tall, left : left + wide, :] = filler[0]
        for (top, left), said in zip(some, _said(view, covered, case.answer), strict=True):
            lost[top : top + tall, left : left + wide] += whole - said
            counts[top : top + tall, left : left + wide] += 1
    weights = (lost / np.maximum(counts, 1))[None]
    panel = view.panel(weights if view.name != "clip" else weights[:, None], signed=True)
    return Found(panel | {"most": round(float(weights.max()), 4)}, weights)


def _said(view: View, values: np.ndarray, answer: int | None) -> np.ndarray:
    told = view.answers(values)
    return told.mean(axis=1) if answer is None else told[:, answer]


def _side(size: int) -> int:
    return max(1, round(SPOT * size))


def _edges(size: int) -> list[int]:
    last = size - _side(size)
    return sorted({round(place) for place in np.linspace(0, last, min(PLACES, last + 1))})
