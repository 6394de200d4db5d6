"""Held-out rows with the probabilities of their classes: pictures drift into their row, other rows show a bar."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look, samples

SHOWN_ROWS = 12


def show(run: Run, told: dict[str, Any], key: str) -> None:
    """Draw {"classes", "rows", "truth", "answer"}."""
    pictures = samples.pictures_as_links(run, tuple(told["rows"]), 40)
    if pictures:
        _class_rows(told, pictures, key)
    else:
        _confidences(told, key)


def _class_rows(told: dict[str, Any], pictures: list[str], key: str) -> None:
    rows = charts.class_rows(told["classes"], told["truth"], told["answer"], pictures)
    shown = {name for row in rows for name in (row["class"], row["truth"])}
    classes = [name for name in told["classes"] if name in shown]
    right = sum(row["right"] for row in rows)
    st.vega_lite_chart(
        charts.table(rows),
        charts.picture_rows(classes, max(row["place"] for row in rows)),
        height=max(160, 46 * len(classes) + 20),
        key=key,
        alt=f"{right} of {len(rows)} held-out pictures stand in the row of their class",
    )
    look.quiet(f"{right} of {len(rows)} stand in the right row; a framed one does not.")


def _confidences(told: dict[str, Any], key: str) -> None:
    rows = charts.confidence_rows(told["classes"], told["rows"], told["truth"], told["answer"])[:SHOWN_ROWS]
    right = sum(row["right"] for row in rows)
    st.vega_lite_chart(
        charts.table(rows),
        charts.confidences(),
        height=charts.height_of_rows(len(rows), each=28),
        key=key,
        alt=f"How sure the model is of the right class on {len(rows)} rows; {right} are answered correctly",
    )
    look.quiet(f"How sure it is of the right class: {right} of {len(rows)} rows answered correctly.")
