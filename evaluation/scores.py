"""Scores with their 95 % intervals; all definitions are scikit-learn's own (tested against it).

Classification is judged by probabilities (rows, classes) and true class numbers; regression by values in the target's
own unit. A score that does not exist, such as ROC AUC where the test part lacks a class, is None, never NaN.

Accuracy has Wilson's interval (Wilson, "Probable inference", 1927, p. 209): it stays honest where nothing or all was
right, of which a bootstrap would say that chance plays no part. The other intervals are percentile bootstraps of 1,000
draws, and None where no draw differs from another. Shares of a confusion matrix are drawn as one multinomial over its
cells, which is the same as drawing rows; the others draw rows. Of more than 10,000 rows a sample is drawn, and its
spread is shrunk to the full size.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

FALSE_ALARMS = 0.01
"""The share of false alarms at which `recall_at_1` says how much is found."""
RARE = 0.1
"""Of two classes with a smaller share than this, the rare one is the one that is looked for."""
DRAWS = 1_000
MOST_ROWS = 10_000
MOST_WORK = 5_000_000
"""Rows times classes times draws for one interval of ROC AUC: about half a second."""
BLOCK = 1_000_000
"""Numbers held at once while drawing."""
CURVE_POINTS = 100

Scores = dict[str, Any]
"""Each score a float, or None."""
Intervals = dict[str, Any]
"""Each score's [low, high], or None."""


def of_classes(truth: np.ndarray, answer: np.ndarray) -> Scores:
    """Score probabilities (rows, classes) against true class numbers (rows,)."""
    classes = answer.shape[1]
    counts = confusion(truth, answer.argmax(axis=1), classes)
    return {
        **{name: _plain(value) for name, value in _of_counts(counts.astype(float)).items()},
        **{name: _plain(value[0]) for name, value in _of_ranks(truth, answer, np.ones((1, len(truth)))).items()},
        "log_loss": _plain(_log_losses(truth, answer).mean()),
    }


def of_values(truth: np.ndarray, answer: np.ndarray) -> Scores:
    """Score values (rows,) against true values (rows,)."""
    found = _of_values(truth, answer, np.ones((1, len(truth))))
    return {name: _plain(value[0]) for name, value in found.items()}


