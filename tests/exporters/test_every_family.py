"""Every format of every family answers in its own runtime, in a clean process, as the model does here."""

import json
import zipfile
from typing import Any

import numpy as np
import pytest

import builders
import exporters
from builders import Blueprint
from datasets import DataSet, Prepared
from evaluation.asked import Asked
from exporters import _core_zip, _tracing, litert, litert_int8
from exporters.check import elsewhere
from exporters.check.elsewhere import Question
from recipes import Recipe, Refusal, Schema, keras
from records import Run
from tests.builders.smallest import build, examples, first_pair, signature_of

CORES = tuple(name for name in exporters.names() if exporters.get(name).CHECK == "core")
EIGHT_BITS = {first_pair(name)[0]: name for name in reversed(builders.names())}
"""Eight bits are tried on one family of each data type: they are made from the file that every family is tried with."""


def exported(folder, name):
    """Export every deliverable of a family in every format that takes a core."""
    kind, task = first_pair(name)
    signature, plan = signature_of(kind, task), build(name, kind, task)
    run = Run.create(folder / name, Recipe.of({"data": {"sample": "penguins"}}))
    schema = Schema(name="smallest", data_type=kind, rows=4, columns=(), task=task, fingerprint="")
    prepared = Prepared(run.folder / "prepared", signature, {}).save({"validation": examples(signature, 4)})
    asked = Asked(run, run.recipe, DataSet(run.folder, schema), prepared, Blueprint((), plan.deliverables))
    return [
        Question(asked, key, deliverable, form, exporters.get(form).export(asked, key, deliverable))
        for key, deliverable in plan.deliverables.items()
        for form in CORES
        if not exporters.get(form).offered(signature)
        and (form != "litert_int8" or EIGHT_BITS[kind] == name or name == "mlp")
    ]


@pytest.mark.parametrize("name", builders.names())
def test_every_export_of_every_family_answers_in_its_own_runtime(name, tmp_path):
    """Within 1e-4 of Keras in full precision, numbers of the same shape in eight bits; the models stay as they were."""
    questions = exported(tmp_path, name)
    assert questions
    for question, apart in zip(questions, elsewhere.ready_apart(questions), strict=True):
        assert isinstance(apart, float), (question.name, question.form, apart)
        assert np.isfinite(apart), (question.name, question.form)
        assert apart <= (question.format.TOLERANCE or np.inf), (question.name, question.form)
        core = _core_zip.Core.of(question.asked, question.deliverable)
        assert not any(layer.unroll for layer in _tracing.layers_of(core.model)), "fitted on after a keep"


def test_litert_refuses_what_it_would_have_to_write_out_step_by_step():
    inputs = {"tokens": keras.Input((700,), dtype="int32", name="tokens")}
    x = keras.layers.LSTM(2)(keras.layers.Embedding(5, 2)(inputs["tokens"]))
    nothing: Any = None
    core = _core_zip.Core(nothing, nothing, keras.Model(inputs, {"answer": x}), "litert")
    with pytest.raises(Refusal) as refused:
        litert.converted(core)
    assert str(refused.value) == (
        "LiteRT knows no loops, so the 700 steps of this model would be written out one by one, and at most 600 are. "
        "Take ONNX, or train with a shorter length."
    )


@pytest.mark.parametrize("form", ["litert", "litert_int8"])
def test_painting_needs_pictures_of_any_size(form):
    why = exporters.get(form).offered(signature_of("style", "styling"))
    assert why == "LiteRT takes pictures of one size only, and this model paints pictures of any size. Take ONNX."


def test_eight_bits_are_for_the_weights_alone_where_numbers_lose_too_much(tmp_path, monkeypatch):
    """The file stays small either way, and says which it is."""
    (question,) = [each for each in exported(tmp_path, "mlp") if each.form == "litert_int8"]
    sizes, told = [], []
    for least in (0.0, 2.0):
        monkeypatch.setattr(litert_int8, "LEAST_AGREEMENT", least)
        file = litert_int8.export(question.asked, "model", question.deliverable)
        with zipfile.ZipFile(file) as archive:
            sizes.append(archive.getinfo("model.tflite").file_size)
            told.append(json.loads(archive.read("preprocessing.json"))["eight_bits"])
    assert told == ["weights and numbers", "weights"]
    whole = litert.converted(_core_zip.Core.of(question.asked, question.deliverable, "litert"))
    assert max(sizes) < 0.5 * len(whole)
