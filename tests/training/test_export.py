"""A finished run's model is written in another format by a job, which proves it in a clean process first."""

import json

import pytest

import exporters
from recipes import keras
from records import job
from tests.training.test_opened import runs, trained  # noqa: F401 - a fixture
from training import jobs
from training.jobs import export


@pytest.fixture(scope="module")
def run(runs):  # noqa: F811 - the fixture itself
    return trained(runs, "penguins", "penguins", "mlp", epochs=3)


def asked(run, **settings):
    """Put the question into its folder and answer it here."""
    place = job.JobFolder.of(run, "export", settings)
    place.folder.mkdir(parents=True, exist_ok=True)
    (place.folder / "job.json").write_text(json.dumps({"kind": "export", "settings": settings}), encoding="utf-8")
    jobs.main(place.folder)
    return place


def test_a_job_writes_the_file_checks_it_and_enters_it(run):
    kept = run.read("deliverables.json")["model"]
    place = asked(run, format="onnx", deliverable="model", model=kept["sha256"])
    assert place.state.state == "finished", place.state.text
    told = run.read("deliverables.json")
    assert told["model"] == kept
    assert told["model.onnx.zip"] == place.result
    assert place.result["checked"]
    assert place.result["model"] == kept["sha256"]
    assert (run.folder / place.result["file"]).stat().st_size == place.result["bytes"]
    assert kept["milliseconds"] > 0


def test_what_a_converter_cannot_hold_is_told_in_a_sentence(run, monkeypatch, capsys):
    def gives_up(*_):
        raise RuntimeError("no such operation: Bitcast")

    monkeypatch.setattr(exporters.get("litert"), "export", gives_up)
    place = asked(run, format="litert", deliverable="model", model="1")
    assert place.state.state == "failed"
    assert place.state.text == "LiteRT cannot hold a part of this model: its converter gave up. Take another format."
    assert "no such operation: Bitcast" in capsys.readouterr().err


def test_a_file_that_answers_otherwise_is_not_kept(run, monkeypatch):
    monkeypatch.setattr(export, "checked", lambda _: [{"checked": False, "sentence": "It differs."}])
    place = asked(run, format="onnx", deliverable="model", model="2")
    assert (place.state.state, place.state.text) == ("failed", "It differs.")
    assert not (run.folder / "deliverables" / "model.onnx.zip").exists()


def test_an_unknown_part_of_a_run_names_the_known_ones(run):
    place = asked(run, format="onnx", deliverable="decoder", model="3")
    assert place.state.text == "There is no deliverable 'decoder'. Available: model."


def test_a_run_of_half_size_numbers_is_exported_in_full_precision(runs):  # noqa: F811 - the fixture itself
    """A GPU trains so by itself; ONNX Runtime and LiteRT know little of it."""
    run = trained(runs, "half", "iris", "mlp", epochs=2, mixed_precision="on")
    place = asked(run, format="onnx", deliverable="model", model="4")
    assert keras.config.dtype_policy().name == "float32"
    assert place.state.state == "finished", place.state.text
    assert place.result["largest_difference"] <= 1e-4
