"""How much can it take? One example, disturbed more and more, and when the answer changes."""

import base64
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

import datasets
from datasets import _sounds
from evaluation import stress, words
from recipes import Signature
from records import Run
from ui import charts, look, samples, warm

SIDE = 240


def show(run: Run, signature: Signature, values: dict[str, Any]) -> None:
    """Offer the disturbances that suit the run's data; nothing where none does or the run is not finished."""
    ways = stress.offered(signature)
    if not ways or not (run.folder / "report.json").exists():
        return
    with st.expander("How much can it take?", key="stress", icon=look.symbol("bolt")):
        look.quiet("Disturb your example and see when the answer changes. A good model gives up late.")
        name = st.segmented_control(
            "Disturbance", [way.name for way in ways], default=ways[0].name, required=True, key="stress_way",
            format_func=stress.TITLES.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
        strength = st.slider("Strength", 0, 100, 50, step=1, format="%d %%", key="stress_strength") / 100
        told = warm.asked("withstand", "stress", run=str(run.folder), values=values, way=name)
        if told is None:
            return
        left, right = st.columns([2, 3], gap="large")
        with left:
            _disturbed(signature, values, name, strength)
        with right:
            _curve(signature, told, strength)
            st.markdown(look.plain(sentence(signature, told, stress.TITLES[name].lower())))


def sentence(signature: Signature, told: dict[str, Any], what: str) -> str:
    """Say in words how the answers change over the levels: `told` as `evaluation.predict.withstands` gives it."""
    answers = np.asarray(told["answers"])
    classes = signature.target.classes
    if not classes:
        moved = float(np.abs(answers - answers[0]).max())
        return f"The answer moves by up to {words.number(moved)} with {what}."
    best = answers.argmax(axis=1)
    turned = np.flatnonzero(best != best[0])
    if not len(turned):
        return f"It stays with {classes[best[0]]} at every strength of {what}."
    first = int(turned[0])
    return (
        f"It stays with {classes[best[0]]} up to {told['levels'][first - 1]:.0%} {what}, then it says "
        f"{classes[best[first]]}."
    ).replace("%", "\u00a0%")


def _curve(signature: Signature, told: dict[str, Any], strength: float) -> None:
    answers, classes = np.asarray(told["answers"]), signature.target.classes
    if classes:
        kept = np.argsort(-answers.max(axis=0))[:3]
        rows = [
            {"x": level, "y": float(share), "name": classes[place], "place": at}
            for place in kept
            for at, (level, share) in enumerate(zip(told["levels"], answers[:, place], strict=True))
        ]
    else:
        rows = [
            {"x": level, "y": float(value), "name": signature.target.name, "place": at}
            for at, (level, value) in enumerate(zip(told["levels"], answers[:, 0], strict=True))
        ]
    title = "How sure" if classes else signature.target.name
    st.vega_lite_chart(
        rows, charts.over_strength(title, strength, share=bool(classes)), height=240, key="stress_chart",
        alt="The answer at each strength of the disturbance",
    )  # fmt: skip


def _disturbed(signature: Signature, values: dict[str, Any], name: str, strength: float) -> None:
    """Show the example as it is at this strength, where that can be shown."""
    kind = datasets.get(signature.data_type)
    raw = {each.name: each.kind for each in signature.raw}
    files = {key for key, what in raw.items() if what in ("picture", "sound", "clip")}
    plain = {key: base64.b64decode(value) if key in files and isinstance(value, str) else value
             for key, value in values.items()}  # fmt: skip
    if "row_number" in plain:
        look.quiet("Of an example of the data only the answers are shown.")
        return
    row = stress.disturbed(signature, kind.parse(signature, plain), name, strength)
    for key, what in raw.items():
        if what == "picture":
            pixels = np.clip(row[key][0], 0, 255).astype(np.uint8)
            image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
            st.image(samples.enlarged(image, SIDE), alt=f"The picture at {strength:.0%} strength")
        elif what == "sound":
            rate = int(signature.details["rate"])
            st.audio(_sounds.wav(np.asarray(row[key][0], dtype=np.float32), rate), format="audio/wav")
        elif what == "text":
            st.markdown(look.plain(str(row[key][0, 0])) or ":gray[(nothing is left)]")
    numbers = [(key, float(row[key][0, 0])) for key, what in raw.items() if what == "number"]
    if numbers:
        st.markdown(
            "  \n".join(f":gray[{look.plain(key)}] {look.plain(words.number(value))}" for key, value in numbers[:12])
        )
