"""A backup taken while everything runs comes back whole on another machine, or is refused."""

import json
import os
import sqlite3
import threading
import time
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from recipes import Recipe, Refusal
from records import Run, State, Workspace, backup, write_json
from records.catalogue import Catalogue, Queue, RunRow
from training import checkpoints

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path):
    """Two runs of two people with an upload, a secret, a draft, and all that is not worth saving."""
    workspace = Workspace(tmp_path / "old place")
    upload = workspace.new_upload_folder("ada")
    (upload / "data.csv").write_text("a,b\n1,2\n")
    told = {"file": str(upload / "data.csv"), "type": "tabular", "target": "b"}
    for name, owner, values in [("1a", "ada", told), ("2b", "eve", {"sample": "iris"})]:
        run = Run.create(workspace.run_folder(name), Recipe.of({"data": values}))
        write_json(run.folder / "catalogue.json", {"owner": owner, "title": "Chloë"})
        Catalogue(workspace).add(RunRow(name, owner, "Chloë", "finished", 1))
    write_json(workspace.run_folder("1a") / "prepared.json", {"folder": str(workspace.root / "cache" / "x")})
    write_json(workspace.root / "drafts.json", {})
    (workspace.root / "drafts").mkdir()
    write_json(workspace.root / "drafts" / "ada.json", {"data": {"file": str(upload / "data.csv"), "note": "kept"}})
    (workspace.root / "token.secret").write_text("s" * 64)
    (workspace.root / "token.secret").chmod(0o600)
    for name in ("cache/prepared/x.npy", "log/server.log", "incoming/ada/part", "runs/1a/state.json.77.tmp"):
        (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace.root / name).write_text("not worth it")
    (workspace.root / "log" / "audit.jsonl").write_text('{"who": "ada"}\n')
    os.mkfifo(workspace.root / "bell")
    return workspace


