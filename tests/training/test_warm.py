"""The warm process answers over its socket; what is wrong is refused in words, and it goes when it is asked to."""

import base64
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recipes import Recipe, Refusal
from records import Run, Workspace
from training import estimate
from training.ask import Failed, WarmingUp, address, ask
from training.opened import TOO_EARLY
from training.plan import resolve

ROOT = Path(__file__).resolve().parents[2]
PENGUINS = {"data": {"sample": "penguins"}, "model": {"architecture": "mlp", "width": 32}}
DIGITS = {"data": {"sample": "digits"}, "model": {"architecture": "cnn", "filters": 4, "rotation": 20}}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    # A deep folder: the path would be too long for a socket.
    space = Workspace(tmp_path_factory.mktemp("space") / ("deep" * 25))
    space.root.mkdir()
    with pytest.raises(WarmingUp):
        ask(space, "describe", recipe=PENGUINS)
    with (tmp_path_factory.mktemp("log") / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training.warm", "--workspace", str(space.root)], cwd=ROOT, stdout=log, stderr=log
        )
        wait_until_warm(space)
        yield space
        place = address(space)
        process.terminate()
        assert process.wait(timeout=30) == 0
    assert not place.exists()


def wait_until_warm(space):
    end = time.monotonic() + 90
    while True:
        try:
            ask(space, "describe", recipe=PENGUINS)
        except WarmingUp:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return


def test_describes_the_layers_on_this_data(workspace):
    told = ask(workspace, "describe", recipe=PENGUINS)
    assert set(told) == {"layers", "parameters", "notes", "rows"}
    assert set(told["layers"][0]) == {"name", "kind", "shape", "parameters"}
    assert told["parameters"] == sum(layer["parameters"] for layer in told["layers"])
    assert told["layers"][-1]["shape"] == "3" or any(layer["shape"] == "3" for layer in told["layers"])
    assert sum(told["rows"].values()) == 344


def test_tells_what_the_data_offer(workspace):
    told = ask(workspace, "signature", recipe=DIGITS)["signature"]
    assert told["inputs"] == {"picture": {"shape": [8, 8, 1], "dtype": "uint8"}}
    assert told["target"]["classes"] == list("0123456789")


def test_describes_the_same_model_with_the_same_words(workspace):
    first = ask(workspace, "describe", recipe=DIGITS)
    ask(workspace, "describe", recipe=PENGUINS)
    changed = DIGITS | {"model": DIGITS["model"] | {"dropout": 0.31}}
    assert ask(workspace, "describe", recipe=changed)["layers"] == first["layers"]


def test_describes_a_model_too_big_for_memory_at_once(workspace):
    model = {"architecture": "mlp", "width": 2048, "depth": 10}
    started = time.monotonic()
    told = ask(workspace, "describe", recipe=PENGUINS | {"model": model})
    assert told["parameters"] > 37_000_000
    assert time.monotonic() - started < 5


def test_refuses_impossible_settings_in_words(workspace):
    with pytest.raises(Refusal) as refused:
        ask(workspace, "describe", recipe=PENGUINS | {"model": {"architecture": "mlp", "width": 0}})
    assert str(refused.value) == "`model.width` must be between 1 and 2048, but got 0."
    with pytest.raises(Refusal) as refused:
        ask(workspace, "describe", recipe=DIGITS | {"model": {"architecture": "cnn", "depth": 6}})
    assert str(refused.value).startswith("`depth` 6 halves the picture 6 times")


def test_an_unknown_question_names_the_known_ones(workspace):
    with pytest.raises(Failed) as failed:
        ask(workspace, "sing")
    assert str(failed.value).startswith("There is no question 'sing'. Known: describe, estimate, predict, ")


def test_nonsense_on_the_line_gets_an_answer_too(workspace):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(str(address(workspace)))
        line.sendall(b"hello\n")
        told = json.loads(line.makefile().readline())
    assert told == {"failed": 'A question is one JSON line such as {"ask": "describe", "recipe": {...}}.'}


