"""How much each part of a mixed row says: what is lost when a part is exchanged between rows.

This is the permutation importance (Breiman, "Random Forests", 2001; Fisher, Rudin, Dominici, "All Models are Wrong, but
Many are Useful", 2019): nothing is trained anew, the finished model is asked with rows whose parts come from others.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel

ROWS = 120
NAMES = {"picture": "Picture", "features": "Numbers and words", "tokens": "Text", "series": "Series"}


def shares(asked: Any, parts: list[str]) -> Callable[[], list[Panel]]:
    """Return what measures the parts on held-out rows: {"kind": "shares", "whole", "parts": [...]}."""
    held_out = asked.prepared.part("validation")
    random = np.random.default_rng(0)
    kept = np.sort(random.permutation(len(held_out))[:ROWS])
    x = {name: np.asarray(array[kept]) for name, array in held_out.x.items()}
    truth = np.ravel(held_out.y[kept])
    mixed = random.permutation(len(kept))
    classes = bool(asked.signature.target.classes)

    def judged(exchanged: list[str]) -> float:
        rows = {name: array[mixed] if name in exchanged else array for name, array in x.items()}
        answer = np.asarray(asked.ask_core(rows), dtype=np.float64)
        if classes:
            return float((answer.argmax(axis=1) == truth).mean())
        return -float(np.abs(answer.reshape(-1) - truth).mean()) * asked.signature.target.scale

    def tell() -> list[Panel]:
        whole = judged([])
        told = [
            {
                "name": NAMES[part],
                "columns": asked.signature.details["parts"][part],
                "lost": round(whole - judged([part]), 4),
            }
            for part in parts
        ]
        return [_panel(whole, told, classes=classes)]

    return tell if len(parts) > 1 and len(kept) else list


def _panel(whole: float, told: list[dict[str, Any]], *, classes: bool) -> Panel:
    lost = [max(0.0, each["lost"]) for each in told]
    total = sum(lost) or 1.0
    return {
        "kind": "shares",
        "title": "What each part adds",
        "sentence": "Each part in turn is exchanged between held-out rows: the more goes wrong then, the more it says.",
        "measure": "accuracy" if classes else "error",
        "whole": round(whole, 4),
        "parts": [each | {"share": round(loss / total, 4)} for each, loss in zip(told, lost, strict=True)],
    }
