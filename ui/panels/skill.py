"""What a forecast saves of the errors of naive ones, step by step, with bands for chance."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"lines": [{"name", "values", "low", "high"}]}: shares for the steps 1, 2, ...; None where there is none."""
    rows = [
        {"step": step, "name": line["name"], "value": value, "low": low, "high": high}
        for line in told["lines"]
        for step, (value, low, high) in enumerate(zip(line["values"], line["low"], line["high"], strict=True), 1)
        if None not in (value, low, high)
    ]
    if not rows:
        look.quiet("A naive forecast makes no error here, so nothing can be saved.")
        return
    names = [line["name"] for line in told["lines"]]
    st.vega_lite_chart(
        rows, _spec(names, max(row["step"] for row in rows)), height=260, key=key,
        alt=f"The share of the naive error that is saved, step by step, {', '.join(names)}",
    )  # fmt: skip


def _spec(names: list[str], steps: int) -> charts.Spec:
    x = {"field": "step", "type": "quantitative", "title": "Steps ahead", "axis": {"grid": False, "tickMinStep": 1},
         "scale": {"zero": False, "nice": False, "padding": 12}}  # fmt: skip
    y = {"type": "quantitative", "title": "Saved", "axis": {"format": "%", "tickCount": 5}}
    tone = {
        "field": "name", "type": "nominal",
        "scale": {"domain": names, "range": list(look.categories()[: len(names)])},
        "legend": {"title": None, "orient": "bottom", "columns": 1, "symbolType": "stroke", "symbolOpacity": 1,
                   "labelLimit": 300},
    }  # fmt: skip
    tooltip = [
        {"field": "name", "title": " "},
        {"field": "step", "title": "Steps ahead", "type": "quantitative"},
        *(
            {"field": field, "title": title, "type": "quantitative", "format": ".0%"}
            for field, title in (("value", "Saved"), ("low", "At least"), ("high", "At most"))
        ),
    ]
    span = {"type": "area", "opacity": 0.15} if steps > 1 else {"type": "rule", "strokeWidth": 6, "opacity": 0.3}
    return {
        "layer": [
            {
                "data": {"values": [{"zero": 0}]},
                "mark": {"type": "rule", "strokeDash": [5, 4], "color": look.colour("ink")},
                "encoding": {"y": y | {"field": "zero"}},
            },
            {"mark": span, "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": tone}},
            {
                "mark": {"type": "line", "strokeWidth": 2, "point": True},
                "encoding": {"x": x, "y": y | {"field": "value"}, "color": tone, "tooltip": tooltip},
            },
        ],
        "config": {"view": {"stroke": None}},
    }
