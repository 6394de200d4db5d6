"""Pictures of the pack: textures, emoji, sprites."""

import io
import json
import tarfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

from datasets._pack._build_files import member, npz

TILE = 32
SIDE = 48
SPRITES = {
    "cat": "1F408", "dog": "1F415", "horse": "1F40E", "cow": "1F404", "sheep": "1F411", "elephant": "1F418",
    "giraffe": "1F992", "zebra": "1F993", "bird": "1F426", "bear": "1F43B",
}  # fmt: skip


def textures(sources: list[bytes]) -> bytes:
    """Cut each picture into tiles; gives pictures (768, 32, 32, 1), labels and class names."""
    names = ["brick", "grass", "gravel"]
    tiles = [_tiles(np.asarray(Image.open(io.BytesIO(data)).convert("L"))) for data in sources]
    labels = np.repeat(np.arange(len(names)), [len(each) for each in tiles])
    return npz(pictures=np.concatenate(tiles), labels=labels.astype(np.uint8), names=np.array(names))


def _tiles(picture: np.ndarray) -> np.ndarray:
    down, across = (length // TILE for length in picture.shape)
    grid = picture[: down * TILE, : across * TILE].reshape(down, TILE, across, TILE)
    return grid.transpose(0, 2, 1, 3).reshape(-1, TILE, TILE, 1)  # (tiles, height, width, 1)


def emoji(sources: list[bytes]) -> bytes:
    """Pack both styles of each emoji on white; `groups` holds the code point, equal for the two twins."""
    pictures, labels, groups = [], [], []
    for _, code, label, picture in _drawings(sources):
        pictures.append(np.asarray(_on_white(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
        labels.append(label)
        groups.append(code)
    names, numbers = np.unique(labels, return_inverse=True)
    return npz(pictures=np.stack(pictures), labels=numbers.astype(np.uint8), names=names, groups=np.array(groups))


def _drawings(sources: list[bytes]) -> Iterator[tuple[str, str, str, Image.Image]]:
    """Give (style, code point, class, drawing) of every emoji that has a class."""
    for style, data in zip(("google", "twitter"), sources, strict=True):
        with tarfile.open(fileobj=io.BytesIO(data)) as tarball:
            for emoji in json.loads(member(tarball, "package/emoji.json")):
                label = _emoji_class(emoji)
                if label and emoji[f"has_img_{style}"]:
                    drawing = member(tarball, f"package/img/{style}/64/{emoji['image']}")
                    yield style, emoji["unified"], label, Image.open(io.BytesIO(drawing)).convert("RGBA")


def _emoji_class(emoji: dict[str, str]) -> str:
    """Sort by subcategory: whole categories would call plants animals and clocks travel."""
    kind, group = emoji["subcategory"], emoji["category"]
    if kind.startswith("animal-"):
        return "animal"
    if kind.startswith("food-") or kind == "drink":
        return "food"
    if kind.startswith("face-") and group == "Smileys & Emotion":
        return "face"
    return "travel" if kind.startswith(("transport-", "place-")) and group == "Travel & Places" else ""


def sprites(sources: list[bytes]) -> bytes:
    """Pack the animals with their transparency, in both styles, as (20, 64, 64, 4)."""
    wanted = {code: name for name, code in SPRITES.items()}
    found = [(style, wanted[code], picture) for style, code, _, picture in _drawings(sources) if code in wanted]
    pictures = np.stack([np.asarray(picture.resize((64, 64))) for *_, picture in found])
    styles, names = (np.array([each[column] for each in found]) for column in (0, 1))
    return npz(pictures=pictures, names=names, styles=styles)


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")
