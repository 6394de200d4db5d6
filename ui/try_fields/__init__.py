"""How a person brings one thing to try that is no row of cells: a sound, a series, a clip; one file a raw kind.

Each file has `choose(run, signature) -> Chosen | None`: it draws the ways (a test example, a file, a microphone) and
says what was chosen.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Chosen:
    """What goes to the model, and what is known to be true of it."""

    values: dict[str, Any]
    """{raw input: file as base64}, or {"row_number": row of the data set}."""
    truth: str = ""


@cache
def names() -> tuple[str, ...]:
    """Name the kinds of raw input that have a field of their own."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def get(kind: str) -> Any:
    """Return the field of a kind of raw input."""
    return importlib.import_module(f"ui.try_fields.{kind}")
