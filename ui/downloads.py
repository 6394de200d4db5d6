"""What a person takes away: the checked model with a few lines that use it, the recipe, the whole run."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from recipes import RawInput, Signature
from records import Run
from ui import look, samples

LEFT_OUT = ("checkpoints", "log.txt")
"""What a zip of the run does not hold: large weights that only a resume needs, and what this computer wrote."""


def show(run: Run) -> None:
    """Offer the model once it was checked in a clean process, then recipe and run."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        look.section("The model")
        _model(run)
    with right:
        look.section("The recipe", "Every setting of this run; drop it on Build to train it again.")
        _offer("Download recipe.yaml", "download_recipe", run.folder / "recipe.yaml", "recipe.yaml", "application/yaml")
        look.section("The whole run", "Curves, report, predictions, model and recipe in one zip.")
        st.download_button(
            "Download run.zip", data=lambda: zipped(run), file_name=f"run-{run.id[:8]}.zip", mime="application/zip",
            key="download_run", icon=look.symbol("folder_zip"), on_click="ignore",
        )  # fmt: skip


def snippet(signature: Signature) -> str:
    """Return the few lines of plain Keras that load the model and ask it once."""
    if signature.data_type == "image":
        raw = signature.raw[0]
        mode = "L" if raw.shape[-1] == 1 else "RGB"
        open_it = f'np.array(Image.open("my-picture.png").convert("{mode}"), "float32")'
        given = f"{{{json.dumps(raw.name)}: {open_it}.reshape(1, ...)}}"
        size = f'picture = Image.open("my-picture.png").convert("{mode}")'
        lines = ["from PIL import Image", size]
        given = f'{{{json.dumps(raw.name)}: np.array(picture, "float32").reshape(1, *picture.size[::-1], {raw.shape[-1]})}}'
    else:
        lines = []
        cells = ",\n".join(f"    {json.dumps(raw.name, ensure_ascii=False)}: {_cell(raw)}" for raw in signature.raw)
        given = f"{{\n{cells},\n}}"
    target = json.dumps(signature.target.name, ensure_ascii=False)
    answer = f"answer = model(example)[{target}].numpy()[0]"
    classes = json.dumps(list(signature.target.classes), ensure_ascii=False)
    told = f"print(dict(zip({classes}, answer)))" if signature.target.classes else "print(answer)"
    head = ["import keras", "import numpy as np", *lines[:1], "", 'model = keras.saving.load_model("model.keras")', *lines[1:]]
    return "\n".join([*head, f"example = {given}", answer, told])


def zipped(run: Run) -> io.BytesIO:
    """Return the run's folder as a zip, without checkpoints."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(run.folder.rglob("*")):
            inside = file.relative_to(run.folder)
            if file.is_file() and inside.parts[0] not in LEFT_OUT and not file.name.endswith(".tmp"):
                archive.write(file, Path(f"run-{run.id[:8]}") / inside)
    buffer.seek(0)
    return buffer


def _model(run: Run) -> None:
    told = run.read("deliverables.json")
    if told is None:
        st.info("The model is still being checked. It appears here once it has passed.")
        return
    for name, deliverable in told.items():
        file = run.folder / deliverable["file"]
        if not deliverable["checked"]:
            look.failed(deliverable["sentence"])
            continue
        st.markdown(f":green[{look.symbol('verified')}] {look.plain(deliverable['sentence'])}")
        size = look.memory(deliverable["bytes"] / 1e6) if deliverable["bytes"] >= 1e6 else f"{deliverable['bytes'] / 1e3:.0f} kB"
        key = "download_model" if name == "model" else f"download_{name}"
        _offer(f"Download {file.name} · {size}", key, file, file.name, "application/octet-stream", primary=True)
    signature = samples.signature(run)
    if signature is not None:
        look.quiet("It takes raw values and answers by name, in any program with Keras:")
        st.code(snippet(signature), language="python")


def _offer(label: str, key: str, file: Path, name: str, mime: str, *, primary: bool = False) -> None:
    read: Callable[[], Any] = file.read_bytes
    st.download_button(
        label, data=read, file_name=name, mime=mime, key=key, icon=look.symbol("download"), on_click="ignore",
        type="primary" if primary else "secondary",
    )  # fmt: skip


def _cell(raw: RawInput) -> str:
    if raw.dtype == "string":
        return f"np.array([[{json.dumps(str(raw.typical or ''), ensure_ascii=False)}]])"
    value = raw.typical if isinstance(raw.typical, (int, float)) else 0.0
    return f'np.array([[{float(value):g}]], "float32")'
