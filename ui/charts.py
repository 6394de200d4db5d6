"""Charts as plain Vega-Lite dictionaries: what a run and its report show, in the colours of the design language.

A spec holds no data and does not change while a run goes on, so that a visitor's zoom survives every tick.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ui import look

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

TRAINING, VALIDATION, UNSMOOTHED = "Training", "Validation", "Unsmoothed"
SERIES = 8
"""The most lines that one chart tells apart by colour."""


NAMES: Spec = {
    "field": "name",
    "type": "nominal",
    "title": None,
    "sort": None,
    "axis": {"ticks": False, "domain": False, "labelLimit": 150},
}
"""One row a name, in the order of the data."""
# The plain wheel keeps scrolling the page; with Shift or Ctrl it zooms, a drag moves, a double-click resets.
ZOOM: Spec = {
    "name": "zoom",
    "select": {"type": "interval", "zoom": "wheel![event.shiftKey || event.ctrlKey]"},
    "bind": "scales",
}


def curve(title: str, *, log: bool = False, ticks: int = 5) -> Spec:
    """Return the live chart of one quantity: training, validation, and the unsmoothed training line behind it."""
    return _curve(title, log, ticks, look.is_dark())


@lru_cache(maxsize=256)
def _curve(title: str, log: bool, ticks: int, _dark: bool) -> Spec:  # noqa: FBT001
    """Make the chart once for all who look, in the colours of the caller's theme."""
    names = [UNSMOOTHED, TRAINING, VALIDATION]
    colours = [look.colour("training"), look.colour("training"), look.colour("validation")]
    scale = _value_scale(log=log)
    x = {
        "field": "epoch",
        "type": "quantitative",
        "title": "Epochs finished",
        "axis": {"tickMinStep": 1, "grid": False},
    }
    line = {
        "params": [ZOOM],
        "transform": [{"fold": names, "as": ["curve", "value"]}, {"filter": "isValid(datum.value)"}],
        "mark": {"type": "line", "strokeWidth": 2, "strokeJoin": "round", "clip": True},
        "encoding": {
            "x": x,
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": title,
                "scale": scale,
                "axis": {"tickCount": ticks},
            },
            "color": {
                "field": "curve",
                "type": "nominal",
                "scale": {"domain": names, "range": colours},
                "legend": {"title": None, "orient": "top", "values": [TRAINING, VALIDATION], "symbolType": "stroke"},
            },
            "opacity": {"condition": {"test": f"datum.curve === '{UNSMOOTHED}'", "value": 0.22}, "value": 1},
        },
    }
    pointer = {
        "params": [
            {
                "name": "hover",
                "select": {
                    "type": "point",
                    "on": "pointerover",
                    "nearest": True,
                    "encodings": ["x"],
                    "clear": "pointerout",
                },
            }
        ],
        "transform": [{"filter": f"isValid(datum.{VALIDATION})"}],
        "mark": {"type": "rule", "color": look.colour("quiet"), "clip": True},
        "encoding": {
            "x": x,
            "opacity": {"condition": {"param": "hover", "empty": False, "value": 0.5}, "value": 0},
            "tooltip": [
                {"field": "epoch", "type": "quantitative", "title": "Epoch"},
                {"field": TRAINING, "type": "quantitative", "format": ".4~g"},
                {"field": VALIDATION, "type": "quantitative", "format": ".4~g"},
            ],
        },
    }
    return {"layer": [line, pointer], "config": {"view": {"stroke": None}}}


def curve_rows(points: Sequence[dict[str, Any]], metric: str, smoothing: float = 0.0) -> Rows:
    """Turn lines of metrics into rows of `curve`; `smoothing` (0 to under 1) is how much of the past stays."""
    rows = [
        {"epoch": line["x"], TRAINING: _finite(line.get(metric)), VALIDATION: _finite(line.get(f"val_{metric}"))}
        for line in points
    ]
    if smoothing:
        unsmoothed = [row[TRAINING] for row in rows]
        for name in (TRAINING, VALIDATION):
            for row, value in zip(rows, smooth([row[name] for row in rows], smoothing), strict=True):
                row[name] = value
        for row, value in zip(rows, unsmoothed, strict=True):
            row[UNSMOOTHED] = value
    return rows


