"""Card payments of our own making: 1.2 % are fraud, and a fifth of those look like any other payment.

Made from a seed, so nothing is copied from real people. The fifth that hides keeps the task honest: without it a
model finds every fraud (ROC AUC 0.999), which no real bank has ever seen. Those who hide can be found by luck alone, so
that nobody can do better than ROC AUC 0.89 and average precision 0.68, the scores of the very odds drawn from here.
"""

import hashlib
from typing import Any

import numpy as np

VERSION = 1
"""Raise it whenever another table would come out: NumPy's streams are promised only within one version."""
ROWS = 20_000
SEED = 3
FRAUD = 0.012
HIDDEN = 0.2
"""The share of the frauds that behave like normal payments."""

Columns = dict[str, np.ndarray]


def make(rows: int = ROWS, seed: int = SEED) -> Columns:
    """Return one array a column, each (rows,); `fraud` says yes or no."""
    random = np.random.default_rng([VERSION, seed])  # a list, so that no split of the same seed follows it
    chosen = random.permutation(rows)[: round(FRAUD * rows)]
    is_fraud, shows = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool)
    is_fraud[chosen] = True
    shows[chosen[round(HIDDEN * len(chosen)) :]] = True
    normal, odd = _normal(random, rows), _odd(random, rows)
    columns = {name: np.where(shows, odd[name], normal[name]) for name in normal}
    columns["account_days"] = np.round(random.gamma(3, 300, rows)).astype(np.int64)
    return columns | {"fraud": np.where(is_fraud, "yes", "no")}


def _normal(random: np.random.Generator, rows: int) -> Columns:
    """Payments by day, near home, on the usual device."""
    return {
        "hour": np.clip(np.round(random.normal(14, 4.5, rows)), 0, 23).astype(np.int64),
        "amount": np.round(np.exp(random.normal(3.4, 1.0, rows)), 2),
        "km_from_home": np.round(random.gamma(1, 25, rows), 1),
        "payments_last_hour": random.poisson(0.5, rows),
        "new_device": random.random(rows) < 0.15,
    }


def _odd(random: np.random.Generator, rows: int) -> Columns:
    """Payments at night, far away, one after the other, often on a new device."""
    by_day = np.clip(np.round(random.normal(14, 4.5, rows)), 0, 23)
    at_night = random.integers(0, 6, rows)
    return {
        "hour": np.where(random.random(rows) < 0.66, at_night, by_day).astype(np.int64),
        "amount": np.round(np.exp(random.normal(4.6, 1.2, rows)), 2),
        "km_from_home": np.round(random.gamma(1.6, 80, rows), 1),
        "payments_last_hour": random.poisson(1.8, rows),
        "new_device": random.random(rows) < 0.50,
    }


def record(columns: Columns) -> dict[str, Any]:
    """Say what was made: the generator's version, the seed, and the hash of what came out."""
    told = hashlib.sha256()
    for name, cells in columns.items():
        told.update(name.encode())
        told.update(np.ascontiguousarray(cells).tobytes())
    return {"generator": f"fraud {VERSION}", "seed": SEED, "sha256": told.hexdigest()}
