"""Occlusion over time: one stretch of one column after the other is replaced by a straight line between its ends.

Paper: Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2, along time.
"""

from itertools import pairwise

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._network import Network
from evaluation.explain._view import View, suits
from recipes import Signature

TITLE = "Smoothed away"
NAME = "Occlusion over time"
SENTENCE = "Blue: smoothed away, this stretch makes the answer fall. Orange: it makes the answer rise."
PAPER = "Zeiler, Fergus: Visualizing and Understanding Convolutional Networks, 2014"
SCOPE = "example"
ORDER = 13
CHECKED = True
LOOKS = 100

STRETCHES = 16


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a series."""
    return suits(signature, kinds, ("series",)) and "series" in signature.inputs


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return how much the answer falls by each stretch of each column: (1, steps, columns)."""
    view = View.of(_of_series(case), network)
    steps, columns = view.value.shape[1:]
    edges = np.unique(np.linspace(0, steps, min(STRETCHES, steps) + 1).astype(int))
    stretches = [(column, first, last) for column in range(columns) for first, last in pairwise(edges)]
    tell(0.1, "Smoothing one stretch after the other")
    smoothed = np.repeat(view.value, len(stretches) + 1, axis=0)
    for number, (column, first, last) in enumerate(stretches, 1):
        line = view.value[0, :, column]
        before, after = line[max(0, first - 1)], line[min(steps - 1, last)]
        smoothed[number, first:last, column] = np.linspace(before, after, last - first + 2)[1:-1]
    told = view.answers(smoothed)
    said = told.mean(axis=1) if case.answer is None else told[:, case.answer]
    weights = np.zeros((1, steps, columns))
    for (column, first, last), loss in zip(stretches, said[0] - said[1:], strict=True):
        weights[0, first:last, column] = loss
    return Found(view.panel(weights, signed=True), (said[0] - said[1:]))


def _of_series(case: Case) -> Case:
    return Case(
        case.asked, case.settings | {"input": "series"}, case.inputs, case.row, case.truth, case.said, case.answer
    )
