"""Build, opened first: data, model and training on one page, without Keras in the page process."""

import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from records import Workspace
from ui.draft import Draft

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("ui.identity.current_user", lambda: "ann")
    yield Workspace(tmp_path)
    st.cache_resource.clear()


@pytest.fixture
def page(workspace):  # noqa: ARG001 - its workspace
    return AppTest.from_file(ROOT / "pages" / "build.py", default_timeout=60)


def settled(at, seen):
    """Draw the page until what is waited for is there, as its timer would."""
    at.run()
    for _ in range(100):
        assert not at.exception
        if seen(at):
            return at
        time.sleep(0.1)
        at.run()
    raise AssertionError("It never came.")


def with_sample(at, name):
    at.session_state["draft"] = Draft(data={"sample": name}).model_dump(mode="json")
    return settled(at, lambda at: any(button.key == "build_train" for button in at.button))


def test_opens_empty_with_one_next_step(page):
    at = page.run()
    assert not at.exception
    assert "Choose a sample to look around, or bring a file of your own." in [line.value for line in at.caption]
    assert not [button for button in at.button if not button.key.startswith("build_offer_")]


def test_opens_a_sample_that_it_offers(page):
    at = page.run()
    at.button(key="build_offer_penguins").click()
    settled(at, lambda at: any(button.key == "build_train" for button in at.button))
    assert at.selectbox(key="build_data_sample").value == "penguins"


def test_an_emptied_sample_field_leads_back_to_the_start(page):
    at = with_sample(page, "penguins")
    at.selectbox(key="build_data_sample").set_value(None).run()
    assert not at.exception
    assert not at.error
    assert at.button(key="build_offer_penguins")


def test_a_sample_opens_with_its_family_and_can_be_trained(page):
    at = with_sample(page, "penguins")
    assert at.session_state["draft"]["architecture"] == "mlp"
    assert not at.button(key="build_train").disabled


def test_shows_what_was_found_and_what_is_learned(page):
    at = with_sample(page, "penguins")
    settled(at, lambda at: any("problems" in expander.label for expander in at.expander))
    assert at.selectbox(key="build_data_target").value == "species"
    assert at.selectbox(key="build_data_task_species").value == "classification"


def test_keeps_a_changed_setting_on_disk(page, workspace):
    at = with_sample(page, "penguins")
    at.number_input(key="build_training_batch_size").set_value(64).run()
    assert Draft.model_validate_json((workspace.root / "drafts" / "ann.json").read_text()).training == {
        "batch_size": 64
    }


def test_another_target_brings_another_task(page):
    at = with_sample(page, "penguins")
    at.selectbox(key="build_data_target").select("body_mass_g").run()
    assert not at.exception
    assert at.session_state["draft"]["data"] == {
        "sample": "penguins",
        "target": "body_mass_g",
        "task": "regression",
    }


def test_a_target_proposes_its_own_task_whatever_was_learned_before(page):
    """The class of one column says nothing about the numbers of the next."""
    at = with_sample(page, "penguins")
    for target in ("island", "body_mass_g"):
        at.selectbox(key="build_data_target").select(target).run()
    assert at.selectbox(key="build_data_task_body_mass_g").value == "regression"


def test_the_class_balance_follows_the_target(page):
    at = with_sample(page, "penguins")
    at.selectbox(key="build_data_target").select("island")
    settled(at, lambda at: "Biscoe" in str(at.get("vega_lite_chart")[0].proto))


def test_the_shares_kept_back_can_be_set(page):
    at = with_sample(page, "penguins")
    at.number_input(key="build_data_test").set_value(0.3).run()
    assert not at.exception
    assert at.session_state["draft"]["data"] == {"sample": "penguins", "test": 0.3}


def test_a_mistaken_data_setting_can_be_mended(page):
    """The fields stay there while the data cannot be opened as they ask."""
    at = with_sample(page, "digits")
    at.number_input(key="build_data_size").set_value(7).run()
    at.run()
    assert any("even number" in error.value for error in at.error)
    at.number_input(key="build_data_size").set_value(16)
    settled(at, lambda at: any(button.key == "build_train" and not button.disabled for button in at.button))
    assert not at.error


