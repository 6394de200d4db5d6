"""Two pictures: one that shows what is to be painted, one that shows how; a model learns to paint like the second.

Nothing can be kept back here: what is wanted is this very picture in this very style. So the model learns from pieces
of both, is watched with the whole picture while it learns, and is judged by that same whole picture in the end.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from datasets import DataSet, Part, PartName, Prepared, Progress, Sample, _made_paintings
from datasets._archive import Bundle, note_unsafe, opened
from datasets._pictures import ENDINGS, Album, Entry, Picture, array_of, canonical, open_picture, thumbnail
from recipes import (
    Column,
    Data,
    Finding,
    RawInput,
    Refusal,
    Schema,
    Settings,
    Signature,
    Target,
    TensorSpec,
    keras,
    known,
    setting,
    validate,
)

TITLE = "Two pictures"
SUMMARY = "A picture and a painting: paint the first as if it were by the hand of the second."
NOUN = "picture"
NO_FOLDS = "A style is learned from two pictures, so there is nothing to deal out into folds."
ICON = "brush"
EXTENSIONS = (".zip",)
INSIDE = ENDINGS
TASKS = ("styling",)
FIRST_CHOICE = {"styling": "style"}

CONTENT, STYLE = 0, 1
"""Rows of the data set: the picture that is painted, the picture that gives the style."""
ROLES = ("content", "style")
STYLE_WORDS = ("style", "stil", "painting", "texture")
CONTENT_WORDS = ("content", "inhalt", "photo", "picture")
LEAST_SIDE, MOST_SIDE = 64, 512
GRID = 8
"""Sides are brought to multiples of this, so that a picture is answered in its own size."""
PIECE = 128
NARROWEST = 4.0
"""A picture may be so many times as long as it is wide."""


class Config(Settings):
    """How the two pictures are used."""

    size: int = setting(
        256, "Picture size", "Longer side in pixels of the painted picture. A larger one takes about as long to learn, "
        "but its strokes are smaller beside the things.", ge=LEAST_SIDE, le=MOST_SIDE, step=32, unit="px",
        panel="data",
    )  # fmt: skip
    strokes: float = setting(
        1.0, "Stroke size", "The painting is looked at so much larger (2) or smaller (0.5): its strokes with it.",
        ge=0.5, le=2.0, step=0.25, panel="data",
    )  # fmt: skip
    swap: bool = setting(False, "Swap the two", "Paint the other picture in the style of this one.", panel="data")
    pieces: int = setting(
        40, "Pieces", "So many pieces are cut from both pictures, at chance places; each is seen once an epoch.",
        ge=16, le=2000, step=20, panel="data", advanced=True,
    )  # fmt: skip


def samples() -> tuple[Sample, ...]:
    """List the bundled samples, best first example first."""
    return tuple(sample for sample, _, _ in SAMPLES.values())


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form."""
    if name not in SAMPLES:
        raise known("sample", name, SAMPLES)
    sample, content, style = SAMPLES[name]
    images = [Image.fromarray(_content(content)), Image.fromarray(_made_paintings.STYLES[style](384, 1))]
    pictures = [Picture(canonical(image), image.height, image.width) for image in images]
    return _finish(folder, pictures, sample.title, (content, style), [])


