"""Rows of the data set opened in a report: pictures as a grid, a table's rows as a table, and corrections below."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from records import Run
from ui import look, looks, samples
from ui.report import corrections

GONE = "The data of this run are no longer on this computer, so its samples cannot be shown."


def show(run: Run, report: dict[str, Any], rows: Sequence[int], key: str) -> None:
    """Open these rows; opening test rows is counted as a look."""
    if not rows:
        look.quiet("No row of the test part lies here.")
        return
    looks.count(run, "rows")
    seen = samples.preview(run, tuple(int(row) for row in rows))
    if not seen:
        look.quiet(GONE)
        return
    images = [(row, samples.picture(sample)) for row, sample in zip(rows, seen, strict=True)]
    pictures = [(row, image) for row, image in images if image is not None]
    if pictures:
        st.image(
            [samples.enlarged(image, 96) for _, image in pictures],
            caption=[f"Row {row}" for row, _ in pictures],
            alt=[f"Row {row}" for row, _ in pictures],
        )
    else:
        table = [{"Row": row} | samples.cells(sample) for row, sample in zip(rows, seen, strict=True)]
        st.dataframe(table, hide_index=True, key=f"{key}_rows", alt="The rows behind this choice")
    corrections.offer(run, report, rows, key)
