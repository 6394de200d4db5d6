"""Grad-CAM: the maps of the last convolution, each weighed by how much the answer rises with it.

Paper: Selvaraju and others, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017,
equations 1 and 2.
"""

from evaluation.explain import Found, Tell, _cam
from evaluation.explain._case import Case
from evaluation.explain._network import Network
from recipes import Signature

TITLE = "Where it looked"
NAME = "Grad-CAM"
SENTENCE = "The warmer a place, the more it spoke for this answer. A coarse map: it points at parts, not at pixels."
PAPER = "Selvaraju and others: Grad-CAM, 2017"
SCOPE = "example"
ORDER = 10
CHECKED = True
LOOKS = 4


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a picture (or something alike) and a convolution."""
    return _cam.offered(signature, kinds)


def explain(case: Case, network: Network, tell: Tell) -> Found:  # noqa: ARG001 - one step
    """Weigh each map by its mean slope."""
    return _cam.explain(case, network, lambda _, slopes: _cam.middle(slopes))
