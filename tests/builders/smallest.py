"""The smallest data on which every family can build and learn: one signature for each data type and task."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

import builders
import datasets
from builders import imported
from recipes import Part, Signature, Target, TensorSpec, keras

LETTERS = tuple("abcdefgh")
INPUTS: MappingProxyType[str, dict[str, tuple[tuple[int, ...], str]]] = MappingProxyType({
    "tabular": {"features": ((5,), "float32")},
    "image": {"picture": ((16, 16, 3), "uint8")},
    "text": {"tokens": ((12,), "int32")},
    "prose": {"tokens": ((16,), "int32")},
    "series": {"series": ((24, 2), "float32")},
    "audio": {"sound": ((8_000,), "float32")},
    "video": {"clip": ((4, 16, 16, 3), "uint8")},
    "boxes": {"picture": ((32, 32, 3), "uint8")},
    "pairs": {"source": ((6,), "int32"), "target": ((7,), "int32")},
    "qa": {"context": ((16,), "int32"), "question": ((6,), "int32")},
    "ratings": {"user": ((), "int32"), "item": ((), "int32")},
    "style": {"picture": ((32, 32, 3), "uint8"), "style": ((32, 32, 3), "uint8")},
    "mixed": {"picture": ((16, 16, 3), "uint8"), "features": ((5,), "float32"), "tokens": ((12,), "int32")},
})  # fmt: skip
"""Shapes without the batch axis, and dtypes."""
DETAILS: MappingProxyType[str, dict[str, Any]] = MappingProxyType({
    "text": {"vocabulary": 20, "length": 12, "unit": "words", "text_column": "text"},
    "prose": {"vocabulary": 20, "length": 16, "unit": "characters"},
    "series": {"columns": ["a", "b"], "target": 0, "window": 24, "horizon": 3, "season": 6, "transform": "none",
               "trials": {}, "step": "one day", "several": False},
    "audio": {"rate": 8_000, "seconds": 1.0},
    "video": {"frames": 4},
    "pairs": {"source_vocabulary": 20, "target_vocabulary": 20, "unit": "words", "start": 2, "end": 3,
              "source_length": 6, "target_length": 7},
    "qa": {"vocabulary": 20, "context_length": 16, "question_length": 6},
    "ratings": {"users": 6, "items": 5, "low": 1.0, "high": 5.0, "step": 1.0, "user_word": "user", "item_word": "film",
                "features": []},
    "style": {"side": 32, "piece": 32, "names": ["a", "b"]},
    "mixed": {"vocabulary": 20, "length": 12},
})  # fmt: skip
TOKENS = 20


def pairs() -> list[tuple[str, str, str]]:
    """List every family with each data type and task that it serves and that exists."""
    return [
        (name, kind, task)
        for name in builders.names()
        for kind in builders.get(name).DATA_TYPES
        for task in builders.get(name).TASKS
        if kind in datasets.names() and task in datasets.get(kind).TASKS
    ]


def first_pair(name: str) -> tuple[str, str]:
    """Return the first data type and task that a family serves."""
    return next((kind, task) for family, kind, task in pairs() if family == name)


def signature_of(kind: str, task: str) -> Signature:
    """Return what the smallest data of this kind offer for this task."""
    sizes = {"forecasting": 3, "generation": TOKENS if kind == "prose" else 0, "translation": TOKENS}
    named = task == "classification" or (kind == "image" and task != "regression") or task == "detection"
    return Signature(
        data_type=kind,
        task=task,
        inputs={name: TensorSpec(shape=shape, dtype=dtype) for name, (shape, dtype) in INPUTS[kind].items()},
        raw=(),
        target=Target(name="answer", classes=("a", "b", "c") if named else (), size=sizes.get(task, 0)),
        rows={"train": 8, "validation": 4, "test": 4},
        class_counts=(3, 3, 2) if named else (),
        details=DETAILS.get(kind, {}),
    )


def examples(signature: Signature, rows: int) -> Part:
    """Make ready tensors: numbers around zero, pictures around grey, tokens of the vocabulary."""
    random = np.random.default_rng(1)
    x = {}
    for name, spec in signature.inputs.items():
        shape = (rows, *(size or 1 for size in spec.shape))
        if spec.dtype == "uint8":
            x[name] = (128 + 40 * random.normal(size=shape)).clip(0, 255).astype("uint8")
        elif spec.dtype == "int32":
            most = {"user": 6, "item": 5}.get(name, TOKENS)
            x[name] = random.integers(1, most, shape).astype("int32")
        else:
            x[name] = random.normal(size=shape).astype("float32")
    return Part(x, _answers(signature, x, rows, random), np.arange(rows))


def build(name: str, kind: str, task: str, **settings: Any) -> builders.Blueprint:
    """Build a family afresh on the smallest data."""
    settings = own_settings(name, signature_of(kind, task)) | settings
    keras.utils.set_random_seed(3)
    return builders.get(name).build(signature_of(kind, task), builders.config(name, settings))


def own_settings(name: str, signature: Signature) -> dict[str, Any]:
    """Return the settings without which a family builds nothing: the model file of one that learns on."""
    if not builders.needs_file(name):
        return {}
    ((_, spec),) = signature.inputs.items()
    folder = _shelf()
    imported.lies_in(folder)
    return {"model": shelved(folder, spec.shape, signature.outputs)}


@cache
def _shelf() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="brought-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def shelved(folder: Path, shape: tuple[int, ...], outputs: int) -> str:
    """Lay a small network from elsewhere on a shelf, as one that came through the gate; returns its fingerprint."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    inner = [layers.Conv2D(4, 3, activation="relu")] if len(shape) == 3 else []
    inner = [layers.Conv1D(4, 3, activation="relu")] if len(shape) == 2 else inner
    if shape == (8_000,):  # a sound: such networks look at its picture of pitch over time
        pitch = layers.MelSpectrogram(num_mel_bins=16, sampling_rate=8_000, sequence_stride=256, fft_length=512)
        inner = [pitch, layers.Reshape((16, -1, 1)), layers.Conv2D(4, 3, activation="relu")]
    some = [*inner, layers.Flatten(), layers.Dense(6, activation="relu"), layers.BatchNormalization(momentum=0.9)]
    model = keras.Sequential([keras.Input(shape), *some, layers.Dense(outputs)], name="small_net")
    model.save(made := folder / "made.keras")
    name = imported.fingerprint(made)
    (folder / name).mkdir(exist_ok=True)
    made.replace(folder / name / imported.FILE)
    return name


def outlines(name: str, kind: str, task: str, **settings: Any) -> builders.Blueprint:
    """Build with shapes only, as the layer table of Build does: no weight is made."""
    own_settings(name, signature_of(kind, task))  # such a file is made in full
    with keras.StatelessScope(initialize_variables=False):
        return build(name, kind, task, **settings)


def _answers(signature: Signature, x: dict[str, np.ndarray], rows: int, random: np.random.Generator) -> np.ndarray:
    if signature.task == "generation" and "tokens" in x:
        return np.roll(x["tokens"], -1, axis=1)
    if signature.task == "translation":
        return np.roll(x["target"], -1, axis=1)
    if signature.task == "answering":
        starts = random.integers(0, 8, rows)
        return np.stack([starts, starts + 2], axis=1).astype("int32")
    if signature.task == "detection":
        corners = np.sort(random.uniform(0, 1, (rows, 2, 2)), axis=1).reshape(rows, 4)
        return np.concatenate([(np.arange(rows) % 3)[:, None], corners], axis=1).astype("float32")
    if signature.target.classes or signature.task in ("generation", "reconstruction"):
        return (np.arange(rows) % 3).astype("int32")
    return random.normal(size=(rows, signature.outputs)).astype("float32")
