"""A share of the training rows: smaller shares lie inside larger ones, and every class keeps its part."""

import numpy as np

from recipes import Part

MOST_CLASSES = 1_000


def of(part: Part, share: float, seed: int) -> Part:
    """Return so large a share of a part, at least one row, in the part's own order."""
    wanted = max(1, round(share * len(part)))
    kept = np.sort(_order(np.asarray(part.y), len(part), seed)[:wanted])
    x = {name: np.asarray(array[kept]) for name, array in part.x.items()}
    return Part(x, np.asarray(part.y[kept]), np.asarray(part.rows[kept]))


def _order(y: np.ndarray, rows: int, seed: int) -> np.ndarray:
    """Return the places of the rows in the order in which they are taken: by chance, the classes in turn."""
    chance = np.random.default_rng([seed, 29]).permutation(rows)
    labels = y.reshape(rows, -1)
    if labels.shape[1] != 1 or y.dtype.kind not in "iu":
        return chance
    kinds, number, counts = np.unique(labels[chance, 0], return_inverse=True, return_counts=True)
    if len(kinds) > MOST_CLASSES:
        return chance
    number = number.ravel()
    by_class = np.argsort(number, kind="stable")
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    place = np.empty(rows)
    place[by_class] = np.arange(rows) - np.repeat(first, counts)
    return chance[np.argsort((place + 0.5) / counts[number], kind="stable")]
