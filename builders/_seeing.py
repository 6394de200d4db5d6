"""How alike two pictures are to a trained network: in what they show, and in how they are painted.

What is shown: the activations themselves, place by place. How it is painted: their means and covariances over all
places, which forget where things stand (Gram matrices of Gatys, Ecker, Bethge, "A Neural Algorithm of Artistic Style",
2015; with the mean taken out, as Li and others showed in "Demystifying Neural Style Transfer", 2017, style is a matter
of statistics). The network is EfficientNet-Lite0, cut off behind its ninth block, at two sizes of the picture.
"""

from typing import Any

import numpy as np

from builders._efficientnet import lite0
from recipes import keras

LOOKS = (0, 1, 3, 5, 8)
"""Blocks whose widened activations tell the style: 1/2, 1/2, 1/4, 1/8 and 1/16 of the picture's side."""
SHOWN = 5
"""The block whose widened activations tell what is shown."""
PIXELS = 64.0
"""Colours from 0 to 255 are divided by this, to weigh about as much as activations."""
LEAST = 1e-3
"""Added to variances by which is divided: an even painting has none."""
TOGETHER = 4
"""Pictures that are looked at in one go."""

Statistics = list[tuple[Any, Any]]
"""Means (batch, channels) and covariances (batch, channels, channels), one pair a look."""


def eyes() -> Any:
    """Return the frozen network: (batch, any height, any width, 3) from 0 to 255 to its activations, one each look."""
    trunk, _ = lite0(None, 16 - 1 - max(LOOKS))
    seen = [trunk.get_layer(f"block{block}_depthwise").input for block in LOOKS]
    model = keras.Model(trunk.input, seen, name="eyes")
    model.trainable = False
    return model


def shown_in(seen: list[Any]) -> Any:
    """Return what tells what is shown, of what the eyes saw."""
    return keras.ops.cast(seen[LOOKS.index(SHOWN)], "float32")


def statistics(eyes: Any, pictures: Any, seen: list[Any] | None = None) -> Statistics:
    """Return the statistics of pictures (batch, height, width, 3): as they are, of their colours, at half the size."""
    half = keras.ops.average_pool(pictures, 2, padding="valid")
    near = eyes(pictures) if seen is None else seen
    return [_of(each) for each in (*near, pictures / PIXELS, *eyes(half))]


def sizes(eyes: Any) -> list[int]:
    """Return the channels of each look, in the order of `statistics`."""
    channels = [int(each.shape[-1]) for each in eyes.outputs]
    return [*channels, 3, *channels]


def style_distances(found: Statistics, wanted: Statistics) -> list[Any]:
    """Return for each look how far statistics are from those of the painting (batch of 1): 0 is the same."""
    return [_apart(one, other) for one, other in zip(found, wanted, strict=True)]


def content_distance(found: Any, wanted: Any) -> Any:
    """Return how far activations are from those of the picture that is painted, in units of their own variance."""
    ops = keras.ops
    spread = ops.mean(ops.square(wanted - ops.mean(wanted, axis=(1, 2), keepdims=True)))
    return ops.mean(ops.square(found - wanted)) / (spread + LEAST)


def statistics_of_all(eyes: Any, pictures: np.ndarray) -> Statistics:
    """Return the statistics of all pictures (n, height, width, 3) taken together, as a batch of 1."""
    ops = keras.ops
    parts = [
        statistics(eyes, ops.convert_to_tensor(np.asarray(pictures[start : start + TOGETHER], dtype=np.float32)))
        for start in range(0, len(pictures), TOGETHER)
    ]
    told: Statistics = []
    for each in zip(*parts, strict=True):
        means = np.concatenate([ops.convert_to_numpy(mean) for mean, _ in each]).astype(np.float64)
        inside = np.concatenate([ops.convert_to_numpy(covariance) for _, covariance in each]).astype(np.float64)
        apart = means - means.mean(axis=0)
        # The spread of all places is the spread inside the pictures and that between their means.
        covariance = inside.mean(axis=0) + apart.T @ apart / len(means)
        told.append((means.mean(axis=0)[None].astype(np.float32), covariance[None].astype(np.float32)))
    return told


def _of(activations: Any) -> tuple[Any, Any]:
    """Map (batch, height, width, channels) to means (batch, channels) and covariances (batch, channels, channels)."""
    ops = keras.ops
    activations = ops.cast(activations, "float32")
    batch, height, width, channels = ops.shape(activations)
    flat = ops.reshape(activations, (batch, height * width, channels))
    mean = ops.mean(flat, axis=1, keepdims=True)
    around = flat - mean
    places = ops.cast(height * width, "float32")
    return mean[:, 0], ops.matmul(ops.transpose(around, (0, 2, 1)), around) / places


def _apart(found: tuple[Any, Any], wanted: tuple[Any, Any]) -> Any:
    ops = keras.ops
    (mean, covariance), (wanted_mean, wanted_covariance) = found, wanted
    spread = ops.mean(ops.trace(wanted_covariance, axis1=1, axis2=2)) + LEAST
    size = ops.mean(ops.sum(ops.square(wanted_covariance), axis=(1, 2))) + LEAST
    means = ops.mean(ops.sum(ops.square(mean - wanted_mean), axis=-1)) / spread
    return means + ops.mean(ops.sum(ops.square(covariance - wanted_covariance), axis=(1, 2))) / size
