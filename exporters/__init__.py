"""Formats of the download, one file each; the folder is the registry.

To add a format, add ONE file `exporters/<format>.py` that offers what `Format` below lists, and run the tests: the
contract tests find it by themselves. `exporters/check/` proves in a clean process that the file answers as the run did.
`keras_file` is written at the end of every run, the others on demand (`training/jobs/export.py`). `exporters/plain/`
holds the scripts that go out with a numeric core.
Import Keras as `from recipes import keras` and use it inside functions.
"""

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from evaluation.asked import Asked
from recipes import Signature, known


class Format(Protocol):
    """What every file of `exporters/` offers (as module-level names)."""

    TITLE: str
    """For people: "Keras file"."""
    SUMMARY: str
    """One sentence: where it runs."""
    ENDING: str
    """Of its file in the run's `deliverables` folder: `keras` for `model.keras`, `decoder.keras`."""

    TOLERANCE: float | None
    """Largest difference to the run's own answers, relative above 1; None where answers are coarser by design."""
    CHECK: str
    """Who asks it in a clean process: a script of `exporters/check/`."""

    def offered(self, signature: Signature) -> str:
        """Say in one sentence why this format is not for such a model; nothing where it is."""
        ...

    def export(self, asked: Asked, name: str, deliverable: Any) -> Path:
        """Write the deliverable and what belongs beside it, whole or not at all; returns its path. Worker only."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Name every format, in alphabetical order."""
    found = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return tuple(sorted(name for name in found if not name.startswith("_")))


def get(name: str) -> Format:
    """Return a format by name; an unknown name lists the known ones."""
    if name not in names():
        raise known("format", name, names())
    return importlib.import_module(f"exporters.{name}")  # ty: ignore[invalid-explicit-return]
