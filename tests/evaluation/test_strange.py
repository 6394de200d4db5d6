"""What nothing in the training data was like is told apart from what is ordinary."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import datasets
from datasets import DataSet, Prepared
from evaluation import predict
from records import Run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space")

    def train(sample, family, epochs):
        recipe = folder / f"{sample}.json"
        told = {
            "data": {"sample": sample},
            "model": {"architecture": family},
            "training": {"seed": 1, "epochs": epochs},
        }
        recipe.write_text(json.dumps(told))
        command = [sys.executable, "-m", "training", str(recipe), "--workspace", str(folder / "workspace")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Run(Path(json.loads(done.stdout.splitlines()[-1])["folder"]))

    return train


def strange(told):
    return told["strange"]["distance"] > told["strange"]["limit"]


def test_a_row_far_outside_is_strange_and_test_rows_are_not(run_of):
    run = run_of("penguins", "mlp", 20)
    ordinary = {"island": "Dream", "bill_length_mm": 40.0, "bill_depth_mm": 18.0, "flipper_length_mm": 190.0,
                "body_mass_g": 3600.0}  # fmt: skip
    assert not strange(predict.answer(run, ordinary))
    assert strange(predict.answer(run, ordinary | {"body_mass_g": 60_000.0, "bill_length_mm": 400.0}))
    assert share_of_strange(run) <= 0.05


def test_noise_is_strange_to_a_model_of_digits(run_of):
    run = run_of("digits", "cnn", 4)
    assert share_of_strange(run) <= 0.05
    noise = np.random.default_rng(1).integers(0, 256, (20, 1, 8, 8, 1)).astype("float32")
    assert np.mean([is_strange(run, {"picture": each}) for each in noise]) >= 0.8


def share_of_strange(run):
    where = run.read("prepared.json")
    prepared, dataset = Prepared.open(Path(where["folder"])), DataSet.open(Path(where["dataset"]))
    rows = np.asarray(prepared.part("test").rows)[:120].tolist()
    raw = datasets.get(dataset.schema.data_type).raw(dataset, prepared.signature, rows)
    return float(np.mean([is_strange(run, row) for row in raw]))


def is_strange(run, row):
    from evaluation import strange as measured

    told = measured.told(run, predict.download(run, "model"), predict.signature_of(run), row)
    assert told is not None
    return told["distance"] > told["limit"]
