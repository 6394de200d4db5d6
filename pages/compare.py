"""A few runs side by side: curves overlaid, only the settings that differ, scores with intervals, what they cost."""

import streamlit as st

from records.catalogue import RunRow
from ui import look, run_cards, studio
from ui.compare import better, curves, groups, tables
from ui.compare import facts as known
from ui.run_reader import reader


def page() -> None:
    """Compare the visitor's runs that the address names: a few by their ids, or all of one group."""
    every = {row.id: row for row in studio.executor().runs(studio.owner())}
    if (group := groups.find(st.query_params.get("group", ""), every.values())) is not None:
        groups.page(group)
        return
    look.header("Compare", "The same chart, the same scores; only what differs is listed.")
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
    names = _names([row.title for row in rows])
    runs = [reader(studio.workspace().run_folder(row.id)).run for row in rows]
    facts = [known.of(run) for run in runs]
    curves.show(runs, names)
    look.section("What differs")
    tables.differences(runs, names)
    look.section("Scores", "On the sealed test part, with the range that chance allows.")
    tables.scores(facts, names)
    better.show(facts, names)
    look.section("What they cost")
    tables.costs(facts, names)


def _names(titles: list[str]) -> list[str]:
    """Number the runs, so that equal titles stay apart; what all titles begin with is left out."""
    parts = [title.split(" · ") for title in titles]
    while all(len(each) > 1 for each in parts) and len({each[0] for each in parts}) == 1:
        parts = [each[1:] for each in parts]
    return [f"{number} · {' · '.join(each)}" for number, each in enumerate(parts, 1)]


def _chosen(every: dict[str, RunRow]) -> list[RunRow]:
    """Let the visitor change the choice; the address keeps it."""
    named = [run for run in st.query_params.get("runs", "").split(",") if run in every]
    st.session_state.setdefault("compared", named[: run_cards.MOST_COMPARED])
    st.session_state["compared"] = [run for run in st.session_state["compared"] if run in every]
    if not every:
        return []
    picked = st.multiselect(
        "Runs", list(every), key="compared", max_selections=run_cards.MOST_COMPARED,
        format_func=lambda run: f"{every[run].title} · {look.ago(every[run].created)}",
        placeholder="Choose runs",
    )  # fmt: skip
    if picked != named:
        st.query_params["runs"] = ",".join(picked)
    return [every[run] for run in picked]


page()
