"""How far off may an answer be? A band that holds nine of ten true values, without any assumption about the errors.

Split conformal prediction (Vovk, Gammerman, Shafer, "Algorithmic learning in a random world", 2005; Lei, G'Sell,
Rinaldo, Tibshirani, Wasserman, "Distribution-free predictive inference for regression", 2018): the band is as wide as
the ceil(0.9 (n + 1))-th smallest error on n rows that the model did not learn from, here the validation part. The
promise holds for exchangeable rows; validation rows also chose the best epoch, so what the band held on the sealed test
part is measured and said.
"""

import math
from typing import Any

import numpy as np

from evaluation import scores
from evaluation.words import count, number, percent

LEVEL = 0.9


def band(truth: np.ndarray, answer: np.ndarray, watched: tuple[np.ndarray, np.ndarray]) -> dict[str, Any] | None:
    """Return {"level", "half", "rows", "held", "low", "high", "sentence"}; None with too few validation rows.

    `half` is what is added to an answer and taken from it; `held` the share of test values inside, with its interval.
    """
    half = half_width(np.abs(watched[1] - watched[0]))
    if half is None:
        return None
    inside = np.abs(answer - truth) <= half
    low, high = scores.wilson(int(inside.sum()), len(inside))
    told = {
        "level": LEVEL,
        "half": half,
        "rows": len(watched[0]),
        "held": float(inside.mean()),
        "low": low,
        "high": high,
    }
    return told | {"sentence": _sentence(told, len(inside))}


def half_width(errors: np.ndarray, level: float = LEVEL) -> float | None:
    """Return the error that this share of new rows stays within; None where there are too few to say."""
    place = math.ceil(level * (len(errors) + 1))
    return float(np.partition(errors, place - 1)[place - 1]) if 0 < place <= len(errors) else None


def _sentence(told: dict[str, Any], rows: int) -> str:
    promised = f"{round(10 * told['level'])} of 10 true values should lie within ± {number(told['half'])} of the answer"
    held = f"of {count(rows, 'test row')} {percent(told['held'])} did"
    if told["high"] < told["level"]:
        return f"{promised}; {held}: the test rows are harder than those for validation, so trust the range less."
    return f"{promised} (measured on {count(told['rows'], 'validation row')}); {held}."
