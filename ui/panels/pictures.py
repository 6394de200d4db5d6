"""A sheet of pictures, such as drawings, or pictures above what became of them."""

from typing import Any

import streamlit as st

from records import Run
from ui import _sheets, look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"sheet": base64 PNG, "columns", "count", "rows": names of the rows or nothing}."""
    rows = told.get("rows") or []
    words = ", ".join(rows).lower()
    alt = f"{told.get('title', 'Pictures')}: {told['count']} pictures" + (
        f"; from top to bottom: {words}" if rows else ""
    )
    st.image(_sheets.opened(told["sheet"]), width="content", alt=alt)
    if rows:
        look.quiet(f"From top to bottom: {look.plain(words)}.")
