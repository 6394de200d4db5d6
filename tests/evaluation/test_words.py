"""Numbers are written as people read them."""

import pytest

from evaluation import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.971, "97 %"),
        (0.9971, "99.7 %"),
        (0.0004, "0.04 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.9999, "99.99 %"),
        (0.99999, "100 %"),
        (0.00001, "0 %"),
    ],
)
def test_percent_keeps_the_digits_that_matter(value, text):
    assert words.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "1,234"),
        (0.01234, "0.0123"),
        (-2.5, "-2.5"),
        (0, "0"),
        (1e-7, "1.00e-07"),
        (100.0, "100"),
        (0.8996, "0.9"),
    ],
)
def test_number_keeps_three_digits(value, text):
    assert words.number(value) == text


def test_count_knows_one_from_many():
    assert [words.count(1, "row"), words.count(1088, "row"), words.count(2, "entry", "entries")] == [
        "1 row",
        "1,088 rows",
        "2 entries",
    ]
