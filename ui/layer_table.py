"""The layers of a model as a table."""

from collections.abc import Sequence
from typing import Any

import streamlit as st


def show(rows: Sequence[dict[str, Any]], learned: str = "Numbers that are learned.") -> None:
    """Draw rows of {"Layer", "Output", "Parameters"}, where they have it also "Name"."""
    st.dataframe(
        list(rows),
        hide_index=True,
        column_config={
            "Layer": st.column_config.TextColumn(help="What the layer is called in Keras."),
            "Output": st.column_config.TextColumn(help="The size of what leaves the layer, for one example."),
            "Parameters": st.column_config.NumberColumn(format="localized", help=learned),
            "Name": st.column_config.TextColumn(help="How this very layer is called in the file."),
        },
        alt="The layers of this model with output shapes and parameter counts",
    )
