"""Series before training: lines over time, with a column to choose; of recordings one of each class."""

from pathlib import Path
from typing import Any

import streamlit as st

from datasets import DataSet, series
from ui import look

MOST_STEPS = 500
MOST_CLASSES = 6
TALL, LOW = 200, 90


def show(dataset: DataSet) -> None:
    """Draw the data as lines."""
    told = _lines(str(dataset.folder))
    if dataset.schema.details["layout"] == "classes":
        _recordings(dataset, told)
    else:
        _values(dataset, told)


def _values(dataset: DataSet, told: list[dict[str, Any]]) -> None:
    names = [line["column"] for line in told]
    chosen = names[0] if dataset.schema.target not in names else dataset.schema.target
    if len(names) > 1:
        chosen = st.selectbox("Column", names, index=names.index(chosen), key="series_column", format_func=look.plain)
    line = next(line for line in told if line["column"] == chosen)
    _draw([line], "series_lines", TALL, f"{chosen} over time")
    span = f"From {line['times'][0]} to {line['times'][-1]}"
    several = len(dataset.schema.details["names"])
    look.quiet(f"{span}." if several == 1 else f"{span}; the longest of {look.number(several)} series.")


def _recordings(dataset: DataSet, told: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(line["name"] for line in told))[:MOST_CLASSES]
    for number, name in enumerate(names):
        st.markdown(f"**{look.plain(name)}**")
        mine = [line for line in told if line["name"] == name][:3]
        _draw(mine, f"series_class_{number}", LOW, f"A recording of {name}")
    more = len(dataset.schema.classes) - len(names)
    look.quiet("One recording of each class." if more <= 0 else f"One recording of {len(names)} classes; {more} more.")


def _draw(lines: list[dict[str, Any]], key: str, height: int, alt: str) -> None:
    rows = [
        {"place": place, "time": time, "value": value, "column": line["column"]}
        for line in lines
        for place, (time, value) in enumerate(zip(line["times"], line["values"], strict=True))
    ]
    names = [line["column"] for line in lines]
    times = [str(time) for time in lines[0]["times"]]
    shown = [round(share * (len(times) - 1)) for share in (0, 0.25, 0.5, 0.75, 1)]
    # Places are drawn and named by their time: times of every kind (years, moments, counts) read the same.
    label = " : ".join(f"datum.value == {place} ? '{times[place]}'" for place in shown)
    spec = {
        "mark": {"type": "line", "strokeWidth": 1.5, "clip": True},
        "encoding": {
            "x": {"field": "place", "type": "quantitative", "title": None, "scale": {"nice": False},
                  "axis": {"values": shown, "labelExpr": f"{label} : ''", "grid": False, "labelFlush": True,
                           "labelOverlap": True}},
            "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False},
                  "axis": {"tickCount": 3}},
            "color": {"field": "column", "type": "nominal", "legend": None,
                      "scale": {"domain": names, "range": list(look.categories()[: len(names)])}},
            "tooltip": [
                {"field": "time", "title": "Time", "type": "nominal"},
                {"field": "column", "title": "Column"},
                {"field": "value", "title": "Value", "type": "quantitative", "format": ".4~g"},
            ],
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
    st.vega_lite_chart(rows, spec, height=height, key=key, alt=alt)


@st.cache_data(max_entries=32, ttl="2h", show_spinner=False)
def _lines(folder: str) -> list[dict[str, Any]]:
    return series.lines(DataSet.open(Path(folder)), MOST_STEPS)
