"""Integrated gradients: from nothing (black, silence, no words) to the example in small steps, adding up each slope.

What is added up is exactly the difference between the answer to the example and that to nothing: so each place has its
fair share of it, for or against.
Paper: Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017, equation 1 and the sum of section 5.
"""

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._gradients import gradient
from evaluation.explain._network import Network
from evaluation.explain._view import View, suits
from recipes import Signature

TITLE = "Bit by bit"
NAME = "Integrated gradients"
SENTENCE = (
    "Blue spoke for this answer, orange against it. All parts together make the whole difference to an empty one."
)
PAPER = "Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks, 2017"
SCOPE = "example"
ORDER = 20
CHECKED = True
LOOKS = 200

STEPS = (32, 64, 128, 256)
"""Steps are doubled until the parts make the whole."""
EXACT = 0.05
TOGETHER = 32


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs an input with places and a core that can be walked through."""
    return suits(signature, kinds)


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return the share of each place: (1, ...) without channels for pictures and words, with columns for series."""
    view = View.of(case, network)
    shares, whole, missing = attributions(view, case, tell)
    weights = shares if view.name == "series" else shares.sum(axis=-1)
    panel = view.panel(weights, signed=True)
    return Found(panel | {"whole": round(whole, 5), "missing": round(missing, 4)}, weights)


def attributions(view: View, case: Case, tell: Tell) -> tuple[np.ndarray, float, float]:
    """Return the shares (1, ...), the difference that they explain, and which part of it they miss (0 to 1)."""
    score = view.network.scored(case.answer)
    ends = np.concatenate([view.nothing, view.value])
    low, high = np.asarray(score(view.outputs(ends)), dtype=np.float64).ravel()
    whole, shares, missing = float(high - low), np.zeros_like(view.value), 1.0
    for steps in STEPS:
        way = (np.arange(steps, dtype=np.float32) + 0.5) / steps  # the middle of each step
        total = np.zeros(view.value.shape, dtype=np.float64)
        for start in range(0, steps, TOGETHER):
            tell(start / steps / 2, f"Step {start + 1} of {steps}")
            some = way[start : start + TOGETHER].reshape(-1, *[1] * (view.value.ndim - 1))
            path = view.nothing + some * (view.value - view.nothing)
            total += gradient(lambda values: score(view.outputs(values)), path)[1].sum(axis=0, keepdims=True)
        shares = total / steps * (view.value - view.nothing)
        missing = abs(float(shares.sum()) - whole) / max(abs(whole), 1e-6)
        if missing <= EXACT or abs(whole) < 1e-4:
            break
    return shares, whole, missing