def curve_table(points: Sequence[dict[str, Any]], metric: str, smoothing: float = 0.0) -> Any:
    """Return `curve_rows` as an Arrow table, column by column: a tick has no time for pandas."""
    import pyarrow as pa

    columns = {
        "epoch": _numbers([line["x"] for line in points]),
        TRAINING: _numbers([line.get(metric) for line in points]),
        VALIDATION: _numbers([line.get(f"val_{metric}") for line in points]),
    }
    if smoothing:
        columns[UNSMOOTHED] = columns[TRAINING]
        for name in (TRAINING, VALIDATION):
            columns[name] = _numbers(smooth([_finite(value) for value in columns[name].tolist()], smoothing))
    # Half the bytes, and still more digits than a screen has dots.
    return pa.table(
        {name: pa.array(values.astype(np.float32), mask=~np.isfinite(values)) for name, values in columns.items()}
    )


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    """Return values as an array; what is no number is NaN there."""
    return np.array(values, dtype=float)


def table(rows: Rows) -> Any:
    """Return rows as an Arrow table: for charts that are drawn again every second, by which pandas would take long."""
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def smooth(values: Sequence[float | None], keep: float) -> list[float | None]:
    """Average each value with those before it, the older the less; gaps stay gaps, the start is not pulled to 0."""
    total = weight = 0.0
    result: list[float | None] = []
    for value in values:
        if value is None:
            result.append(None)
            continue
        total = keep * total + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        result.append(total / weight)
    return result


