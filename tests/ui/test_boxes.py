"""Boxes on screen: the panel, Build's preview and Try draw what the worker wrote."""

from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

from datasets import boxes
from recipes import Recipe
from records import Run, write_json


def a_run(folder: Path) -> Run:
    """Make a run of the sample with several animals a picture, as if it had been judged."""
    dataset = boxes.load_sample("find-the-animals", folder / "data")
    run = Run.create(folder / "run", Recipe.of({"data": {"sample": "find-the-animals"}}))
    write_json(run.folder / "prepared.json", {"folder": str(folder / "gone"), "dataset": str(dataset.folder)})
    write_json(run.folder / "report.json", {"threshold": 0.4})
    np.savez(run.folder / "predictions.npz", rows=np.arange(5), truth=np.zeros(5), answer=np.zeros(5))
    return run


def test_the_panel_says_what_is_there_and_what_was_found(tmp_path):
    run = a_run(tmp_path)

    def app(folder, told):
        import ui.panels
        from records import Run

        ui.panels.draw(Run(folder), [told], "panel")

    box = [0.1, 0.1, 0.5, 0.5]
    told = {
        "kind": "boxes", "title": "Some of the test part", "classes": ["cat", "dog"], "rows": [3, 7, 8],
        "truth": [[[0, *box]], [[1, *box], [0, *box]], []],
        "answer": [[[0, *box, 0.93]], [[1, *box, 0.8]], []],
    }  # fmt: skip
    page = AppTest.from_function(app, kwargs={"folder": run.folder, "told": told}).run(timeout=30)
    assert not page.exception
    said = [each.value for each in page.markdown]
    assert said[0] == ":green[:material/check:] cat"
    assert said[1] == ":orange[:material/close:] dog; there\\: cat, dog"
    assert said[2] == ":green[:material/check:] nothing"
    assert page.caption[0].value == "Green: what is there. Orange: what the model finds, and how sure it is."


def test_the_panel_says_that_the_data_are_gone(tmp_path):
    run = Run.create(tmp_path / "run", Recipe.of({"data": {"sample": "find-the-animals"}}))

    def app(folder):
        import ui.panels
        from records import Run

        told = {"kind": "boxes", "classes": ["cat"], "rows": [1], "truth": [[]], "answer": [[]]}
        ui.panels.draw(Run(folder), [told], "panel")

    page = AppTest.from_function(app, kwargs={"folder": run.folder}).run(timeout=30)
    assert page.caption[0].value == "The data of this run are no longer on this computer."


def test_build_shows_pictures_with_their_boxes(tmp_path):
    boxes.load_sample("find-the-animals", tmp_path)

    def app(folder):
        from datasets import DataSet
        from ui import previews

        previews.get("boxes").show(DataSet.open(folder))

    page = AppTest.from_function(app, kwargs={"folder": tmp_path}).run(timeout=30)
    assert not page.exception
    assert page.caption[0].value.endswith(" boxes in all.")


def test_try_shows_the_boxes_that_are_sure_enough(tmp_path, monkeypatch):
    run = a_run(tmp_path)
    told = {
        "classes": ["cat", "dog"], "threshold": 0.4,
        "boxes": [[1, 0.1, 0.1, 0.5, 0.5, 0.9], [0, 0.5, 0.5, 0.9, 0.9, 0.2]],
    }  # fmt: skip
    asked = []
    monkeypatch.setattr("ui.try_it.ask_model", lambda _run, values: asked.append(values) or told)

    def app(folder):
        import importlib
        from typing import Any

        from records import Run

        show: Any = importlib.import_module("ui.tries.detection").show
        show(Run(folder), None)

    page = AppTest.from_function(app, kwargs={"folder": run.folder}).run(timeout=30)
    assert not page.exception
    assert page.slider[0].value == 0.4
    assert list(asked[0]) == ["row_number"]
    assert [each.value for each in page.markdown if "sure" in each.value] == ["**dog** · 90\u00a0% sure"]
    page.slider[0].set_value(0.1).run(timeout=30)
    assert len([each for each in page.markdown if " sure" in each.value]) == 2
    page.slider[0].set_value(0.95).run(timeout=30)
    assert "**Nothing found.**" in [each.value for each in page.markdown]
    assert page.caption[-1].value == "2 boxes of which it is less sure. Move the slider to the left to see them."
