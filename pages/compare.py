"""A few runs side by side: curves overlaid, only the settings that differ, scores with their intervals."""

from typing import Any

import streamlit as st

from records import Run
from records.catalogue import RunRow
from ui import charts, look, report_view, run_cards, run_view, studio
from ui.run_reader import reader

POINTS_IN_ALL = 1600


def page() -> None:
    """Compare the visitor's runs that the address names."""
    look.header("Compare", "The same chart, the same scores; only what differs is listed.")
    every = {row.id: row for row in studio.executor().runs(studio.owner())}
    rows = _chosen(every)
    if len(rows) < 2:
        if every:
            look.empty(
                "nothing_to_compare", "Pick two or more runs above, or on the Runs page.", icon="compare_arrows",
                button="To your runs", page="pages/runs.py",
            )  # fmt: skip
        else:
            look.empty(
                "nothing_to_compare", "There are no runs to compare yet. Train two with different settings.",
                icon="compare_arrows", button="Choose an example", page="pages/start.py",
            )  # fmt: skip
        return
    names = _names(rows)
    folders = [reader(studio.workspace().run_folder(row.id)).run for row in rows]
    _curves(folders, names)
    look.section("What differs")
    _differences(folders, names)
    look.section("Scores", "On the sealed test part, with the range that chance allows.")
    _scores(folders, names)


def _chosen(every: dict[str, RunRow]) -> list[RunRow]:
    """Let the visitor change the choice; the address keeps it."""
    named = [run for run in st.query_params.get("runs", "").split(",") if run in every]
    st.session_state.setdefault("compared", named[: run_cards.MOST_COMPARED])
    st.session_state["compared"] = [run for run in st.session_state["compared"] if run in every]
    if not every:
        return []
    picked = st.multiselect(
        "Runs", list(every), key="compared", max_selections=run_cards.MOST_COMPARED,
        format_func=lambda run: f"{look.plain(every[run].title)} · {look.ago(every[run].created)}",
        placeholder="Choose runs",
    )  # fmt: skip
    if picked != named:
        st.query_params["runs"] = ",".join(picked)
    return [every[run] for run in picked]


def _names(rows: list[RunRow]) -> list[str]:
    """Number the runs, so that equal titles stay apart."""
    return [f"{number} · {row.title}" for number, row in enumerate(rows, 1)]


def _curves(runs: list[Run], names: list[str]) -> None:
    log = st.toggle("Log scale", key="compare_log", persist_state="session")
    metrics = ["val_loss"]
    shared = [set(run_view.metrics_of(reader(run.folder).epochs())) for run in runs]
    metrics += [f"val_{metric}" for metric in sorted(set.intersection(*shared))]
    for place, metric in zip(st.columns(len(metrics), gap="large"), metrics, strict=True):
        title = report_view.title_of(metric.removeprefix("val_")).lower()
        rows = [
            {"run": name, "epoch": line["x"], "value": line[metric]}
            for run, name in zip(runs, names, strict=True)
            for line in _thinned(run, POINTS_IN_ALL // len(runs))
            if line.get(metric) is not None
        ]
        spec = charts.overlay(f"Validation {title}", names, log=log and metric == "val_loss")
        with place:
            st.vega_lite_chart(
                rows, spec, height=380, key=f"compare_{metric}", alt=f"Validation {title} of {len(runs)} runs"
            )


def _thinned(run: Run, limit: int) -> list[dict[str, Any]]:
    return [line for line in reader(run.folder).points(limit) if line.get("end")]


def _differences(runs: list[Run], names: list[str]) -> None:
    """List the settings that are not the same in all runs."""
    told = [
        {(group, row["Setting"]): row["Value"] for group, rows in run_view.settings_tables(run.recipe) for row in rows}
        for run in runs
    ]
    settings = list(dict.fromkeys(setting for values in told for setting in values))
    rows = [
        {"Setting": f"{group}: {setting}"} | {name: values.get((group, setting), "–") for name, values in pairs}
        for group, setting in settings
        for pairs in [list(zip(names, told, strict=True))]
        if len({values.get((group, setting)) for values in told}) > 1
    ]
    if rows:
        st.dataframe(rows, hide_index=True, key="differences", alt="The settings that differ")
    else:
        look.quiet("Nothing: these runs have the very same settings.")


def _scores(runs: list[Run], names: list[str]) -> None:
    reports = [run.read("report.json") for run in runs]
    metrics = list(dict.fromkeys(name for report in reports if report for name in report["metrics"]))
    if not metrics:
        look.quiet("None of these runs has finished, so there is no report yet.")
        return
    rows = [
        {"Score": report_view.title_of(metric)}
        | {name: report_view.score_words(report, metric) for name, report in zip(names, reports, strict=True)}
        for metric in metrics
    ]
    st.dataframe(rows, hide_index=True, key="compared_scores", alt="The scores of each run")


page()
