"""What nobody claims is ended and cleared away; what somebody claims, or nobody marked, is left alone."""

import os
import subprocess
import sys
import time

import pytest

from records import Workspace
from training import reaper
from training.launcher import MARK, identity

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tmp_path)
    made.runs.mkdir(exist_ok=True)
    return made


@pytest.fixture
def started():
    """Start processes; what still lives at the end is killed."""
    made = []

    def start(command=SLEEP, **environment):
        made.append(subprocess.Popen(command, env=os.environ | environment, start_new_session=True))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()


def signed(workspace, process, run, attempt):
    (workspace.root / "workers").mkdir(exist_ok=True)
    (workspace.root / "workers" / f"{run}.{attempt}").write_text(str(identity(process.pid)))


def test_a_worker_that_no_run_claims_is_ended(workspace, started):
    stale, current, free = started(), started(), started()
    signed(workspace, stale, "abc", 1)
    signed(workspace, current, "abc", 2)
    assert reaper.reap(workspace, {("abc", 2)}) == [("abc", 1)]
    assert stale.wait(timeout=5) < 0
    assert current.poll() is None
    assert free.poll() is None
    assert reaper.reap(workspace, {("abc", 2)}) == []
    assert [file.name for file in (workspace.root / "workers").iterdir()] == ["abc.2"]


def test_one_that_never_came_to_sign_is_known_by_its_environment(workspace, started, tmp_path):
    mine = started(**{MARK: f"{tmp_path}|abc.1"})
    other = started(**{MARK: f"{tmp_path}-other|abc.1"})
    while reaper.reap(workspace, set()) != [("abc", 1)]:
        time.sleep(0.02)  # it has not become that program yet
    assert mine.wait(timeout=5) < 0
    assert other.poll() is None


def test_the_children_of_a_dead_worker_are_ended():
    code = f"import subprocess, sys; print(subprocess.Popen({SLEEP!r}).pid); sys.stdout.flush(); import os; os._exit(1)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as worker:
        assert worker.stdout
        child = int(worker.stdout.readline())
        worker.wait()
        alive = identity(child)
        assert alive
        reaper.sweep(worker.pid)
        last = time.monotonic() + 5
        while identity(child) == alive and time.monotonic() < last:
            time.sleep(0.02)
        assert identity(child) != alive


def test_what_was_never_finished_goes_after_an_hour(workspace):
    run = workspace.runs / "abc"
    (run / "writing-1" / "epoch-0001.tmp").mkdir(parents=True)
    (workspace.root / "cache" / "prepared" / "x.tmp").mkdir(parents=True)
    (run / "state.json").write_text("{}")
    now = time.time()
    assert reaper.clear_temporaries(workspace, now) == []
    cleared = reaper.clear_temporaries(workspace, now + 3700)
    assert sorted(place.name for place in cleared) == ["epoch-0001.tmp", "x.tmp"]
    assert sorted(place.name for place in run.iterdir()) == ["state.json", "writing-1"]


def test_something_old_in_which_something_is_still_written_stays(workspace):
    place = workspace.root / "cache" / "prepared" / "x.tmp"
    place.mkdir(parents=True)
    (place / "rows.npy").write_bytes(b"1")
    now = time.time()
    os.utime(place, (now - 9000, now - 9000))
    assert reaper.clear_temporaries(workspace, now) == []
