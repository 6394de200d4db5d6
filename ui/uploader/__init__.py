"""The field for files: a component that sends them to `/api/uploads`, tells how far they are, goes on where it broke.

`uploader.html`, `uploader.css` and `uploader.js` lie beside; `ui/upload.py` is what screens call.
"""

from pathlib import Path
from typing import Any

import streamlit as st

_HTML, _CSS, _JS = (
    Path(__file__).with_name(f"uploader.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")
)
_FIELD = st.components.v2.component("layerwise_uploader", html=_HTML, css=_CSS, js=_JS)


def show(key: str, data: dict[str, Any]) -> str:
    """Draw the field; returns the name of the batch that has arrived, or nothing."""
    told = _FIELD(key=key, data=data, default={"done": None}, on_done_change=lambda: None).done
    batch = told.get("batch") if isinstance(told, dict) else None
    return batch if isinstance(batch, str) else ""
