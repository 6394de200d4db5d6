"""Texts with a question about each, the words marked that a model answered with, and what would have been right."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"texts": [{"question", "before", "marked", "after", "answer", "truth", "right", "sure"}]}."""
    texts = told["texts"]
    right = sum(bool(each["right"]) for each in texts)
    look.quiet(f"{right} of {len(texts)} exactly right")
    for number, each in enumerate(texts):
        with look.card(f"{key}_marked_{number}"):
            st.markdown(f"**{look.plain(each['question'])}**")
            tone, icon, said = ("green", "check_circle", "Right") if each["right"] else ("red", "cancel", "Wrong")
            st.markdown(text_of(each, tone))
            verdict = f":{tone}[{look.symbol(icon)} {said}]"
            if not each["right"]:
                verdict += f" :gray[It should be:] {look.plain(each['truth'])}"
            st.markdown(f"{verdict} :gray[({words.percent(each['sure'])} sure)]")


def text_of(each: dict[str, Any], tone: str) -> str:
    """Write a text as Markdown with its answer on a coloured ground."""
    before, marked, after = (look.plain(each[part]) for part in ("before", "marked", "after"))
    gap = " " if each["before"][-1:].isspace() else ""
    then = " " if each["after"][:1].isspace() else ""
    return f"{before}{gap}:{tone}-background[**{marked}**]{then}{after}"
