"""A text with hidden words, and what the model would fill in."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Write {"words", "masks": [{"place", "truth", "guesses": [[word, chance], ...]}]}: guesses stand in the text."""
    at = {mask["place"]: mask for mask in told["masks"]}
    text = " ".join(_filled(at[place]) if place in at else look.plain(word) for place, word in enumerate(told["words"]))
    right = sum(mask["guesses"][0][0] == mask["truth"] for mask in told["masks"])
    with st.container(key=key, gap="small"):
        st.markdown(text)
        rows = [
            {"Hidden": mask["truth"]} | {_place(rank): _guess(guess) for rank, guess in enumerate(mask["guesses"])}
            for mask in told["masks"]
        ]
        st.dataframe(rows, hide_index=True, key=f"{key}_table", alt="The hidden words and the model's best guesses")
        look.quiet(f"{right} of {len(at)} hidden words are found exactly; others may fit as well.")


def _filled(mask: dict[str, Any]) -> str:
    said = mask["guesses"][0][0]
    tone, sign = ("green", "check") if said == mask["truth"] else ("orange", "edit")
    return f":{tone}-background[{look.symbol(sign)} {look.plain(said)}]"


def _place(rank: int) -> str:
    return ("Best guess", "Second", "Third", "Fourth")[rank]


def _guess(guess: list[Any]) -> str:
    return f"{guess[0]} ({words.percent(guess[1])})"
