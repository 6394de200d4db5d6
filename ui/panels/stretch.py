"""Recordings with the stretch of the signal that decided: the stronger the colour, the more it counted."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look

HEIGHT = 130


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"steps", "recordings": [{"truth", "answer", "sure", "signal": [...], "parts": [[first, last, loss]]}]}."""
    for number, each in enumerate(told["recordings"]):
        right = each["answer"] == each["truth"]
        tone, icon = ("green", "check_circle") if right else ("red", "cancel")
        said = f"**{look.plain(each['answer'])}** · {look.plain(words.percent(each['sure']))} sure"
        truth = "" if right else f" :gray[it was {look.plain(each['truth'])}]"
        st.markdown(f":{tone}[{look.symbol(icon)}] {said}{truth}")
        st.vega_lite_chart(rows_of(each), spec_of(told, each), height=HEIGHT, key=f"{key}_{number}", alt=_alt(each))


def rows_of(each: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines {"step", "value", "column"} and the stretches {"from", "to", "loss", "weight"}."""
    lines = [
        {"step": step, "value": value, "column": line["column"]}
        for line in each["signal"]
        for step, value in zip(line["steps"], line["values"], strict=True)
    ]
    most = max([0.05, *(abs(loss) for _, _, loss in each["parts"])])
    stretches = [
        {"from": first, "to": last, "loss": loss, "weight": max(0.0, loss) / most}
        for first, last, loss in each["parts"]
    ]
    return [*stretches, *lines]


def spec_of(told: dict[str, Any], each: dict[str, Any]) -> charts.Spec:
    """Return the signal over bands as strong as what their loss would cost."""
    names = [line["column"] for line in each["signal"]]
    scale = {"domain": [0, told["steps"]], "nice": False}
    x = {"type": "quantitative", "title": None, "scale": scale, "axis": {"grid": False, "tickCount": 5}}
    bands = {
        "transform": [{"filter": "isValid(datum.weight)"}],
        "mark": {"type": "rect", "color": look.colour("caution")},
        "encoding": {
            "x": x | {"field": "from"},
            "x2": {"field": "to"},
            "opacity": {"field": "weight", "type": "quantitative", "legend": None,
                        "scale": {"domain": [0, 1], "range": [0, 0.65]}},
            "tooltip": [
                {"field": "from", "title": "From step", "type": "quantitative"},
                {"field": "to", "title": "To step", "type": "quantitative"},
                {"field": "loss", "title": "Less sure without it by", "type": "quantitative", "format": ".0%"},
            ],
        },
    }  # fmt: skip
    colours = list(look.categories()[: len(names)])
    line = {
        "transform": [{"filter": "isValid(datum.value)"}],
        "mark": {"type": "line", "strokeWidth": 1.5, "tooltip": False},
        "encoding": {
            "x": x | {"field": "step"},
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False},
                  "axis": {"tickCount": 3}},
            "color": {
                "field": "column", "type": "nominal", "scale": {"domain": names, "range": colours},
                "legend": {"title": None, "orient": "bottom", "columns": 3, "symbolType": "stroke", "labelLimit": 120}
                if len(names) > 1 else None,
            },
        },
    }  # fmt: skip
    return {"layer": [bands, line], "config": {"view": {"stroke": None}}}


def _alt(each: dict[str, Any]) -> str:
    first, last, loss = max(each["parts"], key=lambda part: part[2])
    told = f"A recording of {each['truth']}, taken for {each['answer']}"
    return f"{told}; steps {first} to {last} counted most ({words.percent(max(0.0, loss))} less sure without them)"
