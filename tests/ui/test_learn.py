"""What the Learn page reads and draws."""

import numpy as np
import pytest

import builders
import datasets
from ui import families, toys


@pytest.mark.parametrize("name", builders.names())
def test_every_family_has_a_page(name):
    family = families.read(name)
    assert family.title == builders.get(name).TITLE
    assert family.picture.startswith("flowchart")
    assert family.words.count(".") >= 5


@pytest.mark.parametrize("name", builders.names())
def test_every_family_stands_in_a_group_and_opens_on_a_sample_that_it_can_learn(name):
    assert any(name in names for names in families.groups().values())
    sample, task = families.start(name)
    told = datasets.find_sample(sample)
    assert name in builders.fitting(told.data_type, task or told.task)
    assert not told.online


def test_more_units_fit_better():
    x, y = toys._points()
    errors = [float(np.mean((toys._fit(width, x) - y) ** 2)) for width in (1, 3, 8, 20)]
    assert errors == sorted(errors, reverse=True)


def test_an_upright_edge_lights_up_and_a_level_one_does_not():
    picture = np.zeros((6, 6))
    picture[:, 3:] = 1
    upright = toys._convolve(picture, np.array(toys.FILTERS["Upright edges"]))
    level = toys._convolve(picture, np.array(toys.FILTERS["Level edges"]))
    assert upright[2, 2] == 4
    assert level[2:4, 1:5].max() == 0


def test_short_cuts_carry_the_signal():
    with_them, without = (toys._signal(30, short_cut=short_cut) for short_cut in (True, False))
    assert with_them[-1] > 0.5
    assert without[-1] < 0.001
