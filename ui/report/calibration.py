"""Can its percentages be believed? How often it is right against how sure it says it is."""

from typing import Any

import streamlit as st

from evaluation import words
from ui import charts, look


def show(told: dict[str, Any]) -> None:
    """Draw `report["calibration"]`: the curve with its counts beside what it says."""
    look.section("Can its percentages be believed?", "Of the answers of which it was 80 % sure, 80 % should be right.")
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.vega_lite_chart(
            told["bins"], _curve(), height=280, key="reliability",
            alt="How often it is right against how sure it is, in ten steps",
        )  # fmt: skip
        st.vega_lite_chart(
            told["bins"], _counts(), height=90, key="reliability_counts", alt="How many answers are so sure"
        )
    with right:
        st.markdown(look.plain(told["sentence"]))
        st.table(_numbers(told), border="horizontal", hide_index=True, hide_header=True, alt="Calibration in numbers")
        _explain(told)


def _numbers(told: dict[str, Any]) -> list[dict[str, str]]:
    rows = [
        {"Name": "Calibration error", "Value": _with_interval(told["ece"], told["ece_interval"])},
        {"Name": "By chance alone up to", "Value": words.percent(told["by_chance"])},
        {"Name": "Brier score", "Value": _brier(told)},
    ]
    heat = told["temperature"]
    if heat is not None:
        rows += [
            {"Name": "Temperature", "Value": words.number(heat["value"])},
            {"Name": "Calibration error with it", "Value": words.percent(heat["ece_after"])},
            {"Name": "Log loss without and with it",
             "Value": f"{heat['log_loss_before']:.3f} → {heat['log_loss_after']:.3f}"},
        ]  # fmt: skip
    return rows


def _with_interval(value: float, interval: list[float] | None) -> str:
    if interval is None:
        return words.percent(value)
    return f"{words.percent(value)} ({words.percent(interval[0])} to {words.percent(interval[1])})"


def _brier(told: dict[str, Any]) -> str:
    interval = told["brier_interval"]
    return f"{told['brier']:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _explain(told: dict[str, Any]) -> None:
    lines = [
        "**Calibration error** (ECE): how far apart being sure and being right are, on average over ten steps.",
        "**Brier score**: the mean squared distance of its percentages from the truth; 0 is perfect, 1 the worst.",
    ]
    if told["temperature"] is not None:
        lines.append(
            "**Temperature**: one number that divides what the network puts out before it becomes percentages. Above 1 "
            "it makes every answer less sure. It was found on validation rows; the downloaded model is without it."
        )
    with st.expander("What these numbers mean", key="calibration_meanings", type="compact"):
        st.markdown("  \n".join(lines))


def _curve() -> charts.Spec:
    unit = {"domain": [0, 1]}
    x = {"type": "quantitative", "title": "How sure it says it is", "scale": unit, "axis": {"format": "%"}}
    y = {"type": "quantitative", "title": "How often it is right", "scale": unit, "axis": {"format": "%"}}
    ends = {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]}
    ideal = {"type": "line", "strokeDash": [4, 4], "strokeWidth": 1, "color": look.colour("baseline")}
    tone = look.colour("test")
    told = [
        {"field": "sure", "title": "Says it is sure", "type": "quantitative", "format": ".0%"},
        {"field": "right", "title": "Is right", "type": "quantitative", "format": ".0%"},
        {"field": "rows", "title": "Rows", "type": "quantitative"},
    ]
    return {
        "layer": [
            {"data": ends, "mark": ideal, "encoding": {"x": x | {"field": "x"}, "y": y | {"field": "y"}}},
            {
                "mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.3, "strokeCap": "round", "color": tone},
                "encoding": {"x": x | {"field": "sure"}, "y": y | {"field": "low"}, "y2": {"field": "high"}},
            },
            {
                "mark": {"type": "line", "strokeWidth": 2, "color": tone},
                "encoding": {"x": x | {"field": "sure"}, "y": y | {"field": "right"}},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "color": tone},
                "encoding": {"x": x | {"field": "sure"}, "y": y | {"field": "right"}, "tooltip": told},
            },
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def _counts() -> charts.Spec:
    return {
        "mark": {"type": "bar", "color": look.colour("test"), "opacity": 0.6, "binSpacing": 1},
        "encoding": {
            "x": {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": None,
                  "scale": {"domain": [0, 1]}, "axis": {"format": "%"}},
            "x2": {"field": "to"},
            "y": {"field": "rows", "type": "quantitative", "title": "Rows", "axis": {"tickCount": 2}},
            "tooltip": [{"field": "rows", "title": "Rows", "type": "quantitative"}],
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
