"""The Why tab: examples to walk through, every kind of drawing, checks, slow explanations, and what it cannot do."""

import base64
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from recipes import Refusal
from records import Run
from tests.pages.test_run import finish, opened, tab, words, workspace
from training import marks
from training.ask import WarmingUp
from ui import explain, explain_view

__all__ = ["workspace"]
WHY = ":material/psychology: Why"


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype="uint8")).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


PICTURE = png(np.arange(64).reshape(8, 8) * 4)
HEAT = {"kind": "heat", "seen": "picture", "signed": True, "pictures": [PICTURE], "heats": [PICTURE], "grid": [8, 8]}
COLUMN = {"name": "body_mass_g", "kind": "number", "values": [1.0, 2.0, 3.0], "mean": [0.1, 0.5, 0.9], "reach": 0.8}
PANELS = {
    "heat": HEAT,
    "clip": HEAT | {"seen": "clip", "signed": False, "pictures": [PICTURE] * 3, "heats": [PICTURE] * 3},
    "sound": HEAT | {"seen": "sound"},
    "words": {"kind": "words", "words": ["<b>late</b>", "parcel"], "weights": [0.4, -0.2], "signed": True},
    "stretches": {"kind": "stretches", "steps": 4,
                  "columns": [{"name": "turn", "values": [1.0, 2.0, 1.0, 0.0], "weights": [0.0, 0.0, 0.4, -0.1]}]},
    "importance": {"kind": "importance", "metric": "accuracy", "title": "Accuracy", "whole": 0.97, "rows": 52,
                   "repeats": 10, "columns": [{"name": "bill", "value": 0.2, "low": 0.1, "high": 0.3},
                                              {"name": "noise", "value": 0.0, "low": -0.01, "high": 0.01}]},
    "dependence": {"kind": "dependence", "target": "species", "answer": "Adelie", "columns": [
        COLUMN | {"lines": [[0.1, 0.2, 0.3]]}, COLUMN | {"name": "now", "now": 2.5},
        {"name": "sex", "kind": "category", "values": ["F", "M"], "mean": [0.2, 0.3], "now": "M", "reach": 0.1}]},
    "changes": {"kind": "changes", "found": True, "from": "Adelie", "wanted": "Gentoo", "said": 0.6,
                "columns": ["bill"],
                "changes": [{"name": "bill", "from": 39.0, "to": 50.0, "kind": "number"}]},
    "parts": {"kind": "parts", "parts": [{"name": "Picture", "columns": ["photo"], "value": 0.4},
                                         {"name": "Text", "columns": [], "value": -0.1}]},
    "map": {"kind": "map", "by": "pca", "x": [0.0, 1.0], "y": [1.0, 0.0], "rows": [3, 5], "classes": ["a", "b"],
            "labels": [0, 1], "values": [], "width": 16, "kept": 0.8, "target": "kind"},
    "grid": {"kind": "grid", "rows": ["<i>chat</i>", "noir"], "columns": ["black", "cat"],
             "weights": [[0.0, 0.8], [0.6, -0.1]], "down": "written", "across": "read"},
    "passages": {"kind": "passages", "parts": [
        {"title": "The question", "words": ["who"], "weights": [0.2], "marked": []},
        {"title": "The text", "words": ["<u>Ann</u>", "came"], "weights": [0.5, -0.1], "marked": [0, 0]}]},
    "earlier": {"kind": "earlier", "about": "Up", "mean": 3.0, "rows": [
        {"name": "Cars", "rating": 5.0, "alike": 0.8, "value": 1.6},
        {"name": "Alien", "rating": 1.0, "alike": 0.5, "value": -1.0}]},
    "next": {"kind": "words", "words": ["t", "h"], "weights": [0.1, 0.3], "signed": True, "next": "e", "likely": 0.7},
}  # fmt: skip
METHODS = [
    {"method": "what_if", "title": "What if", "name": "What-if curves", "sentence": "Read it so.",
     "paper": "Paper, 2015", "scope": "example"},
    {"method": "counterfactual", "title": "Smallest change", "name": "Counterfactual", "sentence": "Read it so.",
     "paper": "Paper, 2017", "scope": "example"},
    {"method": "permutation_importance", "title": "What matters", "name": "Permutation importance",
     "sentence": "Shuffled.", "paper": "Paper, 2001", "scope": "model"},
]  # fmt: skip
CASE = {"row": 1, "answer": 0, "said": [0.9, 0.1, 0.0], "truth": 0, "classes": ["Adelie", "Chinstrap", "Gentoo"],
        "target": "species"}  # fmt: skip


