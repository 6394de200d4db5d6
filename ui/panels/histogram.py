"""Counted values, of one group or of usual and odd ones, with a threshold that can be moved."""

from itertools import pairwise
from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look, looks


def show(run: Run, told: dict[str, Any], key: str) -> None:
    """Draw {"edges", "series": [{"name", "counts"}], "x"}, and where there are `steps`, choose among thresholds.

    A step is {"asked", "threshold", "alarms", "found" or nothing}: shares of usual and odd rows above the threshold.
    """
    steps = told.get("steps") or []
    threshold = told.get("threshold")
    if steps:
        step = _chosen(steps, threshold, key)
        if step["threshold"] != threshold and (run.folder / "predictions.npz").exists():
            looks.count(run, "threshold")
        threshold = step["threshold"]
        _say(step)
    names = [one["name"] for one in told["series"]]
    rows = [
        {"name": one["name"], "from": low, "to": high, "share": count / max(1, sum(one["counts"])), "count": count}
        for one in told["series"]
        for (low, high), count in zip(pairwise(told["edges"]), one["counts"], strict=True)
        if count
    ]
    st.vega_lite_chart(
        rows, _spec(names, told["x"], threshold), height=240, key=f"{key}_chart",
        alt=f"{told['x']} of {' and '.join(names).lower()}" + (", with a threshold" if threshold is not None else ""),
    )  # fmt: skip


def _chosen(steps: list[dict[str, Any]], usual: float | None, key: str) -> dict[str, Any]:
    """Let a person choose how many false alarms are allowed."""
    start = next((place for place, step in enumerate(steps) if step["threshold"] == usual), len(steps) // 2)
    place = st.select_slider(
        "False alarms allowed",
        list(range(len(steps))),
        value=start,
        format_func=lambda at: words.percent(steps[at]["asked"]),
        key=f"{key}_alarms",
        help="The threshold is set on rows kept for validation, so the share on the test part may differ a little.",
    )
    return steps[place]


def _say(step: dict[str, Any]) -> None:
    told = f"Above **{step['threshold']:.3g}** it rings: for {words.percent(step['alarms'])} of the usual rows"
    if step.get("found") is not None:
        told += f", and for **{words.percent(step['found'])}** of the odd ones"
    st.markdown(f"{told}.")


def _spec(names: list[str], title: str, threshold: float | None) -> charts.Spec:
    colours = [look.colour("training"), look.colour("trouble")][: len(names)]
    legend = {"title": None, "orient": "top"} if len(names) > 1 else None
    bars = {
        "mark": {"type": "bar", "opacity": 0.65, "binSpacing": 1},
        "encoding": {
            "x": {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": title},
            "x2": {"field": "to"},
            "y": {
                "field": "share", "type": "quantitative", "stack": None, "title": "Share", "axis": {"format": "%"},
            },
            "color": {
                "field": "name", "type": "nominal", "scale": {"domain": names, "range": colours}, "legend": legend,
            },
            "tooltip": [
                {"field": "name", "title": " "},
                {"field": "from", "title": "From", "format": ".3~g", "type": "quantitative"},
                {"field": "to", "title": "To", "format": ".3~g", "type": "quantitative"},
                {"field": "count", "title": "Rows", "type": "quantitative"},
            ],
        },
    }  # fmt: skip
    layers = [bars]
    if threshold is not None:
        rule = {"type": "rule", "strokeDash": [5, 4], "strokeWidth": 2, "color": look.colour("ink")}
        at = {"x": {"field": "at", "type": "quantitative"}}
        layers.append({"data": {"values": [{"at": threshold}]}, "mark": rule, "encoding": at})
    return {"layer": layers, "config": {"view": {"stroke": None}}}
