"""Try a model that finds things: a picture of the test part or an own one, with the boxes that it draws."""

import base64
from typing import Any

import streamlit as st
from PIL import Image

from evaluation import words
from recipes import Signature
from records import Run
from ui import look, samples, try_it
from ui.panels import boxes

SIDE = 460
LISTED = 12
LARGEST = 1024
"""Pixels of the longer side of a picture that is sent; models see far less."""
KINDS = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff"]


@st.fragment
def show(run: Run, signature: Signature) -> None:  # noqa: ARG001 - the same call for every task
    """Choose a picture on the left; see on the right what is found in it."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        look.section("Your picture")
        image, values, truth = _chosen(run)
        least = None
        if image is not None:
            least = st.slider(
                "How sure it must be", 0.05, 0.95, _threshold(run), 0.05, key=f"find_least_{run.id}",
                help="Boxes of which the model is less sure are not shown. The start is what suited the validation "
                "part best.",
            )  # fmt: skip
            if truth:
                st.markdown(f":gray[{look.plain(truth)}]")
    with right, look.card("try_answer"):
        if image is None or least is None:
            look.quiet("The answer appears here as soon as there is a picture.")
            return
        told = try_it.ask_model(run, values)
        if told is not None:
            _say(image, told, least)


def _say(image: Image.Image, told: dict[str, Any], least: float) -> None:
    shown = [box for box in told["boxes"] if box[5] >= least]
    names = told["classes"]
    listed = ", ".join(names[int(box[0])] for box in shown[:LISTED])
    st.image(boxes.marked(image, [], shown, names, SIDE), alt=f"The picture with boxes: {listed or 'nothing found'}")
    if not shown:
        hidden = len(told["boxes"])
        st.markdown("**Nothing found.**")
        if hidden:
            look.quiet(f"{look.counted(hidden, 'box', 'boxes')} of which it is less sure. Move the slider to the left "
                       "to see them.")  # fmt: skip
        return
    for box in shown[:LISTED]:
        st.markdown(f"**{look.plain(names[int(box[0])])}** · {look.plain(words.percent(box[5]))} sure")
    if len(shown) > LISTED:
        look.quiet(f"… and {len(shown) - LISTED} more.")


def _threshold(run: Run) -> float:
    report = run.read("report.json")
    return float(report.get("threshold", 0.5)) if report else 0.5


def _chosen(run: Run) -> tuple[Image.Image | None, dict[str, Any], str]:
    """Return the picture as a person sees it, what the model is asked with, and what is really there if known."""
    ways = [try_it.TEST, try_it.OWN, try_it.CAMERA]
    way = st.segmented_control(
        "Where from", ways, default=ways[0], required=True, key="find_way", label_visibility="collapsed"
    )
    if way == try_it.TEST:
        return _of_test(run)
    if way == try_it.CAMERA:
        photo = st.camera_input("Camera", key="find_camera", label_visibility="collapsed")
        look.quiet("The camera works on this computer or over https. Elsewhere, take a photo and choose it as a file.")
    else:
        photo = st.file_uploader("Own picture", KINDS, key="find_file", max_upload_size=try_it.LARGEST_PICTURE)
    image = None if photo is None else _opened(photo)
    if image is None:
        return None, {}, ""
    return image, {"picture": base64.b64encode(samples.png(image)).decode()}, ""


def _opened(photo: Any) -> Image.Image | None:
    try:
        image = Image.open(photo)
        image.thumbnail((LARGEST, LARGEST))
        return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        look.failed("This picture cannot be read. Try another one, as PNG or JPEG.")
        return None


def _of_test(run: Run) -> tuple[Image.Image | None, dict[str, Any], str]:
    rows = try_it.rows_to_try(run)
    key = f"find_shown_{run.id}"

    def another() -> None:
        st.session_state[key] = st.session_state.get(key, 0) + 1

    st.button("Another one", key="find_another", icon=look.symbol("casino"), on_click=another)
    row = rows[st.session_state.get(key, 0) % len(rows)]
    images = boxes.plain(run, (row,))
    if not images:
        look.quiet("The data of this run are no longer on this computer. Bring a picture of your own.")
        return None, {}, ""
    label = samples.preview(run, (row,))[0]["label"]
    return images[0], {"row_number": row}, f"Picture {row} of the {try_it.held_out(run)} shows: {label}."
