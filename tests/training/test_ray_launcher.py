"""Runs as jobs of a cluster: handed over a few at a time, never taken for dead without a word, told in words."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from recipes import Recipe, Refusal
from recipes.configuration import configuration
from records import Run, Workspace
from records.database import Unreachable
from tests.training.ray_service import TOKEN, Service
from training import marks, ray_launcher
from training.executor import Executor
from training.launcher import LocalLauncher
from training.ray_launcher import RayLauncher, chosen
from training.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe.parse("data: {sample: penguins}")
PROXY = """#!/bin/sh
# The Python of a node: it runs a fake worker in the place of the real one.
shift 2
exec {python} {worker} "$@"
"""


@pytest.fixture
def service():
    service = Service()
    yield service
    service.end()


@pytest.fixture
def workspace(tmp_path, monkeypatch, service, postgres):  # noqa: ARG001 - the configuration names it
    """A workspace whose runs go to the cluster, whose catalogue is a real PostgreSQL, and that the test supervises."""
    python = tmp_path / "python"
    python.write_text(PROXY.format(python=sys.executable, worker=ROOT / "tests" / "training" / "fake_worker.py"))
    python.chmod(0o755)
    told = {"LAUNCHER": "ray", "RAY_ADDRESS": service.address, "RAY_TOKEN": TOKEN, "RAY_PYTHON": str(python)}
    for name, value in told.items():
        monkeypatch.setenv(f"LAYERWISE_{name}", value)
    monkeypatch.setattr(ray_launcher, "LOOK_SECONDS", 0.02)
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
    """Make supervisors of the cluster's runs."""
    made = []

    def make():
        local = LocalLauncher(workspace, ("no", "worker"))
        supervisor = Supervisor(workspace, local, chosen(workspace, local), keeps_warm=False)
        supervisor.reconcile()
        made.append(supervisor)
        return supervisor

    yield make
    for supervisor in made:
        supervisor.close()


def tick_until(supervisor, reached, seconds=20.0):
    last = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < last, "it never happened"
        supervisor.tick()
        time.sleep(0.02)


def state_is(executor, run, state, owner="ada"):
    return lambda: executor.status(run, owner).state == state


def folder(workspace, run):
    return Run(workspace.run_folder(run))


def attempts(workspace, run):
    file = folder(workspace, run).folder / "attempts"
    return file.read_text().splitlines() if file.exists() else []