def looks_like(file: Path) -> float:
    """Two pictures and nothing else are a picture and its style: for anything else they are too few."""
    try:
        with opened(file) as bundle:
            names = bundle.names
    except Refusal:
        return 0.0
    return 0.95 if len(names) == 2 and len(_pictures_in(names)) == 2 else 0.0


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:  # noqa: ARG001 - part of the contract
    """Read a zip or a folder with two pictures; raises `Refusal` in words for what cannot be read."""
    with opened(file) as bundle:
        names = _pictures_in(bundle.names)
        if len(names) != 2:
            raise Refusal(
                f"Style transfer takes two pictures, one to be painted and one for the style, but there "
                f"{'is' if len(names) == 1 else 'are'} {len(names) or 'none'}. Upload exactly two."
            )
        ordered, note = _in_roles(names)
        pictures = [_opened(bundle, name) for name in ordered]
        notes = [note, *note_unsafe(bundle)]
    progress(1.0, "Both pictures were read")
    content, style = (PurePosixPath(name) for name in ordered)
    return _finish(folder, pictures, f"{content.stem} in the style of {style.stem}", (content.name, style.name), notes)


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the pair; every check answers, also with `pass`."""
    settings = _settings(data)
    album = Album.open(dataset.folder)
    return [
        _check_roles(dataset, settings),
        _check_seal(),
        _check_same(album),
        _check_blank(album, dataset, settings),
        _check_sizes(album, dataset, settings),
    ]


def classes(dataset: DataSet, data: Data) -> dict[str, int]:  # noqa: ARG001 - part of the contract
    """Count no classes: there are none."""
    return {}


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Cut pieces of both pictures for training; the whole picture is both validation and test.

    `picture` and `style` are (pieces, side, side, 3) uint8 in the training part and (1, height, width, 3) in the two
    others. Half of the pieces are mirrored.
    """
    settings = _settings(data)
    album = Album.open(dataset.folder)
    places = _places(settings)
    content, style = (_image(album, place) for place in places)
    whole = sized(content, settings.size)
    painting = sized(style, min(MOST_SIDE, max(LEAST_SIDE, round(settings.size * settings.strokes))))
    side = min(PIECE, *whole.size, *painting.size) // GRID * GRID
    random = np.random.default_rng(seed)
    cut = {
        "picture": np.stack(list(_pieces(whole, side, settings.pieces, random, is_zoomed=True))),
        "style": np.stack(list(_pieces(painting, side, settings.pieces, random, is_zoomed=False))),
    }
    seen = {"picture": array_of(whole, 3)[None], "style": array_of(painting, 3)[None]}
    row = np.array([places[CONTENT]])
    zeros = np.zeros(settings.pieces, dtype=np.int32)
    parts: dict[PartName, Part] = {
        "train": Part(cut, zeros, np.full(settings.pieces, row[0])),
        "validation": Part(seen, zeros[:1], row),
        "test": Part(seen, zeros[:1], row),
    }
    progress(1.0, f"Cut {settings.pieces:,} pieces of both pictures")
    spec = TensorSpec(shape=(None, None, 3), dtype="uint8")
    signature = Signature(
        data_type="style",
        task="styling",
        inputs={"picture": spec, "style": spec},
        raw=(_raw_input(settings.size),),
        target=Target(name="styled"),
        rows={name: len(part) for name, part in parts.items()},
        details={"side": settings.size, "piece": side, "names": [dataset.schema.details["names"][at] for at in places]},
    )
    return Prepared(folder, signature, {}).save(parts)


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return these pictures with their roles and names."""
    images, names = Album.open(dataset.folder).images(rows), dataset.schema.details["names"]
    return [{"picture": image, "role": ROLES[row], "name": names[row]} for row, image in zip(rows, images, strict=True)]


def thumbnails(dataset: DataSet, rows: Sequence[int], side: int) -> list[bytes]:
    """Return these pictures as small PNG files that fit into a square of `side` pixels."""
    return [thumbnail(image, side) for image in Album.open(dataset.folder).images(rows)]


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return these pictures as the deliverable takes them, at the size that was trained for."""
    side = int(signature.details["side"])
    images = Album.open(dataset.folder).images(rows)
    return [{"picture": array_of(sized(image, side), 3)[None]} for image in images]


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn {"picture": bytes of a file, "side": longer side in pixels or nothing} into (1, height, width, 3)."""
    data = values.get("picture")
    if not isinstance(data, bytes):
        raise Refusal("No picture was given. Choose a file or take a photo.")
    side = int(values.get("side") or signature.details["side"])
    if not LEAST_SIDE <= side <= MOST_SIDE:
        raise Refusal(f"The longer side must be between {LEAST_SIDE} and {MOST_SIDE} pixels, but got {side}.")
    return {"picture": array_of(sized(open_picture(data).image, side), 3)[None]}


def layers_of(
    signature: Signature, encoding: dict[str, Any]  # noqa: ARG001 - part of the contract
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Return the raw picture (batch, any height, any width, 3) from 0 to 255 and the ready one, which is the same."""
    picture = keras.Input((None, None, 3), name="picture", dtype="float32")
    return {"picture": picture}, {"picture": keras.layers.Identity()(picture)}


def sized(image: Image.Image, side: int) -> Image.Image:
    """Bring a picture to this longer side, both sides to multiples of 8; colours, also of a grey picture."""
    factor = side / max(image.size)
    width, height = (max(GRID, round(each * factor / GRID) * GRID) for each in image.size)
    image = image.convert("RGB")
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)


def sample_picture(name: str) -> tuple[str, np.ndarray]:
    """Return what a bundled sample shows, with its name: (height, width, 3) uint8."""
    content = SAMPLES[name][1]
    return content, _content(content)


# Samples


