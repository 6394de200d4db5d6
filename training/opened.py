"""A run opened again: its data and its models, with what they have learned by its newest checkpoint.

For jobs on a run, and for Try while it still trains.
"""

from pathlib import Path
from typing import Any

from builders import imported
from datasets import DataSet, Prepared
from evaluation.asked import Asked
from recipes import Recipe, Refusal
from records import Run, Workspace
from training import checkpoints
from training.checkpoints import Snapshot
from training.plan import resolve, training_of
from training.shelf import open_prepared
from training.worker import build, settle, trainings_of, variables_of

TOO_EARLY = "This run has no checkpoint yet. Wait until its first epochs are done."


def opened(run: Run) -> Asked:
    """Return a run with its models as they are kept now; raises `Refusal` where it has learned nothing yet."""
    return Opened(run).asked


class Opened:
    """A run's models, built again. A stage that keeps its best epoch answers with that one, as the run does."""

    def __init__(self, run: Run) -> None:
        self.run = run
        imported.lies_in(Workspace(run.folder.resolve().parents[1]).models)
        snapshot = self._newest()
        recipe, dataset, prepared = _data(run)
        training = training_of(recipe)
        settle(training)
        blueprint = build(recipe, prepared)
        for stage in blueprint.stages[: snapshot.stage + 1]:
            if stage.before:
                stage.before()
        self.asked = Asked(run, recipe, dataset, prepared, blueprint)
        self.stage = snapshot.stage
        self._models: dict[str, Any] = {}
        self._variables = variables_of(blueprint)
        self._keeps_best = trainings_of(blueprint, training)[snapshot.stage].restore_best
        self._learn(snapshot)

    def follow(self) -> bool:
        """Take the weights of a newer checkpoint, if there is one; False where that is of another stage."""
        if self._written == _written(self.run):
            return True
        snapshot = self._newest()
        if snapshot.stage != self.stage:
            return False
        self._learn(snapshot)
        return True

    def model(self, name: str) -> Any:
        """Return a deliverable as it would be saved now; `follow` renews its weights."""
        from exporters import keras_file

        if name not in self._models:
            model = keras_file.whole(self.asked.blueprint.deliverables[name], self.asked.prepared)
            model.jit_compile = False
            self._models[name] = model
        return self._models[name]

    def _newest(self) -> Snapshot:
        self._written = _written(self.run)
        snapshot, _ = checkpoints.newest(self.run.folder / "checkpoints")
        if snapshot is None:
            raise Refusal(TOO_EARLY)
        return snapshot

    def _learn(self, snapshot: Snapshot) -> None:
        kept = snapshot.best_variables if self._keeps_best else snapshot.variables
        checkpoints.put_back(self._variables, kept[: len(self._variables)])
        self.epoch = snapshot.best["epoch"] if self._keeps_best else snapshot.epoch


def _written(run: Run) -> str:
    """Name the newest checkpoint; empty where there is none."""
    latest = run.folder / "checkpoints" / "LATEST"
    return latest.read_text(encoding="utf-8") if latest.exists() else ""


def _data(run: Run) -> tuple[Recipe, DataSet, Prepared]:
    """Open what the run was prepared from; where that was cleared away, make it anew from its recipe."""
    places = run.read("prepared.json")
    if places and all(Path(place).exists() for place in places.values()):
        return run.recipe, DataSet.open(Path(places["dataset"])), Prepared.open(Path(places["folder"]))
    return open_prepared(resolve(run.recipe), Workspace(run.folder.resolve().parents[1]))
