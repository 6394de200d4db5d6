"""A sound to try: one of the sealed test part, a file, or the microphone; it can be heard before it is judged."""

import base64
from typing import Any

import streamlit as st

from datasets import audio
from recipes import Refusal, Signature
from records import Run
from ui import look, media, samples, try_it
from ui.try_fields import Chosen

TEST, OWN, RECORD = "Unseen sound", "Own sound", "Microphone"
LARGEST = 20
"""Megabytes."""


def choose(run: Run, signature: Signature) -> Chosen | None:
    """Draw the ways to bring a sound and return the chosen one."""
    look.section("Your sound")
    way = st.segmented_control(
        "Where from", [TEST, OWN, RECORD], default=TEST, required=True, key="try_way", label_visibility="collapsed"
    )
    if way == TEST:
        return _test_sound(run, signature)
    rate = int(signature.details["rate"])
    if way == RECORD:
        given = st.audio_input("Microphone", sample_rate=max(8000, rate), key="try_microphone",
                               label_visibility="collapsed")  # fmt: skip
        look.quiet("The microphone works on this computer or over https. Elsewhere, record a file and choose that.")
    else:
        kinds = [ending.lstrip(".") for ending in audio.ENDINGS]
        given = st.file_uploader("Own sound", kinds, key="try_file", max_upload_size=LARGEST)
    return _own_sound(given, signature, plays=way == OWN)


def _test_sound(run: Run, signature: Signature) -> Chosen | None:
    rows = try_it.rows_to_try(run)
    st.button("Another one", key="another", icon=look.symbol("casino"), on_click=_next, args=(run,))
    row = rows[st.session_state.get(f"shown_{run.id}", 0) % len(rows)]
    files, seen = media.playable(run, (row,)), samples.preview(run, (row,))
    if not files or not seen:
        look.quiet("The data of this run are no longer on this computer. Bring a sound of your own.")
        return None
    picture, label = samples.picture(seen[0]), seen[0][signature.target.name]
    if picture is not None:
        st.image(samples.enlarged(picture, 384), alt=f"Sound {row} of the {try_it.held_out(run)}: pitch over time")
    st.audio(files[0], format="audio/wav")
    return Chosen({"row_number": int(row)}, f"Sound {row} of the {try_it.held_out(run)}: it was {label}.")


def _next(run: Run) -> None:
    st.session_state[f"shown_{run.id}"] = st.session_state.get(f"shown_{run.id}", 0) + 1


def _own_sound(given: Any, signature: Signature, *, plays: bool) -> Chosen | None:
    """Show what will be heard of an upload; a recording is played by the recorder itself."""
    if given is None:
        return None
    data = given.getvalue()
    try:
        heard = audio.heard(signature, data)
    except Refusal as refusal:
        look.failed(str(refusal))
        return None
    st.image(samples.enlarged(heard.picture, 384), alt="Your sound: pitch over time, bright is loud")
    if plays:
        st.audio(heard.wav, format="audio/wav")
    if heard.seconds > heard.length + 0.05:
        look.quiet(f"Of {heard.seconds:.1f} s the loudest {heard.length:g} s are judged; they are shown here.")
    return Chosen({signature.raw[0].name: base64.b64encode(data).decode()})
