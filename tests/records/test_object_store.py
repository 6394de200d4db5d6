"""Finished runs are copied whole or not at all, and come back the same; damage and wrong addresses are told."""

import json

import fsspec
import pytest

from recipes import Recipe, Refusal
from records import Run, Workspace, object_store, write_json
from records.object_store import DamagedError, Store


@pytest.fixture(params=["file", "memory"])
def address(request, tmp_path):
    """A folder elsewhere, and a store that knows keys only, as object stores do."""
    if request.param == "file":
        yield f"file://{tmp_path}/archive"
    else:
        yield "memory://archive"
        fsspec.filesystem("memory").store.clear()


@pytest.fixture
def store(address):
    return Store.of(address)


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")


def made(workspace, state="finished"):
    run = Run.create(workspace.new_run_folder(), Recipe.parse("data: {sample: penguins}"))
    run.append("metrics", {"epoch": 1, "loss": 0.5})
    (run.folder / "deliverables").mkdir()
    (run.folder / "deliverables" / "model.keras").write_bytes(b"model" * 1000)
    (run.folder / "prepared.json").write_text("{}")
    (run.folder / "jobs").mkdir()
    (run.folder / "jobs" / "big.onnx").write_bytes(b"made anew on demand")
    if state:
        write_json(run.folder / "done.json", {"state": state, "attempt": 1, "time": 0})
    return run


def everything(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_run_comes_back_as_it_was(store, workspace, tmp_path):
    run = made(workspace)
    before = everything(run.folder)
    told = object_store.save_all(store, workspace)
    assert told["saved"] == store.runs() == [run.id]
    elsewhere = Workspace(tmp_path / "another")
    back = store.bring(run.id, elsewhere)
    after = everything(back.folder)
    assert after == {name: data for name, data in before.items() if name not in ("prepared.json", "jobs/big.onnx")}
    assert told["bytes"] == sum(len(data) for data in after.values())
    assert back.recipe == run.recipe


def test_only_what_is_finished_and_not_there_yet_is_copied(store, workspace):
    made(workspace, "")
    made(workspace, "failed")
    done = made(workspace)
    assert object_store.save_all(store, workspace)["saved"] == [done.id]
    assert object_store.save_all(store, workspace)["saved"] == []


def test_a_copy_that_broke_off_does_not_count(store, workspace, monkeypatch):
    run = made(workspace)
    whole, files = object_store._copy, []

    def breaks_off(source, target):
        if len(files) == 2:
            raise OSError(5, "the line is broken")
        files.append(1)
        return whole(source, target)

    monkeypatch.setattr(object_store, "_copy", breaks_off)
    with pytest.raises(OSError, match="the line is broken"):
        store.save(run)
    assert store.runs() == []
    monkeypatch.undo()
    store.save(run)
    assert store.runs() == [run.id]


@pytest.mark.parametrize("spoil", ["other bytes", "missing"])
def test_a_damaged_copy_is_not_used(store, workspace, tmp_path, spoil):
    run = made(workspace)
    store.save(run)
    file = f"{store.root}/{run.id}/deliverables/model.keras"
    if spoil == "missing":
        store.files.rm_file(file)
    else:
        store.files.pipe_file(file, b"MODEL" * 1000)
    elsewhere = Workspace(tmp_path / "another")
    with pytest.raises(DamagedError):
        store.bring(run.id, elsewhere)
    assert list(elsewhere.runs.iterdir()) == []


def test_a_copy_writes_nowhere_else(store, workspace, tmp_path):
    run = made(workspace)
    store.save(run)
    told = {"../../outside": {"bytes": 4, "sha256": "0"}}
    store.files.pipe_file(f"{store.root}/{run.id}/whole.json", json.dumps(told).encode())
    with pytest.raises(DamagedError, match="outside of the run's folder"):
        store.bring(run.id, Workspace(tmp_path / "another"))
    assert not (tmp_path / "outside").exists()


def test_a_mirror_forgets_what_was_deleted(store, workspace, tmp_path):
    kept, deleted = made(workspace), made(workspace)
    object_store.save_all(store, workspace)
    for name in everything(deleted.folder):
        (deleted.folder / name).unlink()
    assert object_store.save_all(store, workspace, mirror=True)["removed"] == [deleted.id]
    assert store.runs() == [kept.id]
    with pytest.raises(Refusal, match="has no run at all"):
        object_store.save_all(store, Workspace(tmp_path / "empty"), mirror=True)
    assert store.runs() == [kept.id]


def test_the_command_says_what_it_did(address, workspace, monkeypatch, capsys, tmp_path):
    run = made(workspace)
    monkeypatch.setenv("LAYERWISE_ARCHIVE", address)

    def told(*words, root=workspace.root):
        code = object_store.main([*words, "--workspace", str(root)])
        out = capsys.readouterr()
        return code, json.loads(out.out) if out.out else out.err.strip()

    assert told("save")[1]["saved"] == [run.id]
    assert told("list") == (0, {"runs": [run.id]})
    assert told("bring", run.id) == (2, f"The run {run.id} is here already.")
    assert told("bring", run.id, root=tmp_path / "another") == (0, {"brought": [run.id]})
    assert told("remove", run.id) == (0, {"removed": [run.id]})
    assert told("bring", run.id) == (2, f"The run {run.id} is here already.")
    assert told("remove", "nothing") == (2, "There is no copy of a run nothing. `list` names those there are.")


def test_an_address_that_cannot_be_used_is_told():
    with pytest.raises(Refusal) as refused:
        Store.of("")
    assert str(refused.value) == (
        "LAYERWISE_ARCHIVE is not set. Give it an address such as s3://bucket/layerwise or file:///mnt/archive."
    )
    with pytest.raises(Refusal) as refused:
        Store.of("nowhere://bucket")
    assert str(refused.value).startswith("LAYERWISE_ARCHIVE begins with 'nowhere', which needs a package that is not")
