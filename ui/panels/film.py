"""A film strip: what the same starting points became, epoch for epoch."""

from typing import Any

import streamlit as st

from records import Run
from ui import _sheets, look


def show(run: Run, told: dict[str, Any], key: str) -> None:  # noqa: ARG001 - the same call for every panel
    """Draw {"frames": [{"epoch", "sheet"}], "columns"}: one row a frame, the newest at the bottom."""
    frames = told["frames"]
    epochs = [str(frame["epoch"]) for frame in frames]
    st.image(
        _sheets.stacked([frame["sheet"] for frame in frames]),
        width="content",
        alt=f"{told['columns']} drawings in each row, after epochs {', '.join(epochs)}",
    )
    look.quiet(f"From top to bottom after epoch{'' if len(epochs) == 1 else 's'} {', '.join(epochs)}.")
