"""Panels of reports are drawn from what the worker wrote; moving a threshold on the test part is counted."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from recipes import Recipe
from records import Run, looks


def drawn(told, folder=None):
    """Draw one panel in an app of its own, of a run in this folder."""

    def app(told, folder):
        from pathlib import Path

        import ui.panels
        from records import Run

        run = Run(Path(folder)) if folder else None
        ui.panels.draw(run, [told], "panel")  # ty: ignore[invalid-argument-type]

    page = AppTest.from_function(app, kwargs={"told": told, "folder": folder}).run(timeout=30)
    assert not page.exception
    return page


def skill(**lines):
    return {
        "kind": "skill", "title": "Is it worth it?", "sentence": "Above 0 it helps.",
        "lines": [{"name": name, "values": values, "low": values, "high": values} for name, values in lines.items()],
    }  # fmt: skip


@pytest.mark.parametrize("steps", [1, 3])
def test_skill_is_drawn_for_one_step_and_for_several(steps):
    page = drawn(skill(last=[0.2] * steps, season=[-0.1] * steps))
    (chart,) = page.get("vega_lite_chart")
    assert chart.proto.alt == "The share of the naive error that is saved, step by step, last, season"


def test_a_naive_forecast_without_errors_leaves_nothing_to_save():
    page = drawn(skill(last=[None, None]))
    assert page.caption[0].value == "A naive forecast makes no error here, so nothing can be saved."


def test_moving_an_alarm_on_the_test_part_is_a_look(tmp_path):
    run = Run.create(tmp_path / "run", Recipe.of({"data": {"sample": "penguins"}}))
    np.savez(run.folder / "predictions.npz", rows=np.arange(3))
    steps = [{"asked": asked, "threshold": 1 - asked, "alarms": asked, "found": 0.5} for asked in (0.01, 0.05, 0.1)]
    told = {
        "kind": "histogram", "edges": [0.0, 0.5, 1.0], "series": [{"name": "Usual", "counts": [3, 1]}], "x": "Error",
        "steps": steps, "threshold": 0.95,
    }  # fmt: skip
    page = drawn(told, str(run.folder))
    assert looks.told(run).total == 0, "what the worker chose is part of the report"
    page.select_slider[0].set_value(2).run()
    assert not page.exception
    assert looks.told(run).kinds == {"threshold": 1}
