"""What Build shows of a picture and a painting: both, side by side, with what each is for."""

from pathlib import Path

import streamlit as st

import datasets
from datasets import DataSet
from ui import look

SIDE = 320
"""Pixels that are sent: twice as many as are shown, for fine displays."""
WORDS = {"content": "is painted", "style": "gives the style"}


def show(dataset: DataSet) -> None:
    """Show both pictures; where they are swapped in the settings, the findings say so."""
    for place, (data, role, name) in zip(st.columns(2, gap="small"), _pair(dataset.folder), strict=True):
        with place, st.container(gap=None):
            st.image(data, width="stretch", alt=f"{name}: {WORDS[role]}")
            st.caption(look.plain(f"{name} {WORDS[role]}"))


@st.cache_resource(max_entries=32, show_spinner=False)
def _pair(folder: Path) -> list[tuple[bytes, str, str]]:
    dataset = DataSet.open(folder)
    kind = datasets.get("style")
    images = kind.thumbnails(dataset, (0, 1), SIDE)  # ty: ignore[missing-attribute]
    told = kind.preview(dataset, (0, 1))
    return [(image, cells["role"], cells["name"]) for image, cells in zip(images, told, strict=True)]
