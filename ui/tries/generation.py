"""Try a model that makes new examples: it goes on from the person's own words; pictures have a form of their own."""

import importlib
from typing import Any

import streamlit as st

from evaluation import words
from recipes import Signature
from records import Run
from ui import charts, look
from ui.panels.texts import written
from ui.try_it import ask_model

LONGEST_START = 2_000
NAMES = {" ": "(space)", "\n": "(new line)", "\t": "(tab)"}


def show(run: Run, signature: Signature) -> None:
    """Show the form of texts or of pictures."""
    if signature.data_type != "prose":
        importlib.import_module("ui.tries._pictures").show(run, signature)
    else:
        _write(run, signature)


@st.fragment
def _write(run: Run, signature: Signature) -> None:
    key = f"try_{run.id}"
    left, right = st.columns([2, 3], gap="large")
    with left:
        look.section("How it begins", "Type the first words; the model writes on.")
        values = _form(signature, key)
        with look.row(f"{key}_buttons"):
            again = st.button("Write", key=f"{key}_write", icon=look.symbol("edit_note"), type="primary")
            more = st.button(
                "Go on", key=f"{key}_more", icon=look.symbol("arrow_forward"),
                help="Lets it write on from where it stopped.",
            )  # fmt: skip
    with right:
        _answer(run, signature, key, values, again=again, more=more)


def _form(signature: Signature, key: str) -> dict[str, Any]:
    start = f"{key}_start"
    if start not in st.session_state:
        st.session_state[start] = str(signature.raw[0].typical or "")
    text = st.text_area("Beginning", key=start, height=120, max_chars=LONGEST_START)
    warmth = st.slider(
        "Temperature", 0.1, 1.5, 0.7, 0.1, key=f"{key}_temperature",
        help="Low: it takes the likeliest next sign and repeats itself. High: it dares more and makes more mistakes.",
    )  # fmt: skip
    thing = "words" if signature.details["unit"] == "words" else "characters"
    amount = st.slider(f"Length in {thing}", 20, 600, 60 if thing == "words" else 200, 20, key=f"{key}_amount")
    return {"text": text, "temperature": warmth, "amount": amount}


def _answer(run: Run, signature: Signature, key: str, values: dict[str, Any], *, again: bool, more: bool) -> None:
    """Write at once when the screen opens, anew for each press of Write; Go on appends."""
    before = st.session_state.get(f"{key}_told")
    seed = st.session_state.get(f"{key}_seed", 0)
    with look.card(f"{key}_answer"):
        if more and before:
            told = ask_model(run, values | {"text": before["start"] + before["text"], "seed": seed + 1})
            if told is not None:
                told |= {"start": before["start"], "text": before["text"] + told["text"]}
        elif again or more or before is None:
            told = ask_model(run, values | {"seed": seed + 1})
        else:
            told = before
        if told is None:
            return
        if told is not before:
            st.session_state[f"{key}_told"] = told
            st.session_state[f"{key}_seed"] = seed + 1
        st.markdown(written(told["start"], told["text"]))
    if told["unknown"]:
        signs = ", ".join(look.plain(sign) for sign in told["unknown"])
        look.quiet(f"It has never met {signs} and reads past such signs.")
    _odds(signature, told["odds"], key)


def _odds(signature: Signature, odds: list[dict[str, Any]], key: str) -> None:
    thing = "word" if signature.details["unit"] == "words" else "character"
    look.section(f"What it expected next, the likeliest {thing} first", "At the place where the given text ends.")
    rows = [
        {
            "name": NAMES.get(each["token"], each["token"]), "value": each["share"],
            "told": words.percent(each["share"]), "chosen": place == 0,
        }
        for place, each in enumerate(odds)
    ]  # fmt: skip
    said = ", ".join(f"{row['name']} {row['told']}" for row in rows[:3])
    st.vega_lite_chart(rows, charts.bars(), height=charts.height_of_rows(len(rows)), key=f"{key}_odds", alt=said)
