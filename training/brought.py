"""Models that came through the gate, laid where workers find them: `models/<fingerprint>/model.keras` of the workspace.

Only this file writes there, and only what the gate left clean: a recipe that names a model by its fingerprint can name
nothing else. The fingerprint is of what the file holds, so that the same model opened on another machine has the same.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

from builders import imported
from recipes import Refusal
from records import Workspace
from records.model_file import Inspected
from training import gate

DIVERGED = (
    "Some weights of this model are no numbers (NaN): it has diverged while it was trained, so it cannot learn on. "
    "Take an earlier version of it."
)


def keep(folder: Path, workspace: Workspace) -> str:
    """Lay the clean model of a folder on the shelf; returns its fingerprint. Raises `Refusal`."""
    inspected = gate.opened(folder)
    if why := unable(inspected):
        raise Refusal(why)
    name = imported.fingerprint(folder / gate.MODEL)
    place = workspace.models / name
    if not (place / imported.FILE).exists():
        workspace.models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=workspace.models) as temporary:
            made = Path(temporary) / name
            made.mkdir()
            shutil.copyfile(folder / gate.MODEL, made / imported.FILE)
            shutil.copyfile(folder / gate.TOLD, made / gate.TOLD)
            with contextlib.suppress(OSError):  # another visitor was faster: theirs is the same
                made.rename(place)
    return name


def unable(inspected: Inspected) -> str:
    """Say in one sentence why a model cannot learn on, as far as its inputs and answers tell; nothing where it may."""
    if not inspected.is_finite:
        return DIVERGED
    if inspected.name == imported.OWN:
        return ""
    if len(inspected.inputs) != 1 or len(inspected.outputs) != 1:
        return "Only models with one input and one answer can learn on here."
    if inspected.inputs[0].dtype in ("string", "bool"):
        return "This model reads words by a list of its own, which other data do not share, so it cannot learn on here."
    return ""


def find(name: str, workspace: Workspace) -> Inspected:
    """Return what is known about a model on the shelf; raises `Refusal` where it is not there any more."""
    place = workspace.models / name
    if not name.isalnum() or not (place / gate.TOLD).exists():
        raise Refusal(imported.GONE)
    return gate.opened(place)


def forget(folder: Path, workspace: Workspace) -> None:
    """Delete a model of a visitor; its place on the shelf is kept while a run or another visitor has it."""
    file = folder / gate.MODEL
    name = imported.fingerprint(file) if file.exists() else ""
    gate.forget(folder)
    if name and not _is_needed(name, workspace):
        gate.forget(workspace.models / name)


def _is_needed(name: str, workspace: Workspace) -> bool:
    if any(name in recipe.read_text(encoding="utf-8") for recipe in workspace.runs.glob("*/recipe.yaml")):
        return True
    others = (workspace.root / "uploads").glob(f"*/*/{gate.MODEL}")
    return any((each.parent / gate.TOLD).exists() and imported.fingerprint(each) == name for each in others)
