"""The `.keras` file: raw input in, named answer out, stock layers only; plain Keras loads it with safe mode on."""

import warnings
from pathlib import Path
from typing import Any

import datasets
from datasets import DataSet, Prepared
from exporters import _readme
from recipes import Signature, keras
from records import Run
from records.run import write_text

TITLE = "Keras file"
SUMMARY = "Loads in plain Keras anywhere: raw input in, named answer out."
FILE = "model.keras"


def export(run: Run, core: Any, prepared: Prepared, dataset: DataSet) -> Path:
    """Write `deliverables/model.keras` with its recipe and a README beside it; returns the model's path."""
    folder = run.folder / "deliverables"
    folder.mkdir(exist_ok=True)
    temporary, file = folder / "model.tmp.keras", folder / FILE
    assemble(core, prepared.signature, prepared.encoding).save(temporary)
    temporary.rename(file)
    write_text(folder / "recipe.yaml", run.recipe.portable().yaml())
    write_text(folder / "README.txt", _readme.text(prepared.signature, dataset.schema, keras.__version__))
    return file


def assemble(core: Any, signature: Signature, encoding: dict[str, Any]) -> Any:
    """Join raw inputs, preprocessing, core and answer: a dictionary in, {target: answer} out.

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
    answer = _answer_layer(signature, _free("answer", taken | {prepare.name, judge.name}))
    with warnings.catch_warnings():
        # Keras takes no slash in a layer's name and warns that such an input is not called as its column is.
        warnings.filterwarnings("ignore", "When providing `inputs` as a dict", UserWarning)
        return keras.Model(raw, {signature.target.name: answer(judge(prepare(list(raw.values()))))}, name="layerwise")


def answering(core: Any, signature: Signature) -> Any:
    """Put the answer behind a core: ready tensors in, the same answers as the deliverable gives out."""
    return keras.Model(core.input, _answer_layer(signature, "answer_of_core")(core.output))


def _answer_layer(signature: Signature, name: str) -> Any:
    # float32 also where the core computes in half precision: an answer is to be read, not to be fast.
    if signature.task == "classification":
        return keras.layers.Softmax(name=name, dtype="float32")
    target = signature.target
    return keras.layers.Rescaling(target.scale, offset=target.mean, name=name, dtype="float32")


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
