"""Try a model that rebuilds: how odd an example is, against the threshold of the report, and what was made of it."""

from typing import Any

import streamlit as st

from recipes import Signature
from records import Run
from ui import _sheets, look


def say(run: Run, signature: Signature, told: dict[str, Any]) -> None:  # noqa: ARG001 - the same call for every task
    """Show {"error", "threshold", "odd"}, and for a picture {"sheet": the picture and the rebuilt one}."""
    error, threshold = told["error"], told["threshold"]
    word, tone, icon = ("Odd", "red", "error") if told["odd"] else ("Usual", "green", "check_circle")
    st.markdown(":gray[How well it could be rebuilt]")
    if threshold is None:
        st.header(f"Error {error:.3g}", anchor=False)
    else:
        st.header(f":{tone}[{look.symbol(icon)}] {word}", anchor=False)
        side = "above" if told["odd"] else "below"
        st.markdown(f"Its error is **{error:.3g}**, {side} the threshold of {threshold:.3g}.")
    if told.get("sheet"):
        st.image(_sheets.opened(told["sheet"], 400), width="content", alt="The picture and what it was rebuilt as")
        look.quiet("Left: the picture as the model sees it. Right: what it rebuilt from its few numbers.")
