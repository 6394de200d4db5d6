"""The supervisor starts what waits, shares fairly, takes over what lives, and lets nothing be lost."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recipes import Recipe
from records import Run, Workspace, disk
from training import devices, marks
from training.executor import Executor
from training.failures import RESTARTS
from training.launcher import LocalLauncher, identity
from training.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
FAKE = (sys.executable, str(ROOT / "tests" / "training" / "fake_worker.py"))
RECIPE = Recipe.parse("data: {sample: penguins}")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace whose supervisor is the test itself, with room for two runs."""
    monkeypatch.setenv("LAYERWISE_SLOTS", "2")
    workspace = Workspace(tmp_path / "workspace")
    lock = marks.hold(marks.supervisor_lock(workspace))
    assert lock is not None
    yield workspace
    os.close(lock)


@pytest.fixture
def executor(workspace):
    return Executor(workspace)


@pytest.fixture
def supervise(workspace):
    """Make supervisors with the fake worker; what still lives at the end is killed."""
    made = []

    def make(**options):
        supervisor = Supervisor(workspace, LocalLauncher(workspace, FAKE), keeps_warm=False, **options)
        supervisor.reconcile()
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        for child in supervisor.local._children.values():
            child.kill()
            child.wait()


def tick_until(supervisor, reached, seconds=20.0):
    last = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < last, "it never happened"
        supervisor.tick()
        time.sleep(0.02)


def folder(workspace, run):
    return Run(workspace.run_folder(run))


def attempts(workspace, run):
    return (folder(workspace, run).folder / "attempts").read_text().splitlines()


def started(workspace, *runs):
    return lambda: all((folder(workspace, run).folder / "attempts").exists() for run in runs)


def state_is(executor, run, state, owner="ada"):
    return lambda: executor.status(run, owner).state == state


