"""Build, opened first: data, model and training on one page, without Keras in the page process."""

import subprocess
import sys
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
    assert not at.button


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


def test_never_imports_keras(tmp_path):
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "from ui import identity\n"
        "identity.current_user = lambda: 'ann'\n"
        "for page in ('start', 'build', 'learn'):\n"
        "    assert not AppTest.from_file(f'pages/{page}.py', default_timeout=60).run().exception\n"
        "assert not {'keras', 'tensorflow'} & sys.modules.keys()\n"
    )
    environment = {"PATH": "/usr/bin", "LAYERWISE_WORKSPACE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True)
