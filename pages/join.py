"""Join: the short address on the projector, `/join?code=K7MPQ2`."""

import streamlit as st

from ui import look, studio
from ui.classroom import door
from ui.classroom.here import classes


def page() -> None:
    """Let a student in; whoever is in a class already is told so."""
    look.header("Join a class", "Your teacher shows a code of six signs. No account is needed.")
    joined = classes().joined(studio.owner())
    if joined is not None:
        look.empty(
            "joined_already", f"You are in the class '{look.plain(joined[0].name)}' already.", icon="school",
            button="Go to your class", page="pages/classroom.py",
        )  # fmt: skip
        return
    left, _ = st.columns(2)
    with left, look.card("join_card"):
        door.form(st.query_params.get("code", "")[:12])


page()