def test_train_is_closed_with_the_reason_while_a_setting_is_wrong(page):
    at = with_sample(page, "penguins")
    at.number_input(key="build_training_learning_rate").set_value(0.0).run()
    assert at.button(key="build_train").disabled
    assert any("Learning rate must be more than 0" in line.value for line in at.caption)


def test_train_submits_the_draft(page, workspace, monkeypatch):
    monkeypatch.setattr("training.executor.Executor._wake", lambda _: None)
    at = with_sample(page, "penguins")
    at.number_input(key="build_training_epochs").set_value(3).run()
    at.button(key="build_train").click().run()
    runs = list(workspace.runs.iterdir())
    assert len(runs) == 1
    assert "epochs: 3" in (runs[0] / "recipe.yaml").read_text()


def test_several_values_make_a_run_each(page, workspace, monkeypatch):
    """A list in a number's field, a clear count on the button, and runs that belong together."""
    from training.executor import Executor

    monkeypatch.setattr(Executor, "_wake", lambda _self: None)  # nothing shall train here
    at = with_sample(page, "penguins")
    assert at.number_input(key="build_training_learning_rate").value > 0
    at.segmented_control(key="build_runs").set_value("several").run()
    at.text_input(key="build_training_learning_rate_list").set_value("0.01, 0.003, 0.001").run()
    at.text_input(key="build_training_batch_size_list").set_value("16, 32").run()
    assert at.button(key="build_train").label == "Train 6 runs"
    told = [line.value.replace("\\", "") for line in at.caption]
    assert any(line.startswith("6 runs: 2 of batch size × 3 of learning rate.") for line in told)
    at.button(key="build_train").click().run()
    runs = Executor(workspace).runs("ann")
    assert len(runs) == 6
    assert len({(workspace.runs / run.id / "group.json").read_text().split('"id"')[1][:22] for run in runs}) == 1


def test_one_run_goes_on_from_the_first_of_a_list(page):
    at = with_sample(page, "penguins")
    at.segmented_control(key="build_runs").set_value("several").run()
    at.text_input(key="build_training_batch_size_list").set_value("16, 64").run()
    at.segmented_control(key="build_runs").set_value("one").run()
    assert at.number_input(key="build_training_batch_size").value == 16
    assert at.button(key="build_train").label == "Train"


def test_too_many_runs_are_refused_before_they_start(page):
    at = with_sample(page, "penguins")
    at.segmented_control(key="build_runs").set_value("several").run()
    at.text_input(key="build_training_batch_size_list").set_value(", ".join(map(str, range(1, 34)))).run()
    assert at.button(key="build_train").disabled
    assert any("These lists make 33 runs, but 32 is the most" in line.value for line in at.caption)


def test_a_cross_validation_starts_a_run_for_each_fold(page, workspace, monkeypatch):
    from training.executor import Executor

    monkeypatch.setattr(Executor, "_wake", lambda _self: None)  # nothing shall train here
    at = with_sample(page, "penguins")
    at.segmented_control(key="build_runs").set_value("folds").run()
    at.slider(key="build_runs_folds").set_value(4).run()
    assert at.button(key="build_train").label == "Train 4 folds"
    at.button(key="build_train").click().run()
    runs = [run.id for run in Executor(workspace).runs("ann")]
    assert sorted("folds: 4" in (workspace.runs / run / "recipe.yaml").read_text() for run in runs) == [True] * 4


def test_numbers_of_the_data_take_lists_too(page, workspace, monkeypatch):
    from training.executor import Executor

    monkeypatch.setattr(Executor, "_wake", lambda _self: None)  # nothing shall train here
    at = with_sample(page, "penguins")
    at.segmented_control(key="build_runs").set_value("several").run()
    at.text_input(key="build_data_validation_list").set_value("0.1 0.2").run()
    at.text_input(key="build_training_epochs_list").set_value("2, 3").run()
    assert at.button(key="build_train").label == "Train 4 runs"
    at.button(key="build_train").click().run()
    runs = [Executor(workspace).folder(run.id, "ann") for run in Executor(workspace).runs("ann")]
    assert sorted((run.recipe.data.validation, run.recipe.training["epochs"]) for run in runs if run) == [
        (0.1, 2), (0.1, 3), (0.2, 2), (0.2, 3),
    ]  # fmt: skip
