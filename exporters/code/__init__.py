"""The code of a run: a script and a notebook in plain Keras that train the same model on the same data again.

    code.zip: train.py, train.ipynb, constants.json, data/, requirements.txt, README.txt

Nothing of Layerwise is needed to run them. Offered for runs whose training is one plain `fit` and whose task has one
answer (classes or a number); other runs are trained again from their recipe.
"""

import importlib.metadata
import json
import platform
import zipfile
from pathlib import Path
from typing import Any

from evaluation.asked import Asked
from exporters.code import _data, _train
from recipes import Refusal, Signature, keras

NAME = "code.zip"
TASKS = ("classification", "regression")
OTHER_TASK = (
    "Only models that answer with a class or a number can be written as a script so far. The recipe trains this one "
    "again."
)
OWN_TRAINING = (
    "This family trains in its own way, in more than one plain `fit`, so there is no script of it. The recipe trains "
    "it again."
)
PRETRAINED = "This family begins with weights that were learned elsewhere, so its code alone would not reach its score."
BEGIN_LEARNED = ("transfer", "speech_transfer", "style", "imported")
MOST_ROWS = 50_000
TOO_LARGE = "These data have {rows:,} examples; a script takes up to {most:,} along. The recipe trains the run again."


def offered(signature: Signature, family: str) -> str:
    """Say in one sentence why there is no code of such a run; nothing where there is."""
    if signature.task not in TASKS:
        return OTHER_TASK
    if family in BEGIN_LEARNED:
        return PRETRAINED
    rows = sum(signature.rows.values())
    return TOO_LARGE.format(rows=rows, most=MOST_ROWS) if rows > MOST_ROWS else ""


def write(asked: Asked, file: Path) -> Path:
    """Write the zip, whole or not at all; raises `Refusal` where the run cannot be written as plain code."""
    why = offered(asked.signature, asked.recipe.model.architecture)
    stages = asked.blueprint.stages
    plain = len(stages) == 1 and not stages[0].select and not stages[0].before and _is_functional(stages[0].model)
    if why or not plain or stages[0].loss is None:
        raise Refusal(why or OWN_TRAINING)
    cells, constants = _train.cells(asked)
    temporary = file.with_suffix(".tmp")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.py", _script(cells))
        archive.writestr("train.ipynb", json.dumps(_notebook(cells), indent=1, ensure_ascii=False))
        archive.writestr("constants.json", json.dumps(constants, ensure_ascii=False))
        archive.writestr("requirements.txt", requirements())
        archive.writestr("README.txt", _train.readme(asked))
        _data.write(asked, archive)
    temporary.rename(file)
    return file


def requirements() -> str:
    """Pin what the code needs, as it is installed here."""
    names = [keras.backend.backend() if keras.backend.backend() != "tensorflow" else "tensorflow", "keras", "numpy"]
    names += ["pandas", "pillow"]
    return "".join(f"{name}=={importlib.metadata.version(name)}\n" for name in names)


def _is_functional(model: Any) -> bool:
    return type(model).__name__ == "Functional" and type(model).__module__.startswith("keras.")


def _script(cells: list[tuple[str, str]]) -> str:
    parts = []
    for words, code in cells:
        told = "\n".join(f"# {line}".rstrip() for line in words.splitlines())
        parts.append(f"{told}\n{code.rstrip()}\n")
    return "\n\n".join(parts)


def _notebook(cells: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the cells in Jupyter's format, version 4.5."""
    told: list[dict[str, Any]] = []
    for number, (words, code) in enumerate(cells):
        told.append({"cell_type": "markdown", "id": f"words-{number}", "metadata": {}, "source": words})
        told.append(
            {
                "cell_type": "code", "id": f"code-{number}", "metadata": {}, "execution_count": None, "outputs": [],
                "source": code.rstrip(),
            }
        )  # fmt: skip
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {"name": "python", "version": platform.python_version()}
    metadata = {"kernelspec": kernel, "language_info": language}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": told}