def _content(name: str) -> np.ndarray:
    """Return what a sample shows: a photo that scikit-learn brings along, cut to a square, or our own drawing."""
    if name == "village":
        return _made_paintings.village(384, 1)
    from sklearn.datasets import load_sample_image

    photo = load_sample_image({"temple": "china.jpg", "flower": "flower.jpg"}[name])
    left = {"temple": 60, "flower": 110}[name]
    return photo[:, left : left + photo.shape[0]]


def _sample(name: str, title: str, sentence: str, licence: str, source: str, expected: str) -> Sample:
    return Sample(name, title, sentence, "style", "styled", "styling", licence, source, "style", expected, 2)


OWN = "Layerwise's own paintings: CC0 1.0"
PHOTO = "photo: CC BY 2.0; painting: CC0 1.0"
SAMPLES: dict[str, tuple[Sample, str, str]] = {
    "temple-in-swirls": (
        _sample(
            "temple-in-swirls",
            "A temple in swirling strokes",
            "A photo of a Chinese temple and a night-blue painting full of eddies. Paint the temple like that.",
            PHOTO,
            "photo china.jpg by danielbuechele, brought along by scikit-learn; painting made for Layerwise",
            "style taken on 0.85",
        ),
        "temple",
        "swirls",
    ),
    "flower-in-glass": (
        _sample(
            "flower-in-glass",
            "A flower in stained glass",
            "A photo of a dahlia and a church window. Make a window of the flower.",
            PHOTO,
            "photo flower.jpg by vultilion, brought along by scikit-learn; painting made for Layerwise",
            "style taken on 0.64",
        ),
        "flower",
        "glass",
    ),
    "village-in-waves": (
        _sample(
            "village-in-waves",
            "A village in waves",
            "A drawn village by a lake and the bent bands of a sea. Paint the village like the sea.",
            OWN,
            "made for Layerwise",
            "style taken on 0.48",
        ),
        "village",
        "waves",
    ),
}
"""Each sample with what it shows and in which style."""


# Reading


def _pictures_in(names: Sequence[str]) -> list[str]:
    return sorted(name for name in names if PurePosixPath(name).suffix.lower() in ENDINGS)


def _in_roles(names: list[str]) -> tuple[list[str], str]:
    """Put the picture that is painted first, as the names say; where they say nothing, the order of the alphabet."""
    styles = [any(word in name.lower() for word in STYLE_WORDS) for name in names]
    contents = [any(word in name.lower() for word in CONTENT_WORDS) for name in names]
    if styles[0] != styles[1]:
        ordered = names[::-1] if styles[0] else names
    elif contents[0] != contents[1]:
        ordered = names if contents[0] else names[::-1]
    else:
        return names, (
            f"The names do not say which picture is which, so '{_short(names[0])}' is painted and "
            f"'{_short(names[1])}' gives the style. Swap them if you mean it the other way round."
        )
    return ordered, f"'{_short(ordered[0])}' is painted, '{_short(ordered[1])}' gives the style, as their names say."


def _opened(bundle: Bundle, name: str) -> Picture:
    try:
        picture = open_picture(bundle.read(name), _short(name))
    except OSError:
        raise Refusal(f"'{_short(name)}' is damaged or cut off. Save or download it again.") from None
    longest, shortest = max(picture.image.size), min(picture.image.size)
    if shortest < LEAST_SIDE / 2 or longest < LEAST_SIDE:
        raise Refusal(
            f"'{_short(name)}' has only {picture.width} x {picture.height} pixels. Choose a picture with at least "
            f"{LEAST_SIDE} on its longer and {LEAST_SIDE // 2} on its shorter side."
        )
    if longest > NARROWEST * shortest:
        raise Refusal(
            f"'{_short(name)}' is too narrow: {picture.width} x {picture.height} pixels. Cut it so that it is at most "
            f"{NARROWEST:.0f} times as long as it is wide."
        )
    return picture


def _finish(
    folder: Path, pictures: Sequence[Picture], name: str, names: tuple[str, ...], notes: list[str]
) -> DataSet:  # fmt: skip
    """Write the album, then `dataset.json`, last."""
    album = Album.write(folder, map(Entry.of, pictures), [CONTENT, STYLE])
    told = hashlib.sha256("|".join(names).encode() + np.ascontiguousarray(album.digests).tobytes())
    schema = Schema(
        name=name,
        data_type="style",
        rows=2,
        columns=(
            Column(name="picture", kind="picture", unique=len(np.unique(album.digests))),
            Column(
                name="role", kind="category", unique=2, examples=ROLES, reason="what is painted, what gives the style"
            ),
        ),
        target="styled",
        task="styling",
        fingerprint=told.hexdigest(),
        notes=tuple(notes),
        details={"names": list(names), "sizes": album.sizes.tolist()},
    )
    temporary = folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(), encoding="utf-8")
    temporary.rename(folder / "dataset.json")
    return DataSet(folder, schema)


