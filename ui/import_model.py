"""A `.keras` file from elsewhere, brought by the visitor: checked behind the gate, then shown as Build shows a model.

The address names the model (`/open_model?model=...`), so that it survives a reload; the file that was brought is
deleted once it was checked, and only the clean file that the gate wrote is kept.
"""

import contextlib
from functools import partial
from pathlib import Path

import streamlit as st

from recipes import Refusal
from records.model_file import LARGEST, MEGABYTE, Inspected, Port
from training import brought, gate
from ui import draft as drafts
from ui import imported_panel, layer_table, look, studio, upload

BROUGHT = "brought.keras"
GONE = "This model is not here any more. Open its file again."
NO_ROOM = "The file could not be kept on this computer: its disk may be full. Nothing else was lost."
EARLIER = 8
"""Models that were opened before and are listed."""
WORDS = {"string": "text", "bool": "yes or no"}


def show() -> None:
    """Take a file, or show the model that the address names."""
    name = st.query_params.get("model", "")
    if not name:
        _bring()
        _earlier()
        return
    folder = _folder(name)
    answer = _desk().answer(str(folder), partial(_checked, folder), studio.PATIENCE)
    if answer.is_waiting:
        look.loading("The file is read, and its model is built anew from stock layers. This takes some seconds …", 240)
        _wait_for(folder)
        return
    is_here = answer.is_ready and (folder / gate.TOLD).exists()  # it may have been deleted since
    if is_here:
        _learn_on(folder, answer.value)
        _model(answer.value)
    else:
        look.failed(answer.sentence or GONE)
    with look.row("open_model_buttons"):
        if st.button("Open another file", icon=look.symbol("upload_file"), key="open_another"):
            _leave()
        if is_here and st.button("Delete it here", icon=look.symbol("delete"), key="delete_model", type="tertiary"):
            brought.forget(folder, studio.workspace())
            _leave()


def _bring() -> None:
    try:
        given = upload.ask(
            "A .keras file", "model_file", most_mb=LARGEST // MEGABYTE,
            about="What stands in the file is read as data. No program code in it is ever run, and a model that needs "
            "such code is not opened.",
        )  # fmt: skip
    except Refusal as refusal:
        look.failed(str(refusal))
        return
    if given is None:
        return
    given.rename(given.with_name(BROUGHT))
    st.query_params["model"] = given.parent.name
    st.rerun()


def _earlier() -> None:
    """List the models of this visitor that came through before."""
    found = sorted(_home().glob(f"*/{gate.TOLD}"), key=lambda told: told.stat().st_mtime, reverse=True)
    if not found:
        look.quiet("You will see its layers, its inputs and answers, and how many numbers it has learned.")
        return
    look.section("Opened before")
    for told in found[:EARLIER]:
        with contextlib.suppress(OSError, ValueError):
            inspected = Inspected.model_validate_json(told.read_text(encoding="utf-8"))
            label = f"{look.plain(inspected.name)} · {look.number(inspected.parameters)} parameters"
            age = look.ago(told.stat().st_mtime)
            if st.button(
                f"{label} · {age}", key=f"open_{told.parent.name}", type="tertiary", icon=look.symbol("deployed_code")
            ):
                st.query_params["model"] = told.parent.name
                st.rerun()


def _model(told: Inspected) -> None:
    look.section(look.plain(told.name), f"{told.kind} model, saved with Keras {told.keras}{_when(told.saved)}")
    if not told.is_finite:
        st.warning(look.plain(told.notes[-1]), icon=look.symbol("warning"))
    facts = {
        "Parameters": (look.number(told.parameters), "The numbers that the model has learned."),
        "Still learn": (_share(told), "The share of the parameters that training would change; the others are frozen."),
        "Layers": (look.number(len(told.layers)), "Also the small steps between layers, such as adding two of them."),
        "Size": (_size(told.bytes), "Of the clean file that was written from it."),
    }
    grid = st.grid(4, min_column_width=130)
    for title, (value, meaning) in facts.items():
        with grid.cell():
            st.metric(title, value, help=meaning)
    left, right = st.columns(2, gap="large")
    with left:
        look.section("Goes in")
        _ports(told.inputs)
    with right:
        look.section("Comes out")
        _ports(told.outputs)
    look.section("Layers")
    _layers(told)
    for note in told.notes[: len(told.notes) if told.is_finite else -1]:
        look.quiet(look.plain(note))


def _learn_on(folder: Path, told: Inspected) -> None:
    """Offer the way to Build, with this model as the one that learns on; or say why it cannot."""
    if why := brought.unable(told):
        if told.is_finite:  # else the warning below says it
            look.quiet(why)
        return
    if not st.button("Train it on your data", icon=look.symbol("play_arrow"), key="train_model", type="primary"):
        return
    draft = drafts.current(studio.workspace(), studio.owner())
    try:
        imported_panel.use(draft, folder)
    except Refusal as refusal:
        look.failed(str(refusal))
        return
    drafts.replace(draft, studio.workspace(), studio.owner())
    st.switch_page("pages/build.py")


def _ports(ports: tuple[Port, ...]) -> None:
    for port in ports[:40]:
        sizes = " × ".join("any" if size is None else look.number(size) for size in port.shape) or "one"
        st.markdown(f"**{look.plain(port.name)}**  \n:gray[{sizes} · {WORDS.get(port.dtype, port.dtype)}]")
    if len(ports) > 40:
        look.quiet(f"and {len(ports) - 40} more")


def _layers(told: Inspected) -> None:
    rows = [
        {"Layer": line.kind, "Output": line.shape, "Parameters": line.parameters, "Name": line.name}
        for line in told.layers
    ]
    layer_table.show(rows, "Numbers that were learned.")


def _share(told: Inspected) -> str:
    return f"{told.trainable / told.parameters:.0%}" if told.parameters else "–"


def _size(count: int) -> str:
    return f"{count / 1000:,.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.1f} MB"


def _when(saved: str) -> str:
    return f" on {saved.partition(' ')[0]}" if saved else ""


def _checked(folder: Path) -> Inspected:
    """Send a file through the gate, once; what was brought is deleted either way."""
    if (folder / gate.TOLD).exists():
        return gate.opened(folder)
    file = folder / BROUGHT
    if not file.exists():
        raise Refusal(GONE)
    try:
        return gate.admitted(file, folder)
    except Refusal:
        gate.forget(folder)
        raise
    except OSError:
        gate.forget(folder)
        raise Refusal(NO_ROOM) from None
    finally:
        file.unlink(missing_ok=True)


def _wait_for(folder: Path) -> None:
    def tick() -> None:
        if not _desk().answer(str(folder), partial(_checked, folder), 0).is_waiting:
            st.rerun()

    st.fragment(tick, run_every=studio.TICK)()


def _leave() -> None:
    st.query_params.pop("model", None)
    st.rerun()


def _home() -> Path:
    return studio.workspace().root / "uploads" / studio.owner()


def _folder(name: str) -> Path:
    """Return the visitor's own folder of that name; nobody else's can be named."""
    return _home() / (name if name.isalnum() else "none")


@st.cache_resource
def _desk() -> studio.Desk:
    """Return the desk of its own: a class that opens thirty models must not keep anybody from reading data."""
    return studio.Desk()
