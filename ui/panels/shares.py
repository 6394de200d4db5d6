"""How much each part of a row adds to the answer."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import charts, look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"whole", "measure": "accuracy" or "error", "parts": [{"name", "columns", "lost", "share"}]}."""
    parts = sorted(told["parts"], key=lambda part: -part["share"])
    rows = [
        {"name": part["name"], "value": part["share"], "told": words.percent(part["share"]), "chosen": place == 0}
        for place, part in enumerate(parts)
    ]
    alt = f"The share of each part; most comes from {parts[0]['name']}"
    st.vega_lite_chart(rows, charts.bars(), height=charts.height_of_rows(len(rows), each=34), key=key, alt=alt)
    for part in parts:
        st.markdown(f"**{look.plain(part['name'])}** :gray[{_sentence(told, part)}]")
    look.quiet(f"With everything it reaches {_value(told, told['whole'])} on these held-out rows.")


def _sentence(told: dict[str, Any], part: dict[str, Any]) -> str:
    without = _value(told, told["whole"] - part["lost"])
    return f"{look.plain(', '.join(part['columns']))}: {without} with that of another row in its place"


def _value(told: dict[str, Any], value: float) -> str:
    if told["measure"] == "accuracy":
        return f"{words.percent(max(0.0, value))} right"
    return f"an error of {words.number(abs(value))}"
