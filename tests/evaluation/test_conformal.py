"""The band around an answer holds nine of ten true values, whatever the errors look like."""

import numpy as np
import pytest

from evaluation import conformal


def test_the_band_is_the_smallest_that_keeps_the_promise():
    errors = np.arange(1.0, 20.0)  # 19 errors: the 18th smallest
    assert conformal.half_width(errors) == 18.0
    assert conformal.half_width(errors[:9]) == 9.0
    assert conformal.half_width(errors[:8]) is None


def test_nine_of_ten_are_held_for_any_errors():
    random = np.random.default_rng(0)
    held = []
    for _ in range(200):
        errors = random.standard_cauchy(150)
        told = conformal.band(errors[50:], np.zeros(100), (errors[:50], np.zeros(50)))
        assert told is not None
        held.append(told["held"])
    assert np.mean(held) == pytest.approx(0.9, abs=0.02)


def test_says_what_it_held_on_the_test_part():
    errors = np.linspace(-1, 1, 100)
    told = conformal.band(errors, np.zeros(100), (errors, np.zeros(100)))
    assert told is not None
    assert told["sentence"] == (
        "9 of 10 true values should lie within ± 0.919 of the answer (measured on 100 validation rows); of 100 test "
        "rows 91 % did."
    )
    harder = conformal.band(errors * 2, np.zeros(100), (errors, np.zeros(100)))
    assert harder is not None
    assert harder["sentence"].endswith(
        "of 100 test rows 46 % did: the test rows are harder than those for validation, so trust the range less."
    )
