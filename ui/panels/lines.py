"""A few lines over epochs, steps or any other even axis, with a sentence that reads them."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look

ROLES = {"generator": "training", "discriminator": "validation"}
"""The forger is blue and its critic orange, wherever they are drawn."""
TONES = {"good": ("check_circle", "green"), "caution": ("warning", "orange"), "trouble": ("error", "red")}


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"x": places, "lines": [{"name", "values", "role" or nothing}], "x_title", "y_title"}.

    `whole`: only whole places have a tick; `zero`: the values are shown from 0; `tone` and `words`: a sentence below.
    """
    lines = told["lines"]
    rows = [
        {"at": at, "name": one["name"], "value": value}
        for one in lines
        for at, value in zip(told["x"], one["values"], strict=True)
        if value is not None
    ]
    names = [one["name"] for one in lines]
    st.vega_lite_chart(
        rows, _spec(told, names), height=200, key=key,
        alt=f"{told.get('title', told['y_title'])}: {', '.join(names)} over {told['x_title'].lower()}",
    )  # fmt: skip
    if told.get("tone") in TONES:
        icon, tone = TONES[told["tone"]]
        st.markdown(f":{tone}[{look.symbol(icon)}] {look.plain(told['words'])}")


def _spec(told: dict[str, Any], names: list[str]) -> charts.Spec:
    colours = list(look.categories())
    chosen = [
        look.colour(ROLES.get(one["role"], one["role"])) if one.get("role") else colours[place % len(colours)]
        for place, one in enumerate(told["lines"])
    ]
    legend = {"title": None, "orient": "top", "symbolType": "stroke"} if len(names) > 1 else None
    return {
        "mark": {"type": "line", "strokeWidth": 2, "point": len(told["x"]) < 16, "clip": True},
        "encoding": {
            "x": {
                "field": "at", "type": "quantitative", "title": told["x_title"],
                "axis": {"grid": False} | ({"tickMinStep": 1} if told.get("whole") else {}), "scale": {"zero": False},
            },
            "y": {
                "field": "value", "type": "quantitative", "title": told["y_title"],
                "axis": {"tickCount": 4, "format": "~g"}, "scale": {"zero": bool(told.get("zero"))},
            },
            "color": {
                "field": "name", "type": "nominal", "scale": {"domain": names, "range": chosen}, "legend": legend,
            },
            "tooltip": [
                {"field": "name", "title": " "},
                {"field": "at", "title": told["x_title"], "type": "quantitative"},
                {"field": "value", "title": told["y_title"], "type": "quantitative", "format": ".4~g"},
            ],
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
