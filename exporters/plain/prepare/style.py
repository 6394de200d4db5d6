"""A picture is brought to the size that was trained for, both sides to multiples of 8."""

from typing import Any

import numpy as np
from PIL import Image

from .image import array, opened

GRID = 8


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map (height, width, 3) in 0 to 255 to {"picture": (1, height, width, 3)}."""
    return {"picture": array(row["picture"], told["raw"][0]["shape"][-1])[None]}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Open one picture file at the size that was trained for."""
    image = Image.fromarray(opened(given, 3))
    factor = int(told["details"]["side"]) / max(image.size)
    width, height = (max(GRID, round(each * factor / GRID) * GRID) for each in image.size)
    return [{"picture": np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))}]
