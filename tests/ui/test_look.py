"""The design language: the same words and signs everywhere, and text of unknown origin shown as it was written."""

import time
import tomllib
from pathlib import Path

import pytest

import builders
from ui import look

ROOT = Path(__file__).resolve().parents[2]


def test_text_of_unknown_origin_is_never_markup():
    assert look.plain("**a** :red[b] <i> $x$ [c](d)") == (r"\*\*a\*\* \:red\[b\] \<i\> \$x\$ \[c\]\(d\)")


def test_text_of_unknown_origin_stays_on_its_line():
    assert look.plain("one\n# two") == r"one \# two"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "under 1 s"), (9.4, "9 s"), (89, "89 s"), (240, "4 min"), (7800, "2 h 10 min")],
)
def test_durations_are_rounded_to_what_matters(seconds, words):
    assert look.duration(seconds) == words


@pytest.mark.parametrize(("megabytes", "words"), [(12.3, "12 MB"), (999, "999 MB"), (3100, "3.1 GB")])
def test_memory_has_units(megabytes, words):
    assert look.memory(megabytes) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 notices"), (1, "1 notice"), (1088, "1,088 notices")])
def test_counts_agree_with_their_noun(count, words):
    assert look.counted(count, "notice") == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "just now"), (300, "5 min ago"), (7300, "2 h ago"), (90_000, "yesterday")]
)
def test_ages_read_like_speech(seconds, words):
    assert look.ago(time.time() - seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(True, "on"), (0.001, "0.001"), (64, "64"), ("reduce_on_plateau", "reduce on plateau"), ("", "automatic")],
)
def test_settings_read_as_a_person_would_write_them(value, words):
    assert look.setting_value(value) == words


@pytest.mark.parametrize("name", builders.names())
def test_every_family_has_an_icon(name):
    assert look.family_icon(name).startswith(":material/")


@pytest.mark.parametrize(("theme", "roles"), [("light", look.LIGHT), ("dark", look.DARK)])
def test_text_colours_have_enough_contrast(theme, roles):
    paper = _theme(theme)["backgroundColor"]
    for role in ("ink", "quiet"):
        assert _contrast(roles[role], paper) >= 4.5, role


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_one_next_step_can_be_read(theme):
    primary = _theme(theme)["primaryColor"]
    assert _contrast("#FFFFFF", primary) >= 4.5
    assert _contrast(primary, _theme(theme)["backgroundColor"]) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["red", "orange", "yellow", "green", "blue", "gray"])
def test_badges_can_be_read(theme, name):
    colours = _theme(theme)
    assert _contrast(colours[f"{name}TextColor"], colours[f"{name}BackgroundColor"]) >= 4.5


def test_the_theme_and_the_charts_use_the_same_colours():
    assert tuple(_theme("light")["chartCategoricalColors"]) == look.CATEGORIES_LIGHT
    assert tuple(_theme("dark")["chartCategoricalColors"]) == look.CATEGORIES_DARK


def _theme(name):
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"][name]


def _contrast(one, other):
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
