"""From which share on should it ring? ROC, precision and recall, and a threshold by what errors cost.

The threshold is chosen on validation rows; what it does is shown on the test part, and moving it is counted as a look.
All of it is numpy in the page: no Keras, some milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from evaluation import scores, thresholds, words
from records import Run
from ui import charts, look, looks

Report = dict[str, Any]
BY_COST, BY_HAND = "By cost", "By hand"


@dataclass(frozen=True)
class Answers:
    """True class numbers (rows,) and probabilities (rows, classes) of one part."""

    truth: np.ndarray
    answer: np.ndarray


def show(run: Run, report: Report) -> None:
    """Draw the trade-offs of `report`; with both files of answers there, let a person move the threshold."""
    look.section("Trade-offs", _shown_classes(report["classes"]))
    test, seen = (_answers(run, name) for name in ("predictions", "validation"))
    if test is None or seen is None or not report["roc"]:
        _charts(report, [])
        return
    st.fragment(_with_threshold)(run, report, test, seen)


def _with_threshold(run: Run, report: Report, test: Answers, seen: Answers) -> None:
    with look.row(f"threshold_{run.id}"):
        wanted = _wanted(run, report)
        threshold, costs = _chosen(run, seen, wanted)
    told = thresholds.at(test.truth == wanted, test.answer[:, wanted], threshold)
    _say(report, told, thresholds.usual(test.truth, test.answer, wanted), wanted, threshold, costs)
    watched = thresholds.at(seen.truth == wanted, seen.answer[:, wanted], threshold)
    look.quiet(
        look.plain(
            f"Chosen on {words.count(len(seen.truth), 'validation row')}: there it finds {watched.found:,} of "
            f"{watched.found + watched.missed:,} with {words.count(watched.alarms, 'false alarm')}."
        )
    )
    marks = [{"roc": (told.alarm_share, told.found_share), "pr": (told.found_share, told.right_share)}]
    _charts(_with_line(report, test, wanted), marks)


def _wanted(run: Run, report: Report) -> int:
    """Let a person choose the class that is looked for; the rare or the hardest one comes first."""
    classes = report["classes"]
    hardest = min(report["roc"], key=lambda line: line["auc"] if line["auc"] is not None else 2.0)["class"]
    return st.selectbox(
        "Ring for", range(len(classes)), index=classes.index(hardest), format_func=lambda at: classes[at],
        key=f"threshold_class_{run.id}",
        help="The class that is looked for; the others are what it should not ring for.",
        width=240,
    )  # fmt: skip


def _chosen(run: Run, seen: Answers, wanted: int) -> tuple[float, tuple[float, float] | None]:
    """Return the threshold, and what a false alarm and a miss cost; by hand there are no costs."""
    way = st.segmented_control(
        "Threshold", (BY_COST, BY_HAND), default=BY_COST, required=True, key=f"threshold_way_{run.id}",
        help="It rings where the share of this class is at least the threshold.",
    )  # fmt: skip
    if way == BY_HAND:
        looks.count(run, "threshold")
        share = st.slider(
            "Rings from", 0.0, 100.0, 50.0, 0.5, format="%.1f %%", key=f"threshold_share_{run.id}", width=340
        )
        return share / 100, None
    alarm = st.number_input("Cost of a false alarm", 0.0, 1e9, 1.0, key=f"threshold_alarm_{run.id}", width=170)
    miss = st.number_input("Cost of a miss", 0.0, 1e9, 1.0, key=f"threshold_miss_{run.id}", width=170)
    if (alarm, miss) != (1.0, 1.0):
        looks.count(run, "threshold")
    return thresholds.cheapest(seen.truth == wanted, seen.answer[:, wanted], alarm, miss), (alarm, miss)


def _say(
    report: Report, told: thresholds.Counts, usual: thresholds.Counts, wanted: int, threshold: float,
    costs: tuple[float, float] | None,
) -> None:  # fmt: skip
    """Say what the threshold does on the test part, and what it costs beside the usual rule."""
    name = report["classes"][wanted]
    low, high = (words.percent(each) for each in told.found_between)
    right = told.right_share
    cards = (
        ("Rings from", "never" if threshold > 1 else words.percent(threshold), f"share of {name}"),
        ("Found", f"{told.found:,} of {told.found + told.missed:,}", f"true share {low} to {high}"),
        ("Missed", f"{told.missed:,}", f"of {name}"),
        ("False alarms", f"{told.alarms:,}", "no ring" if right is None else f"{words.percent(right)} of rings right"),
    )
    with look.row("threshold_counts"):
        for title, value, more in cards:
            with st.container(width=165, gap=None):
                st.metric(title, value)
                look.quiet(look.plain(more))
    if costs is not None:
        ours, other = words.number(told.cost(*costs)), words.number(usual.cost(*costs))
        st.markdown(
            look.plain(
                f"On the test part these errors cost {ours} in all; always answering with the likeliest class costs "
                f"{other}."
            )
        )


def _with_line(report: Report, test: Answers, wanted: int) -> Report:
    """Return the report with this class's own lines, where it drew none."""
    name = report["classes"][wanted]
    if any(line["class"] == name for line in _hardest(report["roc"], "auc")):
        return report
    positive = test.truth == wanted
    if not positive.any() or positive.all():
        return report
    x, y, recall, precision = scores.rates(positive, test.answer[:, wanted])
    others = [[line for line in report[kind] if line["class"] != name] for kind in ("roc", "pr")]
    return report | {
        "roc": [{"class": name, "x": x, "y": y, "auc": _score(report["roc"], name, "auc")}, *others[0]],
        "pr": [
            {"class": name, "x": recall, "y": precision,
             "average_precision": _score(report["pr"], name, "average_precision")}, *others[1],
        ],
    }  # fmt: skip


