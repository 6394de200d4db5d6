"""Forecasts against what came: what was seen, the truth, the forecast with its band, and the naive one."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look

SEEN, TRUTH, FORECAST = "Seen", "What came", "Forecast"
TALL, LOW = 260, 150


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"target", "naive" (its name), "moments", "charts": [...]}.

    A chart has {"name", "times", "seen", "truth", "forecast", "naive"} and perhaps {"low", "high"}: `times` are those
    of `seen` and then of the forecast, in milliseconds where `moments`. `truth` may be lacking (a forecast of
    the future).
    """
    many = len(told["charts"]) > 1
    for number, chart in enumerate(told["charts"]):
        st.vega_lite_chart(
            rows_of(chart, told["naive"]),
            spec_of(told, chart, legend=number == len(told["charts"]) - 1),
            height=(LOW if many else TALL) + (52 if number == len(told["charts"]) - 1 else 0),
            key=f"{key}_{number}",
            alt=_alt(told, chart),
        )


def rows_of(chart: dict[str, Any], naive: str) -> list[dict[str, Any]]:
    """Return rows {"time", "line", "value"} and, for the band, {"time", "low", "high"}."""
    seen = len(chart["seen"])
    before, ahead = chart["times"][:seen], chart["times"][seen:]
    # Every line to come starts at the last value seen, so that it hangs together with what lies before it.
    joint = [(before[-1], chart["seen"][-1])] if seen else []
    rows = [{"time": time, "line": SEEN, "value": value} for time, value in zip(before, chart["seen"], strict=True)]
    lines = {TRUTH: chart.get("truth"), FORECAST: chart["forecast"], _named(naive): chart.get("naive")}
    for name, values in lines.items():
        if values:
            points = [*joint, *zip(ahead, values, strict=True)]
            rows += [{"time": time, "line": name, "value": value} for time, value in points]
    if chart.get("low"):
        limits = zip(ahead, chart["low"], chart["high"], strict=True)
        rows += [{"time": time, "low": low, "high": high} for time, low, high in limits]
    return rows


def spec_of(told: dict[str, Any], chart: dict[str, Any], *, legend: bool = True) -> charts.Spec:
    """Return the chart of `rows_of`; time is read in UTC, as it was written."""
    names = [SEEN, TRUTH, FORECAST, _named(told["naive"])]
    colours = [look.colour(role) for role in ("quiet", "ink", "test", "baseline")]
    kind: dict[str, Any] = {"type": "quantitative", "scale": {"zero": False, "nice": False}}
    if told["moments"]:
        kind = {"type": "temporal", "scale": {"type": "utc", "nice": False}}
    x = {"field": "time", **kind, "title": None, "axis": {"grid": False, "tickCount": 5, "labelOverlap": True}}
    y = {"type": "quantitative", "title": None, "scale": {"zero": False}, "axis": {"tickCount": 4}}
    when = {"field": "time", "title": "Time", "type": kind["type"]} | (
        {"format": "%Y-%m-%d %H:%M"} if told["moments"] else {}
    )
    below: dict[str, Any] = {
        "title": None, "orient": "bottom", "symbolType": "stroke", "columns": 2, "labelLimit": 220,
    }  # fmt: skip
    dash = {"condition": {"test": f"datum.line === '{_named(told['naive'])}'", "value": [4, 3]}, "value": [1, 0]}
    line = {
        "transform": [{"filter": "isValid(datum.value)"}],
        "mark": {"type": "line", "strokeWidth": 2, "strokeJoin": "round"},
        "encoding": {
            "x": x, "y": y | {"field": "value"},
            "color": {
                "field": "line", "type": "nominal", "scale": {"domain": names, "range": colours},
                "legend": below if legend else None,
            },
            "strokeDash": dash,
            "tooltip": [
                {"field": "line", "title": " "}, when,
                {"field": "value", "title": told["target"], "type": "quantitative", "format": ".4~g"},
            ],
        },
    }  # fmt: skip
    band = {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "area", "color": look.colour("test"), "opacity": 0.16},
        "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
    }
    spec: charts.Spec = {"layer": [band, line], "config": {"view": {"stroke": None}}}
    if chart.get("name"):
        spec["title"] = {"text": chart["name"], "anchor": "start", "fontSize": 12, "fontWeight": "normal",
                         "color": look.colour("quiet")}  # fmt: skip
    return spec


def _named(naive: str) -> str:
    return naive[:1].upper() + naive[1:]


def _alt(told: dict[str, Any], chart: dict[str, Any]) -> str:
    what = f"Forecast of {told['target']}"
    if not chart.get("truth"):
        return f"{what}: {', '.join(words.number(value) for value in chart['forecast'][:12])}"
    pairs = list(zip(chart["forecast"], chart["truth"], strict=True))
    off = sum(abs(said - true) for said, true in pairs) / len(pairs)
    return f"{what} beside what came and {told['naive']}; off by {words.number(off)} on average"
