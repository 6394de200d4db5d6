"""Single examples of a run's data as people see them: the row of a table, the picture."""

import base64
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image, ImageOps

import datasets
from datasets import DataSet, Prepared
from recipes import Signature
from records import Run

Sample = dict[str, Any]
"""What `DataType.preview` gives: cells by column name; for pictures `picture` and its label."""


def signature(run: Run) -> Signature | None:
    """Return what the run's model takes and answers; None before the data were prepared or once they are gone."""
    where = run.read("prepared.json")
    if where is None or not (Path(where["folder"]) / "prepared.json").exists():
        return None
    return _signature(Path(where["folder"]))


def preview(run: Run, rows: tuple[int, ...]) -> list[Sample]:
    """Return these rows of the run's data set; an empty list where the data set is gone."""
    where = run.read("prepared.json")
    if where is None or not (Path(where["dataset"]) / "dataset.json").exists():
        return []
    return _preview(Path(where["dataset"]), rows)


def encoding(run: Run) -> dict[str, Any]:
    """Return the fitted preprocessing of the run's data; empty where they are gone."""
    where = run.read("prepared.json")
    if where is None or not (Path(where["folder"]) / "prepared.json").exists():
        return {}
    return Prepared.open(Path(where["folder"])).encoding


def picture(sample: Sample) -> Image.Image | None:
    """Return the sample's picture, if it has one."""
    return next((value for value in sample.values() if isinstance(value, Image.Image)), None)


def cells(sample: Sample, leave_out: str = "") -> Sample:
    """Return the sample's cells without its picture and without one column."""
    return {name: value for name, value in sample.items() if name != leave_out and not isinstance(value, Image.Image)}


def png(image: Image.Image) -> bytes:
    """Return a picture as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def enlarged(image: Image.Image, side: int) -> Image.Image:
    """Return the picture with its longer side at `side` pixels; small ones are enlarged without blur."""
    factor = side / max(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.NEAREST if factor > 1 else Image.Resampling.LANCZOS)


def tile(image: Image.Image, side: int) -> Image.Image:
    """Return the middle of the picture as a square of `side` pixels; small ones are enlarged without blur.

    A clear margin keeps neighbours in a row from touching.
    """
    margin = side // 20
    method = Image.Resampling.NEAREST if min(image.size) < side else Image.Resampling.LANCZOS
    inner = ImageOps.fit(image.convert("RGBA"), (side - 2 * margin, side - 2 * margin), method)
    return ImageOps.expand(inner, margin, (0, 0, 0, 0))


@lru_cache(maxsize=64)  # asked in every tick of every viewer; Streamlit's own caches take long to hash
def pictures_as_links(run: Run, rows: tuple[int, ...], side: int) -> list[str]:
    """Return these rows' pictures as `data:` addresses for a chart; empty where the data are no pictures."""
    images = [picture(sample) for sample in preview(run, rows)]
    return [link(enlarged(image.convert("RGBA"), side)) for image in images if image is not None]


def link(image: Image.Image) -> str:
    """Return a picture as a `data:` address, for charts and cells of tables."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


@st.cache_resource(max_entries=64, ttl="2h", show_spinner=False)
def _signature(folder: Path) -> Signature:
    return Prepared.open(folder).signature


@st.cache_resource(max_entries=512, ttl="2h", show_spinner=False)
def _preview(folder: Path, rows: tuple[int, ...]) -> list[Sample]:
    dataset = DataSet.open(folder)
    return datasets.get(dataset.schema.data_type).preview(dataset, rows)
