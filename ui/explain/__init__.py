"""What explanations look like: each kind of panel that `evaluation/explain` makes is drawn by one file.

To add a kind, add ONE file `ui/explain/<kind>.py` with `show(run, told, key, small=False)`; it draws in both themes, at
phone width, with words for those who cannot see it. `small` is the check beside it, with as little as can be compared.
"""

import importlib
import pkgutil
from functools import cache
from typing import Any

from records import Run


@cache
def names() -> tuple[str, ...]:
    """Name every kind that can be drawn, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def draw(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:
    """Draw one explanation."""
    importlib.import_module(f"ui.explain.{told['kind']}").show(run, told, key, small=small)
