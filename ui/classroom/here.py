"""The visitor's class as other screens meet it: the start that the teacher sent, what is locked, what is allowed."""

import filecmp
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

import builders
from recipes import Recipe
from records.classes import Classes, Classroom, Member
from training import quota
from ui import draft as drafts
from ui import look, studio
from ui.draft import Draft


def classes() -> Classes:
    """Return the classes of this installation."""
    return Classes(studio.workspace())


def mine() -> tuple[Classroom, Member] | None:
    """Return the open class in which the visitor is a student."""
    now = classes().joined(studio.owner())
    return now if now is not None and now[0].is_open else None


def banner() -> None:
    """Say on Build in which class the visitor is, and offer a start that was not loaded yet."""
    now = mine()
    if now is None:
        return
    classroom, member = now
    with look.row("class_banner"):
        st.badge(look.plain(classroom.name), icon=look.symbol("school"), color="blue")
        if classroom.settings.start and (member.loaded or 0.0) < classroom.settings.sent:
            st.markdown("**Your teacher has sent you a start.**", width="content")
            st.button(
                "Load it", key="class_load", type="primary", icon=look.symbol("download"), on_click=load,
                help="It takes the place of what is set up here now.",
            )  # fmt: skip
        if fixed := fixed_words(classroom):
            st.markdown(f":gray[{look.symbol('lock')} {look.plain(fixed)}]", width="content")


def fixed_words(classroom: Classroom) -> str:
    """Say what the teacher has fixed: "Your teacher has fixed Data and Epochs."."""
    if not (locked := quota.locks(classroom)):
        return ""
    family = Recipe.parse(classroom.settings.start).model.architecture
    titles = [quota.title_of(path, family) for path in locked]
    return f"Your teacher has fixed: {', '.join(titles)}."


def load() -> None:
    """Take over the teacher's start. For callbacks."""
    now = mine()
    if now is None or not now[0].settings.start:
        return
    recipe, owner, workspace = Recipe.parse(now[0].settings.start), studio.owner(), studio.workspace()
    fresh = Draft()
    fresh.use_recipe(recipe)
    if recipe.data.file:
        fresh.data["file"] = str(_own_copy(Path(recipe.data.file), owner))
    drafts.replace(fresh, workspace, owner)
    classes().has_loaded(owner)


def families(able: Sequence[str]) -> Sequence[str]:
    """Leave those families that the visitor's class works with."""
    now = mine()
    if now is None:
        return able
    fixed = quota.locks(now[0]).get("model.architecture")
    allowed = [fixed] if fixed else now[0].settings.limits.families
    return [name for name in able if not allowed or name in allowed]


def no_family() -> str:
    """Say what to do where the class works with none of the families that fit."""
    now = mine()
    names = now[0].settings.limits.families if now else ()
    titles = ", ".join(builders.get(name).TITLE for name in names if name in builders.names())
    return f"Your class works with {titles or 'another family'}, which cannot learn these data. Choose other data."


def locks(group: str, architecture: str = "") -> dict[str, Any]:
    """Return what is fixed in `model` or `training`, by the field's name; a family's settings only where it is used."""
    now = mine()
    fixed = quota.locks(now[0]) if now is not None else {}
    if now is None or not fixed:
        return {}
    if group == "model" and Recipe.parse(now[0].settings.start).model.architecture != architecture:
        return {}
    start = f"{group}."
    return {
        path.removeprefix(start): value
        for path, value in fixed.items()
        if path.startswith(start) and path != "model.architecture"
    }


def has_fixed_data() -> bool:
    """Has the teacher fixed the data?"""
    now = mine()
    return now is not None and "data" in quota.locks(now[0])


def obstacle(recipe: Recipe | None) -> str:
    """Say what in a resolved recipe the visitor's class does not allow; empty where it does."""
    return quota.obstacle(studio.workspace(), studio.owner(), recipe) if recipe is not None else ""


def _own_copy(file: Path, owner: str) -> Path:
    """Give a student the teacher's file as an upload of one's own, once; on one disk it takes no room."""
    uploads = studio.workspace().root / "uploads" / owner
    for known in uploads.glob(f"*/{file.name}"):
        if known.samefile(file) or (known.is_file() and filecmp.cmp(known, file, shallow=False)):
            return known
    target = studio.workspace().new_upload_folder(owner) / file.name
    if file.is_dir():
        shutil.copytree(file, target, copy_function=_link)
    else:
        _link(str(file), str(target))
    return target


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copy2(source, target)