def test_a_run_goes_from_the_queue_to_its_end(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "quick")
    assert executor.status(run, "ada").state == "queued"
    tick_until(supervise(), state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1"]
    assert folder(workspace, run).state.attempt == 1


def test_no_more_runs_than_slots_and_owners_take_turns(workspace, executor, supervise):
    """Ada queues three runs before Bob comes: Bob's first one still starts beside Ada's first."""
    ada = [executor.submit(RECIPE, "ada", "waits") for _ in range(3)]
    bob = executor.submit(RECIPE, "bob", "waits")
    assert [executor.position(run) for run in (ada[0], bob, ada[1], ada[2])] == [1, 2, 3, 4]
    supervisor = supervise()
    tick_until(supervisor, started(workspace, ada[0], bob))
    supervisor.tick()
    assert [executor.status(run, "ada").state for run in ada] == ["running", "queued", "queued"]
    assert executor.position(ada[0]) is None
    capacity = executor.capacity()
    assert (capacity.slots, capacity.running, capacity.queued) == (2, 2, 2)
    for run in (*ada, bob):
        (folder(workspace, run).folder / "go").touch()
    tick_until(supervisor, lambda: all(row.state == "finished" for row in executor.runs("ada")))


def test_each_gpu_gets_one_run(workspace, executor, supervise, monkeypatch):
    gpus = devices.read("0, GPU-aaa, NVIDIA H100, 81559\n1, GPU-bbb, NVIDIA H100, 81559\n", None)
    monkeypatch.setattr(devices, "find", lambda: gpus)
    runs = [executor.submit(RECIPE, "ada", "waits") for _ in range(3)]
    supervisor = supervise()
    tick_until(supervisor, started(workspace, *runs[:2]))
    assert [attempts(workspace, run)[0] for run in runs[:2]] == ["1 GPU-aaa", "1 GPU-bbb"]
    assert executor.status(runs[2], "ada").state == "queued"
    (folder(workspace, runs[0]).folder / "go").touch()
    tick_until(supervisor, started(workspace, runs[2]))
    assert attempts(workspace, runs[2]) == ["1 GPU-aaa"]


def test_a_killed_worker_starts_again_by_itself(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "stumbles")
    tick_until(supervise(), state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1", "2 -1"]


def test_says_so_while_an_interrupted_run_waits(workspace, executor, supervise, monkeypatch):
    run = executor.submit(RECIPE, "ada", "stumbles")
    supervisor = supervise()
    tick_until(supervisor, started(workspace, run))
    monkeypatch.setattr(supervisor.launcher, "room", lambda _taken: None)
    tick_until(supervisor, state_is(executor, run, "queued"))
    assert folder(workspace, run).state.state == "interrupted"
    message = "Interrupted; it goes on by itself from its last checkpoint."
    assert folder(workspace, run).state.message == message
    events, _ = folder(workspace, run).lines("events")
    assert [line["text"] for line in events if line["kind"] == "interrupted"] == [message]
    monkeypatch.undo()


def test_a_run_that_gets_no_further_is_given_up(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "dies")
    tick_until(supervise(), state_is(executor, run, "failed"))
    assert len(attempts(workspace, run)) == RESTARTS["killed"] + 1
    told = folder(workspace, run).state
    assert told.message == ("The computer ended this run 3 times in a row, most likely because its memory was full.")
    assert told.advice == "Choose a smaller batch size or a smaller model, then train again."
    assert json.loads((folder(workspace, run).folder / "done.json").read_text())["state"] == "failed"


def test_a_run_that_stands_still_is_started_again_twice_and_its_log_says_where(
    workspace, executor, supervise, monkeypatch
):
    monkeypatch.setenv("LAYERWISE_PULSE_SECONDS", "0.05")
    monkeypatch.setenv("LAYERWISE_HUNG_SECONDS", "0.4")
    monkeypatch.setattr("training.vigil.DUMP_SECONDS", 0.2)
    run = executor.submit(RECIPE, "ada", "hangs")
    tick_until(supervise(), state_is(executor, run, "failed"))
    assert len(attempts(workspace, run)) == 3
    told = folder(workspace, run).state
    assert told.message == "The run stood still for more than 0.4 seconds, 3 times at the same place."
    assert told.reason == "hung"
    assert "Current thread" in (folder(workspace, run).folder / "log.txt").read_text()
    interrupted = [line["text"] for line in folder(workspace, run).lines("events")[0]]
    assert interrupted == ["It stood still; it goes on by itself from its last checkpoint."] * 2


def test_a_crash_of_the_engine_is_tried_once_more_and_has_a_code(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "crashes")
    tick_until(supervise(), state_is(executor, run, "failed"))
    assert len(attempts(workspace, run)) == 2
    told = folder(workspace, run).state
    assert told.message == "The engine crashed (code K-9286)."
    assert told.reason == "crash"


def test_a_run_that_takes_too_much_memory_is_ended_and_has_a_cure(workspace, executor, supervise, monkeypatch):
    monkeypatch.setenv("LAYERWISE_MEMORY_MB_PER_RUN", "200")
    run = executor.submit(Recipe.parse("data: {sample: penguins}\ntraining: {batch_size: 64}"), "ada", "eats")
    tick_until(supervise(), state_is(executor, run, "failed"))
    assert len(attempts(workspace, run)) == 1
    told = folder(workspace, run).state
    assert told.message == "The computer ran out of memory."
    assert told.cure == {"title": "Train again with batch size 16", "training": {"batch_size": 16}}
    again = executor.cure(run, "ada")
    assert folder(workspace, again).recipe.training["batch_size"] == 16


def test_a_limit_of_memory_can_be_that_of_a_class(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "eats")
    (folder(workspace, run).folder / "limits.json").write_text(json.dumps({"memory_mb": 200}))
    tick_until(supervise(), state_is(executor, run, "failed"))
    assert folder(workspace, run).state.reason == "memory"


def test_the_children_of_a_dead_worker_do_not_outlive_it(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "bears")
    tick_until(supervise(), state_is(executor, run, "failed"))
    assert identity(int((folder(workspace, run).folder / "child").read_text())) is None


def test_a_full_disk_makes_a_run_wait_and_nothing_else(executor, supervise, monkeypatch):
    monkeypatch.setenv("LAYERWISE_ROOM_SECONDS", "0.2")
    run = executor.submit(RECIPE, "ada", "quick")
    supervisor = supervise()

    def fill(name, *_):
        if name == "create":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with disk.watched(fill):
        supervisor.tick()
    assert executor.status(run, "ada").state == "queued"
    tick_until(supervisor, state_is(executor, run, "finished"))


def test_a_worker_that_nobody_claims_is_ended(workspace, executor, supervise, monkeypatch):
    """The supervisor was killed between starting a worker and noting down who it is."""
    monkeypatch.setenv("LAYERWISE_REAP_SECONDS", "0.1")
    run = executor.submit(RECIPE, "ada", "stubborn")
    first = supervise()
    tick_until(first, started(workspace, run))
    handle = executor.status(run, "ada").handle
    first.queue.change(run, 1, handle="")
    second = supervise()
    tick_until(second, lambda: identity(int(handle.partition(":")[0])) != handle)
    tick_until(second, lambda: len(attempts(workspace, run)) == 2)


def test_a_run_that_gets_further_each_time_is_never_given_up(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "climbs")
    tick_until(supervise(), state_is(executor, run, "finished"))
    assert len(attempts(workspace, run)) == 7


def test_stops_on_a_wish_and_resumes(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "waits")
    supervisor = supervise()
    tick_until(supervisor, started(workspace, run))
    executor.stop(run, "ada")
    tick_until(supervisor, state_is(executor, run, "stopped"))
    executor.resume(run, "ada")
    assert executor.status(run, "ada").state == "queued"
    assert not folder(workspace, run).is_done
    (folder(workspace, run).folder / "go").touch()
    tick_until(supervisor, state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1", "2 -1"]


def test_kills_what_does_not_stop(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "stubborn")
    supervisor = supervise(stop_seconds=0.3)
    tick_until(supervisor, started(workspace, run))
    executor.stop(run, "ada")
    began = time.monotonic()
    supervisor.tick()
    assert time.monotonic() - began < 0.2, "a tick never waits"
    tick_until(supervisor, state_is(executor, run, "stopped"))
    assert folder(workspace, run).state.message == "Stopped by you."
    assert folder(workspace, run).state.can_resume


def test_a_later_supervisor_takes_over_a_living_worker(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "waits")
    first = supervise()
    tick_until(first, started(workspace, run))
    handle = executor.status(run, "ada").handle
    second = supervise()
    second.tick()
    assert executor.status(run, "ada").handle == handle
    (folder(workspace, run).folder / "go").touch()
    tick_until(second, state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1"]


def test_a_reused_process_number_is_not_taken_for_the_worker(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "quick")
    supervisor = supervise()
    attempt = supervisor.queue.claim(run, "-1")
    stranger = f"{os.getpid()}:1:{str(identity(os.getpid())).rpartition(':')[2]}"
    supervisor.queue.change(run, attempt, state="running", handle=stranger)
    tick_until(supervisor, state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["2 -1"]


def test_a_claim_that_was_never_started_waits_again(workspace, executor, supervise):
    """The supervisor may die between claiming a run and starting its worker."""
    run = executor.submit(RECIPE, "ada", "quick")
    supervisor = supervise()
    assert supervisor.queue.claim(run, "-1") == 1
    tick_until(supervise(), state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["2 -1"]


def test_a_folder_damaged_from_outside_stops_nobody_else(workspace, executor, supervise):
    damaged, sound = executor.submit(RECIPE, "ada", "quick"), executor.submit(RECIPE, "ada", "quick")
    (folder(workspace, damaged).folder / "state.json").write_text("{")
    tick_until(supervise(), state_is(executor, sound, "finished"))
    assert executor.status(damaged, "ada").state == "failed"


def test_a_lost_catalogue_is_written_anew(workspace, executor, supervise):
    done, waiting = executor.submit(RECIPE, "ada", "quick"), executor.submit(RECIPE, "bob", "waits")
    tick_until(supervise(), state_is(executor, done, "finished"))
    tick_until(supervise(), started(workspace, waiting))
    (folder(workspace, waiting).folder / "go").touch()
    tick_until(supervise(), state_is(executor, waiting, "finished", "bob"))
    lost = workspace.root / "elsewhere"
    lost.mkdir()
    other = Workspace(lost)
    workspace.runs.rename(lost / "runs")
    lock = marks.hold(marks.supervisor_lock(other))
    assert lock is not None
    Supervisor(other, LocalLauncher(other, FAKE), keeps_warm=False).reconcile()
    assert [(row.id, row.title, row.state) for row in Executor(other).runs("ada")] == [(done, "quick", "finished")]
    assert [row.id for row in Executor(other).runs("bob")] == [waiting]
    os.close(lock)


def test_deleted_runs_leave_the_disk(workspace, executor, supervise, monkeypatch):
    run = executor.submit(RECIPE, "ada", "quick")
    supervisor = supervise()
    tick_until(supervisor, state_is(executor, run, "finished"))
    executor.delete(run, "ada")
    supervisor.tick()
    assert folder(workspace, run).folder.exists(), "it can still be brought back"
    monkeypatch.setattr("training.supervisor.SECONDS_TO_RESTORE", -1.0)
    supervisor._next_purge = 0.0
    tick_until(supervisor, lambda: not folder(workspace, run).folder.exists(), seconds=10)
    assert supervisor.queue.every_id() == set()


def test_only_one_supervisor_lives_in_a_workspace(workspace):
    command = [sys.executable, "-m", "training.supervisor", "--workspace", str(workspace.root)]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=30).returncode == 0
    assert not (workspace.root / "log" / "supervisor.log").exists()


def test_ends_by_itself_when_nobody_needs_it(tmp_path):
    """Nothing stays behind on a laptop: neither the supervisor nor what it has started."""
    workspace = Workspace(tmp_path / "workspace")
    environment = os.environ | {"LAYERWISE_IDLE_SECONDS": "0.2"}
    command = [sys.executable, "-m", "training.supervisor", "--workspace", str(workspace.root)]
    server = marks.hold(marks.servers_lock(workspace), shared=True)
    assert server is not None
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        time.sleep(2.5)
        assert process.poll() is None, "a web server lives"
        os.close(server)
        assert process.wait(timeout=20) == 0
    assert marks.is_free(marks.supervisor_lock(workspace))


def test_ends_at_once_on_sigterm(tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    command = [sys.executable, "-m", "training.supervisor", "--workspace", str(workspace.root)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        while marks.is_free(marks.supervisor_lock(workspace), shared=True) or not (workspace.root / "bell").exists():
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
