"""Every explanation that is offered for a family runs on it and gives finite numbers that can be drawn and sent."""

import json

import numpy as np
import pytest

from evaluation import explain
from evaluation.explain import integrated_gradients
from evaluation.explain._network import network_of
from recipes import Recipe, Refusal, keras
from records import Run
from tests.builders.smallest import pairs
from tests.evaluation.explain.planted import smallest
from ui import explain as drawings

OF_CELLS = ("what_if", "counterfactual", "partial_dependence")
"""These need the cells of a real data set; `test_explain.py` asks them about one."""


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch):
    """One copy and eight steps are enough to see that it runs."""
    monkeypatch.setattr(explain, "COPIES", 1)
    monkeypatch.setattr(integrated_gradients, "STEPS", (8,))


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", Recipe.of({"data": {"sample": "penguins"}}))


@pytest.mark.parametrize("name", explain.names())
def test_introduces_itself(name):
    """The tab shows these words."""
    method = explain.get(name)
    assert method.TITLE[0].isupper()
    assert len(method.TITLE) <= 24
    assert method.SENTENCE.endswith(".")
    assert method.PAPER[-4:].isdigit()
    assert method.SCOPE in ("example", "model")
    assert "Paper: " in str(method.__doc__)


@pytest.mark.parametrize(("family", "kind", "task"), pairs())
def test_what_is_offered_runs_and_is_finite(run, tmp_path, family, kind, task):
    asked = smallest(run, tmp_path / "data", family, kind, task)
    before = [keras.ops.convert_to_numpy(weight).copy() for weight in asked.core.weights]
    for name in explain.offered(asked.signature, asked.blueprint):
        if name in OF_CELLS:
            continue
        try:
            told = explain.explain(asked, {"method": name})
        except Refusal as refused:
            assert str(refused).endswith(".")  # noqa: PT017 - some models have no encoder
            continue
        assert told["panel"]["kind"] in drawings.names()
        assert "NaN" not in json.dumps(told)
        assert _is_finite(told), (name, told)
    for weight, former in zip(asked.core.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), former)


def test_single_answers_are_explained_for_every_family_that_answers(run, tmp_path):
    """A family that names a class or a number must not be without any explanation."""
    for number, (family, kind, task) in enumerate(pairs()):
        if task in ("classification", "regression", "forecasting"):
            asked = smallest(run, tmp_path / str(number), family, kind, task)
            found = explain.offered(asked.signature, asked.blueprint)
            assert any(explain.get(name).SCOPE == "example" for name in found), (family, kind, task)
            assert network_of(asked)


def test_every_drawing_has_a_method():
    """A kind of panel that nothing writes is dead code."""
    assert set(drawings.names()) == {
        "heat", "words", "stretches", "importance", "dependence", "changes", "parts", "map", "grid",
        "passages", "earlier",
    }  # fmt: skip


def _is_finite(value):
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return value is None or isinstance(value, (str, bool)) or np.isfinite(value)
