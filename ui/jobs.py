"""A job on a run as a screen shows it: a button, then progress with Stop, then what came out."""

from functools import partial
from typing import Any

import streamlit as st

from recipes import Refusal
from records import Run
from records.job import JobFolder
from ui import look, studio

TICK = 0.5


def folder(run: Run, kind: str, settings: dict[str, Any]) -> JobFolder:
    """Return the place of a job and of the files that it writes."""
    return JobFolder.of(run, kind, settings)


def show(
    run: Run, kind: str, settings: dict[str, Any], *, key: str, label: str, about: str = "", icon: str = "play_arrow"
) -> dict[str, Any] | None:
    """Return what a job found, once it is there; until then draw its button, or how far it is."""
    place = folder(run, kind, settings)
    state = place.state
    if state is None or not state.is_active:
        if state is not None and state.state == "finished":
            return place.result
        if state is not None and state.state == "failed":
            look.failed(state.text)
        again = label if state is None else f"{label} again" if state.state == "stopped" else "Try again"
        st.button(again, key=key, icon=look.symbol(icon), on_click=_start, args=(run, kind, settings, key))
        if sentence := st.session_state.pop(f"{key}_refused", ""):
            look.failed(sentence)
        if about:
            look.quiet(about)
        return None
    st.fragment(partial(_progress, run, kind, settings, key), run_every=TICK)()
    return None


def _progress(run: Run, kind: str, settings: dict[str, Any], key: str) -> None:
    place = folder(run, kind, settings)
    state = place.state
    if state is None or not state.is_active:
        st.rerun()
        return
    words = state.text if state.state == "running" else "Waiting for its turn"
    with look.row(f"{key}_going", align="distribute"):
        st.progress(state.done, text=look.plain(words))
        stops = place.is_to_stop
        st.button("Stopping" if stops else "Stop", key=f"{key}_stop", icon=look.symbol("stop"), disabled=stops,
                  on_click=_stop, args=(run, kind, settings))  # fmt: skip


def _start(run: Run, kind: str, settings: dict[str, Any], key: str) -> None:
    try:
        studio.executor().start_job(run.id, studio.owner(), kind, settings)
    except Refusal as refusal:
        st.session_state[f"{key}_refused"] = str(refusal)


def _stop(run: Run, kind: str, settings: dict[str, Any]) -> None:
    studio.executor().stop_job(run.id, studio.owner(), kind, settings)
