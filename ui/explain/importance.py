"""What each column adds to the score: bars with the range in which 95 of 100 shuffles lie."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look

SHOWN = 15
SMALL = 6


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"title", "whole", "rows", "repeats", "columns": [{"name", "value", "low", "high"}]}, most first."""
    columns = told["columns"][: SMALL if small else SHOWN]
    rows = [column | {"sure": column["low"] > 0} for column in columns]
    st.vega_lite_chart(
        rows, _spec(told["title"], small=small), key=key,
        height=charts.height_of_rows(len(rows), each=20 if small else 30) + (24 if small else 44),
        alt="; ".join(f"{each['name']}: {each['value']:.3f}" for each in columns),
    )  # fmt: skip
    if small:
        return
    if len(told["columns"]) > SHOWN:
        look.quiet(f"The {SHOWN} columns that matter most, of {len(told['columns'])}.")
    useless = [each["name"] for each in told["columns"] if each["low"] <= 0]
    st.markdown(look.plain(_sentence(told, useless)))
    look.quiet(
        f"{told['repeats']} shuffles a column on {look.counted(told['rows'], 'validation row')}; the bar across each "
        f"point holds 95 of 100 draws. With everything in place the score is {look.score(told['whole'])}."
    )


def _sentence(told: dict[str, Any], useless: list[str]) -> str:
    first = told["columns"][0]
    if first["low"] <= 0:
        return "No column by itself is missed: several may say the same, or the model uses none of them."
    lead = f"Without {first['name']} the score ({told['title']}) falls by {words.number(first['value'])}."
    if not useless:
        return lead
    named = ", ".join(useless[:5]) + (f" and {len(useless) - 5} more" if len(useless) > 5 else "")
    return f"{lead} Not missed, as far as these rows can tell: {named}."


def _spec(title: str, *, small: bool) -> charts.Spec:
    tone = {"condition": {"test": "datum.sure", "value": look.colour("test")}, "value": look.colour("baseline")}
    axis = {"ticks": False, "domain": False, "labelLimit": 90 if small else 180, "labelOverlap": False,
            "labelFlush": False}  # fmt: skip
    y = {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": axis}
    x = {"type": "quantitative", "title": None if small else f"Loss of score: {title}",
         "axis": {"tickCount": 3 if small else 5}}  # fmt: skip
    numbers = [
        {"field": "name", "title": "Column"},
        {"field": "value", "title": "Loss of score", "type": "quantitative", "format": ".3f"},
        {"field": "low", "title": "From", "type": "quantitative", "format": ".3f"},
        {"field": "high", "title": "To", "type": "quantitative", "format": ".3f"},
    ]
    zero = {"data": {"values": [{"zero": 0}]}, "mark": {"type": "rule", "strokeDash": [4, 4],
            "color": look.colour("quiet")}, "encoding": {"x": {"field": "zero", "type": "quantitative"}}}  # fmt: skip
    return {
        "layer": [
            zero,
            {"mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.3, "strokeCap": "round"},
             "encoding": {"y": y, "x": x | {"field": "low"}, "x2": {"field": "high"}, "color": tone}},
            {"mark": {"type": "point", "filled": True, "size": 50 if small else 110, "opacity": 1},
             "encoding": {"y": y, "x": x | {"field": "value"}, "color": tone, "tooltip": numbers}},
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
