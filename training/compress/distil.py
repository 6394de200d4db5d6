"""Distillation: a smaller model of the same family learns from the large one's soft answers and from the labels.

Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015. The teacher's probabilities at a high
temperature say which wrong classes are nearly right, which a label does not. A number has no softer form: there the
student learns the teacher's answer beside the true one.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import builders
from builders import Stage
from evaluation.asked import Asked
from recipes import Part, Refusal, Settings, Signature, Training, keras
from training.fit import choose_policy, compile_stage, fit
from training.schedules import make_callbacks

TEMPERATURE = 3.0
"""T: both answers are softened by it, and the soft loss is multiplied by T² to keep its size (section 2)."""
ALPHA = 0.7
"""The weight of the teacher's answers; the labels have the rest."""


def narrowed(family: str, settings: dict[str, Any], times: int) -> tuple[Settings, str]:
    """Divide the family's width settings; returns the student's settings and what changed, in words.

    Width settings are the whole numbers of the model that are moved by factors (`setting(..., log=True)`): units,
    filters, lengths of embeddings. Raises `Refusal` where nothing can be divided.
    """
    config = builders.config(family, settings)
    changed: dict[str, int] = {}
    words = []
    for name, field in type(config).model_fields.items():
        told: Any = field.json_schema_extra or {}
        if field.annotation is not int or not told.get("log") or told.get("panel") != "model":
            continue
        least = next((each.ge for each in field.metadata if hasattr(each, "ge")), 1)
        value = getattr(config, name)
        smaller = max(int(least), value // times)
        if smaller < value:
            changed[name] = smaller
            words.append(f"{str(field.title or name).lower()} {smaller:,} instead of {value:,}")
    if not changed:
        raise Refusal("This family has no width that could be divided, so there is no smaller student of it.")
    return builders.config(family, settings | changed), ", ".join(words)


def distil(asked: Asked, config: Settings, *, training: Training, seed: int, between: Callable[[float], None]) -> Any:
    """Train a student on the training rows and the teacher's answers to them; returns its core."""
    keras.utils.set_random_seed(seed)
    family = builders.get(asked.recipe.model.architecture)
    blueprint = family.build(asked.signature, config)
    stage = replace(blueprint.stages[0], loss=objective(asked.signature), metrics=list)
    # The teacher's answers already weigh the classes as it has learned to.
    told = training.model_copy(update={"class_weights": "none"})
    train, validation = (_taught(asked, stage, name) for name in ("train", "validation"))
    compile_stage(stage, told)
    fit(
        stage.model, train, validation, training=told, callbacks=make_callbacks(told),
        between=lambda done, _: between(done / told.epochs),
        policy=choose_policy(stage.model, train, told, xla=stage.xla),
    )  # fmt: skip
    return next(iter(blueprint.deliverables.values()))


def objective(signature: Signature) -> Any:
    """Return the loss: `y` is (batch, 1 + outputs), the label first, then the teacher's logits or number."""
    ops = keras.ops

    class OfClasses(keras.losses.Loss):
        """alpha T² times the cross-entropy with the teacher's softened answer, and the rest with the label."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            label, teacher = ops.cast(y_true[:, 0], "int32"), ops.softmax(y_true[:, 1:] / TEMPERATURE, axis=-1)
            soft = -ops.sum(teacher * ops.log_softmax(y_pred / TEMPERATURE, axis=-1), axis=-1)
            hard = ops.sparse_categorical_crossentropy(label, y_pred, from_logits=True)
            return ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * hard

    class OfValues(keras.losses.Loss):
        """Squared distance to the teacher's answer and to the true one."""

        def call(self, y_true: Any, y_pred: Any) -> Any:
            answer = y_pred[:, 0]
            return ALPHA * ops.square(answer - y_true[:, 1]) + (1 - ALPHA) * ops.square(answer - y_true[:, 0])

    return OfClasses(name="distillation") if signature.target.classes else OfValues(name="distillation")


def _taught(asked: Asked, stage: Stage, name: Any) -> Part:
    """Put the teacher's answers behind the labels of a part: y becomes (rows, 1 + outputs) float32."""
    part = asked.prepared.part(name)
    part = stage.select(part) if stage.select else part
    answers = np.asarray(asked.ask_core(part.x), dtype="float32").reshape(len(part), -1)
    labels = np.asarray(part.y, dtype="float32").reshape(len(part), 1)
    return Part(part.x, np.concatenate([labels, answers], axis=1), part.rows)
