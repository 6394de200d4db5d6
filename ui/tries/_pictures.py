"""Try a model that draws: new pictures, a walk on the map of its codes, a path from one picture to another."""

from typing import Any

import streamlit as st

from recipes import Signature
from records import Run
from ui import _sheets, look
from ui.try_it import ask_model

NEW, POINT, BETWEEN = "New ones", "Own code", "From one to another"
SLIDERS = 8
"""Numbers of a code that get a slider; the rest of a long code stay at 0."""
COUNT = 16
REACH = 2.5
"""Codes come from a normal distribution, so nearly all lie within this."""


@st.fragment
def show(run: Run, signature: Signature) -> None:  # noqa: ARG001 - the same call for every task
    """Offer what this model can draw."""
    about = ask_model(run, {"ask": "about"})
    if about is None:
        return
    ways = [NEW, POINT, *([BETWEEN] if about["encodes"] else [])]
    left, right = st.columns([2, 3], gap="large")
    with left:
        look.section("What to draw")
        way = st.segmented_control(
            "What to draw", ways, default=NEW, required=True, key=f"draw_way_{run.id}", label_visibility="collapsed"
        )
        forms = {NEW: _new, POINT: _point, BETWEEN: _between}
        values, words = forms[str(way)](run, about)
    with right, look.card("draw_answer"):
        told = ask_model(run, values)
        if told is not None:
            st.image(_sheets.opened(told["sheet"], 560), width="content", alt=words)
            look.quiet(words)


def _new(run: Run, about: dict[str, Any]) -> tuple[dict[str, Any], str]:
    key = f"draw_seed_{run.id}"
    wanted = None
    if about["classes"]:
        wanted = st.selectbox("Which one?", about["classes"], key=f"draw_class_{run.id}", format_func=look.plain)
    if st.button(f"Draw {COUNT} new ones", key=f"draw_again_{run.id}", type="primary", icon=look.symbol("casino")):
        st.session_state[key] = st.session_state.get(key, 0) + 1
    values = {"ask": "draw", "count": COUNT, "seed": st.session_state.get(key, 0)}
    words = f"{COUNT} new pictures, none of them from the data."
    return (values | {"class": wanted} if wanted is not None else values), words


def _point(run: Run, about: dict[str, Any]) -> tuple[dict[str, Any], str]:
    size = about["code"]
    code = [
        st.slider(f"Number {place + 1}", -REACH, REACH, 0.0, 0.1, key=f"draw_{run.id}_{place}")
        for place in range(min(size, SLIDERS))
    ]
    if size > SLIDERS:
        look.quiet(f"The other {size - SLIDERS} numbers of the code stay at 0.")
    return {"ask": "point", "code": code + [0.0] * (size - len(code))}, "What this code draws."


def _between(run: Run, about: dict[str, Any]) -> tuple[dict[str, Any], str]:
    key = f"draw_pair_{run.id}"
    if st.button("Two others", key=f"draw_others_{run.id}", icon=look.symbol("casino")):
        st.session_state[key] = st.session_state.get(key, 0) + 1
    turn = st.session_state.get(key, 0)
    # Two strides without a common divisor with most sizes: pairs hardly repeat.
    first, second = (turn * 37) % about["test_rows"], (turn * 53 + 101) % about["test_rows"]
    steps = st.slider("Steps between", 3, 10, 6, key=f"draw_steps_{run.id}")
    look.quiet("Two pictures of the test part, and what lies between their codes.")
    values = {"ask": "between", "first": first, "second": second, "steps": steps}
    return values, "First and last: real pictures. Between them: drawn from the codes on the way."
