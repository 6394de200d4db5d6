"""A finished run's report on data the model never saw: first what matters to everybody, then a closer look."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from evaluation import tasks, words
from records import Run
from ui import charts, look, looks, panels, samples
from ui.compare import more_data
from ui.report import calibration, corrections, groups, opened, threshold

Report = dict[str, Any]
GALLERY = 6
"""The most samples that one gallery shows."""
SUREST = 3
FIRST_PANELS = 2
"""So many panels of a report stand on its first page; the others under "Look closer"."""


def title_of(metric: str) -> str:
    """Return a score's title, whichever task it belongs to."""
    known = (tasks.get(name).METRICS.get(metric) for name in tasks.names())
    return next((told[0] for told in known if told), metric.replace("_", " ").capitalize())


def _about(report: Report, metric: str) -> tuple[str, str, str]:
    """Return a score's title, its meaning, and which way is better."""
    return tasks.get(report["task"]).METRICS.get(metric) or (metric.replace("_", " ").capitalize(), "", "up")


def result(run: Run, report: Report) -> None:
    """Answer three questions: how good is it, where does it fail, what next."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        look.section("How good is it?")
        _headline(report)
    with right:
        look.section("What next?")
        with look.card("next"):
            st.markdown(look.plain(report["next"]))
            more_data.button(run)
    if report.get("worst"):
        look.section("Where does it fail?", _worst_words(report))
        gallery(run, report, report["worst"][:3], "worst3", columns=3)
    panels.draw(run, report.get("panels", [])[:FIRST_PANELS], "result_panel")
    looks.say(run)


def closer(run: Run, report: Report) -> None:
    """Show every score with its baselines, then the errors themselves."""
    if report.get("best") or report.get("worst"):
        looks.count(run, "rows")
    corrections.banner(run, report)
    judged_on = report.get("judged_on") or f"On {look.counted(report['rows'], 'row')} of the sealed test part."
    look.section("Scores", judged_on)
    _scores(report)
    looks.say(run)
    if report.get("gap"):
        look.section("Training against validation")
        st.markdown(look.plain(report["gap"]["sentence"]))
    if report.get("confusion"):
        _classes(run, report)
    elif report.get("scatter"):
        _numbers(run, report)
    if report.get("calibration"):
        calibration.show(report["calibration"])
    if report.get("groups"):
        groups.show(run, report)
    panels.draw(run, report.get("panels", [])[FIRST_PANELS:], "closer_panel")
    if report.get("best") or report.get("worst"):
        _galleries(run, report)


def _galleries(run: Run, report: Report) -> None:
    best, worst = st.columns(2, gap="large")
    with best:
        look.section("Best answers")
        gallery(run, report, report["best"][:GALLERY], "best", columns=2)
    with worst:
        look.section("Worst answers")
        gallery(run, report, report["worst"][:GALLERY], "worst", columns=2, correct=True)
    if wrong := report.get("confidently_wrong"):
        look.section("Sure, and wrong", "Its surest mistakes. Check their labels first: the model may be right.")
        gallery(run, report, wrong[:SUREST], "wrong", columns=3, correct=True)


def gallery(
    run: Run, report: Report, examples: Sequence[dict[str, Any]], key: str, *, columns: int, correct: bool = False
) -> None:
    """Show samples as cards: what it is, what the model said; with `correct`, offer to mend their labels."""
    if not examples:
        look.quiet("Not one: every row of the test part was answered correctly.")
        return
    seen = samples.preview(run, tuple(int(example["row"]) for example in examples))
    if not seen:
        look.quiet(opened.GONE)
        return
    for start in range(0, len(examples), columns):
        places = st.columns(columns, gap="small")
        for offset, place in enumerate(places[: len(examples) - start]):
            example, sample = examples[start + offset], seen[start + offset]
            with place, look.card(f"{key}_{start + offset}", height="stretch"):
                _example(report, example, sample)
    if correct:
        corrections.offer(run, report, [int(example["row"]) for example in examples], key)


def score_words(report: Report | None, metric: str) -> str:
    """Write one score with its interval: "0.971 (0.93 to 1.00)"; a dash without a report."""
    if report is None or report["metrics"].get(metric) is None:
        return "–"
    value, interval = _rounded(metric, report["metrics"][metric]), report["intervals"].get(metric)
    return f"{value} ({_between(metric, *interval)})" if interval else value


def _headline(report: Report) -> None:
    head = report["headline"]
    delta = None
    if head["value"] is not None and head["baseline_value"] is not None:
        delta = f"{head['value'] - head['baseline_value']:+.3f}"
    smaller: Any = "inverse" if head.get("better") == "down" else "normal"
    st.metric(
        head["title"],
        look.score(head["value"]),
        delta=delta,
        delta_color=smaller,
        delta_description=f"compared with the {head['baseline']}",
        help=_about(report, head["metric"])[1],
    )
    st.vega_lite_chart(
        _strip_rows(report),
        charts.score_strip(),
        height=charts.height_of_rows(1 + len(report["baselines"]), each=34),
        key="headline_chart",
        alt=f"{head['title']} of this model with its interval beside the baselines",
    )
    for sentence in report["sentences"]:
        st.markdown(look.plain(sentence))


def _strip_rows(report: Report) -> charts.Rows:
    head = report["headline"]
    ours = {"name": "This model", "value": head["value"], "low": head["low"], "high": head["high"], "ours": True}
    others = [
        {"name": baseline["name"].capitalize(), "value": baseline["metrics"][head["metric"]], "ours": False}
        for baseline in report["baselines"]
    ]
    return [row for row in (ours, *others) if row["value"] is not None]


def _worst_words(report: Report) -> str:
    if report["task"] == "classification":
        right = all(example["truth"] == example["answer"] for example in report["worst"][:3])
        if right:
            return "Nowhere on the test part. These three it was least sure of."
        return "The three test rows on which it was most wrong."
    return "The three test rows with the largest errors."


def _example(report: Report, example: dict[str, Any], sample: samples.Sample) -> None:
    image = samples.picture(sample)
    truth, answer = _spoken(example["truth"]), _spoken(example["answer"])
    with st.container(horizontal=True, gap="small"):
        if image is not None:
            seen = samples.enlarged(image.convert("RGB"), 112)
            st.image(seen, alt=f"Row {example['row']}: {truth}, the model said {answer}")
        with st.container(gap="xsmall", width="stretch"):
            if report["task"] == "classification":
                _told_class(truth, answer, example["confidence"])
            else:
                st.markdown(f"**{look.plain(answer)}** · it was **{look.plain(truth)}**")
                st.markdown(f":gray[Off by {look.plain(words.number(abs(example['error'])))}]")
            if image is None:
                shown = list(samples.cells(sample, report["target"]).items())[:4]
                lines = [f":gray[{look.plain(name)}] {look.plain(_spoken(value))}" for name, value in shown]
                st.markdown("  \n".join(lines))
            look.quiet(f"Row {look.number(example['row'])}")


def _told_class(truth: str, answer: str, confidence: float) -> None:
    right = truth == answer
    tone, icon, word = ("green", "check_circle", "Right") if right else ("red", "cancel", "Wrong")
    share = look.plain(words.percent(confidence)).replace(" ", "\u00a0")  # a number and its sign stay together
    said = f"**{look.plain(answer)}** · {share}\u00a0sure"
    st.markdown(f":{tone}[{look.symbol(icon)} {word}] {said}")
    if not right:
        st.markdown(f"It was **{look.plain(truth)}**.")


def _spoken(value: Any) -> str:
    if value is None or value != value or value == "":  # noqa: PLR0124 - not a number is unlike itself
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words.number(value) if isinstance(value, (int, float)) else str(value)


def _scores(report: Report) -> None:
    rows, meanings = [], []
    for name, value in report["metrics"].items():
        title, meaning, way = _about(report, name)
        low, high = report["intervals"].get(name) or (None, None)
        row = {"Score": title, "This model": _rounded(name, value), "Likely between": _between(name, low, high)}
        for baseline in report["baselines"]:
            row[baseline["name"].capitalize()] = _rounded(name, baseline["metrics"].get(name))
        better = "Smaller is better." if way == "down" else ""
        rows.append(row)
        meanings.append(f"**{title}**: {meaning} {better}".strip())
    st.table(rows, border="horizontal", hide_index=True, hide_header=False, alt="Every score beside its baselines")
    with st.expander("What each score means", key="meanings", type="compact"):
        st.markdown("  \n".join(meanings))


def _rounded(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return words.number(value) if name in ("mae", "rmse", "mse") else look.score(value)


def _between(name: str, low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{_rounded(name, low)} to {_rounded(name, high)}"


def _classes(run: Run, report: Report) -> None:
    look.section("Class by class")
    table = [
        {
            "Class": row["class"],
            "Rows": row["rows"],
            "Precision": row["precision"],
            "Recall": row["recall"],
            "F1": row["f1"],
            "ROC AUC": row["roc_auc"],
        }
        for row in report["per_class"]
    ]
    score = st.column_config.NumberColumn(format="%.3f")
    columns = dict.fromkeys(("Precision", "Recall", "F1", "ROC AUC"), score)
    st.dataframe(table, hide_index=True, column_config=columns, key="per_class", alt="Scores class by class")
    look.section("What it takes for what", "Click a cell to see its samples.")
    _confusion(run, report)
    threshold.show(run, report)


def _confusion(run: Run, report: Report) -> None:
    classes, counts = report["classes"], report["confusion"]["counts"]
    rows = [
        {"truth": truth, "answer": answer, "count": count, "share": count / max(1, sum(line))}
        for truth, line in zip(classes, counts, strict=True)
        for answer, count in zip(classes, line, strict=True)
    ]
    side = max(260, min(640, 60 + 60 * len(classes)))
    left, right = st.columns([3, 2], gap="large")
    with left:
        picked: Any = st.vega_lite_chart(
            rows,
            charts.confusion(classes),
            width=side + 90,
            height=side,
            key="confusion",
            on_select="rerun",
            selection_mode=["cell"],
            alt="Confusion matrix: true classes down, answers across",
        )
    with right:
        _picked_cell(run, report, picked.selection.get("cell") or [])


def _picked_cell(run: Run, report: Report, cell: Sequence[dict[str, str]]) -> None:
    if not cell:
        look.quiet("The samples of a cell appear here.")
        return
    classes = report["classes"]
    truth, answer = str(cell[0]["truth"]), str(cell[0]["answer"])
    found = report["confusion"]["rows"][classes.index(truth)][classes.index(answer)]
    count = report["confusion"]["counts"][classes.index(truth)][classes.index(answer)]
    st.markdown(f"**{look.plain(truth)}**, answered **{look.plain(answer)}**: {look.counted(count, 'row')}")
    opened.show(run, report, found[:GALLERY], "cell")


def show_rows(run: Run, rows: Sequence[int], key: str) -> None:
    """Open rows of a finished run's data set."""
    opened.show(run, run.read("report.json"), rows, key)


