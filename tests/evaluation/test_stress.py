"""Disturbances: nothing at strength 0, more and more above, the same for the same draw."""

import numpy as np
import pytest

from evaluation import stress
from recipes import RawInput, Signature, Target

ROWS = {
    "picture": (
        RawInput(name="picture", kind="picture", shape=(None, None, 1)), np.arange(256.0).reshape(1, 16, 16, 1),
    ),
    "sound": (RawInput(name="sound", kind="sound", shape=(None,)), np.sin(np.arange(400) / 5)[None].astype("float32")),
    "text": (
        RawInput(name="text", kind="text", dtype="string"),
        np.array([["a long and winding road that leads to your door " * 4]], dtype=object),
    ),
    "number": (RawInput(name="age", kind="number", minimum=0, maximum=80), np.array([[40.0]], "float32")),
    "series": (RawInput(name="series", kind="series", shape=(20, 2)), np.random.default_rng(1).normal(size=(1, 20, 2))),
}  # fmt: skip


def signature(*raw, task="classification"):
    return Signature(
        data_type="tabular", task=task, target=Target(name="y", classes=("a", "b")), inputs={}, raw=raw, rows={}
    )


WAYS = [
    pytest.param(raw, value, way, id=way.name) for raw, value in ROWS.values() for way in stress.offered(signature(raw))
]


def distance(one, other):
    if one.dtype == object:
        first, second = str(one[0, 0]), str(other[0, 0])
        return sum(a != b for a, b in zip(first.ljust(999), second.ljust(999), strict=True))
    return float(np.abs(one - other).sum())


def test_every_disturbance_has_a_title():
    assert {way.name for way in stress.DISTURBANCES} == stress.TITLES.keys()


@pytest.mark.parametrize(("raw", "value", "way"), WAYS)
def test_it_changes_nothing_at_strength_0_and_something_above(raw, value, way):
    told = signature(raw)
    row = {raw.name: value}
    assert stress.disturbed(told, row, way.name, 0.0) is row
    weak, strong = (stress.disturbed(told, row, way.name, strength)[raw.name] for strength in (0.25, 1.0))
    assert strong.shape == value.shape
    assert distance(strong, value) > 0
    assert distance(weak, value) <= distance(strong, value) or way.name in ("jitter", "turn", "hurry", "lost_words")


@pytest.mark.parametrize(("raw", "value", "way"), WAYS)
def test_the_same_draw_gives_the_same_row(raw, value, way):
    told = signature(raw)
    one, same, other = (stress.disturbed(told, {raw.name: value}, way.name, 0.7, draw)[raw.name] for draw in (1, 1, 2))
    assert distance(one, same) == 0
    assert (distance(one, other) > 0) == way.is_random


def test_pictures_stay_pictures():
    raw, value = ROWS["picture"]
    for way in stress.offered(signature(raw)):
        told = stress.disturbed(signature(raw), {"picture": value}, way.name, 1.0)["picture"]
        assert told.dtype == value.dtype
        assert told.min() >= 0
        assert told.max() <= 255


def test_it_is_not_offered_where_there_is_no_single_answer():
    raw, _ = ROWS["picture"]
    assert stress.offered(signature(raw, task="detection")) == ()


def test_of_a_mixed_row_only_the_fitting_parts_change():
    raws = tuple(raw for raw, _ in ROWS.values())
    row = {raw.name: value for raw, value in ROWS.values()}
    told = stress.disturbed(signature(*raws), row, "typos", 1.0)
    changed = [name for name in row if distance(told[name], row[name]) > 0]
    assert changed == ["text"]
