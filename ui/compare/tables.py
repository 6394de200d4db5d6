"""Tables of a comparison: only the settings that differ, the scores with their intervals, what each run cost."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from records import Run
from ui import energy, look, report_view, run_view
from ui.compare.facts import Facts
from ui.run_reader import reader

NOTHING = "–"


def differences(runs: Sequence[Run], names: Sequence[str]) -> None:
    """List the settings that are not the same in all runs."""
    told = [
        {(group, row["Setting"]): row["Value"] for group, rows in run_view.settings_tables(run.recipe) for row in rows}
        for run in runs
    ]
    settings = list(dict.fromkeys(setting for values in told for setting in values))
    rows = [
        {"Setting": f"{group}: {setting}"}
        | {name: values.get((group, setting), NOTHING) for name, values in zip(names, told, strict=True)}
        for group, setting in settings
        if len({values.get((group, setting)) for values in told}) > 1
    ]
    if rows:
        st.dataframe(rows, hide_index=True, key="differences", alt="The settings that differ")
    else:
        look.quiet("Nothing: these runs have the very same settings.")


def scores(facts: Sequence[Facts], names: Sequence[str]) -> None:
    """List the scores; those of another test part or of another task stand in a table of their own."""
    parts: dict[Any, list[tuple[Facts, str]]] = {}
    for each, name in zip(facts, names, strict=True):
        parts.setdefault(each.board if each.test else None, []).append((each, name))
    waiting = parts.pop(None, [])
    if not parts:
        look.quiet("None of these runs has finished, so there is no report yet.")
        return
    if len(parts) > 1:
        st.warning(_apart(list(parts)), icon=look.symbol("warning"))
    for number, members in enumerate(parts.values()):
        beside = members + waiting if len(parts) == 1 else members
        if len(parts) > 1:
            st.markdown(f"**{look.plain(_board_words(members[0][0]))}**")
        _scores(beside, f"compared_scores_{number}" if number else "compared_scores")
    if waiting and len(parts) > 1:
        look.quiet(f"{look.counted(len(waiting), 'run has', 'runs have')} no report yet.")


def costs(facts: Sequence[Facts], names: Sequence[str]) -> None:
    """List how large each run's model is, how long it took, how fast it was and what it used."""
    lines = {
        "Parameters": [_or_nothing(each.parameters, look.number) for each in facts],
        "Size of the download": [_or_nothing(each.bytes, _size) for each in facts],
        "Time": [_or_nothing(each.seconds, look.duration) for each in facts],
        "Rows a second": [_or_nothing(each.pace, look.number) for each in facts],
        "Electricity": [_or_nothing(each.wh, energy.amount) for each in facts],
        "CO2": [_or_nothing(each.grams, energy.weight) for each in facts],
    }
    rows = [{"Cost": title} | dict(zip(names, values, strict=True)) for title, values in lines.items()]
    st.dataframe(rows, hide_index=True, key="compared_costs", alt="Size, time, speed and electricity of each run")
    methods = dict.fromkeys(told["method"] for each in facts if (told := energy.of(each.run)))
    if methods:
        look.quiet(look.plain(f"Electricity: {'; '.join(methods)}."))


def _scores(members: Sequence[tuple[Facts, str]], key: str) -> None:
    reports = [reader(each.run.folder).file("report.json") for each, _ in members]
    metrics = list(dict.fromkeys(name for report in reports if report for name in report["metrics"]))
    rows = [
        {"Score": report_view.title_of(metric)}
        | {name: report_view.score_words(report, metric) for (_, name), report in zip(members, reports, strict=True)}
        for metric in metrics
    ]
    st.dataframe(rows, hide_index=True, key=key, alt="The scores of each run")


def _apart(boards: Sequence[tuple[str, str, str, str]]) -> str:
    if len({board[0] for board in boards}) > 1:
        why = "learned from different data sets"
    elif len({board[1:3] for board in boards}) > 1:
        why = "learn different things"
    else:
        why = "kept different rows for the test (another seed or another share)"
    return f"These runs {why}, so their scores cannot be compared: each group stands by itself."


def _board_words(facts: Facts) -> str:
    what = f": {facts.target}" if facts.target else ""
    return f"{run_view.data_name(facts.run.recipe)}{what}, {look.counted(facts.test_rows, 'test row')}"


def _or_nothing(value: Any, words: Any) -> str:
    return NOTHING if value is None else words(value)


def _size(amount: int) -> str:
    return f"{amount / 1000:,.0f} kB" if amount < 1_000_000 else f"{amount / 1_000_000:,.1f} MB"
