"""Pictures: opened from hostile bytes, kept in an album on disk, brought to one size."""

import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageStat

from recipes import Refusal, keras

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".webp", ".bmp", ".tif", ".tiff")
MAX_PIXELS = 50_000_000
LONGEST = 512
"""No larger side is kept: models see at most 224 pixels."""
LOSSLESS = 128
"""Pictures up to this side are kept without loss, larger photos as JPEG."""
CHUNK = 32


@dataclass(frozen=True)
class Picture:
    """A picture in canonical form: upright, at most 512 pixels a side, 8 bits, grey (`L`) or colour (`RGB`)."""

    image: Image.Image
    height: int
    """Height and width as uploaded, upright."""
    width: int
    is_lossy: bool = False


@dataclass(frozen=True)
class Entry:
    """What an album keeps of one picture; making it is the slow part and may be done in threads."""

    data: bytes
    size: tuple[int, int]
    kept: tuple[int, int]
    is_colour: bool
    digest: int
    spread: float

    @classmethod
    def of(cls, picture: Picture) -> "Entry":
        """Encode a picture and measure it."""
        image = picture.image
        told = f"{image.mode}{image.size}".encode() + image.tobytes()
        return cls(
            data=_encoded(image, is_lossy=picture.is_lossy and max(image.size) > LOSSLESS),
            size=(picture.height, picture.width),
            kept=(image.height, image.width),
            is_colour=image.mode == "RGB",
            digest=int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "little"),
            spread=float(ImageStat.Stat(image.convert("L")).stddev[0]),
        )


def open_picture(data: bytes, name: str = "") -> Picture:
    """Open the first frame of a picture file; whatever is no sound picture is refused in words."""
    called = f"'{name}'" if name else "This file"
    if not data:
        raise Refusal(f"{called} is empty. Was it still downloading?")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _refuse_huge(image.width * image.height, name)
            is_lossy = image.format in {"JPEG", "WEBP"}
            flipped = image.getexif().get(0x0112, 1) >= 5
            width, height = image.size[::-1] if flipped else image.size
            image.draft(None, (LONGEST, LONGEST))  # large JPEGs are decoded small at once
            upright = ImageOps.exif_transpose(image)
            return Picture(canonical(upright), height, width, is_lossy)
    except Refusal:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        pixels = re.search(r"\((\d+) pixels\)", str(bomb))
        _refuse_huge(int(pixels[1]) if pixels else 2 * MAX_PIXELS, name)
        raise
    except Image.UnidentifiedImageError:
        kinds = "PNG, JPEG, GIF, WebP, BMP or TIFF"
        raise Refusal(f"{called} is not a picture we can read. Save it as {kinds}.") from None
    except Exception:  # noqa: BLE001 - broken bytes make decoders raise almost anything; it is told in words
        raise Refusal(f"{called} is damaged or cut off. Save or download it again.") from None


def canonical(image: Image.Image) -> Image.Image:
    """Return a picture as `L` or `RGB` with 8 bits, transparent parts white, at most 512 pixels a side."""
    image = _eight_bits(image)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("L" if image.mode in {"1", "L"} else "RGB")
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.BILINEAR)
    if image.mode == "RGB" and _is_grey(image):
        image = image.getchannel(0)
    image.info.clear()
    return image


