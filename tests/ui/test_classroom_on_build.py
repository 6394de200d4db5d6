"""What a class does to Build: the start is offered, what is fixed stays, what is not allowed is said."""

import pytest
from streamlit.testing.v1 import AppTest

from recipes import Recipe
from records import Workspace
from records.classes import Classes, Limits
from training import marks, plan
from ui import draft, identity, studio
from ui.classroom import here

START = "data: {sample: penguins}\nmodel: {architecture: mlp, width: 128}\ntraining: {learning_rate: 0.01}"


@pytest.fixture
def classes(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path)
    marks.hold(marks.supervisor_lock(workspace))
    monkeypatch.setattr(studio, "workspace", lambda: workspace)
    monkeypatch.setattr(identity, "current_user", lambda: "ada")
    return Classes(workspace)


@pytest.fixture
def room(classes):
    room = classes.open("teacher", "Physics 9b")
    classes.join(room.code, "ada", "Ada", "here")
    locked = ("data", "training.learning_rate", "model.width")
    start = plan.complete(plan.resolve(Recipe.parse(START)), _schema()).yaml()
    return classes.set(room.id, "teacher", start=start, sent=2.0, locked=locked)


def _schema():
    from training import shelf

    return shelf.open_dataset(plan.resolve(Recipe.parse(START)).data, studio.workspace()).schema


def _banner():
    from ui.classroom import here

    here.banner()


def _training():
    import streamlit as st

    from recipes import Training
    from ui import settings_form
    from ui.classroom import here

    group = settings_form.Group(Training, {"learning_rate": 0.5}, "t", locked=here.locks("training"))
    (form,) = settings_form.show([group], "t", panel="training")
    st.session_state["said"] = form.said


@pytest.mark.usefixtures("room")
def test_the_start_is_offered_until_it_was_loaded(classes):
    at = AppTest.from_function(_banner).run()
    assert "Your teacher has sent you a start." in at.markdown[1].value
    at.button(key="class_load").click().run()
    assert not at.exception
    assert [button.key for button in at.button] == []
    kept = draft.Draft.model_validate(at.session_state["draft"])
    assert (kept.data["sample"], kept.architecture, kept.training["learning_rate"]) == ("penguins", "mlp", 0.01)
    joined = classes.joined("ada")
    assert joined is not None
    assert joined[1].loaded > 2.0


@pytest.mark.usefixtures("room")
def test_a_fixed_field_shows_its_value_and_cannot_be_changed():
    at = AppTest.from_function(_training).run()
    assert not at.exception
    (field,) = at.text_input
    assert (field.label, field.value, field.disabled) == (":material/lock: Learning rate", "0.01", True)
    assert field.help.startswith("Your teacher has fixed this for the class.")
    assert at.session_state["said"] == {"learning_rate": 0.01}


@pytest.mark.usefixtures("room")
def test_settings_of_a_family_are_fixed_in_that_family_only():
    assert here.locks("model", "mlp") == {"width": 128}
    assert here.locks("model", "wide_deep") == {}
    assert here.has_fixed_data()


def test_only_allowed_families_are_offered(classes, room):
    classes.set(room.id, "teacher", limits=Limits(families=("dbn", "cnn")))
    assert here.families(["mlp", "dbn"]) == ["dbn"]
    assert here.no_family() == (
        "Your class works with Deep belief network, Convolutional network, which cannot learn these data. "
        "Choose other data."
    )
    classes.set(room.id, "teacher", locked=("model.architecture",))
    assert here.families(["mlp", "dbn"]) == ["mlp"]


@pytest.mark.usefixtures("room")
def test_outside_a_class_nothing_is_fixed(classes):
    classes.leave("ada")
    assert (here.locks("training"), here.has_fixed_data(), here.families(["mlp"])) == ({}, False, ["mlp"])


@pytest.mark.usefixtures("room")
def test_what_is_not_allowed_is_said_before_train_is_pressed():
    assert here.obstacle(plan.resolve(Recipe.parse(START.replace("0.01", "0.1")))) == (
        "Your teacher has fixed Learning rate at 0.01. Load your teacher's start again."
    )
    assert here.obstacle(plan.resolve(Recipe.parse(START.replace("128", "64")))) == (
        "Your teacher has fixed Width at 128. Load your teacher's start again."
    )
    assert here.obstacle(plan.resolve(Recipe.parse(START))) == ""
