"""What Build shows of questions about texts: a few texts with their questions, each answer marked where it stands."""

from typing import Any

import streamlit as st

import datasets
from datasets import DataSet
from ui import look
from ui.panels.marked import text_of

SHOWN = 2
QUESTIONS = 3
ROWS_SHOWN = 20
AROUND = 160
"""Characters of a long text that are shown before and after the answer."""


def show(dataset: DataSet) -> None:
    """Show a few texts, each with questions and answers, then rows."""
    names = [dataset.schema.details[role] for role in ("context", "question", "answer")]
    rows = datasets.get("qa").preview(dataset, range(min(ROWS_SHOWN, dataset.schema.rows)))
    for number, (text, some) in enumerate(_by_text(rows, names[0])):
        with st.container(key=f"build_text_{number}", gap="small"):
            st.markdown(_shown(text, str(some[0][names[2]])))
            for row in some[:QUESTIONS]:
                st.markdown(f":gray[{look.plain(row[names[1]])}] **{look.plain(row[names[2]])}**")
    # The question first: beside a long text it would stand outside the picture.
    order = [names[1], names[2], names[0]]
    first = [{name: row[name] for name in order} for row in rows]
    st.dataframe(first, hide_index=True, height=212, key="build_rows", alt="The first questions")


def _by_text(rows: list[dict[str, Any]], name: str) -> list[tuple[str, list[dict[str, Any]]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row[name]), []).append(row)
    return list(found.items())[:SHOWN]


def _shown(text: str, answer: str) -> str:
    """Mark the first question's answer in its text."""
    at = text.find(answer)
    if at < 0:
        return look.plain(text[: 2 * AROUND])
    before, after = text[:at], text[at + len(answer) :]
    before = before if len(before) <= AROUND else f"… {before[-AROUND:].partition(' ')[2]}"
    after = after if len(after) <= AROUND else f"{after[:AROUND].rpartition(' ')[0]} …"
    return text_of({"before": before, "marked": answer, "after": after}, "green")
