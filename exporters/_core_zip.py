"""A numeric core in a zip with all that is needed to ask it from raw values on: preprocessing, a script, a README.

model.onnx / model.tflite   ready arrays in, answers out
preprocessing.json          how raw values become ready arrays, and what the answers mean
predict.py                  does it: numpy, Pillow for pictures, and the runtime; nothing of Keras or Layerwise
runtime.py, prepare/        what `predict.py` is made of
requirements.txt, README.txt, recipe.yaml
"""

import importlib.metadata
import json
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from builders import Whole
from evaluation import tasks
from evaluation.asked import Asked
from exporters import keras_file
from recipes import Part

PLAIN = Path(__file__).with_name("plain")
ENDINGS = {"onnx": "onnx", "litert": "tflite"}
PACKAGES = {"onnx": "onnxruntime", "litert": "ai-edge-litert"}
PICTURES = ("image", "video", "boxes", "style", "mixed")
"""Data types whose preparation opens pictures."""
NEEDS = {"mixed": ("image", "tabular", "text"), "video": ("image",), "boxes": ("image",), "style": ("image",),
         "prose": ("text",), "pairs": ("text",), "qa": ("text",), "ratings": ("text",)}  # fmt: skip
"""Modules of `plain/prepare/` that another one builds on."""


@dataclass(frozen=True)
class Core:
    """A deliverable between ready arrays and the task's numbers, or a whole one as it is."""

    asked: Asked
    deliverable: Any
    model: Any
    """Functional, dict to dict."""
    runtime: str = "onnx"
    """What is to run it: `onnx` or `litert`, which takes no names but plain words."""

    @classmethod
    def of(cls, asked: Asked, deliverable: Any, runtime: str = "onnx") -> "Core":
        """Take the raw inputs away from a deliverable."""
        if isinstance(deliverable, Whole):
            return cls(asked, deliverable, deliverable.model, runtime)
        return cls(asked, deliverable, keras_file.answering(deliverable, asked.signature), runtime)

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """Describe the inputs, in plain values."""
        return self._described("input", self.model.input)

    @property
    def answers(self) -> list[dict[str, Any]]:
        """Describe the answers, in plain values."""
        return self._described("answer", self.model.output)

    def _described(self, word: str, tensors: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "tensor": name if self.runtime == "onnx" else f"{word}_{place}",
                "shape": list(each.shape[1:]),
                "dtype": str(each.dtype),
            }
            for place, (name, each) in enumerate(tensors.items())
        ]

    def ready(self, most: int) -> dict[str, np.ndarray]:
        """Return a few ready rows: of the validation part, or a whole deliverable's own examples."""
        if isinstance(self.deliverable, Whole):
            return {name: np.asarray(self.deliverable.examples[name][:most], each.dtype)
                    for name, each in self.model.input.items()}  # fmt: skip
        part = self.asked.prepared.part("validation")
        kept = rows_of(part, most)
        return {name: np.asarray(part.x[name][kept]).astype(each.dtype) for name, each in self.model.input.items()}


def rows_of(part: Part, most: int) -> np.ndarray:
    """Choose places of a part, evenly spread."""
    return np.unique(np.linspace(0, len(part) - 1, min(most, len(part))).astype(int))


def write(
    asked: Asked,
    name: str,
    deliverable: Any,
    ending: str,
    runtime: str,
    convert: Callable[[Core, Path], dict[str, Any]],
) -> Path:
    """Write `deliverables/<name>.<ending>`, whole or not at all; returns its path."""
    folder = asked.run.folder / "deliverables"
    folder.mkdir(exist_ok=True)
    core = Core.of(asked, deliverable, runtime)
    temporary, model = folder / f"{name}.{ending}.tmp", folder / f"{name}.{ending}.model.tmp"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # converters warn of what they do themselves
            made = convert(core, model)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(model, f"{name}.{ENDINGS[runtime]}")
            for inside, text in texts_of(core, f"{name}.{ENDINGS[runtime]}", runtime, made).items():
                archive.writestr(inside, text)
        file = folder / f"{name}.{ending}"
        temporary.rename(file)
    finally:
        temporary.unlink(missing_ok=True)
        model.unlink(missing_ok=True)
    return file


