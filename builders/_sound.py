"""What the families that hear share: the sound as a picture of loudness over time and pitch."""

import math
from typing import Any

from recipes import Signature, keras

WINDOW_SECONDS = 0.032
STEP_SECONDS = 0.016
MOST_COLUMNS = 400
"""A longer sound is looked at in longer steps."""
QUIET = 80.0
"""Decibels below the loudest spot of a sound at which everything counts as silence."""


def log_mel(sound: Any, rate: int, bands: int) -> Any:
    """Map (batch, samples) to (batch, columns, bands, 1): loudness from -1 (silent) to 1 (loudest spot of the sound).

    Bands follow the mel scale, as the ear does. Measured against the loudest spot of its own sound, a recording may be
    loud or soft and looks the same. `MelSpectrogram` takes decibels over the whole batch; so they are taken here.
    """
    ops = keras.ops
    window = max(64, 2 ** round(math.log2(WINDOW_SECONDS * rate)))
    step = max(int(STEP_SECONDS * rate), int(sound.shape[1]) // MOST_COLUMNS)
    power = keras.layers.MelSpectrogram(
        fft_length=window, sequence_stride=step, sampling_rate=rate, num_mel_bins=bands, min_freq=60.0,
        power_to_db=False, dtype="float32", name="mel_spectrogram",
    )(sound)  # (batch, bands, columns)  # fmt: skip
    decibels = ops.log(ops.maximum(power, 1e-8)) * (10 / math.log(10))
    below = decibels - ops.max(decibels, axis=(1, 2), keepdims=True)
    shades = ops.maximum(below, -QUIET) / (QUIET / 2) + 1
    return ops.expand_dims(ops.transpose(shades, (0, 2, 1)), -1)


def columns_of(signature: Signature) -> int:
    """Count the columns of `log_mel`."""
    samples, rate = int(signature.inputs["sound"].shape[0] or 0), rate_of(signature)
    step = max(int(STEP_SECONDS * rate), samples // MOST_COLUMNS)
    return samples // step + 1


def rate_of(signature: Signature) -> int:
    """Samples a second."""
    return int(signature.details["rate"])