def test_everything_that_matters_comes_back(workspace, tmp_path):
    manifest = backup.save(workspace, tmp_path / "all.zip")
    again = Workspace(tmp_path / "new")
    assert backup.restore(tmp_path / "all.zip", again) == manifest
    assert (manifest["runs"], manifest["format"]) == (2, 1)
    names = sorted(str(file.relative_to(again.root)) for file in again.root.rglob("*") if file.is_file())
    upload = next((workspace.root / "uploads").rglob("data.csv")).relative_to(workspace.root)
    assert names == sorted(
        ["catalogue.db", "drafts/ada.json", "log/audit.jsonl", "token.secret", str(upload)]
        + [f"runs/{run}/{name}" for run in ("1a", "2b") for name in ("catalogue.json", "recipe.yaml", "state.json")]
        + ["runs/1a/prepared.json"]
    )
    assert [(run.id, run.title) for run in Catalogue(again).of("ada")] == [("1a", "Chloë")]
    assert (again.root / "token.secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "all.zip").stat().st_mode & 0o777 == 0o600


def test_what_names_a_place_names_the_new_one(workspace, tmp_path):
    """Else a run could not go on from its data."""
    backup.save(workspace, tmp_path / "all.zip")
    again = Workspace(tmp_path / "a rather long name of a folder, with blanks, that YAML folds" / "new")
    backup.restore(tmp_path / "all.zip", again)
    recipe = Run(again.run_folder("1a")).recipe
    assert Path(recipe.data.file).read_text() == "a,b\n1,2\n"
    assert Path(recipe.data.file).is_relative_to(again.root)
    assert Run(again.run_folder("1a")).read("prepared.json") == {"folder": str(again.root / "cache" / "x")}
    draft = json.loads((again.root / "drafts" / "ada.json").read_text())
    assert draft == {"data": {"file": recipe.data.file, "note": "kept"}}
    third = Workspace(tmp_path / "third")
    backup.save(again, tmp_path / "again.zip")
    backup.restore(tmp_path / "again.zip", third)
    assert Path(Run(third.run_folder("1a")).recipe.data.file).is_relative_to(third.root)


def test_a_run_that_goes_on_comes_along_at_a_whole_checkpoint(workspace, tmp_path):
    """Checkpoints are committed and pruned, the catalogue and the metrics are written, all while it is saved."""
    run = Run(workspace.run_folder("2b"))
    queue, over = Queue(Catalogue(workspace)), threading.Event()
    Catalogue(workspace).change("2b", "eve", state="running")

    def train():
        epoch = 0
        while not over.is_set():
            epoch += 1
            checkpoints.commit(run.folder / "checkpoints", snapshot(epoch))
            run.append("metrics", {"epoch": epoch, "loss": 1 / epoch})
            run.write_state(State(state="running", epoch=epoch))
            queue.change("2b", 1, reached=epoch)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        while not checkpoints.every(run.folder / "checkpoints"):
            time.sleep(0.01)
        for number in range(5):
            backup.save(workspace, tmp_path / f"{number}.zip")
    finally:
        over.set()
        thread.join()
    for number in range(5):
        again = Workspace(tmp_path / f"new {number}")
        backup.restore(tmp_path / f"{number}.zip", again)
        restored = Run(again.run_folder("2b"))
        found, _ = checkpoints.newest(restored.folder / "checkpoints")
        assert found is not None
        assert np.array_equal(found.variables[0], np.full(1000, found.finished, "float32"))
        lines, _ = restored.lines("metrics")
        assert [line["epoch"] for line in lines] == list(range(1, len(lines) + 1))
        assert restored.state.state == "running"
        with closing(sqlite3.connect(again.root / "catalogue.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert [row.id for row in Queue(Catalogue(again)).live()] == ["2b"]


def snapshot(epoch):
    values = np.full(1000, epoch, "float32")
    return checkpoints.Snapshot(0, epoch, epoch, [values], ["a"], {}, {}, [])


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_damaged_backup_is_refused_and_nothing_is_restored(workspace, tmp_path, place):
    backup.save(workspace, tmp_path / "all.zip")
    data = bytearray((tmp_path / "all.zip").read_bytes())
    spot = int(len(data) * place)
    data[spot : spot + 40] = bytes(byte ^ 0xFF for byte in data[spot : spot + 40])
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises((backup.Damaged, Refusal)):
        backup.restore(tmp_path / "bad.zip", Workspace(tmp_path / "new"))
    assert [file.name for file in tmp_path.iterdir() if "new" in file.name] == []


def test_a_file_that_was_exchanged_is_named(workspace, tmp_path):
    backup.save(workspace, tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as new:
        for name in old.namelist():
            new.writestr(name, b"{}" if name == "runs/1a/state.json" else old.read(name))
    with pytest.raises(backup.Damaged) as damaged:
        backup.check(tmp_path / "bad.zip")
    assert str(damaged.value) == (
        "The backup is damaged: runs/1a/state.json is not what was saved. Nothing was restored; take another backup."
    )


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "runs/../../evil", "runs\\..\\evil"])
def test_a_backup_that_would_write_elsewhere_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(name, b"x")
        told = {"format": 1, "schema": "0001", "root": "/", "runs": 0, "files": {name: {"sha256": "", "bytes": 1}}}
        archive.writestr("manifest.json", json.dumps(told))
    with pytest.raises(backup.Damaged):
        backup.restore(tmp_path / "bad.zip", Workspace(tmp_path / "new"))
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "new").exists()


def test_only_an_empty_workspace_is_filled(workspace, tmp_path):
    backup.save(workspace, tmp_path / "all.zip")
    with pytest.raises(Refusal, match=r"is not empty\. Choose an empty folder with --workspace\."):
        backup.restore(tmp_path / "all.zip", workspace)


def test_a_backup_of_a_newer_layerwise_is_refused(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(backup, "newest", lambda: "0999_later")
    backup.save(workspace, tmp_path / "all.zip")
    monkeypatch.undo()
    with pytest.raises(Refusal) as refused:
        backup.restore(tmp_path / "all.zip", Workspace(tmp_path / "new"))
    assert str(refused.value) == ("This backup was written by a newer Layerwise. Update Layerwise, then restore it.")


def test_no_backup_overwrites_or_saves_itself(workspace, tmp_path):
    (tmp_path / "all.zip").write_text("mine")
    with pytest.raises(Refusal, match=r"There is a file all\.zip already"):
        backup.save(workspace, tmp_path / "all.zip")
    with pytest.raises(Refusal, match="would lie in the workspace that it saves"):
        backup.save(workspace, workspace.root / "all.zip")
    assert (tmp_path / "all.zip").read_text() == "mine"


def test_a_full_disk_leaves_no_half_backup(workspace, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        backup.save(workspace, tmp_path / "all.zip")
    assert [file.name for file in tmp_path.iterdir()] == ["old place"]


def test_the_command_line_says_what_it_did(workspace, tmp_path, capsys):
    def call(*words):
        return backup.main([str(word) for word in words]), *capsys.readouterr()

    code, out, error = call("save", tmp_path / "all.zip", "--workspace", workspace.root)
    assert (code, error) == (0, "")
    assert out.startswith("Saved 2 runs in 12 files, ")
    assert call("check", tmp_path / "all.zip")[1].startswith("Checked 2 runs in 12 files, ")
    assert call("restore", ROOT / "README.md", "--workspace", tmp_path / "new") == (
        2, "", "The file README.md is no backup of Layerwise, or its end is missing. Choose another file.\n",
    )  # fmt: skip
    assert call("restore", tmp_path / "none.zip", "--workspace", tmp_path / "new") == (
        2, "", f"There is no file {tmp_path / 'none.zip'}.\n",
    )  # fmt: skip
    data = (tmp_path / "all.zip").read_bytes()
    (tmp_path / "bad.zip").write_bytes(data[:200] + bytes(100) + data[300:])
    assert call("check", tmp_path / "bad.zip")[0] == 1
