"""A picture, a clip or a sound with its weights laid over it: warm for much, or blue for and orange against."""

import base64
import io
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from records import Run
from ui import look, samples

SIDE = 300
SMALL = 150
SOUND = (480, 240)
SOUND_SMALL = (240, 120)
GAP = 4
WARM = np.array([[255, 220, 60], [250, 130, 20], [200, 20, 40]], dtype=float)
"""From little to much, over a grey picture: yellow, orange, red."""
SEEN = {"picture": "picture", "clip": "clip", "sound": "sound, time from left to right and pitch upwards"}


def show(run: Run, told: dict[str, Any], key: str, *, small: bool = False) -> None:  # noqa: ARG001 - as every kind
    """Draw {"seen", "signed", "pictures", "heats": both base64 PNGs} side by side, or what is laid over alone."""
    pictures = [_opened(each) for each in told["pictures"]]
    heats = [_opened(each) for each in told["heats"]]
    size = _size(told["seen"], pictures[0], small=small)
    over = [laid_over(*pair, size, signed=told["signed"]) for pair in zip(pictures, heats, strict=True)]
    over = [_framed(each, told["box"]) for each in over] if told.get("box") else over
    alt = f"The {SEEN[told['seen']]}, with what counted laid over it"
    if small:
        st.image(_row(over), alt=f"{alt}, for a network that has learned nothing")
        return
    if len(over) > 1 or told["seen"] == "sound":
        plain = [_large(each.convert("RGB"), size) for each in pictures]
        st.image(_row(plain), alt=f"The {SEEN[told['seen']]}, as the model sees it")
    st.image(_row(over), alt=alt)
    if told["seen"] == "sound":
        look.quiet("Time runs from left to right, pitch upwards; bright is loud.")


def laid_over(picture: Image.Image, heat: Image.Image, size: tuple[int, int], *, signed: bool) -> Image.Image:
    """Lay the heat over the picture in grey: the stronger, the less of the picture shows through."""
    grey = np.asarray(_large(picture.convert("L"), size).convert("RGB"), dtype=float)
    weights = np.asarray(heat.convert("L").convert("F").resize(size, Image.Resampling.BICUBIC))
    if signed:
        shares = np.clip((weights - 128) / 127, -1, 1)
        towards, against = (_rgb(look.colour(role)) for role in ("training", "validation"))
        tone = np.where(shares[..., None] >= 0, towards, against)
    else:
        shares = np.clip(weights / 255, 0, 1)
        tone = _warm(shares)
    cover = 0.85 * np.abs(shares)[..., None] ** 0.8
    # The grey steps back towards the middle, so that colours stand out on black and on white alike.
    ground = 0.75 * grey + 0.25 * 128
    return Image.fromarray(np.clip((1 - cover) * ground + cover * tone, 0, 255).astype(np.uint8))


def _framed(image: Image.Image, box: list[float]) -> Image.Image:
    """Draw the box of the thing that is explained, its sides in shares of the picture's."""
    left, top, right, bottom = (side * size for side, size in zip(box, image.size * 2, strict=True))
    if right - left > 4 and bottom - top > 4:
        ImageDraw.Draw(image).rectangle((left, top, right, bottom), outline="white", width=3)
        ImageDraw.Draw(image).rectangle((left + 1, top + 1, right - 1, bottom - 1), outline="black", width=1)
    return image


def _warm(shares: np.ndarray) -> np.ndarray:
    place = np.clip(shares, 0, 1) * (len(WARM) - 1)
    low = np.minimum(place.astype(int), len(WARM) - 2)
    part = (place - low)[..., None]
    return (1 - part) * WARM[low] + part * WARM[low + 1]


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)], dtype=float)


def _opened(encoded: str) -> Image.Image:
    with Image.open(io.BytesIO(base64.b64decode(encoded)), formats=("PNG",)) as image:
        image.load()
    return image


def _size(seen: str, picture: Image.Image, *, small: bool) -> tuple[int, int]:
    if seen == "sound":
        return SOUND_SMALL if small else SOUND
    side = SMALL if small else SIDE
    side = side // 3 if seen == "clip" else side
    large = samples.enlarged(picture, side)
    return large.width, large.height


def _large(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    smaller = image.width > size[0]
    return image.resize(size, Image.Resampling.LANCZOS if smaller else Image.Resampling.NEAREST)


def _row(images: list[Image.Image]) -> Image.Image:
    """Put images of one size side by side."""
    width, height = images[0].size
    whole = Image.new("RGBA", ((width + GAP) * len(images) - GAP, height))
    for place, image in enumerate(images):
        whole.paste(image.convert("RGBA"), (place * (width + GAP), 0))
    return whole
