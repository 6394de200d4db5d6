"""Charts are plain dictionaries: constant while a run ticks, with data that a browser can draw."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from ui import charts

SPECS = {
    "curve": lambda: charts.curve("Loss"),
    "log curve": lambda: charts.curve("Loss", log=True),
    "score strip": charts.score_strip,
    "bars": charts.bars,
    "picture rows": lambda: charts.picture_rows(["a", "b"], 3),
    "confidences": charts.confidences,
    "misses": charts.misses,
    "confusion": lambda: charts.confusion(["a", "b"]),
    "rates": lambda: charts.rates("x", "y", diagonal=True),
    "scatter": lambda: charts.scatter(1.0, 2.0),
    "histogram": lambda: charts.histogram("Error"),
    "overlay": lambda: charts.overlay("Loss", ["one", "two"]),
    "steps": lambda: charts.steps("Rate"),
}


@pytest.mark.parametrize("name", SPECS)
def test_is_plain_and_the_same_each_time(name):
    """A spec that changed between two ticks would throw the visitor's zoom away."""
    assert json.dumps(SPECS[name]()) == json.dumps(SPECS[name]())


@pytest.mark.parametrize("name", SPECS)
def test_is_accepted_by_the_page(name):
    page = "import streamlit as st\nfrom tests.ui import test_charts\n"
    page += f"st.vega_lite_chart([], test_charts.SPECS[{name!r}]())"
    at = AppTest.from_string(page).run()
    assert not at.exception
    assert json.loads(at.get("vega_lite_chart")[0].proto.spec)["config"]


def test_the_live_curve_has_a_zoom_that_can_be_kept():
    params = charts.curve("Loss")["layer"][0]["params"]
    assert params == [charts.ZOOM]
    assert charts.ZOOM["bind"] == "scales"


def test_the_wheel_alone_scrolls_the_page():
    assert charts.ZOOM["select"]["zoom"] == "wheel![event.shiftKey || event.ctrlKey]"


def test_curve_rows_keep_gaps_and_drop_what_is_no_number():
    points = [{"x": 0.5, "loss": 0.9}, {"x": 1.0, "loss": float("nan"), "val_loss": 0.8}]
    assert charts.curve_rows(points, "loss") == [
        {"epoch": 0.5, "Training": 0.9, "Validation": None},
        {"epoch": 1.0, "Training": None, "Validation": 0.8},
    ]


def test_smoothing_keeps_the_unsmoothed_line():
    points = [{"x": 1.0, "loss": 4.0}, {"x": 2.0, "loss": 2.0}]
    rows = charts.curve_rows(points, "loss", 0.5)
    assert [row["Unsmoothed"] for row in rows] == [4.0, 2.0]
    assert rows[0]["Training"] == 4.0
    assert rows[1]["Training"] == pytest.approx(2 + 2 / 3)


def test_smoothing_does_not_start_at_zero_and_passes_over_gaps():
    assert charts.smooth([3.0, None, 3.0], 0.9) == pytest.approx([3.0, None, 3.0])


def test_pictures_stand_in_the_row_that_the_model_says():
    rows = charts.class_rows(["cat", "dog"], [0, 1, 0], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], ["a", "b", "c"])
    assert [(row["class"], row["place"], row["right"]) for row in rows] == [
        ("cat", 0, True),
        ("cat", 1, False),
        ("dog", 0, False),
    ]


def test_confidence_is_that_of_the_right_class():
    rows = charts.confidence_rows(["cat", "dog"], [7, 8], [0, 0], [[0.9, 0.1], [0.3, 0.7]])
    assert [(row["name"], row["sure"], row["right"], row["said"]) for row in rows] == [
        ("7 · cat", 0.9, True, "cat"),
        ("8 · cat", 0.3, False, "dog"),
    ]


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_the_table_of_a_curve_holds_its_rows(smoothing):
    """What is sent column by column is what the rows say; half-size numbers are exact enough for a screen."""
    points = [{"x": 0.5, "loss": 2.0}, {"x": 1.0, "loss": 1.0, "val_loss": 1.5}, {"x": 1.5, "loss": float("nan")}]
    rows = charts.curve_rows(points, "loss", smoothing)
    told = charts.curve_table(points, "loss", smoothing).to_pylist()
    assert [row.keys() for row in told] == [row.keys() for row in rows]
    for given, row in zip(told, rows, strict=True):
        assert given == pytest.approx(row)


def test_a_table_keeps_rows_of_unequal_keys():
    assert charts.table([{"a": 1}, {"a": 2.5, "b": "x"}]).to_pylist() == [{"a": 1, "b": None}, {"a": 2.5, "b": "x"}]
