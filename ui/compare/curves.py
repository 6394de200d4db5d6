"""The curves of several runs in one chart: the same stage, training or validation, on a scale of one's choice."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from records import Run
from ui import charts, look, report_view, run_view
from ui.run_reader import reader

POINTS_IN_ALL = 1600
VALIDATION, TRAINING = "Validation", "Training"
MOST_CHARTS = 3


def show(runs: Sequence[Run], names: Sequence[str]) -> None:
    """Draw the loss, and the metrics that all of them have, one line a run."""
    with look.row("compare_settings"):
        part = st.segmented_control(
            "Part", [VALIDATION, TRAINING], default=VALIDATION, required=True, key="compare_part",
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        stage = _stage(runs)
        log = st.toggle("Log scale", key="compare_log", persist_state="session")
    before = "val_" if part == VALIDATION else ""
    shared = [set(run_view.metrics_of(reader(run.folder).epochs(stage))) for run in runs]
    metrics = ["loss", *sorted(set.intersection(*shared))][:MOST_CHARTS] if shared else ["loss"]
    for place, metric in zip(st.columns(len(metrics), gap="large"), metrics, strict=True):
        with place:
            _chart(runs, names, f"{part} {report_view.title_of(metric).lower()}", before + metric, stage, log=log)


def _chart(runs: Sequence[Run], names: Sequence[str], title: str, metric: str, stage: str | None, *, log: bool) -> None:
    rows: charts.Rows = [
        {"run": name, "epoch": line["x"], "value": line[metric]}
        for run, name in zip(runs, names, strict=True)
        for line in _ends(run, stage, POINTS_IN_ALL // len(runs))
        if line.get(metric) is not None
    ]
    if not rows:
        look.quiet(f"{title}: no epoch is finished yet.")
        return
    can_log = metric.endswith("loss") and min(row["value"] for row in rows) > 0
    spec = charts.overlay(title, names, log=log and can_log)
    st.vega_lite_chart(
        charts.table(rows), spec, height=300 + 24 * len(runs), key=f"compare_{metric}",
        alt=f"{title} of {len(runs)} runs",
    )  # fmt: skip


def _stage(runs: Sequence[Run]) -> str | None:
    """Let a person choose among the stages that all of them have, where one of them has several."""
    every = [reader(run.folder).stages() for run in runs]
    if all(len(stages) < 2 for stages in every):
        return None
    shared = [stage for stage in every[0] if all(stage in stages for stages in every)]
    if not shared:
        return None
    return st.segmented_control(
        "Stage", shared, default=shared[-1], required=True, key="compare_stage", label_visibility="collapsed",
        format_func=lambda name: name.replace("_", " ").capitalize(),
    )  # fmt: skip


def _ends(run: Run, stage: str | None, limit: int) -> list[dict[str, Any]]:
    return [line for line in reader(run.folder).points(limit, stage) if line.get("end")]
