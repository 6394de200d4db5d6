"""What a recipe makes of series: how much is seen, how far ahead, in which form, and which windows lie in which part.

The past is split by time: training, then validation, then the sealed last stretch; no window reaches over a border.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from datasets import PartName
from datasets._series_mending import Series
from datasets._series_time import Step
from datasets._series_transform import TRANSFORMS, entered, moved, restored
from recipes import Fold, Refusal

LONGEST_SEASON = 400
CLEAR = 0.3
"""How alike values a season apart must be (correlation without the trend)."""
NEARLY = 0.93
LEAST_WINDOW, USUAL_WINDOW = 4, 24
TRIAL_ROWS = 3_000
BETTER, BETTER_ALONG_A_TREND = 0.97, 1.3
"""A transform is taken if the straight-line trial errs by less than this share of what it errs without. Along a trend
values soon lie outside what was learned from, where a line goes on but a network does not: changes are safer."""
MOST_BYTES = 1_500_000_000
MOST_FILLED_AHEAD, MOST_FILLED_SEEN = 1 / 3, 0.5
"""Windows with more values put in by us than this are left out."""
RIDGE = 1.0

Parts = dict[PartName, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """Everything that is settled about a forecast before a model is built."""

    series: Series
    columns: tuple[int, ...]
    """Columns that the model sees, of all that there are."""
    target: int
    """Place of the column to be forecast among those."""
    borders: tuple[float, float, float]
    """Times at which validation and test begin, and at which the test ends (infinity where the series does)."""
    season: int
    horizon: int
    window: int

    @cached_property
    def origins(self) -> Parts:
        """Return, for each part, the rows (steps of all series) at which a forecast begins."""
        return {name: self._origins(*bounds) for name, bounds in _bounds(self.series, self.borders).items()}

    def stretch(self, rows: np.ndarray) -> np.ndarray:
        """Return what is seen before these rows: (rows, window, columns) float32."""
        steps = rows[:, None] + np.arange(-self.window, 0)
        return np.asarray(self.series.values[steps][..., list(self.columns)], dtype=np.float32)

    def future(self, rows: np.ndarray) -> np.ndarray:
        """Return what came from these rows on, in its own unit: (rows, horizon) float32."""
        steps = rows[:, None] + np.arange(self.horizon)
        return np.asarray(self.series.values[steps, self.columns[self.target]], dtype=np.float32)

    def _origins(self, firsts: np.ndarray, lasts: np.ndarray) -> np.ndarray:
        """Return the rows of one part; `firsts` and `lasts` are its steps in each series."""
        found = [
            np.arange(first + self.window, last - self.horizon + 1)
            for first, last in zip(firsts, lasts, strict=True)
            if last - first >= self.window + self.horizon
        ]
        rows = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
        filled = np.append(0, np.cumsum(self.series.filled[:, self.columns[self.target]]))
        ahead = (filled[rows + self.horizon] - filled[rows]) / self.horizon
        seen = (filled[rows] - filled[rows - self.window]) / self.window
        return rows[(ahead <= MOST_FILLED_AHEAD) & (seen <= MOST_FILLED_SEEN)]


def _bounds(series: Series, borders: tuple[float, float, float]) -> dict[PartName, tuple[np.ndarray, np.ndarray]]:
    """Return the first and one past the last step of each part, in every series."""
    starts = series.offsets[:-1]
    cuts = np.stack(
        [
            [first + int(np.searchsorted(series.times[first:last], border)) for border in borders]
            for first, last in zip(starts, series.offsets[1:], strict=True)
        ]
    )  # (series, 3)
    return {
        "train": (starts, cuts[:, 0]), "validation": (cuts[:, 0], cuts[:, 1]), "test": (cuts[:, 1], cuts[:, 2]),
    }  # fmt: skip


def make_plan(
    series: Series, columns: tuple[int, ...], target: int, shares: tuple[float, float], wishes: tuple[int, int, int],
    fold: Fold | None = None,
) -> Plan:  # fmt: skip
    """Settle what is left open; `shares` of validation and test, `wishes` for window, horizon and season (0: open).

    All folds of a cross-validation see and forecast as many steps as the first one, which has the least to learn from.
    """
    window, horizon, season = wishes
    borders = _borders(series, *shares, fold)
    least = borders if fold is None else _borders(series, *shares, Fold(1, fold.of))
    train = _training(series, least, columns[target])
    season = season or find_season(train, series.step)
    room = _room(series, least)
    horizon = horizon or usual_horizon(series.step, season, room)
    window = window or usual_window(season, horizon, room)
    plan = Plan(series, columns, target, borders, season, horizon, window)
    _refuse_short(plan, room)
    return plan


def _borders(series: Series, validation: float, test: float, fold: Fold | None = None) -> tuple[float, float, float]:
    """Return the times at which validation and test begin and the test ends: by the share of all steps before.

    Folds follow each other through the second half of what lies before the sealed test part; each is forecast from all
    that came before it (an expanding window), the last share of which is watched.
    """
    times = np.sort(series.times, kind="stable")
    last = len(times) - 1

    def at(share: float) -> float:
        return float(times[min(last, max(1, round(share * len(times))))])

    if fold is None:
        return at(1 - (validation + test)), at(1 - test), np.inf
    rest = 1 - test
    begins = rest * (1 + (fold.number - 1) / fold.of) / 2
    return at(begins * (1 - validation / rest)), at(begins), at(rest * (1 + fold.number / fold.of) / 2)


def _training(series: Series, borders: tuple[float, float, float], column: int) -> list[np.ndarray]:
    """Return the training stretch of each series in one column."""
    firsts, lasts = _bounds(series, borders)["train"]
    return [np.asarray(series.values[a:b, column]) for a, b in zip(firsts, lasts, strict=True)]


def _room(series: Series, borders: tuple[float, float, float]) -> int:
    """Return the steps of the shortest part of the longest series."""
    lengths = [last - first for first, last in _bounds(series, borders).values()]
    return int(np.min(np.stack(lengths), axis=0).max())


def _refuse_short(plan: Plan, room: int) -> None:
    lacking = [name for name in ("train", "validation", "test") if not len(plan.origins[name])]
    if not lacking:
        return
    needed = plan.window + plan.horizon
    stretch = {"train": "training", "validation": "validation", "test": "test"}[lacking[0]]
    if room < needed:
        raise Refusal(
            f"Seeing {plan.window} steps and forecasting {plan.horizon} needs {needed} steps in a row, but the "
            f"{stretch} stretch has only {room}. Choose a shorter window or horizon, or bring a longer series."
        )
    raise Refusal(
        f"The {stretch} stretch has too many missing values: no window of {needed} steps is mostly known. "
        "Choose a shorter window, or a part of the series with fewer gaps."
    )


def usual_horizon(step: Step, season: int, room: int) -> int:
    """Choose how far ahead: a week of days, a day of hours, a quarter of months, else a quarter of a season."""
    if step.months:
        wished = {1: 3, 3: 4}.get(step.months, 2)
    elif step.counts:
        wished = max(1, season // 4)
    else:
        wished = step.season if 2 <= step.season <= 24 else max(1, season // 4)
    return max(1, min(wished, room // 6))


def usual_window(season: int, horizon: int, room: int) -> int:
    """Choose how much is seen: about two seasons, as far as the shortest part allows."""
    wished = USUAL_WINDOW
    if season > 1:
        wished = max(2, -(-USUAL_WINDOW // season)) * season
    wished = max(wished, 2 * horizon)
    most = max(LEAST_WINDOW, (room - horizon) // 2)
    if wished <= most or season < 2:
        return max(1, min(wished, most))
    # A whole season is worth more than many windows to judge by.
    return most // season * season or (season if season + horizon + LEAST_WINDOW <= room else most)


def find_season(stretches: list[np.ndarray], step: Step) -> int:
    """Find after how many steps the values come again, from the training part; 1 where they do not."""
    longest = max(stretches, key=len)
    alike = _alike(longest)
    if len(alike) < 3:
        return 1
    expected = step.season
    if 2 <= expected < len(alike) and alike[expected] > CLEAR:
        return expected
    inner = alike[2:-1]
    peaks = np.flatnonzero((inner > alike[1:-2]) & (inner >= alike[3:])) + 2
    peaks = peaks[alike[peaks] > CLEAR]
    # Values also come again after two and three seasons; noise must not make one of those the highest.
    return int(peaks[alike[peaks] > NEARLY * alike[peaks].max()][0]) if len(peaks) else 1


def _alike(values: np.ndarray) -> np.ndarray:
    """Return how alike values some steps apart are (autocorrelation) once the trend is gone: (lags,)."""
    count = len(values)
    steps = np.arange(count)
    if count < 8 or not values.std():
        return np.zeros(0)
    straight = np.polyval(np.polyfit(steps, values, 1), steps)
    rest = values - straight
    power = np.abs(np.fft.rfft(rest, 2 * count)) ** 2
    total = np.fft.irfft(power)[: min(count // 3, LONGEST_SEASON) + 2]
    there = count - np.arange(len(total))
    return (total / there) / (total[0] / count) if total[0] > 0 else np.zeros(0)


# --- the form in which values enter -------------------------------------------------------------------------------


def possible(plan: Plan) -> tuple[str, ...]:
    """Name the transforms that these data and this window allow."""
    seen = np.concatenate(_training(plan.series, plan.borders, plan.columns[plan.target]))
    found = [name for name in TRANSFORMS if name != "log difference" or seen.min() > 0]
    return tuple(name for name in found if name != "seasonal difference" or 2 <= plan.season <= plan.window)


def refuse_impossible(plan: Plan, transform: str) -> None:
    """Refuse a transform that these data do not allow, with the reason."""
    if transform in possible(plan):
        return
    if transform == "log difference":
        raise Refusal("Logarithms need values above 0, but the series has others. Choose `difference` instead.")
    if plan.season < 2:
        raise Refusal("No season was found, so there is no value a season ago. Set the season, or choose `difference`.")
    raise Refusal(
        f"A season of {plan.season} steps does not fit into a window of {plan.window}. Set the window to "
        f"{plan.season} or more, or choose `difference`."
    )


def fit(plan: Plan, transform: str) -> dict[str, Any]:
    """Learn the encoding from the training windows: plain JSON for `_series_transform`."""
    rows = thinned(plan.origins["train"], 20_000)
    stretch = plan.stretch(rows)
    least = stretch.min(axis=(0, 1)).astype(np.float64)
    floor = np.where((transform == "log difference") & (least > 0), least / 10, 0.0)
    count = len(plan.columns)
    encoding: dict[str, Any] = {
        "task": "forecasting", "transform": transform, "season": plan.season, "window": plan.window,
        "horizon": plan.horizon, "target": plan.target, "floor": floor.tolist(), "mean": [0.0] * count,
        "scale": [1.0] * count,
    }  # fmt: skip
    values = entered(stretch, encoding, np).astype(np.float64)
    spread = values.std(axis=(0, 1))
    answers = moved(stretch, plan.future(rows), encoding, np).astype(np.float64)
    return encoding | {
        "mean": values.mean(axis=(0, 1)).tolist(),
        "scale": np.where(spread > 1e-12, spread, 1.0).tolist(),
        "answer_mean": float(answers.mean()),
        "answer_scale": float(answers.std()) or 1.0,
    }


def best_transform(plan: Plan) -> tuple[str, dict[str, float]]:
    """Try each transform with a straight-line model: learned on four fifths of the training part, judged on the last.

    Returns the choice and the root mean square error of each, in the target's own unit.
    """
    rows = plan.origins["train"]
    times = plan.series.times[rows]
    border = np.quantile(times, 0.8)
    early, late = rows[times < border], rows[times >= border]
    if len(early) < 10 or len(late) < 5:
        return "none", {}
    early, late = thinned(early, TRIAL_ROWS), thinned(late, TRIAL_ROWS)
    errors = {}
    for name in possible(plan):
        encoding = fit(plan, name)
        told = straight_line(plan, encoding, early, late)
        errors[name] = float(np.sqrt(np.mean((told - plan.future(late)) ** 2)))
    changes = {name: error for name, error in errors.items() if name != "none"}
    best = min(changes, key=lambda name: changes[name])
    longest = max(_training(plan.series, plan.borders, plan.columns[plan.target]), key=len)
    enough = BETTER_ALONG_A_TREND if trend(longest) else BETTER
    return (best if changes[best] < enough * errors["none"] else "none"), errors


def trend(values: np.ndarray) -> int:
    """Say whether values rise (1) or fall (-1) all along: a straight line explains half of their ups and downs."""
    if len(values) < 3 or not values.std():
        return 0
    likeness = float(np.corrcoef(np.arange(len(values)), values)[0, 1])
    return int(np.sign(likeness)) if likeness**2 > 0.5 else 0


def straight_line(plan: Plan, encoding: dict[str, Any], learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Forecast as a straight-line (ridge) model of the last values would: (rows, horizon) in the target's own unit."""
    stretch, ahead = plan.stretch(learned), plan.stretch(asked)
    x, new = (_flat(entered(each, encoding, np)) for each in (stretch, ahead))
    y = (moved(stretch, plan.future(learned), encoding, np) - encoding["answer_mean"]) / encoding["answer_scale"]
    weights = ridge(x, y)
    return restored(new @ weights, ahead, encoding, np)


def ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the weights (features, outputs) of a linear model with a small penalty."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    if x.shape[1] <= len(x):
        return np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
    return x.T @ np.linalg.solve(x @ x.T + RIDGE * np.eye(len(x)), y)


def thinned(rows: np.ndarray, most: int) -> np.ndarray:
    """Keep at most so many rows, evenly spread."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


def _flat(x: np.ndarray) -> np.ndarray:
    """Lay a window in a row, with a constant: (rows, window * columns + 1)."""
    return np.concatenate([x.reshape(len(x), -1), np.ones((len(x), 1))], axis=1)
