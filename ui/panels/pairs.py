"""Sentences, what the model made of them, and what would have been right."""

from typing import Any

import streamlit as st

from records import Run
from ui import look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"pairs": [{"source", "answer", "truth", "right"}]}."""
    pairs = told["pairs"]
    right = sum(bool(each["right"]) for each in pairs)
    look.quiet(f"{right} of {len(pairs)} exactly right")
    for number, each in enumerate(pairs):
        with st.container(gap=None, key=f"{key}_pair_{number}"):
            st.markdown(f":gray[{look.plain(each['source'])}]")
            tone, icon, said = ("green", "check_circle", "Right") if each["right"] else ("red", "cancel", "Wrong")
            st.markdown(f":{tone}[{look.symbol(icon)} {said}] {look.plain(each['answer']) or ':gray[(nothing)]'}")
            if not each["right"]:
                st.markdown(f":gray[It should be:] {look.plain(each['truth'])}")
