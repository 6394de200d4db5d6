"""Why a model answers as it does: the explanations of `evaluation/explain`, as a job or, where quick, at once."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.asked import Asked
from recipes import Refusal, keras
from records import Run
from training.jobs import Job

KEPT = 3
"""Opened runs that the warm process keeps."""
ANSWERS = 64
"""Explanations that it keeps: a page asks again whenever it is drawn."""
MOST_ROWS = 500
"""Rows among which the mistakes are looked for."""
QUICK = 1.5
"""Seconds that a page may wait for an explanation; what takes longer is a job."""
SPEED = 1.5e10
"""Operations a second on two cores, about."""
EACH = 3e-4
"""Seconds that an operation of the graph costs by itself."""


def do(job: Job) -> dict[str, Any]:
    """Make the explanation that the settings name (see `evaluation.explain.explain`)."""
    from evaluation import explain

    return explain.explain(job.asked, job.settings, job.tell)


class Desk:
    """Explanations at once, for the warm process: it keeps the runs that were asked about last."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, int], Asked] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._mistakes: dict[tuple[str, int], list[int]] = {}
        self._last = ("", 0)

    def answer(self, values: dict[str, Any]) -> dict[str, Any]:
        """List the methods for a run, or explain with one of them; {"slow": seconds} for what a job should do."""
        from evaluation import explain

        asked = self._asked(Run(Path(values["run"])))
        settings = values.get("settings") or {}
        if not settings.get("method"):
            methods = [_about(name) for name in explain.offered(asked.signature, asked.blueprint)]
            return {"methods": methods, "wrong": self._wrong(asked)}
        question = json.dumps([*self._last, settings], sort_keys=True)
        if question not in self._told:
            seconds = about_seconds(asked, settings)
            told = {"slow": seconds} if seconds > QUICK else explain.explain(asked, settings)
            while len(self._told) >= ANSWERS:
                del self._told[next(iter(self._told))]
            self._told[question] = told
        return self._told[question]

    def _wrong(self, asked: Asked) -> list[int] | None:
        """Return the validation rows that are answered wrongly, of the first few hundred; None where it takes long."""
        from evaluation.explain import network_of
        from training import estimate

        part = asked.prepared.part("validation")
        rows = min(len(part), MOST_ROWS)
        if asked.signature.task != "classification":
            return None
        if rows * estimate.operations_of(asked.core) / SPEED > QUICK / 2:
            return None
        if self._last not in self._mistakes:
            x = {name: np.asarray(array[:rows]) for name, array in part.x.items()}
            said = network_of(asked).ask(x).argmax(axis=1)
            self._mistakes[self._last] = [int(row) for row in part.rows[:rows][said != np.ravel(part.y[:rows])]]
        return self._mistakes[self._last]

    def _asked(self, run: Run) -> Asked:
        from training.opened import opened

        latest = run.folder / "checkpoints" / "LATEST"
        if not latest.exists():
            raise Refusal("This run has kept nothing that could be asked. Train it again to see why it answers so.")
        key = (str(run.folder), latest.stat().st_mtime_ns)
        if key not in self._opened:
            while len(self._opened) >= KEPT:
                oldest = next(iter(self._opened))
                del self._opened[oldest]
                self._mistakes.pop(oldest, None)
            self._opened[key] = opened(run)
        self._opened[key] = self._opened.pop(key)  # asked last, so it goes last
        self._last = key
        return self._opened[key]


def about_seconds(asked: Asked, settings: dict[str, Any]) -> float:
    """Say about how long an explanation takes, its check included."""
    from evaluation import explain
    from training import estimate

    method = explain.get(str(settings["method"]))
    if settings.get("by") == "tsne":
        return 60.0
    networks = 1 + (explain.COPIES if method.CHECKED else 0)
    looks, together = method.LOOKS, 32
    if method.SCOPE == "model":
        columns = len(asked.signature.raw) if method.CHECKED else 1
        looks, together = method.LOOKS * columns * min(2_000, asked.signature.rows["validation"]), 256
    steps = max((size or 1 for spec in asked.signature.inputs.values() for size in spec.shape[:1]), default=1)
    kinds = explain.kinds_of(asked.blueprint)
    rounds = math.ceil(looks / together) * (steps if kinds & {"LSTM", "GRU", "SimpleRNN", "Bidirectional"} else 1)
    each = EACH * len(list(_layers(asked.core)))
    return round(networks * (looks * estimate.operations_of(asked.core) / SPEED + rounds * each), 2)


def _layers(model: Any) -> Any:
    for layer in getattr(model, "layers", ()):
        yield from _layers(layer) if isinstance(layer, keras.Model) else (layer,)


def _about(name: str) -> dict[str, Any]:
    from evaluation import explain

    method = explain.get(name)
    return {
        "method": name, "title": method.TITLE, "name": method.NAME, "sentence": method.SENTENCE,
        "paper": method.PAPER, "scope": method.SCOPE,
    }  # fmt: skip
