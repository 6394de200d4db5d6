"""What the model knows now: the panels of its task and of its family, made anew while it learns."""

import time

from evaluation import tasks
from evaluation.asked import Asked
from evaluation.scores import clean
from records import write_json

SECONDS = 0.5


class Evidence:
    """Write `evidence.json` after an epoch, at most twice a second."""

    def __init__(self, asked: Asked) -> None:
        self._makers = [tasks.get(asked.signature.task).evidence(asked)]
        if asked.blueprint.evidence:
            self._makers.append(asked.blueprint.evidence(asked))
        self._file = asked.run.folder / "evidence.json"
        self._written = 0.0

    def show(self, stage: str, epoch: int, *, now: bool = False) -> None:
        """Ask the model and write its answers, unless the last ones are fresh."""
        if not now and time.monotonic() - self._written < SECONDS:
            return
        panels = [panel for make in self._makers for panel in make()]
        write_json(self._file, clean({"stage": stage, "epoch": epoch, "panels": panels}))
        self._written = time.monotonic()
