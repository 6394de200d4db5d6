"""A real table with a small model that has learned it, without a worker."""

from pathlib import Path

import builders
from evaluation.asked import Asked
from recipes import Recipe, keras
from records import Run, Workspace
from training import plan, shelf


def penguins(folder: Path) -> Asked:
    """Fit a small dense network to the penguins."""
    recipe = plan.resolve(Recipe.of({"data": {"sample": "penguins"}, "model": {"architecture": "mlp"}}))
    workspace = Workspace(folder / "space")
    run = Run.create(workspace.runs / "one", recipe)
    recipe, dataset, prepared = shelf.open_prepared(recipe, workspace)
    keras.utils.set_random_seed(1)
    blueprint = builders.get("mlp").build(prepared.signature, builders.config("mlp", {}))
    stage, train = blueprint.stages[0], prepared.part("train")
    stage.model.compile(keras.optimizers.Adam(0.005), stage.loss, metrics=stage.metrics())
    stage.model.fit(dict(train.x), train.y, epochs=15, verbose=0)
    return Asked(run, recipe, dataset, prepared, blueprint)
