"""Held-out rows with their true values and what the model says."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look

SHOWN_ROWS = 12


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"rows", "truth", "answer"}."""
    found = sorted(zip(told["truth"], told["answer"], told["rows"], strict=True))[:SHOWN_ROWS]
    rows = [{"name": f"Row {row}", "truth": truth, "answer": answer} for truth, answer, row in found]
    off = sum(abs(truth - answer) for truth, answer, _ in found) / max(1, len(found))
    st.vega_lite_chart(
        charts.table(rows),
        charts.misses(),
        height=charts.height_of_rows(len(rows), each=28) + 40,
        key=key,
        alt=f"What the model says and what it was, on {len(rows)} rows",
    )
    look.quiet(f"Ring: what it was. Dot: what it says. Off by {words.number(off)} on average.")
