"""Taking over what was made before signing in: runs, uploads, draft and classes become the account's own."""

import json
from pathlib import Path

from recipes import Data, Recipe
from records import Run, Workspace, audit, usage, write_json
from records.catalogue import Catalogue
from records.classes import Classes
from records.run import write_text
from training.executor import label

PLACES = ("uploads", "incoming")


def take_over(workspace: Workspace, former: str, owner: str) -> int:
    """Make everything of a former owner this owner's; returns how many runs that were.

    Each step can be done again: what breaks off is finished by the next call.
    """
    catalogue = Catalogue(workspace)
    for place in PLACES:
        _move_folders(workspace.root / place / former, workspace.root / place / owner)
    rows = catalogue.of(former)
    for row in rows:
        run = Run(workspace.run_folder(row.id))
        _rewrite(run, workspace, former, owner)
        catalogue.give(row.id, former, owner)
    _move_draft(workspace, former, owner)
    Classes(workspace).take_over(former, owner)
    for each in (former, owner):
        usage.forget(workspace, each)
    audit.note(workspace, owner, "took over", runs=len(rows))
    return len(rows)


def _move_folders(source: Path, target: Path) -> None:
    if not source.exists():
        return
    target.mkdir(parents=True, exist_ok=True)
    for folder in source.iterdir():
        folder.rename(target / folder.name)
    source.rmdir()


def _rewrite(run: Run, workspace: Workspace, former: str, owner: str) -> None:
    """Note the new owner in the run's folder, and where its upload lies now."""
    told = label(run.folder)
    if told is not None:
        write_json(run.folder / "catalogue.json", {"owner": owner, "title": told[1]})
    if not (run.folder / "recipe.yaml").exists():
        return
    recipe = run.recipe
    moved = _moved(recipe.data, workspace, former, owner)
    if moved:
        data = recipe.data.model_copy(update={"file": moved})
        write_text(run.folder / "recipe.yaml", Recipe.of(recipe.model_copy(update={"data": data}).plain()).yaml())


def _moved(data: Data, workspace: Workspace, former: str, owner: str) -> str:
    for place in PLACES:
        before, after = ((workspace.root / place / name).resolve() for name in (former, owner))
        if data.file.startswith(f"{before}/"):
            return f"{after}/{data.file.removeprefix(f'{before}/')}"
    return ""


def _move_draft(workspace: Workspace, former: str, owner: str) -> None:
    """Keep the account's own draft where there is one."""
    source, target = (workspace.root / "drafts" / f"{name}.json" for name in (former, owner))
    if not source.exists():
        return
    if target.exists():
        source.unlink()
        return
    draft = json.loads(source.read_text(encoding="utf-8"))
    if draft.get("data", {}).get("file"):
        data = Data.model_validate({"file": draft["data"]["file"]})
        draft["data"]["file"] = _moved(data, workspace, former, owner) or data.file
    write_json(target, draft)
    source.unlink()
