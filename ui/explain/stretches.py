"""Measurements over time, each column over a ground as strong as its stretches counted."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look

HEIGHT, SMALL = 110, 60
MOST_COLUMNS = 12


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"steps", "columns": [{"name", "values", "weights"}]}, the columns that counted most on top."""
    columns = sorted(told["columns"], key=lambda column: -max(map(abs, column["weights"]), default=0.0))
    most = max((abs(weight) for column in columns for weight in column["weights"]), default=0.0) or 1.0
    for number, column in enumerate(columns[: 2 if small else MOST_COLUMNS]):
        if not small and len(columns) > 1:
            st.markdown(f":gray[{look.plain(column['name'])}]")
        st.vega_lite_chart(
            _rows(column, most), _spec(told["steps"], small=small), height=SMALL if small else HEIGHT,
            key=f"{key}_{number}", alt=_alt(column),
        )  # fmt: skip
    if len(columns) > MOST_COLUMNS and not small:
        look.quiet(f"The {MOST_COLUMNS} columns that counted most, of {len(columns)}.")


def _rows(column: dict[str, Any], most: float) -> charts.Rows:
    """Return the line {"step", "value"} and runs of equal weight {"from", "to", "weight"}."""
    rows: charts.Rows = [{"step": step, "value": value} for step, value in enumerate(column["values"])]
    start = 0
    weights = column["weights"]
    for step in range(1, len(weights) + 1):
        if step == len(weights) or weights[step] != weights[start]:
            share = weights[start] / most
            rows.append({"from": start - 0.5, "to": step - 0.5, "strength": abs(share), "towards": share >= 0,
                         "weight": weights[start]})  # fmt: skip
            start = step
    return rows


def _spec(steps: int, *, small: bool) -> charts.Spec:
    x = {"type": "quantitative", "title": None, "scale": {"domain": [-0.5, steps - 0.5], "nice": False},
         "axis": None if small else {"grid": False, "tickCount": 5}}  # fmt: skip
    tone = {"condition": {"test": "datum.towards", "value": look.colour("training")},
            "value": look.colour("validation")}  # fmt: skip
    bands = {
        "transform": [{"filter": "isValid(datum.strength)"}],
        "mark": {"type": "rect"},
        "encoding": {
            "x": x | {"field": "from"}, "x2": {"field": "to"}, "color": tone,
            "opacity": {"field": "strength", "type": "quantitative", "legend": None,
                        "scale": {"domain": [0, 1], "range": [0, 0.6]}},
            "tooltip": [{"field": "weight", "title": "Counted", "type": "quantitative", "format": "+.3~f"}],
        },
    }  # fmt: skip
    line = {
        "transform": [{"filter": "isValid(datum.value)"}],
        "mark": {"type": "line", "strokeWidth": 1.5, "color": look.colour("ink"), "tooltip": False},
        "encoding": {
            "x": x | {"field": "step"},
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False},
                  "axis": None if small else {"tickCount": 3}},
        },
    }  # fmt: skip
    return {"layer": [bands, line], "config": {"view": {"stroke": None}}}


def _alt(column: dict[str, Any]) -> str:
    weights = column["weights"]
    strongest = max(range(len(weights)), key=lambda step: abs(weights[step]), default=0)
    return f"{column['name']} over time; what counted most lies around step {strongest}"