def score_strip() -> Spec:
    """Return a score with its interval beside the baselines; rows: {"name", "value", "low", "high", "ours"}."""
    tone = {"condition": {"test": "datum.ours", "value": look.colour("test")}, "value": look.colour("baseline")}
    # Flush labels would leave the middle of their row at both ends.
    axis = {"labelLimit": 180, "ticks": False, "labelFlush": False}
    y = {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": axis}
    x = {"type": "quantitative", "title": None, "scale": {"zero": False, "nice": True}, "axis": {"tickCount": 5}}
    words = {"tooltip": [{"field": "name", "title": " "}, {"field": "value", "title": "Score", "format": ".3~f"}]}
    return {
        "layer": [
            {
                "transform": [{"filter": "isValid(datum.low)"}],
                "mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.3, "strokeCap": "round"},
                "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y, "color": tone},
            },
            {
                "mark": {"type": "point", "filled": True, "size": 130, "opacity": 1},
                "encoding": {"x": x | {"field": "value"}, "y": y, "color": tone} | words,
            },
        ],
        "config": {"view": {"stroke": None}, "axisY": {"domain": False}},
    }


def bars() -> Spec:
    """Return horizontal bars of shares with their number in words; rows: {"name", "value", "told", "chosen"}."""
    y = {"field": "name", "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 160, "ticks": False}}
    # The number stands behind the bar, so the longest bar leaves room for it.
    x = {"field": "value", "type": "quantitative", "title": None, "axis": None, "scale": {"domain": [0, 1.2]}}
    tone = {"condition": {"test": "datum.chosen", "value": look.colour("test")}, "value": look.colour("baseline")}
    number = {"type": "text", "align": "left", "dx": 6, "color": look.colour("ink"), "fontSize": 13}
    return {
        "encoding": {"y": y, "x": x},
        "layer": [
            {"mark": {"type": "bar", "cornerRadiusEnd": 3, "height": 14}, "encoding": {"color": tone}},
            {"mark": number, "encoding": {"text": {"field": "told", "type": "nominal"}}},
        ],
        "config": {"view": {"stroke": None}, "axisY": {"domain": False}},
    }


def class_rows(
    classes: Sequence[str], truth: Sequence[int], answer: Sequence[Sequence[float]], pictures: Sequence[str]
) -> Rows:
    """Put each picture into the row of the class that the model says; rows for `picture_rows`."""
    rows: Rows = []
    taken: dict[int, int] = {}
    for true, shares, picture in zip(truth, answer, pictures, strict=True):
        said = max(range(len(classes)), key=shares.__getitem__)
        place = taken[said] = taken.get(said, -1) + 1
        told = {"class": classes[said], "truth": classes[true], "sure": shares[said], "right": said == true}
        rows.append(told | {"place": place, "picture": picture})
    return rows


def picture_rows(classes: Sequence[str], last_place: int) -> Spec:
    """Return pictures in the rows of their classes; those in a wrong row are framed. Rows: `class_rows`."""
    y = {
        "field": "class",
        "type": "nominal",
        "title": None,
        "sort": list(classes),
        "scale": {"domain": list(classes)},
        "axis": {"ticks": False, "domain": False, "labelLimit": 90},
    }
    x = {
        "field": "place",
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [-0.6, max(5, last_place) + 0.6], "nice": False, "zero": False},
    }
    frame = {"type": "square", "size": 1500, "filled": False, "strokeWidth": 3, "color": look.colour("trouble")}
    frame["aria"] = False  # the picture itself is read out, and a group without frames would have no name
    words = [
        {"field": "class", "title": "The model says"},
        {"field": "truth", "title": "It is"},
        {"field": "sure", "title": "Sure", "type": "quantitative", "format": ".0%"},
    ]
    return {
        "encoding": {"x": x, "y": y},
        "layer": [
            {
                "mark": {"type": "image", "width": 36, "height": 36},
                "encoding": {"url": {"field": "picture", "type": "nominal"}, "tooltip": words},
            },
            {"transform": [{"filter": "!datum.right"}], "mark": frame, "encoding": {"tooltip": words}},
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def confidence_rows(
    classes: Sequence[str], rows: Sequence[int], truth: Sequence[int], answer: Sequence[Sequence[float]]
) -> Rows:
    """Return how sure the model is of the right class, row by row; rows for `confidences`."""
    return [
        {
            "name": f"{row} · {classes[true]}",
            "sure": shares[true],
            "right": max(shares) == shares[true],
            "said": classes[max(range(len(classes)), key=shares.__getitem__)],
        }
        for row, true, shares in zip(rows, truth, answer, strict=True)
    ]


def confidences() -> Spec:
    """Return one bar a row: green where the answer is right, red where another class has more. `confidence_rows`."""
    x = {
        "field": "sure",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, 1]},
        "axis": {"format": "%", "tickCount": 3},
    }
    tone = {"condition": {"test": "datum.right", "value": look.colour("good")}, "value": look.colour("trouble")}
    words = [
        {"field": "name", "title": "Row and class"},
        {"field": "said", "title": "The model says"},
        {"field": "sure", "title": "Sure of the right class", "type": "quantitative", "format": ".0%"},
    ]
    return {
        "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": 12},
        "encoding": {"x": x, "y": NAMES, "color": tone, "tooltip": words},
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def misses() -> Spec:
    """Return answer and truth of each row, joined by a line; rows: {"name", "truth", "answer"}."""
    x = {"type": "quantitative", "title": None, "scale": {"zero": False}, "axis": {"tickCount": 4}}
    words = [
        {"field": "name", "title": " "},
        {"field": "truth", "title": "It was", "type": "quantitative", "format": ".4~g"},
        {"field": "answer", "title": "The model says", "type": "quantitative", "format": ".4~g"},
    ]
    said, ring = look.colour("test"), look.colour("ink")
    return {
        "encoding": {"y": NAMES, "tooltip": words},
        "layer": [
            {
                "mark": {"type": "rule", "color": look.colour("baseline"), "strokeWidth": 2},
                "encoding": {"x": x | {"field": "truth"}, "x2": {"field": "answer"}},
            },
            {
                "mark": {"type": "point", "size": 90, "color": ring, "fill": None, "strokeWidth": 2, "opacity": 1},
                "encoding": {"x": x | {"field": "truth"}},
            },
            {
                "mark": {"type": "point", "size": 70, "color": said, "filled": True, "opacity": 1},
                "encoding": {"x": x | {"field": "answer"}},
            },
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def steps(title: str) -> Spec:
    """Return one quiet line over epochs, such as the learning rate; rows: {"epoch", "value"}."""
    return {
        "mark": {"type": "line", "interpolate": "step-after", "color": look.colour("training"), "tooltip": True},
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": "Epoch",
                "axis": {"tickMinStep": 1, "grid": False},
            },
            "y": {"field": "value", "type": "quantitative", "title": title, "axis": {"tickCount": 4, "format": "~g"}},
        },
        "config": {"view": {"stroke": None}},
    }


def confusion(classes: Sequence[str]) -> Spec:
    """Return the confusion matrix; rows: {"truth", "answer", "count", "share"}. A click selects a cell."""
    axis = {"labelLimit": 120, "ticks": False, "domain": False, "labelFlush": False}
    picked = {"param": "cell", "empty": False}
    # A column is about ten letters wide; longer names would run into each other.
    flat = max((len(name) for name in classes), default=0) <= (10 if len(classes) <= 8 else 3)
    return {
        "encoding": {
            "x": {"field": "answer", "type": "nominal", "title": "The model said", "sort": list(classes),
                  "axis": axis | {"orient": "top", "labelAngle": 0 if flat else -45}},
            "y": {"field": "truth", "type": "nominal", "title": "It was", "sort": list(classes), "axis": axis},
        },
        "layer": [
            {
                "params": [{"name": "cell", "select": {"type": "point", "fields": ["truth", "answer"]}}],
                "mark": {"type": "rect", "cornerRadius": 3, "cursor": "pointer"},
                "encoding": {
                    # The share within a row, so that a rare class shows its mistakes as clearly as a frequent one.
                    "color": {"field": "share", "type": "quantitative", "legend": None, "scale": {"domain": [0, 1]}},
                    "stroke": {"condition": picked | {"value": look.colour("ink")}, "value": None},
                    "strokeWidth": {"condition": picked | {"value": 2}, "value": 0},
                    "tooltip": [
                        {"field": "truth", "title": "It was"},
                        {"field": "answer", "title": "The model said"},
                        {"field": "count", "title": "Times", "type": "quantitative"},
                        {"field": "share", "title": "Of this class", "type": "quantitative", "format": ".0%"},
                    ],
                },
            },
            {
                "transform": [{"filter": "datum.count > 0"}],
                "mark": {"type": "text", "fontSize": 13 if len(classes) <= 12 else 10, "tooltip": False},
                "encoding": {
                    "text": {"field": "count", "type": "quantitative"},
                    "color": {"condition": {"test": "datum.share > 0.55", "value": _on_dark_cell()},
                              "value": look.colour("ink")},
                },
            },
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def rates(x_title: str, y_title: str, *, diagonal: bool) -> Spec:
    """Return one line a class in the unit square (ROC, precision and recall); rows: {"class", "x", "y"}."""
    unit = {"domain": [0, 1]}
    line = {
        # Not clipped: a line along an edge of the square keeps its full width.
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": x_title, "scale": unit, "axis": {"tickCount": 5}},
            "y": {"field": "y", "type": "quantitative", "title": y_title, "scale": unit, "axis": {"tickCount": 5}},
            "order": {"field": "place", "type": "quantitative"},
            "color": {
                "field": "class", "type": "nominal", "sort": None, "scale": {"range": list(look.categories())},
                "legend": {"title": None, "orient": "bottom", "symbolType": "stroke", "labelLimit": 160, "columns": 2},
            },
            "tooltip": [{"field": "class", "title": "Class"}],
        },
    }  # fmt: skip
    layers = [line]
    if diagonal:
        guess = {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]}
        mark = {"type": "line", "strokeDash": [4, 4], "strokeWidth": 1, "color": look.colour("baseline")}
        place = {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}}
        layers.insert(0, {"data": guess, "mark": mark, "encoding": place})
    return {"layer": layers, "config": {"view": {"stroke": None}}}


