"""A few held-out examples side by side, each as a picture with the bars of its likeliest classes."""

from collections.abc import Sequence
from typing import Any

import streamlit as st
from PIL import Image

from evaluation import words
from ui import charts, look

BARS = 3


def show(told: dict[str, Any], pictures: Sequence[Image.Image | bytes], key: str, noun: str) -> None:
    """Draw {"classes", "rows", "truth", "answer"}; one picture for each row."""
    if not pictures:
        look.quiet("The data of this run are no longer on this computer.")
        return
    names, right = told["classes"], 0
    grid = st.grid(min_column_width=150, key=key)
    for number, (picture, true, shares) in enumerate(zip(pictures, told["truth"], told["answer"], strict=True)):
        order = sorted(range(len(names)), key=lambda place: -shares[place])[:BARS]
        is_right = order[0] == true
        right += is_right
        with grid.container():
            st.image(picture, width="stretch", alt=f"Held-out {noun} {told['rows'][number]}: it is {names[true]}")
            sign = ":green[" + look.symbol("check") + "]" if is_right else ":orange[" + look.symbol("close") + "]"
            st.markdown(f"{sign} {look.plain(names[true])}")
            rows = [
                {"name": names[place], "value": shares[place], "told": words.percent(shares[place]),
                 "chosen": place == true} for place in order
            ]  # fmt: skip
            st.vega_lite_chart(
                rows, charts.bars(), height=charts.height_of_rows(len(rows)), key=f"{key}_bars_{number}",
                alt=f"It says {names[order[0]]} with {shares[order[0]]:.0%}",
            )  # fmt: skip
    look.quiet(f"Held-out {noun}s and what the model says of them now: {right} of {len(pictures)} right.")
