"""The visitor's draft of a recipe: plain values in the session, kept in the workspace through reloads.

The draft is the truth; fields of the Build screen take their values from it when they are drawn.
"""

import json
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from pydantic import BaseModel, ConfigDict

import builders
from recipes import Recipe
from records import Workspace, write_json
from ui import settings_form

FIELDS = "build_"
"""Every field of the Build screen has a key that starts like this."""


class Draft(BaseModel):
    """What was said so far. Each family keeps its own settings while another one is tried."""

    model_config = ConfigDict(extra="ignore")

    name: str = ""
    data: dict[str, Any] = {}
    """The recipe's `data` group; empty until data are chosen."""
    architecture: str = ""
    models: dict[str, dict[str, Any]] = {}
    training: dict[str, Any] = {}
    runs: Literal["one", "several", "folds"] = "one"
    """What Train starts: one run, one for each combination of listed values, or one for each fold."""
    several: dict[str, dict[str, list[float]]] = {}
    """Lists typed into number fields, by the part they belong to; the first value is also a setting."""
    folds: int = 5
    reading: dict[str, Any] = {}
    """An upload that is being read: its `file` and `type`; takes the place of `data` when it is done."""

    @property
    def has_data(self) -> bool:
        """Are data chosen?"""
        return bool(self.data)

    def recipe(self) -> Recipe:
        """Return the draft as a recipe; raises `Refusal`."""
        model = (
            {"architecture": self.architecture} | self.models.get(self.architecture, {}) if self.architecture else {}
        )
        values = {"data": self.data, "model": model, "training": self.training} | (
            {"name": self.name} if self.name else {}
        )
        return Recipe.of({key: value for key, value in values.items() if value or key == "data"})

    def use_sample(self, name: str) -> None:
        """Choose a bundled sample; the model and the training start from its own defaults."""
        self.data = {"sample": name}
        self.start_again()

    def use_file(self, file: str, data_type: str) -> None:
        """Choose an upload that has been read."""
        self.data = {"file": file, "type": data_type}
        self.start_again()

    def start_again(self) -> None:
        """Forget the model and the training that were set up for other data; a model file that was brought stays."""
        brought = {name: said for name, said in self.models.items() if builders.needs_file(name) and "model" in said}
        self.architecture = self.architecture if self.architecture in brought else ""
        self.models, self.training, self.name, self.reading = brought, {}, "", {}
        self.runs, self.several = "one", {}

    def use_recipe(self, recipe: Recipe) -> None:
        """Take everything from a recipe."""
        plain = recipe.plain()
        model = dict(plain.get("model", {}))
        name = model.pop("architecture", "mlp" if "model" in plain else "")
        if name:
            builders.config(name, model)
        self.data, self.architecture, self.models = plain["data"], name, {name: model} if name else {}
        self.training, self.name, self.reading = dict(plain.get("training", {})), recipe.name, {}
        self.runs, self.several = "one", {}
        self.data.pop("fold", None)  # whoever takes over a fold takes over the whole cross-validation
        if folds := self.data.pop("folds", None):
            self.runs, self.folds = "folds", folds


def current(workspace: Workspace, owner: str) -> Draft:
    """Return the visitor's draft: from this session, else as the workspace kept it, else an empty one."""
    if "draft" not in st.session_state:
        path = _path(workspace, owner)
        st.session_state["draft"] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return Draft.model_validate(st.session_state["draft"])


def keep(draft: Draft, workspace: Workspace, owner: str) -> None:
    """Keep the draft, in the session and on disk; costs nothing where nothing changed."""
    plain = draft.model_dump(mode="json")
    if st.session_state.get("draft") != plain:
        st.session_state["draft"] = plain
        path = _path(workspace, owner)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, plain)


def replace(draft: Draft, workspace: Workspace, owner: str) -> None:
    """Keep a draft that was changed from outside the fields: they are drawn afresh. For callbacks."""
    settings_form.forget(FIELDS)
    keep(draft, workspace, owner)


def load(text: str, workspace: Workspace, owner: str) -> str:
    """Take over a recipe that a visitor brings; returns what could not be taken over, in one sentence.

    Data come from a sample, or from the newest upload of the same visitor that has the file's name. Where there is
    none, the recipe gives its model and its training only.
    """
    recipe = Recipe.parse(text)
    draft, before = Draft(), current(workspace, owner)
    draft.use_recipe(recipe)
    told = ""
    if recipe.data.file:
        name = Path(recipe.data.file).name
        file = _upload(name, workspace.root / "uploads" / owner)
        draft.data = before.data if file is None else draft.data | {"file": str(file)}
        told = "" if file else f"'{name}' is not here: the model and the training were taken over. Upload the file too."
    replace(draft, workspace, owner)
    return told


def _upload(name: str, folder: Path) -> Path | None:
    found = [file for upload in folder.glob("*") for file in upload.iterdir() if file.name == name]
    return max(found, key=lambda file: file.stat().st_mtime, default=None)


def _path(workspace: Workspace, owner: str) -> Path:
    return workspace.root / "drafts" / f"{owner}.json"
