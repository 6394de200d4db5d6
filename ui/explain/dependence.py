"""How the answer moves with a column: a line for numbers, points for categories; thin lines are single rows."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look

SHOWN = 6
SMALL = 2
HEIGHT = 190


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"target", "answer", "columns": [{"name", "kind", "values", "mean", "lines" or "now", "reach"}]}."""
    columns = told["columns"]
    if not columns:
        look.quiet("No column of these rows can be moved: they hold free texts, or one value only.")
        return
    if small:
        _few(told, columns[:SMALL], key)
        return
    shown = columns[:SHOWN]
    grid = st.grid(min_column_width=260, key=f"{key}_grid")
    domain = _domain(shown, told)
    for number, column in enumerate(shown):
        with grid.container():
            _one(told, column, domain, f"{key}_{number}")
    rest = [column["name"] for column in columns[SHOWN:]]
    if rest:
        with st.expander(f"{len(rest)} more columns, which move it less", key=f"{key}_more"):
            more = st.grid(min_column_width=260, key=f"{key}_more_grid")
            for number, column in enumerate(columns[SHOWN:], SHOWN):
                with more.container():
                    _one(told, column, domain, f"{key}_{number}")


def _few(told: dict[str, Any], columns: list[dict[str, Any]], key: str) -> None:
    for number, column in enumerate(columns):
        st.markdown(f":gray[{look.plain(column['name'])}]")
        _chart(told, column, _domain(columns, told), f"{key}_{number}", height=80)


def _one(told: dict[str, Any], column: dict[str, Any], domain: list[float], key: str) -> None:
    st.markdown(f"**{look.plain(column['name'])}** :gray[moves it by {look.plain(_amount(told, column['reach']))}]")
    _chart(told, column, domain, key, height=HEIGHT)


def _chart(told: dict[str, Any], column: dict[str, Any], domain: list[float], key: str, *, height: int) -> None:
    spec = _line(told, domain) if column["kind"] == "number" else _points(told, domain, column)
    alt = f"{_title(told)} by {column['name']}: from {_amount(told, min(column['mean']))} to " + _amount(
        told, max(column["mean"])
    )
    st.vega_lite_chart(_rows(column), spec, height=height, key=key, alt=alt)


def _rows(column: dict[str, Any]) -> charts.Rows:
    values = column["values"]
    rows: charts.Rows = [{"x": x, "y": y, "part": "mean"} for x, y in zip(values, column["mean"], strict=True)]
    for number, line in enumerate(column.get("lines", [])):
        rows += [{"x": x, "y": y, "part": "one", "line": number} for x, y in zip(values, line, strict=True)]
    if column.get("now") is not None:
        rows.append({"x": column["now"], "y": _at(column), "part": "now"})
    return rows


def _at(column: dict[str, Any]) -> float:
    """Return where the row stands on its own curve."""
    values, now = column["values"], column["now"]
    if now in values:
        return column["mean"][values.index(now)]
    if column["kind"] != "number":
        return column["mean"][0]
    above = next((place for place, value in enumerate(values) if value >= now), len(values) - 1)
    below = max(0, above - 1)
    width = values[above] - values[below]
    share = min(1.0, max(0.0, (now - values[below]) / width)) if width else 0.0
    return (1 - share) * column["mean"][below] + share * column["mean"][above]


def _domain(columns: list[dict[str, Any]], told: dict[str, Any]) -> list[float]:
    """Return one scale for all columns, so that heights can be compared."""
    if told["answer"] is not None:
        return [0.0, 1.0]
    every = [value for column in columns for line in (column["mean"], *column.get("lines", [])) for value in line]
    return [min(every), max(every)]


def _line(told: dict[str, Any], domain: list[float]) -> charts.Spec:
    x = {"field": "x", "type": "quantitative", "title": None, "scale": {"zero": False, "nice": False, "padding": 8},
         "axis": {"grid": False, "tickCount": 4}}  # fmt: skip
    return _layers(told, domain, x, "line")


def _points(told: dict[str, Any], domain: list[float], column: dict[str, Any]) -> charts.Spec:
    axis = {"labelAngle": 0 if len(column["values"]) < 5 else -40, "labelLimit": 80, "ticks": False}
    x = {"field": "x", "type": "nominal", "sort": column["values"], "title": None, "axis": axis}
    return _layers(told, domain, x, "bar")


def _layers(told: dict[str, Any], domain: list[float], x: charts.Spec, mark: str) -> charts.Spec:
    share = told["answer"] is not None
    y = {"field": "y", "type": "quantitative", "title": None,
         "scale": {"domain": domain, "nice": False, "padding": 4, "zero": False},
         "axis": {"tickCount": 3, "format": "%" if share else "~g"}}  # fmt: skip
    form = ".0%" if share else ".4~g"
    tip = [{"field": "x", "title": "Value"}, {"field": "y", "title": _title(told), "format": form}]
    main = {"type": "line", "strokeWidth": 3, "point": {"size": 24}} if mark == "line" else {"type": "bar", "width": 12}
    thin = {"type": "line" if mark == "line" else "tick", "strokeWidth": 1, "opacity": 0.35, "thickness": 1,
            "color": look.colour("baseline")}  # fmt: skip
    return {
        "encoding": {"x": x, "y": y},
        "layer": [
            {"transform": [{"filter": "datum.part === 'one'"}], "mark": thin,
             "encoding": {"detail": {"field": "line", "type": "nominal"}}},
            {"transform": [{"filter": "datum.part === 'mean'"}], "mark": main | {"color": look.colour("training")},
             "encoding": {"tooltip": tip}},
            {"transform": [{"filter": "datum.part === 'now'"}],
             "mark": {"type": "point", "filled": True, "size": 150, "color": look.colour("validation"), "opacity": 1},
             "encoding": {"tooltip": tip}},
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def _title(told: dict[str, Any]) -> str:
    return f"Odds of {told['answer']}" if told["answer"] is not None else str(told["target"])


def _amount(told: dict[str, Any], value: float) -> str:
    return words.percent(value) if told["answer"] is not None else words.number(value)
