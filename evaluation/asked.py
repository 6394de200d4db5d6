"""What a task is asked with: the run and its models while it is judged, the downloaded files when a person tries it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import datasets
from builders import Blueprint
from datasets import DataSet, Prepared
from recipes import Recipe, Refusal, Signature, keras
from records import Run

BATCH = 256


@dataclass(frozen=True)
class Asked:
    """A run with its data and models, as evidence and report see it. Worker only."""

    run: Run
    recipe: Recipe
    dataset: DataSet
    prepared: Prepared
    blueprint: Blueprint

    @property
    def signature(self) -> Signature:
        """What the models take and answer."""
        return self.prepared.signature

    @property
    def encoding(self) -> dict[str, Any]:
        """The fitted preprocessing."""
        return self.prepared.encoding

    @property
    def seed(self) -> int:
        """The run's seed."""
        return int(self.recipe.training.get("seed", 1))

    @property
    def core(self) -> Any:
        """The model that the report judges."""
        return self.blueprint.core

    @cached_property
    def ask_core(self) -> Callable[[dict[str, np.ndarray]], Any]:
        """Ask the core about ready tensors, in batches; raises `Refusal` where it answers no numbers."""
        return asking(self.core)

    def own(self) -> dict[str, Any] | None:
        """Return the example that a visitor gave on the run's page (`own.json`, cells by name), None without one."""
        try:
            told = json.loads((self.run.folder / "own.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return told["values"]

    def ready(self, values: dict[str, Any]) -> dict[str, np.ndarray]:
        """Turn cells by name into ready tensors with one row, as the download would; raises `Refusal` in words."""
        row = datasets.get(self.signature.data_type).parse(self.signature, values)
        return {name: np.asarray(array) for name, array in self._preparing.predict_on_batch(row).items()}

    @cached_property
    def _preparing(self) -> Any:
        model = keras.Model(*datasets.get(self.signature.data_type).layers_of(self.signature, self.encoding))
        model.jit_compile = False
        return model


def asking(core: Any) -> Callable[[dict[str, np.ndarray]], Any]:
    """Make a function that asks a model about ready tensors in batches of one size; answers keep their structure."""
    # A model of its own leaves the core's compiled functions alone; XLA would compile longer than it saves here.
    model = keras.Model(core.input, core.output)
    model.jit_compile = False

    def ask(inputs: dict[str, np.ndarray]) -> Any:
        rows = len(next(iter(inputs.values())))
        size = min(BATCH, rows)
        found = []
        for start in range(0, rows, size):
            batch = {name: np.asarray(array[start : start + size]) for name, array in inputs.items()}
            lacking = size - len(next(iter(batch.values())))
            # The last batch is filled up: another shape would be traced anew.
            full = {
                name: np.concatenate([array, np.repeat(array[:1], lacking, axis=0)]) for name, array in batch.items()
            }
            answer = model.predict_on_batch(full)
            found.append(keras.tree.map_structure(lambda each: np.asarray(each)[: size - lacking], answer))  # noqa: B023
        whole = keras.tree.map_structure(lambda *several: np.concatenate(several), *found)
        if not all(np.isfinite(each).all() for each in keras.tree.flatten(whole) if each.dtype.kind == "f"):
            raise Refusal("The model's answers are no numbers any more (NaN). Lower the learning rate and train again.")
        return whole

    return ask


@dataclass(frozen=True)
class Replying:
    """A finished run, asked by a person: values from a form, and the files that the run offers for download."""

    run: Run
    prepared: Prepared
    values: dict[str, Any]
    """What the page sends: cells by name (bytes where they were files), and whatever else the task's form has."""
    model: Callable[[str], Any]
    """Returns a deliverable by name (`model`, `decoder`, ...), loaded and kept."""

    @property
    def signature(self) -> Signature:
        """What the models take and answer."""
        return self.prepared.signature

    @property
    def encoding(self) -> dict[str, Any]:
        """The fitted preprocessing."""
        return self.prepared.encoding

    def row(self) -> dict[str, np.ndarray]:
        """Return the values as one raw row for the deliverable; raises `Refusal` in words.

        `{"row_number": 17}` stands for that row of the run's own data set.
        """
        if "row_number" in self.values:
            dataset = DataSet.open(Path(self.run.read("prepared.json")["dataset"]))
            kind = datasets.get(self.signature.data_type)
            return kind.raw(dataset, self.signature, [int(self.values["row_number"])])[0]
        return datasets.get(self.signature.data_type).parse(self.signature, self.values)

    def answers(self, row: dict[str, np.ndarray] | None = None, name: str = "model") -> dict[str, np.ndarray]:
        """Ask a deliverable about one raw row; returns its named answers."""
        told = self.model(name).predict_on_batch(self.row() if row is None else row)
        return {key: np.asarray(value) for key, value in told.items()}
