"""A sound is cut to its loudest stretch of the model's length; a shorter one is followed by silence."""

import wave
from typing import Any

import numpy as np


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map samples in -1 to 1, (samples,), to {"sound": (1, length) float32}."""
    length = int(told["preprocessing"]["samples"])
    sound = np.pad(np.asarray(row["sound"], np.float32).ravel(), (0, length))
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return {"sound": sound[None, start : start + length]}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Read a WAV file of whole numbers at the model's own rate."""
    wanted = int(told["details"]["rate"])
    with wave.open(given, "rb") as file:
        if file.getframerate() != wanted:
            raise SystemExit(f"'{given}' has {file.getframerate():,} samples a second. Save it with {wanted:,} first.")
        width, channels = file.getsampwidth(), file.getnchannels()
        data = file.readframes(file.getnframes())
    if width == 1:
        samples = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    elif width in {2, 4}:
        samples = np.frombuffer(data, f"<i{width}").astype(np.float32) / float(2 ** (8 * width - 1))
    else:
        raise SystemExit(f"'{given}' has {8 * width} bits a sample. Save it with 16 first.")
    return [{"sound": samples.reshape(-1, channels).mean(axis=1)}]
