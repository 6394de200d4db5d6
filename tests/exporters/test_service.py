"""The web service of a run, asked over real HTTP on loopback."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from datasets import DataSet
from evaluation import predict
from exporters.service import run_of
from recipes import Recipe, Refusal
from records import Run
from training import worker
from training.plan import resolve

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("workspace") / "runs"


def trained(runs, name, sample, family):
    if (done := Run(runs / name)).folder.exists():
        return done
    values = {"data": {"sample": sample}, "model": {"architecture": family}, "training": {"epochs": 2}}
    run = Run.create(runs / name, resolve(Recipe.of(values)))
    assert worker.main(run.folder, 1) == worker.FINISHED
    return run


class Service:
    def __init__(self, run, log):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "exporters.service", str(run.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        end = time.monotonic() + 90
        while True:
            try:
                self.get("/health")
            except OSError:
                assert time.monotonic() < end
                assert self.process.poll() is None
                time.sleep(0.2)
            else:
                return

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as told:
            return told.read().decode()

    def post(self, path, body, kind="application/json"):
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=body, headers={"Content-Type": kind}, method="POST"
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as told:  # noqa: S310 - loopback
                return told.status, json.loads(told.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def rows(self, *rows):
        return self.post("/predict", json.dumps({"rows": rows}).encode())

    def file(self, data, name="picture.png"):
        edge = "edge"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        return self.post("/predict/file", body, f"multipart/form-data; boundary={edge}")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    made = []

    def start(run):
        with (tmp_path_factory.mktemp("log") / "log.txt").open("wb") as log:
            made.append(Service(run, log))
        return made[-1]

    yield start
    for each in made:
        each.process.terminate()
        each.process.wait(timeout=30)


def test_rows_of_a_table_are_answered_as_try_answers_them(runs, service):
    run = trained(runs, "table", "penguins", "mlp")
    served = service(run)
    row = {"island": "Dream", "bill_length_mm": 40.5, "body_mass_g": None}
    status, told = served.rows(row, {})
    assert status == 200
    expected = predict.answer(run, row)
    first = told["answers"][0]
    assert [first[f"share of {name}"] for name in expected["classes"]] == pytest.approx(expected["answer"], abs=1e-5)
    assert first["species"] == expected["classes"][max(range(3), key=expected["answer"].__getitem__)]
    assert len(told["answers"]) == 2
    assert json.loads(served.get("/health")) == {"status": "ok", "run": run.id, "model": "mlp"}
    assert served.get("/card").startswith("# Dense network on Palmer penguins")


def test_the_openapi_page_names_every_column_with_its_range(runs, service):
    served = service(trained(runs, "table", "penguins", "mlp"))
    told = json.loads(served.get("/openapi.json"))
    columns = told["components"]["schemas"]["Row"]["properties"]
    assert "In the training data" in columns["bill_length_mm"]["description"]
    assert "One of: Biscoe, Dream, Torgersen." in columns["island"]["description"]
    assert "swagger" in served.get("/docs").lower()
    status, told = served.rows({"bill_length_mm": "long"})
    assert status == 422
    assert "valid number" in json.dumps(told)
    assert served.rows()[0] == 422


def test_a_picture_is_answered_and_a_broken_one_refused_in_words(runs, service):
    run = trained(runs, "picture", "digits", "cnn")
    served = service(run)
    dataset = DataSet.open(Path(run.read("prepared.json")["dataset"]))
    import datasets
    from ui.samples import png

    image = datasets.get("image").preview(dataset, [3])[0]["picture"]
    status, told = served.file(png(image))
    assert status == 200
    assert sum(value for name, value in told["answers"][0].items() if name.startswith("share of")) == pytest.approx(1)
    status, told = served.file(b"no picture at all")
    assert status == 422
    assert told["detail"].endswith(".")


def test_a_run_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    with pytest.raises(Refusal) as refusal:
        run_of("abc123")
    assert str(refusal.value) == (
        "There is no run 'abc123'. Give its folder, or its id as it stands in the page's address."
    )
