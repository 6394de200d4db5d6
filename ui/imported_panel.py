"""Which model of one's own learns on: the choice that the family `imported` has above its settings on Build."""

import contextlib
from pathlib import Path

import streamlit as st

import builders
from builders import imported
from recipes import Refusal
from records.model_file import Inspected
from training import brought, gate
from ui import look, studio
from ui.draft import Draft

FAMILY = "imported"
MOST = 20
"""Models that are offered, the newest first."""
ELSEWHERE = (
    "A recipe names this model by its fingerprint. To use the recipe on another computer, open the same .keras file "
    "there first."
)
READY = "Your model is ready to learn on. Choose data for it: what it takes stood on the page before."
UNFIT = "Your model from elsewhere learns on with tables, pictures, series or sounds: classes, a number or a forecast."


def offered(draft: Draft, able: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the families that need a model file, where the visitor has none."""
    return tuple(name for name in able if not builders.needs_file(name) or _named(draft) or _own())


def show(draft: Draft) -> None:
    """Choose among the models that were opened here; the draft keeps the fingerprint."""
    models = _models(draft)
    if not models:
        look.quiet(imported.NONE)
        if st.button("Open a .keras file", icon=look.symbol("deployed_code"), key="imported_open"):
            st.switch_page("pages/open_model.py")
        return
    names = list(models)
    now = _named(draft)
    chosen = st.selectbox(
        "Your model", names, index=names.index(now) if now in names else 0, key="build_imported_model",
        format_func=lambda name: _label(models[name][1]), help=ELSEWHERE, persist_state="session",
    )  # fmt: skip
    folder, told = models[chosen]
    if chosen != now:
        try:
            if folder is not None:
                brought.keep(folder, studio.workspace())
            draft.models[FAMILY] = draft.models.get(FAMILY, {}) | {"model": chosen}
        except Refusal as refusal:
            look.failed(str(refusal))
            return
    goes_in = " × ".join("any" if size is None else look.number(size) for size in told.inputs[0].shape) or "1"
    look.quiet(f"Takes {goes_in} · {look.number(told.parameters)} parameters")


def use(draft: Draft, folder: Path) -> None:
    """Set a draft up for a model that was just opened; its data stay. Raises `Refusal`."""
    name = brought.keep(folder, studio.workspace())
    draft.architecture = FAMILY
    draft.models[FAMILY] = draft.models.get(FAMILY, {}) | {"model": name}
    draft.training, draft.runs, draft.several = {}, "one", {}


def waiting(draft: Draft) -> str:
    """Say that a model that was brought waits for data; nothing without one."""
    return READY if draft.architecture == FAMILY and _named(draft) else ""


def _models(draft: Draft) -> dict[str, tuple[Path | None, Inspected]]:
    """Return {fingerprint: (folder, what is known)} of the visitor's models, and of the one that the draft names."""
    found: dict[str, tuple[Path | None, Inspected]] = {}
    if now := _named(draft):
        with contextlib.suppress(Refusal):
            found[now] = (None, brought.find(now, studio.workspace()))
    for folder in _own():
        with contextlib.suppress(OSError, ValueError):
            inspected = Inspected.model_validate_json((folder / gate.TOLD).read_text(encoding="utf-8"))
            file = folder / gate.MODEL
            if not brought.unable(inspected):
                found.setdefault(_fingerprint(str(file), file.stat().st_mtime_ns), (folder, inspected))
    return found


@st.cache_data(max_entries=200, show_spinner=False)
def _fingerprint(file: str, changed: int) -> str:  # noqa: ARG001 - a file that changed is another one
    return imported.fingerprint(Path(file))


def _named(draft: Draft) -> str:
    return str(draft.models.get(FAMILY, {}).get("model", ""))


def _own() -> list[Path]:
    """List the folders of the models that this visitor opened, the newest first."""
    home = studio.workspace().root / "uploads" / studio.owner()
    told = sorted(home.glob(f"*/{gate.TOLD}"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [file.parent for file in told[:MOST]]


def _label(told: Inspected) -> str:
    return f"{told.name} · {told.kind}"
