"""From what a person said to every setting written out: `resolve` before a run is queued, `complete` with the data.

Neither needs Keras: pages and the command line refuse a mistaken recipe before anything is started.
"""

from pathlib import Path
from typing import Any

import builders
import datasets
from recipes import Data, ModelChoice, Recipe, Refusal, Schema, Training, validate


def resolve(recipe: Recipe) -> Recipe:
    """Return the recipe with every setting written out; raises `Refusal` for an unknown name or an impossible value."""
    data = _data(recipe.data)
    name = recipe.model.architecture if _names_family(recipe) else default_architecture(data)
    settings = builders.config(name, recipe.model.settings).model_dump(mode="json")
    training = builders.get(name).TRAINING | recipe.training
    return recipe.model_copy(
        update={
            "data": data,
            "model": ModelChoice.model_validate({"architecture": name} | settings),
            "training": validate(Training, training, "training").model_dump(mode="json"),
        }
    )


def complete(recipe: Recipe, schema: Schema) -> Recipe:
    """Fill in the target and the task that the data set itself proposes."""
    target = recipe.data.target or schema.target
    task = recipe.data.task or (schema.task if target == schema.target else "")
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"target": target, "task": task})})


def training_of(recipe: Recipe) -> Training:
    """Return the checked training settings of a resolved recipe."""
    return validate(Training, recipe.training, "training")


def default_architecture(data: Data) -> str:
    """Name the family for data with a known type: the sample's own for its task, else the data type's first choice."""
    if data.sample:
        sample = datasets.find_sample(data.sample)
        if data.task in ("", sample.task):
            return sample.architecture
    kind = datasets.get(str(data.type))
    for task in (data.task,) if data.task else kind.TASKS:
        able = builders.fitting(str(data.type), task)
        if able:
            return kind.FIRST_CHOICE[task] if kind.FIRST_CHOICE.get(task) in able else able[0]
    raise Refusal(f"No architecture takes {data.type} data yet. Choose another data type.")


def _names_family(recipe: Recipe) -> bool:
    return "model" in recipe.model_fields_set and "architecture" in recipe.model.model_fields_set


def _data(data: Data) -> Data:
    found = _sample(data) if data.sample else _file(data)
    settings = validate(datasets.get(found["type"]).Config, data.settings, "data").model_dump(mode="json")
    shares = {"validation": data.validation, "test": data.test}
    corrected = {"corrections": data.corrections} if data.corrections and data.corrections.rows else {}
    if data.folded and (why := getattr(datasets.get(found["type"]), "NO_FOLDS", "")):
        raise Refusal(why)
    folded = {"folds": data.folds, "fold": data.fold} if data.folded else {}
    return Data.model_validate(found | corrected | shares | folded | settings)


def _sample(data: Data) -> dict[str, Any]:
    sample = datasets.find_sample(data.sample)
    if data.type not in (None, sample.data_type):
        raise Refusal(
            f"`data.type` is {data.type}, but the sample '{sample.name}' is {sample.data_type}. Leave `type` out."
        )
    target = data.target or sample.target
    task = data.task or (sample.task if target == sample.target else "")
    return {"sample": sample.name, "type": sample.data_type, "target": target, "task": task}


def _file(data: Data) -> dict[str, Any]:
    file = Path(data.file)
    if not file.exists():
        raise Refusal(f"There is no file '{data.file}'. Check `data.file` in the recipe.")
    kind = data.type or datasets.type_of(file)
    return {"file": data.file, "type": kind, "target": data.target, "task": data.task}
