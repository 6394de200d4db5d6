"""Regression: the model answers one number for each example, in the target's own unit."""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from evaluation import _rows, baselines, conformal, scores, sentences
from evaluation.asked import Asked, Replying
from recipes import Part, Signature, keras

TITLE = "A number"
SENTENCE = "It answers a number for each example."
METRICS = {
    "r2": ("R²", "The share of the ups and downs that the model explains: 1 is perfect, 0 is the mean.", "up"),
    "mae": ("Mean error", "How far off an answer is on average (MAE), in the unit of the target.", "down"),
    "rmse": ("Root mean square error", "Like the mean error, but large errors count more.", "down"),
    "mse": ("Mean square error", "The mean of the squared errors.", "down"),
}
HEADLINE = "r2"
SIMPLEST = "mean"
MOST_POINTS = 1_000


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:
    """Turn the standardised number (batch, 1) into the target's own unit, under its name."""
    target = signature.target
    own = keras.layers.Rescaling(target.scale, offset=target.mean, dtype="float32")
    return {target.name: own(outputs)}


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Ask about a few validation rows, from the smallest value to the largest."""
    signature, part = asked.signature, asked.prepared.part("validation")
    few = _rows.some_of(part, chosen(part))
    panel = {"kind": "values", "rows": few.rows.tolist(), "truth": truth_of(signature, few).tolist()}
    return _rows.live(asked, few, panel, finish(signature, asked.core.output)[signature.target.name])


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on the sealed test part; also writes `predictions.npz` and `validation.npz`."""
    signature, seed = asked.signature, asked.seed
    train, test = asked.prepared.part("train"), asked.prepared.part("test")
    truth, answer = truth_of(signature, test), answers(asked, test)
    _rows.write_predictions(asked.run, test.rows, truth, answer)
    seen = _rows.watched(asked, truth_of, lambda part: answers(asked, part))
    found = {
        SIMPLEST: baselines.simplest(signature, train, len(test)),
        "linear model": baselines.linear(signature, train, test, seed),
    }
    yardsticks: list[dict[str, Any]] = [
        {"name": name, "metrics": scores.of_values(truth, _rows.in_own_unit(signature, told))}
        for name, told in found.items()
        if told is not None
    ]
    judged, intervals = scores.of_values(truth, answer), scores.intervals_of_values(truth, answer, seed)
    low, high = intervals[HEADLINE] or (None, None)
    told = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": len(test),
        "classes": [],
        "metrics": judged,
        "intervals": intervals,
        "baselines": yardsticks,
        **_details(np.asarray(test.rows), truth, answer),
        "headline": {
            "metric": HEADLINE,
            "title": METRICS[HEADLINE][0],
            "value": judged[HEADLINE],
            "low": low,
            "high": high,
            "baseline": SIMPLEST,
            "baseline_value": yardsticks[0]["metrics"][HEADLINE],
            "better": METRICS[HEADLINE][2],
        },
        "band": conformal.band(truth, answer, seen),
        "groups": _rows.grouped(asked, test, np.abs(answer - truth), "down"),
        "panels": _rows.lasting(asked),
    }
    told["gap"] = _rows.gap(
        asked, truth_of, lambda part: answers(asked, part), scores.of_values, yardsticks, seen, history
    )
    told["sentences"] = sentences.about(told)
    told["next"] = sentences.suggestion(told, history, asked.recipe.training)
    return told


def reply(replying: Replying) -> dict[str, Any]:
    """Return one number in a list."""
    target = replying.signature.target
    return {"target": target.name, "classes": [], "answer": replying.answers()[target.name][0].tolist()}


def answers(asked: Asked, part: Part) -> np.ndarray:
    """Let the core answer a part: values (rows,) in the target's own unit."""
    return _rows.in_own_unit(asked.signature, asked.ask_core(part.x).astype(np.float64).reshape(len(part)))


def truth_of(signature: Signature, part: Part) -> np.ndarray:
    """Return a part's true values in the target's own unit: (rows,)."""
    return _rows.in_own_unit(signature, np.asarray(part.y).reshape(len(part)).astype(np.float64))


def chosen(part: Part) -> np.ndarray:
    """Choose places of a part, spread from the smallest value to the largest."""
    spread = np.linspace(0, len(part) - 1, min(_rows.SHOWN, len(part))).astype(int)
    return np.sort(np.argsort(np.asarray(part.y).reshape(len(part)), kind="stable")[spread])


def _details(rows: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> dict[str, Any]:
    errors = answer - truth
    order = np.argsort(np.abs(errors), kind="stable")
    shown = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).astype(int))

    def example(index: int) -> dict[str, Any]:
        return {"row": rows[index], "truth": truth[index], "answer": answer[index], "error": errors[index]}

    return {
        "scatter": {"truth": truth[shown], "answer": answer[shown], "rows": rows[shown]},
        "residuals": scores.histogram(errors),
        "best": [example(index) for index in order[: _rows.EXAMPLES]],
        "worst": [example(index) for index in order[::-1][: _rows.EXAMPLES]],
    }
