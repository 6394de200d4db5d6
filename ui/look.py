"""The design language: colours by role, icons, cards, badges, designed empty, loading and failed states, number words.

Every screen takes its pieces from here, so that the same thing looks and reads the same everywhere.
"""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import builders
import datasets
from builders._stack_kinds import KINDS
from recipes import Finding
from records.run import State

Role = Literal["training", "validation", "test", "baseline", "ink", "quiet", "hairline", "good", "caution", "trouble"]
BadgeColour = Literal["red", "orange", "yellow", "blue", "green", "gray"]

LIGHT: dict[Role, str] = {
    "training": "#0072B2",
    "validation": "#D55E00",
    "test": "#009E73",
    "baseline": "#8A8F98",
    "ink": "#16181D",
    "quiet": "#5C6470",
    "hairline": "#E6E6E1",
    "good": "#009E73",
    "caution": "#B98300",
    "trouble": "#C8323C",
}
DARK: dict[Role, str] = {
    "training": "#4BA3DB",
    "validation": "#F0853C",
    "test": "#2DBE95",
    "baseline": "#9AA3AF",
    "ink": "#EDEEF0",
    "quiet": "#9AA3AF",
    "hairline": "#2A2E36",
    "good": "#2DBE95",
    "caution": "#E3B341",
    "trouble": "#EF6F77",
}
CATEGORIES_LIGHT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8F98", "#B8A800")
CATEGORIES_DARK = ("#4BA3DB", "#F0853C", "#2DBE95", "#D98FB9", "#F0B93A", "#8ACDF2", "#9AA3AF", "#D6C94A")

STATES: dict[str, tuple[str, str, BadgeColour]] = {
    "queued": ("Waiting", "schedule", "gray"),
    "starting": ("Starting", "hourglass_top", "blue"),
    "running": ("Training", "play_circle", "blue"),
    "finished": ("Finished", "check_circle", "green"),
    "stopped": ("Stopped", "pause_circle", "yellow"),
    "cancelled": ("Cancelled", "cancel", "gray"),
    "failed": ("Failed", "error", "red"),
    "interrupted": ("Coming back", "sync", "yellow"),
}
"""A run's state as people read it: word, icon, colour."""

SEVERITIES: dict[str, tuple[str, str, BadgeColour]] = {
    "problem": ("Problem", "error", "red"),
    "warning": ("Warning", "warning", "yellow"),
    "notice": ("Notice", "info", "blue"),
    "pass": ("Fine", "check_circle", "green"),
}
"""A finding's severity as people read it, the gravest first: word, icon, colour."""

STATIC = Path(__file__).resolve().parents[1] / "static"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>$~:&])")


def is_dark() -> bool:
    """Does the visitor look at the dark theme?"""
    return st.context.theme.type == "dark"


def colour(role: Role) -> str:
    """Return a role's colour in the visitor's theme; the same role has the same colour in every chart."""
    return (DARK if is_dark() else LIGHT)[role]


def categories() -> tuple[str, ...]:
    """Return the eight colour-blind safe colours for classes, in the visitor's theme."""
    return CATEGORIES_DARK if is_dark() else CATEGORIES_LIGHT


def plain(text: object) -> str:
    """Escape text of unknown origin (names of files, columns, classes), so that it shows as it was written."""
    joined = " ".join(str(text).split()).replace(" %", "\u00a0%")  # a number and its sign stay on one line
    return _MARKDOWN.sub(r"\\\1", joined)


def symbol(name: str) -> str:
    """Return a Material symbol as Streamlit writes it: `table` becomes `:material/table:`."""
    return f":material/{name}:"


def family_icon(architecture: str) -> str:
    """Return the icon of a model family."""
    return symbol(builders.get(architecture).ICON)


def type_icon(data_type: str) -> str:
    """Return the icon of a data type."""
    return symbol(datasets.get(data_type).ICON)


def header(title: str, sentence: str = "", icon: str | None = None) -> None:
    """Open a screen: its title and one quiet sentence."""
    with st.container(gap=None):
        st.title(title, anchor=False, icon=symbol(icon) if icon else None)
        if sentence:
            st.markdown(f":gray[{sentence}]")


