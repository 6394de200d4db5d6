"""Pictures with a line each below, beside one another as far as there is room: what was, what is painted, the style."""

import base64
from typing import Any

import streamlit as st

from records import Run
from ui import look

STRIP = 100
"""Pictures up to this width stand close together, as a strip."""


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"pictures": [{"picture": base64 JPEG or PNG, "caption": text or nothing, "width": pixels}]}."""
    is_strip = all(each["width"] <= STRIP for each in told["pictures"])
    with st.container(horizontal=True, gap="xsmall" if is_strip else "small", key=f"{key}_paintings"):
        for number, each in enumerate(told["pictures"]):
            with st.container(width=each["width"], gap=None):
                words = each.get("caption", "")
                alt = words or f"{told.get('title', 'Picture')}, number {number + 1}"
                st.image(base64.b64decode(each["picture"]), width="stretch", alt=alt)
                if words:
                    st.caption(look.plain(words))
