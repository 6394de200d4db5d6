"""Held-out sounds as spectrograms (time to the right, pitch upwards, bright is loud), with their class bars."""

from typing import Any

from records import Run
from ui import samples
from ui.panels import _examples


def show(run: Run, told: dict[str, Any], key: str) -> None:
    """Draw {"classes", "rows", "truth", "answer"}."""
    pictures = [samples.picture(sample) for sample in samples.preview(run, tuple(told["rows"]))]
    _examples.show(told, [picture for picture in pictures if picture is not None], key, "sound")