def section(title: str, sentence: str = "", icon: str | None = None) -> None:
    """Open a section of a screen."""
    with st.container(gap=None):
        st.subheader(title, anchor=False, icon=symbol(icon) if icon else None)
        if sentence:
            st.markdown(f":gray[{sentence}]")


def card(key: str, *, height: int | Literal["content", "stretch"] = "content") -> DeltaGenerator:
    """Return a card: a hairline around what belongs together."""
    return st.container(border=True, key=key, height=height, gap="small")


def row(key: str | None = None, *, align: Literal["left", "center", "right", "distribute"] = "left") -> DeltaGenerator:
    """Return a horizontal row of small things that wraps on a phone."""
    return st.container(horizontal=True, horizontal_alignment=align, vertical_alignment="center", key=key, gap="small")


def quiet(text: str) -> None:
    """Write a line that steps back."""
    st.caption(text)


def state_badge(state: State) -> None:
    """Show a run's state as word, icon and colour."""
    word, icon, tone = STATES[state.state]
    st.badge(word, icon=symbol(icon), color=tone)


def severity_line(finding: Finding) -> str:
    """Return a finding as one line of Markdown: icon, sentence, cure; names of columns and classes stand in it."""
    word, icon, tone = SEVERITIES[finding.severity]
    cure = f" :gray[{plain(finding.cure)}]" if finding.cure else ""
    return f":{tone}[{symbol(icon)} {word}.] {plain(finding.sentence)}{cure}"


def empty(key: str, sentence: str, *, icon: str, button: str = "", page: str | Path = "") -> None:
    """Show that nothing is here yet, and the one next step."""
    with st.container(border=True, key=key, horizontal_alignment="center", gap="small"):
        st.space("small")
        st.markdown(f"# :gray[{symbol(icon)}]", text_alignment="center", anchors=False)
        st.markdown(sentence, text_alignment="center")
        if button and st.button(button, key=f"{key}_button", type="primary"):
            st.switch_page(page)
        st.space("small")


def loading(words: str, height: int = 160) -> None:
    """Show a skeleton of the right shape with the phase in words."""
    st.caption(f"{symbol('hourglass_top')} {words}")
    st.skeleton(height)


def failed(sentence: str) -> None:
    """Show one sentence about what went wrong, as text of unknown origin."""
    st.error(plain(sentence), icon=symbol("error"))


def number(value: float) -> str:
    """Write a count with separators: 1,088."""
    return f"{value:,.0f}"


def score(value: float | None) -> str:
    """Write a score with what matters: 0.953; a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


def setting_value(value: Any) -> str:
    """Write a setting as a person would: 0.001, 64, on, adam."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value == "":
        return "automatic"
    if isinstance(value, list | tuple):
        return ", ".join(map(setting_value, value))
    if isinstance(value, dict) and value.get("kind") in KINDS:
        return KINDS[value["kind"]].model_validate(value).told()
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")


def duration(seconds: float) -> str:
    """Write a time to what matters: under 1 s, 9 s, 4 min, 2 h 10 min."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def memory(megabytes: float) -> str:
    """Write an amount of memory: 12 MB, 3.1 GB."""
    return f"{megabytes:,.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"


def ago(moment: float) -> str:
    """Write how long ago a moment was: just now, 5 min ago, 3 days ago."""
    seconds = max(0.0, time.time() - moment)
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    if seconds < 86_400:
        return f"{seconds // 3600:.0f} h ago"
    days = int(seconds // 86_400)
    return "yesterday" if days == 1 else f"{days} days ago"


def ordinal(place: int) -> str:
    """Write a place: 1st, 2nd, 3rd, 11th."""
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{number(place)}{ending}"


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: 1 notice, 2 notices."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def sparkline(values: Sequence[float], key: str, *, role: Role = "validation", height: int = 48) -> None:
    """Draw a curve as small as a word: no axes, one line."""
    rows = [{"x": place, "y": value} for place, value in enumerate(values)]
    spec = {
        "mark": {"type": "line", "strokeWidth": 2, "color": colour(role), "interpolate": "monotone"},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "axis": None},
            "y": {"field": "y", "type": "quantitative", "axis": None, "scale": {"zero": False}},
        },
        "config": {"view": {"stroke": None}},
        "padding": {"left": 2, "right": 2, "top": 2, "bottom": 2},
    }
    st.vega_lite_chart(rows, spec, height=height, key=key, alt="The loss from epoch to epoch")
