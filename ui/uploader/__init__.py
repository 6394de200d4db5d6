"""The field for files: a component that sends them to `/api/uploads`, shows how far they are, and goes on when it broke.

`uploader.html`, `uploader.css` and `uploader.js` lie beside; `ui/upload.py` is what screens call.
"""

from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).resolve().parent
_FIELD = st.components.v2.component(
    "layerwise_uploader",
    **{kind: (_HERE / f"uploader.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")},
)


def show(key: str, data: dict[str, Any]) -> str:
    """Draw the field; returns the name of the batch that has arrived, or nothing."""
    told = _FIELD(key=key, data=data, default={"done": None}, on_done_change=lambda: None).done
    batch = told.get("batch") if isinstance(told, dict) else None
    return batch if isinstance(batch, str) else ""