def intervals_of_classes(truth: np.ndarray, answer: np.ndarray, seed: int) -> Intervals:
    """Give each score of `of_classes` its 95 % interval."""
    random = np.random.default_rng(seed)
    classes = answer.shape[1]
    counts = confusion(truth, answer.argmax(axis=1), classes)
    drawn = {name: np.concatenate(some) for name, some in _drawn_counts(counts, random).items()}
    told = {name: _interval(values) for name, values in drawn.items()}
    told["accuracy"] = wilson(int(counts.trace()), len(truth))

    one_curve = 1 if classes == 2 else classes
    most = min(MOST_ROWS, max(200, MOST_WORK // (100 * one_curve)))
    draws = min(DRAWS, max(100, MOST_WORK // (min(len(truth), most) * one_curve)))
    wanted = sought(truth)
    told |= _bootstrap(lambda *drawn: _of_ranks(*drawn, wanted), (truth, answer), random, most, draws)
    told["log_loss"] = _bootstrap(_loss_of, (_log_losses(truth, answer),), random)["log_loss"]
    return told


def intervals_of_values(truth: np.ndarray, answer: np.ndarray, seed: int) -> Intervals:
    """Give each score of `of_values` its 95 % interval."""
    return _bootstrap(_of_values, (truth, answer), np.random.default_rng(seed))


def classes_under(metric: str, truth: np.ndarray, answer: np.ndarray, weights: np.ndarray, wanted: int) -> np.ndarray:
    """Return one score of probabilities for each row of weights (draws, rows): (draws,); NaN where there is none."""
    if metric == "log_loss":
        return _loss_of(_log_losses(truth, answer), weights)[metric]
    if metric in ("roc_auc", "average_precision", "recall_at_1"):
        return _of_ranks(truth, answer, weights, wanted)[metric]
    classes = answer.shape[1]
    cells = truth * classes + answer.argmax(axis=1)
    if metric == "accuracy":
        return weights @ (truth == answer.argmax(axis=1)) / weights.sum(axis=1)
    counts = np.stack([np.bincount(cells, drawn, minlength=classes * classes) for drawn in weights])
    return _of_counts(counts.reshape(-1, classes, classes))[metric]


def values_under(metric: str, truth: np.ndarray, answer: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return one score of values for each row of weights (draws, rows): (draws,); NaN where it does not exist."""
    return _of_values(truth, answer, weights)[metric]


def interval_of_mean(values: np.ndarray) -> list[float] | None:
    """Return the 95 % interval of the mean of one number a row, by the central limit theorem; None without spread."""
    half = 1.959964 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return [float(values.mean()) - half, float(values.mean()) + half] if half else None


def wilson(right: int, rows: int, z: float = 1.959964) -> list[float]:
    """Return the 95 % interval of a share of rows; another `z` makes it surer."""
    share = right / rows
    middle = share + z * z / (2 * rows)
    half = z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return [max(0.0, float((middle - half) / scale)), min(1.0, float((middle + half) / scale))]


def sought(truth: np.ndarray) -> int:
    """Return which of two classes is looked for: the second, or the first where that one is rare."""
    return 0 if 0 < (truth == 0).mean() < RARE else 1


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count rows by true class (down) and answered class (across)."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def per_class(truth: np.ndarray, answer: np.ndarray, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Judge each class by itself."""
    counts = confusion(truth, answer.argmax(axis=1), len(names)).astype(float)
    precision, recall, f1 = _by_class(counts)
    once = np.ones((1, len(truth)))
    return [
        {
            "class": name,
            "rows": int(counts[index].sum()),
            "precision": _plain(precision[index]),
            "recall": _plain(recall[index]) if counts[index].any() else None,
            "f1": _plain(f1[index]),
            "roc_auc": _plain(_auc(truth == index, answer[:, index], once)[0]),
        }
        for index, name in enumerate(names)
    ]


def curves(truth: np.ndarray, answer: np.ndarray, names: tuple[str, ...], most: int = 20) -> dict[str, Any]:
    """Draw ROC and precision-recall curves: of the class looked for where there are two, else of each (weakest 20)."""
    once = np.ones((1, len(truth)))
    aucs = {index: _auc(truth == index, answer[:, index], once)[0] for index in range(len(names))}
    shown = [index for index in ([sought(truth)] if len(names) == 2 else aucs) if np.isfinite(aucs[index])]
    shown = sorted(sorted(shown, key=lambda index: aucs[index])[:most])
    told: dict[str, Any] = {"roc": [], "pr": []}
    for index in shown:
        x, y, recall, precision = rates(truth == index, answer[:, index])
        average = _curve(truth == index, answer[:, index])[3]
        told["roc"].append({"class": names[index], "x": x, "y": y, "auc": _plain(aucs[index])})
        told["pr"].append({"class": names[index], "x": recall, "y": precision, "average_precision": _plain(average)})
    return told


def rates(positive: np.ndarray, shares: np.ndarray) -> tuple[list[float], list[float], list[float], list[float]]:
    """Return at most 100 points of each curve: false alarms and finds (ROC); finds and how often a ring is right."""
    found, alarms, precision, _ = _curve(positive, shares)
    return *_thinned(alarms, found), *_thinned(found[1:], precision)


def histogram(values: np.ndarray, bins: int = 30) -> dict[str, list[float]]:
    """Count values in even bins."""
    counts, edges = np.histogram(values, bins=min(bins, max(1, len(values) // 2)))
    return {"edges": [float(edge) for edge in edges], "counts": [int(amount) for amount in counts]}


def clean(value: Any) -> Any:
    """Make a value fit for JSON: numpy becomes plain, NaN and infinity become None."""
    if isinstance(value, dict):
        return {str(key): clean(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [clean(part) for part in value]
    if isinstance(value, np.ndarray):
        return clean(value.tolist())
    if isinstance(value, np.generic):
        return clean(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _of_counts(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Score confusion matrices (..., classes, classes)."""
    right = np.trace(counts, axis1=-2, axis2=-1)
    present = (counts.sum(axis=-1) + counts.sum(axis=-2)) > 0
    shares = [(part * present).sum(axis=-1) / present.sum(axis=-1) for part in _by_class(counts)]
    names = ("precision_macro", "recall_macro", "f1_macro")
    return {"accuracy": right / counts.sum(axis=(-2, -1)), **dict(zip(names, shares, strict=True))}


def _by_class(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 (..., classes); 0 where nothing was answered or is there."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    there, answered = counts.sum(axis=-1), counts.sum(axis=-2)
    return _share(hits, answered), _share(hits, there), _share(2 * hits, there + answered)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros_like(part, dtype=float), where=whole > 0)


def _log_losses(truth: np.ndarray, answer: np.ndarray) -> np.ndarray:
    smallest = np.finfo(np.float64).eps
    return -np.log(np.clip(answer[np.arange(len(truth)), truth], smallest, 1 - smallest))


def _of_values(truth: np.ndarray, answer: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Score values under row weights (draws, rows)."""
    rows = weights.sum(axis=1)
    errors = truth - answer
    centred = truth - truth.mean()
    squared = weights @ errors**2
    around_mean = weights @ centred**2 - (weights @ centred) ** 2 / rows
    # A handful of equal truths has no spread that could be explained; rounding must not invent one.
    spread = np.where(around_mean > 1e-12 * max(1.0, float((truth**2).sum())), around_mean, np.nan)
    return {
        "mse": squared / rows,
        "mae": weights @ np.abs(errors) / rows,
        "rmse": np.sqrt(squared / rows),
        "r2": 1 - squared / spread,
    }


def _macro_auc(truth: np.ndarray, answer: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """ROC AUC for each row of weights; NaN where a class is absent."""
    if answer.shape[1] == 2:
        return _auc(truth == 1, answer[:, 1], weights)
    return np.mean([_auc(truth == index, answer[:, index], weights) for index in range(answer.shape[1])], axis=0)


def _auc(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of pairs (positive, negative) in the right order, ties counting half, under weights (draws, rows)."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    ordered = weights[:, order]
    up = np.add.reduceat(ordered * positive[order], starts, axis=1)
    down = np.add.reduceat(ordered * ~positive[order], starts, axis=1)
    pairs = up.sum(axis=1) * down.sum(axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    return np.divide((up * below).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _of_ranks(
    truth: np.ndarray, answer: np.ndarray, weights: np.ndarray, wanted: int | None = None
) -> dict[str, np.ndarray]:
    """Score the order into which the answers put the rows, for each row of weights; NaN where a class is absent."""
    told = {"roc_auc": _macro_auc(truth, answer, weights)}
    if answer.shape[1] == 2:
        wanted = sought(truth) if wanted is None else wanted
        found, alarms, average = _ranked(truth == wanted, answer[:, wanted], weights)
        at_most = alarms <= FALSE_ALARMS + 1e-12
        return told | {
            "average_precision": average,
            "recall_at_1": np.where(np.isnan(average), np.nan, np.where(at_most, found, 0.0).max(axis=1)),
        }
    by_class = [_ranked(truth == index, answer[:, index], weights)[2] for index in range(answer.shape[1])]
    return told | {"average_precision": np.mean(by_class, axis=0)}


def _ranked(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
    """Lower the threshold step by step under weights (draws, rows): shares found and false alarms, average precision.

    The shares are (draws, thresholds); the average precision (draws,) is that of scikit-learn, NaN without a positive.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    ordered = weights[:, order]
    hits = np.cumsum(ordered * positive[order], axis=1)[:, ends]
    alarms = np.cumsum(ordered * ~positive[order], axis=1)[:, ends]
    precision = _share(hits, hits + alarms)
    found, false = _share(hits, hits[:, -1:]), _share(alarms, alarms[:, -1:])
    average = (np.diff(found, prepend=0.0) * precision).sum(axis=1)
    return found, false, np.where(hits[:, -1] > 0, average, np.nan)


def _loss_of(losses: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    return {"log_loss": weights @ losses / weights.sum(axis=1)}


def _bootstrap(
    scores: Callable[..., dict[str, np.ndarray]],
    arrays: tuple[np.ndarray, ...],
    random: np.random.Generator,
    most: int = MOST_ROWS,
    draws: int = DRAWS,
) -> Intervals:
    """Draw rows with replacement and score each draw, in blocks that fit in memory."""
    total = len(arrays[0])
    sample = np.arange(total) if total <= most else np.sort(random.choice(total, most, replace=False))
    arrays = tuple(array[sample] for array in arrays)
    rows = len(sample)
    found: dict[str, list[np.ndarray]] = {}
    for size in _blocks(draws, max(1, BLOCK // rows)):
        picked = random.integers(0, rows, (size, rows)) + np.arange(size)[:, None] * rows
        weights = np.bincount(picked.ravel(), minlength=size * rows).reshape(size, rows).astype(float)
        for name, values in scores(*arrays, weights).items():
            found.setdefault(name, []).append(values)
    return {name: _interval(np.concatenate(values), rows / total) for name, values in found.items()}


def _drawn_counts(counts: np.ndarray, random: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Score confusion matrices drawn with replacement, in blocks that fit in memory."""
    cells = np.flatnonzero(counts)
    total = int(counts.sum())
    found: dict[str, list[np.ndarray]] = {}
    for size in _blocks(DRAWS, max(1, BLOCK // counts.size)):
        drawn = np.zeros((size, counts.size))
        drawn[:, cells] = random.multinomial(total, counts.ravel()[cells] / total, size=size)
        for name, values in _of_counts(drawn.reshape(size, *counts.shape)).items():
            found.setdefault(name, []).append(values)
    return found


def _blocks(total: int, block: int) -> Iterator[int]:
    while total > 0:
        yield min(block, total)
        total -= block


def _interval(drawn: np.ndarray, share: float = 1.0) -> list[float] | None:
    """Take the middle 95 %; the spread of a sample (a `share` of all rows) is shrunk to that of all rows."""
    if not np.isfinite(drawn).any():
        return None
    middle = np.nanmedian(drawn)
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    if low == high:
        return None
    shrink = np.sqrt(share)
    return [float(middle + (low - middle) * shrink), float(middle + (high - middle) * shrink)]


def _curve(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Lower the threshold step by step: found positives, false alarms (both from 0), precision, its average."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(positive[order])[ends]
    alarms = ends + 1 - hits
    precision = hits / (hits + alarms)
    found = np.append(0.0, hits / hits[-1])
    average = float((np.diff(found) * precision).sum())
    return found, np.append(0.0, alarms / alarms[-1]), precision, average


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[list[float], list[float]]:
    """Keep at most 100 points of a curve, evenly along its length, first and last among them."""
    along = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    wanted = np.linspace(0, along[-1], CURVE_POINTS)
    kept = np.unique(np.append(np.searchsorted(along, wanted).clip(max=len(x) - 1), [0, len(x) - 1]))
    kept = kept if len(kept) <= CURVE_POINTS else np.delete(kept, -2)
    return [round(float(value), 5) for value in x[kept]], [round(float(value), 5) for value in y[kept]]
