"""Is B really better than A? Two answers to the same rows, and the scores of several folds.

On the same test rows: the difference of a score with its 95 % interval from a bootstrap that draws rows, the same for
both models (Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 16), so that what is hard for
both cancels out. Forecasts and windows of a text are drawn in blocks of neighbours; of found boxes, pictures are
drawn. For accuracy McNemar's exact test judges the rows on which only one of the two is right (McNemar, 1947): it
holds for few rows too.

Over folds: Student's t-test with the correction of Nadeau and Bengio ("Inference for the generalization error",
Machine Learning 52, 2003): folds share training rows, so the plain test finds differences where there are none.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets import DataSet
from evaluation import _paired_boxes, scores, tasks
from evaluation.words import count, number, percent
from recipes import Refusal
from records import Run

SURE = 0.05
DRAWS = 2_000
MOST_ROWS = 10_000
BLOCK = 2_000_000
"""Numbers held at once while drawing."""
FEWEST = 10
"""Shared rows without which nothing can be said."""
SHARES = ("accuracy", "exact", "recall_macro", "precision_macro", "recall_at_1", "found", "class_accuracy")
"""Scores that people read as percent."""

DRAWS_OF_BOXES = 400
"""Average precision is summed up anew for each draw."""
UNKEPT = ("generation", "styling")
"""Tasks of which some runs keep no answer to each test row."""
WITHOUT = "A run of this task keeps no answer to each test row, so only its scores can be compared."

Score = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Score an answer against the truth under weights (draws, rows): (draws,)."""


@dataclass(frozen=True)
class Answers:
    """What a model answered, as it lies in `predictions.npz`: first axis rows."""

    rows: np.ndarray
    truth: np.ndarray
    answer: np.ndarray

    @classmethod
    def of(cls, run: Run) -> "Answers":
        """Read the answers of a finished run."""
        file = run.folder / "predictions.npz"
        if not file.exists():
            raise Refusal("This run kept no answers to its test rows. Finish it first.")
        with np.load(file, allow_pickle=False) as told:
            return cls(told["rows"], told["truth"], told["answer"])

    def at(self, places: np.ndarray) -> "Answers":
        """Return these places only."""
        return Answers(self.rows[places], self.truth[places], self.answer[places])


def runs(
    first: Run, second: Run, *, names: tuple[str, str] = ("A", "B"), metric: str = "", seed: int = 1
) -> dict[str, Any]:
    """Compare two finished runs on the test rows that neither has learned from; raises `Refusal` in words.

    `metric` is a score of the task, without it the first run's headline. The result is that of `answers`, with
    `left_out`: test rows that only one of the two has, or whose true answer was changed between them.
    """
    reports = [run.read("report.json") for run in (first, second)]
    if None in reports:
        raise Refusal("Only finished runs can be compared row by row. Wait for both, or finish them.")
    for key, word in (
        ("task", "learn different things"),
        ("target", "learn different columns"),
        ("classes", "know different classes"),
    ):
        if reports[0][key] != reports[1][key]:
            raise Refusal(f"These two runs {word}, so their scores cannot be compared. Choose runs of one task.")
    if _data_of(first) != _data_of(second):
        raise Refusal("These two runs learned from different data sets, so they share no test rows.")
    task, metric = reports[0]["task"], metric or reports[0]["headline"]["metric"]
    if task in UNKEPT and not all((run.folder / "predictions.npz").exists() for run in (first, second)):
        raise Refusal(WITHOUT)
    told = [Answers.of(run) for run in (first, second)]
    if task == "detection":
        told = _of_boxes(told, [0.0 if metric == "map50" else report["threshold"] for report in reports])
    both, left_out = shared(*told)
    if task == "generation" and not len(both[0].rows):
        raise Refusal(
            "These two runs cut the text into other pieces, or know other words, so their surprise cannot be compared. "
            "Train both with the same length and the same vocabulary."
        )
    return answers(task, metric, *both, names=names, seed=seed) | {"left_out": left_out}


def _of_boxes(told: Sequence[Answers], least: Sequence[float]) -> list[Answers]:
    """Return what two detectors show, each with its own threshold, with as many places for boxes."""
    seen = [_paired_boxes.shown(each.answer, limit) for each, limit in zip(told, least, strict=True)]
    return [Answers(each.rows, each.truth, wide) for each, wide in zip(told, _paired_boxes.as_wide(*seen), strict=True)]


