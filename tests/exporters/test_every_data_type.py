"""Raw values of every data type are answered elsewhere as in Keras: by TensorFlow alone, and by `predict.py`."""

import pytest

import builders
import datasets
import exporters
from evaluation.asked import Asked
from exporters.check import elsewhere
from exporters.check.elsewhere import Question
from recipes import Recipe
from records import Run, Workspace
from training import plan, shelf

SAMPLES = {
    (sample.data_type, sample.task): sample
    for kind in datasets.names()
    if kind not in ("tabular", "image")  # these go the whole way in test_formats.py
    for sample in sorted(datasets.get(kind).samples(), key=lambda each: -each.rows)
    if not sample.online
}
"""The smallest sample of each data type and task."""
STRINGS = ("text", "mixed")
"""Asked by TensorFlow, too; it loads slowly, and what it runs is the very graph of Keras."""


@pytest.mark.parametrize(("kind", "task"), SAMPLES)
def test_raw_values_are_answered_as_in_keras(kind, task, tmp_path):
    """Real rows of a sample, a fresh model: answers depend on every input alike."""
    sample = SAMPLES[kind, task]
    values = {"data": {"sample": sample.name}, "model": {"architecture": sample.architecture}}
    recipe, dataset, prepared = shelf.open_prepared(plan.resolve(Recipe.of(values)), Workspace(tmp_path / "workspace"))
    family = recipe.model.architecture
    blueprint = builders.get(family).build(prepared.signature, builders.config(family, {}))
    asked = Asked(Run.create(tmp_path / "run", recipe), recipe, dataset, prepared, blueprint)
    name, deliverable = next(iter(blueprint.deliverables.items()))
    questions = [
        Question(asked, name, deliverable, form, exporters.get(form).export(asked, name, deliverable))
        for form in (("onnx", "saved_model") if kind in STRINGS else ("onnx",))
    ]
    for question, told in zip(questions, elsewhere.checked(questions), strict=True):
        assert told["checked"], told["sentence"]
        assert told["largest_difference"] <= (elsewhere.tolerance_of(question) or 0)
        assert told.get("difference_from_raw", 0.0) <= 1e-3
