"""Live evidence of networks that turn examples into features: a cloud of held-out examples, alike ones close by."""

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from builders import Panel

SHOWN = 72
THUMBNAIL = 20
"""Pixels. All pictures of a cloud together must stay small: the page fetches them at each change."""


def held_out(asked: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Choose a few dozen validation examples, all classes alike: ready tensors and class numbers."""
    part = asked.prepared.part("validation")
    truth = np.asarray(part.y)
    places = [np.flatnonzero(truth == label) for label in np.unique(truth)]
    each = max(1, SHOWN // len(places))
    rows = np.sort(np.concatenate([here[:each] for here in places])[:SHOWN])
    return {name: np.asarray(array[rows]) for name, array in part.x.items()}, truth[rows]


def cloud(
    embed: Callable[[], np.ndarray], truth: np.ndarray, classes: list[str], pictures: np.ndarray, sentence: str
) -> Callable[[], list[Panel]]:
    """Make what draws the features (rows, anything) that `embed` answers now as points in two dimensions."""
    told = {
        "kind": "latent", "title": "Cloud of held-out pictures", "sentence": sentence, "labels": truth.tolist(),
        "classes": classes, "pictures": [thumbnail(picture) for picture in pictures],
    }  # fmt: skip
    former: list[np.ndarray] = []

    def panels() -> list[Panel]:
        points = flattened(embed(), former[-1] if former else None)
        former[:] = [points]
        x, y = points.round(3).T.tolist()
        return [told | {"x": x, "y": y}]

    return panels


def flattened(features: np.ndarray, former: np.ndarray | None) -> np.ndarray:
    """Return the two directions of largest spread, (rows, 2), turned such that the cloud moves least from `former`.

    The turn is the orthogonal Procrustes solution: Peter Schönemann, "A generalized solution of the orthogonal
    Procrustes problem", 1966.
    """
    centred = features.astype(np.float64) - features.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    points = left[:, :2] * size[:2]
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    points /= max(float(np.sqrt((points**2).mean())), 1e-9)
    if former is None:
        return points
    one, _, other = np.linalg.svd(points.T @ former)
    return points @ one @ other


def thumbnail(picture: np.ndarray) -> str:
    """Return a picture (height, width, channels) in 0 to 255 as a small data URL."""
    image = Image.fromarray(np.squeeze(picture).astype(np.uint8)).convert("RGB").resize((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=60)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
