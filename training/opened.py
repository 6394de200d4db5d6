"""A run opened again: its data and its models, with the weights of its newest checkpoint. Workers and jobs only."""

from pathlib import Path

from datasets import DataSet, Prepared
from evaluation.asked import Asked
from recipes import Recipe, Refusal
from records import Run, Workspace
from training import checkpoints
from training.plan import resolve, training_of
from training.shelf import open_prepared
from training.worker import build, settle, trainings_of, variables_of

TOO_EARLY = "This run has no checkpoint yet. Wait until its first epochs are done."


def opened(run: Run) -> Asked:
    """Build a run's models again and give them what it has learned; raises `Refusal` where that is nothing yet.

    A stage that keeps its best epoch answers with that one, as the run itself does at its end. Also works while the
    run still trains.
    """
    snapshot, _ = checkpoints.newest(run.folder / "checkpoints")
    if snapshot is None:
        raise Refusal(TOO_EARLY)
    recipe, dataset, prepared = _data(run)
    training = training_of(recipe)
    settle(training)
    blueprint = build(recipe, prepared)
    for stage in blueprint.stages[: snapshot.stage + 1]:
        if stage.before:
            stage.before()
    models = variables_of(blueprint)
    is_best = trainings_of(blueprint, training)[snapshot.stage].restore_best
    kept = snapshot.best_variables if is_best else snapshot.variables
    checkpoints.put_back(models, kept[: len(models)])
    return Asked(run, recipe, dataset, prepared, blueprint)


def _data(run: Run) -> tuple[Recipe, DataSet, Prepared]:
    """Open what the run was prepared from; where that was cleared away, make it anew from its recipe."""
    places = run.read("prepared.json")
    if places and all(Path(place).exists() for place in places.values()):
        return run.recipe, DataSet.open(Path(places["dataset"])), Prepared.open(Path(places["folder"]))
    return open_prepared(resolve(run.recipe), Workspace(run.folder.resolve().parents[1]))
