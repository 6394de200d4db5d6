"""A cloud of points in two dimensions, such as codes or embeddings, coloured by class."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"x", "y", "labels": class numbers or nothing, "classes", "pictures": data URLs or nothing}."""
    labels, classes = told.get("labels") or [], told.get("classes") or []
    pictures = told.get("pictures") or []
    rows = [
        {"x": x, "y": y}
        | ({"class": classes[labels[place]]} if labels else {})
        | ({"picture": pictures[place]} if pictures else {})
        for place, (x, y) in enumerate(zip(told["x"], told["y"], strict=True))
    ]
    st.vega_lite_chart(
        rows, _spec(classes if labels else [], pictures=bool(pictures)), height=360, key=key,
        alt=f"{len(rows)} points" + (f" of {len(classes)} classes" if labels else "") + " on a map",
    )  # fmt: skip


def _spec(classes: list[str], *, pictures: bool) -> charts.Spec:
    axis = {"labels": False, "ticks": False, "title": None, "domain": False, "grid": True}
    encoding: charts.Spec = {
        name: {"field": name, "type": "quantitative", "axis": axis, "scale": {"zero": False, "nice": True}}
        for name in ("x", "y")
    }
    if pictures:
        words = [{"field": "class", "title": "Class"}] if classes else []
        mark = {"type": "image", "width": 24, "height": 24}
        encoding |= {"url": {"field": "picture", "type": "nominal"}, "tooltip": words}
        return {"mark": mark, "encoding": encoding, "config": {"view": {"stroke": None}}}
    if not classes:
        mark = {"type": "point", "filled": True, "size": 30, "opacity": 0.7, "color": look.colour("training")}
        return {"mark": mark, "encoding": encoding, "config": {"view": {"stroke": None}}}
    colours = list(look.categories())
    colour = {
        "field": "class", "type": "nominal", "sort": classes,
        "scale": {"domain": classes, "range": [colours[place % len(colours)] for place in range(len(classes))]},
        "legend": {"title": None, "orient": "bottom", "columns": 5, "labelLimit": 90},
    }  # fmt: skip
    encoding |= {"color": colour, "tooltip": [{"field": "class", "title": "Class"}]}
    if len(classes) > len(colours):
        # More classes than colours: a second look by shape tells those of one colour apart.
        shapes = ["circle", "square", "triangle-up", "diamond", "cross"]
        shape = [shapes[place // len(colours) % len(shapes)] for place in range(len(classes))]
        encoding["shape"] = {"field": "class", "type": "nominal", "scale": {"domain": classes, "range": shape}}
    mark = {"type": "point", "filled": True, "size": 42, "opacity": 0.75}
    return {"mark": mark, "encoding": encoding, "config": {"view": {"stroke": None}}}
