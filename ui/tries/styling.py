"""Try a painter: its own picture, any other one, or a photo; the painted picture can be taken away at once."""

import base64
from typing import Any

import streamlit as st

from recipes import Signature
from records import Run
from ui import look
from ui.try_it import ask_model

TRAINED, OWN, CAMERA = "The trained picture", "Own picture", "Camera"
SIDES = (128, 192, 256, 320, 384, 448, 512)
FILES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff"]
LARGEST = 20
"""Megabytes."""


@st.fragment
def show(run: Run, signature: Signature) -> None:
    """Choose a picture and its size on the left; the painted one appears on the right."""
    left, right = st.columns(2, gap="large")
    with left:
        look.section("Which picture?")
        values = _chosen(run, signature)
    with right:
        look.section("Painted")
        if values is None:
            with look.card("try_answer"):
                look.quiet("The painted picture appears here as soon as there is one to paint.")
            return
        told = ask_model(run, values)
    if told is None:
        return
    with left:
        st.image(base64.b64decode(told["picture"]), width="stretch", alt="The picture before it was painted")
    with right:
        _painted(run, told)


def _chosen(run: Run, signature: Signature) -> dict[str, Any] | None:
    way = st.segmented_control(
        "Where from", (TRAINED, OWN, CAMERA), default=TRAINED, required=True, key=f"paint_way_{run.id}",
        label_visibility="collapsed",
    )  # fmt: skip
    if way == TRAINED:
        look.quiet("The picture of which it learned from pieces, painted as a whole.")
        return {"own": True}
    if way == CAMERA:
        file: Any = st.camera_input("Camera", key=f"paint_camera_{run.id}", label_visibility="collapsed")
        look.quiet("The camera works on this computer or over https. Elsewhere, take a photo and choose it as a file.")
    else:
        file = st.file_uploader("Own picture", FILES, key=f"paint_file_{run.id}", max_upload_size=LARGEST)
    usual = int(signature.details["side"])
    side = st.select_slider(
        "Longer side", sorted({*SIDES, usual}), value=usual, format_func=lambda side: f"{side} px",
        key=f"paint_side_{run.id}",
        help="The strokes keep their size: in a larger picture they are finer. It learned at the size set here first.",
    )  # fmt: skip
    return None if file is None else {"picture": base64.b64encode(file.getvalue()).decode(), "side": side}


def _painted(run: Run, told: dict[str, Any]) -> None:
    styled = base64.b64decode(told["styled"])
    st.image(styled, width="stretch", alt="The painted picture")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download the picture", styled, "styled.png", "image/png", icon=look.symbol("download"),
            key=f"paint_take_{run.id}", on_click="ignore",
        )  # fmt: skip
        look.quiet(f"{told['width']} x {told['height']} pixels")
