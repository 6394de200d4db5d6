"""What Grad-CAM and Grad-CAM++ share: the last convolution's maps and how the answer leans on each of them."""

from collections.abc import Callable

import numpy as np

from evaluation.explain import Found
from evaluation.explain._case import Case
from evaluation.explain._gradients import gradient
from evaluation.explain._network import CONVOLUTIONS, Network
from evaluation.explain._view import View, suits
from recipes import Signature

INPUTS = ("picture", "clip", "sound")


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a picture (or something alike) and a convolution."""
    return suits(signature, kinds, INPUTS) and bool(kinds & set(CONVOLUTIONS))


def explain(case: Case, network: Network, weigh: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Found:
    """Add the maps of the last convolution (1, ..., channels), each as `weigh` says, and keep what speaks for it."""
    place = network.last_convolution(case.inputs)
    maps = network.at(case.inputs, place)
    score = network.scored(case.answer)
    _, slopes = gradient(lambda values: score(network.walk(case.inputs, place, lambda _: values)), maps)
    heat = np.maximum((maps * weigh(maps, slopes)).sum(axis=-1), 0.0)  # (1 or frames, height, width)
    view = View.of(case, network)
    panel = view.panel(heat[0] if heat.ndim == 4 else heat, signed=False)
    return Found(panel | {"layer": str(place.operation.name)}, heat)


def middle(values: np.ndarray) -> np.ndarray:
    """Average over all places, but not over frames that are looked at one by one: (frames, 1, 1, channels)."""
    return values.mean(axis=tuple(range(1, values.ndim - 1)), keepdims=True)
