"""Does "90 % sure" mean right nine times out of ten? Reliability, its error, and one number that mends it.

Only the answered class counts: how sure the model was of it, and whether it was right. The calibration error (ECE) is
the mean distance between both over ten even bins (Naeini, Cooper, Hauskrecht, 2015; Guo, Pleiss, Sun, Weinberger, "On
calibration of modern neural networks", 2017). It is never quite 0 on few rows, so what chance alone would give a model
that is exactly as right as it is sure stands beside it (consistency resampling, Bröcker and Smith, 2007).

The temperature divides all logits (Guo et al., section 4.2): above 1 it makes every answer less sure, and no answer
another one. It is found on validation rows only.
"""

from typing import Any

import numpy as np

from evaluation import scores
from evaluation.words import count, number, percent

BINS = 10
DRAWS = 400
MOST_ROWS = 10_000
BLOCK = 2_000_000
FEWEST = 40
"""Validation rows without which no temperature is looked for."""
HOTTEST = 20.0
LEFT_ALONE = 0.05
"""A temperature so near to 1 changes nothing worth a word."""


def judge(
    truth: np.ndarray, answer: np.ndarray, watched: tuple[np.ndarray, np.ndarray] | None, seed: int
) -> dict[str, Any]:
    """Judge probabilities (rows, classes) against true class numbers (rows,); `watched` are those of validation rows.

    Returns {"bins": [{"from", "to", "rows", "sure", "right", "low", "high"}], "ece", "ece_interval", "by_chance",
    "brier", "brier_interval", "temperature": {...} or None, "verdict", "sentence"}.
    """
    sure, right = answer.max(axis=1), answer.argmax(axis=1) == truth
    found = {
        "bins": _bins(sure, right),
        "ece": error(sure, right),
        "by_chance": _by_chance(sure, seed),
        **_brier(truth, answer),
    }
    found["ece_interval"] = _interval(sure, right, found["ece"], seed)
    found["temperature"] = _cooled(truth, answer, *watched) if watched else None
    found["verdict"] = _verdict(found, sure, right)
    found["sentence"] = _sentence(found, sure, right)
    return found


def error(sure: np.ndarray, right: np.ndarray) -> float:
    """Return the expected calibration error: 0 where the model is right as often as it is sure."""
    return float(_errors(_places(sure), (right - sure)[None])[0])


def temperature(truth: np.ndarray, answer: np.ndarray) -> float:
    """Return the temperature with the least log loss on these rows, between 1/20 and 20.

    The loss is convex in 1 / temperature, so halving the bracket of its slope finds the one best value.
    """
    logits = np.log(np.clip(answer, 1e-12, 1.0))
    own = logits[np.arange(len(truth)), truth]
    low, high = 1 / HOTTEST, HOTTEST
    for _ in range(50):
        beta = np.sqrt(low * high)
        shares = warmed(answer, 1 / beta)
        slope = float((shares * logits).sum(axis=1).mean() - own.mean())  # d(loss) / d(beta)
        low, high = (low, beta) if slope > 0 else (beta, high)
    return float(1 / np.sqrt(low * high))


