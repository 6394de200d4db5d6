"""Texts that a model wrote, each after the words that it was given, and how it wrote in earlier epochs."""

from typing import Any

import streamlit as st

from records import Run
from ui import look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"texts": [{"start", "text", "note"?}], "earlier"?: [{"epoch", "start", "text"}]}."""
    for number, each in enumerate(told["texts"]):
        with look.card(f"{key}_text_{number}"):
            if each.get("note"):
                look.quiet(look.plain(each["note"]))
            st.markdown(written(each.get("start", ""), each["text"]))
    if told.get("earlier"):
        with st.expander("How it wrote before", key=f"{key}_earlier", type="compact"):
            for each in told["earlier"]:
                epoch = f"**Epoch {each['epoch']}** " if each.get("epoch") else ""
                st.markdown(epoch + written(each.get("start", ""), each["text"]))


def written(start: str, text: str) -> str:
    """Write a text as Markdown: what was given in grey, what was written after it as it is, line by line."""
    gap = " " if start[-1:].isspace() or text[:1].isspace() else ""
    given = f":gray[{lines(start)}]{gap}" if start.strip() else ""
    return given + (lines(text) or ":gray[(nothing)]")


def lines(text: str) -> str:
    """Escape a text and keep its lines."""
    return "  \n".join(look.plain(line) for line in text.strip().split("\n"))
