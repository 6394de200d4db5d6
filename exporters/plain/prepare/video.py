"""The frames of a clip are brought to the model's size, all in one way."""

from typing import Any

import numpy as np
from PIL import Image, ImageSequence

from .image import resized


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map (frames, height, width, channels) in 0 to 255 to {"clip": (1, frames, size, size, channels)}."""
    settings, frames = told["preprocessing"], np.asarray(row["clip"], np.float32)
    frames = frames[0] if frames.ndim == 5 else frames
    small = [resized(frame, int(settings["size"]), settings["fit"]) for frame in frames]
    return {"clip": np.stack(small)[None]}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Open an animated GIF, WebP or PNG and take the model's number of frames, evenly over its length."""
    wanted, *_, channels = told["raw"][0]["shape"]
    with Image.open(given) as file:
        mode = "L" if channels == 1 else "RGB"
        frames = [np.asarray(frame.convert(mode)) for frame in ImageSequence.Iterator(file)]
    chosen = np.linspace(0, len(frames) - 1, wanted).round().astype(int)
    return [{"clip": np.stack([frames[place].reshape(*frames[place].shape[:2], channels) for place in chosen])}]
