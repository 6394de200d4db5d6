"""Open a model: a file from elsewhere is checked, shown, kept for its owner alone, and deleted."""

import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from recipes import Refusal
from records import Workspace
from records.model_file import Inspected, LayerLine, Port
from training import gate
from ui import import_model, studio

ROOT = Path(__file__).resolve().parents[2]
TOLD = Inspected(
    name="small_*net*",
    kind="Sequential",
    keras="3.15.1",
    saved="2026-11-01 10:00:00",
    layers=(
        LayerLine(name="numbers", kind="Input", shape="4", parameters=0),
        LayerLine(name="dense", kind="Dense", shape="2", parameters=10),
    ),
    parameters=10,
    trainable=5,
    inputs=(Port(name="numbers", shape=(4,), dtype="float32"),),
    outputs=(Port(name="answer", shape=(None, 2), dtype="string"),),
    bytes=12_345,
    sha256="0" * 64,
)
GONE = r"This model is not here any more\. Open its file again\."
DIVERGED = "1 of its arrays of weights hold numbers that are none."


@pytest.fixture
def space(tmp_path, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("ui.identity.current_user", lambda: "ann")
    yield Workspace(tmp_path)
    st.cache_resource.clear()


def brought(space, monkeypatch, outcome, owner="ann"):
    """A file that was uploaded just now, and a gate that takes a moment and ends so."""
    folder = space.new_upload_folder(owner)
    (folder / import_model.BROUGHT).write_bytes(b"a file")

    def admitted(file, into):
        assert file.read_bytes() == b"a file"
        time.sleep(0.3)
        if isinstance(outcome, Exception):
            raise outcome
        (into / gate.TOLD).write_text(outcome.model_dump_json())
        return outcome

    monkeypatch.setattr(gate, "admitted", admitted)
    monkeypatch.setattr(gate, "opened", lambda _: outcome)
    return folder


def opened(name=""):
    at = AppTest.from_file(ROOT / "pages" / "open_model.py", default_timeout=60)
    if name:
        at.query_params["model"] = name
    return at.run()


def finished(at):
    for _ in range(100):
        assert not at.exception
        if at.metric or at.error:
            return at
        time.sleep(0.05)
        at.run()
    raise AssertionError("The page waits for ever.")


@pytest.mark.usefixtures("space")
def test_asks_for_a_file_and_says_what_will_be_seen():
    at = opened()
    assert [line.value for line in at.caption] == [
        "You will see its layers, its inputs and answers, and how many numbers it has learned."
    ]


def test_waits_in_words_and_then_shows_the_model(space, monkeypatch):
    folder = brought(space, monkeypatch, TOLD)
    at = opened(folder.name)
    assert any("built anew from stock layers" in line.value for line in at.caption)
    at = finished(at)
    assert {each.label: each.value for each in at.metric} == {
        "Parameters": "10", "Still learn": "50%", "Layers": "2", "Size": "12 kB",
    }  # fmt: skip
    assert [row.Layer for row in at.dataframe[0].value.itertuples()] == ["Input", "Dense"]
    shown = " ".join(line.value for line in at.markdown)
    assert "any × 2 · text" in shown
    assert "Sequential model, saved with Keras 3.15.1 on 2026-11-01" in shown
    assert at.subheader[0].value == r"small\_\*net\*"
    assert not (folder / import_model.BROUGHT).exists()


def test_a_refused_file_leaves_one_sentence_and_nothing_else(space, monkeypatch):
    folder = brought(space, monkeypatch, Refusal("The layer 'trick' is a Lambda."))
    at = finished(opened(folder.name))
    assert [line.value for line in at.error] == [r"The layer 'trick' is a Lambda\."]
    assert not folder.exists()
    assert not any(button.key == "delete_model" for button in at.button)


def test_a_full_disk_is_told(space, monkeypatch):
    folder = brought(space, monkeypatch, OSError(28, "No space left on device"))
    at = finished(opened(folder.name))
    assert at.error[0].value.startswith("The file could not be kept on this computer")


def test_numbers_that_are_none_are_told(space, monkeypatch):
    odd = TOLD.model_copy(update={"is_finite": False, "notes": ("How it was trained.", DIVERGED)})
    at = finished(opened(brought(space, monkeypatch, odd).name))
    assert "hold numbers that are none" in at.warning[0].value
    assert [line.value for line in at.caption] == [r"How it was trained\."]


def test_a_model_that_came_through_is_listed_and_can_be_deleted(space, monkeypatch):
    folder = brought(space, monkeypatch, TOLD)
    finished(opened(folder.name))
    at = opened()
    (again,) = [button for button in at.button if button.key == f"open_{folder.name}"]
    at = finished(again.click().run())
    next(button for button in at.button if button.key == "delete_model").click().run()
    assert not folder.exists()
    assert finished(opened(folder.name)).error[0].value == GONE


@pytest.mark.parametrize("name", ["0123456789abcdef", "../bob/0123", "none", "..%2f"])
def test_nobody_opens_what_is_not_theirs(space, monkeypatch, name):
    folder = brought(space, monkeypatch, TOLD, owner="bob")
    at = finished(opened(folder.name if name == "none" else name))
    assert at.error[0].value == GONE
    assert studio.owner() == "ann"
    assert folder.exists()


@pytest.mark.usefixtures("space")
def test_learn_leads_there():
    at = AppTest.from_file(ROOT / "pages" / "learn.py", default_timeout=60).run()
    assert not at.exception
    assert any(button.key == "learn_open_model" and button.label == "Open a .keras file" for button in at.button)
