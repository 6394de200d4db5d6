"""A few lines over a number, such as the error of each step ahead."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"x", "x_title", "y_title", "lines": [{"name", "role", "values"}]}.

    A `role` is one of the design language's colours; lines without one take the categories in turn. Optional: `zero`
    (the scale begins at 0), `whole` (x counts in whole numbers), `log`.
    """
    rows = [
        {"x": x, "value": value, "name": line["name"]}
        for line in told["lines"]
        for x, value in zip(told["x"], line["values"], strict=True)
        if value is not None
    ]
    names = [line["name"] for line in told["lines"]]
    free = iter(look.categories() * (1 + len(names) // 8))
    colours = [look.colour(line["role"]) if line.get("role") else next(free) for line in told["lines"]]
    x_axis = {"grid": False, "tickMinStep": 1} if told.get("whole") else {"grid": False}
    scale = {"type": "log"} if told.get("log") else {"zero": bool(told.get("zero")), "nice": True}
    spec = {
        "mark": {"type": "line", "strokeWidth": 2, "point": len(told["x"]) <= 30, "clip": True},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": told.get("x_title"), "axis": x_axis,
                  "scale": {"zero": False, "nice": False, "padding": 8}},
            "y": {"field": "value", "type": "quantitative", "title": told.get("y_title"), "scale": scale,
                  "axis": {"tickCount": 5}},
            "color": {
                "field": "name", "type": "nominal", "scale": {"domain": names, "range": colours},
                "legend": {"title": None, "orient": "bottom", "columns": 2, "symbolType": "stroke", "labelLimit": 220},
            },
            "tooltip": [
                {"field": "name", "title": " "},
                {"field": "x", "title": told.get("x_title") or "x", "type": "quantitative"},
                {"field": "value", "title": told.get("y_title") or "Value", "type": "quantitative", "format": ".4~g"},
            ],
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
    if len(told["x"]) == 1:
        _single(told, key)
        return
    st.vega_lite_chart(rows, spec, height=260, key=key, alt=f"{told.get('y_title', 'Values')} of {', '.join(names)}")


def _single(told: dict[str, Any], key: str) -> None:
    """Show bars where there is one place only: a line needs two."""
    most = max((line["values"][0] or 0.0 for line in told["lines"]), default=1.0) or 1.0
    rows = [
        {"name": line["name"], "value": (line["values"][0] or 0.0) / most, "told": f"{line['values'][0]:.4g}",
         "chosen": line.get("role") == "test"}
        for line in told["lines"] if line["values"][0] is not None
    ]  # fmt: skip
    st.vega_lite_chart(
        rows, charts.bars(), height=charts.height_of_rows(len(rows), each=30), key=key,
        alt=", ".join(f"{row['name']}: {row['told']}" for row in rows),
    )  # fmt: skip
