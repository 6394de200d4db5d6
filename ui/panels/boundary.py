"""A map of a model's answers over two columns or a flat view of all, with rows that it does not learn from on top."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look

HEIGHT = 320


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"x", "y": {"name", "edges", "log", "has_unit"}, "cells", "sure", "points", "classes", "target"}."""
    is_sorting = bool(told["classes"])
    spec = {
        "layer": [_places(told), _rows(told)],
        "resolve": {"scale": {"color": "shared"}},
        "config": {"view": {"stroke": None}, "axis": {"grid": False}},
    }
    st.vega_lite_chart(_data(told), spec, height=HEIGHT, key=key, alt=_words(told))
    if is_sorting:
        right = sum(_cell_of(told, place) == truth for place, truth in enumerate(told["points"]["truth"]))
        total = len(told["points"]["truth"])
        look.quiet(f"{right} of {total} points lie on their own colour. The stronger a colour, the surer the model.")


def _data(told: dict[str, Any]) -> charts.Rows:
    """Return cells and points as rows of one table; `part` tells them apart."""
    across, up, width = told["x"]["edges"], told["y"]["edges"], len(told["x"]["edges"]) - 1
    rows: charts.Rows = []
    for place, answer in enumerate(told["cells"]):
        column, line = place % width, place // width
        cell = {"part": "place", "x": across[column], "x2": across[column + 1], "y": up[line], "y2": up[line + 1]}
        rows.append(cell | _said(told, answer) | {"sure": _strength(told, place)})
    points = told["points"]
    for x, y, truth, row in zip(points["x"], points["y"], points["truth"], points["rows"], strict=True):
        rows.append({"part": "row", "x": x, "y": y, "row": row} | _said(told, truth))
    return rows


def _said(told: dict[str, Any], answer: Any) -> dict[str, Any]:
    return {"answer": told["classes"][answer] if told["classes"] else answer}


def _strength(told: dict[str, Any], place: int) -> float:
    """Return how strong a place is coloured: the more, the surer above an even guess."""
    if not told["classes"]:
        return 0.55
    even = 1 / len(told["classes"])
    return round(0.12 + 0.5 * max(0.0, told["sure"][place] - even) / (1 - even), 3)


def _places(told: dict[str, Any]) -> charts.Spec:
    return {
        "transform": [{"filter": "datum.part === 'place'"}],
        "mark": {"type": "rect", "clip": True},
        "encoding": {
            "x": _axis(told, "x"), "x2": {"field": "x2"}, "y": _axis(told, "y"), "y2": {"field": "y2"},
            "color": _colour(told), "opacity": {"field": "sure", "type": "quantitative", "scale": None},
        },
    }  # fmt: skip


def _rows(told: dict[str, Any]) -> charts.Spec:
    kind = "nominal" if told["classes"] else "quantitative"
    return {
        "transform": [{"filter": "datum.part === 'row'"}],
        "mark": {"type": "point", "filled": True, "size": 46, "opacity": 1, "stroke": look.colour("ink"),
                 "strokeWidth": 0.7},
        "encoding": {
            "x": _axis(told, "x"), "y": _axis(told, "y"), "color": _colour(told),
            "tooltip": [
                {"field": "row", "title": "Row"},
                {"field": "answer", "title": told["target"], "type": kind},
            ],
        },
    }  # fmt: skip


def _axis(panel: dict[str, Any], name: str) -> charts.Spec:
    told = panel[name]
    scale: dict[str, Any] = {"domain": [told["edges"][0], told["edges"][-1]], "nice": False, "zero": False}
    if told["log"]:
        scale["type"] = "symlog"
    shown = {"tickCount": 5, "labels": told["has_unit"], "ticks": told["has_unit"]}
    return {"field": name, "type": "quantitative", "title": told["name"], "scale": scale, "axis": shown}


def _colour(told: dict[str, Any]) -> charts.Spec:
    if not told["classes"]:
        ends = [look.colour("hairline"), look.colour("training")]
        return {"field": "answer", "type": "quantitative", "title": told["target"], "scale": {"range": ends},
                "legend": {"orient": "top", "gradientLength": 160}}  # fmt: skip
    names, colours = told["classes"], look.categories()
    many = [colours[place % len(colours)] for place in range(len(names))]
    legend = {"orient": "top", "title": None, "symbolStrokeWidth": 0.7} if len(names) <= len(colours) else None
    return {"field": "answer", "type": "nominal", "scale": {"domain": names, "range": many}, "legend": legend}


def _cell_of(told: dict[str, Any], place: int) -> int:
    """Return the answer at the place on the map where a point lies."""
    column, line = (_step(told[axis]["edges"], told["points"][axis][place]) for axis in ("x", "y"))
    return told["cells"][line * (len(told["x"]["edges"]) - 1) + column]


def _step(edges: list[float], value: float) -> int:
    return max(0, min(sum(edge <= value for edge in edges) - 1, len(edges) - 2))


def _words(told: dict[str, Any]) -> str:
    return f"A map of what the model answers by {told['x']['name']} and {told['y']['name']}, with held-out rows on it"
