"""Animals to be found, of our own making: drawn animals laid on blurred colours, and where each of them is.

One animal (or a few) of 18 to 40 pixels, mirrored, turned by up to 15 degrees, on a 4 x 4 field of chance colours that
is blurred to 64 x 64 pixels, with noise. A box is the smallest one around what is seen of an animal's own shape.
"""

import numpy as np
from PIL import Image

SIDE = 64
SIZES = (18, 40)
"""Sides of an animal's square in pixels."""
SIZES_OF_FEW = (14, 26)
"""The same where there are several in one picture."""
NOISE = 8.0
SEEN = 64
"""From this opacity on, of 255, a pixel belongs to the animal."""
MOST_OVERLAP = 0.1
TRIES = 40

Found = tuple[np.ndarray, list[np.ndarray]]


def found(sprites: np.ndarray, kinds: np.ndarray, rows: int, most: int = 1, seed: int = 7) -> Found:
    """Return pictures (rows, 64, 64, 3) uint8 and for each its boxes (n, 5): class, left, top, right, bottom.

    `sprites`: (n, height, width, 4) uint8 with transparency, `kinds`: the class number of each. Corners are shares of
    the side. With `most` above 1, a picture shows 1 to `most` animals that hardly overlap.
    """
    random = np.random.default_rng([seed, most])
    images = [Image.fromarray(sprite) for sprite in sprites]
    pictures = np.empty((rows, SIDE, SIDE, 3), dtype=np.uint8)
    boxes = []
    for row in range(rows):
        field = random.integers(40, 216, (4, 4, 3)).astype(np.uint8)
        picture = Image.fromarray(field).resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGBA")
        here: list[tuple[float, ...]] = []
        for _ in range(int(random.integers(1, most + 1))):
            which = int(random.integers(len(images)))
            if corners := _placed(picture, images[which], here, random, SIZES if most == 1 else SIZES_OF_FEW):
                here.append((float(kinds[which]), *corners))
        noisy = np.asarray(picture.convert("RGB"), dtype=np.float64) + random.normal(0, NOISE, (SIDE, SIDE, 3))
        pictures[row] = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
        boxes.append(np.array(here, dtype=np.float32).reshape(-1, 5))
    return pictures, boxes


def _placed(
    picture: Image.Image, sprite: Image.Image, others: list[tuple[float, ...]], random: np.random.Generator,
    sizes: tuple[int, int],
) -> tuple[float, ...]:  # fmt: skip
    """Lay an animal on the picture where it hides no other; returns its corners, nothing where there is no room."""
    if random.random() < 0.5:
        sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    sprite = sprite.rotate(random.uniform(-15, 15), Image.Resampling.BILINEAR)
    side = int(random.integers(sizes[0], sizes[1] + 1))
    sprite = sprite.resize((side, side), Image.Resampling.BILINEAR)
    seen = np.asarray(sprite.getchannel("A")) >= SEEN
    down, across = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    for _ in range(TRIES):
        left, top = (int(place) for place in random.integers(0, SIDE - side + 1, 2))
        corners = (left + across[0], top + down[0], left + across[-1] + 1, top + down[-1] + 1)
        box = tuple(float(corner) / SIDE for corner in corners)
        if all(_overlap(box, other[1:]) <= MOST_OVERLAP for other in others):
            picture.alpha_composite(sprite, (left, top))
            return box
    return ()


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the share of the smaller box that both cover."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return max(0.0, width) * max(0.0, height) / smaller
