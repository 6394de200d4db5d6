"""Runs travel to another machine as one file; what is damaged or hostile is refused and leaves nothing."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from recipes import Recipe, Refusal
from records import Run, Workspace, project
from records.project import Member

UPLOAD = "a,b\n1,2\n"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def run(workspace, tmp_path):
    file = tmp_path / "mine" / "table.csv"
    file.parent.mkdir()
    file.write_text(UPLOAD)
    run = Run.create(workspace.new_run_folder(), Recipe.of({"data": {"file": str(file), "type": "tabular"}}))
    run.write_state(run.state.model_copy(update={"state": "finished", "phase": "done"}))
    run.append("metrics", {"epoch": 1, "loss": 0.5})
    epoch = run.folder / "checkpoints" / "epoch-0001"
    epoch.mkdir(parents=True)
    (epoch / "variables.npz").write_bytes(b"weights")
    (epoch.parent / "LATEST").write_text("epoch-0001")
    (run.folder / "deliverables").mkdir()
    (run.folder / "deliverables" / "model.keras").write_bytes(b"model")
    (run.folder / "log.txt").write_text("private")
    return run


def saved(tmp_path, *members):
    file = tmp_path / "runs.lwz"
    file.write_bytes(b"".join(project.zipped(members)))
    return file


def changed(file, change):
    """Write the project anew, with its files in the hands of `change`."""
    with zipfile.ZipFile(file) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    file.write_bytes(out.getvalue())
    return file


def test_a_run_comes_back_with_its_data_under_a_new_id(workspace, tmp_path, run):
    (member,) = project.opened(saved(tmp_path, Member(run, "My run", starred=True)), workspace, "bob")
    taken = member.run
    assert (member.title, member.starred) == ("My run", True)
    assert taken.id != run.id
    assert taken.lines("metrics")[0] == [{"epoch": 1, "loss": 0.5}]
    assert (taken.folder / "checkpoints" / "epoch-0001" / "variables.npz").read_bytes() == b"weights"
    file = Path(taken.recipe.data.file)
    assert file.read_text() == UPLOAD
    assert "/uploads/bob/" in str(file)
    assert taken.read("origin.json")["id"] == run.id


def test_model_files_logs_and_places_stay_behind(workspace, tmp_path, run):
    (member,) = project.opened(saved(tmp_path, Member(run, "x")), workspace, "bob")
    inside = {str(file.relative_to(member.run.folder)) for file in member.run.folder.rglob("*") if file.is_file()}
    assert inside == {
        "recipe.yaml", "state.json", "metrics.jsonl", "checkpoints/LATEST", "checkpoints/epoch-0001/variables.npz",
        "origin.json",
    }  # fmt: skip


def test_two_runs_of_one_upload_take_it_along_once(workspace, tmp_path, run):
    other = Run.create(workspace.new_run_folder(), run.recipe)
    file = saved(tmp_path, Member(run, "one"), Member(other, "two"))
    with zipfile.ZipFile(file) as archive:
        assert [name for name in archive.namelist() if name.startswith("data/")] == ["data/0/table.csv"]


def test_a_run_that_still_went_can_be_resumed(workspace, tmp_path, run):
    run.write_state(run.state.model_copy(update={"state": "running", "phase": "training"}))
    (member,) = project.opened(saved(tmp_path, Member(run, "x")), workspace, "bob")
    assert (member.run.state.state, member.run.state.can_resume) == ("stopped", True)
    assert member.run.state.message == "Came from another computer while it still ran."


def add(name, data=b"x"):
    def change(files):
        told = json.loads(files["project.json"])
        told["files"][name] = "0"
        files[name] = data
        files["project.json"] = json.dumps(told).encode()

    return change


def drop_listing(files):
    files["runs/stowaway/log.txt"] = b"x"


def spoil(files):
    name = next(name for name in files if name.endswith("variables.npz"))
    files[name] = b"others"


def break_recipe(files):
    name = next(name for name in files if name.endswith("recipe.yaml"))
    files[name] = b"data: ["


@pytest.mark.parametrize(
    "change",
    [
        add("runs/../../evil.txt"), add("/etc/evil"), add("data/0/../../evil"),
        add("runs/abc/deliverables/model.keras"), add("runs/abc/ask.json"),
        add("runs/abc/checkpoints/epoch-1/evil.py"), drop_listing, spoil, break_recipe,
        lambda files: files.pop("project.json"),
    ],
    ids=["up", "root", "data up", "model", "wish", "checkpoint", "not listed", "other bytes", "recipe", "none"],
)  # fmt: skip
def test_a_damaged_or_hostile_project_is_refused_and_leaves_nothing(workspace, tmp_path, run, change):
    file = changed(saved(tmp_path, Member(run, "x")), change)
    before = sorted(workspace.root.rglob("*"))
    with pytest.raises(Refusal) as refusal:
        project.opened(file, workspace, "bob")
    assert str(refusal.value) == project.NO_PROJECT
    left = [each for each in sorted(workspace.root.rglob("*")) if each not in before and each.is_file()]
    assert left == []
    assert not (tmp_path / "evil.txt").exists()


def test_a_zip_that_grows_too_much_is_refused(workspace, tmp_path):
    file = tmp_path / "bomb.lwz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.json", b" " * (400 * 2**20))
    with pytest.raises(Refusal, match="This file is no project of Layerwise"):
        project.opened(file, workspace, "bob")


def test_what_is_no_zip_is_refused(workspace, tmp_path):
    file = tmp_path / "x.lwz"
    file.write_text("hello")
    with pytest.raises(Refusal, match="This file is no project of Layerwise"):
        project.opened(file, workspace, "bob")
