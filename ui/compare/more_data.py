"""Would more data help? The line through runs that learned from shares of the same training rows, in a sentence."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evaluation import more_data, tasks
from recipes import Refusal
from records import Run
from training import many
from ui import charts, look, studio
from ui.compare.facts import Facts
from ui.run_reader import reader

HELP = (
    "Trains the same on a quarter, a half and all of the training rows, three runs in all, and says what twice as many "
    "rows would give."
)


def show(facts: Sequence[Facts]) -> None:
    """Say what a line through the shares tells; nothing where the runs differ in something else."""
    points = _points(facts)
    if points is None:
        return
    look.section("Would more data help?", "The same model, learned from ever more of the same training rows.")
    report = reader(facts[0].run.folder).file("report.json") or {}
    metric = report.get("headline", {}).get("metric", "")
    title, _, way = tasks.get(report["task"]).METRICS.get(metric, (metric, "", "up")) if report else ("", "", "up")
    try:
        told = more_data.told(points, metric, title, way)
    except Refusal as refusal:
        look.quiet(look.plain(str(refusal)))
        return
    icon, tone = {"yes": ("trending_up", "green"), "hardly": ("trending_flat", "orange")}.get(
        told["verdict"], ("help", "gray")
    )
    st.markdown(f":{tone}[{look.symbol(icon)}] {look.plain(told['sentence'])}")
    _chart(points, told, title)
    look.quiet("The grey line is the power law through the points; its end is what twice the rows would give.")


def button(run: Run) -> None:
    """Offer to start the runs that answer it, from a finished run's own recipe."""
    is_own = studio.executor().status(run.id, studio.owner()) is not None
    if run.recipe.data.folded or not is_own:
        return
    if not st.button(
        "Would more data help?", key=f"more_data_{run.id}", icon=look.symbol("query_stats"), type="tertiary", help=HELP
    ):
        return
    try:
        group = many.submit_shares(studio.executor(), run.recipe, studio.owner())
    except Refusal as refusal:
        look.failed(str(refusal))
    else:
        st.switch_page("pages/compare.py", query_params={"group": group})


def _points(facts: Sequence[Facts]) -> list[more_data.Point] | None:
    """Return a point for each finished run; None where shares are not the one thing that is varied."""
    groups = [each.group for each in facts if each.group is not None]
    if not groups or any([told["path"] for told in group.varied] != [many.SHARE] for group in groups):
        return None
    points = []
    for each in facts:
        head = (reader(each.run.folder).file("report.json") or {}).get("headline")
        if each.group is None or not head or head["value"] is None:
            continue
        low, high = (head["low"], head["high"]) if head.get("low") is not None else (head["value"], head["value"])
        points.append(more_data.Point(100 * float(each.group.varied[0]["value"]), head["value"], low, high))
    return points


def _chart(points: Sequence[more_data.Point], told: dict[str, Any], title: str) -> None:
    line = [{"rows": rows, "score": score} for rows, score in told["line"]]
    dots = [{"rows": each.rows, "score": each.value, "low": each.low, "high": each.high} for each in points]
    dots.append({"rows": 200.0, "score": told["then"], "low": told["low"], "high": told["high"], "ahead": True})
    x = {"field": "rows", "type": "quantitative", "title": "Share of the training rows (%)",
         "scale": {"type": "log", "domain": [22, 225]}, "axis": {"values": [25, 50, 100, 200]}}  # fmt: skip
    y = {"field": "score", "type": "quantitative", "title": title, "scale": {"zero": False}}
    ends = {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
    tone = {"condition": {"test": "datum.ahead", "value": look.colour("quiet")}, "value": look.colour("training")}
    spec = {
        "layer": [
            {"data": {"values": line}, "mark": {"type": "line", "strokeDash": [5, 4], "color": look.colour("quiet")},
             "encoding": {"x": x, "y": y}},
            {"data": {"values": dots}, "mark": {"type": "rule", "strokeWidth": 2},
             "encoding": {"x": x, **ends, "color": tone}},
            {"data": {"values": dots}, "mark": {"type": "point", "filled": True, "size": 70},
             "encoding": {"x": x, "y": y, "color": tone,
                          "tooltip": [{"field": "rows", "title": "Share (%)"},
                                      {"field": "score", "title": title, "format": ".3f"}]}},
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip
    alt = "; ".join(f"{each.rows:.0f} %: {each.value:.3f}" for each in points) + f"; 200 % expected: {told['then']:.3f}"
    st.vega_lite_chart(None, spec, height=charts.height_of_rows(8), key="more_data_chart", alt=alt)
