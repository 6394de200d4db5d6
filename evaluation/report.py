"""The report: what a finished model is worth on the sealed test part, with yardsticks and in plain words.

`make` is called once, by the worker, at the end of a run; the shape of `report.json` is in docs/architecture.md.
"""

from typing import Any

import numpy as np

from datasets import Part, Prepared
from evaluation import baselines, scores, sentences
from recipes import Refusal, Signature, keras
from records import Run, write_json

BATCH = 256
EXAMPLES = 12
MOST_CELL_ROWS = 100
MOST_POINTS = 1_000
MOST_GAP_ROWS = 5_000

HEADLINES = {"classification": ("accuracy", "Accuracy"), "regression": ("r2", "R²")}
SIMPLEST = {"classification": "majority class", "regression": "mean"}
SIMPLEST_IN_WORDS = {"classification": "most frequent class", "regression": "mean"}


def make(run: Run, core: Any, prepared: Prepared, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on the sealed test part; writes `predictions.npz`, then `report.json`, and returns the report.

    `history` holds the lines of finished epochs as in `metrics.jsonl`.
    """
    signature = prepared.signature
    seed = int(run.recipe.training.get("seed", 1))
    train, validation, test = (prepared.part(name) for name in ("train", "validation", "test"))
    truth, answer = truth_of(signature, test), answers(core, signature, test.x)
    _write_predictions(run, test.rows, truth, answer)

    judged = _judge(signature, truth, answer)
    yardsticks = _baselines(signature, train, test, truth, seed)
    report = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": len(test),
        "classes": list(signature.target.classes),
        "metrics": judged,
        "intervals": _intervals(signature, truth, answer, seed),
        "baselines": yardsticks,
        **_details(signature, np.asarray(test.rows), truth, answer),
    }
    report["headline"] = _headline(report)
    report["gap"] = _gap(core, signature, train, validation, yardsticks, seed)
    report["sentences"] = sentences.about(report)
    report["next"] = sentences.suggestion(report, history, run.recipe.training)
    report = scores.clean(report)
    write_json(run.folder / "report.json", report)
    return report


def answers(core: Any, signature: Signature, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Let a core answer ready tensors: probabilities (rows, classes), or values (rows,) in the target's own unit."""
    outputs = _outputs(core, inputs).astype(np.float64)
    if not np.isfinite(outputs).all():
        raise Refusal("The model's answers are no numbers any more (NaN). Lower the learning rate and train again.")
    if signature.task == "regression":
        return in_own_unit(signature, outputs.reshape(len(outputs)))
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def truth_of(signature: Signature, part: Part) -> np.ndarray:
    """Return a part's true class numbers, or values in the target's own unit: (rows,)."""
    truth = np.asarray(part.y).reshape(len(part))
    if signature.task == "regression":
        return in_own_unit(signature, truth.astype(np.float64))
    return truth.astype(np.int64)


def in_own_unit(signature: Signature, values: np.ndarray) -> np.ndarray:
    """Turn standardised numbers into the target's own unit."""
    return values * signature.target.scale + signature.target.mean


def _outputs(core: Any, inputs: dict[str, np.ndarray]) -> np.ndarray:
    # A model of its own leaves the core's compiled functions alone; XLA would compile longer than it saves here.
    model = keras.Model(core.input, core.output)
    model.jit_compile = False
    rows = len(next(iter(inputs.values())))
    size = min(BATCH, rows)
    found = []
    for start in range(0, rows, size):
        batch = {name: np.asarray(array[start : start + size]) for name, array in inputs.items()}
        lacking = size - len(next(iter(batch.values())))
        # The last batch is filled up: another shape would be traced anew.
        full = {name: np.concatenate([array, np.repeat(array[:1], lacking, axis=0)]) for name, array in batch.items()}
        found.append(np.asarray(model.predict_on_batch(full))[: size - lacking])
    return np.concatenate(found)


def _write_predictions(run: Run, rows: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> None:
    temporary = run.folder / "predictions.npz.tmp"
    with temporary.open("wb") as file:
        np.savez(file, rows=rows, truth=truth, answer=answer)
    temporary.rename(run.folder / "predictions.npz")


def _judge(signature: Signature, truth: np.ndarray, answer: np.ndarray) -> scores.Scores:
    judge = scores.of_classes if signature.task == "classification" else scores.of_values
    return judge(truth, answer)


def _intervals(signature: Signature, truth: np.ndarray, answer: np.ndarray, seed: int) -> scores.Intervals:
    draw = scores.intervals_of_classes if signature.task == "classification" else scores.intervals_of_values
    return draw(truth, answer, seed)


def _baselines(signature: Signature, train: Part, test: Part, truth: np.ndarray, seed: int) -> list[dict[str, Any]]:
    found = {
        SIMPLEST[signature.task]: baselines.simplest(signature, train, len(test)),
        "linear model": baselines.linear(signature, train, test, seed),
    }
    if signature.task == "regression":
        found = {name: None if told is None else in_own_unit(signature, told) for name, told in found.items()}
    return [
        {"name": name, "metrics": _judge(signature, truth, told)} for name, told in found.items() if told is not None
    ]


def _headline(report: dict[str, Any]) -> dict[str, Any]:
    metric, title = HEADLINES[report["task"]]
    low, high = report["intervals"][metric] or (None, None)
    return {
        "metric": metric,
        "title": title,
        "value": report["metrics"][metric],
        "low": low,
        "high": high,
        "baseline": SIMPLEST_IN_WORDS[report["task"]],
        "baseline_value": report["baselines"][0]["metrics"][metric],
    }


def _details(signature: Signature, rows: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> dict[str, Any]:
    if signature.task == "classification":
        return _details_of_classes(signature.target.classes, rows, truth, answer)
    return _details_of_values(rows, truth, answer)


def _details_of_classes(
    names: tuple[str, ...], rows: np.ndarray, truth: np.ndarray, answer: np.ndarray
) -> dict[str, Any]:
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
        "best": [example(index) for index in right[np.argsort(-confidence[right], kind="stable")][:EXAMPLES]],
        "worst": [example(index) for index in np.argsort(for_truth, kind="stable")[:EXAMPLES]],
        "confidently_wrong": [example(index) for index in surest_wrong[:EXAMPLES]],
    }


def _details_of_values(rows: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> dict[str, Any]:
    errors = answer - truth
    order = np.argsort(np.abs(errors), kind="stable")
    shown = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).astype(int))

    def example(index: int) -> dict[str, Any]:
        return {"row": rows[index], "truth": truth[index], "answer": answer[index], "error": errors[index]}

    return {
        "scatter": {"truth": truth[shown], "answer": answer[shown], "rows": rows[shown]},
        "residuals": scores.histogram(errors),
        "best": [example(index) for index in order[:EXAMPLES]],
        "worst": [example(index) for index in order[::-1][:EXAMPLES]],
    }


def _gap(
    core: Any, signature: Signature, train: Part, validation: Part, yardsticks: list[dict[str, Any]], seed: int
) -> dict[str, Any]:
    """Judge the finished model once more on what it learned from and on what it was watched with."""
    told = {}
    for name, part in (("train", train), ("validation", validation)):
        kept = np.sort(np.random.default_rng(seed).permutation(len(part))[:MOST_GAP_ROWS])
        some = Part({key: array[kept] for key, array in part.x.items()}, part.y[kept], part.rows[kept])
        told[name] = _judge(signature, truth_of(signature, some), answers(core, signature, some.x))
        told[name]["rows"] = len(some)
    return sentences.gap(signature.task, told["train"], told["validation"], yardsticks)
