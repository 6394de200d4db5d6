"""What tasks with one true answer a row share: the model's answers and the truth, the gap, the rows that are shown."""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from evaluation import scores, sentences, slices
from evaluation.asked import Asked
from recipes import Part, Signature, keras
from records import Run, disk

EXAMPLES = 12
"""Best and worst examples that a report lists."""
MOST_GAP_ROWS = 5_000
SHOWN = 12
"""Validation rows that the live evidence asks about."""

LASTING = ("boundary", "shares")
"""Kinds of a family's own live panels that tell as much about the finished model; they also stand in the report."""

Watched = tuple[np.ndarray, np.ndarray]
"""Truth and answers of the validation part."""
Judge = Callable[[np.ndarray, np.ndarray], scores.Scores]


def in_own_unit(signature: Signature, values: np.ndarray) -> np.ndarray:
    """Turn standardised numbers into the target's own unit."""
    return values * signature.target.scale + signature.target.mean


def write_predictions(
    run: Run, rows: np.ndarray, truth: np.ndarray, answer: np.ndarray, name: str = "predictions"
) -> None:
    """Write `predictions.npz` of the test part (or `validation.npz`), under its name only once it is whole."""
    file = run.folder / f"{name}.npz"
    temporary = disk.beside(file)
    with disk.create(temporary) as opened:
        np.savez(opened, rows=rows, truth=truth, answer=answer)
    disk.rename(temporary, file)


def watched(
    asked: Asked, truth_of: Callable[[Signature, Part], np.ndarray], answers_to: Callable[[Part], np.ndarray]
) -> Watched:
    """Let the finished model answer the whole validation part; also writes `validation.npz`."""
    part = asked.prepared.part("validation")
    truth, answer = truth_of(asked.signature, part), answers_to(part)
    write_predictions(asked.run, np.asarray(part.rows), truth, answer, "validation")
    return truth, answer


def some_of(part: Part, kept: np.ndarray) -> Part:
    """Return these places of a part as arrays in memory."""
    return Part({name: np.asarray(array[kept]) for name, array in part.x.items()}, part.y[kept], part.rows[kept])


def gap(
    asked: Asked, truth_of: Callable[[Signature, Part], np.ndarray], answers_to: Callable[[Part], np.ndarray],
    judge: Judge, yardsticks: list[dict[str, Any]], seen: Watched, history: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """Judge the finished model once more on what it learned from and on what it was watched with (`seen`)."""
    part = asked.prepared.part("train")
    some = some_of(part, np.sort(np.random.default_rng(asked.seed).permutation(len(part))[:MOST_GAP_ROWS]))
    train = judge(truth_of(asked.signature, some), answers_to(some)) | {"rows": len(some)}
    validation = judge(*seen) | {"rows": len(seen[0])}
    return sentences.gap(asked.signature.task, train, validation, yardsticks, history)


def grouped(asked: Asked, part: Part, quality: np.ndarray, way: slices.Way) -> dict[str, Any]:
    """Judge groups of a part, and search for those in which the model is weak."""
    return slices.judge(slices.columns_of(asked, part), np.asarray(part.rows), quality, way)


def lasting(asked: Asked) -> list[Panel]:
    """Return the family's own panels that belong in the report."""
    if asked.blueprint.evidence is None:
        return []
    return [panel for panel in asked.blueprint.evidence(asked)() if panel["kind"] in LASTING]


def live(asked: Asked, few: Part, panel: dict[str, Any], outputs: Any) -> Callable[[], list[Panel]]:
    """Return what asks about the same few rows again and again; `outputs` are the core's finished answer."""
    model = keras.Model(asked.core.input, outputs)
    model.jit_compile = False

    def ask() -> list[Panel]:
        answer = np.asarray(model.predict_on_batch(few.x), dtype=np.float64)
        plain = answer if panel["kind"] == "classes" else answer.reshape(len(answer))
        return [panel | {"answer": np.round(plain, 5).tolist()}]

    return ask