def drawn(data: bytes, ink: float) -> Image.Image:
    """Turn a drawing into light ink on black, as high in its square as the data's own drawings (`ink`, 0 to 1).

    What a drawing pad draws stands in the alpha channel; a picture without one is taken as it is.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if "A" not in image.getbands():
            return open_picture(data).image
        _refuse_huge(image.width * image.height, "")
        strokes = image.getchannel("A")
    box = strokes.point(lambda value: 255 if value > 32 else 0).getbbox()
    if box is None:
        raise Refusal("Nothing is drawn yet. Draw something and try again.")
    if box == (0, 0, *strokes.size):
        return open_picture(data).image  # opaque all over: a picture, not strokes
    strokes = strokes.crop(box)
    side = round(max(strokes.size) / ink)
    square = Image.new("L", (side, side))
    square.paste(strokes, ((side - strokes.width) // 2, (side - strokes.height) // 2))
    return square


def array_of(image: Image.Image, channels: int) -> np.ndarray:
    """Return a picture as (height, width, channels) uint8."""
    array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return array.reshape(*array.shape[:2], channels)


def image_of(array: np.ndarray) -> Image.Image:
    """Return (height, width, channels) uint8 as a picture."""
    return Image.fromarray(array[:, :, 0] if array.shape[-1] == 1 else array)


@dataclass(frozen=True)
class Album:
    """The pictures of a data set on disk: `pictures.bin` (files end to end) and `index.npz` (what is known of each)."""

    folder: Path
    labels: np.ndarray
    starts: np.ndarray
    """Where each picture begins in `pictures.bin`, and the end."""
    digests: np.ndarray
    """Equal for equal pictures."""
    sizes: np.ndarray
    """(pictures, 2): height and width as uploaded."""
    kept: np.ndarray
    """(pictures, 2): height and width as kept."""
    colour: np.ndarray
    spreads: np.ndarray
    """Standard deviation of the brightness; near 0 for a blank picture."""
    groups: np.ndarray
    """Pictures of one group stay on one side of a split; empty where there is none."""

    @classmethod
    def write(
        cls, folder: Path, entries: Iterable[Entry], labels: Sequence[int], groups: Sequence[str] = ()
    ) -> "Album":
        """Write the entries one by one, in order; `labels` may still grow while they come in."""
        folder.mkdir(parents=True, exist_ok=True)
        ends, known = [0], []
        with (folder / "pictures.bin").open("wb") as file:
            for entry in entries:
                ends.append(ends[-1] + file.write(entry.data))
                known.append((entry.size, entry.kept, entry.is_colour, entry.digest, entry.spread))
        sizes, kept, colour, digests, spreads = zip(*known, strict=True) if known else ((),) * 5
        np.savez(
            folder / "index.npz",
            labels=np.array(labels, dtype=np.int32),
            starts=np.array(ends, dtype=np.int64),
            digests=np.array(digests, dtype=np.uint64),
            sizes=np.array(sizes, dtype=np.int32).reshape(-1, 2),
            kept=np.array(kept, dtype=np.int32).reshape(-1, 2),
            colour=np.array(colour, dtype=bool),
            spreads=np.array(spreads, dtype=np.float32),
            groups=np.array(groups, dtype=np.str_),
        )
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> "Album":
        """Open an album; pictures are read one by one when asked for."""
        with np.load(folder / "index.npz", allow_pickle=False) as index:
            return cls(folder, **index)

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, rows: Iterable[int]) -> Iterator[Image.Image]:
        """Give the pictures of these rows, in order."""
        with (self.folder / "pictures.bin").open("rb") as file:
            for row in rows:
                file.seek(int(self.starts[row]))
                data = file.read(int(self.starts[row + 1] - self.starts[row]))
                image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
                image.load()
                yield image

    def tied(self) -> np.ndarray | None:
        """Return one number a picture, equal where pictures are equal or of one group; None where all differ."""
        root = list(range(len(self)))

        def find(row: int) -> int:
            while root[row] != row:
                root[row] = root[root[row]]
                row = root[row]
            return row

        for keys in (self.digests, self.groups):
            first: dict[Any, int] = {}
            for row, key in enumerate(keys.tolist()):
                root[find(row)] = find(first.setdefault(key, row))
        found = np.array([find(row) for row in range(len(self))])
        return found if len(np.unique(found)) < len(self) else None


def resizing(size: int, fit: str) -> Any:
    """Return the stock layer that brings (batch, height, width, channels) to size x size. Worker only.

    In a graph, call it with `training=False`: it believes to be training and tells so all layers behind it (Keras
    3.15), and the dropout of the download would make its answers random.
    """
    return keras.layers.Resizing(
        size,
        size,
        interpolation="bilinear",
        antialias=True,
        crop_to_aspect_ratio=fit == "crop",
        pad_to_aspect_ratio=fit == "pad",
        dtype="float32",
        name="resize",
    )


def resized(album: Album, rows: np.ndarray, size: int, fit: str, channels: int) -> Iterator[tuple[np.ndarray, Any]]:
    """Give (positions in `rows`, pictures (n, size, size, channels) uint8), pictures of one size together.

    The deliverable's own layer does it, so that training and Try see the same numbers to the last bit; pictures
    that have the size already are taken as they are.
    """
    kinds, kind = np.unique(album.kept[rows], axis=0, return_inverse=True)
    for number, (height, width) in enumerate(kinds.tolist()):
        layer = None if (height, width) == (size, size) else resizing(size, fit)
        positions = np.flatnonzero(kind.ravel() == number)
        for start in range(0, len(positions), CHUNK):
            here = positions[start : start + CHUNK]
            batch = np.stack([array_of(image, channels) for image in album.images(rows[here])])
            if layer is not None:
                batch = np.round(np.asarray(layer(batch.astype(np.float32)))).astype(np.uint8)
            yield here, batch


def thumbnail(image: Image.Image, side: int) -> bytes:
    """Return a picture as PNG that fits into a square of `side` pixels; tiny ones grow in whole steps."""
    longest = max(image.size)
    if longest <= side // 2:
        steps = side // longest
        small = image.resize((image.width * steps, image.height * steps), Image.Resampling.NEAREST)
    else:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _encoded(image: Image.Image, *, is_lossy: bool) -> bytes:
    buffer = io.BytesIO()
    if is_lossy:
        image.save(buffer, "JPEG", quality=95)
    else:
        image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _refuse_huge(pixels: int, name: str) -> None:
    if pixels > MAX_PIXELS:
        called = f"Picture {name}" if name else "This picture"
        size = f"{pixels / 1e6:,.0f} megapixels"
        raise Refusal(f"{called} is {size}; the limit is {MAX_PIXELS // 1_000_000}. Make it smaller first.")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and floating point grey to 8 bits; Pillow alone would clip them."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0.0, neginf=0.0)
    top = 1.0 if image.mode == "F" and values.max() <= 1 else 255.0 if values.max() <= 255 else 65535.0
    if image.mode.startswith("I;16"):
        top = 65535.0
    return Image.fromarray(np.round(np.clip(values / top, 0, 1) * 255).astype(np.uint8))


def _is_grey(image: Image.Image) -> bool:
    array = np.asarray(image)
    return bool((array[..., 0] == array[..., 1]).all() and (array[..., 1] == array[..., 2]).all())