def test_estimates_by_a_real_dry_run(workspace):
    told = ask(workspace, "estimate", recipe=PENGUINS, timeout=120)
    assert set(told) == {"memory_mb", "available_mb", "seconds_per_epoch", "seconds", "verdict", "sentence"}
    assert told["verdict"] == "easily"
    assert 0 < told["seconds_per_epoch"] < 5
    assert told["sentence"].startswith("Fits easily · about ")
    started = time.monotonic()
    assert ask(workspace, "estimate", recipe=PENGUINS) == told
    assert time.monotonic() - started < 1


def test_a_huge_model_is_counted_and_not_tried(workspace):
    model = {"architecture": "mlp", "width": 2048, "depth": 10}
    training = {"batch_size": 8192, "epochs": 10_000}
    started = time.monotonic()
    told = ask(workspace, "estimate", recipe=PENGUINS | {"model": model, "training": training}, timeout=120)
    assert told["memory_mb"] > 4 * 37 * 6
    assert told["seconds"] is None or told["seconds"] > 600
    assert time.monotonic() - started < 20


def test_shows_pictures_as_the_model_meets_them(workspace):
    told = ask(workspace, "augment", recipe=DIGITS, count=3, timeout=60)["pictures"]
    assert len(told) == 3
    assert {len(picture["after"]) for picture in told} == {4}
    assert base64.b64decode(told[0]["before"]).startswith(b"\x89PNG")
    assert len({told[0]["before"], *told[0]["after"]}) == 5
    assert told[0]["label"] in "0123456789"
    with pytest.raises(Refusal, match=r"^Only pictures can be varied\. Choose picture data\.$"):
        ask(workspace, "augment", recipe=PENGUINS, count=3)


def test_a_newer_question_of_a_visitor_takes_the_place_of_a_waiting_one(workspace):
    def describe(width):
        model = {"architecture": "mlp", "width": width}
        try:
            return ask(workspace, "describe", recipe=PENGUINS | {"model": model}, visitor="me", timeout=90)[
                "parameters"
            ]
        except Failed as failed:
            return str(failed)

    busy = DIGITS | {"training": {"seed": 77}}
    with ThreadPoolExecutor(8) as pool:
        slow = pool.submit(ask, workspace, "estimate", recipe=busy, timeout=90)
        time.sleep(0.3)
        asked = []
        for width in range(50, 56):
            asked.append(pool.submit(describe, width))
            time.sleep(0.02)
        answers = [question.result() for question in asked]
        assert slow.result()["verdict"] == "easily"
    assert "A newer question took the place of this one." in answers
    assert isinstance(answers[-1], int)


def test_amounts_are_written_for_people():
    assert estimate.sentence("easily", 12 * 2**20, 2**33, 4.2) == "Fits easily · about 4 s · 12 MB"
    assert estimate.sentence("tight", 3 * 2**30, 2**32, 400) == "Just fits · about 7 min · 3.0 GB"
    assert estimate.sentence("no", 16 * 2**30, 3 * 2**30, None) == (
        "Does not fit · needs 16.0 GB, 3.0 GB are free · choose a smaller model or batch size"
    )


def test_a_run_without_files_is_answered_by_its_newest_checkpoint(workspace):
    run = Run.create(workspace.runs / "live", resolve(Recipe.of(PENGUINS | {"training": {"epochs": 3}})))
    values = {"island": "Dream", "bill_length_mm": 40.0}
    with pytest.raises(Refusal, match=TOO_EARLY):
        ask(workspace, "predict", run=str(run.folder), values=values)
    done = subprocess.run([sys.executable, "-m", "training.worker", str(run.folder)], cwd=ROOT, check=False)
    assert done.returncode == 0
    finished = ask(workspace, "predict", run=str(run.folder), values=values)
    (run.folder / "deliverables.json").unlink()
    live = ask(workspace, "predict", run=str(run.folder), values=values)
    assert live["epoch"] in (1, 2, 3)
    assert live["answer"] == pytest.approx(finished["answer"], abs=1e-6)
