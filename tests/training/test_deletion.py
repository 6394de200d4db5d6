"""Deleting for good: nothing of a person stays, and nothing of anybody else goes."""

import json
import time

import pytest

from recipes import Recipe, Refusal
from records import Run, Workspace, write_json
from records.catalogue import Catalogue, RunRow
from records.classes import Classes
from records.people import People
from training import deletion, marks, plan
from training.executor import Executor
from training.takeover import take_over


@pytest.fixture
def executor(tmp_path):
    workspace = Workspace(tmp_path)
    marks.hold(marks.supervisor_lock(workspace))
    return Executor(workspace)


def upload(workspace, owner, name="own.csv"):
    file = workspace.new_upload_folder(owner) / name
    file.write_text("a,b\n" + "\n".join(f"{n},{n % 2}" for n in range(40)))
    return file


def trained(executor, owner, file=None, state="finished"):
    """A run as it lies there when it is done, with what the cache made for it."""
    workspace = executor.workspace
    text = f"data: {{file: {file}, type: tabular}}" if file else "data: {sample: penguins}"
    run = Run.create(workspace.new_run_folder(), plan.resolve(Recipe.parse(text)))
    write_json(run.folder / "catalogue.json", {"owner": owner, "title": "A run"})
    places = {}
    for kind, name in (("prepared", "folder"), ("datasets", "dataset")):
        folder = workspace.cached(kind, {"of": str(file)})
        folder.mkdir(parents=True, exist_ok=True)
        places[name] = str(folder)
    write_json(run.folder / "prepared.json", places)
    now = time.time()
    executor.catalogue.add(RunRow(run.id, owner, "A run", state, 1, place=now, created=now, updated=now))
    return run


def cached(executor):
    return sorted(
        file.name for kind in ("prepared", "datasets") for file in (executor.workspace.root / "cache" / kind).iterdir()
    )


def test_everything_of_a_person_goes_and_nothing_else(executor):
    workspace = executor.workspace
    mine, shared = upload(workspace, "ada"), trained(executor, "eve")
    run = trained(executor, "ada", mine)
    trained(executor, "ada")
    reading = workspace.root / "cache" / "reading" / "job"
    reading.mkdir(parents=True)
    only_read = workspace.cached("datasets", {"of": "a file that was never trained on"})
    only_read.mkdir(parents=True)
    write_json(reading / "job.json", {"data": {"file": str(mine)}})
    write_json(reading / "progress.json", {"dataset": str(only_read)})
    (workspace.root / "drafts").mkdir()
    write_json(workspace.root / "drafts" / "ada.json", {})
    words = People(workspace).make_words("ada")

    deletion.everything(executor, "ada")

    assert executor.runs("ada") == []
    assert not run.folder.exists()
    assert not (workspace.root / "uploads" / "ada").exists()
    assert not (workspace.root / "drafts" / "ada.json").exists()
    assert not reading.exists()
    assert not only_read.exists()
    assert list((workspace.root / "trash").iterdir()) == []
    with pytest.raises(Refusal):
        People(workspace).owner_of_words(words, "here")
    assert [row.id for row in executor.runs("eve")] == [shared.id]
    assert cached(executor) == sorted(workspace.cached(kind, {"of": "None"}).name for kind in ("prepared", "datasets"))
    assert "everything deleted" in (workspace.root / "log" / "audit.jsonl").read_text()


def test_what_another_run_reads_too_stays_in_the_cache(executor):
    file = upload(executor.workspace, "ada")
    first, second = trained(executor, "ada", file), trained(executor, "ada", file)
    before = cached(executor)
    deletion.runs(executor, "ada", [row for row in executor.runs("ada") if row.id == first.id])
    assert cached(executor) == before
    deletion.runs(executor, "ada", [row for row in executor.runs("ada") if row.id == second.id])
    assert cached(executor) == []


def test_a_waiting_run_goes_at_once(executor):
    name = executor.submit(Recipe.parse("data: {sample: penguins}"), "ada")
    deletion.runs(executor, "ada", executor.runs("ada"))
    assert Catalogue(executor.workspace).find(name, "ada") is None
    assert not executor.workspace.run_folder(name).exists()


def test_a_run_that_does_not_stop_keeps_everything(executor, monkeypatch):
    monkeypatch.setattr(deletion, "PATIENCE", 0.2)
    run = trained(executor, "ada", state="running")
    with pytest.raises(Refusal) as refused:
        deletion.runs(executor, "ada", executor.runs("ada"))
    assert str(refused.value) == "1 run is still going and could not be stopped yet. Try again in a moment."
    assert run.folder.exists()
    assert run.asked() == "stop"


def test_a_class_goes_with_what_was_made_in_it_and_no_more(executor):
    classes = Classes(executor.workspace)
    room = classes.open("teacher", "Physics 9b")
    file, other = upload(executor.workspace, "ada"), upload(executor.workspace, "ada", "private.csv")
    private = trained(executor, "ada", other)
    classes.join(room.code, "ada", "Ada", "here")
    made = trained(executor, "ada", file)
    classes.note_run("ada", made.id)
    deletion.whole_class(executor, room.id, "teacher")
    assert [row.id for row in executor.runs("ada")] == [private.id]
    assert (file.exists(), other.exists()) == (False, True)
    assert (classes.taught("teacher"), classes.joined("ada")) == ([], None)


def test_a_foreign_class_cannot_be_deleted(executor):
    classes = Classes(executor.workspace)
    room = classes.open("teacher", "Physics 9b")
    with pytest.raises(Refusal):
        deletion.whole_class(executor, room.id, "another teacher")
    assert [each.id for each in classes.taught("teacher")] == [room.id]


def test_runs_from_before_signing_in_are_taken_over_with_their_files(executor):
    workspace = executor.workspace
    file = upload(workspace, "browser")
    run = trained(executor, "browser", file)
    (workspace.root / "drafts").mkdir()
    write_json(workspace.root / "drafts" / "browser.json", {"data": {"file": str(file), "type": "tabular"}})
    assert take_over(workspace, "browser", "account") == 1
    assert [row.id for row in executor.runs("account")] == [run.id]
    moved = workspace.root / "uploads" / "account" / file.parent.name / file.name
    assert moved.exists()
    assert run.recipe.data.file == str(moved.resolve())
    assert json.loads((run.folder / "catalogue.json").read_text())["owner"] == "account"
    draft = json.loads((workspace.root / "drafts" / "account.json").read_text())
    assert draft["data"]["file"] == str(moved.resolve())
    assert take_over(workspace, "browser", "account") == 0


def test_an_upload_goes_alone_but_not_from_under_a_run_that_waits(executor):
    file = upload(executor.workspace, "ada")
    kept = upload(executor.workspace, "ada", "kept.csv")
    name = executor.submit(Recipe.parse(f"data: {{file: {file}}}"), "ada")
    with pytest.raises(Refusal) as refused:
        deletion.upload(executor, "ada", file.parent.name)
    assert str(refused.value) == "A run that waits or goes reads these data. Stop it first, then delete them."
    executor.cancel(name, "ada")
    deletion.upload(executor, "ada", file.parent.name)
    assert (file.exists(), kept.exists()) == (False, True)
    with pytest.raises(Refusal):
        deletion.upload(executor, "ada", "../../runs")
