"""Small real data sets, from file to core, that the tests of exporters share."""

import csv
import json
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import builders
import datasets
from builders import Blueprint
from datasets import DataSet, Prepared
from evaluation.asked import Asked
from exporters import keras_file
from recipes import Recipe
from records import Run

COLUMNS = ("length (mm)", "a/b", "a_b", "größe.x", "mlp", "answer", "preprocessing", "colour " * 12, "when")


@dataclass(frozen=True)
class Made:
    """A run with all that an exporter takes."""

    asked: Asked
    file: Path

    @property
    def run(self) -> Run:
        return self.asked.run

    @property
    def core(self) -> Any:
        return self.asked.core

    @property
    def prepared(self) -> Prepared:
        return self.asked.prepared

    @property
    def dataset(self) -> DataSet:
        return self.asked.dataset


def table(folder):
    """Write a table whose columns are called as columns never should be, with missing cells."""
    random = np.random.default_rng(4)
    with (folder / "odd.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "kind / of"])
        for row in range(60):
            numbers = [f"{value:.3f}" for value in random.normal(5, 2, 4)]
            words = random.choice(["red", "deep blue", "grün", "1"], 3)
            day = f"2024-{1 + row % 12:02d}-{1 + row % 28:02d}"
            cells = [*numbers, *words[:2], numbers[0], words[2], day]
            if row % 7 == 0:
                cells[row % 9] = ""
            writer.writerow([*cells, ("owl", "cat's paw", "yes")[row % 3]])
    return folder / "odd.csv"


def pictures(folder):
    """Write a zip of pictures of two sizes and formats, in two classes."""
    random = np.random.default_rng(4)
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for number in range(40):
            size, kind = ((40, 28), "PNG") if number % 4 < 2 else ((64, 48), "JPEG")
            picture = Image.fromarray(random.integers(0, 255, (*size, 3), dtype=np.uint8)).resize(size)
            packed = BytesIO()
            picture.save(packed, kind)
            archive.writestr(f"{'dogs' if number % 2 else 'cats'}/{number}.{kind.lower()}", packed.getvalue())
    return folder / "pictures.zip"


def made(folder, file, kind, family, settings, data):
    """Go the whole way from a file to an exported run; the core is as fresh as its random weights."""
    recipe = Recipe.of({"data": {"file": str(file), **data}, "model": {"architecture": family}})
    data_type = datasets.get(kind)
    dataset = data_type.read(file, data_type.Config(), folder / "set", lambda *_: None)
    prepared = data_type.prepare(dataset, recipe.data, 1, folder / "prepared", lambda *_: None)
    core = builders.get(family).build(prepared.signature, builders.config(family, settings)).deliverables["model"]
    run = Run.create(folder / "run", recipe)
    folders = {"folder": str(prepared.folder), "dataset": str(dataset.folder)}
    (run.folder / "prepared.json").write_text(json.dumps(folders), encoding="utf-8")
    asked = Asked(run, recipe, dataset, prepared, Blueprint((), {"model": core}))
    return Made(asked, keras_file.export(asked, "model", core))


@pytest.fixture(scope="module")
def odd_table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    data = {"target": "kind / of", "task": "classification"}
    return made(folder, table(folder), "tabular", "mlp", {"width": 8}, data)


@pytest.fixture(scope="module")
def mixed_pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    data = {"target": "label", "task": "classification"}
    return made(folder, pictures(folder), "image", "cnn", {"filters": 4}, data)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """A regression whose target is a large number: nearness is relative there."""
    folder = tmp_path_factory.mktemp("numbers")
    random = np.random.default_rng(4)
    lines = ["size,price"]
    lines += [f"{size:.2f},{2_000_000 + 90_000 * size + noise:.0f}" for size, noise in random.normal(0, 3, (60, 2))]
    (folder / "houses.csv").write_text("\n".join(lines), encoding="utf-8")
    data = {"target": "price", "task": "regression"}
    return made(folder, folder / "houses.csv", "tabular", "mlp", {"width": 8}, data)
