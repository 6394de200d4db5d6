"""The same run on JAX as on TensorFlow, on one device or several: equal losses, and a sentence where it cannot be."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recipes import RawInput, Refusal, Signature, Target, Training, validate
from training import backend, devices
from training.optimizers import precision

ROOT = Path(__file__).resolve().parents[2]
HAS_JAX = importlib.util.find_spec("jax") is not None
HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
BACKENDS = [
    pytest.param("tensorflow", marks=pytest.mark.skipif(not HAS_TENSORFLOW, reason="TensorFlow is not installed")),
    pytest.param("jax", marks=pytest.mark.skipif(not HAS_JAX, reason="JAX is not installed")),
]
needs_jax = pytest.mark.skipif(not HAS_JAX, reason="JAX is not installed")


def ask(command, name, **environment):
    told = os.environ | {"KERAS_BACKEND": name} | environment
    return subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, env=told, capture_output=True, text=True, timeout=280,
        check=False,
    )  # fmt: skip


def train(tmp_path, name, recipe):
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe)
    return ask(["-m", "training", file, "--workspace", tmp_path / "space"], name)


def histories(name, count):
    answer = ask([Path(__file__).with_name("on_devices.py"), count], name)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", BACKENDS)
def test_equals_plain_fit_on_one_device_and_on_two(name):
    """Batch normalization takes its means over the whole batch, and dropout draws the same masks (JAX)."""
    alone, shared = histories(name, 1), histories(name, 2)
    for case, (fast, plain) in alone.items():
        same(fast, plain)
        same(shared[case][0], fast)


@needs_jax
@pytest.mark.parametrize(
    ("recipe", "metric"),
    [
        ("data: {sample: auto-mpg}\nmodel: {architecture: mlp}\ntraining: {epochs: 3, seed: 1}", "rmse"),
        ("data: {sample: digits}\nmodel: {architecture: cnn}\ntraining: {epochs: 1, seed: 1}", "accuracy"),
    ],
)
def test_a_run_finishes_on_jax(tmp_path, recipe, metric):
    """Fitted, judged, saved, and the file checked by JAX alone."""
    answer = train(tmp_path, "jax", recipe)
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["state"] == "finished"
    assert isinstance(told["metrics"][metric], float)
    assert list(told["deliverables"]) == ["model"]
    events = (Path(told["folder"]) / "events.jsonl").read_text()
    assert "and JAX " in events


@pytest.mark.skipif(HAS_JAX, reason="JAX is installed")
def test_says_that_jax_is_missing(tmp_path):
    answer = train(tmp_path, "jax", "data: {sample: auto-mpg}\nmodel: {architecture: mlp}\ntraining: {epochs: 1}")
    assert answer.returncode == 2
    assert answer.stderr.splitlines()[-1] == (
        "Layerwise was told to compute with JAX (KERAS_BACKEND=jax), but the package `jax` is not installed. Install "
        "it, or start Layerwise without KERAS_BACKEND."
    )


def signature(*raw):
    return Signature(
        data_type="tabular", task="regression", target=Target(name="y"), inputs={}, raw=tuple(raw), rows={}
    )


def test_words_need_tensorflow(monkeypatch):
    number = RawInput(name="age", kind="number", dtype="float32", shape=(1,))
    words = [RawInput(name=name, kind="category", dtype="string", shape=(1,)) for name in ("island", "sex")]
    monkeypatch.setattr(backend, "name", lambda: "tensorflow")
    backend.refuse_words(signature(number, *words))
    monkeypatch.setattr(backend, "name", lambda: "jax")
    backend.refuse_words(signature(number))
    with pytest.raises(Refusal) as refusal:
        backend.refuse_words(signature(number, *words))
    assert str(refusal.value) == (
        "The columns `island`, `sex` hold words, and the download looks words up with TensorFlow, but this Layerwise "
        "computes with JAX. Leave them out, or start Layerwise with KERAS_BACKEND=tensorflow."
    )


@pytest.mark.parametrize(
    ("asked", "capability", "policy"),
    [
        ("off", (9, 0), "float32"),
        ("auto", (9, 0), "mixed_bfloat16"),
        ("auto", (7, 5), "mixed_float16"),
        ("auto", (6, 1), "float32"),
        ("on", (6, 1), "mixed_float16"),
        ("auto", None, "float32"),
        ("on", None, "mixed_bfloat16"),
    ],
)
def test_precision_follows_the_card(monkeypatch, asked, capability, policy):
    """Half-size numbers only where the chip has units for them, unless a person insists."""
    cards = [backend.Card("a card", capability)] if capability else []
    monkeypatch.setattr(backend, "cards", lambda: cards)
    assert precision(validate(Training, {"mixed_precision": asked})) == policy


def test_gpus_are_grouped_where_a_run_asks_for_several(monkeypatch):
    found = devices.read("".join(f"{n}, GPU-{n}, NVIDIA H200, {140_000 + n}\n" for n in range(5)), None)
    assert devices.grouped(found, 1) == found
    assert devices.grouped(found, 2) == (
        devices.Device("GPU-0,GPU-1", "2 × NVIDIA H200", 140_000),
        devices.Device("GPU-2,GPU-3", "2 × NVIDIA H200", 140_002),
    )
    assert [group.name for group in devices.grouped(found, 8)] == ["5 × NVIDIA H200"]
    assert devices.grouped((), 4) == ()
    monkeypatch.setenv("LAYERWISE_GPUS_PER_RUN", "4")
    assert devices.per_run() == 4
    monkeypatch.setenv("LAYERWISE_GPUS_PER_RUN", "many")
    with pytest.raises(
        Refusal, match="LAYERWISE_GPUS_PER_RUN is 'many', but must be a whole number of GPUs, such as 2"
    ):
        devices.per_run()
