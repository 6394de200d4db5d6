"""The `.keras` file: raw input in, named answer out, stock layers only; plain Keras loads it with safe mode on."""

import warnings
from pathlib import Path
from typing import Any

import datasets
from builders import Whole
from datasets import Prepared
from evaluation import tasks
from evaluation.asked import Asked
from exporters import _readme
from recipes import Signature, keras
from records import disk
from records.run import write_text

TITLE = "Keras file"
SUMMARY = "Loads in plain Keras anywhere: raw input in, named answer out."
ENDING = "keras"
TOLERANCE = 1e-5
CHECK = "script"


def offered(signature: Signature) -> str:  # noqa: ARG001 - the same question to every format
    """Say why this format is not for this model: it is for all."""
    return ""


def export(asked: Asked, name: str, deliverable: Any) -> Path:
    """Write `deliverables/<name>.keras` with the recipe and a README beside it; returns the model's path."""
    folder = asked.run.folder / "deliverables"
    folder.mkdir(exist_ok=True)
    temporary, file = folder / f"{name}.tmp.keras", folder / f"{name}.keras"
    whole(deliverable, asked.prepared).save(temporary)
    disk.put(temporary, file)
    write_text(folder / "recipe.yaml", asked.run.recipe.portable().yaml())
    write_text(folder / "README.txt", _readme.text(asked, keras.__version__))
    return file


def whole(deliverable: Any, prepared: Prepared) -> Any:
    """Return the model as it is saved: a core between raw input and named answer, or a whole model as it is."""
    if isinstance(deliverable, Whole):
        return deliverable.model
    return assemble(deliverable, prepared.signature, prepared.encoding)


def assemble(core: Any, signature: Signature, encoding: dict[str, Any]) -> Any:
    """Join raw inputs, preprocessing, core and answer: a dictionary in, a dictionary of named answers out.

    Classes are answered as probabilities (rows, classes), numbers as (rows, 1) in the target's own unit.
    """
    # Inputs named exactly as the columns load without a word of warning. Preprocessing and core are models of their
    # own, so that no name inside them can meet a column's.
    names = _as_names([each.name for each in signature.raw])
    raw = {each.name: keras.Input(each.shape, name=names[each.name], dtype=each.dtype) for each in signature.raw}
    taken = set(names.values())
    inputs, ready = datasets.get(signature.data_type).layers_of(signature, encoding)
    prepare = keras.Model([inputs[name] for name in raw], ready, name=_free("preprocessing", taken))
    judge = keras.Model(core.input, core.output, name=_free(core.name, taken | {prepare.name}))
    finish = _finishing(core, signature, encoding, inputs, ready, _free("finish", taken | {prepare.name, judge.name}))
    with warnings.catch_warnings():
        # Keras takes no slash in a layer's name and warns that such an input is not called as its column is.
        warnings.filterwarnings("ignore", "When providing `inputs` as a dict", UserWarning)
        prepared = prepare(list(raw.values()))
        needed = {name: prepared[name] for name in core.input} if isinstance(core.input, dict) else prepared
        return keras.Model(raw, finish([list(raw.values()), prepared, judge(needed)]), name="layerwise")


def answering(core: Any, signature: Signature) -> Any:
    """Put the task's answer behind a core: ready tensors in, the named answers of the deliverable out."""
    return keras.Model(core.input, tasks.get(signature.task).finish(signature, core.output))


def _finishing(
    core: Any, signature: Signature, encoding: dict[str, Any], inputs: dict[str, Any], ready: Any, name: str
) -> Any:
    """Return the task's way to the named answers as a model of its own: from [raw inputs, ready tensors, outputs]."""
    raw = {each.name: _like(inputs[each.name]) for each in signature.raw}
    ready, outputs = keras.tree.map_structure(_like, ready), keras.tree.map_structure(_like, core.output)
    task = tasks.get(signature.task)
    join = getattr(task, "join", None)
    answers = join(signature, encoding, raw, ready, outputs) if join else task.finish(signature, outputs)
    return keras.Model([list(raw.values()), ready, outputs], answers, name=name)


def _like(tensor: Any) -> Any:
    return keras.Input(tensor.shape[1:], dtype=tensor.dtype)


def _as_names(columns: list[str]) -> dict[str, str]:
    """Name the inputs as the columns are called, except where Keras takes no such name."""
    names = {column: column for column in columns if column and "/" not in column}
    for column in columns:
        if column not in names:
            names[column] = _free(column.replace("/", "_") or "nameless", set(names.values()))
    return names


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_"
    return name
