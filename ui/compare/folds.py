"""A cross-validation: the score of each fold, their mean with its spread, and whether another one is really better."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import streamlit as st

from evaluation import paired, tasks
from recipes import Data, Refusal
from ui import charts, look, report_view
from ui.compare.facts import Facts
from ui.run_reader import reader

SURE = 0.95
FINE = 1_000_000
"""Only the ratio of two amounts matters; this is how finely it is told."""
BOUNDED = (*paired.SHARES, "f1_macro", "roc_auc", "average_precision")
"""Scores between 0 and 1."""


@dataclass(frozen=True)
class Summary:
    """The folds that are finished, in one score."""

    metric: str
    title: str
    way: str
    values: tuple[float, ...]
    mean: float
    spread: float
    """Standard deviation from fold to fold."""
    low: float
    high: float
    train_rows: float
    test_rows: float
    """Examples of one fold, on average."""
    ratio: float
    """How much is judged for each thing that is learned from: what the correction goes by."""


def summary(facts: Sequence[Facts], metric: str = "") -> Summary | None:
    """Average a score over the folds, the headline unless another is asked for; None for fewer than two folds.

    The interval is that of Student's t with the correction of Nadeau and Bengio (2003): folds share training rows, so
    the plain one would be too narrow.
    """
    reports = [report for each in facts if (report := reader(each.run.folder).file("report.json"))]
    if len(reports) < 2:
        return None
    metric = metric or reports[0]["headline"]["metric"]
    values = [float(value) for report in reports if (value := report["metrics"].get(metric)) is not None]
    if len(values) < 2:
        return None
    from scipy.special import stdtrit  # slow to import

    title, _, way = tasks.get(reports[0]["task"]).METRICS.get(metric, (metric, "", "up"))
    test = fmean(report["fold"]["test_rows"] for report in reports)
    train = fmean(report["fold"]["train_rows"] for report in reports)
    ratio = _ratio(facts[0].run.recipe.data, test / train)
    mean, spread = fmean(values), stdev(values)
    half = float(stdtrit(len(values) - 1, (1 + SURE) / 2)) * math.sqrt(1 / len(values) + ratio) * spread
    low, high = mean - half, mean + half
    if metric in BOUNDED or way == "down":
        low = max(0.0, low)
    if metric in BOUNDED:
        high = min(1.0, high)
    return Summary(metric, title, way, tuple(values), mean, spread, low, high, train, test, ratio)


def _ratio(data: Data, counted: float) -> float:
    """Return test to training share. Series are counted in windows; texts too, but theirs overlap in training only."""
    if data.task == "forecasting" or not data.folds:
        return counted
    return 1 / ((data.folds - 1) * (1 - data.validation / (1 - data.test)))


def show(facts: Sequence[Facts]) -> None:
    """Say what the folds say together, and list every score of every fold."""
    told = summary(facts)
    if told is None:
        look.quiet("The mean and its spread stand here once two folds are finished.")
        return
    st.metric(
        f"{told.title}, mean of {look.counted(len(told.values), 'fold')}", look.score(told.mean),
        help="With Student's t, corrected because folds share training rows (Nadeau and Bengio, 2003).",
    )  # fmt: skip
    st.markdown(look.plain(words(told)))
    rows = [
        {"fold": f"Fold {each.group.number}", "value": each.score, "mean": told.mean}
        for each in facts
        if each.group and each.score is not None
    ]
    st.vega_lite_chart(
        rows, charts.fold_scores(told.title), height=charts.height_of_rows(len(rows), each=30) + 40, key="fold_chart",
        alt=f"{told.title} of each fold, and their mean",
    )  # fmt: skip
    _table(facts)


def words(told: Summary) -> str:
    """Say mean, interval and spread in a sentence."""
    return (
        f"{told.title} of a model made this way lies between {told.low:.3f} and {told.high:.3f} (95 % sure); from fold "
        f"to fold it varies by ±{told.spread:.3f}. Each fold was judged on about {told.test_rows:,.0f} examples by a "
        f"model that learned from about {told.train_rows:,.0f}. The sealed test part stayed closed."
    )


def rivals(facts: Sequence[Facts], others: dict[str, tuple[str, Sequence[Facts]]]) -> None:
    """Ask whether another cross-validation on the same folds is really better; `others` by id: (title, facts)."""
    alike = {name: told for name, told in others.items() if _same_folds(facts, told[1])}
    if not alike:
        return
    look.section("Is another one really better?", "Both were judged on the very same folds.")
    name = st.selectbox("Compare with", list(alike), format_func=lambda each: alike[each][0], key="fold_rival")
    _, other = alike[name or next(iter(alike))]
    st.markdown(look.plain(verdict(facts, other)))


def verdict(facts: Sequence[Facts], other: Sequence[Facts]) -> str:
    """Say whether the other one is better, by the corrected t-test over the same folds."""
    mine, theirs = summary(facts), summary(other)
    if mine is None or theirs is None or len(mine.values) != len(theirs.values):
        return "Both must have finished the same folds. Wait for them."
    try:
        return paired.folds(
            mine.values, theirs.values, train_rows=FINE, test_rows=round(mine.ratio * FINE),
            title=mine.title, way=mine.way, names=("this one", "the other one"),
        )["sentence"]  # fmt: skip
    except Refusal as refusal:
        return str(refusal)


def _same_folds(mine: Sequence[Facts], others: Sequence[Facts]) -> bool:
    """Were both judged on the same rows, fold by fold?"""
    return len(mine) == len(others) and [each.board for each in mine if each.test] == [
        each.board for each in others if each.test
    ]


def _table(facts: Sequence[Facts]) -> None:
    lines = []
    for each in facts:
        report = reader(each.run.folder).file("report.json")
        line: dict[str, Any] = {"Fold": each.group.number if each.group else 0, "Open": f"run?run={each.run.id}"}
        line["State"] = look.STATES[each.state][0]
        if report:
            line["Rows"] = report["rows"]
            line |= {
                report_view.title_of(metric): report_view.score_words(report, metric) for metric in report["metrics"]
            }
        lines.append(line)
    st.dataframe(
        lines, hide_index=True, key="fold_table", alt="Every score of every fold",
        column_config={"Open": st.column_config.LinkColumn(display_text=":material/open_in_new:", width="small")},
    )  # fmt: skip
    means = [
        {"Score": one.title, "Mean": one.mean, "From": one.low, "To": one.high, "Spread": one.spread}
        for metric in _metrics(facts)
        if (one := summary(facts, metric))
    ]
    st.dataframe(
        means, hide_index=True, key="fold_means", alt="Mean and spread of every score",
        column_config={
            name: st.column_config.NumberColumn(format="%.3f") for name in ("Mean", "From", "To", "Spread")
        },
    )  # fmt: skip


def _metrics(facts: Sequence[Facts]) -> list[str]:
    reports = [reader(each.run.folder).file("report.json") for each in facts]
    return list(dict.fromkeys(name for report in reports if report for name in report["metrics"]))
