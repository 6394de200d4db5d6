"""Explanations as a job, and at once by the warm process."""

import json

import pytest

from recipes import Refusal
from records import Run
from records.job import JobFolder
from tests.evaluation.explain.real import penguins
from training import jobs
from training.jobs import explain


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return penguins(tmp_path_factory.mktemp("explained"))


@pytest.fixture
def run(asked, monkeypatch):
    """The run of a fitted model; opening it costs nothing here."""
    opened = []
    monkeypatch.setattr("training.opened.opened", lambda run: opened.append(run) or asked)
    latest = asked.run.folder / "checkpoints" / "LATEST"
    latest.parent.mkdir(exist_ok=True)
    latest.write_text("epoch-0001")
    return asked.run, opened


def test_the_warm_process_lists_what_suits_a_table(run):
    told = explain.Desk().answer({"run": str(run[0].folder)})
    assert [each["method"] for each in told["methods"]] == [
        "what_if", "counterfactual", "permutation_importance", "partial_dependence", "feature_map",
    ]  # fmt: skip
    assert all(each["title"] and each["sentence"] and each["paper"] for each in told["methods"])
    assert len(told["wrong"]) <= 5


def test_a_run_is_opened_once_and_a_question_answered_once(run, monkeypatch):
    desk, question = explain.Desk(), {"run": str(run[0].folder), "settings": {"method": "what_if"}}
    first = desk.answer(question)
    monkeypatch.setattr("evaluation.explain.explain", lambda *_: pytest.fail("asked again"))
    assert desk.answer(question) is first
    assert len(run[1]) == 1
    json.dumps(first)


def test_what_takes_long_is_left_to_a_job(run, monkeypatch):
    monkeypatch.setattr(explain, "QUICK", 0.0)
    told = explain.Desk().answer({"run": str(run[0].folder), "settings": {"method": "permutation_importance"}})
    assert list(told) == ["slow"]
    assert told["slow"] > 0


def test_more_looks_take_longer(asked):
    quick, slow = ({"method": name} for name in ("what_if", "permutation_importance"))
    assert explain.about_seconds(asked, quick) < explain.about_seconds(asked, slow)
    assert explain.about_seconds(asked, {"method": "feature_map", "by": "tsne"}) > explain.QUICK


def test_a_run_without_a_checkpoint_says_so(tmp_path, asked):
    bare = Run.create(tmp_path / "bare", asked.recipe)
    with pytest.raises(Refusal) as refused:
        explain.Desk().answer({"run": str(bare.folder)})
    assert str(refused.value) == (
        "This run has kept nothing that could be asked. Train it again to see why it answers so."
    )


def test_a_job_writes_its_result_and_can_be_stopped(run):
    place = JobFolder.of(run[0], "explain", {"method": "permutation_importance"})
    place.folder.mkdir(parents=True)
    (place.folder / "job.json").write_text(
        json.dumps({"kind": "explain", "settings": {"method": "permutation_importance"}})
    )
    (place.folder / "ask.json").write_text("{}")
    assert jobs.main(place.folder) == 0
    assert json.loads((place.folder / "state.json").read_text())["state"] == "stopped"
    (place.folder / "ask.json").unlink()
    assert jobs.main(place.folder) == 0
    assert json.loads((place.folder / "state.json").read_text())["state"] == "finished"
    assert place.result["panel"]["kind"] == "importance"
