"""Words with a weight each, and how much each word takes over from each other one."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look

MOST_SQUARES = 28


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"words", "weights", "matrix" or nothing}; weights of any size, the largest is darkest."""
    words, weights = told["words"], told["weights"]
    if not words:
        look.quiet("This sentence holds no word to look at.")
        return
    places = [f"{number} {word}" for number, word in enumerate(words, 1)]  # a word may stand twice
    label = {"labelExpr": "slice(datum.label, indexof(datum.label, ' ') + 1)", "ticks": False, "domain": False}
    if told.get("matrix") and len(words) <= MOST_SQUARES:
        _squares(places, told["matrix"], label, key)
    else:
        _bars(places, weights, label, key)
    strongest = words[max(range(len(words)), key=lambda place: weights[place])]
    look.quiet(f"Most looked at: {look.plain(strongest)}.")


def _squares(places: list[str], matrix: list[list[float]], label: dict[str, Any], key: str) -> None:
    rows = [
        {"from": places[row], "to": places[column], "share": share}
        for row, shares in enumerate(matrix)
        for column, share in enumerate(shares)
    ]
    axis = {"type": "nominal", "sort": places, "title": None}
    spec = {
        "mark": {"type": "rect"},
        "encoding": {
            "x": axis | {"field": "to", "axis": label | {"orient": "top", "labelAngle": -60, "labelLimit": 70}},
            "y": axis | {"field": "from", "axis": label | {"labelLimit": 80}},
            "color": {"field": "share", "type": "quantitative", "legend": None,
                      "scale": {"range": [look.colour("hairline"), look.colour("training")]}},
            "tooltip": [{"field": "from", "title": "Word"}, {"field": "to", "title": "takes over from"},
                        {"field": "share", "title": "Share", "type": "quantitative", "format": ".0%"}],
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
    height = max(160, 18 * len(places) + 70)
    st.vega_lite_chart(rows, spec, height=height, key=key, alt="How much each word takes over from each other word")


def _bars(places: list[str], weights: list[float], label: dict[str, Any], key: str) -> None:
    rows = [{"word": place, "weight": weight} for place, weight in zip(places, weights, strict=True)]
    axis = label | {"labelLimit": 110}
    spec = {
        "mark": {"type": "bar", "cornerRadiusEnd": 3, "color": look.colour("training")},
        "encoding": {
            "y": {"field": "word", "type": "nominal", "sort": places, "title": None, "axis": axis},
            "x": {"field": "weight", "type": "quantitative", "title": None, "axis": {"tickCount": 3}},
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
    height = charts.height_of_rows(len(rows), each=20)
    st.vega_lite_chart(rows, spec, height=height, key=key, alt="The weight of each word")
