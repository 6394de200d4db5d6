"""A series to try: a stretch of the sealed test part, pasted values or a file of them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from datasets import DataSet, series
from datasets._series_plan import thinned
from recipes import Refusal, Signature
from records import Run
from ui import look, try_it
from ui.try_fields import Chosen

TEST, PASTE, FILE = "Unseen", "Paste", "File"
LARGEST = 5
"""Megabytes."""
MOST_STEPS, MOST_LINES = 400, 4


@dataclass(frozen=True)
class Given:
    """Values (steps, columns) that a person brought; of a test row also what is known about it."""

    values: np.ndarray
    row: int | None = None
    dataset: DataSet | None = field(default=None, repr=False)


def choose(run: Run, signature: Signature) -> Chosen | None:
    """Draw the ways to bring a recording and return the chosen one."""
    look.section("Your recording")
    given = bring(run, signature)
    if given is None:
        return None
    draw(given.values[: MOST_STEPS * 4], list(signature.details["columns"]))
    truth = ""
    if given.row is not None and given.dataset is not None:
        label = series.preview(given.dataset, [given.row])[0][signature.target.name]
        truth = f"Recording {given.row} of the {try_it.held_out(run)}: it was {label}."
    return Chosen({"series": given.values.tolist()}, truth)


def bring(run: Run, signature: Signature) -> Given | None:
    """Draw the ways to bring values and return them; None as long as there are none."""
    way = st.segmented_control(
        "Where from", [TEST, PASTE, FILE], default=TEST, required=True, key="try_way", label_visibility="collapsed"
    )
    if way == TEST:
        return _test_row(run, signature)
    columns = list(signature.details["columns"])
    if way == FILE:
        told = st.file_uploader("Own file", ["csv", "tsv", "txt"], key="try_file", max_upload_size=LARGEST,
                                help=_wanted(signature))  # fmt: skip
        text = told.getvalue().decode("utf-8-sig", errors="replace") if told is not None else ""
    else:
        text = st.text_area("Values", key=f"try_paste_{run.id}", height=160, help=_wanted(signature),
                            placeholder="12.1\n12.9\n13.4")  # fmt: skip
    look.quiet(_wanted(signature))
    if not text.strip():
        return None
    try:
        return Given(series.pasted(text, columns))
    except Refusal as refusal:
        look.failed(str(refusal))
        return None


def draw(values: np.ndarray, columns: list[str]) -> None:
    """Draw values (steps, columns) as lines."""
    kept = thinned(np.arange(len(values)), MOST_STEPS)
    shown = columns[:MOST_LINES]
    rows = [
        {"step": int(step) + 1, "value": float(values[step, place]), "column": name}
        for place, name in enumerate(shown)
        for step in kept
    ]
    legend: Any = {"title": None, "orient": "bottom", "columns": 2, "symbolType": "stroke"} if len(shown) > 1 else None
    spec = {
        "mark": {"type": "line", "strokeWidth": 1.5},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": "Step", "scale": {"nice": False, "zero": False},
                  "axis": {"grid": False, "tickMinStep": 1}},
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}},
            "color": {"field": "column", "type": "nominal", "legend": legend,
                      "scale": {"domain": shown, "range": list(look.categories()[: len(shown)])}},
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
    st.vega_lite_chart(rows, spec, height=220, key="try_series", alt=f"Your values of {', '.join(shown)}")


def _wanted(signature: Signature) -> str:
    """Say what is expected: how many steps of which columns."""
    columns, steps = signature.details["columns"], signature.details["window"]
    least = "at least " if signature.task == "forecasting" else "up to "
    if len(columns) == 1:
        return f"One number a line, oldest first; {least}{steps}."
    return f"A line per step, oldest first, with {len(columns)} numbers: {', '.join(columns)}; {least}{steps} lines."


def _test_row(run: Run, signature: Signature) -> Given | None:
    where = run.read("prepared.json")
    try:
        dataset = DataSet.open(Path((where or {}).get("dataset", "")))
    except (OSError, ValueError):
        look.quiet("The data of this run are no longer on this computer. Paste values of your own.")
        return None
    rows = try_it.rows_to_try(run)
    st.button("Another one", key="another", icon=look.symbol("casino"), on_click=_next, args=(run,))
    row = int(rows[st.session_state.get(f"shown_{run.id}", 0) % len(rows)])
    return Given(series.raw(dataset, signature, [row])[0]["series"][0], row, dataset)


def _next(run: Run) -> None:
    st.session_state[f"shown_{run.id}"] = st.session_state.get(f"shown_{run.id}", 0) + 1
