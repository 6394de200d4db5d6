"""The `.keras` file: raw input in, named answer out, stock layers only; plain Keras loads it with safe mode on."""

import re
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
    write_text(folder / "recipe.yaml", run.recipe.yaml())
    write_text(folder / "README.txt", _readme.text(prepared.signature, dataset.schema, keras.__version__))
    return file


def assemble(core: Any, signature: Signature, encoding: dict[str, Any]) -> Any:
    """Join raw inputs, preprocessing, core and answer: a dictionary in, {target: answer} out.

    Classes are answered as probabilities (rows, classes), numbers as (rows, 1) in the target's own unit.
    """
    raw, ready = datasets.get(signature.data_type).layers_of(signature, encoding)
    taken = {layer.name for layer in keras.Model(raw, ready).layers}
    # A column may be called as the core is; the same layers under another name are the same model.
    named = keras.Model(core.input, core.output, name=_free(core.name, taken))
    answer = _answer_layer(signature, _free(_as_name(signature.target.name), taken | {named.name}))(named(ready))
    return keras.Model(raw, {signature.target.name: answer}, name=_as_name(f"{core.name}_{signature.target.name}"))


def _answer_layer(signature: Signature, name: str) -> Any:
    # float32 also where the core computes in half precision: an answer is to be read, not to be fast.
    if signature.task == "classification":
        return keras.layers.Softmax(name=name, dtype="float32")
    target = signature.target
    return keras.layers.Rescaling(target.scale, offset=target.mean, name=name, dtype="float32")


def _as_name(text: str) -> str:
    """Keras allows no slashes in names, and dots and spaces trouble other programs."""
    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "answer"


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{name}_answer"
    return name
