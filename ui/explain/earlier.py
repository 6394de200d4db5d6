"""Earlier ratings with how much each speaks for, or against, a high answer."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"rows": [{"name", "rating", "alike", "value"}], "mean", "about"}."""
    rows = [
        {"name": row["name"], "value": row["value"], "towards": row["value"] >= 0, "rating": row["rating"],
         "alike": row["alike"]}
        for row in sorted(told["rows"], key=lambda row: -row["value"])
    ]  # fmt: skip
    tone = {"condition": {"test": "datum.towards", "value": look.colour("training")},
            "value": look.colour("validation")}  # fmt: skip
    axis = {"ticks": False, "domain": False, "labelLimit": 90 if small else 220, "labelOverlap": False}
    spec = {
        "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": 8 if small else 14},
        "encoding": {
            "y": {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": axis},
            "x": {"field": "value", "type": "quantitative", "title": None if small else "Speaks for a high rating",
                  "axis": {"tickCount": 3 if small else 5}},
            "color": tone,
            "tooltip": [{"field": "name", "title": "Rated before"}, {"field": "rating", "title": "Rating"},
                        {"field": "alike", "title": "Alike (1 is the same)", "format": "+.2f"}],
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
    height = charts.height_of_rows(len(rows), each=18 if small else 28) + (30 if small else 50)
    alt = "; ".join(f"{row['name']}: {row['value']:+.2f}" for row in rows)
    st.vega_lite_chart(rows, spec, height=height, key=key, alt=alt)
    if not small:
        strongest = max(rows, key=lambda row: abs(row["value"]))
        sentence = (
            f"Strongest: {strongest['name']}, rated {words.number(strongest['rating'])} (this user's mean is "
            f"{words.number(told['mean'])}), alike {strongest['alike']:+.2f}."
        )
        look.quiet(look.plain(sentence))