# Preparing


def _settings(data: Data) -> Config:
    if data.task and data.task not in TASKS:
        raise Refusal(f"Two pictures serve styling, so `data.task` cannot be {data.task}. Leave it out.")
    if data.target and data.target != "styled":
        raise Refusal(f"Two pictures have one target, `styled`, but got '{data.target}'. Leave `data.target` out.")
    return validate(Config, data.settings, "data")


def _places(settings: Config) -> tuple[int, int]:
    """Return the rows of the picture that is painted and of the one that gives the style."""
    return (STYLE, CONTENT) if settings.swap else (CONTENT, STYLE)


def _image(album: Album, row: int) -> Image.Image:
    return next(album.images([row]))


def _pieces(
    image: Image.Image, side: int, count: int, random: np.random.Generator, *, is_zoomed: bool
) -> Iterator[np.ndarray]:
    """Cut squares at chance places, (side, side, 3) uint8; zoomed ones show up to the whole shorter side."""
    most = min(image.size)
    for _ in range(count):
        taken = int(random.integers(side, most + 1)) if is_zoomed else side
        left, top = (int(random.integers(0, each - taken + 1)) for each in image.size)
        piece = image.crop((left, top, left + taken, top + taken))
        if taken != side:
            piece = piece.resize((side, side), Image.Resampling.BILINEAR)
        array = array_of(piece, 3)
        yield array[:, ::-1] if random.random() < 0.5 else array


def _raw_input(side: int) -> RawInput:
    told = (
        "A picture of any size, red, green and blue, values 0 to 255; sides that are multiples of 4 come back in the "
        f"same size. The strokes suit a longer side of about {side} pixels."
    )
    return RawInput(name="picture", kind="picture", shape=(None, None, 3), minimum=0, maximum=255, description=told)


# Checking


def _check_roles(dataset: DataSet, settings: Config) -> Finding:
    content, style = (dataset.schema.details["names"][place] for place in _places(settings))
    sentence = f"'{_short(content)}' is painted in the style of '{_short(style)}'."
    if settings.swap:
        return Finding(code="roles", severity="notice", sentence=f"The two are swapped: {sentence}")
    return Finding(code="roles", severity="pass", sentence=sentence)


def _check_seal() -> Finding:
    sentence = (
        "With one picture nothing can be kept back for a test: the model learns from pieces of the very picture that "
        "it is judged by. The scores say how well this picture took on this style, not how others will."
    )
    cure = "Nothing to do. After training, try it on other pictures."
    return Finding(code="seal", severity="notice", sentence=sentence, cure=cure)


def _check_same(album: Album) -> Finding:
    if album.digests[CONTENT] != album.digests[STYLE]:
        return Finding(code="same", severity="pass", sentence="The two pictures differ.")
    sentence = "Both pictures are the same, so there is no other style to take on."
    return Finding(code="same", severity="problem", sentence=sentence, cure="Upload two different pictures.")


def _check_blank(album: Album, dataset: DataSet, settings: Config) -> Finding:
    blank = [place for place in _places(settings) if album.spreads[place] < 1]
    if not blank:
        return Finding(code="blank", severity="pass", sentence="Both pictures show something.")
    name = dataset.schema.details["names"][blank[0]]
    sentence = f"'{_short(name)}' is one even colour: there is nothing to paint and no style in it."
    return Finding(
        code="blank", severity="problem", sentence=sentence, cure="Choose another picture.", rows=(blank[0],)
    )


def _check_sizes(album: Album, dataset: DataSet, settings: Config) -> Finding:
    small = [place for place in _places(settings) if max(album.kept[place]) < settings.size]
    if not small:
        sentence = f"Both pictures have at least {settings.size} pixels on the longer side."
        return Finding(code="sizes", severity="pass", sentence=sentence)
    height, width = album.sizes[small[0]].tolist()
    name = _short(dataset.schema.details["names"][small[0]])
    sentence = f"'{name}' has only {width} x {height} pixels and is enlarged to {settings.size}."
    cure = "It works, but a larger picture gives finer strokes; or set a smaller picture size."
    return Finding(code="sizes", severity="notice", sentence=sentence, cure=cure, rows=(small[0],))


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:28]}…{name[-28:]}"
