"""What Build shows of sentences: one of each class, readable, and the first rows as a table."""

from collections import defaultdict
from typing import Any

import streamlit as st

import datasets
from datasets import DataSet
from ui import look

LOOKED_AT = 400
CLASSES_SHOWN = 6
EACH = 2
MOST_SIGNS = 220
ROWS_SHOWN = 20


def show(dataset: DataSet) -> None:
    """Show a few sentences under their labels, then rows."""
    rows = _rows(dataset)
    text, target = dataset.schema.details["text_column"], dataset.schema.target
    if dataset.schema.classes:
        _by_class(rows, text, target)
    else:
        for row in rows[:EACH]:
            st.markdown(f"*{_shortened(row[text])}*" + (f" :gray[{look.plain(row[target])}]" if target else ""))
    # The label first: beside long texts it would stand outside the picture.
    first = [{target: row[target]} | row if target else row for row in rows[:ROWS_SHOWN]]
    st.dataframe(first, hide_index=True, height=212, key="build_rows", alt="The first rows")


def _by_class(rows: list[dict[str, Any]], text: str, target: str) -> None:
    shown: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row[target] not in (None, "") and row[text]:
            shown[str(row[target])].append(str(row[text]))
    for number, label in enumerate(sorted(shown)[:CLASSES_SHOWN]):
        with st.container(key=f"build_class_{number}", gap="small"):
            st.badge(look.plain(label), color="blue")
            for sentence in sorted(shown[label], key=len)[len(shown[label]) // 3 :][: EACH if len(shown) < 4 else 1]:
                st.markdown(f"*{_shortened(sentence)}*")
    if len(shown) > CLASSES_SHOWN:
        look.quiet(f"… and {look.counted(len(shown) - CLASSES_SHOWN, 'more class', 'more classes')}.")


def _shortened(text: Any) -> str:
    told = str(text)
    return look.plain(told if len(told) <= MOST_SIGNS else f"{told[:MOST_SIGNS].rsplit(' ', 1)[0]} …")


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs={DataSet: lambda dataset: str(dataset.folder)})
def _rows(dataset: DataSet) -> list[dict[str, Any]]:
    """Take rows from all over the data set, which may be sorted by class."""
    step = max(1, dataset.schema.rows // LOOKED_AT)
    return datasets.get("text").preview(dataset, range(0, dataset.schema.rows, step)[:LOOKED_AT])
