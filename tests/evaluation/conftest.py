"""What the tests of evaluation share."""

import pytest

from recipes import Recipe
from records import Run


@pytest.fixture
def run(tmp_path):
    """An own, empty run."""
    return Run.create(tmp_path / "run", Recipe.of({"data": {"sample": "penguins"}, "training": {"epochs": 8}}))