def _numbers(run: Run, report: Report) -> None:
    points = report["scatter"]
    rows = [
        {"row": row, "truth": truth, "answer": answer}
        for row, truth, answer in zip(points["rows"], points["truth"], points["answer"], strict=True)
    ]
    every = [*points["truth"], *points["answer"]]
    left, right = st.columns([3, 2], gap="large")
    with left:
        look.section("Predicted against true", "On the dashed line there is no error. Click a point to see its row.")
        picked: Any = st.vega_lite_chart(
            rows,
            _with_band(charts.scatter(min(every), max(every)), report, min(every), max(every)),
            height=420,
            key="scatter",
            on_select="rerun",
            selection_mode=["sample"],
            alt="Predicted values against true values",
        )
        if report.get("band"):
            look.quiet(f"The shaded band: {look.plain(report['band']['sentence'])}")
        _picked_row(run, report, picked.selection.get("sample") or [])
    with right:
        look.section("Errors", "How often the answer is too low (left) or too high (right).")
        edges, counts = report["residuals"]["edges"], report["residuals"]["counts"]
        bins = [
            {"from": low, "to": high, "count": count}
            for low, high, count in zip(edges, edges[1:], counts, strict=False)
        ]
        title = f"Error in the unit of {report['target']}"
        st.vega_lite_chart(bins, charts.histogram(title), height=320, key="residuals", alt="Histogram of the errors")


def _with_band(spec: charts.Spec, report: Report, low: float, high: float) -> charts.Spec:
    """Draw within what nine of ten true values lie, beside the line of no error."""
    band = report.get("band")
    if not band:
        return spec
    ends = [{"truth": truth, "low": truth - band["half"], "high": truth + band["half"]} for truth in (low, high)]
    area = {
        "data": {"values": ends},
        "mark": {"type": "area", "opacity": 0.12, "color": look.colour("test"), "clip": True, "tooltip": False},
        "encoding": {
            "x": {"field": "truth", "type": "quantitative"},
            "y": {"field": "low", "type": "quantitative"},
            "y2": {"field": "high"},
        },
    }
    return spec | {"layer": [area, *spec["layer"]]}


def _picked_row(run: Run, report: Report, picked: Sequence[dict[str, Any]]) -> None:
    if picked:
        opened.show(run, report, [int(picked[0]["row"])], "scatter")