def over_strength(title: str, strength: float, *, share: bool) -> Spec:
    """Return answers over the strength of a disturbance, with a rule at the chosen one; rows: {"x", "y", "name"}."""
    y_scale = {"domain": [0, 1]} if share else {"zero": False}
    y_axis = {"tickCount": 5, "format": "%" if share else "~g"}
    legend = {"title": None, "orient": "bottom", "symbolType": "stroke", "labelLimit": 160}
    line = {
        "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 30}},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": "Strength", "scale": {"domain": [0, 1]},
                  "axis": {"tickCount": 5, "format": "%"}},
            "y": {"field": "y", "type": "quantitative", "title": title, "scale": y_scale, "axis": y_axis},
            "order": {"field": "place", "type": "quantitative"},
            "color": {
                "field": "name", "type": "nominal", "sort": None, "scale": {"range": list(look.categories())},
                "legend": legend if share else None,
            },
            "tooltip": [{"field": "name", "title": "Answer"}, {"field": "y", "title": title, "format": ".3~g"}],
        },
    }  # fmt: skip
    rule = {
        "data": {"values": [{"at": strength}]},
        "mark": {"type": "rule", "strokeDash": [4, 4], "color": look.colour("baseline")},
        "encoding": {"x": {"field": "at", "type": "quantitative"}},
    }
    return {"layer": [rule, line], "config": {"view": {"stroke": None}}}


