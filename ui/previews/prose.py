"""What Build shows of a text: passages from all over it, and the titles of its parts."""

from typing import Any

import streamlit as st

import datasets
from datasets import DataSet
from ui import look
from ui.panels.texts import lines

SHOWN = 3
TITLES = 12


def show(dataset: DataSet) -> None:
    """Show how the text begins and passages from further on, each under the title that it stands in."""
    details = dataset.schema.details
    pieces = int(details["pieces"])
    if pieces > 1:
        look.quiet(look.counted(pieces, "text"))
    for number, passage in enumerate(_passages(dataset)):
        with look.card(f"build_passage_{number}"):
            if passage.get("title"):
                look.quiet(look.plain(passage["title"]))
            st.markdown(lines(passage["text"]))
    titles = [title for _, title in details["texts"] if title]
    if len(titles) > 1:
        more = f" and {pieces - TITLES} more" if pieces > TITLES else ""
        with st.expander("Titles", key="build_titles", type="compact"):
            st.markdown(look.plain(", ".join(titles[:TITLES])) + more + ".")


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={DataSet: lambda dataset: str(dataset.folder)})
def _passages(dataset: DataSet) -> list[dict[str, Any]]:
    """Take the starts of blocks spread evenly over the text."""
    starts = [int(start) for start, _ in dataset.schema.details["blocks"]]
    chosen = sorted({starts[number * len(starts) // SHOWN] for number in range(SHOWN)})
    return datasets.get("prose").preview(dataset, chosen)
