"""Tasks, one file each: how a model that does this is judged, what it shows while it learns, how it answers a person.

To add a task, add ONE file `evaluation/tasks/<task>.py` that offers what `Task` below lists. Where the general form
of Try does not fit, add `ui/tries/<task>.py`. Keras is used inside the functions of the worker only.
"""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from builders import Panel
from evaluation.asked import Asked, Replying
from recipes import Signature, known


class Task(Protocol):
    """What every file of `evaluation/tasks/` offers (as module-level names).

    Optional: `join(signature, encoding, raw, ready, outputs)` in the place of `finish` where the download's answer
    also needs its raw inputs or the ready tensors (symbolic, by name), such as the last value before a forecast;
    `usage(signature) -> str`, lines of plain Keras that use the download, where asking once is not all there is to it.
    """

    TITLE: str
    """What is answered: "A class"."""
    SENTENCE: str
    """One sentence: "It names the class of each example."."""
    METRICS: dict[str, tuple[str, str, str]]
    """Every score: title, meaning in a sentence, and which way is better (`up` or `down`)."""

    def finish(self, signature: Signature, outputs: Any) -> dict[str, Any]:
        """Turn the core's symbolic outputs into the named answers of the deliverable, by stock layers without names."""
        ...

    def evidence(self, asked: Asked) -> Callable[[], list[Panel]]:
        """Return what makes the live panels after an epoch, in some 50 ms; called at most twice a second."""
        ...

    def report(self, asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
        """Judge the core on the sealed test part; the shape is in docs/architecture.md."""
        ...

    def reply(self, replying: Replying) -> dict[str, Any]:
        """Answer a person: {"target", "classes", "answer"} for the general form, else what its own form needs."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Name every task, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def get(name: str) -> Task:
    """Return a task by name; an unknown name lists the known ones."""
    if name not in names():
        raise known("task", name, names())
    return importlib.import_module(f"evaluation.tasks.{name}")  # ty: ignore[invalid-explicit-return]
