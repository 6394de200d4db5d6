"""Named amounts as horizontal bars, such as how many drawings show each class."""

from typing import Any

import streamlit as st

from records import Run
from ui import charts, look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"names", "values"}; an amount of 0 is told in words."""
    top = max([*told["values"], 1e-12])
    rows = [
        {"name": name, "value": value / top, "told": look.number(value), "chosen": True}
        for name, value in zip(told["names"], told["values"], strict=True)
    ]
    none = [name for name, value in zip(told["names"], told["values"], strict=True) if not value]
    st.vega_lite_chart(
        rows, charts.bars(), height=charts.height_of_rows(len(rows)), key=key,
        alt=", ".join(f"{row['name']}: {row['told']}" for row in rows[:20]),
    )  # fmt: skip
    if none:
        look.quiet(f"None of: {look.plain(', '.join(none))}.")
