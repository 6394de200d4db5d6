"""Is a smaller version of a model as good? Its score on the validation rows, and who is beaten by whom.

A version is *undominated* where no other one is both at least as small and at least as good, and better in one of
them (the Pareto front). Two versions are compared on the very same rows (`evaluation/paired.py`). The sealed test part
is never asked: choosing among many versions by it would use it up.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from builders import Blueprint, Whole
from evaluation import paired, scores, tasks
from evaluation.asked import Asked
from evaluation.paired import Answers
from evaluation.tasks import classification, regression
from evaluation.words import count
from recipes import Refusal, Signature

JUDGES: dict[str, Any] = {"classification": classification, "regression": regression}
"""Tasks whose versions one score can compare."""
CLOSE = 0.02
"""A version counts as good as the run where chance explains the difference and it is at most this large: with few
rows chance explains nearly everything. All scores used here reach up to 1."""
SMALLER = 1.1
"""So many times smaller must a version be for anybody to call it smaller."""
FASTER = 0.67
"""At most such a share of the run's own time is called faster: times on a busy computer vary."""
FORMATS = ("litert", "litert_int8", "onnx")
"""Other formats that are compared where they were made: a SavedModel holds the very numbers of the Keras file."""
OWN = "model"
"""The name of the point that is the run's own file."""

Point = dict[str, Any]
"""{"name", "title", "noun", "about", "file", "bytes", "milliseconds", "metric", "metric_title", "way", "value", "low",
"high", "rows", "verdict"}; the verdict is that of `paired.answers` with the run first and the version second."""


def unfit(signature: Signature) -> str:
    """Say in one sentence why models of these data are not made smaller here; nothing where they are."""
    if signature.task not in JUDGES:
        return (
            "Smaller versions are made of models that name a class or answer a number: only there one score tells "
            "whether a version is still as good."
        )
    rows = signature.rows["validation"]
    if rows < paired.FEWEST:
        return (
            f"Smaller versions are compared on validation rows, and this run has only {rows}; {paired.FEWEST} are "
            "needed. Train it with more data or a larger share for validation."
        )
    return ""


def of_other_formats(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the entries of `deliverables.json` that hold this deliverable, as it is now, in another format."""
    own = told[name]["sha256"]
    return [
        each
        for each in told.values()
        if each.get("of") == name and each["format"] in FORMATS and each["checked"] and each["model"] == own
    ]


def metric_of(signature: Signature) -> str:
    """Name the score that judges: the headline of the task's report."""
    return classification.headline_of(signature) if signature.task == "classification" else regression.HEADLINE


def answered(asked: Asked, core: Any) -> Answers:
    """Let a core answer the validation rows, as the report would."""
    if isinstance(core, Whole):
        raise Refusal("This model is saved as it is, without a task's answer, so no score can judge it.")
    version = replace(asked, blueprint=Blueprint((), {"model": core}))
    return _answers(asked, JUDGES[asked.signature.task].answers(version, asked.prepared.part("validation")))


def as_answers(asked: Asked, told: dict[str, np.ndarray]) -> Answers:
    """Take the named answers of another format, one for each validation row: probabilities or values."""
    answer = np.asarray(told[asked.signature.target.name], dtype=np.float64)
    return _answers(asked, answer if asked.signature.target.classes else answer.reshape(len(answer)))


def judged(asked: Asked, own: Answers, version: Answers) -> Point:
    """Score a version, and compare it row by row with the run's own model."""
    signature, metric = asked.signature, metric_of(asked.signature)
    if signature.task == "classification":
        value = scores.of_classes(version.truth, version.answer)[metric]
        between = scores.intervals_of_classes(version.truth, version.answer, asked.seed)[metric]
    else:
        value = scores.of_values(version.truth, version.answer)[metric]
        between = scores.intervals_of_values(version.truth, version.answer, asked.seed)[metric]
    compared = paired.answers(signature.task, metric, own, version, seed=asked.seed)
    title, _, way = tasks.get(signature.task).METRICS[metric]
    low, high = between or (None, None)
    return {
        "metric": metric, "metric_title": title, "way": way, "value": value, "low": low, "high": high,
        "rows": len(version.rows), "verdict": compared["verdict"],
    }  # fmt: skip


def front(costs: Sequence[float], worths: Sequence[float]) -> list[bool]:
    """Say of each version whether it is undominated: small costs (bytes) and large worths (scores) are wanted."""
    points = list(zip(costs, worths, strict=True))
    return [
        not any(cost <= own_cost and worth >= own_worth and (cost, worth) != (own_cost, own_worth)
                for cost, worth in points)
        for own_cost, own_worth in points
    ]  # fmt: skip


def with_front(points: list[Point]) -> list[Point]:
    """Mark the undominated points."""
    sign = 1 if points[0]["way"] == "up" else -1
    marks = front([each["bytes"] for each in points], [sign * each["value"] for each in points])
    return [each | {"front": mark} for each, mark in zip(points, marks, strict=True)]


def recommended(points: list[Point]) -> Point | None:
    """Return the smallest version that is as good as the run; None where nothing was gained."""
    own = points[0]
    gained = [each for each in points[1:] if own["bytes"] > SMALLER * each["bytes"] and is_as_good(own, each)]
    return min(gained, key=lambda each: each["bytes"], default=None)


def is_as_good(own: Point, version: Point) -> bool:
    """Is the version better, the same, or worse by no more than chance and a little?"""
    lost = (own["value"] - version["value"]) * (1 if own["way"] == "up" else -1)
    return version["verdict"] in ("equal", "second") or (version["verdict"] == "unclear" and lost <= CLOSE)


def conclusion(points: list[Point]) -> str:
    """Say in one sentence what was gained, in two where it is faster too."""
    own, best = points[0], recommended(points)
    if best is None:
        if all(own["bytes"] <= SMALLER * each["bytes"] for each in points[1:]):
            return "Nothing was gained: no version is clearly smaller than the run's own file."
        return "Nothing was gained: every clearly smaller version answers worse than the run itself."
    times = f"{own['bytes'] / best['bytes']:.1f}".removesuffix(".0")
    told = f"{best['noun']} is {times} times smaller and {_quality(best['verdict'])}"
    title = best["metric_title"] if best["metric_title"].isupper() else _lower(best["metric_title"])
    told += f": {title} {best['value']:.3f}"
    if f"{best['value']:.3f}" != f"{own['value']:.3f}":
        told += f" instead of {own['value']:.3f}"
    told += f" on {count(best['rows'], 'validation row')}."
    if best["milliseconds"] < FASTER * own["milliseconds"]:
        told += f" It also answers faster: {best['milliseconds']:.2g} ms instead of {own['milliseconds']:.2g} ms."
    return told


def _quality(verdict: str) -> str:
    return {"equal": "just as good", "second": "even better"}.get(verdict, "as good within chance")


def _lower(title: str) -> str:
    """Write a title in the middle of a sentence; R² and F1 stay as they are."""
    return title if len(title) < 3 else title[0].lower() + title[1:]


def _answers(asked: Asked, answer: np.ndarray) -> Answers:
    part = asked.prepared.part("validation")
    return Answers(np.asarray(part.rows), JUDGES[asked.signature.task].truth_of(asked.signature, part), answer)