def texts_of(core: Core, file: str, runtime: str, made: dict[str, Any]) -> dict[str, str]:
    """Return all that lies beside the model, by name; `made` is what its converter tells of it."""
    told = described(core, file) | made
    kind = told["data_type"]
    found = {
        "preprocessing.json": json.dumps(told, indent=1, ensure_ascii=False),
        "predict.py": _source("predict.py"),
        "runtime.py": _source(f"runtime/{runtime}.py"),
        "requirements.txt": "\n".join([*_required(runtime, kind), ""]),
        "recipe.yaml": core.asked.run.recipe.portable().yaml(),
        "README.txt": _readme(told, runtime),
    }
    if kind:
        modules = ("__init__", kind, *NEEDS.get(kind, ()))
        found |= {f"prepare/{module}.py": _source(f"prepare/{module}.py") for module in modules}
    else:
        row = {name: np.asarray(array[:1]).tolist() for name, array in core.ready(1).items()}
        found["example.json"] = json.dumps(row)
    return found


def described(core: Core, file: str) -> dict[str, Any]:
    """Return what `preprocessing.json` says."""
    signature, is_whole = core.asked.signature, isinstance(core.deliverable, Whole)
    return {
        "data_set": core.asked.dataset.schema.name,
        "file": file,
        "task": "" if is_whole else signature.task,
        "target": "" if is_whole else signature.target.name,
        "classes": [] if is_whole else list(signature.target.classes),
        "about": core.deliverable.sentence if is_whole else tasks.get(signature.task).SENTENCE,
        "inputs": core.inputs,
        "answers": core.answers,
        "data_type": "" if is_whole else signature.data_type,
        "raw": [] if is_whole else [raw.model_dump(mode="json") for raw in signature.raw],
        "details": {} if is_whole else signature.details,
        "preprocessing": {} if is_whole else core.asked.encoding,
    }


def _source(name: str) -> str:
    return (PLAIN / name).read_text(encoding="utf-8")


def _required(runtime: str, kind: str) -> list[str]:
    packages = ["numpy", PACKAGES[runtime], *(["pillow"] if kind in PICTURES else [])]
    return [f"{package}=={importlib.metadata.version(package)}" for package in packages]


def _readme(told: dict[str, Any], runtime: str) -> str:
    lines = [
        f"A model trained with Layerwise on '{told['data_set']}'. {told['about']}",
        "",
        "    pip install -r requirements.txt",
        f"    python predict.py {_given(told)}",
        "",
        f"{told['file']} is the numeric part of the model; {PACKAGES[runtime]} runs it. predict.py first does what",
        "preprocessing.json says, and needs neither Keras nor TensorFlow.",
        "",
        "Numeric inputs:",
        *(f"  {each['name']}: {['rows', *each['shape']]} {each['dtype']}" for each in told["inputs"]),
        "Answers:",
        *(f"  {each['name']}: {['rows', *each['shape']]} {each['dtype']}" for each in told["answers"]),
    ]
    if told["raw"]:
        lines += ["Raw inputs:", *(f"  {raw['name']}: {raw['kind']}. {raw['description']}" for raw in told["raw"])]
    if told["classes"]:
        lines += ["Classes, in the order of the answer:", *(f"  {name}" for name in told["classes"])]
    return "\n".join([*lines, ""])


def _given(told: dict[str, Any]) -> str:
    files = {"tabular": "rows.csv", "ratings": "pairs.csv", "mixed": "rows.csv", "series": "steps.csv",
             "audio": "sound.wav", "video": "clip.gif", "text": '"a text"', "prose": '"a beginning"',
             "pairs": '"a sentence"', "qa": "text_and_question.txt", "": "example.json"}  # fmt: skip
    return files.get(told["data_type"], "picture.png")
