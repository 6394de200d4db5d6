"""Sheets of small pictures from panels: enlarged in whole steps, so that every pixel stays a square."""

import base64
import io

from PIL import Image

WIDE = 640
"""About as wide as a column of the page, in pixels."""
LARGEST_STEP = 8


def opened(sheet: str, most: int = WIDE) -> Image.Image:
    """Open a sheet (base64 PNG) and enlarge it in whole steps to about `most` pixels."""
    with Image.open(io.BytesIO(base64.b64decode(sheet)), formats=("PNG",)) as image:
        image.load()
    step = max(1, min(LARGEST_STEP, most // image.width))
    return image.resize((image.width * step, image.height * step), Image.Resampling.NEAREST)


def stacked(sheets: list[str], gap: int = 6) -> Image.Image:
    """Put sheets of one size below each other."""
    images = [opened(sheet) for sheet in sheets]
    width, height = max(image.width for image in images), images[0].height
    whole = Image.new("RGBA", (width, (height + gap) * len(images) - gap))
    for place, image in enumerate(images):
        whole.paste(image.convert("RGBA"), (0, place * (height + gap)))
    return whole
