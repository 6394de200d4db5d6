"""Letters of the pack: A to J drawn in many open typefaces, then bent as a hand would bend them."""

import io
import tarfile

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets._pack._build_files import member, npz

LETTERS = "ABCDEFGHIJ"
TYPEFACES = (
    "abril-fatface", "alfa-slab-one", "amatic-sc", "anton", "architects-daughter", "audiowide", "baloo-2", "bangers",
    "bebas-neue", "caveat", "chewy", "cinzel", "comfortaa", "courier-prime", "creepster", "crimson-text", "fredoka",
    "gochi-hand", "indie-flower", "josefin-sans", "kalam", "lobster", "medievalsharp", "merriweather", "orbitron",
    "oswald", "pacifico", "patrick-hand", "permanent-marker", "playfair-display", "press-start-2p", "righteous",
    "roboto-mono", "roboto-slab", "satisfy", "shadows-into-light", "share-tech-mono", "special-elite",
    "uncial-antiqua", "vt323",
)  # fmt: skip
COPIES = 15
"""Pictures of each letter in each typeface."""
SIDE = 28
HEIGHT = 20
"""Of a letter in its square, before it is bent."""
FINE = 4
"""Drawn this many times larger, so that bending leaves no steps."""


def glyphs(sources: list[bytes]) -> bytes:
    """Pack light letters on black, (6000, 28, 28, 1); `groups` names the typeface, so that some stay unseen."""
    random = np.random.default_rng(28)
    pictures, labels, groups = [], [], []
    for typeface, data in zip(TYPEFACES, sources, strict=True):
        font = _font(data, typeface)
        for label, letter in enumerate(LETTERS):
            drawn = [_drawn(letter, font, width) for width in range(3)]
            for _ in range(COPIES):
                pictures.append(_bent(drawn[random.integers(len(drawn))], random))
                labels.append(label)
                groups.append(typeface)
    order = random.permutation(len(labels))
    arrays = {"labels": np.array(labels, dtype=np.uint8)[order], "groups": np.array(groups)[order]}
    return npz(pictures=np.stack(pictures)[order][..., None], names=np.array(list(LETTERS)), **arrays)


def _font(data: bytes, typeface: str) -> ImageFont.FreeTypeFont:
    with tarfile.open(fileobj=io.BytesIO(data)) as tarball:
        file = member(tarball, f"package/files/{typeface}-latin-400-normal.woff")
    return ImageFont.truetype(io.BytesIO(file), 100, layout_engine=ImageFont.Layout.BASIC)


def _drawn(letter: str, font: ImageFont.FreeTypeFont, stroke: int) -> Image.Image:
    """Draw a letter with a thicker or thinner stroke in the middle of a square of 112 pixels, 80 pixels high."""
    left, top, right, bottom = (int(edge) for edge in font.getbbox(letter, stroke_width=stroke))
    picture = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(picture).text((-left, -top), letter, fill=255, font=font, stroke_width=stroke)
    scale = FINE * min(HEIGHT / picture.height, (SIDE - 4) / picture.width)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    square = Image.new("L", (FINE * SIDE, FINE * SIDE))
    square.paste(picture.resize(size), ((FINE * SIDE - size[0]) // 2, (FINE * SIDE - size[1]) // 2))
    return square


def _bent(picture: Image.Image, random: np.random.Generator) -> np.ndarray:
    """Turn, lean, stretch, shift and wobble a letter; (28, 28) uint8 in sixteen greys, with a little noise."""
    side = FINE * SIDE
    across, down = np.meshgrid(*2 * [np.arange(side) - (side - 1) / 2])
    turn, lean = np.radians(random.normal(0, 7)), random.normal(0, 0.13)
    wide, high = random.uniform(0.85, 1.12, 2)
    right, below = random.normal(0, FINE * 0.9, 2)
    x = (across * np.cos(turn) + down * np.sin(turn)) / wide + lean * down + right + _wobble(random)
    y = (down * np.cos(turn) - across * np.sin(turn)) / high + below + _wobble(random)
    bent = _looked_up(np.asarray(picture, dtype=np.float32), x + (side - 1) / 2, y + (side - 1) / 2)
    small = bent.reshape(SIDE, FINE, SIDE, FINE).mean(axis=(1, 3))
    inked = small * random.uniform(0.75, 1.0) + random.normal(0, 9, small.shape) * (small > 12)
    return (np.round(np.clip(inked, 0, 255) / 17) * 17).astype(np.uint8)


def _wobble(random: np.random.Generator) -> np.ndarray:
    """Draw a smooth field of displacements, (112, 112), in fine pixels."""
    coarse = Image.fromarray(random.normal(0, FINE * 0.75, (5, 5)).astype(np.float32))
    return np.asarray(coarse.resize((FINE * SIDE, FINE * SIDE), Image.Resampling.BICUBIC))


def _looked_up(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Take the nearest pixel for each place; black outside."""
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    inside = (column >= 0) & (column < picture.shape[1]) & (row >= 0) & (row < picture.shape[0])
    return np.where(inside, picture[row.clip(0, picture.shape[0] - 1), column.clip(0, picture.shape[1] - 1)], 0)
