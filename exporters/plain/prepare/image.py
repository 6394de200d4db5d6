"""A picture is opened upright, without transparency, and brought to the model's size as the model was trained."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

LONGEST = 512
"""No side of a file is kept longer, as in training."""


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map a picture of any size, (height, width, channels) in 0 to 255, to {"picture": (1, size, size, channels)}."""
    settings = told["preprocessing"]
    picture = array(row["picture"], told["raw"][0]["shape"][-1])
    return {"picture": resized(picture, int(settings["size"]), settings.get("fit", "stretch"))[None]}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Open one picture file."""
    return [{"picture": opened(given, told["raw"][0]["shape"][-1])}]


def array(picture: Any, channels: int) -> np.ndarray:
    """Return a picture, given as an array or as the name of a file, as (height, width, channels) float32."""
    if isinstance(picture, str):
        picture = opened(picture, channels)
    found = np.asarray(picture, np.float32)
    return found[0] if found.ndim == 4 else found  # a batch of one is welcome, too


def opened(name: str | Path, channels: int) -> np.ndarray:
    """Open a file as (height, width, channels), 0 to 255."""
    with Image.open(name) as file:
        image = ImageOps.exif_transpose(file)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if image.mode in {"1", "L"} else "RGB")
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.BILINEAR)
    found = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return found.reshape(*found.shape[:2], channels)


def resized(picture: np.ndarray, size: int, fit: str) -> np.ndarray:
    """Bring (height, width, channels) to (size, size, channels): bilinear, smoothed where it shrinks, rounded."""
    picture = np.asarray(picture, np.float32)
    if fit == "crop":
        side = min(picture.shape[:2])
        top, left = ((each - side) // 2 for each in picture.shape[:2])
        picture = picture[top : top + side, left : left + side]
    elif fit == "pad":
        side = max(picture.shape[:2])
        # As Keras pads: both sides alike, so that an odd rest leaves the picture a pixel short of a square.
        around = [((side - each) // 2,) * 2 for each in picture.shape[:2]]
        picture = np.pad(picture, [*around, (0, 0)])
    down, across = (weights(each, size) for each in picture.shape[:2])
    small = np.einsum("ah,hwc->awc", down, picture)
    return np.round(np.einsum("bw,awc->abc", across, small)).astype(np.float32)


def weights(given: int, wanted: int) -> np.ndarray:
    """Return how much each given pixel counts for each wanted one, (wanted, given): a triangle as wide as a step."""
    step = given / wanted
    reach = max(step, 1.0)
    centre = (np.arange(wanted) + 0.5) * step
    away = np.abs(np.arange(given)[None] + 0.5 - centre[:, None])
    weights = np.maximum(0.0, 1.0 - away / reach)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
