"""A worker needs only its folder, stops when asked, and goes on as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recipes import Recipe
from records import Run, write_json
from training import checkpoints, worker
from training.plan import resolve

ROOT = Path(__file__).resolve().parents[2]
SERVE = """
import sys
from pathlib import Path
from training import worker
worker.COMMIT_SECONDS = 0.2
for line in sys.stdin:
    folder, attempt = line.split()
    print(worker.main(Path(folder), int(attempt)), flush=True)
"""


class Workers:
    """One process that executes one run after the other, so that TensorFlow is imported once."""

    def __init__(self, log):
        self.log = log
        self.process: Any = None

    def start(self, run, attempt=1):
        if self.process is None:
            command = [sys.executable, "-c", SERVE]
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=self.log, text=True)
        asked: Any = self.process.stdin
        asked.write(f"{run.folder} {attempt}\n")
        asked.flush()

    def code(self):
        return int(self.process.stdout.readline())

    def execute(self, run, attempt=1):
        self.start(run, attempt)
        return self.code()

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    with (tmp_path_factory.mktemp("log") / "log.txt").open("wb") as log:
        served = Workers(log)
        yield served
        served.kill()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("workspace") / "runs"


def make_run(runs, name, training, **model):
    values = {"data": {"sample": "penguins"}, "model": {"architecture": "mlp", "width": 16} | model}
    return Run.create(runs / name, resolve(Recipe.of(values | {"training": training})))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def newest(run):
    snapshot, _ = checkpoints.newest(run.folder / "checkpoints")
    assert snapshot is not None
    return snapshot


def ends(run):
    lines = [line for line in run.lines("metrics")[0] if line.get("end")]
    return [{name: value for name, value in line.items() if name not in ("time", "seconds")} for line in lines]


LONG = {"epochs": 120, "patience": 60, "schedule": "reduce_on_plateau", "decay_every": 4, "seed": 5}


@pytest.fixture(scope="module")
def unbroken(workers, runs):
    run = make_run(runs, "unbroken", LONG, dropout=0.3)
    assert workers.execute(run) == 0
    return run


def test_leaves_everything_that_a_viewer_needs(unbroken):
    state = unbroken.state
    assert (state.state, state.phase, state.stage, state.stages) == ("finished", "done", "fit", 1)
    assert state.started < state.first_point < state.ended
    assert state.device.startswith("CPU · ") or state.device
    assert state.policy.startswith("The data lie in memory")
    assert state.parameters > 0
    assert unbroken.is_done
    assert unbroken.read("done.json")["state"] == "finished"
    layers = unbroken.read("layers.json")["stages"][0]
    assert sum(layer["parameters"] for layer in layers["layers"]) == layers["parameters"] == state.parameters
    panels = unbroken.read("evidence.json")["panels"]
    assert [panel["kind"] for panel in panels] == ["classes", "boundary"]
    evidence = panels[0]
    assert len(evidence["rows"]) == len(evidence["truth"]) == len(evidence["answer"]) == 12
    assert {len(answer) for answer in evidence["answer"]} == {3}
    assert set(evidence["truth"]) == {0, 1, 2}
    assert unbroken.read("deliverables.json")["model"]["checked"]
    kinds = [line["text"] for line in unbroken.lines("events")[0] if line["kind"] == "phase"]
    assert kinds == ["preparing", "compiling", "training", "saving", "evaluating", "checking"]
    versions = [line["text"] for line in unbroken.lines("events")[0] if line["kind"] == "versions"]
    assert versions == [worker.versions()]
    assert "Keras 3." in versions[0]


def test_says_what_electricity_it_used(unbroken):
    told = unbroken.read("energy.json")
    assert [each["attempt"] for each in told["attempts"]] == [1]
    assert told["attempts"][0]["cpu_seconds"] > 0
    assert told["wh"] > 0
    assert told["method"]


def test_a_fold_is_judged_on_itself_and_the_sealed_test_part_stays_closed(workers, runs, unbroken):
    values = {"data": {"sample": "penguins", "folds": 3, "fold": 2}, "model": {"architecture": "mlp", "width": 16}}
    run = Run.create(runs / "fold", resolve(Recipe.of(values | {"training": {"epochs": 2, "seed": LONG["seed"]}})))
    assert workers.execute(run) == 0
    report = run.read("report.json")
    assert report["judged_on"] == f"On {report['rows']} rows of fold 2 of 3. The sealed test part stayed closed."
    assert (report["fold"]["number"], report["fold"]["of"]) == (2, 3)
    assert report["fold"]["train_rows"] > report["fold"]["test_rows"] == report["rows"]
    judged, sealed = (np.load(each.folder / "predictions.npz")["rows"] for each in (run, unbroken))
    assert len(judged) == report["rows"]
    assert not set(judged.tolist()) & set(sealed.tolist())


def test_writes_points_on_a_clock_and_one_line_an_epoch(unbroken):
    lines, _ = unbroken.lines("metrics")
    live = [line for line in lines if not line.get("end")]
    finished = [line["epoch"] for line in lines if line.get("end")]
    assert finished == list(range(1, len(finished) + 1))
    assert all(later["time"] - line["time"] > 0.09 for line, later in pairwise(live))
    assert set(ends(unbroken)[0]) == {
        "stage", "epoch", "x", "end", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate",
    }  # fmt: skip


def test_a_killed_run_goes_on_and_equals_the_unbroken_one_to_the_last_bit(workers, runs, unbroken):
    run = make_run(runs, "killed", LONG, dropout=0.3)
    workers.start(run)
    wait_for(lambda: len(checkpoints.every(run.folder / "checkpoints")) == 2 and len(ends(run)) > 25)
    workers.kill()
    assert not run.is_done
    assert workers.execute(run, attempt=2) == 0
    assert ends(run) == ends(unbroken)
    told = [line["text"] for line in run.lines("events")[0] if line["kind"] == "resume"]
    assert len(told) == 1
    assert told[0].startswith("Attempt 2 goes on after epoch ")
    mine, other = newest(run), newest(unbroken)
    assert mine.epoch == other.epoch
    for first, second in zip(mine.variables, other.variables, strict=True):
        np.testing.assert_array_equal(first, second)
    assert run.read("report.json")["metrics"] == unbroken.read("report.json")["metrics"]
    proofs = run.read("resumes.json")
    assert [(each["attempt"], each["same"]) for each in proofs] == [(2, True)]
    assert proofs[0]["sentence"].endswith(": the same to the last bit.")


def test_a_finished_run_is_not_trained_again(workers, unbroken):
    before = ends(unbroken)
    assert workers.execute(unbroken, attempt=2) == 0
    assert ends(unbroken) == before
    assert unbroken.state.attempt == 1


def test_a_run_whose_time_is_up_keeps_its_best_epoch(workers, runs):
    run = make_run(runs, "limited", {"epochs": 5000, "early_stopping": False})
    write_json(run.folder / "limits.json", {"seconds": 60, "memory_mb": None, "who": "your class"})
    former = {"attempt": 1, "seconds": 59.0, "cpu_wh": 0.0, "gpu_wh": None, "cpu_method": "", "gpu_method": None,
              "grams": 0.0}  # fmt: skip
    write_json(run.folder / "energy.json", {"attempts": [former]})
    assert workers.execute(run, attempt=2) in (0, 1)
    state = run.state
    assert state.reason == "limit"
    assert state.message in (
        "Reached the 1-minute limit of your class; the best epoch was kept.",
        "Reached the 1-minute limit of your class in the first epoch; the model as it was then was kept.",
        "Reached the 1-minute limit of your class before training began.",  # on a busy computer
    )


def test_a_newer_attempt_has_the_run_for_itself(workers, runs):
    run = make_run(runs, "fenced", {"epochs": 2})
    run.write_state(run.state.model_copy(update={"attempt": 3}))
    assert workers.execute(run, attempt=2) == 3
    assert run.state.state == "queued"
    assert not (run.folder / "metrics.jsonl").exists()


def test_stop_keeps_a_checkpoint_and_resume_forgets_nothing(workers, runs):
    run = make_run(runs, "stopped", {"epochs": 5000, "early_stopping": False})
    workers.start(run)
    wait_for(lambda: len(ends(run)) >= 3)
    asked = time.monotonic()
    run.ask("stop")
    assert workers.code() == 0
    assert time.monotonic() - asked < 3
    state = run.state
    done = ends(run)[-1]["epoch"]
    assert (state.state, state.can_resume) == ("stopped", True)
    assert state.message == f"Stopped by you after epoch {done} of 5000."
    assert state.advice == "Press Resume to go on."
    assert run.read("done.json") == {"state": "stopped", "attempt": 1, "time": state.ended}
    former = ends(run)

    run.clear_ask()
    workers.start(run, attempt=2)
    wait_for(lambda: len(ends(run)) >= done + 3)
    assert ends(run)[:done] == former
    assert [line["epoch"] for line in ends(run)][: done + 3] == list(range(1, done + 4))

    run.ask("keep")
    assert workers.code() == 0
    state = run.state
    assert state.state == "finished"
    snapshot = newest(run)
    assert state.message == (
        f"Stopped by you after epoch {snapshot.finished} of 5000; the best epoch ({snapshot.best['epoch']}) was kept."
    )
    assert [each["attempt"] for each in run.read("energy.json")["attempts"]] == [1, 2]
    best = min(ends(run), key=lambda line: line["val_loss"])
    assert snapshot.best == {"epoch": best["epoch"], "loss": best["val_loss"]}
    assert run.read("report.json")["metrics"]["accuracy"] > 0.5


def test_a_signal_stops_it_too(workers, runs):
    run = make_run(runs, "signalled", {"epochs": 5000, "early_stopping": False})
    workers.start(run)
    wait_for(lambda: len(ends(run)) >= 2)
    os.kill(workers.process.pid, signal.SIGTERM)
    assert workers.code() == 0
    assert run.state.state == "stopped"
    assert (run.folder / "checkpoints" / "LATEST").exists()


def test_a_damaged_checkpoint_is_passed_over_and_said(workers, runs):
    run = make_run(runs, "damaged", {"epochs": 5000, "early_stopping": False})
    workers.start(run)
    wait_for(lambda: len(list((run.folder / "checkpoints").glob("epoch-*[0-9]"))) == 2)
    run.ask("stop")
    assert workers.code() == 0
    older, newer = sorted((run.folder / "checkpoints").glob("epoch-*[0-9]"))
    with (newer / "variables.npz").open("r+b") as file:
        file.truncate(100)
    run.clear_ask()
    workers.start(run, attempt=2)
    wait_for(lambda: any(line["kind"] == "resume" for line in run.lines("events")[0]))
    wait_for(lambda: len(ends(run)) > int(older.name[6:]))
    run.ask("stop")
    assert workers.code() == 0
    told = [line["text"] for line in run.lines("events")[0] if line["kind"] in ("damage", "resume")]
    assert told == [
        f"The checkpoint {newer.name} is damaged and was passed over.",
        f"Attempt 2 goes on after epoch {int(older.name[6:])}.",
    ]


def test_a_loss_that_is_no_number_ends_the_run_with_advice(workers, runs):
    # The target's own unit is standardised, so only a rate beyond all measure breaks it.
    values = {
        "data": {"sample": "auto-mpg"},
        "model": {"architecture": "mlp", "width": 64},
        "training": {"optimizer": "sgd", "learning_rate": 10, "epochs": 30},
    }
    run = Run.create(runs / "diverged", resolve(Recipe.of(values)))
    assert workers.execute(run) == 1
    state = run.state
    assert state.state == "failed"
    assert state.message == "Loss became NaN at epoch 1."
    assert state.advice == "Lower the learning rate (try 0.01) or look for extreme values in the data."
    assert run.read("done.json")["state"] == "failed"


def test_impossible_settings_are_refused_in_words(workers, runs):
    values = {"data": {"sample": "digits"}, "model": {"architecture": "cnn", "depth": 6}, "training": {"epochs": 1}}
    run = Run.create(runs / "refused", resolve(Recipe.of(values)))
    assert workers.execute(run) == 2
    assert run.state.state == "failed"
    assert run.state.message == (
        "`depth` 6 halves the picture 6 times, but 8 x 8 pixels can be halved only 3 times. "
        "Set `depth` to 3 or less, or use larger pictures."
    )


def test_errors_of_a_regression_are_in_the_targets_own_unit(workers, runs):
    values = {"data": {"sample": "auto-mpg"}, "model": {"architecture": "mlp"}, "training": {"epochs": 1}}
    run = Run.create(runs / "unit", resolve(Recipe.of(values)))
    workers.start(run)
    wait_for(lambda: bool(ends(run)))
    assert ends(run)[0]["val_mae"] > 2
    assert workers.code() == 0
    evidence = run.read("evidence.json")["panels"][0]
    assert evidence["kind"] == "values"
    assert 9 <= min(evidence["truth"]) <= max(evidence["truth"]) <= 50
    assert json.dumps(evidence["answer"])
