"""Rows of the data set, each with a note, such as its error."""

from typing import Any

import streamlit as st

from records import Run
from ui import look, samples


def show(run: Run, told: dict[str, Any], key: str) -> None:
    """Draw {"rows": numbers of the data set, "notes": words for each}."""
    seen = samples.preview(run, tuple(int(row) for row in told["rows"]))
    if not seen:
        look.quiet("The data of this run are no longer on this computer, so its rows cannot be shown.")
        return
    table = [
        {"Row": row, "Note": note} | samples.cells(sample)
        for row, note, sample in zip(told["rows"], told["notes"], seen, strict=True)
    ]
    st.dataframe(table, hide_index=True, key=key, alt=f"{len(table)} rows with notes")
