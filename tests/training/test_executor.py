"""What screens may ask of runs, the sentences that refuse the rest, and that no owner sees another's."""

import os
import shutil
from collections import namedtuple

import pytest

from recipes import Recipe, Refusal
from records import Run, Workspace, write_json
from training import devices, marks
from training.executor import Executor
from training.forecast import Turn

RECIPE = Recipe.parse("data: {sample: penguins}\ntraining: {epochs: 3}")


@pytest.fixture
def executor(tmp_path):
    """An executor whose queue nobody works off."""
    workspace = Workspace(tmp_path / "workspace")
    lock = marks.hold(marks.supervisor_lock(workspace))
    assert lock is not None
    yield Executor(workspace)
    os.close(lock)


@pytest.fixture
def run(executor):
    return executor.submit(RECIPE, "ada")


def end(executor, run, state):
    executor.catalogue.change(run, "ada", state=state, attempt=1)


def refused(act):
    with pytest.raises(Refusal) as refusal:
        act()
    return str(refusal.value)


def test_submits_with_every_setting_written_out(executor, run):
    recipe = executor.folder(run, "ada").recipe
    assert recipe.training["epochs"] == 3
    assert recipe.training["optimizer"] == "adam"
    assert recipe.model.architecture == "mlp"
    assert recipe.data.target == "species"
    row = executor.status(run, "ada")
    assert (row.state, row.attempt, row.title) == ("queued", 0, "Dense network · penguins")


def test_a_mistaken_recipe_makes_no_run(executor):
    mistaken = Recipe.parse("data: {sample: penguins}\nmodel: {architecture: mpl}")
    assert "There is no architecture 'mpl'. Did you mean 'mlp'?" in refused(lambda: executor.submit(mistaken, "ada"))
    assert executor.runs("ada") == []
    assert list(executor.workspace.runs.iterdir()) == []


@pytest.mark.parametrize("name", ["stop", "keep", "cancel", "resume", "delete", "star"])
def test_nobody_touches_a_foreign_run(executor, run, name):
    """Foreign, unknown and malformed names are answered with the same words."""
    for stranger in (run, "nothing"):
        words = refused(lambda name=name, run=stranger: getattr(executor, name)(run, "eve"))
        assert words == "There is no such run. Open it again from the Runs page."
    assert executor.status(run, "eve") is None
    assert executor.folder(run, "eve") is None
    assert executor.status("../etc", "ada") is None
    assert executor.status(run, "ada").state == "queued"


def test_cancels_what_waits(executor, run):
    executor.cancel(run, "ada")
    assert executor.status(run, "ada").state == "cancelled"
    state = executor.folder(run, "ada").state
    assert (state.state, state.message) == ("cancelled", "Cancelled before it started.")
    assert executor.position(run) is None
    executor.resume(run, "ada")
    assert executor.position(run) == 1
    assert executor.folder(run, "ada").state.state == "queued"


def test_keeping_a_run_that_waits_is_refused(executor, run):
    assert refused(lambda: executor.keep(run, "ada")) == (
        "This run has not started yet, so there is nothing to keep. Wait for it, or cancel it."
    )


def test_asks_a_worker_through_the_folder(executor, run):
    end(executor, run, "running")
    executor.keep(run, "ada")
    assert executor.folder(run, "ada").asked() == "keep"
    executor.stop(run, "ada")
    assert executor.folder(run, "ada").asked() == "stop"


def test_stopping_what_has_ended_is_refused(executor, run):
    end(executor, run, "finished")
    assert refused(lambda: executor.stop(run, "ada")) == "This run is not going, so there is nothing to stop."


def test_resumes_only_what_has_stopped(executor, run):
    assert refused(lambda: executor.resume(run, "ada")) == (
        "This run is still going. Stop it first, or wait for its end."
    )
    end(executor, run, "finished")
    assert refused(lambda: executor.resume(run, "ada")) == (
        "This run is finished. Use its settings again for a new one."
    )


def test_a_resume_forgets_the_old_wish_and_the_old_end(executor, run):
    end(executor, run, "stopped")
    folder = executor.folder(run, "ada")
    folder.ask("stop")
    write_json(folder.folder / "done.json", {"state": "stopped", "attempt": 1, "time": 0})
    executor.resume(run, "ada")
    assert folder.asked() is None
    assert not folder.is_done
    assert executor.status(run, "ada").attempt == 1


def test_a_running_run_is_not_deleted(executor, run):
    end(executor, run, "running")
    assert refused(lambda: executor.delete(run, "ada")) == "This run is still going. Stop it first, then delete it."


def test_a_deleted_run_can_be_brought_back(executor, run):
    end(executor, run, "finished")
    executor.delete(run, "ada")
    assert executor.runs("ada") == []
    executor.restore(run, "ada")
    assert [row.id for row in executor.runs("ada")] == [run]


