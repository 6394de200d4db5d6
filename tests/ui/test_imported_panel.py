"""A model that was opened leads to Build: offered only to whoever has one, kept while data are chosen."""

import shutil

import pytest
import streamlit as st

from records import Workspace
from training import brought
from ui import draft as drafts
from ui import imported_panel, studio
from ui.draft import Draft

ABLE = ("cnn", "imported", "mlp")
MODEL = "a" * 64


@pytest.fixture
def space(tmp_path, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("ui.identity.current_user", lambda: "ann")
    yield Workspace(tmp_path)
    st.cache_resource.clear()


def test_the_family_is_offered_only_to_whoever_has_a_model(space):
    assert imported_panel.offered(Draft(), ABLE) == ("cnn", "mlp")
    folder = space.new_upload_folder("bob")
    (folder / "model.json").write_text("{}")
    assert imported_panel.offered(Draft(), ABLE) == ("cnn", "mlp"), "somebody else's"
    shutil.copytree(folder, space.new_upload_folder("ann"), dirs_exist_ok=True)
    assert imported_panel.offered(Draft(), ABLE) == ABLE
    assert imported_panel.offered(Draft(models={"imported": {"model": MODEL}}), ABLE) == ABLE


def test_a_model_that_was_chosen_stays_while_data_are_chosen():
    draft = Draft(architecture="imported", models={"imported": {"model": MODEL, "learn": "head"}, "mlp": {"depth": 2}})
    draft.use_sample("digits")
    assert draft.architecture == "imported"
    assert draft.models == {"imported": {"model": MODEL, "learn": "head"}}
    assert draft.recipe().plain()["model"] == {"architecture": "imported", "model": MODEL, "learn": "head"}
    assert imported_panel.waiting(draft) == imported_panel.READY
    other = Draft(architecture="mlp", models={"mlp": {"depth": 2}})
    other.use_sample("digits")
    assert (other.architecture, other.models) == ("", {})
    assert imported_panel.waiting(other) == ""


def test_training_it_leads_to_build_with_the_data_that_were_there(space, monkeypatch, tmp_path):
    monkeypatch.setattr(brought, "keep", lambda folder, where: MODEL if (folder, where) == (tmp_path, space) else "")
    monkeypatch.setattr(studio, "workspace", lambda: space)
    draft = Draft(data={"sample": "digits"}, architecture="cnn", training={"epochs": 3}, runs="folds")
    imported_panel.use(draft, tmp_path)
    assert draft.data == {"sample": "digits"}
    assert (draft.architecture, draft.models["imported"]) == ("imported", {"model": MODEL})
    assert (draft.training, draft.runs) == ({}, "one")
    assert drafts.Draft.model_validate(draft.model_dump()) == draft
