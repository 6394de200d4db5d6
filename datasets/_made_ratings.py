"""Simulated viewers of real films: what they rate follows from tastes that we drew, so nobody's choices are shown.

A rating is made of the viewer's own level, the critics' opinion of the film, the viewer's taste for each of the film's
genres, and chance. Films that critics wrote much about are seen more often, as in any real collection.
"""

import hashlib
from typing import Any

import numpy as np
from pyarrow import parquet

from datasets._pack import path as packed

VERSION = 1
"""Raise it whenever another table would come out: NumPy's streams are promised only within one version."""
SEED = 1
USERS = 600
FEWEST, MOST = 30, 69
"""Films that a viewer has rated."""
POPULARITY = 150.0
"""After so many places in the order of popularity a film is seen 2.7 times less often."""

Columns = dict[str, np.ndarray]


def films() -> Columns:
    """Return the real films, the best known first: title (each once), genres, year, critics (their meter, 0 to 100)."""
    table = parquet.read_table(packed("films.parquet")).to_pydict()
    titles = [
        title if table["title"].count(title) == 1 else f"{title} ({year})"
        for title, year in zip(table["title"], table["year"], strict=True)
    ]
    return {
        "film": np.array(titles),
        "genres": np.array(table["genres"]),
        "year": np.array(table["year"], dtype=np.int64),
        "critics": np.array(table["meter"], dtype=np.int64),
    }


def make(seed: int = SEED) -> Columns:
    """Return one row a rating, viewers one after another: viewer, film, rating (1 to 5)."""
    random = np.random.default_rng([VERSION, seed])
    known = films()
    genres, belongs = _genres(known["genres"])
    critics = 0.5 * (known["critics"] - 60) / 40
    chance = np.exp(-np.arange(len(critics)) / POPULARITY)
    told: dict[str, list[np.ndarray]] = {"viewer": [], "film": [], "rating": []}
    for viewer in range(USERS):
        level, tastes = random.normal(0, 0.35), random.normal(0, 1.6, len(genres))
        amount = random.integers(FEWEST, MOST + 1)
        seen = random.choice(len(critics), amount, replace=False, p=chance / chance.sum())
        liking = 3.3 + level + critics[seen] + belongs[seen] @ tastes + random.normal(0, 0.45, amount)
        told["viewer"].append(np.full(amount, f"viewer {viewer + 1:03d}"))
        told["film"].append(known["film"][seen])
        told["rating"].append(np.clip(np.round(liking), 1, 5).astype(np.int64))
    return {name: np.concatenate(parts) for name, parts in told.items()}


def record(columns: Columns) -> dict[str, Any]:
    """Say what was made: the generator's version, the seed, and the hash of what came out."""
    told = hashlib.sha256()
    for name, cells in columns.items():
        told.update(name.encode())
        told.update(np.ascontiguousarray(cells).tobytes())
    return {"generator": f"ratings {VERSION}", "seed": SEED, "sha256": told.hexdigest()}


def _genres(cells: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the genres and each film's share of them (films, genres): 1/3 each where it has three."""
    lists = [cell.split(", ") for cell in cells]
    names = sorted({name for each in lists for name in each})
    belongs = np.array([[name in each for name in names] for each in lists], dtype=float)
    return names, belongs / belongs.sum(axis=1, keepdims=True)
