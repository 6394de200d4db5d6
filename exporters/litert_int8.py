"""LiteRT with int8: the same core with weights and numbers in eight bits, a quarter of the size, a little coarser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.asked import Asked
from exporters import _core_zip, litert
from recipes import Signature

TITLE = "LiteRT int8"
SUMMARY = "The LiteRT file in eight bits: about a quarter of the size, for small devices; answers differ a little."
ENDING = "int8.tflite.zip"
TOLERANCE = None
CHECK = "core"
SHOWN = 128
"""Validation rows from which the converter learns how large the numbers inside become."""


def offered(signature: Signature) -> str:
    """Say why this format is not for this model, or nothing."""
    return litert.offered(signature)


def export(asked: Asked, name: str, deliverable: Any) -> Path:
    """Write `deliverables/<name>.int8.tflite.zip`."""

    def convert(core: _core_zip.Core, file: Path) -> None:
        file.write_bytes(litert.converted(core, lambda: _few(core)))

    return _core_zip.write(asked, name, deliverable, ENDING, "litert", convert)


def _few(core: _core_zip.Core) -> Iterator[list[np.ndarray]]:
    """Give ready rows one by one, the inputs in alphabetical order."""
    ready = core.ready(SHOWN)
    for row in range(len(next(iter(ready.values())))):
        yield [ready[name][row : row + 1] for name in sorted(ready)]
