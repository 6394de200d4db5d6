"""A few things, each with those most like it and how like they are."""

from typing import Any

import streamlit as st

from records import Run
from ui import look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Write {"rows": [{"name", "near": [{"name", "value"}]}]}; a value is 1 for the very same."""
    with st.container(key=key, gap="small"):
        for row in told["rows"]:
            near = " · ".join(f"{look.plain(each['name'])} :gray[{each['value']:.2f}]" for each in row["near"])
            st.markdown(f"**{look.plain(row['name'])}**  \n{near}")