def warmed(answer: np.ndarray, heat: float) -> np.ndarray:
    """Divide the logits behind probabilities (rows, classes) by a temperature: probabilities of the same shape."""
    logits = np.log(np.clip(answer, 1e-12, 1.0)) / heat
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def brier(truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return half the squared distance to the truth, row by row: 0 is sure and right, 1 is sure and wrong."""
    exact = np.eye(answer.shape[1])[truth]
    return ((answer - exact) ** 2).sum(axis=1) / 2


def _cooled(truth: np.ndarray, answer: np.ndarray, watched: np.ndarray, told: np.ndarray) -> dict[str, Any] | None:
    """Fit on validation rows, judge on the test part; None where there are too few rows or all were right."""
    if len(watched) < FEWEST or (told.argmax(axis=1) == watched).all():
        return None  # without a single mistake the best temperature is 0
    heat = temperature(watched, told)
    after = warmed(answer, heat)
    right = after.argmax(axis=1) == truth
    return {
        "value": heat,
        "rows": len(watched),
        "ece_after": error(after.max(axis=1), right),
        "log_loss_before": _loss(truth, answer),
        "log_loss_after": _loss(truth, after),
    }


def _loss(truth: np.ndarray, answer: np.ndarray) -> float:
    return float(-np.log(np.clip(answer[np.arange(len(truth)), truth], 1e-12, 1.0)).mean())


def _places(sure: np.ndarray) -> np.ndarray:
    """Return the bin of each row as (rows, bins) of 0 and 1."""
    return np.eye(BINS)[np.minimum((sure * BINS).astype(int), BINS - 1)]


def _errors(places: np.ndarray, weighted: np.ndarray) -> np.ndarray:
    """Sum (draws, rows) of right less sure in each bin, then their distances from 0: (draws,)."""
    return np.abs(weighted @ places).sum(axis=1) / len(places)


def _bins(sure: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    told = []
    for number_ in np.unique(place):
        here = place == number_
        low, high = scores.wilson(int(right[here].sum()), int(here.sum()))
        told.append({
            "from": number_ / BINS, "to": (number_ + 1) / BINS, "rows": int(here.sum()), "sure": sure[here].mean(),
            "right": right[here].mean(), "low": low, "high": high,
        })  # fmt: skip
    return told


def _interval(sure: np.ndarray, right: np.ndarray, found: float, seed: int) -> list[float] | None:
    """Return the 95 % interval by a bootstrap turned round its own bias (the basic one): drawn errors are too large."""
    from threadpoolctl import threadpool_limits

    random = np.random.default_rng(seed)
    some = np.arange(len(sure)) if len(sure) <= MOST_ROWS else random.choice(len(sure), MOST_ROWS, replace=False)
    places, gaps = _places(sure[some]), (right - sure)[some]
    parts = places * gaps[:, None]  # what each row adds to its bin
    rows, drawn = len(some), []
    for start in range(0, DRAWS, size := max(1, BLOCK // rows)):
        draws = min(size, DRAWS - start)
        picked = random.integers(0, rows, (draws, rows)) + np.arange(draws)[:, None] * rows
        weights = np.bincount(picked.ravel(), minlength=draws * rows).reshape(draws, rows).astype(float)
        with threadpool_limits(1):  # several threads wait for each other on a busy machine
            drawn.append(np.abs(weights @ parts).sum(axis=1) / rows)
    low, high = np.percentile(np.concatenate(drawn), (2.5, 97.5))
    if low == high:
        return None
    shrink = np.sqrt(rows / len(sure))
    return [max(0.0, found - (high - found) * shrink), max(0.0, found + (found - low) * shrink)]


def _by_chance(sure: np.ndarray, seed: int) -> float:
    """Return the error that 19 of 20 models stay below which are right exactly as often as they are sure."""
    random = np.random.default_rng(seed)
    some = sure if len(sure) <= MOST_ROWS else random.choice(sure, MOST_ROWS, replace=False)
    draws = max(100, min(400, BLOCK // len(some)))
    places = _places(some)
    found = [_errors(places, (random.random((1, len(some))) < some) - some[None])[0] for _ in range(draws)]
    return float(np.percentile(found, 95) * np.sqrt(len(some) / len(sure)))


def _brier(truth: np.ndarray, answer: np.ndarray) -> dict[str, Any]:
    each = brier(truth, answer)
    return {"brier": float(each.mean()), "brier_interval": scores.interval_of_mean(each)}


def _verdict(found: dict[str, Any], sure: np.ndarray, right: np.ndarray) -> str:
    if found["ece"] <= found["by_chance"]:
        return "fine"
    gap = float(sure.mean() - right.mean())
    if abs(gap) < found["ece"] / 2:  # being too sure here and too modest there cancels out in the mean
        return "uneven"
    return "too sure" if gap > 0 else "too modest"


def _sentence(found: dict[str, Any], sure: np.ndarray, right: np.ndarray) -> str:
    said = f"It says it is {percent(sure.mean())} sure on average and is right on {percent(right.mean())}"
    off = f"The distance is {percent(found['ece'])} on average (calibration error)"
    told = {
        "fine": f"{said}. {off}, no more than chance makes on {count(len(sure), 'row')}: its percentages can be "
        "believed.",
        "too sure": f"{said}. {off}: it is surer than it should be, so read its percentages with care.",
        "uneven": f"{said}. {off}: in places it is surer than it should be, in others less sure.",
        "too modest": f"{said}. {off}: it is more often right than it believes.",
    }[found["verdict"]]
    return f"{told}{_heat_sentence(found)}"


def _heat_sentence(found: dict[str, Any]) -> str:
    heat = found["temperature"]
    if heat is None:
        return ""
    if abs(heat["value"] - 1) < LEFT_ALONE:
        return " A temperature would change nothing."
    change = f" With a temperature of {number(heat['value'])}, found on {count(heat['rows'], 'validation row')},"
    if heat["ece_after"] < found["ece"]:
        return f"{change} the error would be {percent(heat['ece_after'])}; not one answer would change."
    return f"{change} it would be no better ({percent(heat['ece_after'])})."
