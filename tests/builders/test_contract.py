"""What every file of `builders/` promises; a new file is tested by existing."""

import itertools
import re
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest

import builders
from builders._layers import layer_table
from recipes import Refusal, Settings, Signature, Target, TensorSpec, Training, keras, validate

SHAPES = MappingProxyType({"tabular": {"features": (5,)}, "image": {"picture": (16, 16, 3)}})
"""The smallest data on which every family can build."""
PAIRS = [
    (name, kind, task)
    for name in builders.names()
    for kind in builders.get(name).DATA_TYPES
    for task in builders.get(name).TASKS
    if kind in SHAPES
]


def signature_of(kind: str, task: str) -> Signature:
    dtype = "uint8" if kind == "image" else "float32"
    return Signature(
        data_type=kind,
        task=task,
        inputs={name: TensorSpec(shape=shape, dtype=dtype) for name, shape in SHAPES[kind].items()},
        raw=(),
        target=Target(name="answer", classes=("a", "b", "c") if task == "classification" else ()),
        rows={"train": 8, "validation": 4, "test": 4},
        class_counts=(3, 3, 2) if task == "classification" else (),
    )


def examples(signature: Signature, rows: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(1)
    x = {}
    for name, spec in signature.inputs.items():
        numbers = random.normal(size=(rows, *SHAPES[signature.data_type][name]))
        x[name] = (128 + 40 * numbers).clip(0, 255).astype("uint8") if spec.dtype == "uint8" else numbers
        x[name] = x[name].astype(spec.dtype)
    if signature.task == "classification":
        return x, (np.arange(rows) % 3).astype("int32")
    return x, random.normal(size=(rows, 1)).astype("float32")


def build(name: str, kind: str, task: str, **settings: Any) -> builders.Blueprint:
    keras.utils.set_random_seed(3)
    return builders.get(name).build(signature_of(kind, task), builders.config(name, settings))


def ends(config: type[Settings]) -> list[tuple[str, Any]]:
    """List each setting at the ends of its range, or at every choice."""
    found = []
    for name, field in config.model_fields.items():
        if get_origin(field.annotation) is Literal:
            found += [(name, choice) for choice in get_args(field.annotation)]
        elif field.annotation is bool:
            found += [(name, False), (name, True)]
        else:
            limits = {key: getattr(mark, key) for mark in field.metadata for key in ("ge", "le") if hasattr(mark, key)}
            assert limits.keys() == {"ge", "le"}, f"`{name}` has no range"
            found += [(name, limits["ge"]), (name, min(limits["le"], 64 if field.annotation is int else 1.0))]
    return [(name, value) for name, value in found if value != field_default(config, name)]


def field_default(config: type[Settings], name: str) -> Any:
    return config.model_fields[name].default


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
    kind, task = builders.get(name).DATA_TYPES[-1], builders.get(name).TASKS[0]
    for setting, value in ends(builders.get(name).Config):
        try:
            plan = build(name, kind, task, **{setting: value})
        except Refusal as refusal:
            assert f"`{setting}` {value}" in str(refusal)  # noqa: PT017 - only some values are refused
            continue
        (core,) = plan.deliverables.values()
        assert core.output_shape == (None, 3), (setting, value)


@pytest.mark.parametrize(("name", "kind", "task"), PAIRS)
def test_answers_one_row_of_outputs_per_example(name, kind, task):
    """Two examples in, two rows of logits or numbers out, in full precision."""
    signature = signature_of(kind, task)
    plan = build(name, kind, task)
    for model in (*plan.deliverables.values(), *(stage.model for stage in plan.stages)):
        answer = model(examples(signature, 2)[0])
        assert answer.shape == (2, signature.outputs)
        assert keras.backend.standardize_dtype(answer.dtype) == "float32"


@pytest.mark.parametrize("name", builders.names())
def test_answers_floats_as_it_answers_bytes(name):
    """The fit loop hands pictures as bytes, the download as numbers from 0 to 255."""
    kind, task = builders.get(name).DATA_TYPES[-1], builders.get(name).TASKS[0]
    (core,) = build(name, kind, task).deliverables.values()
    x, _ = examples(signature_of(kind, task), 2)
    floats = {key: array.astype("float32") for key, array in x.items()}
    np.testing.assert_array_equal(core(x), core(floats))


@pytest.mark.parametrize("name", builders.names())
def test_survives_saving(name, tmp_path):
    """What is downloaded answers as it did here, without our code."""
    kind, task = builders.get(name).DATA_TYPES[-1], builders.get(name).TASKS[0]
    (core,) = build(name, kind, task).deliverables.values()
    x, _ = examples(signature_of(kind, task), 2)
    core.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(core(x), again(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", builders.names())
def test_learns_eight_examples(name):
    """Gradients reach the weights: the loss falls on eight examples in twenty steps."""
    kind, task = builders.get(name).DATA_TYPES[-1], builders.get(name).TASKS[0]
    (stage,) = build(name, kind, task).stages
    x, y = examples(signature_of(kind, task), 8)
    stage.model.compile("adam", loss=stage.loss, metrics=stage.metrics())
    losses = stage.model.fit(x, y, batch_size=8, epochs=20, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("name", builders.names())
def test_same_seed_gives_same_weights(name):
    """A recipe run twice is one run."""
    kind, task = builders.get(name).DATA_TYPES[0], builders.get(name).TASKS[0]
    first, second = (build(name, kind, task).stages[0].model.get_weights() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", builders.names())
def test_lists_its_layers(name):
    """The table's parameters add up to the model's own count."""
    kind, task = builders.get(name).DATA_TYPES[-1], builders.get(name).TASKS[0]
    (core,) = build(name, kind, task).deliverables.values()
    table = layer_table(core)
    assert sum(row["parameters"] for row in table) == core.count_params()
    assert table[0]["kind"] == "Input"
    assert table[-1]["shape"] == "3"


def test_names_known_families():
    """A typing error is answered with what there is."""
    with pytest.raises(Refusal) as refusal:
        builders.get("mpl")
    known = ", ".join(builders.names())
    assert str(refusal.value) == f"There is no architecture 'mpl'. Did you mean 'mlp'? Available: {known}."


def test_every_data_type_and_task_has_a_family():
    """Nobody is left without a choice."""
    for kind, task in itertools.product(SHAPES, ("classification", "regression")):
        assert builders.fitting(kind, task)
