"""Panels of tables, ratings and mixed rows are drawn from what the worker wrote, and from that alone."""

from streamlit.testing.v1 import AppTest


def drawn(told):
    """Draw one panel in an app of its own."""

    def app(told):
        import ui.panels

        ui.panels.draw(None, [told], "panel")  # ty: ignore[invalid-argument-type]

    page = AppTest.from_function(app, kwargs={"told": told}).run(timeout=30)
    assert not page.exception
    return page


def test_a_map_of_answers_counts_points_on_their_own_colour():
    axis = {"edges": [0.0, 1.0, 2.0], "log": False, "has_unit": True}
    page = drawn({
        "kind": "boundary", "title": "Map of its answers", "sentence": "", "classes": ["no", "yes"], "target": "fraud",
        "x": axis | {"name": "hour"}, "y": axis | {"name": "amount"}, "cells": [0, 1, 0, 1],
        "sure": [1.0, 0.5, 0.9, 0.7],
        "points": {"x": [0.5, 1.5, 2.0], "y": [0.5, 1.5, 0.1], "truth": [0, 0, 1], "rows": [4, 7, 9]},
    })  # fmt: skip
    assert page.caption[0].value == "2 of 3 points lie on their own colour. The stronger a colour, the surer the model."


def test_a_map_of_numbers_needs_no_sureness():
    axis = {"edges": [0.0, 1.0, 2.0], "log": True, "has_unit": False}
    page = drawn({
        "kind": "boundary", "title": "", "classes": [], "target": "mpg", "x": axis | {"name": "a"},
        "y": axis | {"name": "b"}, "cells": [1.0, 2.0, 3.0, 4.0],
        "points": {"x": [0.5], "y": [0.5], "truth": [2.5], "rows": [4]},
    })  # fmt: skip
    assert not page.caption


def test_neighbours_are_written_with_their_likeness():
    page = drawn({"kind": "nearest", "rows": [{"name": "Alien", "near": [{"name": "Aliens *2*", "value": 0.98}]}]})
    assert page.markdown[0].value == "**Alien**  \nAliens \\*2\\* :gray[0.98]"


def test_shares_say_what_is_lost():
    part = {"name": "Text", "columns": ["note"], "lost": 0.5, "share": 1.0}
    page = drawn({"kind": "shares", "whole": 0.9, "measure": "accuracy", "parts": [part]})
    assert page.markdown[0].value == "**Text** :gray[note: 40 % right with that of another row in its place]"
    assert page.caption[0].value == "With everything it reaches 90 % right on these held-out rows."