def told(panel, *, holds=True):
    sentence = "Check passed." if holds else "Do not trust this picture."
    check = {"panel": panel, "likeness": 0.1, "bound": 0.5, "holds": holds, "copies": 3, "sentence": sentence}
    return {"method": "any", "panel": panel, "case": CASE, "check": check}


@pytest.fixture
def warm(monkeypatch):
    """A warm process that answers from a table; returns it with the questions that were asked."""
    answers = {"what_if": told(PANELS["dependence"]), "counterfactual": told(PANELS["changes"]) | {"check": None},
               "permutation_importance": told(PANELS["importance"], holds=False)}  # fmt: skip
    asked = []
    warm_wrong = []

    def ask(_workspace, name, *, run, settings, **_more):
        assert name == "explain"
        assert Path(run).exists()
        asked.append(settings)
        return answers[settings["method"]] if settings else {"methods": METHODS, "wrong": warm_wrong}

    monkeypatch.setattr("ui.warm.ask", ask)
    answers["wrong"] = warm_wrong
    return answers, asked


def test_a_row_can_be_moved_and_its_answer_follows(workspace, warm):
    finish(workspace)
    at = tab(opened("run", run="finished"), WHY)
    shown = words(at)
    assert "Why this answer to this row?" in shown
    assert "It says **Adelie** · 90 % sure :green[:material/check_circle:] which is right" in shown
    assert "row" in warm[1][1]
    slider = next(each for each in at.slider if each.label == "body\\_mass\\_g")
    slider.set_value(slider.min).run()
    assert not at.exception
    moved = next(settings for settings in warm[1] if "values" in settings)
    assert moved["values"]["body_mass_g"] == slider.min
    at.button(key="why_reset").click().run()
    assert not at.exception
    assert "row" in warm[1][-2]


def test_examples_can_be_walked_through(workspace, warm):
    finish(workspace)
    at = tab(opened("run", run="finished"), WHY)
    first = warm[1][1]["row"]
    at.button(key="why_Next").click().run()
    second = [settings["row"] for settings in warm[1] if settings.get("method") == "what_if"][-1]
    assert second != first
    at.button(key="why_Previous").click().run()
    assert [settings["row"] for settings in warm[1] if settings.get("method") == "what_if"][-1] == first
    at.button(key="why_Any other").click().run()
    assert [settings["row"] for settings in warm[1] if settings.get("method") == "what_if"][-1] != first
    assert not at.exception


def test_only_the_mistakes(workspace, warm):
    """What went wrong is what one wants to see explained."""
    run = finish(workspace)
    rows = explain_view._rows(run)
    warm[0]["wrong"][:] = [rows[7], rows[9]]
    at = tab(opened("run", run="finished"), WHY)
    assert at.toggle[0].label == "Only its 2 mistakes"
    at.toggle[0].set_value(True).run()
    assert not at.exception
    assert [settings["row"] for settings in warm[1] if settings.get("method") == "what_if"][-1] == rows[7]
    at.button(key="why_Next").click().run()
    assert [settings["row"] for settings in warm[1] if settings.get("method") == "what_if"][-1] == rows[9]


@pytest.mark.usefixtures("warm")
def test_a_failed_check_warns_before_the_picture(workspace):
    finish(workspace)
    at = tab(opened("run", run="finished"), WHY)
    assert [warning.value for warning in at.warning] == ["Do not trust this picture\\."]
    assert ":green[:material/verified:] Check passed." in words(at)


def test_another_answer_can_be_asked_about(workspace, warm):
    finish(workspace)
    at = tab(opened("run", run="finished"), WHY)
    at.selectbox(key="why_answer_finished").select("Gentoo").run()
    assert not at.exception
    assert [settings["answer"] for settings in warm[1] if "answer" in settings][-1] == 2


def test_a_slow_explanation_waits_for_a_button(workspace, warm):
    run = finish(workspace)
    lock = marks.hold(marks.supervisor_lock(workspace))  # as if a supervisor lived: none is started
    assert lock is not None
    warm[0]["permutation_importance"] = {"slow": 29.0}
    at = tab(opened("run", run="finished"), WHY)
    assert at.button(key="why_whole_job").label == "Explain"
    assert "It takes about 29 s." in words(at)
    at.button(key="why_whole_job").click().run()
    os.close(lock)
    assert not at.exception
    questions = [json.loads(file.read_text()) for file in run.folder.glob("jobs/*/job.json")]
    assert questions == [{"kind": "explain", "settings": {"method": "permutation_importance"}}]


