"""What Build shows of pictures with boxes: some of them, with their boxes, from all over the data set."""

from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from datasets import DataSet, boxes
from ui import look

SHOWN = 9


def show(dataset: DataSet) -> None:
    """Show a few pictures with their boxes, and how many boxes there are."""
    rows = np.unique(np.linspace(0, dataset.schema.rows - 1, min(SHOWN, dataset.schema.rows)).astype(int))
    told = _preview(dataset.folder, tuple(rows.tolist()))
    grid = st.grid(min_column_width=96, key="build_boxes")
    for row, (picture, label) in zip(rows.tolist(), told, strict=True):
        with grid.container():
            st.image(picture, width="stretch", alt=f"Picture {row} with boxes: {label}")
    look.quiet(f"{look.counted(int(dataset.schema.details['boxes']), 'box', 'boxes')} in all.")


@st.cache_resource(max_entries=32, show_spinner=False)
def _preview(folder: Path, rows: tuple[int, ...]) -> list[tuple[Image.Image, str]]:
    return [(told["picture"], told["label"]) for told in boxes.preview(DataSet.open(folder), rows)]
