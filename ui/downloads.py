"""What a person takes away: the checked model with a few lines that use it, the recipe, the whole run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from exporters import _readme
from records import Run
from records.archive import zipped
from ui import identity, look, samples

LARGE = 50_000_000
"""Bytes from which a file comes from the server's own address: a download button would hold it in memory."""


def show(run: Run) -> None:
    """Offer the model once it was checked in a clean process, then recipe and run."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        look.section("The model")
        _model(run)
    with right:
        look.section("The recipe", "Every setting of this run. Load it on Build to train the same model again.")
        recipe = run.recipe.portable().yaml().encode()
        _offer(run, "Download recipe.yaml", "download_recipe", "recipe.yaml", lambda: recipe, len(recipe))
        look.section("The whole run", "Curves, report, predictions, model and recipe in one zip.")
        _offer(run, "Download run.zip", "download_run", "run.zip", lambda: b"".join(zipped(run)), _bytes_of(run))


def _model(run: Run) -> None:
    told = run.read("deliverables.json")
    if told is None:
        st.info("The model is still being checked. It appears here once it has passed.")
        return
    for name, deliverable in told.items():
        if deliverable["checked"]:
            _deliverable(run, name, deliverable)
        else:
            look.failed(deliverable["sentence"])
    signature = samples.signature(run)
    if signature is not None:
        look.quiet("It takes raw values and answers by name, in any program with Keras:")
        # No language: Streamlit's colours for code are too pale to read on either theme and cannot be set.
        st.code(_readme.snippet(signature), language=None)


def _deliverable(run: Run, name: str, told: dict[str, Any]) -> None:
    if told.get("title"):
        st.markdown(f"**{look.plain(told['title'])}**  \n{look.plain(told['about'])}")
    st.markdown(f":green[{look.symbol('verified')}] {look.plain(told['sentence'])}")
    file = run.folder / told["file"]
    label = f"Download {file.name} · {_size(told['bytes'])}"
    first = name == next(iter(run.read("deliverables.json")))
    _offer(run, label, f"download_{name}", file.name, file.read_bytes, told["bytes"], primary=first)


def _offer(
    run: Run, label: str, key: str, name: str, read: Callable[[], bytes], size: int, *, primary: bool = False
) -> None:
    look_of: Any = {"icon": look.symbol("download"), "type": "primary" if primary else "secondary", "key": key}
    if size > LARGE and identity.WorkspaceCookie.is_installed:
        st.link_button(label, f"/api/runs/{run.id}/files/{name}", **look_of)
    else:
        st.download_button(label, data=read, file_name=name, on_click="ignore", **look_of)


def _bytes_of(run: Run) -> int:
    return sum(file.stat().st_size for file in Path(run.folder).rglob("*") if file.is_file())


def _size(count: int) -> str:
    return f"{count / 1e3:,.0f} kB" if count < 1e6 else look.memory(count / 1e6)
