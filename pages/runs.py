"""Every run of the visitor as a card: curve, score, state, star; what waits stands on top with its place."""

from functools import partial

import streamlit as st

from records.catalogue import RunRow
from ui import look, run_cards, run_view, studio

SECONDS = 2.5
"""How often the list is drawn again while something is active."""


def page() -> None:
    """Show the cards, and a bar that compares those which were picked."""
    look.header("Runs", "Everything you have trained. Open one, compare a few, throw one away.")
    run_view.refusal()
    run_cards.undo()
    rows = studio.executor().runs(studio.owner())
    if not rows:
        look.empty(
            "no_runs", "Nothing trained yet. Start with an example: it takes less than a minute.",
            icon="rocket_launch", button="Choose an example", page="pages/start.py",
        )  # fmt: skip
        return
    active = any(run_cards.is_active(row) for row in rows)
    shown = run_cards.choice(rows)
    st.fragment(partial(_cards, [row.id for row in shown], active=active), run_every=SECONDS if active else None)()


def _cards(order: list[str], *, active: bool) -> None:
    rows = {row.id: row for row in studio.executor().runs(studio.owner())}
    shown: list[RunRow] = [rows[run] for run in order if run in rows]
    if active and not any(run_cards.is_active(row) for row in rows.values()):
        st.rerun()
    run_cards.compare_bar(shown)
    run_cards.show(shown)


page()
