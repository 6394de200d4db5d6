"""The command line: one JSON object on standard output, progress and sentences on standard error, three exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from records import Run, State
from training.__main__ import bar

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["run", "folder", "state", "task", "metrics", "seconds", "samples_per_second", "deliverables"]


def start(tmp_path, recipe):
    file = tmp_path / "elsewhere" / "recipe.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(recipe)
    environment = os.environ | {"LAYERWISE_WORKSPACE": str(tmp_path / "unused")}
    command = [sys.executable, "-m", "training", str(file), "--workspace", str(tmp_path / "space")]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def train(tmp_path, recipe):
    process = start(tmp_path, recipe)
    output, errors = process.communicate(timeout=200)
    return process.returncode, output, errors


@pytest.mark.parametrize(
    ("recipe", "task", "metric"),
    [
        (
            "data: {sample: penguins}\nmodel: {architecture: mlp}\ntraining: {epochs: 3, seed: 1}",
            "classification",
            "accuracy",
        ),
        (
            '{"data": {"sample": "digits"}, "training": {"epochs": 2, "batch_size": 64}}',
            "classification",
            "f1_macro",
        ),
    ],
)
def test_trains_a_sample_to_one_json_line(tmp_path, recipe, task, metric):
    code, output, errors = train(tmp_path, recipe)
    assert code == 0, errors
    told = json.loads(output)
    assert output.count("\n") == 1
    assert list(told) == KEYS
    assert (told["state"], told["task"]) == ("finished", task)
    assert isinstance(told["metrics"][metric], float)
    assert told["seconds"] > 0
    assert told["samples_per_second"] > 0
    folder = Path(told["folder"])
    assert folder == tmp_path / "space" / "runs" / told["run"]
    assert told["deliverables"] == {"model": str(folder / "deliverables" / "model.keras")}
    assert Path(told["deliverables"]["model"]).stat().st_size > 0
    assert Run(folder).is_done
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith("done")


def test_learns_from_a_file_beside_the_recipe(tmp_path):
    rows = "\n".join(
        f"{number};{'red' if number % 2 else 'blue'};{'up' if number > 40 else 'down'}" for number in range(80)
    )
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "rows.csv").write_text(f"size;colour;way\n{rows}\n")
    code, output, errors = train(tmp_path, "data: {file: rows.csv, target: way}\ntraining: {epochs: 2}")
    assert code == 0, errors
    told = json.loads(output)
    assert told["task"] == "classification"
    assert Run(Path(told["folder"])).recipe.data.target == "way"


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        (
            "data: {sample: pinguins}",
            "There is no sample 'pinguins'. Did you mean 'penguins'? Available: ",
        ),
        (
            "data: {sample: penguins}\nmodel: {architecture: mpl}",
            "There is no architecture 'mpl'. Did you mean 'mlp'? Available: ",
        ),
        (
            "data: {sample: penguins}\nmodel: {architecture: mlp, widht: 3}",
            "There is no setting `model.widht`. Did you mean `width`? Known here: ",
        ),
        ("data: {file: none.csv}", "There is no file '"),
        (
            "data: {sample: penguins}\ntraining: {epochs: 0}",
            "`training.epochs` must be between 1 and 10000, but got 0.",
        ),
    ],
)
def test_refuses_a_bad_recipe_in_one_line(tmp_path, recipe, sentence):
    code, output, errors = train(tmp_path, recipe)
    assert code == 2
    assert output == ""
    assert errors.startswith(sentence)
    assert errors.count("\n") == 1


def test_refuses_a_recipe_that_is_not_there(tmp_path):
    told = subprocess.run(
        [sys.executable, "-m", "training", str(tmp_path / "no.yaml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert told.stderr == f"The recipe '{tmp_path / 'no.yaml'}' cannot be read. Check the path.\n"


def test_refuses_bad_data_with_one_line_at_the_end(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "rows.csv").write_text(
        "a,b\n" + "\n".join(f"{number},same" for number in range(50)) + "\n"
    )
    code, output, errors = train(tmp_path, "data: {file: rows.csv, target: b, task: classification}")
    assert code == 2
    assert output == ""
    assert "same" in errors.splitlines()[-1] or "one class" in errors.splitlines()[-1]
    assert "Traceback" not in errors


def test_control_c_stops_with_a_checkpoint(tmp_path):
    process = start(tmp_path, "data: {sample: penguins}\ntraining: {epochs: 9000, early_stopping: false}")
    runs, end = tmp_path / "space" / "runs", time.monotonic() + 90
    while not any('"end": true' in file.read_text() for file in runs.glob("*/metrics.jsonl")):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    told = json.loads(output)
    assert (process.returncode, told["state"], told["metrics"], told["deliverables"]) == (1, "stopped", {}, {})
    assert (Path(told["folder"]) / "checkpoints" / "LATEST").exists()
    last = errors.splitlines()[-1]
    assert last.startswith("Stopped by you after epoch ")
    assert last.endswith(f" of 9000. Go on with: python -m training.worker {told['folder']}")


def test_the_bar_says_phase_epoch_pace_and_time_left():
    state = State(phase="training", epoch=6, epochs=12, samples_per_second=12_345.6, eta_seconds=7.4)
    assert bar(state) == "training   ████████████············ epoch 6 of 12 · 12,346 samples/s · 7 s left"
