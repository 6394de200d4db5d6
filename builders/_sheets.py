"""Sheets: several pictures in one small PNG, as panels carry them."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

GAP = 1
MOST_SIDE = 32
"""Pictures on a sheet are made at most this large, so that evidence stays small."""


def sheet(pictures: np.ndarray, columns: int, most_side: int = MOST_SIDE) -> str:
    """Lay pictures (n, height, width, channels) from 0 to 255 row by row into one PNG; returns it as base64.

    The gaps are transparent, so the sheet suits a light and a dark page.
    """
    small = [_small(picture, most_side) for picture in _bytes(pictures)]
    width, height = small[0].size
    rows = -(-len(small) // columns)
    mode = "LA" if small[0].mode == "L" else "RGBA"
    whole = Image.new(mode, (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP))
    for place, picture in enumerate(small):
        down, across = divmod(place, columns)
        whole.paste(picture.convert(mode), (across * (width + GAP), down * (height + GAP)))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def paired(above: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, int]:
    """Put two rows of pictures one above the other; returns them with the number of columns."""
    return np.concatenate([above, below]), len(above)


def panel(pictures: np.ndarray, columns: int, title: str, sentence: str = "", rows: Sequence[str] = ()) -> dict:
    """Return a panel of kind `pictures`; `rows` name its rows where they differ in meaning."""
    told = {"kind": "pictures", "title": title, "sentence": sentence, "sheet": sheet(pictures, columns)}
    return told | {"columns": columns, "rows": list(rows), "count": len(pictures)}


def _bytes(pictures: np.ndarray) -> np.ndarray:
    return np.clip(np.round(np.asarray(pictures, dtype=np.float32)), 0, 255).astype(np.uint8)


def _small(picture: np.ndarray, most_side: int) -> Image.Image:
    image = Image.fromarray(picture[:, :, 0] if picture.shape[-1] == 1 else picture)
    if max(image.size) > most_side:
        image.thumbnail((most_side, most_side), Image.Resampling.BILINEAR)
    return image