def scatter(low: float, high: float) -> Spec:
    """Return answers against the truth with the line of no error; rows: {"row", "truth", "answer", "error"}."""
    room = (high - low) * 0.03 or 1.0
    scale = {"domain": [low - room, high + room], "nice": False}
    guide = {"values": [{"truth": low, "answer": low}, {"truth": high, "answer": high}]}
    x = {"field": "truth", "type": "quantitative", "title": "It was", "scale": scale}
    y = {"field": "answer", "type": "quantitative", "title": "The model said", "scale": scale}
    numbers = [
        {"field": "row", "title": "Row", "type": "quantitative"},
        {"field": "truth", "title": "It was", "type": "quantitative", "format": ".4~g"},
        {"field": "answer", "title": "The model said", "type": "quantitative", "format": ".4~g"},
    ]
    picked = {"param": "sample", "empty": False}
    return {
        "layer": [
            {
                "data": guide,
                "mark": {"type": "line", "strokeDash": [4, 4], "strokeWidth": 1, "color": look.colour("baseline")},
                "encoding": {"x": x, "y": y},
            },
            {
                "params": [{"name": "sample", "select": {"type": "point", "fields": ["row"]}}],
                "mark": {"type": "circle", "cursor": "pointer", "color": look.colour("test")},
                "encoding": {
                    "x": x,
                    "y": y,
                    "size": {"condition": picked | {"value": 160}, "value": 45},
                    "opacity": {"condition": picked | {"value": 1}, "value": 0.55},
                    "tooltip": numbers,
                },
            },
        ],
        "config": {"view": {"stroke": None}},
    }


