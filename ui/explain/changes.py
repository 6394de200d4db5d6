"""The smallest change that turns an answer: a few cells, before and after."""

from typing import Any

import streamlit as st

from evaluation import words
from records import Run
from ui import look


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"found", "from", "wanted", "changes": [{"name", "from", "to"}], "said", "columns"}."""
    if not told["found"]:
        st.markdown(look.plain(
            f"No change of up to four cells to values that occur makes the model answer {_spoken(told['wanted'])}. "
            "Allow more columns, or ask for another answer."
        ))  # fmt: skip
        return
    lines = [
        f"**{look.plain(each['name'])}** &nbsp; {look.plain(_spoken(each['from']))} "
        f"{look.symbol('arrow_forward')} **{look.plain(_spoken(each['to']))}**"
        for each in told["changes"]
    ]
    st.markdown("  \n".join(lines))
    is_class = isinstance(told["wanted"], str)
    then = f"{told['wanted']} ({words.percent(told['said'])} sure)" if is_class else words.number(told["said"])
    st.markdown(look.plain(f"Then it answers {then} instead of {_spoken(told['from'])}."))
    look.quiet(look.plain(f"These columns were allowed to change: {', '.join(told['columns'])}."))


def _spoken(value: Any) -> str:
    if value is None:
        return "missing"
    return words.number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
