"""The list of layers on Build: each change shows at once, goes into the draft and can be taken back."""

import json

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from records import Workspace
from tests.builders.smallest import signature_of
from ui import layer_editor, studio
from ui.draft import Draft

DENSE = {"kind": "Dense", "units": 8, "activation": "relu"}
FLATTEN = {"kind": "Flatten"}
CONV = {"kind": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu"}
REFUSED = (
    "Layer 2 (Conv2D) needs pictures (height x width x channels), but gets 768 numbers. "
    "Put it before layer 1 (Flatten)."
)


def page():
    import streamlit as st

    from ui import layer_editor, studio
    from ui.draft import current, keep

    draft = current(studio.workspace(), studio.owner())
    st.session_state["told"] = layer_editor.show(draft, studio.Questions())
    keep(draft, studio.workspace(), studio.owner())


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("ui.identity.current_user", lambda: "ann")
    yield Workspace(tmp_path)
    st.cache_resource.clear()


@pytest.fixture
def opened(workspace, monkeypatch):  # noqa: ARG001 - its workspace
    """Open the editor on pictures (or other data) with these layers."""

    def ask(kind, task):
        signature = signature_of(kind, task).model_dump(mode="json")
        return lambda *_: studio.Answer("ready", {"signature": signature})

    def open_(layers=None, kind="image", task="classification"):
        monkeypatch.setattr(studio.Questions, "warm", ask(kind, task))
        at = AppTest.from_function(page, default_timeout=30)
        models = {"custom": {"layers": layers} if layers is not None else {}}
        draft = Draft(data={"sample": "digits"}, architecture="custom", models=models)
        at.session_state["draft"] = draft.model_dump(mode="json")
        return clean(at.run())

    return open_


def clean(at):
    assert not at.exception
    return at


def layers(at):
    return at.session_state["draft"]["models"]["custom"]["layers"]


def kinds(at):
    return [layer["kind"] for layer in layers(at)]


def click(at, key):
    return clean(at.button(key=f"build_layer_{key}").click().run())


def lines(at):
    return [line.value.replace("\u00a0", " ") for line in at.markdown]


def test_starts_from_the_template_of_the_data_and_writes_it_down(opened, workspace):
    at = opened()
    assert kinds(at)[:2] == ["Conv2D", "BatchNormalization"]
    assert at.session_state["told"] == ()
    kept = Draft.model_validate_json((workspace.root / "drafts" / "ann.json").read_text())
    assert kept.models["custom"]["layers"] == layers(at)
    assert at.button(key="build_layer_undo").disabled


def test_shows_what_leaves_each_layer_and_how_much_it_learns(opened):
    told = lines(opened([CONV, FLATTEN, DENSE]))
    assert ":small[16 x 16 x 3]" in told
    assert ":small[16 x 16 x 4 :gray[· 112]]" in told
    assert ":small[1,024]" in told
    assert ":small[8 :gray[· 8,200]]" in told
    assert ":small[3 :gray[· 27]]" in told


def test_an_impossible_layer_is_refused_at_once_with_the_reason(opened):
    at = opened([FLATTEN, CONV, DENSE])
    assert at.session_state["told"] == (REFUSED,)
    assert [error.value for error in at.error] == [layer_editor.look.plain(REFUSED)]


def test_a_move_mends_it(opened):
    at = opened([FLATTEN, CONV, DENSE])
    at = click(click(at, "open_1"), "do_up")
    assert kinds(at) == ["Conv2D", "Flatten", "Dense"]
    assert at.session_state["told"] == ()
    assert at.button(key="build_layer_do_up").disabled
    assert kinds(click(at, "do_down")) == ["Flatten", "Conv2D", "Dense"]


def test_says_what_the_answer_misses(opened):
    at = opened([CONV])
    assert at.session_state["told"][0].startswith("The answer needs one row of numbers, but gets a picture of")
    assert len(at.error) == 1


def test_a_new_layer_stands_after_the_open_one_and_opens(opened):
    at = click(opened([CONV, FLATTEN, DENSE]), "open_0")
    at = clean(at.selectbox(key="build_layer_add").select("MaxPooling2D").run())
    assert kinds(at) == ["Conv2D", "MaxPooling2D", "Flatten", "Dense"]
    assert at.session_state["layer_editor"]["open"] == 1
    assert at.selectbox(key="build_layer_add").value is None


def test_a_new_layer_stands_at_the_end_where_none_is_open(opened):
    at = clean(opened([FLATTEN]).selectbox(key="build_layer_add").select("Dropout").run())
    assert layers(at) == [FLATTEN, {"kind": "Dropout", "rate": 0.2}]


def test_offers_first_what_fits(opened):
    offered = opened([FLATTEN]).selectbox(key="build_layer_add").options
    assert offered[0] == "Dense: every unit looks at all numbers"
    assert offered.index("Conv2D (does not fit here)") > offered.index("Dropout: some numbers sit out while training")


def test_a_changed_field_changes_the_shapes(opened):
    at = click(opened([FLATTEN, DENSE]), "open_1")
    at = clean(at.number_input(key="build_layer_1_units").set_value(20).run())
    assert layers(at)[1] == DENSE | {"units": 20}
    assert ":small[20 :gray[· 15,380]]" in lines(at)
    at = click(at, "undo")
    assert at.number_input(key="build_layer_1_units").value == 8
    assert layers(at)[1] == DENSE


def test_a_mistaken_field_is_told_and_not_kept(opened):
    at = click(opened([FLATTEN, DENSE]), "open_1")
    at = clean(at.number_input(key="build_layer_1_units").set_value(0).run())
    assert at.session_state["told"] == ("Layer 2 (Dense): Units must be between 1 and 4096, but got 0.",)
    assert layers(at)[1] == DENSE


def test_copies_and_removes(opened):
    at = click(click(opened([FLATTEN, DENSE]), "open_1"), "do_copy")
    assert layers(at) == [FLATTEN, DENSE, DENSE]
    assert layers(click(at, "do_remove")) == [FLATTEN, DENSE]


def test_steps_can_be_taken_back_and_made_again(opened):
    at = click(opened([FLATTEN, DENSE, {"kind": "Dropout", "rate": 0.5}]), "open_1")
    for way in ("do_up", "do_down", "do_up", "do_down", "do_remove"):
        at = click(at, way)
    for _ in range(5):
        at = click(at, "undo")
    assert kinds(at) == ["Flatten", "Dense", "Dropout"]
    assert at.button(key="build_layer_undo").disabled
    for _ in range(5):
        at = click(at, "redo")
    assert kinds(at) == ["Flatten", "Dropout"]
    assert at.button(key="build_layer_redo").disabled


def test_sixty_steps_back_are_kept():
    state = {"now": [], "past": [], "future": []}
    for units in range(1, 61):
        layer_editor._remember(state, [{"kind": "Dense", "units": units}])
    assert len(state["past"]) == 60
    assert state["past"][0] == []


def test_a_new_change_ends_the_way_forth(opened):
    at = click(click(click(opened([FLATTEN, DENSE]), "open_1"), "do_copy"), "undo")
    assert not at.button(key="build_layer_redo").disabled
    at = clean(at.selectbox(key="build_layer_add").select("Dropout").run())
    assert at.button(key="build_layer_redo").disabled


def test_every_layer_can_go(opened):
    at = click(opened([FLATTEN], kind="tabular"), "open_0")
    at = click(at, "do_remove")
    assert layers(at) == []
    assert at.session_state["told"] == ()


def test_a_list_from_elsewhere_starts_a_new_history(opened):
    at = click(click(opened([FLATTEN, DENSE]), "open_1"), "do_copy")
    draft = Draft.model_validate(at.session_state["draft"])
    draft.models = {"custom": {"layers": [FLATTEN]}}
    at.session_state["draft"] = draft.model_dump(mode="json")
    at = clean(at.run())
    assert layers(at) == [FLATTEN]
    assert at.button(key="build_layer_undo").disabled


def test_a_list_that_cannot_be_read_is_told_and_can_be_replaced(opened):
    at = opened([{"kind": "Dens"}])
    assert at.session_state["told"][0].startswith("Layer 1: There is no layer 'Dens'. Did you mean 'Dense'?")
    assert [field.key for field in at.selectbox] == ["build_layer_add"]


def test_a_recipe_with_every_setting_written_out_is_no_change(opened):
    at = opened([layer_editor.KINDS["Dense"]().model_dump(mode="json")], kind="tabular")
    assert layers(at) == [{"kind": "Dense", "units": 64, "activation": "relu"}]
    assert at.button(key="build_layer_undo").disabled


def test_a_template_takes_the_place_of_the_list_in_one_step(opened):
    at = opened([FLATTEN, DENSE])
    at = clean(at.menu_button(key="build_layer_template").click("Dense network on pixels").run())
    assert kinds(at) == ["Flatten", "Dense", "Dropout", "Dense"]
    assert layers(click(at, "undo")) == [FLATTEN, DENSE]


def test_forecasts_have_the_straight_path(opened):
    at = opened(kind="series", task="forecasting")
    at = clean(at.toggle(key="build_model_custom_shortcut").set_value(False).run())
    assert at.session_state["draft"]["models"]["custom"]["shortcut"] is False
    assert not opened(kind="series").toggle


@pytest.mark.parametrize("kind", ["tabular", "image", "text", "series", "audio", "video"])
def test_every_kind_of_layer_has_its_fields(opened, kind):
    """Whether it fits or not, it can be opened and changed."""
    for number, name in enumerate(layer_editor.KINDS):
        if number % 6 == len(kind) % 6:
            at = click(opened([layer_editor.KINDS[name]().plain()], kind=kind), "open_0")
            assert at.button(key="build_layer_do_remove")


def test_a_run_tells_its_layers_in_a_line():
    assert layer_editor.look.setting_value([DENSE, FLATTEN]) == "Dense 8 · relu, Flatten"


def test_what_the_session_keeps_is_plain(opened):
    at = click(click(opened([FLATTEN, DENSE]), "open_1"), "do_copy")
    assert json.loads(json.dumps(at.session_state["layer_editor"])) == at.session_state["layer_editor"]


def test_waits_in_words_while_the_data_are_prepared(opened, monkeypatch):
    at = opened([FLATTEN])
    monkeypatch.setattr(studio.Questions, "warm", lambda *_: studio.Answer("waiting", sentence="Working it out …"))
    at = clean(at.run())
    assert at.session_state["told"] == ()
    assert layers(at) == [FLATTEN]
