"""What Build shows of clips: a few of each class, moving."""

import streamlit as st

from datasets import DataSet
from ui import look, media

SIDE = 76
"""Pixels on the screen."""
EACH = 3


def show(dataset: DataSet) -> None:
    """Show moving clips of the first classes."""
    for number, (label, rows) in enumerate(media.first_of_classes(dataset, EACH)):
        with st.container(key=f"build_class_{number}", gap=None):
            st.caption(look.plain(label))
            clips = media.of_data(dataset.folder, tuple(rows))
            st.image(clips, width=SIDE, alt=[f"{label}, example {place + 1}" for place in range(len(clips))])
    more = len(dataset.schema.classes) - media.CLASSES_SHOWN
    if more > 0:
        look.quiet(f"… and {look.counted(more, 'more class', 'more classes')}.")
