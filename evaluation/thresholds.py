"""From which share on should it ring? Counts at a threshold, and the cheapest one for what errors cost.

One class is looked for; the others are what it should not ring for. Pure numpy, some milliseconds for 100,000 rows, so
a page can ask at every move of a slider.
"""

from dataclasses import dataclass

import numpy as np

from evaluation import scores


@dataclass(frozen=True)
class Counts:
    """What comes of a threshold: rows of the class that ring and do not, other rows that ring and do not."""

    found: int
    missed: int
    alarms: int
    quiet: int

    @property
    def found_share(self) -> float:
        """The share of the class that is found (recall)."""
        return self.found / max(1, self.found + self.missed)

    @property
    def alarm_share(self) -> float:
        """The share of the others that ring."""
        return self.alarms / max(1, self.alarms + self.quiet)

    @property
    def right_share(self) -> float | None:
        """The share of rings that are right (precision); None where nothing rings."""
        rings = self.found + self.alarms
        return self.found / rings if rings else None

    @property
    def found_between(self) -> tuple[float, float]:
        """Where the true share of finds lies, 95 % sure (Wilson)."""
        low, high = scores.wilson(self.found, max(1, self.found + self.missed))
        return low, high

    def cost(self, alarm: float, miss: float) -> float:
        """Return what these errors cost in all."""
        return self.alarms * alarm + self.missed * miss


def at(positive: np.ndarray, shares: np.ndarray, threshold: float) -> Counts:
    """Count what rings at or above a threshold."""
    return _counts(positive, shares >= threshold)


def usual(truth: np.ndarray, answer: np.ndarray, wanted: int) -> Counts:
    """Count what rings where the likeliest class is answered."""
    return _counts(truth == wanted, answer.argmax(axis=1) == wanted)


def cheapest(positive: np.ndarray, shares: np.ndarray, alarm: float, miss: float) -> float:
    """Return the threshold with the least cost on these rows (a value above 1: it had better never ring).

    Of equally cheap ones it takes the one nearest to alarm / (alarm + miss), which is the best where shares are as
    right as they are sure (Elkan, "The foundations of cost-sensitive learning", 2001).
    """
    order = np.argsort(-shares, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(shares[order])), len(shares) - 1)
    hits = np.append(0, np.cumsum(positive[order])[ends])
    alarms = np.append(0, np.cumsum(~positive[order])[ends])
    costs = alarms * alarm + (hits[-1] - hits) * miss
    steps = shares[order][ends]
    edges = np.concatenate([[np.nextafter(max(1.0, steps[0]), 2)], steps, [0.0]])
    best = np.flatnonzero(costs <= costs.min() * (1 + 1e-12))
    ideal = alarm / (alarm + miss) if alarm + miss else 0.5
    # Ringing from `steps[k - 1]` down to just above `steps[k]` counts the same: the ideal is moved into that stretch.
    highs, lows = edges[best], np.append(steps, -np.inf)[best]
    inside = np.where((ideal <= highs) & (ideal > lows), ideal, np.where(ideal > highs, highs, _middle(highs, lows)))
    return float(inside[np.argmin(np.abs(inside - ideal))])


def _middle(highs: np.ndarray, lows: np.ndarray) -> np.ndarray:
    return (highs + np.maximum(lows, 0.0)) / 2


def _counts(positive: np.ndarray, rings: np.ndarray) -> Counts:
    found, alarms = int((positive & rings).sum()), int((~positive & rings).sum())
    return Counts(found, int(positive.sum()) - found, alarms, int((~positive).sum()) - alarms)