def histogram(title: str) -> Spec:
    """Return counted bins; rows: {"from", "to", "count"}."""
    return {
        "layer": [
            {
                "mark": {"type": "bar", "color": look.colour("test"), "opacity": 0.8, "binSpacing": 1},
                "encoding": {
                    "x": {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": title},
                    "x2": {"field": "to"},
                    "y": {"field": "count", "type": "quantitative", "title": "Rows", "axis": {"tickMinStep": 1}},
                    "tooltip": [
                        {"field": "from", "title": "From", "format": ".3~g", "type": "quantitative"},
                        {"field": "to", "title": "To", "format": ".3~g", "type": "quantitative"},
                        {"field": "count", "title": "Rows", "type": "quantitative"},
                    ],
                },
            },
            {
                "data": {"values": [{"zero": 0}]},
                "mark": {"type": "rule", "strokeDash": [4, 4], "color": look.colour("quiet")},
                "encoding": {"x": {"field": "zero", "type": "quantitative"}},
            },
        ],
        "config": {"view": {"stroke": None}},
    }


def overlay(title: str, names: Sequence[str], *, log: bool = False) -> Spec:
    """Return one line a run, in the order of `names`; rows: {"run", "epoch", "value"}."""
    scale = _value_scale(log=log)
    return {
        "params": [ZOOM],
        "mark": {"type": "line", "strokeWidth": 2, "clip": True},
        "encoding": {
            "x": {"field": "epoch", "type": "quantitative", "title": "Epochs finished",
                  "axis": {"tickMinStep": 1, "grid": False}},
            "y": {"field": "value", "type": "quantitative", "title": title, "scale": scale, "axis": {"tickCount": 5}},
            "color": {
                "field": "run", "type": "nominal",
                "scale": {"domain": list(names), "range": list(look.categories())},
                "legend": {"title": None, "orient": "bottom", "symbolType": "stroke", "labelLimit": 260, "columns": 1},
            },
            "tooltip": [
                {"field": "run", "title": "Run"},
                {"field": "epoch", "type": "quantitative", "title": "Epoch"},
                {"field": "value", "type": "quantitative", "title": title, "format": ".4~g"},
            ],
        },
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def score_by_setting(
    setting: str, score: str, values: Sequence[float], *, log: bool = False, grouped: bool = False
) -> Spec:
    """Return scores against one setting, with their ranges; rows: {"value", "score", "low", "high", "rest"}.

    `rest` names what else differs; where it does (`grouped`), each combination has a line of its own colour. The axis
    names the `values` that were tried.
    """
    x = {
        "field": "value",
        "type": "quantitative",
        "title": setting,
        "scale": {"type": "log"} if log else {"zero": False, "padding": 12},
        "axis": {"grid": False, "labelExpr": "datum.value", "values": sorted(set(values)), "labelOverlap": True},
    }
    y = {"type": "quantitative", "title": score, "scale": {"zero": False}, "axis": {"tickCount": 5}}
    colour = (
        {
            "field": "rest",
            "type": "nominal",
            "scale": {"range": list(look.categories())},
            "legend": {"title": None, "orient": "bottom", "columns": 1, "labelLimit": 260, "symbolOpacity": 1},
        }
        if grouped
        else {"value": look.colour("test")}
    )
    tooltip = [
        {"field": "value", "title": setting},
        {"field": "score", "title": score, "format": ".4~g"},
        {"field": "low", "title": "From", "format": ".4~g"},
        {"field": "high", "title": "To", "format": ".4~g"},
    ]
    return {
        "encoding": {"x": x, "color": colour},
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.4},
             "encoding": {"y": {"field": "low"} | y, "y2": {"field": "high"}}},
            {"mark": {"type": "line", "strokeWidth": 1.5, "opacity": 0.6}, "encoding": {"y": {"field": "score"} | y}},
            {"mark": {"type": "circle", "size": 70}, "encoding": {"y": {"field": "score"} | y, "tooltip": tooltip}},
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def fold_scores(title: str) -> Spec:
    """Return one dot a fold and a line at their mean; rows: {"fold", "value", "mean"}."""
    x = {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": False, "padding": 16}}
    x |= {"axis": {"tickCount": 6, "grid": False}}
    return {
        "layer": [
            {
                "mark": {"type": "rule", "strokeDash": [4, 4], "color": look.colour("baseline")},
                "encoding": {"x": x | {"field": "mean", "aggregate": "max"}},
            },
            {
                "mark": {"type": "circle", "size": 110, "color": look.colour("test")},
                "encoding": {
                    "x": x,
                    "y": NAMES | {"field": "fold"},
                    "tooltip": [
                        {"field": "fold", "title": "Fold"},
                        {"field": "value", "title": title, "format": ".4~g"},
                    ],
                },
            },
        ],
        "config": {"view": {"stroke": None}},
    }


def height_of_rows(count: int, each: int = 26, least: int = 60) -> int:
    """Return the pixels that this many bars or lines of a table need."""
    return max(least, each * count + 16)


def _value_scale(*, log: bool) -> Spec:
    """Return the scale of measured values; a few pixels of room keep a line at the top (accuracy 1) whole."""
    return {"type": "log"} if log else {"zero": False, "nice": False, "padding": 8}


def _on_dark_cell() -> str:
    """Return the ink for the strongest cells: sequential colours end dark in the light theme, light in the dark."""
    return "#16181D" if look.is_dark() else "#FFFFFF"


def _finite(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None
