"""What each part of a mixed row said: bars for and against the answer."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"parts": [{"name", "columns", "value"}]}."""
    parts = sorted(told["parts"], key=lambda part: -part["value"])
    rows = [{"name": part["name"], "value": part["value"], "towards": part["value"] >= 0} for part in parts]
    tone = {"condition": {"test": "datum.towards", "value": look.colour("training")},
            "value": look.colour("validation")}  # fmt: skip
    axis = {"ticks": False, "domain": False, "labelLimit": 80 if small else 160, "labelOverlap": False,
            "labelFlush": False}  # fmt: skip
    spec = {
        "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": 10 if small else 16},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": axis},
            "x": {"field": "value", "type": "quantitative", "title": None if small else "Lost without it",
                  "axis": {"tickCount": 3 if small else 5}},
            "color": tone,
            "tooltip": [{"field": "name", "title": "Part"},
                        {"field": "value", "title": "Lost without it", "type": "quantitative", "format": "+.3f"}],
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
    st.vega_lite_chart(
        rows, spec, height=charts.height_of_rows(len(rows), each=22 if small else 36) + (30 if small else 50), key=key,
        alt="; ".join(f"{part['name']}: {part['value']:+.2f}" for part in parts),
    )  # fmt: skip
    if not small:
        for part in parts:
            if part["columns"]:
                look.quiet(look.plain(f"{part['name']}: {', '.join(part['columns'])}."))
