"""Try a model that turns sentences into others: type one, read the answer."""

import streamlit as st

from recipes import Signature
from records import Run
from ui import look, samples
from ui.try_it import ask_model, rows_to_try

LONGEST = 1_000


@st.fragment
def show(run: Run, signature: Signature) -> None:
    """Show a field for the sentence and, beside it, what the model makes of it."""
    key = f"try_{run.id}_sentence"
    if key not in st.session_state:
        st.session_state[key] = str(signature.raw[0].typical or "")
    left, right = st.columns(2, gap="large")
    with left:
        look.section("Your sentence", "Change it and press Enter; the answer follows.")
        text = st.text_input("Sentence", key=key, max_chars=LONGEST)
        st.button("A test sentence", key=f"{key}_next", icon=look.symbol("casino"), on_click=_fill, args=(run, key))
    with right, look.card("try_answer"):
        if not text.strip():
            look.quiet("The answer appears here as soon as there is a sentence.")
            return
        told = ask_model(run, {"text": text})
        if told is None:
            return
        look.quiet(look.plain(signature.target.name))
        st.subheader(look.plain(told["text"]) or "(nothing)", anchor=False)
        if told["unknown"]:
            words = ", ".join(f"**{look.plain(word)}**" for word in told["unknown"])
            st.markdown(f"It has never met {words}: expect mistakes there.")
        if told["left_out"]:
            look.quiet(f"The last {look.counted(told['left_out'], 'word')} were not read: the sentence is too long.")


def _fill(run: Run, key: str) -> None:
    """Put the next sentence of the test part into the field."""
    rows = rows_to_try(run)
    place = st.session_state.get(f"{key}_place", -1) + 1
    st.session_state[f"{key}_place"] = place
    seen = samples.preview(run, (rows[place % len(rows)],))
    if seen:
        st.session_state[key] = str(next(iter(samples.cells(seen[0]).values())))
