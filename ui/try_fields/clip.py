"""A clip to try: one of the sealed test part, or an own film or GIF."""

import base64

import streamlit as st

from datasets import video
from recipes import Refusal, Signature
from records import Run
from ui import look, media, samples, try_it
from ui.try_fields import Chosen

TEST, OWN = "Unseen clip", "Own clip"
LARGEST = 20
"""Megabytes."""
SIDE = 280


def choose(run: Run, signature: Signature) -> Chosen | None:
    """Draw the ways to bring a clip and return the chosen one."""
    look.section("Your clip")
    way = st.segmented_control(
        "Where from", [TEST, OWN], default=TEST, required=True, key="try_way", label_visibility="collapsed"
    )
    return _test_clip(run, signature) if way == TEST else _own_clip(signature)


def _test_clip(run: Run, signature: Signature) -> Chosen | None:
    rows = try_it.rows_to_try(run)
    st.button("Another one", key="another", icon=look.symbol("casino"), on_click=_next, args=(run,))
    row = rows[st.session_state.get(f"shown_{run.id}", 0) % len(rows)]
    files, seen = media.playable(run, (row,)), samples.preview(run, (row,))
    if not files or not seen:
        look.quiet("The data of this run are no longer on this computer. Bring a clip of your own.")
        return None
    st.image(files[0], width=SIDE, alt=f"Clip {row} of the {try_it.held_out(run)}")
    truth = f"Clip {row} of the {try_it.held_out(run)}: it was {seen[0][signature.target.name]}."
    return Chosen({"row_number": int(row)}, truth)


def _next(run: Run) -> None:
    st.session_state[f"shown_{run.id}"] = st.session_state.get(f"shown_{run.id}", 0) + 1


def _own_clip(signature: Signature) -> Chosen | None:
    kinds = [ending.lstrip(".") for ending in video.ENDINGS]
    given = st.file_uploader("Own clip", kinds, key="try_file", max_upload_size=LARGEST)
    if given is None:
        return None
    data = given.getvalue()
    try:
        shown = video.seen(signature, data, SIDE)
    except Refusal as refusal:
        look.failed(str(refusal))
        return None
    st.image(shown, width=SIDE, alt="Your clip, as the model sees it")
    look.quiet(f"The model sees {signature.details['frames']} frames, evenly over the clip.")
    return Chosen({signature.raw[0].name: base64.b64encode(data).decode()})
