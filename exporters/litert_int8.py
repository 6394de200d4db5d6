"""LiteRT with int8: the same core with weights and numbers in eight bits, a quarter of the size, a little coarser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.asked import Asked
from exporters import _core_zip, litert
from exporters.plain.runtime.litert import Runtime
from recipes import Signature

TITLE = "LiteRT int8"
SUMMARY = "The LiteRT file in eight bits: about a quarter of the size, for small devices; answers differ a little."
ENDING = "int8.tflite.zip"
TOLERANCE = None
CHECK = "core"
LEAST_AGREEMENT = 0.95
"""Share of equal classes, or how near numbers stay by their own spread, from which numbers may have eight bits, too."""
SHOWN = 128
"""Validation rows from which the converter learns how large the numbers inside become."""


def offered(signature: Signature) -> str:
    """Say why this format is not for this model, or nothing."""
    return litert.offered(signature)


def export(asked: Asked, name: str, deliverable: Any) -> Path:
    """Write `deliverables/<name>.int8.tflite.zip`."""
    return _core_zip.write(asked, name, deliverable, ENDING, "litert", convert)


def convert(core: _core_zip.Core, file: Path) -> dict[str, Any]:
    """Write weights and numbers in int8; where that agrees too rarely with the float model, the weights alone.

    A mask that adds ten thousand to what is to be forgotten leaves eight bits no room for all the rest.
    """
    file.write_bytes(litert.converted(core, lambda: _few(core)))
    if _agreement(core, file) >= LEAST_AGREEMENT:
        return {"eight_bits": "weights and numbers"}
    file.write_bytes(litert.converted(core, small_weights=True))
    return {"eight_bits": "weights"}


def _agreement(core: _core_zip.Core, file: Path) -> float:
    """Return how far the written file agrees with the float model on the rows that it was fitted to, at most 1."""
    from exporters.check import asked_here
    from exporters.check.elsewhere import agreement

    ready = core.ready(SHOWN)
    answered = Runtime(file, {"inputs": core.inputs, "answers": core.answers}).ask(ready)
    rows = asked_here(core.model, [ready])
    right = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    share = agreement(core.asked, core.deliverable, answered, right)[0]
    return share if np.isfinite(share) else 0.0


def _few(core: _core_zip.Core) -> Iterator[list[np.ndarray]]:
    """Give ready rows one by one, the inputs in alphabetical order."""
    ready = core.ready(SHOWN)
    for row in range(len(next(iter(ready.values())))):
        yield [ready[name][row : row + 1] for name in sorted(ready)]
