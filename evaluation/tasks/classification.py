"""Classification: the model names a class for each example, with a probability for every class."""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from evaluation import _rows, baselines, calibration, scores, sentences
from evaluation.asked import Asked, Replying
from recipes import Part, Signature, keras

TITLE = "A class"
SENTENCE = "It names the class of each example and says how sure it is."
METRICS = {
    "accuracy": ("Accuracy", "The share of rows that the model got right.", "up"),
    "precision_macro": (
        "Precision", "Of the times it named a class, how often it was right; the mean over classes.", "up",
    ),
    "recall_macro": ("Recall", "Of the rows of a class, how many it found; the mean over classes.", "up"),
    "f1_macro": ("F1", "Precision and recall in one number; the mean over classes.", "up"),
    "average_precision": (
        "Average precision",
        "How clean the list of finds stays while more and more is found: 1 is perfect, the share of the class is luck.",
        "up",
    ),
    "recall_at_1": (
        "Found at 1 % false alarms", "The share of the rare class that is found if 1 % of the others may ring.", "up",
    ),
    "roc_auc": ("ROC AUC", "How well it puts the right class first: 0.5 is guessing, 1 is perfect.", "up"),
    "log_loss": ("Log loss", "Punishes answers that are sure and wrong.", "down"),
}  # fmt: skip
MANY_TIMES = 9
"""A class with so many times fewer rows than the largest makes accuracy a bad judge: two classes at 10 and 90 %."""
SIMPLEST = "majority class"
MOST_CELL_ROWS = 100


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:
    """Turn logits (batch, classes) into probabilities under the target's name."""
    # float32 also where the core computes in half precision: an answer is to be read, not to be fast.
    return {signature.target.name: keras.layers.Softmax(dtype="float32")(outputs)}


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Ask about a few validation rows, all classes in turn."""
    signature, part = asked.signature, asked.prepared.part("validation")
    few = _rows.some_of(part, chosen(part, len(signature.target.classes)))
    panel = {
        "kind": "classes",
        "classes": list(signature.target.classes),
        "rows": few.rows.tolist(),
        "truth": truth_of(signature, few).tolist(),
    }
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
        {"name": name, "metrics": scores.of_classes(truth, told)} for name, told in found.items() if told is not None
    ]
    judged, intervals = scores.of_classes(truth, answer), scores.intervals_of_classes(truth, answer, seed)
    headline = headline_of(signature)
    low, high = intervals[headline] or (None, None)
    told = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": len(test),
        "classes": list(signature.target.classes),
        "metrics": judged,
        "intervals": intervals,
        "baselines": yardsticks,
        "sought": signature.target.classes[scores.sought(truth)] if headline == "average_precision" else "",
        **_details(signature.target.classes, np.asarray(test.rows), truth, answer),
        "headline": {
            "metric": headline,
            "title": METRICS[headline][0],
            "value": judged[headline],
            "low": low,
            "high": high,
            "baseline": "most frequent class",
            "baseline_value": yardsticks[0]["metrics"][headline],
            "better": METRICS[headline][2],
        },
        "calibration": calibration.judge(truth, answer, seen, seed),
        "groups": _rows.grouped(asked, test, (answer.argmax(axis=1) == truth).astype(float), "up"),
        "panels": _rows.lasting(asked),
    }
    told["gap"] = _rows.gap(
        asked, truth_of, lambda part: answers(asked, part), scores.of_classes, yardsticks, seen, history
    )
    told["sentences"] = sentences.about(told)
    told["next"] = sentences.suggestion(told, history, asked.recipe.training)
    return told


def headline_of(signature: Signature) -> str:
    """Name the score that judges fairly: accuracy praises whoever never names a rare class."""
    counts = signature.class_counts
    if not counts or min(counts) * MANY_TIMES > max(counts):
        return "accuracy"
    return "average_precision" if len(counts) == 2 else "f1_macro"


def reply(replying: Replying) -> dict[str, Any]:
    """Return the probabilities of the classes."""
    target = replying.signature.target
    answer = replying.answers()[target.name][0]
    return {"target": target.name, "classes": list(target.classes), "answer": answer.tolist()}


def answers(asked: Asked, part: Part) -> np.ndarray:
    """Let the core answer a part: probabilities (rows, classes)."""
    logits = asked.ask_core(part.x).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def truth_of(signature: Signature, part: Part) -> np.ndarray:  # noqa: ARG001 - the same call as for values
    """Return a part's true class numbers: (rows,)."""
    return np.asarray(part.y).reshape(len(part)).astype(np.int64)


def chosen(part: Part, classes: int) -> np.ndarray:
    """Choose places of a part: all classes in turn."""
    truth = np.asarray(part.y).reshape(len(part))
    turns = np.empty(len(part), int)
    for name in range(classes):
        members = np.flatnonzero(truth == name)
        turns[members] = np.arange(len(members))
    return np.sort(np.lexsort((truth, turns))[: min(_rows.SHOWN, len(part))])


def _details(names: tuple[str, ...], rows: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> dict[str, Any]:
    predicted = answer.argmax(axis=1)
    confidence = answer.max(axis=1)
    for_truth = answer[np.arange(len(truth)), truth]
    wrong = np.flatnonzero(predicted != truth)

    def example(index: int) -> dict[str, Any]:
        told = {"truth": names[truth[index]], "answer": names[predicted[index]], "confidence": confidence[index]}
        return {"row": rows[index], **told}

    def cell(there: int, answered: int) -> np.ndarray:
        return rows[(truth == there) & (predicted == answered)][:MOST_CELL_ROWS]

    every = range(len(names))
    right = np.flatnonzero(predicted == truth)
    surest_wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    return {
        "per_class": scores.per_class(truth, answer, names),
        "confusion": {
            "counts": scores.confusion(truth, predicted, len(names)),
            "rows": [[cell(there, answered) for answered in every] for there in every],
        },
        **scores.curves(truth, answer, names),
        "best": [example(index) for index in right[np.argsort(-confidence[right], kind="stable")][: _rows.EXAMPLES]],
        "worst": [example(index) for index in np.argsort(for_truth, kind="stable")[: _rows.EXAMPLES]],
        "confidently_wrong": [example(index) for index in surest_wrong[: _rows.EXAMPLES]],
    }
