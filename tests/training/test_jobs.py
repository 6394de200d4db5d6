"""Jobs: what is done with a run in the background."""

import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from recipes import Recipe, Refusal
from records import Run, Workspace, job
from training import jobs, launcher, marks
from training.executor import NOT_HERE, Executor
from training.keepers import JOB_DIED
from training.launcher import LocalLauncher
from training.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
FAKE = (sys.executable, str(ROOT / "tests" / "training" / "fake_job.py"))
RECIPE = Recipe.parse("data: {sample: penguins}")


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace whose supervisor is the test itself."""
    workspace = Workspace(tmp_path / "workspace")
    lock = marks.hold(marks.supervisor_lock(workspace))
    assert lock is not None
    monkeypatch.setattr(launcher, "JOB", FAKE)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield workspace
    os.close(lock)


@pytest.fixture
def run(workspace):
    executor = Executor(workspace)
    name = executor.submit(RECIPE, "ada")
    executor.cancel(name, "ada")
    return executor.folder(name, "ada")


@pytest.fixture
def supervise(workspace):
    """The supervisor; what still lives at the end is killed."""
    made = Supervisor(workspace, LocalLauncher(workspace, ("no", "worker")), keeps_warm=False, stop_seconds=5)
    yield made
    for child in made.local._children.values():
        child.kill()
        child.wait()


def asked(workspace, run, **settings):
    return job.ask_for(workspace, run, "explain", settings)


def tick_until(supervise, reached, seconds=20.0):
    last = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < last, "it never happened"
        supervise.tick()
        time.sleep(0.02)


def kind(monkeypatch, do):
    monkeypatch.setattr(jobs, "get", lambda _name: SimpleNamespace(do=do))


def test_every_kind_of_job_can_be_done():
    assert jobs.names()
    for name in jobs.names():
        assert callable(jobs.get(name).do)


def test_an_unknown_kind_of_job_names_the_known_ones():
    with pytest.raises(Refusal, match="There is no job 'magic'"):
        jobs.get("magic")


def test_a_job_leaves_what_it_found(workspace, run, monkeypatch):
    place = asked(workspace, run, method="fast")
    kind(monkeypatch, lambda job: {"method": job.settings["method"], "run": job.run.id})
    assert jobs.main(place.folder) == jobs.FINISHED
    assert (place.state.state, place.state.done) == ("finished", 1.0)
    assert place.result == {"method": "fast", "run": run.id}


def test_a_refusal_is_told_word_for_word(workspace, run, monkeypatch):
    place = asked(workspace, run)

    def refuse(_job):
        raise Refusal("This model has no picture to explain.")

    kind(monkeypatch, refuse)
    jobs.main(place.folder)
    assert (place.state.state, place.state.text) == ("failed", "This model has no picture to explain.")


def test_an_error_becomes_a_sentence_and_a_line_in_the_log(workspace, run, monkeypatch, capsys):
    place = asked(workspace, run)
    kind(monkeypatch, lambda _job: 1 / 0)
    assert jobs.main(place.folder) == jobs.FAILED
    assert place.state.text == "The engine stopped with an error (ZeroDivisionError)."
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_job_stops_between_two_steps(workspace, run, monkeypatch):
    place = asked(workspace, run)
    steps = []

    def work(job_):
        for step in range(10):
            job_.tell(step / 10, "Working")
            steps.append(step)
            if step == 2:
                job.ask_to_stop(place)

    kind(monkeypatch, work)
    assert jobs.main(place.folder) == jobs.FINISHED
    assert (steps, place.state.state, place.state.text) == ([0, 1, 2], "stopped", "Stopped by you.")


def test_the_same_question_is_answered_once(workspace, run, monkeypatch):
    kind(monkeypatch, lambda _job: {"answer": 1})
    place = asked(workspace, run, method="fast", rows=3)
    jobs.main(place.folder)
    job.tickets(workspace)[0].tear()
    assert asked(workspace, run, rows=3, method="fast") == place
    assert job.tickets(workspace) == []
    assert asked(workspace, run, method="slow", rows=3) != place


def test_a_run_without_a_checkpoint_cannot_be_opened_yet(workspace, run, monkeypatch):
    place = asked(workspace, run)
    kind(monkeypatch, lambda job_: job_.asked)
    jobs.main(place.folder)
    assert place.state.text == "This run has no checkpoint yet. Wait until its first epochs are done."


def test_jobs_go_one_at_a_time_in_the_order_of_their_questions(workspace, run, supervise):
    first, second = asked(workspace, run, number=1), asked(workspace, run, number=2)
    tick_until(supervise, lambda: first.state.state == "running")
    assert second.state.state == "queued"
    job.ask_to_stop(first)
    tick_until(supervise, lambda: first.state.state == "stopped" and second.state.state == "running")
    job.ask_to_stop(second)
    tick_until(supervise, lambda: not job.tickets(workspace))
    assert second.state.text == "Stopped by you."


def test_a_job_that_waits_is_stopped_without_being_started(workspace, run, supervise):
    place = asked(workspace, run)
    job.ask_to_stop(place)
    tick_until(supervise, lambda: not job.tickets(workspace))
    assert place.state.state == "stopped"
    assert not (place.folder / "log.txt").exists()


def test_a_job_that_dies_without_a_word_is_told_as_failed_and_may_be_asked_again(workspace, run, supervise):
    place = asked(workspace, run, die=True)
    tick_until(supervise, lambda: not job.tickets(workspace))
    assert (place.state.state, place.state.text) == ("failed", JOB_DIED)
    assert asked(workspace, run, die=True).state.state == "queued"


def test_a_later_supervisor_takes_a_living_job_over(workspace, run, supervise):
    place = asked(workspace, run)
    tick_until(supervise, lambda: place.state.state == "running")
    later = Supervisor(workspace, LocalLauncher(workspace, ("no", "worker")), keeps_warm=False)
    later.tick()
    assert (place.state.state, len(job.tickets(workspace))) == ("running", 1)
    job.ask_to_stop(place)
    tick_until(supervise, lambda: not job.tickets(workspace))


def test_a_supervisor_stays_as_long_as_a_job_goes(workspace, run, supervise):
    place = asked(workspace, run)
    assert supervise.tick()
    job.ask_to_stop(place)
    tick_until(supervise, lambda: not job.tickets(workspace))
    assert not supervise.tick()


def test_deleting_a_run_stops_its_jobs(workspace, run):
    place = asked(workspace, run)
    Executor(workspace).delete(run.id, "ada")
    assert place.is_to_stop


def test_a_ticket_of_a_run_that_is_gone_is_torn(workspace, run, supervise):
    place = asked(workspace, run)
    (place.folder / "job.json").unlink()
    supervise.tick()
    assert job.tickets(workspace) == []


def test_a_foreign_run_gets_no_job(workspace, run):
    with pytest.raises(Refusal, match=NOT_HERE):
        Executor(workspace).start_job(run.id, "eve", "explain", {})
    assert job.of_run(run) == []


def test_what_a_ticket_holds_can_be_read_without_us(workspace, run):
    place = asked(workspace, run, number=1)
    (file,) = (workspace.root / "jobs").glob("*.json")
    assert json.loads(file.read_text()) == {"job": str(place.folder), "handle": ""}
    assert Run(run.folder).id in file.name
    assert job.tickets(workspace)[0].job == place
