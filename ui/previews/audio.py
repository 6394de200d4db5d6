"""What Build shows of sounds: one of each class to listen to, drawn as pitch over time."""

import streamlit as st

import datasets
from datasets import DataSet
from ui import look, media

WIDTH = 160


def show(dataset: DataSet) -> None:
    """Show a spectrogram and a player for each of the first classes."""
    kind = datasets.get("audio")
    grid = st.grid(min_column_width=WIDTH, key="build_sounds")
    for number, (label, rows) in enumerate(media.first_of_classes(dataset, 1)):
        with grid.container(key=f"build_class_{number}", gap="small"):
            st.caption(look.plain(label))
            picture = kind.preview(dataset, rows)[0]["sound"]
            st.image(picture, width="stretch", alt=f"{label}: pitch over time, bright is loud")
            st.audio(media.of_data(dataset.folder, tuple(rows))[0], format="audio/wav")
    _and_more(dataset)
    look.quiet("Time goes to the right, pitch upwards; bright is loud.")


def _and_more(dataset: DataSet) -> None:
    more = len(dataset.schema.classes) - media.CLASSES_SHOWN
    if more > 0:
        look.quiet(f"… and {look.counted(more, 'more class', 'more classes')}.")