def shared(first: Answers, second: Answers) -> tuple[tuple[Answers, Answers], int]:
    """Return both on the rows they share, in one order, and how many rows were left out."""
    _, here, there = np.intersect1d(first.rows, second.rows, return_indices=True)
    one, other = first.at(here), second.at(there)
    if one.truth.shape != other.truth.shape or one.answer.shape[1:] != other.answer.shape[1:]:
        raise Refusal("These two runs answer in different shapes, so they cannot be compared row by row.")
    same = np.isclose(one.truth, other.truth, equal_nan=True).reshape(len(one.rows), -1).all(axis=1)
    kept = np.flatnonzero(same)
    every = len(np.union1d(first.rows, second.rows))
    return (one.at(kept), other.at(kept)), every - len(kept)


def answers(
    task: str, metric: str, first: Answers, second: Answers, *, names: tuple[str, str] = ("A", "B"), seed: int = 1
) -> dict[str, Any]:
    """Compare two answers to the same rows, by one score of the task.

    Returns {"metric", "title", "way", "rows", "first", "second", "difference" (second less first), "low", "high", "p",
    "only_first", "only_second", "verdict", "sentence"}.
    `verdict` is `first`, `second`, `equal` (not one row differs) or `unclear`. `only_first` and `only_second` count the
    rows on which only that one is right (None unless the score is a share of right rows); `p` is then McNemar's.
    """
    if len(first.rows) < FEWEST:
        raise Refusal(
            f"These two runs share only {count(len(first.rows), 'test row')}; {FEWEST} are needed. Train both with the "
            "same seed, so that they keep the same rows for the test."
        )
    if metric not in tasks.get(task).METRICS:
        raise Refusal(f"'{metric}' is no score of this task. Choose one of: {', '.join(tasks.get(task).METRICS)}.")
    title, _, way = tasks.get(task).METRICS[metric]
    score = _score(task, metric, first.truth)
    once = np.ones((1, len(first.rows)))
    reached = [float(score(each.truth, each.answer, once)[0]) for each in (first, second)]
    if not np.isfinite(reached).all():
        raise Refusal(f"{title} does not exist on these rows, because a class is missing. Choose another score.")
    drawn = _drawn(score, first, second, task, seed)
    low, high = (float(each) for each in np.percentile(drawn, (2.5, 97.5)))
    only = _only_one_right(task, metric, first, second)
    p = mcnemar(*only) if only else _p(drawn)
    told = {
        "metric": metric, "title": title, "way": way, "rows": len(first.rows), "first": reached[0],
        "second": reached[1], "difference": reached[1] - reached[0], "low": low, "high": high, "p": p,
        "only_first": only[0] if only else None, "only_second": only[1] if only else None,
    }  # fmt: skip
    told["verdict"] = _verdict(told, beyond_chance=p < SURE if only else low > 0 or high < 0)
    return told | {"sentence": _sentence(told, names)}


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p: how often a fair coin parts the rows at least as unevenly."""
    rows, fewer = only_first + only_second, min(only_first, only_second)
    if not rows:
        return 1.0
    ways, each = 0, 1
    for taken in range(fewer + 1):
        ways += each
        each = each * (rows - taken) // (taken + 1)
    return (
        min(1.0, float(2 * ways / 2**rows))
        if rows < 1_000
        else min(1.0, math.exp(math.log(2 * ways) - rows * math.log(2)))
    )


def folds(
    first: Sequence[float], second: Sequence[float], *, train_rows: int, test_rows: int, title: str = "Score",
    way: str = "up", names: tuple[str, str] = ("A", "B"),
) -> dict[str, Any]:  # fmt: skip
    """Compare the scores of two models over the same folds, by the corrected t-test.

    `train_rows` and `test_rows` are those of one fold. Returns {"title", "way", "folds", "first", "second" (means),
    "difference", "low", "high", "p", "verdict", "sentence"}; `equal` where no fold differs.
    """
    if len(first) != len(second) or len(first) < 2:
        raise Refusal("Two models can be compared over at least two folds, the same for both.")
    differences = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    amount, mean = len(differences), float(differences.mean())
    spread = math.sqrt((1 / amount + test_rows / train_rows) * float(differences.var(ddof=1)))
    low, high, p = mean, mean, 1.0 if mean == 0 else 0.0
    if spread > 0:
        from scipy.special import stdtr, stdtrit  # slow to import

        half = float(stdtrit(amount - 1, 1 - SURE / 2)) * spread
        low, high, p = mean - half, mean + half, 2 * float(stdtr(amount - 1, -abs(mean) / spread))
    told = {
        "title": title, "way": way, "folds": amount, "first": float(np.mean(first)), "second": float(np.mean(second)),
        "difference": mean, "low": low, "high": high, "p": p,
    }  # fmt: skip
    told["verdict"] = _verdict(told, beyond_chance=p < SURE)
    return told | {"sentence": _sentence(told, names)}


# --- scores -------------------------------------------------------------------------------------------------------


def _score(task: str, metric: str, truth: np.ndarray) -> Score:
    """Return what scores answers of this task under weights; raises `Refusal` where it cannot be done row by row."""
    if task == "classification":
        wanted = scores.sought(truth)
        return lambda truth, answer, weights: scores.classes_under(metric, truth, answer, weights, wanted)
    if task in ("regression", "recommendation") and metric in ("mae", "rmse", "mse", "r2"):
        return lambda truth, answer, weights: scores.values_under(metric, truth, answer, weights)
    if task == "forecasting" and metric in ("mae", "rmse"):
        return lambda truth, answer, weights: _forecast(metric, truth, answer, weights)
    if metric == "exact":
        return lambda _, answer, weights: weights @ answer / weights.sum(axis=1)
    if task == "reconstruction" and metric in ("error", "roc_auc", "average_precision", "recall_at_1"):
        return lambda truth, answer, weights: _oddness(metric, truth, answer, weights)
    if task == "detection" and metric in _paired_boxes.METRICS:
        return _paired_boxes.score(metric)
    if task == "generation" and metric in SURPRISE:
        return lambda _, answer, weights: SURPRISE[metric](weights @ answer / weights.sum(axis=1)[:, None])
    if task in UNKEPT:
        raise Refusal(WITHOUT)
    raise Refusal("This score cannot be compared row by row. Choose the score at the top of the report.")


SURPRISE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "loss": lambda means: means[:, 0],
    "perplexity": lambda means: np.exp(np.minimum(means[:, 0], 50.0)),
    "bits": lambda means: means[:, 0] / np.log(2),
    "accuracy": lambda means: means[:, 1],
}
"""Scores of a text from the mean loss and the mean share of right tokens: (draws, 2) to (draws,)."""


def _forecast(metric: str, truth: np.ndarray, answer: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Score forecasts (rows, horizon)."""
    errors = (answer - truth).reshape(len(truth), -1)
    if metric == "mae":
        return weights @ np.abs(errors).mean(axis=1) / weights.sum(axis=1)
    return np.sqrt(weights @ (errors**2).mean(axis=1) / weights.sum(axis=1))


