"""Grad-CAM++: like Grad-CAM, but places count each for itself, so that several things of one kind are all found.

Paper: Chattopadhay, Sarkar, Howlader, Balasubramanian, "Grad-CAM++: Improved Visual Explanations for Deep Convolutional
Networks", 2018, equations 10 and 19. As there, the score is the exponential of the logit, whose factor is the same for
all places and falls out.
"""

import numpy as np

from evaluation.explain import Found, Tell, _cam
from evaluation.explain._case import Case
from evaluation.explain._network import Network
from recipes import Signature

TITLE = "All spots"
NAME = "Grad-CAM++"
SENTENCE = "Like the first map, but better where a thing stands in the picture several times."
PAPER = "Chattopadhay and others: Grad-CAM++, 2018"
SCOPE = "example"
ORDER = 11
CHECKED = True
LOOKS = 4


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a picture (or something alike) and a convolution."""
    return _cam.offered(signature, kinds)


def explain(case: Case, network: Network, tell: Tell) -> Found:  # noqa: ARG001 - one step
    """Weigh each map by its rising slopes, the lone ones most."""
    return _cam.explain(case, network, _weights)


def _weights(maps: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return one weight a map: the rising slopes, each times the paper's share of its place."""
    places = tuple(range(1, maps.ndim - 1))
    below = 2 * slopes**2 + maps.sum(axis=places, keepdims=True) * slopes**3
    shares = np.divide(slopes**2, below, out=np.zeros_like(slopes), where=np.abs(below) > 1e-20)
    return (shares * np.maximum(slopes, 0.0)).sum(axis=places, keepdims=True)
