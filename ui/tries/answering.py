"""Try a model that answers questions about a text: give both, read the answer where it stands."""

import streamlit as st

from evaluation import words
from recipes import Signature
from records import Run
from ui import look, samples
from ui.panels.marked import text_of
from ui.try_it import ask_model, rows_to_try

LONGEST_TEXT = 20_000
LONGEST_QUESTION = 400


@st.fragment
def show(run: Run, signature: Signature) -> None:
    """Show a field for the text and one for the question and, beside them, the marked answer."""
    keys = {raw.name: f"try_{run.id}_{raw.name}" for raw in signature.raw}
    for raw in signature.raw:
        if keys[raw.name] not in st.session_state:
            st.session_state[keys[raw.name]] = str(raw.typical or "")
    left, right = st.columns(2, gap="large")
    with left:
        look.section("Your text and question", "Change either and leave the field; the answer follows.")
        context = st.text_area("Text", key=keys["context"], max_chars=LONGEST_TEXT, height=180)
        question = st.text_input("Question", key=keys["question"], max_chars=LONGEST_QUESTION)
        st.button(
            "A test question", key=f"try_{run.id}_next", icon=look.symbol("casino"), on_click=_fill,
            args=(run, keys),
        )  # fmt: skip
    with right, look.card("try_answer"):
        if not context.strip() or not question.strip():
            look.quiet("The answer appears here as soon as there is a text and a question.")
            return
        told = ask_model(run, {"context": context, "question": question})
        if told is None:
            return
        look.quiet(look.plain(question))
        st.subheader(look.plain(told["answer"]) or "(nothing)", anchor=False)
        st.markdown(look.plain(_sure(told["sure"])))
        st.markdown(text_of(told, "green"))
        if told["unknown"]:
            unknown = ", ".join(f"**{look.plain(word)}**" for word in told["unknown"])
            st.markdown(f"It has never met {unknown}: it may be mistaken there.")
        if told["left_out"]:
            look.quiet(f"The last {look.counted(told['left_out'], 'word')} were not read: the text is too long.")


def _sure(share: float) -> str:
    """Say how sure it is that the answer begins and ends there: "Very sure: 97 %."."""
    said = "Very sure" if share >= 0.9 else "Fairly sure" if share >= 0.6 else "Not sure"
    return f"{said}: {words.percent(share)}."


def _fill(run: Run, keys: dict[str, str]) -> None:
    """Put the next question of the test part, with its text, into the fields."""
    rows = rows_to_try(run)
    place = st.session_state.get(f"try_{run.id}_place", -1) + 1
    st.session_state[f"try_{run.id}_place"] = place
    seen = samples.preview(run, (rows[place % len(rows)],))
    if seen:
        context, question, *_ = samples.cells(seen[0]).values()
        st.session_state[keys["context"]], st.session_state[keys["question"]] = str(context), str(question)