def test_a_cold_workshop_says_so(workspace, monkeypatch):
    def ask(*_, **__):
        raise WarmingUp("The model workshop is warming up.")

    finish(workspace)
    monkeypatch.setattr("ui.warm.ask", ask)
    assert "Keras is warming up." in words(tab(opened("run", run="finished"), WHY))


def test_a_refusal_is_one_sentence(workspace, monkeypatch):
    def ask(*_, **__):
        raise Refusal("This run has kept nothing that could be asked. Train it again to see why it answers so.")

    finish(workspace)
    monkeypatch.setattr("ui.warm.ask", ask)
    at = tab(opened("run", run="finished"), WHY)
    assert "This run has kept nothing that could be asked." in words(at)


def test_a_model_without_answers_says_what_to_look_at(workspace, monkeypatch):
    finish(workspace)
    monkeypatch.setattr("ui.warm.ask", lambda *_, **__: {"methods": []})
    monkeypatch.setitem(explain_view.INSTEAD, "classification", "Look at the pictures.")
    at = tab(opened("run", run="finished"), WHY)
    assert [info.value for info in at.info] == ["Look at the pictures."]


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("name", PANELS)
def test_every_kind_is_drawn_in_words_and_pictures(name, small):
    """Drawn without the app around it; names of columns and words may hold any sign."""

    def script(panel, small, folder):
        from pathlib import Path

        from records import Run
        from ui import explain

        explain.draw(Run(Path(folder)), panel, "panel", small=small)

    at = AppTest.from_function(script, args=(PANELS[name], small, "/nowhere"), default_timeout=30).run()
    assert not at.exception
    for chart in at.get("vega_lite_chart"):
        assert chart.proto.alt


def test_every_kind_has_a_panel_here():
    assert {panel["kind"] for panel in PANELS.values()} == set(explain.names())


def test_words_are_shown_as_they_are_written():
    def script(panel):
        from pathlib import Path

        from records import Run
        from ui import explain

        explain.draw(Run(Path("/nowhere")), panel, "panel")

    at = AppTest.from_function(script, args=(PANELS["words"],), default_timeout=30).run()
    assert "&lt;b&gt;late&lt;/b&gt;" in at.get("html")[0].proto.body
    assert at.caption[0].value == "Most for it\\: \\<b\\>late\\</b\\>\\. Most against it\\: parcel\\."


def test_every_task_without_explanations_has_its_sentence():
    from evaluation import tasks
    from evaluation.explain._view import TASKS

    explained = {*TASKS, "translation", "answering", "recommendation"}
    # A text that is continued is explained too; pictures that are made are not.
    assert set(tasks.names()) - explained == set(explain_view.INSTEAD)


def test_heat_hides_nothing_where_there_is_none():
    from ui.explain import heat

    picture = Image.fromarray(np.full((4, 4), 200, dtype="uint8"))
    none = heat.laid_over(picture, Image.fromarray(np.full((4, 4), 128, dtype="uint8")), (4, 4), signed=True)
    assert np.unique(np.asarray(none)).tolist() == [182]  # grey, drawn a quarter towards the middle
    full = heat.laid_over(picture, Image.fromarray(np.full((4, 4), 255, dtype="uint8")), (4, 4), signed=False)
    assert np.asarray(full)[0, 0].tolist() == [197, 44, 61]


def test_a_run_is_never_written_by_looking(workspace, warm):
    run = finish(workspace)
    before = sorted(str(file) for file in run.folder.rglob("*"))
    tab(opened("run", run="finished"), WHY)
    assert sorted(str(file) for file in Run(run.folder).folder.rglob("*")) == before
    assert warm[1]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("grid", r"Leans most on\: \<i\>chat\</i\> ← cat, noir ← black"),
        ("passages", r"The text\: no word counted\."),
        ("earlier", r"Strongest\: Cars, rated 5 \(this user's mean is 3\), alike \+0\.80\."),
    ],
)
def test_colours_are_said_in_words_too(name, line):
    """Also for whoever cannot see them; nothing that was written becomes markup."""

    def script(panel):
        from pathlib import Path

        from records import Run
        from ui import explain

        explain.draw(Run(Path("/nowhere")), panel, "panel")

    at = AppTest.from_function(script, args=(PANELS[name],), default_timeout=30).run()
    assert at.caption[-1].value == line
    assert not any("<i>chat" in each.proto.body or "<u>Ann" in each.proto.body for each in at.get("html"))
