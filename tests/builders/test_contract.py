"""What every file of `builders/` promises; a new file is tested by existing."""

import re
from itertools import product
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest

import builders
import datasets
from builders import Whole
from builders._layers import layer_table
from evaluation import tasks
from recipes import Refusal, Settings, Training, keras, validate
from tests.builders.smallest import build, examples, first_pair, outlines, pairs, signature_of
from tests.builders.steps import losses
from training.fit import compile_stage
from training.worker import trainings_of

ONE_ROW_OF_OUTPUTS = ("classification", "regression", "forecasting")
"""Tasks whose core answers (rows, outputs)."""


def ends(config: type[Settings]) -> list[tuple[str, Any]]:
    """List each setting at the ends of its range, or at every choice."""
    found = []
    for name, field in config.model_fields.items():
        if get_origin(field.annotation) is Literal:
            found += [(name, choice) for choice in get_args(field.annotation)]
        elif field.annotation is bool:
            found += [(name, False), (name, True)]
        elif field.annotation in (int, float):
            limits = {key: getattr(mark, key) for mark in field.metadata for key in ("ge", "le") if hasattr(mark, key)}
            assert limits.keys() == {"ge", "le"}, f"`{name}` has no range"
            found += [(name, limits["ge"]), (name, min(limits["le"], 64 if field.annotation is int else 1.0))]
    return [(name, value) for name, value in found if value != config.model_fields[name].default]


def numbers_of(weights: list[Any]) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(weight).copy() for weight in weights]


@pytest.mark.parametrize("name", builders.names())
def test_introduces_itself(name):
    """The card, the help and the docs read these."""
    family = builders.get(name)
    assert family.TITLE
    assert family.SUMMARY.endswith(".")
    assert family.PAPER[-4:].isdigit()
    assert re.fullmatch(r"[a-z0-9_]+", family.ICON)
    text = family.__doc__ or ""
    assert "Paper:" in text
    assert "Score:" in text


@pytest.mark.parametrize("name", builders.names())
def test_serves_data_and_tasks_that_exist(name):
    """A family that nothing leads to would never be seen."""
    family = builders.get(name)
    assert set(family.DATA_TYPES) <= set(datasets.names())
    assert set(family.TASKS) <= set(tasks.names())
    assert any(name in builders.fitting(*pair) for pair in product(datasets.names(), tasks.names()))


@pytest.mark.parametrize("name", builders.names())
def test_defaults_are_good_settings(name):
    """A newcomer presses Train without touching anything."""
    family = builders.get(name)
    assert family.Config() == validate(family.Config, family.Config().model_dump(mode="json"))
    validate(Training, family.TRAINING, "training")


@pytest.mark.parametrize("name", builders.names())
def test_explains_every_setting(name):
    """Each field of the form has a title and help."""
    for setting, field in builders.get(name).Config.model_fields.items():
        assert field.title, setting
        assert (field.description or "").endswith((".", "none")), setting


@pytest.mark.parametrize("name", builders.names())
def test_builds_at_both_ends_of_every_range(name):
    """One setting at a time is moved from the default; what cannot be is refused in words that name it."""
    kind, task = first_pair(name)
    outputs = signature_of(kind, task).outputs
    for setting, value in ends(builders.get(name).Config):
        try:
            plan = outlines(name, kind, task, **{setting: value})
        except Refusal as refusal:
            assert f"`{setting}`" in str(refusal)  # noqa: PT017 - only some values are refused
            continue
        if task in ONE_ROW_OF_OUTPUTS:
            assert plan.core.output_shape == (None, outputs), (setting, value)


@pytest.mark.parametrize(("name", "kind", "task"), pairs())
def test_answers_each_example_in_full_precision(name, kind, task):
    """Two examples in, two answers out: rows of logits or numbers where the task has one row of them."""
    signature = signature_of(kind, task)
    plan = build(name, kind, task)
    first = next(iter(plan.deliverables.values()))
    x = first.examples if isinstance(first, Whole) else {key: examples(signature, 2).x[key] for key in plan.core.input}
    rows = len(next(iter(x.values())))
    for answer in keras.tree.flatten(plan.core(x)):
        assert len(answer) == rows
        assert keras.backend.standardize_dtype(answer.dtype) in ("float32", "int32", "int64", "bool", "string")
        if task in ONE_ROW_OF_OUTPUTS:
            assert answer.shape == (2, signature.outputs)


