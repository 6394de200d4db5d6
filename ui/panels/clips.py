"""Held-out clips that move, with the bars of their classes."""

from typing import Any

from records import Run
from ui import media
from ui.panels import _examples


def show(run: Run, told: dict[str, Any], key: str) -> None:
    """Draw {"classes", "rows", "truth", "answer"}."""
    _examples.show(told, media.playable(run, tuple(told["rows"])), key, "clip")