def _oddness(metric: str, truth: np.ndarray, answer: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Score rebuilding errors (rows,): their mean over usual rows, or how well they put odd rows first."""
    if metric == "error":
        usual = weights * (truth == 0)
        return usual @ answer / np.maximum(usual.sum(axis=1), 1)
    shares = np.stack([-answer, answer], axis=1)  # only the order counts
    return scores.classes_under(metric, truth.astype(np.int64), shares, weights, 1)


def _only_one_right(task: str, metric: str, first: Answers, second: Answers) -> tuple[int, int] | None:
    if metric == "accuracy" and task == "classification":
        one, other = (each.answer.argmax(axis=1) == each.truth for each in (first, second))
    elif metric == "exact":
        one, other = first.answer > 0.5, second.answer > 0.5
    else:
        return None
    return int((one & ~other).sum()), int((other & ~one).sum())


# --- chance -------------------------------------------------------------------------------------------------------


def _drawn(score: Score, first: Answers, second: Answers, task: str, seed: int) -> np.ndarray:
    """Draw rows with replacement, the same for both, and score the difference: (draws,) without those that failed.

    Of more than 10,000 rows a sample is drawn and its spread shrunk to the full size.
    """
    random = np.random.default_rng(seed)
    total = len(first.rows)
    sample = np.arange(total) if total <= MOST_ROWS else np.sort(random.choice(total, MOST_ROWS, replace=False))
    truth, one, other = first.truth[sample], first.answer[sample], second.answer[sample]
    rows = len(sample)
    block = _block_size(rows, truth) if task in ("forecasting", "generation") else 1
    wide = max(1, int(np.prod(one.shape[1:])))
    draws = DRAWS_OF_BOXES if task == "detection" else int(np.clip(40 * BLOCK // (rows * wide), 400, DRAWS))
    found: list[np.ndarray] = []
    size = max(1, BLOCK // rows)
    for start in range(0, draws, size):
        weights = _weights(random, min(size, draws - start), rows, block)
        found.append(score(truth, other, weights) - score(truth, one, weights))
    drawn = np.concatenate(found)
    drawn = drawn[np.isfinite(drawn)]
    middle = np.median(drawn)
    return middle + (drawn - middle) * np.sqrt(rows / total)


def _block_size(rows: int, truth: np.ndarray) -> int:
    """Neighbouring windows share most of their values: they are drawn together, about a horizon at a time."""
    horizon = truth.shape[1] if truth.ndim > 1 else 1
    return int(min(max(horizon, round(2 * rows ** (1 / 3))), max(1, rows // 3)))


def _weights(random: np.random.Generator, draws: int, rows: int, block: int) -> np.ndarray:
    """Count how often each row is drawn: (draws, rows)."""
    starts = random.integers(0, rows - block + 1, (draws, -(-rows // block)))
    picked = (starts[:, :, None] + np.arange(block)).reshape(draws, -1)
    flat = picked + np.arange(draws)[:, None] * rows
    return np.bincount(flat.ravel(), minlength=draws * rows).reshape(draws, rows).astype(float)


def _p(drawn: np.ndarray) -> float:
    """Return how often chance alone would turn the difference round, on either side; never 0 of a few draws."""
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (len(drawn) + 1))


# --- words --------------------------------------------------------------------------------------------------------


def _verdict(told: dict[str, Any], *, beyond_chance: bool) -> str:
    if told["difference"] == 0 and told["low"] == 0 and told["high"] == 0:
        return "equal"
    if not beyond_chance or told["difference"] == 0:
        return "unclear"
    return "second" if (told["difference"] > 0) == (told["way"] == "up") else "first"


def _sentence(told: dict[str, Any], names: tuple[str, str]) -> str:
    """Say it in words that a pupil understands."""
    first, second = names
    write = percent if told.get("metric") in SHARES else number
    where = f"the same {count(told['rows'], 'test row')}" if "rows" in told else f"the same {told['folds']} folds"
    reached = f"{told['title']}: {second} {write(told['second'])}, {first} {write(told['first'])}, on {where}."
    if told["verdict"] == "equal":
        return f"{reached} There is no difference between them."
    apart = _apart(told, names)
    if told["verdict"] == "unclear":
        more = "More test rows would tell." if "rows" in told else "More folds would tell."
        return f"{reached} {apart}Chance alone could make that difference, so nobody can say which is better. {more}"
    better, worse = (second, first) if told["verdict"] == "second" else (first, second)
    if told["low"] <= 0 <= told["high"]:
        return f"{reached} {apart}{better} is better than {worse}, just beyond chance."
    low, high = sorted(abs(told[end]) for end in ("low", "high"))
    unit = " percentage points" if write is percent else ""
    low, high = (100 * low, 100 * high) if unit else (low, high)
    return (
        f"{reached} {apart}{better} is really better than {worse}: the true difference lies between {number(low)} and "
        f"{number(high)}{unit} (95 % sure)."
    )


def _apart(told: dict[str, Any], names: tuple[str, str]) -> str:
    if told.get("only_first") is None:
        return ""
    rows = told["only_first"] + told["only_second"]
    return (
        f"On {count(rows, 'row')} only one of them is right: {names[1]} on {told['only_second']:,}, {names[0]} on "
        f"{told['only_first']:,}. "
    )


def _data_of(run: Run) -> str:
    """Return what names the run's data: their fingerprint, or what the recipe says where they are gone."""
    folder = Path((run.read("prepared.json") or {"dataset": ""})["dataset"])
    if (folder / "dataset.json").exists():
        return DataSet.open(folder).schema.fingerprint
    return run.recipe.data.sample or Path(run.recipe.data.file).name
