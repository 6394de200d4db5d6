"""Ratings judged: yardsticks that know only averages, lists of the best items, and somebody new.

Errors are shares of users drawn again and again (a bootstrap by user): ratings of one person are no independent rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation import scores

TOP = 10
DRAWS = 500
MOST_USERS = 300
"""Users for whom whole lists are made."""
DAMPING = 5.0
"""An average of few ratings is drawn to the mean as if so many average ones were added."""

Values = np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Ratings as arrays of one length: numbers of users and items (0: unknown), and the ratings."""

    users: np.ndarray
    items: np.ndarray
    values: Values


def yardsticks(train: Pairs, asked: Pairs) -> dict[str, Values]:
    """Answer by averages alone: of all, of the user, of the item, and of both together."""
    mean = float(train.values.mean())
    users, items = _levels(train.users, train.values - mean), _levels(train.items, train.values - mean)
    left = train.values - mean - _of(items, train.items)
    both = _levels(train.users, left)
    return {
        "mean": np.full(len(asked.values), mean),
        "mean of the user": mean + _of(users, asked.users),
        "mean of the item": mean + _of(items, asked.items),
        "levels of user and item": mean + _of(items, asked.items) + _of(both, asked.users),
    }


def _levels(codes: np.ndarray, values: Values) -> Values:
    """Return how far above the mean each one is, damped."""
    return np.bincount(codes, values) / (np.bincount(codes) + DAMPING)


def _of(levels: Values, codes: np.ndarray) -> Values:
    return np.where(codes < len(levels), levels[np.minimum(codes, len(levels) - 1)], 0.0)


def intervals(asked: Pairs, answer: Values, seed: int) -> scores.Intervals:
    """Give RMSE, mean error and R² their 95 % intervals by drawing users."""
    random = np.random.default_rng(seed)
    found, codes = np.unique(asked.users, return_inverse=True)
    errors = answer - asked.values
    centred = asked.values - asked.values.mean()
    sums = np.stack([np.bincount(codes, each) for each in (np.ones(len(codes)), errors**2, np.abs(errors), centred**2)])
    picked = random.integers(0, len(found), (DRAWS, len(found)))
    rows, squared, absolute, spread = sums[:, picked].sum(axis=2)
    drawn = {"rmse": np.sqrt(squared / rows), "mae": absolute / rows, "mse": squared / rows}
    drawn["r2"] = 1 - squared / np.maximum(spread, 1e-12)
    return {name: [float(each) for each in np.percentile(values, (2.5, 97.5))] for name, values in drawn.items()}


def order(asked: Pairs, answer: Values) -> float | None:
    """Return how often, of two ratings of one user that differ, the higher one is put first (ties count half)."""
    by_user = np.argsort(asked.users, kind="stable")
    ends = np.flatnonzero(np.diff(asked.users[by_user])) + 1
    right = total = 0.0
    for rows in np.split(by_user, ends):
        apart = np.sign(asked.values[rows][:, None] - asked.values[rows][None])
        said = np.sign(answer[rows][:, None] - answer[rows][None])
        total += float((apart > 0).sum())
        right += float(((apart > 0) * (1 + said) / 2).sum())
    return right / total if total else None


def lists(
    train: Pairs, test: Pairs, items: int, liked: float, seed: int, rate: Callable[[np.ndarray, np.ndarray], Values]
) -> dict[str, Any]:
    """Judge the ten best unseen items of some users: {"precision_at_10", "recall_at_10", ...} and the same for fame.

    `rate(users, items)` answers pairs. An item counts as a hit where the user's hidden rating is at least `liked`;
    what a user never rated cannot be a hit, so that even a perfect list stays far from 1.
    """
    hits = test.values >= liked
    able = np.unique(test.users[hits & (test.users > 0)])
    some = np.sort(np.random.default_rng(seed).permutation(able)[:MOST_USERS])
    if not len(some):
        return {}
    pairs = np.repeat(some, items), np.tile(np.arange(1, items + 1), len(some))
    rated = rate(*pairs).reshape(len(some), items)
    known = np.zeros((len(some), items), dtype=bool)
    wanted = np.zeros((len(some), items), dtype=bool)
    row_of = {user: row for row, user in enumerate(some.tolist())}
    for part, marks, only in ((train, known, None), (test, wanted, hits)):
        for place, (user, item) in enumerate(zip(part.users.tolist(), part.items.tolist(), strict=True)):
            if user in row_of and item > 0 and (only is None or only[place]):
                marks[row_of[user], item - 1] = True
    fame = np.bincount(train.items, minlength=items + 1)[1:].astype(float)
    told = _at_top(np.where(known, -np.inf, rated), wanted)
    famous = _at_top(np.where(known, -np.inf, fame[None]), wanted)
    return {**told, "users": len(some), "famous": famous}


def _at_top(order: np.ndarray, wanted: np.ndarray) -> dict[str, float]:
    """Count hits among the ten best of each user."""
    best = np.argsort(-order, axis=1, kind="stable")[:, :TOP]
    hits = np.take_along_axis(wanted, best, axis=1).sum(axis=1)
    there = wanted.sum(axis=1)
    return {
        f"precision_at_{TOP}": float((hits / TOP).mean()),
        f"recall_at_{TOP}": float((hits[there > 0] / there[there > 0]).mean()) if (there > 0).any() else 0.0,
    }


@dataclass(frozen=True)
class Newcomers:
    """What is expected of somebody new: mean and covariance of [level, vector], and the noise of a rating.

    All in standard units, from the users that the model knows. `of` then finds the person by ridge regression on the
    vectors of the rated items, where the spread of the known users takes the place of one penalty for all.
    """

    middle: np.ndarray
    spread: np.ndarray
    noise: float

    @classmethod
    def among(cls, levels: np.ndarray, vectors: np.ndarray, noise: float) -> "Newcomers":
        """Learn from known users: levels (users,), vectors (users, factors)."""
        known = np.concatenate([levels[:, None], vectors], axis=1)
        spread = np.cov(known, rowvar=False) + 1e-4 * np.eye(known.shape[1])
        return cls(known.mean(axis=0), spread, noise)

    def of(self, item_levels: np.ndarray, item_vectors: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """Return the likeliest [level, vector] of somebody who rated these items so (standard units)."""
        seen = np.concatenate([np.ones((len(ratings), 1)), item_vectors], axis=1)
        left = ratings - item_levels - seen @ self.middle
        gain = self.spread @ seen.T @ np.linalg.inv(seen @ self.spread @ seen.T + self.noise * np.eye(len(ratings)))
        return self.middle + gain @ left

    def plain(self) -> dict[str, Any]:
        """Return plain values for the report."""
        return {
            "middle": np.round(self.middle, 6).tolist(),
            "spread": np.round(self.spread, 6).tolist(),
            "noise": round(self.noise, 6),
        }

    @classmethod
    def read(cls, told: dict[str, Any]) -> "Newcomers":
        """Read what `plain` wrote."""
        return cls(np.array(told["middle"]), np.array(told["spread"]), float(told["noise"]))
