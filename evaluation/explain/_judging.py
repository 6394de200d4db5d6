"""The score by which a task's models are ranked, of any answers to the same rows, also for draws of rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluation import scores, tasks
from evaluation.asked import Asked
from evaluation.explain._network import Network
from evaluation.tasks import classification, regression
from recipes import Part


@dataclass(frozen=True)
class Judge:
    """One score of a part: `of(answers, weights)` gives it for each row of weights (draws, rows)."""

    metric: str
    title: str
    sign: int
    """1 where more is better, -1 where less is."""
    of: Callable[[np.ndarray, np.ndarray], np.ndarray]


def judge_of(asked: Asked, part: Part) -> Judge:
    """Return the leading score of a classification or regression on these rows."""
    signature = asked.signature
    if signature.target.classes:
        metric, truth = classification.headline_of(signature), classification.truth_of(signature, part)
        wanted = scores.sought(truth)
        ask = lambda answers, weights: scores.classes_under(metric, truth, answers, weights, wanted)  # noqa: E731
    else:
        metric, values = regression.HEADLINE, regression.truth_of(signature, part)
        ask = lambda answers, weights: scores.values_under(metric, values, answers[:, 0], weights)  # noqa: E731
    title, _, way = tasks.get(signature.task).METRICS[metric]
    return Judge(metric, title, 1 if way == "up" else -1, ask)


def answers(network: Network, x: dict[str, np.ndarray]) -> np.ndarray:
    """Return probabilities (rows, classes) or values in the target's own unit (rows, 1) for many rows."""
    return network.as_answers(network.ask(x))
