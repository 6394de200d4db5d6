"""Every run of the visitor: as cards with curve, score, state, star; or as leaderboards, one a data set and task."""

from functools import partial

import streamlit as st

from records.catalogue import RunRow
from ui import energy, look, project_view, run_cards, run_view, studio, your_data
from ui.compare import board, groups

SECONDS = 2.5
"""How often the list is drawn again while something is active."""
CARDS, BOARD = "Cards", "Leaderboard"


def page() -> None:
    """Show the cards with a bar that compares those which were picked, or the leaderboards."""
    look.header("Runs", "Everything you have trained. Open one, compare a few, throw one away.")
    run_view.refusal()
    run_cards.undo()
    rows = studio.executor().runs(studio.owner())
    if not rows:
        look.empty(
            "no_runs", "Nothing trained yet. Start with an example: it takes less than a minute.",
            icon="rocket_launch", button="Choose an example", page="pages/start.py",
        )  # fmt: skip
        project_view.show(rows)
        your_data.show(rows)
        return
    view = st.segmented_control(
        "View", [CARDS, BOARD], default=CARDS, required=True, key="runs_view", label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    if view == BOARD:
        board.show(rows)
    else:
        _cards_of(rows)
    if used := energy.total(board.run_of(row) for row in rows):
        look.quiet(f"{look.symbol('bolt')} {look.plain(used)}")
    project_view.show(rows)
    your_data.show(rows)


def _cards_of(rows: list[RunRow]) -> None:
    active = any(run_cards.is_active(row) for row in rows)
    shown = run_cards.choice(rows)
    st.fragment(partial(_cards, [row.id for row in shown], active=active), run_every=SECONDS if active else None)()


def _cards(order: list[str], *, active: bool) -> None:
    rows = {row.id: row for row in studio.executor().runs(studio.owner())}
    shown: list[RunRow] = [rows[run] for run in order if run in rows]
    if active and not any(run_cards.is_active(row) for row in rows.values()):
        st.rerun()
    run_cards.compare_bar(shown)
    run_cards.show(shown, groups.collected(rows.values()))


page()
