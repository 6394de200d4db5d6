"""The map of examples: one point each, coloured by class or value; a click opens the example."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look, report_view

HEIGHT = 460
MARKS = ["circle", "square", "triangle-up", "diamond", "cross"]


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"x", "y", "rows", "classes", "labels" or "values", "by", "kept"} and, below, the example clicked on."""
    labels, classes, values = told["labels"], told["classes"], told["values"]
    rows: charts.Rows = []
    for place, (x, y, row) in enumerate(zip(told["x"], told["y"], told["rows"], strict=True)):
        mark = {"class": classes[labels[place]]} if labels else {"value": values[place]} if values else {}
        rows.append({"x": x, "y": y, "row": row} | mark)
    picked: Any = st.vega_lite_chart(
        rows, _spec(told), height=HEIGHT, key=key, on_select="rerun", selection_mode=["point"],
        alt=f"{len(rows)} examples on a map" + (f", coloured by {len(classes)} classes" if classes else ""),
    )  # fmt: skip
    told_words = f"{look.counted(len(rows), 'validation row')}, {told['width']} numbers each, flattened to two."
    if told.get("kept") is not None:
        told_words += f" The map shows {words.percent(told['kept'])} of their spread."
    look.quiet(look.plain(told_words))
    clicked = picked.selection.get("point") or []
    if clicked:
        st.markdown(f"**Row {int(clicked[0]['row'])}**")
        report_view.show_rows(run, [int(clicked[0]["row"])], f"{key}_clicked")


def _spec(told: dict[str, Any]) -> charts.Spec:
    axis = {"labels": False, "ticks": False, "title": None, "domain": False, "grid": True, "tickCount": 5}
    scale = {"zero": False, "nice": True}
    chosen = {"param": "point", "empty": False}
    encoding: charts.Spec = {
        name: {"field": name, "type": "quantitative", "axis": axis, "scale": scale} for name in ("x", "y")
    }
    encoding |= {
        "size": {"condition": chosen | {"value": 260}, "value": 55},
        "opacity": {"condition": chosen | {"value": 1}, "value": 0.75},
        "tooltip": [{"field": "row", "title": "Row"}],
    }
    classes = told["classes"]
    if told["labels"]:
        colours = list(look.categories())
        encoding["color"] = {
            "field": "class", "type": "nominal",
            "scale": {"domain": classes, "range": [colours[place % len(colours)] for place in range(len(classes))]},
            "legend": {"title": None, "orient": "bottom", "columns": 4, "labelLimit": 110},
        }  # fmt: skip
        encoding["tooltip"].append({"field": "class", "title": "Class"})
        if len(classes) > len(colours):
            marks = [MARKS[place // len(colours) % len(MARKS)] for place in range(len(classes))]
            encoding["shape"] = {"field": "class", "type": "nominal", "scale": {"domain": classes, "range": marks}}
    elif told["values"]:
        encoding["color"] = {
            "field": "value", "type": "quantitative", "title": told["target"],
            "scale": {"range": [look.colour("validation"), look.colour("hairline"), look.colour("training")]},
            "legend": {"orient": "bottom", "gradientLength": 180},
        }  # fmt: skip
        encoding["tooltip"].append({"field": "value", "title": told["target"], "type": "quantitative"})
    else:
        encoding["color"] = {"value": look.colour("training")}
    select = {"name": "point", "select": {"type": "point", "fields": ["row"]}}
    return {
        "params": [select, charts.ZOOM],
        "mark": {"type": "point", "filled": True, "cursor": "pointer"},
        "encoding": encoding,
        "config": {"view": {"stroke": None}},
    }
