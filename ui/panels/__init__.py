"""Panels: what a task or a family shows while it learns and in the report, each kind drawn by one file.

A panel is a plain dictionary with a `kind`, written by the worker. To add a kind, add ONE file `ui/panels/<kind>.py`
with `show(run, told, key)`; it draws in both themes, at phone width, with words for those who cannot see it.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Any

from records import Run
from ui import look


@cache
def names() -> tuple[str, ...]:
    """Name every kind of panel, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def draw(run: Run, panels: Sequence[dict[str, Any]], key: str) -> None:
    """Draw panels below one another, each with its title and sentence where it has them."""
    for number, told in enumerate(panels):
        if told.get("title"):
            look.section(told["title"], told.get("sentence", ""))
        if told["kind"] in names():
            importlib.import_module(f"ui.panels.{told['kind']}").show(run, told, f"{key}_{number}")
        else:
            look.quiet("This run shows something that this version of Layerwise cannot draw.")
