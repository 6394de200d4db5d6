"""Small live toys for the Learn page, one a family: a few sliders, real arithmetic, one picture."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from ui import look

HEIGHT = 280
SIDE = 20
FILTERS: dict[str, list[list[float]]] = {
    "Upright edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Level edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "Spots": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "Blur": [[1 / 9] * 3] * 3,
}


def has(family: str) -> bool:
    """Is there a toy for this family?"""
    return family in _toys()


def show(family: str) -> None:
    """Draw the family's toy."""
    _toys()[family]()


def _toys() -> dict[str, Callable[[], None]]:
    return {"mlp": bends, "cnn": filters, "residual_cnn": short_cuts}


def bends() -> None:
    """One layer of units fitted to a few points: each unit adds one bend to the line."""
    st.markdown("**Try it: each unit is one bend**")
    width = st.slider("Units", 1, 30, 3, key="toy_width")
    x, y = _points()
    grid = np.linspace(0, 1, 160)
    line = _fit(width, grid)
    points = [{"x": a, "y": b, "what": "Data"} for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    curve = [{"x": a, "y": b, "what": "Network"} for a, b in zip(grid.tolist(), line.tolist(), strict=True)]
    axes = {
        "x": {"field": "x", "type": "quantitative", "axis": None},
        "y": {"field": "y", "type": "quantitative", "axis": None, "scale": {"domain": [-1.6, 1.6]}},
    }
    spec = {
        "layer": [
            {
                "transform": [{"filter": "datum.what == 'Data'"}],
                "mark": {"type": "point", "filled": True, "size": 40, "color": look.colour("baseline")},
                "encoding": axes,
            },
            {
                "transform": [{"filter": "datum.what == 'Network'"}],
                "mark": {"type": "line", "strokeWidth": 2.5, "color": look.colour("training"), "clip": True},
                "encoding": axes,
            },
        ],
        "config": {"view": {"stroke": None}},
    }
    st.vega_lite_chart(points + curve, spec, height=HEIGHT, key="toy_bends", alt="Points, and the line of the network")
    error = float(np.sqrt(np.mean((_fit(width, x) - y) ** 2)))
    words = "too stiff" if error > 0.35 else "learning the noise by heart" if width > 18 else "about right"
    look.quiet(f"{look.counted(width, 'unit')}: off by {error:.2f} on average, {words}.")


def filters() -> None:
    """One filter slides over one picture; what lights up is what the next layer sees."""
    st.markdown("**Try it: one filter, one picture**")
    name = st.segmented_control("Filter", list(FILTERS), default="Upright edges", required=True, key="toy_filter")
    picture = _seven()
    seen = _convolve(picture, np.array(FILTERS[str(name)]))
    left, right = st.columns(2)
    with left:
        _grid(picture, "toy_picture", "A picture of a seven", "greys")
        look.quiet("The picture")
    with right:
        _grid(seen, "toy_seen", f"What the filter '{name}' sees", "strength")
        look.quiet("Where the filter lights up")


def short_cuts() -> None:
    """How much of the error's signal reaches each layer, with and without short cuts."""
    st.markdown("**Try it: how far the error's signal reaches**")
    depth = st.slider("Layers", 4, 60, 30, key="toy_depth")
    rows = [
        {"layer": depth - number, "signal": value, "network": name}
        for name, short_cut in (("With short cuts", True), ("Without", False))
        for number, value in enumerate(_signal(depth, short_cut=short_cut))
    ]
    names, colours = ["With short cuts", "Without"], [look.colour("training"), look.colour("validation")]
    spec = {
        "mark": {"type": "line", "strokeWidth": 2.5},
        "encoding": {
            "x": {"field": "layer", "type": "quantitative", "title": "Layer (0 is next to the picture)"},
            "y": {
                "field": "signal",
                "type": "quantitative",
                "title": "Signal that arrives",
                "scale": {"type": "log"},
                "axis": {"format": "~g", "tickCount": 5},
            },
            "color": {
                "field": "network",
                "type": "nominal",
                "scale": {"domain": names, "range": colours},
                "legend": {"title": None, "orient": "top", "symbolType": "stroke"},
            },
        },
        "config": {"view": {"stroke": None}},
    }
    st.vega_lite_chart(rows, spec, height=HEIGHT, key="toy_signal", alt="Signal by layer, with and without short cuts")
    look.quiet(
        "The error comes in at the right and travels to the left. Without short cuts the first layers hear nothing."
    )


@st.cache_data(show_spinner=False)
def _points() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    x = np.sort(random.uniform(0, 1, 36))
    return x, np.sin(x * 9) * (1 - 0.35 * x) + random.normal(0, 0.16, len(x))


def _fit(width: int, at: np.ndarray) -> np.ndarray:
    """Fit a layer of ReLU units at even places by least squares; answers at other places."""
    places = np.linspace(0, 1, width + 1)[:-1]

    def units(points: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones_like(points), np.maximum(0, points[:, None] - places)])

    x, y = _points()
    weights = np.linalg.lstsq(units(x), y, rcond=1e-8)[0]
    return units(at) @ weights


def _seven() -> np.ndarray:
    """Draw a seven: a level bar and a slanted stroke."""
    picture = np.zeros((SIDE, SIDE))
    picture[4:6, 5:15] = 1
    for step in range(11):
        column = 14 - int(step * 0.6)
        picture[5 + step, column - 1 : column + 1] = 1
    return picture


def _convolve(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    padded = np.pad(picture, 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.maximum(0, np.einsum("ijkl,kl->ij", windows, kernel))


def _grid(values: np.ndarray, key: str, alt: str, kind: str) -> None:
    rows = [
        {"column": column, "row": row, "value": round(float(values[row, column]), 3)}
        for row in range(values.shape[0])
        for column in range(values.shape[1])
    ]
    ends = [look.colour("hairline"), look.colour("ink" if kind == "greys" else "training")]
    encoding: dict[str, Any] = {
        "x": {"field": "column", "type": "ordinal", "axis": None},
        "y": {"field": "row", "type": "ordinal", "axis": None},
        "color": {"field": "value", "type": "quantitative", "scale": {"range": ends}, "legend": None},
    }
    spec = {"mark": {"type": "rect"}, "encoding": encoding, "config": {"view": {"stroke": None}}}
    st.vega_lite_chart(rows, spec, height=220, key=key, alt=alt)


def _signal(depth: int, *, short_cut: bool) -> list[float]:
    """Send a signal back through layers of random weights; returns its size after each, the first being 1."""
    random = np.random.default_rng(7)
    signal = random.normal(size=64)
    sizes = [float(np.linalg.norm(signal))]
    for _ in range(depth):
        step = (random.normal(0, 0.75 / 8, (64, 64)) * (random.uniform(size=64) > 0.35)) @ signal
        signal = signal + 0.2 * step if short_cut else step
        sizes.append(float(np.linalg.norm(signal)))
    return [size / sizes[0] for size in sizes]
