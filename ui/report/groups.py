"""Where is it weak? Groups of test rows that chance does not explain, and the score for each value of a column."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evaluation import slices, words
from records import Run
from ui import charts, look
from ui.report import opened

Told = dict[str, Any]
OPENED = 6


def show(run: Run, report: Told) -> None:
    """Draw `report["groups"]`: what the search found, then one column at a time."""
    told = report["groups"]
    look.section("Where is it weak?", look.plain(told["sentence"]))
    if told["weak"]:
        _weak(run, report, told)
    if told["columns"]:
        _by_column(run, report, told)


def _weak(run: Run, report: Told, told: Told) -> None:
    for number, one in enumerate(told["weak"]):
        with st.expander(
            look.plain(_title(told, one)), key=f"weak_{number}", type="compact", on_change="rerun"
        ) as slot:
            if slot.open:
                _open(run, report, one, f"weak_{number}")


def _title(told: Told, one: Told) -> str:
    value = f"{words.percent(one['value'])} right" if told["way"] == "up" else f"off by {words.number(one['value'])}"
    return f"{slices.in_words(one['conditions'])} · {value} · {words.count(one['rows'], 'row')}"


def _by_column(run: Run, report: Told, told: Told) -> None:
    names = [column["name"] for column in told["columns"]]
    with st.container(width=360):
        chosen = st.selectbox(
            "Group the test rows by", names, key=f"grouped_by_{run.id}", placeholder="Choose a column"
        )
    column = next((each for each in told["columns"] if each["name"] == chosen), told["columns"][0])
    data = [
        {"name": f"{group['name']} ({words.count(group['rows'], 'row')})", "place": place}
        | {key: group[key] for key in ("value", "low", "high")}
        for place, group in enumerate(column["groups"])
    ]
    left, right = st.columns([3, 2], gap="large")
    with left:
        picked: Any = st.vega_lite_chart(
            data, _strip(told), height=60 + charts.height_of_rows(len(data), each=30), key=f"groups_{run.id}",
            on_select="rerun", selection_mode=["group"], alt=f"The score for each group of {column['name']}",
        )  # fmt: skip
        look.quiet("The bar is where the true score of a group lies (95 % sure), the dashed line all test rows.")
    with right:
        _picked(run, report, column["groups"], picked.selection.get("group") or [])


def _picked(run: Run, report: Told, groups: Sequence[Told], picked: Sequence[Told]) -> None:
    if not picked or not 0 <= int(picked[0]["place"]) < len(groups):
        look.quiet("Click a group to see where the model was wrong in it.")
        return
    group = groups[int(picked[0]["place"])]
    st.markdown(f"**{look.plain(group['name'])}**: {look.counted(group['rows'], 'row')}")
    _open(run, report, group, f"group_{group['name']}")


def _open(run: Run, report: Told, group: Told, key: str) -> None:
    """Open a group's wrong rows, or those with its largest errors."""
    examples = group["examples"][:OPENED]
    if not examples:
        look.quiet("Not one mistake in this group.")
        return
    is_share = report["groups"]["way"] == "up"
    look.quiet(f"{'Wrong answers' if is_share else 'The largest errors'} in this group:")
    opened.show(run, report, examples, key)


def _strip(told: Told) -> charts.Spec:
    is_share = told["way"] == "up"
    axis = {"labelLimit": 220, "ticks": False, "labelFlush": False}
    y = {"field": "name", "type": "nominal", "title": None, "sort": {"field": "place"}, "axis": axis}
    scale = {"domain": [0, 1]} if is_share else {"zero": True, "nice": True}
    x = {
        "type": "quantitative", "title": "Right" if is_share else "Mean error", "scale": scale,
        "axis": {"tickCount": 5, "format": "%" if is_share else "~g"},
    }  # fmt: skip
    tone = look.colour("test")
    written = ".1%" if is_share else ".3~g"
    tooltip = [
        {"field": "name", "title": " "},
        {"field": "value", "title": "Right" if is_share else "Mean error", "type": "quantitative", "format": written},
    ]
    every = {
        "data": {"values": [{"at": told["overall"]}]},
        "mark": {"type": "rule", "strokeDash": [5, 4], "color": look.colour("baseline")},
        "encoding": {"x": x | {"field": "at"}},
    }
    span = {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.3, "strokeCap": "round", "color": tone},
        "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y},
    }
    size = {"condition": {"param": "group", "empty": False, "value": 260}, "value": 130}
    points = {
        "params": [{"name": "group", "select": {"type": "point", "fields": ["place"]}}],
        "mark": {"type": "point", "filled": True, "opacity": 1, "color": tone, "cursor": "pointer"},
        "encoding": {"x": x | {"field": "value"}, "y": y, "size": size, "tooltip": tooltip},
    }
    return {"layer": [every, span, points], "config": {"view": {"stroke": None}, "axisY": {"domain": False}}}