def test_a_run_goes_to_the_cluster_and_to_its_end(workspace, executor, supervise, service):
    run = executor.submit(RECIPE, "ada", "quick")
    tick_until(supervise(), state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1"]
    job = service.jobs[f"{run}-1"]
    assert job["entrypoint_num_cpus"] == 1.0
    assert "entrypoint_num_gpus" not in job
    assert job["metadata"] == {"application": "layerwise", "run": run, "attempt": "1"}
    assert "; exec " in job["entrypoint"]


def test_a_job_learns_no_address_and_no_password(executor, supervise, service, monkeypatch):
    monkeypatch.setenv("LAYERWISE_COUNTRY", "DEU")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    run = executor.submit(RECIPE, "ada", "quick")
    tick_until(supervise(), state_is(executor, run, "finished"))
    assert service.jobs[f"{run}-1"]["runtime_env"]["env_vars"] == {
        "LAYERWISE_COUNTRY": "DEU", "RAY_JOB_STOP_WAIT_TIME_S": "6", "LAYERWISE_LAUNCHER": "local",
        "LAYERWISE_GPUS_PER_RUN": "1",
    }  # fmt: skip
    told = json.dumps(service.jobs)
    assert TOKEN not in told
    assert "postgresql" not in told


def test_gpus_are_asked_for_and_left_to_the_cluster(executor, supervise, service, monkeypatch):
    monkeypatch.setenv("LAYERWISE_RAY_GPUS", "2")
    run = executor.submit(RECIPE, "ada", "quick")
    tick_until(supervise(), lambda: service.jobs)
    job = service.jobs[f"{run}-1"]
    assert job["entrypoint_num_gpus"] == 2
    assert "CUDA_VISIBLE_DEVICES" not in job["entrypoint"]
    assert job["runtime_env"]["env_vars"]["LAYERWISE_GPUS_PER_RUN"] == "2"


def test_only_a_few_jobs_wait_in_the_cluster(workspace, executor, supervise, service):
    """Ray's own queue knows no fair shares: Bob, who comes last, must not wait behind all that Ada has queued."""
    service.places = 1
    ada = [executor.submit(RECIPE, "ada", "waits") for _ in range(8)]
    supervisor = supervise()
    tick_until(supervisor, lambda: len(service.jobs) == 5)
    for _ in range(20):
        supervisor.tick()
        time.sleep(0.02)
    assert len(service.jobs) == 1 + ray_launcher.MOST_PENDING
    bob = executor.submit(RECIPE, "bob", "quick")
    for run in ada:
        (folder(workspace, run).folder / "go").touch()
    tick_until(supervisor, lambda: len(service.jobs) == 9)
    assert list(service.jobs).index(f"{bob}-1") == 5


def test_no_more_at_once_than_configured(executor, supervise, service, monkeypatch):
    monkeypatch.setenv("LAYERWISE_SLOTS", "2")
    for _ in range(3):
        executor.submit(RECIPE, "ada", "waits")
    supervisor = supervise()
    tick_until(supervisor, lambda: len(service.jobs) == 2)
    for _ in range(10):
        supervisor.tick()
        time.sleep(0.02)
    assert len(service.jobs) == 2


def test_a_killed_worker_starts_again_as_another_job(workspace, executor, supervise, service):
    run = executor.submit(RECIPE, "ada", "stumbles")
    tick_until(supervise(), state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1", "2 -1"]
    assert list(service.jobs) == [f"{run}-1", f"{run}-2"]


def test_stops_and_resumes(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "waits")
    supervisor = supervise()
    tick_until(supervisor, lambda: attempts(workspace, run))
    executor.stop(run, "ada")
    tick_until(supervisor, state_is(executor, run, "stopped"))
    executor.resume(run, "ada")
    (folder(workspace, run).folder / "go").touch()
    tick_until(supervisor, state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1", "2 -1"]


def test_a_worker_that_has_to_be_ended_by_force_is_stopped_too(workspace, executor, supervise, service):
    """Nobody asked it nicely before: it hangs, or takes too much memory."""
    run = executor.submit(RECIPE, "ada", "waits")
    supervisor = supervise()
    tick_until(supervisor, lambda: attempts(workspace, run))
    handle = executor.status(run, "ada").handle
    for _ in range(5):
        supervisor.launcher.stop(handle, force=True)
    tick_until(supervisor, lambda: executor.status(run, "ada").state != "running")
    assert service.asked.count(f"POST /api/jobs/{run}-1/stop") == 1


def test_a_silent_service_says_nothing_about_its_jobs(workspace, executor, supervise, service, monkeypatch):
    """Unreachable is unknown, never ended; nothing new is handed over meanwhile, and screens say why."""
    monkeypatch.setattr(ray_launcher, "FRESH_SECONDS", 0.3)
    run = executor.submit(RECIPE, "ada", "waits")
    supervisor = supervise()
    tick_until(supervisor, lambda: attempts(workspace, run))
    service.silent = True
    tick_until(supervisor, executor.trouble)
    waiting = executor.submit(RECIPE, "ada", "quick")
    last = time.monotonic() + 0.6
    while time.monotonic() < last:
        began = time.monotonic()
        supervisor.tick()
        assert time.monotonic() - began < 0.3, "a tick never waits for the service"
        time.sleep(0.02)
    assert executor.trouble() == "The cluster does not answer just now. What waits starts by itself as soon as it does."
    assert (executor.turn(waiting).number, executor.turn(waiting).seconds) == (1, None)
    assert (executor.status(run, "ada").state, executor.status(waiting, "ada").state) == ("running", "queued")
    service.silent = False
    (folder(workspace, run).folder / "go").touch()
    tick_until(supervisor, state_is(executor, waiting, "finished"))
    tick_until(supervisor, state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1"]
    assert executor.trouble() == ""


def test_a_job_whose_receipt_was_lost_is_not_started_twice(workspace, executor, supervise, service):
    run = executor.submit(RECIPE, "ada", "waits")
    supervisor = supervise()
    service.deaf_mute = True
    tick_until(supervisor, lambda: service.jobs)
    service.deaf_mute = False
    (folder(workspace, run).folder / "go").touch()
    tick_until(supervisor, state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1"]


def test_a_job_that_the_cluster_has_forgotten_is_started_again(workspace, executor, supervise, service):
    """A head without memory of its own comes back empty. Its runs are not to blame."""
    run = executor.submit(RECIPE, "ada", "waits")
    supervisor = supervise()
    tick_until(supervisor, lambda: attempts(workspace, run))
    with service.lock:
        service.running[f"{run}-1"].kill()
        service.jobs.pop(f"{run}-1")
    (folder(workspace, run).folder / "go").touch()
    tick_until(supervisor, state_is(executor, run, "finished"))
    assert attempts(workspace, run) == ["1 -1", "2 -1"]
    assert executor.status(run, "ada").deaths == 0


def test_a_job_that_never_had_a_place_is_not_blamed(executor, supervise, service):
    """Ray gives up what waited for 15 minutes."""
    service.places = 0
    run = executor.submit(RECIPE, "ada", "quick")
    supervisor = supervise()
    for attempt in range(1, 6):
        tick_until(supervisor, lambda attempt=attempt: f"{run}-{attempt}" in service.jobs)
        service.errors[f"{run}-{attempt}"] = {
            "status": "FAILED", "error_type": "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"
        }  # fmt: skip
    service.places = 1
    tick_until(supervisor, state_is(executor, run, "finished"))


def test_a_node_without_the_folder_of_runs_trains_nothing(workspace, executor, supervise):
    supervisor = supervise()
    (workspace.root / "shared.word").write_text("another folder")
    run = executor.submit(RECIPE, "ada", "quick")
    tick_until(supervisor, state_is(executor, run, "failed"))
    assert attempts(workspace, run) == []
    state = folder(workspace, run).state
    assert state.message == (
        "A computer of the cluster does not see the folder of runs, so this run could not start there."
    )
    assert state.advice == "Tell the people who run Layerwise; then press Resume."


def test_a_wrong_token_is_told(executor, supervise, monkeypatch):
    monkeypatch.setenv("LAYERWISE_RAY_TOKEN", "wrong")
    executor.submit(RECIPE, "ada", "quick")
    tick_until(supervise(), executor.trouble)
    assert executor.trouble() == (
        "The cluster refuses Layerwise's token (LAYERWISE_RAY_TOKEN). Whoever set it up must mend that."
    )


def test_the_next_supervisor_takes_jobs_over(workspace, executor, supervise, service):
    run = executor.submit(RECIPE, "ada", "waits")
    tick_until(supervise(), lambda: attempts(workspace, run))
    second = supervise()
    (folder(workspace, run).folder / "go").touch()
    tick_until(second, state_is(executor, run, "finished"))
    assert list(service.jobs) == [f"{run}-1"]


def test_workers_of_this_machine_are_watched_to_their_end(workspace, monkeypatch):
    """Whoever turns to a cluster in mid-run loses nothing; and one who turns back starts again what is out there."""
    monkeypatch.setenv("LAYERWISE_LAUNCHER", "ray")
    local = LocalLauncher(workspace, (sys.executable, "-c", "import time; time.sleep(60)"))
    launcher = RayLauncher(workspace, local)
    (workspace.root / "one").mkdir()
    handle = local.start(workspace.root / "one", 1, "-1")
    assert launcher.poll(handle) is None
    launcher.stop(handle, force=True)
    last = time.monotonic() + 10
    while (ended := launcher.poll(handle)) is None:
        assert time.monotonic() < last
    assert ended.code == -9
    gone = local.poll("ray:one-1")
    assert gone is not None
    assert gone.code is None
    launcher.close()


@pytest.mark.parametrize("address", ["", "sqlite:////shared/catalogue.db"])
def test_a_cluster_asks_for_a_catalogue_that_machines_may_share(monkeypatch, address):
    monkeypatch.setenv("LAYERWISE_LAUNCHER", "ray")
    monkeypatch.setenv("LAYERWISE_DATABASE", address)
    with pytest.raises(Refusal) as refused:
        configuration()
    assert str(refused.value) == (
        "LAYERWISE_LAUNCHER is 'ray', but the catalogue is a file of SQLite, which may not lie on a folder that "
        "several machines share. Set LAYERWISE_DATABASE to the address of a PostgreSQL (docs/cluster.md)."
    )


def test_a_silent_database_decides_nothing(workspace, executor, supervise, service, monkeypatch):
    """PostgreSQL is started anew in mid-run: no run is given up, and the supervisor is still there afterwards."""
    monkeypatch.setenv("LAYERWISE_IDLE_SECONDS", "0.5")
    run = executor.submit(RECIPE, "ada", "waits")
    first = supervise()
    tick_until(first, lambda: attempts(workspace, run))
    supervisor = supervise()
    whole, silences = supervisor.queue.change, []

    def change(*row, **values):
        if len(silences) < 3:
            silences.append(values)
            raise Unreachable("silent")
        return whole(*row, **values)

    monkeypatch.setattr(supervisor.queue, "change", change)
    monkeypatch.setattr(supervisor, "_wait", lambda *_: time.sleep(0.02))
    (folder(workspace, run).folder / "go").touch()
    supervisor.run()
    assert len(silences) == 3
    assert executor.status(run, "ada").state == "finished"
    assert list(service.jobs) == [f"{run}-1"]


def test_a_folder_that_is_not_mounted_makes_no_run_forgotten(workspace, executor, supervise):
    run = executor.submit(RECIPE, "ada", "quick")
    workspace.runs.rename(workspace.root / "elsewhere")
    supervise()
    (workspace.root / "elsewhere").rename(workspace.root / "back")
    workspace.runs.rmdir()
    (workspace.root / "back").rename(workspace.root / "runs")
    assert executor.status(run, "ada").state == "queued"
