"""Ways to make a finished run's model smaller: fewer weights (`prune`), fewer bits (`lighter`), a student (`distil`).

Each returns a core of stock layers, which is saved, judged and checked like every other deliverable
(`training/jobs/compress.py`). `docs/compress.md` says what each way gains and what it costs.
"""

from typing import Any

from builders import Blueprint
from evaluation.asked import Asked
from recipes import keras
from training import checkpoints
from training.worker import build, variables_of


def copied(asked: Asked, policy: str = "float32") -> Blueprint:
    """Build the run's models again with what they have learned, in the numbers of a dtype policy."""
    kept = checkpoints.arrays_of(variables_of(asked.blueprint))
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        blueprint = build(asked.recipe, asked.prepared)
        for stage in blueprint.stages:
            if stage.before:
                stage.before()
    finally:
        keras.config.set_dtype_policy(former)
    checkpoints.put_back(variables_of(blueprint), kept)
    return blueprint


def untrainable(asked: Asked) -> str:
    """Say in one sentence why versions that need training are not made of this run; nothing where they are."""
    stages: Any = asked.blueprint.stages
    if len(stages) > 1:
        return (
            "Pruning and a student are left out: this family learns in several stages, and a short training at the end "
            "would undo what the first ones gave."
        )
    if stages[0].loss is None:
        return "Pruning and a student are left out: this family has an objective of its own."
    return ""
