"""Google's speech embedding rebuilt from stock layers: 0.33 million weights that learned from millions of spoken words.

Front end: 16 kHz in the amplitude of 16 bits, frames of 32 ms every 10 ms, 32 mel bands in decibels. Body: twenty small
convolutions with five poolings; 76 frames (0.8 s) give 96 numbers, every 8 frames anew.
Paper: Lin, Kilgour, Roblek, Sharifi, "Training Keyword Spotters with Limited and Synthesized Speech Data", 2020.
"""

import math
from typing import Any

import numpy as np

from builders import _weights
from recipes import Refusal, keras

RATE = 16_000
FRAME, STEP = 512, 160
ROOM = 3200
"""Samples of silence on each side: 0.2 s."""
LEAST_FRAMES = 76
POOLS = {2: (2, 2), 6: (1, 2), 10: (2, 2), 14: (1, 2), 18: (2, 2)}
CONVOLUTIONS = 20
TAPS = 32


def embedded(sound: Any, rate: int) -> Any:
    """Map (batch, samples), -1 to 1, to (batch, places, 96); nothing in it is trained."""
    with np.load(_weights.path("speech_embedding.npz"), allow_pickle=False) as told:
        weights = {name: told[name].astype(np.float32) for name in told.files}
    return _body(_loudness(_long_enough(_at_16_khz(sound, rate)), weights), weights)


def _at_16_khz(sound: Any, rate: int) -> Any:
    """Bring (batch, samples) to 16 kHz by a filter that reaches 16 samples to each side."""
    if rate == RATE:
        return sound
    if rate == RATE // 2:
        times = np.arange(TAPS) - TAPS // 2 + 1
        between = np.sinc(times - 0.5) * np.hanning(TAPS + 2)[1:-1]
        kernel = np.stack([times == 0, between / between.sum()], axis=-1)[:, None]  # (taps, 1, every second sample)
        both = _fixed_convolution("upsample", kernel, padding="same")(keras.ops.expand_dims(sound, -1))
        return keras.ops.reshape(both, (-1, 2 * int(sound.shape[1])))
    if rate == 2 * RATE:
        times = np.arange(2 * TAPS - 1) - TAPS + 1
        low = np.sinc(times / 2) * np.hanning(2 * TAPS + 1)[1:-1]
        kernel = (low / low.sum())[:, None, None]
        return _fixed_convolution("downsample", kernel, padding="same", strides=2)(keras.ops.expand_dims(sound, -1))[
            :, :, 0
        ]
    raise Refusal(f"The speech network hears 8000, 16000 or 32000 samples a second, but the data have {rate:,}. Set "
                  "the rate to 16000.")  # fmt: skip


def _long_enough(sound: Any) -> Any:
    """Add silence in front and behind, so that a word at the edge has its surroundings, up to 76 frames at least."""
    samples, least = int(sound.shape[1]) + 2 * ROOM, FRAME + (LEAST_FRAMES - 1) * STEP
    lacking = max(0, least - samples)
    return keras.ops.pad(sound, [[0, 0], [ROOM + lacking // 2, ROOM + lacking - lacking // 2]])


def _loudness(sound: Any, weights: dict[str, np.ndarray]) -> Any:
    """Map (batch, samples) at 16 kHz to (batch, frames, 32, 1): mel bands, 80 dB below the loudest at most."""
    ops = keras.ops
    x = ops.expand_dims(sound, -1) * 32767.0
    real = _fixed_convolution("cosines", weights["front.real"], strides=STEP)(x)  # (batch, frames, 257)
    imaginary = _fixed_convolution("sines", weights["front.imag"], strides=STEP)(x)
    mel = _fixed_convolution("mel", weights["front.mel"][None])(ops.square(real) + ops.square(imaginary))
    decibels = 10 / math.log(10) * ops.log(ops.maximum(mel, 1e-10))
    decibels = ops.maximum(decibels, ops.max(decibels, axis=(1, 2), keepdims=True) - 80.0)
    return ops.expand_dims(decibels / 10 + 2, -1)


def _body(x: Any, weights: dict[str, np.ndarray]) -> Any:
    """Map (batch, frames, 32, 1) to (batch, places, 96)."""
    layers = keras.layers
    for number in range(CONVOLUTIONS):
        kernel = weights[f"conv{number}.kernel"]
        if kernel.shape[1] == 3:
            x = layers.ZeroPadding2D((0, 1))(x)
        convolution = layers.Conv2D(
            kernel.shape[-1], kernel.shape[:2], use_bias=number < CONVOLUTIONS - 1, trainable=False,
            name=f"speech_{number}",
        )  # fmt: skip
        x = convolution(x)
        convolution.set_weights([kernel, *([weights[f"conv{number}.bias"]] if number < CONVOLUTIONS - 1 else [])])
        if number < CONVOLUTIONS - 1:
            x = keras.ops.maximum(layers.LeakyReLU(0.2)(x), -0.4)
        if number in POOLS:
            x = layers.MaxPooling2D(POOLS[number])(x)
    return x[:, :, 0]


def _fixed_convolution(name: str, kernel: np.ndarray, **options: Any) -> Any:
    """Return what convolves (batch, steps, channels) with this kernel (taps, channels, filters), never trained."""

    def apply(x: Any) -> Any:
        layer = keras.layers.Conv1D(
            int(kernel.shape[-1]), int(kernel.shape[0]), use_bias=False, trainable=False, dtype="float32", name=name,
            **options,
        )  # fmt: skip
        answer = layer(x)
        layer.set_weights([kernel.astype(np.float32)])
        return answer

    return apply
