"""Sounds and clips of a data set as a browser plays them: WAV files, animated GIFs."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import streamlit as st

import datasets
from datasets import DataSet
from records import Run

LOOKED_AT = 240
CLASSES_SHOWN = 12


def playable(run: Run, rows: tuple[int, ...]) -> list[bytes]:
    """Return these rows of a run's data set as files to be played; an empty list where the data set is gone."""
    where = run.read("prepared.json")
    if where is None or not (Path(where["dataset"]) / "dataset.json").exists():
        return []
    return of_data(Path(where["dataset"]), rows)


@st.cache_resource(max_entries=128, ttl="2h", show_spinner=False)
def of_data(folder: Path, rows: tuple[int, ...]) -> list[bytes]:
    """Return these rows of a data set as files to be played."""
    dataset = DataSet.open(folder)
    return datasets.get(dataset.schema.data_type).playable(dataset, rows)  # ty: ignore[missing-attribute]


def first_of_classes(dataset: DataSet, each: int) -> Iterator[tuple[str, list[int]]]:
    """Give the first classes in their order, each with a few rows from all over the data set."""
    for label, rows in sorted(_rows_of_classes(dataset.folder).items())[:CLASSES_SHOWN]:
        yield label, rows[:each]


@st.cache_resource(max_entries=32, show_spinner=False)
def _rows_of_classes(folder: Path) -> dict[str, list[int]]:
    dataset = DataSet.open(folder)
    step = max(1, dataset.schema.rows // LOOKED_AT)
    rows = list(range(0, dataset.schema.rows, step))[:LOOKED_AT]
    found = defaultdict(list)
    for row, told in zip(rows, datasets.get(dataset.schema.data_type).preview(dataset, rows), strict=True):
        found[str(told[dataset.schema.target])].append(row)
    return dict(found)
