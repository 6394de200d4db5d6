"""Looks at the sealed test part as a page counts them: each kind once a visit, not once a drawing."""

import secrets

import streamlit as st

from records import Run, looks
from ui import look


def count(run: Run, kind: str) -> None:
    """Count a look of this visit; further ones of the same kind cost nothing."""
    seen = st.session_state.setdefault("looks_counted", {})
    if (run.id, kind) not in seen:
        seen[run.id, kind] = True
        looks.count(run, kind, _visit())


def say(run: Run) -> None:
    """Say quietly how often the test part was looked at since the report."""
    look.quiet(f"{look.symbol('visibility')} {look.plain(looks.told(run).sentence)}")


def _visit() -> str:
    return st.session_state.setdefault("visit", secrets.token_hex(8))