@pytest.mark.parametrize("name", [name for name, kind, _ in pairs() if kind == "image"])
def test_answers_floats_as_it_answers_bytes(name):
    """The fit loop hands pictures as bytes, the download as numbers from 0 to 255."""
    kind, task = first_pair(name)
    plan = build(name, kind, task)
    if isinstance(next(iter(plan.deliverables.values())), Whole):
        return
    x = examples(signature_of(kind, task), 2).x
    floats = {key: array.astype("float32") for key, array in x.items()}
    for one, other in zip(*map(keras.tree.flatten, (plan.core(x), plan.core(floats))), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", builders.names())
def test_every_deliverable_survives_saving(name, tmp_path):
    """What is downloaded answers as it did here, without our code."""
    kind, task = first_pair(name)
    part = examples(signature_of(kind, task), 2)
    for key, deliverable in build(name, kind, task).deliverables.items():
        whole = isinstance(deliverable, Whole)
        model = deliverable.model if whole else deliverable
        x = deliverable.examples if whole else {each: part.x[each] for each in model.input}
        model.save(tmp_path / f"{key}.keras")
        again = keras.saving.load_model(tmp_path / f"{key}.keras", safe_mode=True)
        for one, other in zip(*map(keras.tree.flatten, (model(x), again(x))), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", builders.names())
def test_learns_eight_examples(name):
    """In every stage gradients reach the weights; where the loss means something, it falls in twenty steps."""
    kind, task = first_pair(name)
    plan = build(name, kind, task)
    training = validate(Training, builders.get(name).TRAINING, "training")
    for stage, told in zip(plan.stages, trainings_of(plan, training), strict=True):
        if stage.before:
            stage.before()
        part = examples(signature_of(kind, task), 8)
        part = stage.select(part) if stage.select else part
        compile_stage(stage, told.model_copy(update={"learning_rate": max(told.learning_rate, 1e-3)}))
        before = numbers_of(stage.model.trainable_weights)
        history = losses(stage.model, part.x, part.y, 20)
        assert np.isfinite(history).all(), stage.name
        after = numbers_of(stage.model.trainable_weights)
        changed = [not np.array_equal(old, new) for old, new in zip(before, after, strict=True)]
        assert sum(changed) >= 0.8 * len(changed), stage.name
        if told.restore_best:
            assert min(history[-3:]) < history[0], stage.name


@pytest.mark.parametrize("name", builders.names())
def test_same_seed_gives_same_weights(name):
    """A recipe run twice is one run."""
    kind, task = first_pair(name)
    first, second = (build(name, kind, task).stages[0].model.get_weights() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", builders.names())
def test_lists_its_layers(name):
    """The table's parameters add up to the model's own count."""
    kind, task = first_pair(name)
    core = outlines(name, kind, task).core
    table = layer_table(core)
    assert sum(row["parameters"] for row in table) == core.count_params()
    assert table[0]["kind"] == "Input"


def test_names_known_families():
    """A typing error is answered with what there is."""
    with pytest.raises(Refusal) as refusal:
        builders.get("mpl")
    known = ", ".join(builders.names())
    assert str(refusal.value) == f"There is no architecture 'mpl'. Did you mean 'mlp'? Available: {known}."


def test_every_data_type_and_task_has_a_family():
    """Nobody is left without a choice, and the first choice is one that serves."""
    for kind in datasets.names():
        for task in datasets.get(kind).TASKS:
            assert builders.fitting(kind, task), (kind, task)
        for task, family in datasets.get(kind).FIRST_CHOICE.items():
            assert family in builders.fitting(kind, task), (kind, task)
