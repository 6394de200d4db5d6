"""The parent of workers: forks train, nothing computes in it, and real runs survive every kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recipes import Recipe
from records import Workspace
from training.executor import Executor
from training.launcher import LocalLauncher, identity, is_alive

ROOT = Path(__file__).resolve().parents[2]


def recipe(epochs, **training):
    settings = ", ".join(f"{name}: {value}" for name, value in training.items())
    return Recipe.parse(
        f"data: {{sample: penguins}}\ntraining: {{epochs: {epochs}, early_stopping: false, {settings}}}"
    )


def wait_for(reached, seconds=300):
    last = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < last, "it never happened"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("zygote") / "workspace")


class Studio:
    """A workspace with its real supervisor, started as the server would."""

    def __init__(self, workspace):
        self.workspace = workspace
        self.executor = Executor(workspace)
        self.supervisor = self.start()

    def start(self):
        command = [sys.executable, "-m", "training.supervisor", "--workspace", str(self.workspace.root)]
        return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"LAYERWISE_IDLE_SECONDS": "120"})

    def kill_supervisor(self):
        self.supervisor.kill()
        self.supervisor.wait()

    def submit(self, recipe, owner="ada"):
        wait_for((self.workspace.root / "bell").exists)
        return self.executor.submit(recipe, owner)

    def folder(self, run):
        return self.executor.folder(run, "ada")

    def ends(self, run):
        wait_for(lambda: self.row(run).state not in ("queued", "starting", "running"))
        return self.row(run).state

    def row(self, run):
        row = self.executor.status(run, "ada")
        assert row is not None
        return row

    def epochs(self, run):
        return [line["epoch"] for line in self.folder(run).lines("metrics")[0] if line.get("end")]

    def reaches(self, run, epoch):
        wait_for(lambda: len(self.epochs(run)) >= epoch)


@pytest.fixture(scope="module")
def studio(workspace):
    studio = Studio(workspace)
    yield studio
    studio.supervisor.terminate()
    studio.supervisor.wait(timeout=20)


def test_imports_compute_nothing_and_a_fork_after_that_is_refused():
    """A child of a parent with a live TensorFlow runtime hangs for good: so this is asked before each fork."""
    script = (
        "from training import zygote\n"
        "zygote.load()\n"
        "assert not zygote.has_computed()\n"
        "import tensorflow as tf\n"
        "tf.constant(1) + 1\n"
        "assert zygote.has_computed()\n"
        "print(zygote._fork({}, 1, ()))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert told.returncode == 0, told.stderr
    assert (
        told.stdout
        == str({"failed": "An operation has run in the parent of workers, so that it cannot be forked any more."})
        + "\n"
    )


def test_a_run_goes_from_submit_to_a_checked_download(studio):
    run = studio.submit(recipe(5))
    assert studio.ends(run) == "finished"
    folder = studio.folder(run)
    assert studio.epochs(run) == [1, 2, 3, 4, 5]
    assert folder.read("deliverables.json")["model"]["checked"]
    assert folder.read("done.json")["attempt"] == 1


def test_a_killed_worker_goes_on_from_its_checkpoint(studio):
    run = studio.submit(recipe(60, learning_rate=0.0001))
    studio.reaches(run, 3)
    os.killpg(int(studio.row(run).handle.split(":")[0]), signal.SIGKILL)
    assert studio.ends(run) == "finished"
    assert studio.epochs(run) == list(range(1, 61))
    assert studio.row(run).attempt == 2


def test_a_killed_supervisor_loses_nothing(studio):
    """The worker trains on; the next supervisor takes it over and the run ends once."""
    run = studio.submit(recipe(200, learning_rate=0.0001))
    studio.reaches(run, 3)
    handle = studio.row(run).handle
    studio.kill_supervisor()
    before = len(studio.epochs(run))
    wait_for(lambda: len(studio.epochs(run)) > before)
    studio.supervisor = studio.start()
    assert is_alive(handle)
    assert studio.ends(run) == "finished"
    assert studio.epochs(run) == list(range(1, 201))
    assert studio.row(run).attempt == 1


def test_stops_within_seconds_and_resumes_where_it_stopped(studio):
    run = studio.submit(recipe(2000, learning_rate=0.0001))
    studio.reaches(run, 3)
    began = time.monotonic()
    studio.executor.stop(run, "ada")
    assert studio.ends(run) == "stopped"
    assert time.monotonic() - began < 8
    stopped_at = len(studio.epochs(run))
    studio.executor.resume(run, "ada")
    studio.reaches(run, stopped_at + 1)
    assert studio.epochs(run) == list(range(1, len(studio.epochs(run)) + 1))
    studio.executor.keep(run, "ada")
    assert studio.ends(run) == "finished"
    assert studio.folder(run).read("deliverables.json")["model"]["checked"]


def test_without_a_parent_a_worker_starts_all_the_same(tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    launcher = LocalLauncher(workspace, (sys.executable, "-c", "import time; time.sleep(60)"))
    folder = workspace.new_run_folder()
    folder.mkdir()
    handle = launcher.start(folder, 1, "-1")
    assert launcher.poll(handle) is None
    assert handle == identity(int(handle.split(":")[0]))
    launcher.stop(handle, force=False)
    wait_for(lambda: (ended := launcher.poll(handle)) is not None and ended.code == -signal.SIGTERM)


def test_a_spare_serves_one_request_in_its_own_process(workspace):
    """How workers start where there are GPUs, whose driver does not survive a fork."""
    folder = workspace.new_run_folder()
    folder.mkdir()
    command = [sys.executable, "-m", "training.zygote", "--spare"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as spare:
        assert spare.stdin is not None
        assert spare.stdout is not None
        assert json.loads(spare.stdout.readline())["ready"] > 0
        request = {"folder": str(folder), "attempt": 1, "environment": {"CUDA_VISIBLE_DEVICES": "-1"}}
        spare.stdin.write(json.dumps(request) + "\n")
        spare.stdin.flush()
        assert json.loads(spare.stdout.readline()) == {"pid": spare.pid}
        assert spare.wait(timeout=60) == 1
    assert "state.json" in (folder / "log.txt").read_text(), "it was the worker, and found no run there"