def test_what_is_gone_stays_gone(executor):
    assert refused(lambda: executor.restore("nothing", "ada")) == (
        "This run is gone for good: a deleted run can be brought back for one minute only."
    )


def test_deleting_what_waits_takes_it_out_of_the_queue(executor, run):
    executor.delete(run, "ada")
    assert executor.capacity().queued == 0
    executor.restore(run, "ada")
    assert executor.status(run, "ada").state == "cancelled"


def test_renames_and_stars(executor, run):
    executor.rename(run, "ada", "  My first   net ")
    executor.star(run, "ada")
    row = executor.status(run, "ada")
    assert (row.title, row.starred) == ("My first net", True)
    executor.star(run, "ada", starred=False)
    assert not executor.status(run, "ada").starred
    assert refused(lambda: executor.rename(run, "ada", " ")) == (
        "A title has 1 to 120 letters, but this one has 0. Choose another one."
    )


def test_a_full_disk_is_refused_before_it_breaks_a_run(executor, monkeypatch):
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's own
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 120 * 2**20))
    assert refused(lambda: executor.submit(RECIPE, "ada")) == (
        "The disk has only 120 MB left. Delete some runs or other files, then train again."
    )


def test_reads_the_gpus_of_a_machine():
    table = "0, GPU-aaa, NVIDIA H100 80GB HBM3, 81559\n1, GPU-bbb, NVIDIA GB10, [N/A]\n"
    both = (
        devices.Device("GPU-aaa", "NVIDIA H100 80GB HBM3", 81559),
        devices.Device("GPU-bbb", "NVIDIA GB10", 0),
    )
    assert devices.read(table, None) == both
    assert devices.read(table, "1") == both[1:]
    assert devices.read(table, "GPU-aaa,GPU-bbb") == both
    assert devices.read(table, "-1") == ()
    assert devices.read("", None) == ()


def test_slots_can_be_set_by_hand(monkeypatch):
    monkeypatch.setenv("LAYERWISE_SLOTS", "5")
    assert devices.slots() == 5
    monkeypatch.setenv("LAYERWISE_SLOTS", "")
    assert devices.slots() == (len(devices.find()) or devices.cores())


def test_two_workspaces_do_not_meet(executor, run, tmp_path):
    other = Executor(Workspace(tmp_path / "other"))
    assert other.runs("ada") == []
    assert Run(executor.workspace.run_folder(run)).id == run


def test_own_runs_are_moved_to_the_front_and_to_the_back(executor):
    first, second, third = (executor.submit(RECIPE, "ada", title) for title in "abc")
    executor.move(third, "ada", to_front=True)
    assert [executor.position(each) for each in (third, first, second)] == [1, 2, 3]
    executor.move(third, "ada", to_front=False)
    assert [executor.position(each) for each in (first, second, third)] == [1, 2, 3]
    assert refused(lambda: executor.move(third, "eve", to_front=True)) == (
        "There is no such run. Open it again from the Runs page."
    )
    executor.cancel(third, "ada")
    assert refused(lambda: executor.move(third, "ada", to_front=True)) == (
        "This run does not wait any more, so it has no place in the queue."
    )


def test_a_waiting_run_is_told_when_it_starts(executor, run, monkeypatch):
    monkeypatch.setenv("LAYERWISE_SLOTS", "1")
    second = executor.submit(RECIPE, "bob", seconds=20.0)
    third = executor.submit(RECIPE, "eve", seconds=20.0)
    assert executor.turn(run) == Turn(1, 0.0)
    assert executor.turn(third) == Turn(3, None), "nobody knows how long the first one takes"
    executor.cancel(run, "ada")
    assert executor.turn(second) == Turn(1, 0.0)
    assert executor.turn(third) == Turn(2, 25.0)
    assert executor.turn("nothing") is None


def test_many_viewers_ask_the_queue_once(executor, run, monkeypatch):
    looks = []
    whole = executor._look_ahead
    monkeypatch.setattr(executor, "_look_ahead", lambda: looks.append(1) or whole())
    for _ in range(30):
        assert executor.position(run) == 1
    assert len(looks) == 1
    executor.cancel(run, "ada")
    assert executor.position(run) is None
    assert len(looks) == 2


def test_a_slot_needs_memory_too(monkeypatch):
    monkeypatch.setattr(devices, "find", tuple)
    monkeypatch.setattr(devices, "cores", lambda: 16)
    monkeypatch.setattr(devices, "memory_mb", lambda: 8000)
    assert devices.slots() == 5
    monkeypatch.setattr(devices, "memory_mb", lambda: 900)
    assert devices.slots() == 1
