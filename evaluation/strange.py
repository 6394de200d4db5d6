"""Is an example like anything that the model was trained on? The distance to its nearest training examples.

Distances are taken between the features in front of the last layer, each feature divided by its spread: Sun, Ming,
Zhu, Li, "Out-of-Distribution Detection with Deep Nearest Neighbors", 2022 (without their normalisation to length 1,
which would hide that a table's row lies far out). The limit lies where 99 of 100 validation rows are nearer.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.asked import Asked, asking
from recipes import Signature, keras
from records import Run, disk

FILE = "strange.npz"
TASKS = ("classification", "regression")
NEIGHBOUR = 5
"""Which nearest training example is measured to: a single odd one must not make its like ordinary."""
MOST_ROWS = 1_000
SHARE = 99.0
LEAST_ROWS = 20


def fit(asked: Asked) -> None:
    """Write what `distance` needs into the run's folder; nothing for a model without features and one answer."""
    network = features_of(asked.core) if asked.signature.task in TASKS else None
    train, validation = asked.prepared.part("train"), asked.prepared.part("validation")
    if network is None or min(len(train), len(validation)) < LEAST_ROWS:
        return
    ask = asking(network)
    known, held_out = (_chosen(ask, part) for part in (train, validation))
    mean, spread = known.mean(axis=0), known.std(axis=0)
    spread = np.where(spread > 1e-6 * max(float(spread.max()), 1e-9), spread, np.inf)  # a dead feature says nothing
    known, held_out = ((each - mean) / spread for each in (known, held_out))
    limit = float(np.percentile(_distances(held_out, known), SHARE))
    temporary = disk.beside(asked.run.folder / FILE)
    with disk.create(temporary) as opened:
        np.savez(opened, known=known.astype(np.float32), mean=mean, spread=spread, limit=limit)
    disk.rename(temporary, asked.run.folder / FILE)


def told(run: Run, model: Any, signature: Signature, row: dict[str, np.ndarray]) -> dict[str, float] | None:
    """Return {"distance", "limit"} of one raw row for a run's loaded download; None where nothing was fitted."""
    file = run.folder / FILE
    if not file.exists():
        return None
    network = _from_raw(model, tuple(raw.name for raw in signature.raw))
    if network is None:
        return None
    known, mean, spread, limit = _opened(file, file.stat().st_mtime_ns)
    features = np.asarray(network.predict_on_batch(row), dtype=np.float64).reshape(1, -1)
    return {"distance": float(_distances((features - mean) / spread, known)[0]), "limit": limit}


def features_of(core: Any) -> Any:
    """Return a model from a core's inputs to what its last dense layer reads; None where it ends otherwise."""
    last = core.layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.output is not core.output:
        return None
    return keras.Model(core.input, last.input)


def _chosen(ask: Any, part: Any) -> np.ndarray:
    rows = np.unique(np.linspace(0, len(part) - 1, min(MOST_ROWS, len(part))).astype(int))
    told = ask({name: np.asarray(array[rows]) for name, array in part.x.items()})
    return np.asarray(told, dtype=np.float64).reshape(len(rows), -1)


def _distances(rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the distance (rows,) to the fifth nearest of the known ones."""
    squares = (rows**2).sum(axis=1)[:, None] + (known**2).sum(axis=1)[None] - 2 * rows @ known.T
    return np.sqrt(np.maximum(np.partition(squares, NEIGHBOUR - 1, axis=1)[:, NEIGHBOUR - 1], 0.0))


@lru_cache(maxsize=8)
def _opened(file: Path, _written: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    with np.load(file, allow_pickle=False) as stored:
        return stored["known"].astype(np.float64), stored["mean"], stored["spread"], float(stored["limit"])


@lru_cache(maxsize=8)
def _from_raw(model: Any, names: tuple[str, ...]) -> Any:
    """Join the download's own preprocessing with its core's features."""
    parts = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if len(parts) < 2:
        return None
    prepare, core = parts[:2]
    network = features_of(core)
    if network is None:
        return None
    ready = prepare([model.input[name] for name in names])
    needed = {name: ready[name] for name in core.input} if isinstance(core.input, dict) else ready
    joined = keras.Model(model.input, network(needed))
    joined.jit_compile = False
    return joined
