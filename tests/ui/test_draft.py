"""The draft survives page switches and reloads, and turns into a recipe."""

import pytest
import streamlit as st

from recipes import Recipe, Refusal
from records import Workspace
from ui import draft as drafts
from ui.draft import Draft


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    return Workspace(tmp_path)


def test_an_empty_draft_has_no_data(workspace):
    assert not drafts.current(workspace, "ann").has_data


def test_survives_a_reload(workspace, monkeypatch):
    draft = Draft()
    draft.use_sample("penguins")
    drafts.keep(draft, workspace, "ann")
    monkeypatch.setattr(st, "session_state", {})
    assert drafts.current(workspace, "ann") == draft


def test_nobody_sees_the_draft_of_another(workspace, monkeypatch):
    draft = Draft()
    draft.use_sample("penguins")
    drafts.keep(draft, workspace, "ann")
    monkeypatch.setattr(st, "session_state", {})
    assert not drafts.current(workspace, "bob").has_data


def test_becomes_a_recipe():
    draft = Draft(data={"sample": "penguins"}, architecture="mlp", models={"mlp": {"width": 8}}, training={"epochs": 3})
    assert draft.recipe().plain() == {
        "data": {"sample": "penguins"},
        "model": {"architecture": "mlp", "width": 8},
        "training": {"epochs": 3},
        "version": 1,
    }


def test_becomes_the_recipe_that_it_came_from():
    text = "name: Mine\ndata: {sample: digits, size: 16}\nmodel: {architecture: cnn, depth: 2}\ntraining: {epochs: 5}\n"
    draft = Draft()
    draft.use_recipe(Recipe.parse(text))
    assert draft.recipe().plain() == Recipe.parse(text).plain()


def test_each_family_keeps_its_own_settings():
    draft = Draft(data={"sample": "digits"}, architecture="cnn", models={"cnn": {"depth": 2}, "mlp": {"width": 8}})
    assert draft.recipe().model.settings == {"depth": 2}
    draft.architecture = "mlp"
    assert draft.recipe().model.settings == {"width": 8}


def test_other_data_start_afresh():
    draft = Draft(data={"sample": "digits"}, architecture="cnn", models={"cnn": {"depth": 2}}, training={"epochs": 3})
    draft.use_sample("penguins")
    assert draft == Draft(data={"sample": "penguins"})


def test_a_loaded_recipe_takes_the_place_of_the_draft(workspace):
    st.session_state["build_training_epochs"] = 60
    told = drafts.load("data: {sample: digits}\ntraining: {epochs: 2}", workspace, "ann")
    assert told == ""
    assert drafts.current(workspace, "ann").training == {"epochs": 2}
    assert "build_training_epochs" not in st.session_state


def test_a_recipe_with_a_foreign_file_gives_all_but_the_data(workspace, tmp_path):
    foreign = tmp_path / "uploads" / "bob" / "secret.csv"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("a,b\n1,2\n")
    drafts.keep(Draft(data={"sample": "penguins"}), workspace, "ann")
    told = drafts.load(
        f"data: {{file: {tmp_path}/uploads/ann/../bob/secret.csv}}\ntraining: {{epochs: 2}}", workspace, "ann"
    )
    assert told == "'secret.csv' is not here: the model and the training were taken over. Upload the file too."
    assert drafts.current(workspace, "ann").data == {"sample": "penguins"}
    assert drafts.current(workspace, "ann").training == {"epochs": 2}


def test_a_downloaded_recipe_finds_the_visitors_own_upload_by_its_name(workspace):
    file = workspace.new_upload_folder("ann") / "rows.csv"
    file.write_text("a,b\n1,2\n")
    drafts.keep(Draft(data={"sample": "penguins"}), workspace, "ann")
    assert drafts.load("data: {file: rows.csv, type: tabular, target: b}", workspace, "ann") == ""
    assert drafts.current(workspace, "ann").data == {"file": str(file), "type": "tabular", "target": "b"}


def test_refuses_a_recipe_with_an_unknown_family(workspace):
    with pytest.raises(Refusal, match=r"There is no architecture 'mpl'\. Did you mean 'mlp'\?"):
        drafts.load("data: {sample: penguins}\nmodel: {architecture: mpl}", workspace, "ann")


def test_a_mistyped_model_setting_is_refused_and_nothing_is_lost(workspace):
    """The form knows no such field: without a word the setting would vanish."""
    mine = Draft(data={"sample": "digits"})
    drafts.keep(mine, workspace, "ann")
    with pytest.raises(Refusal, match=r"Did you mean `width`\?"):
        drafts.load("data: {sample: penguins}\nmodel: {architecture: mlp, widht: 32}\n", workspace, "ann")
    assert drafts.current(workspace, "ann") == mine


def test_a_fold_that_is_taken_over_becomes_its_whole_cross_validation():
    draft = Draft()
    draft.use_recipe(Recipe.parse("data: {sample: penguins, folds: 4, fold: 2}\n"))
    assert (draft.runs, draft.folds, draft.data) == ("folds", 4, {"sample": "penguins"})
    draft.use_recipe(Recipe.parse("data: {sample: penguins}\n"))
    assert draft.runs == "one"
