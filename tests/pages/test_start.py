"""Start: the first paint is a finished example, with starters that open Build."""

import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import datasets
from ui import starters

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(tmp_path, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("ui.identity.current_user", lambda: "ann")
    at = AppTest.from_file(ROOT / "pages" / "start.py", default_timeout=60).run()
    for _ in range(100):
        assert not at.exception
        if at.metric:
            break
        time.sleep(0.1)
        at.run()
    yield at
    st.cache_resource.clear()


def test_shows_a_real_score_with_its_baseline(page):
    assert page.metric[0].label == "Accuracy on pictures it had never seen"
    assert float(page.metric[0].value) >= 0.95
    assert any(
        line.value.startswith("Always answering the most frequent class would reach 0.1") for line in page.caption
    )


def test_the_model_can_be_tried_at_once(page):
    assert any(group.key == "try_way" for group in page.get("button_group"))


def test_every_starter_opens_a_bundled_sample():
    known = {sample.name for name in datasets.names() for sample in datasets.get(name).samples() if not sample.online}
    assert {starter.sample for group in starters.STARTERS.values() for starter in group} <= known