def _score(lines: Sequence[dict[str, Any]], name: str, score: str) -> float:
    """Return a class's own score; one that was not drawn is put first, before the hardest."""
    return next((line[score] for line in lines if line["class"] == name and line[score] is not None), 0.0)


def _charts(report: Report, marks: Sequence[dict[str, Any]]) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            "**ROC curve**", help="Moving the threshold: how many of a class are found, for how many false alarms."
        )
        spec = _marked(charts.rates("False alarms", "Found", diagonal=True), [mark["roc"] for mark in marks])
        st.vega_lite_chart(_rate_rows(report["roc"], "auc"), spec, height=340, key="roc", alt="ROC curves, one a class")
    with right:
        st.markdown("**Precision and recall**", help="The more of a class it is to find, the more often it is wrong.")
        spec = charts.rates("Recall: found", "Precision: right when named", diagonal=False)
        spec = _marked(spec, [mark["pr"] for mark in marks if mark["pr"][1] is not None])
        st.vega_lite_chart(
            _rate_rows(report["pr"], "average_precision"), spec, height=340, key="pr",
            alt="Precision and recall curves, one a class",
        )  # fmt: skip


def _marked(spec: charts.Spec, points: Sequence[tuple[float, float | None]]) -> charts.Spec:
    """Mark where the threshold stands."""
    if not points:
        return spec
    mark = {
        "data": {"values": [{"x": x, "y": y} for x, y in points]},
        "mark": {"type": "point", "shape": "circle", "filled": True, "size": 150, "opacity": 1,
                 "color": look.colour("ink"), "tooltip": False},
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
    }  # fmt: skip
    return spec | {"layer": [*spec["layer"], mark]}


def _shown_classes(classes: Sequence[str]) -> str:
    if len(classes) == 2:
        return "How many are found, for how many false alarms; the nearer the corner, the better."
    if len(classes) <= charts.SERIES:
        return "One line a class; the nearer the corner, the better."
    return f"The {charts.SERIES} hardest of {len(classes)} classes; the nearer the corner, the better."


def _hardest(lines: Sequence[dict[str, Any]], score: str) -> list[dict[str, Any]]:
    known = [line for line in lines if line[score] is not None]
    return sorted(known, key=lambda line: line[score])[: charts.SERIES]


def _rate_rows(lines: Sequence[dict[str, Any]], score: str) -> charts.Rows:
    return [
        {"class": _named(line, score), "x": x, "y": y, "place": place}
        for line in _hardest(lines, score)
        for place, (x, y) in enumerate(zip(line["x"], line["y"], strict=True))
    ]


def _named(line: dict[str, Any], score: str) -> str:
    return f"{line['class']} ({line[score]:.3f})" if line[score] else str(line["class"])


def _answers(run: Run, name: str) -> Answers | None:
    """Return the answers of a part; None for runs that kept none."""
    file = run.folder / f"{name}.npz"
    return _read(str(file), file.stat().st_mtime_ns) if file.exists() else None


@st.cache_resource(max_entries=16, ttl="2h", show_spinner=False)
def _read(file: str, _written: int) -> Answers | None:
    with np.load(file, allow_pickle=False) as told:
        if not {"truth", "answer"} <= set(told.files) or told["answer"].ndim != 2:
            return None
        return Answers(told["truth"], told["answer"])
