"""Live evidence of sounds and clips: a few held-out examples that a person can play, with the bars of their classes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel

SHOWN = 4


def evidence(kind: str) -> Callable[[Any], Callable[[], list[Panel]]]:
    """Make the live panel of a few held-out examples, one of each of the first classes, with its class bars."""

    def ask(asked: Any) -> Callable[[], list[Panel]]:
        part, names = asked.prepared.part("validation"), list(asked.signature.target.classes)
        truth = np.asarray(part.y)
        first = [int(np.flatnonzero(truth == label)[0]) for label in np.unique(truth)][:SHOWN]
        few = {name: np.asarray(array[first]) for name, array in part.x.items()}
        told = {"kind": kind, "classes": names, "rows": part.rows[first].tolist(), "truth": truth[first].tolist()}

        def panels() -> list[Panel]:
            logits = asked.ask_core(few).astype(np.float64)
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            shares = powers / powers.sum(axis=1, keepdims=True)
            return [told | {"answer": np.round(shares, 4).tolist()}]

        return panels

    return ask
