"""Moving animals, computed: 900 clips of ten frames of 32 x 32, on which an animal moves one of six ways.

A sprite of 10 to 16 pixels moves left, right, up or down, or comes nearer or goes away, over a smooth random
background, at 0.7 to 1.4 pixels a frame, with noise. One frame alone says nothing about the way.
"""

import numpy as np
from PIL import Image

CLASSES = ("away", "down", "left", "nearer", "right", "up")
WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "nearer": (0, 0), "away": (0, 0)}
FRAMES, SIDE = 10, 32


def moving(sprites: np.ndarray, rows: int = 900, seed: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return clips (rows, 10, 32, 32, 3) uint8, labels (numbers of `CLASSES`) and which sprite each shows.

    `sprites`: (n, height, width, 4) uint8 with transparency.
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(rows) % len(CLASSES))
    shown = random.integers(0, len(sprites), rows)
    clips = [_clip(Image.fromarray(sprites[which]), CLASSES[label], random) for which, label in
             zip(shown.tolist(), labels.tolist(), strict=True)]  # fmt: skip
    return np.stack(clips), labels.astype(np.int32), shown


def _clip(sprite: Image.Image, way: str, random: np.random.Generator) -> np.ndarray:
    """Paint one clip: (10, 32, 32, 3) uint8."""
    background = _background(random)
    size, speed = random.uniform(10, 16), random.uniform(0.7, 1.4)
    if random.random() < 0.5:
        sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    steps = np.arange(FRAMES) - (FRAMES - 1) / 2
    across, down = WAYS[way]
    growth = {"nearer": speed, "away": -speed}.get(way, 0.0)
    room = SIDE / 2 - size / 2
    middle = SIDE / 2 + random.uniform(-1, 1, 2) * max(1.0, room - abs(speed) * FRAMES / 2)
    frames = []
    for step in steps:
        side = max(4.0, size + growth * step)
        at = middle + speed * step * np.array([across, down])
        frames.append(_painted(background, sprite, at, side))
    noise = random.normal(0, 6, (FRAMES, SIDE, SIDE, 3))
    return np.clip(np.round(np.stack(frames) + noise), 0, 255).astype(np.uint8)


def _background(random: np.random.Generator) -> Image.Image:
    colours = random.integers(40, 216, (4, 4, 3)).astype(np.uint8)
    return Image.fromarray(colours).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _painted(background: Image.Image, sprite: Image.Image, middle: np.ndarray, side: float) -> np.ndarray:
    """Blend the sprite in at a place between the pixels: (32, 32, 3)."""
    scale = sprite.width / side
    left, top = middle - side / 2
    # From a pixel of the frame to the sprite: the place moves smoothly, as a camera would see it.
    placed = sprite.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, (scale, 0, -left * scale, 0, scale, -top * scale),
        resample=Image.Resampling.BILINEAR,
    )  # fmt: skip
    return np.asarray(Image.alpha_composite(background.convert("RGBA"), placed).convert("RGB"), dtype=np.float64)
