"""Pictures: a zip or folder with a folder per class, a table naming files, loose pictures, or bundled samples.

With classes they can be sorted. With or without, a model can learn to draw new ones (`generation`) or to squeeze and
redraw them (`reconstruction`), which finds odd ones; there the label only judges.
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from datasets import DataSet, PartName, Prepared, Progress, Sample, _made_scans, _pack, room
from datasets._archive import Bundle, note_unsafe, opened
from datasets._class_checks import (
    check_balance,
    check_conflicts,
    check_count,
    check_duplicates,
    check_few,
    check_unreadable,
)
from datasets._layout import Kind, counted, layout, note_unreadable, refuse_unreadable, short
from datasets._pictures import (
    ENDINGS,
    Album,
    Entry,
    Picture,
    array_of,
    canonical,
    drawn,
    image_of,
    open_picture,
    resized,
    resizing,
    thumbnail,
)
from datasets._split import refuse_held_out, split
from recipes import (
    Column,
    Data,
    Finding,
    Part,
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

TITLE = "Pictures"
SUMMARY = "Photos or drawings: tell which is which, find odd ones, or draw new ones."
NOUN = "picture"
ICON = "image"
EXTENSIONS = (".zip", *ENDINGS)
INSIDE = ENDINGS
TASKS = ("classification", "generation", "reconstruction")
FIRST_CHOICE = {"classification": "cnn", "generation": "vae", "reconstruction": "autoencoder"}

MAX_SIZE = 224
MAX_TENSOR_BYTES = 2_000_000_000
KIND = Kind("picture", ENDINGS, "cats/1.jpg", needs_classes=False)
BATCH = 256
"""Pictures that are decoded ahead; keeps memory small."""


class Config(Settings):
    """How pictures are brought to the form that the model sees."""

    size: int = setting(
        0, "Picture size", "Side in pixels that the model sees; 0 chooses by the data. Larger sees more and is slower.",
        ge=0, le=MAX_SIZE, step=16, unit="px", zero="automatic", panel="data",
    )  # fmt: skip
    fit: Literal["crop", "pad", "stretch"] = setting(
        "crop", "Fit", "Pictures become square: `crop` cuts the edges, `pad` adds black bars, `stretch` distorts.",
        panel="data",
    )  # fmt: skip
    colour: Literal["auto", "grey", "colour"] = setting(
        "auto", "Colour", "`auto` keeps colour where any picture has it; `grey` is faster.", panel="data", advanced=True
    )
    hold_out: str = setting(
        "", "Odd class", "Only for redrawing: this class is never trained on and must be found in the test as odd.",
        panel="data", advanced=True, max_length=120,
    )  # fmt: skip

    @field_validator("size")
    @classmethod
    def _is_even(cls, size: int) -> int:
        if size % 2 or 0 < size < 8:
            raise ValueError(f"`data.size` must be an even number from 8 to {MAX_SIZE} (or 0), but got {size}.")
        return size


def samples() -> tuple[Sample, ...]:
    """List the bundled samples, best first example first."""
    return tuple(sample for sample, _ in SAMPLES.values())


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form; online ones are fetched by Keras (worker only)."""
    if name not in SAMPLES:
        raise known("sample", name, SAMPLES)
    sample, load = SAMPLES[name]
    told = load()
    pictures = (Entry.of(Picture(canonical(image_of(array)), *array.shape[:2])) for array in told.pictures)
    classes = tuple(sorted(told.classes))
    order = np.array([classes.index(label) for label in told.classes])
    album = Album.write(folder, pictures, order[told.labels].tolist(), told.groups)
    return _finish(album, sample.title, classes, [], {"ink": told.ink, "unreadable": []})


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:  # noqa: ARG001 - part of the contract
    """Read a zip or a folder of pictures; raises `Refusal` in words for what cannot be read."""
    if file.suffix.lower() in ENDINGS and not file.is_dir():
        raise Refusal(f"'{file.name}' is a single picture. Put the pictures of each class into a folder and zip them.")
    with opened(file) as bundle:
        found = layout(bundle, KIND)
        album, classes, unreadable = _decode(bundle, found.labels, folder, progress)
    notes = [*found.notes, *note_unsafe(bundle), *note_unreadable(unreadable, len(found.labels), KIND)]
    return _finish(album, file.stem, classes, notes, {"ink": 0.0, "unreadable": [name for name, _ in unreadable]})


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the pictures; every check answers, also with `pass`."""
    settings = _settings(data)
    _task(dataset, data, settings)
    album = Album.open(dataset.folder)
    classes = dataset.schema.classes
    return [
        check_count(len(album), NOUN),
        *(_check_classes(album, classes) if classes else ()),
        check_duplicates(album.digests, NOUN),
        _check_blank(album),
        _check_sizes(album),
        _check_colour(album),
        check_unreadable(dataset.schema.details["unreadable"], NOUN),
    ]


def tasks(dataset: DataSet) -> tuple[str, ...]:
    """Name what can be learned: sorting needs classes, drawing and redrawing need none."""
    return TASKS if dataset.schema.classes else TASKS[1:]


def classes(dataset: DataSet, data: Data) -> dict[str, int]:
    """Count the pictures of each class; empty where no class is learned."""
    return dataset.schema.classes if (data.task or dataset.schema.task) == "classification" else {}


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split by class with equal pictures on one side, bring all to one size; (n, size, size, channels) uint8.

    `y` holds class numbers for every task (zeros where there are no classes); `details` name the classes and the odd
    ones among them where `y` is not what is learned.
    """
    settings = _settings(data)
    task = _task(dataset, data, settings)
    album = Album.open(dataset.folder)
    size = settings.size or int(dataset.schema.details["size"])
    channels = _channels(settings, album)
    _refuse_too_large(len(album), size, channels)
    classes = tuple(dataset.schema.classes)
    odd = classes.index(settings.hold_out) if settings.hold_out else None
    parts, done = {}, 0
    for name, here in _split(album, data, seed, odd).items():
        pictures = room(folder, name, "picture", (len(here), size, size, channels), np.uint8)
        for positions, batch in resized(album, here, size, settings.fit, channels):
            pictures[positions] = batch
            done += len(batch)
            progress(done / len(album), f"Preparing pictures: {done:,} of {len(album):,}")
        parts[name] = Part({"picture": pictures}, album.labels[here], here)
    ink = float(dataset.schema.details["ink"])
    is_sorting = task == "classification"
    signature = Signature(
        data_type="image",
        task=task,
        inputs={"picture": TensorSpec(shape=(size, size, channels), dtype="uint8")},
        raw=(_raw_input(channels, ink),),
        target=Target(name="label", classes=classes) if is_sorting else Target(name="picture"),
        rows={name: len(part) for name, part in parts.items()},
        class_counts=tuple(np.bincount(parts["train"].y, minlength=len(classes)).tolist()) if is_sorting else (),
        details={} if is_sorting else {"classes": list(classes), "anomalies": [] if odd is None else [odd]},
    )
    encoding = {"size": size, "fit": settings.fit, "channels": channels, "drawing": ink > 0}
    return Prepared(folder, signature, encoding).save(parts)


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return these pictures with their class names, where there are any."""
    album, classes = Album.open(dataset.folder), list(dataset.schema.classes)
    images = album.images(rows)
    if not classes:
        return [{"picture": image} for image in images]
    return [{"picture": image, "label": classes[album.labels[row]]} for row, image in zip(rows, images, strict=True)]


def thumbnails(dataset: DataSet, rows: Sequence[int], side: int) -> list[bytes]:
    """Return these pictures as small PNG files that fit into a square of `side` pixels."""
    return [thumbnail(image, side) for image in Album.open(dataset.folder).images(rows)]


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return these pictures as the deliverable takes them: {"picture": (1, height, width, channels) uint8}."""
    channels = _raw_channels(signature)
    return [{"picture": array_of(image, channels)[None]} for image in Album.open(dataset.folder).images(rows)]


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn {"picture": bytes of an upload, a camera or a drawing pad} into (1, height, width, channels)."""
    data = values.get("picture")
    if not isinstance(data, bytes):
        raise Refusal("No picture was given. Choose a file, take a photo or draw one.")
    picture = open_picture(data).image
    ink = signature.raw[0].ink
    return {"picture": array_of(drawn(data, ink) if ink else picture, _raw_channels(signature))[None]}


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the raw picture (batch, any height, any width, channels) and the ready one (batch, size, size, channels).

    The answer of the resize is rounded as in `prepare`, so both see equal numbers; a picture that has the size
    already passes unchanged.
    """
    picture = keras.Input((None, None, _raw_channels(signature)), name="picture", dtype="float32")
    ready = keras.ops.round(resizing(int(encoding["size"]), encoding["fit"])(picture, training=False))
    return {"picture": picture}, {"picture": ready}


@dataclass(frozen=True)
class _Arrays:
    """A sample as arrays: pictures (n, height, width, channels) uint8, labels as numbers of `classes`."""

    pictures: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: tuple[str, ...] = ()
    ink: float = 0.0
    """Height of a drawing in its square; 0 where a drawing pad makes no sense."""


def _digits() -> _Arrays:
    from sklearn.datasets import load_digits

    told = load_digits()
    pictures = np.round(told.images * (255 / 16)).astype(np.uint8)[..., None]
    return _Arrays(pictures, told.target, tuple("0123456789"), ink=1.0)


def _textures() -> _Arrays:
    with np.load(_pack.path("textures.npz"), allow_pickle=False) as told:
        return _Arrays(told["pictures"], told["labels"], tuple(told["names"].tolist()))


def _emoji() -> _Arrays:
    with np.load(_pack.path("emoji.npz"), allow_pickle=False) as told:
        return _Arrays(told["pictures"], told["labels"], tuple(told["names"].tolist()), tuple(told["groups"].tolist()))


def _glyphs() -> _Arrays:
    with np.load(_pack.path("glyphs.npz"), allow_pickle=False) as told:
        groups = tuple(told["groups"].tolist())
        return _Arrays(told["pictures"], told["labels"], tuple(told["names"].tolist()), groups, ink=20 / 28)


def _scans() -> _Arrays:
    return _Arrays(*_made_scans.make(), _made_scans.CLASSES)


def _mnist() -> _Arrays:
    pictures, labels = _fetched("mnist")
    return _Arrays(pictures[..., None], labels, tuple("0123456789"), ink=20 / 28)


def _fashion() -> _Arrays:
    pictures, labels = _fetched("fashion_mnist")
    classes = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
    return _Arrays(pictures[..., None], labels, classes)


def _cifar10() -> _Arrays:
    pictures, labels = _fetched("cifar10")
    classes = ("aeroplane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    return _Arrays(pictures, labels, classes)


def _fetched(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all pictures and labels of one of Keras's own data sets. Worker only."""
    module = getattr(keras.datasets, name)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output belongs to the command line's one JSON object
            (first, first_labels), (second, second_labels) = module.load_data()
    except Exception:  # noqa: BLE001 - Keras raises a plain Exception when it cannot fetch
        title = name.replace("_", "-")
        raise Refusal(
            f"'{title}' must be fetched from the internet, and that did not work. Try again when online, or choose "
            "a bundled sample such as digits."
        ) from None
    return np.concatenate([first, second]), np.concatenate([first_labels, second_labels]).ravel()


def _sample(
    name: str, title: str, sentence: str, rows: int, licence: str, source: str, expected: str, *, online: bool = False,
    family: str = "cnn",
) -> Sample:  # fmt: skip
    return Sample(
        name, title, sentence, "image", "label", "classification", licence, source, family, expected, rows, online
    )


SAMPLES = {
    "digits": (
        _sample(
            "digits",
            "Handwritten digits",
            "1,797 tiny pictures of handwritten digits. Which digit is it, 0 to 9?",
            1797,
            "BSD 3-Clause (scikit-learn)",
            "scikit-learn, load_digits; UCI Optical Recognition of Handwritten Digits",
            "accuracy 0.99",
        ),
        _digits,
    ),
    "glyphs": (
        _sample(
            "glyphs",
            "Printed letters",
            "6,000 letters A to J in 40 typefaces, bent and smudged, 28 x 28 pixels. Which letter is it?",
            6000,
            "open font licences, each in the notice of the data pack",
            "rendered and distorted for Layerwise from open fonts",
            "accuracy 0.92",
        ),
        _glyphs,
    ),
    "emoji": (
        _sample(
            "emoji",
            "Emoji",
            "1,020 colour emoji in two drawing styles. Is it an animal, food, a face or something about travel?",
            1020,
            "Noto Emoji: Apache 2.0; Twemoji: CC BY 4.0",
            "Noto Emoji, copyright Google; Twemoji, copyright Twitter, Inc and other contributors",
            "accuracy 0.86",
            family="transfer",
        ),
        _emoji,
    ),
    "scans": (
        _sample(
            "scans",
            "X-ray-like pictures",
            "1,600 made-up chest pictures, 48 x 48 pixels. Is there a shadow on a lung? Not for real patients.",
            _made_scans.PICTURES,
            "Apache 2.0 (made by Layerwise)",
            "simulated; datasets/_made_scans.py",
            "accuracy 0.92",
        ),
        _scans,
    ),
    "textures": (
        _sample(
            "textures",
            "Textures",
            "768 grey close-ups, 32 x 32 pixels. Is it brick, grass or gravel?",
            768,
            "CC0 1.0",
            "scikit-image: CC0Textures (brick, gravel), linolafett (grass)",
            "accuracy 0.99",
        ),
        _textures,
    ),
    "mnist": (
        _sample(
            "mnist",
            "MNIST digits",
            "70,000 handwritten digits, 28 x 28 pixels: the classic. Fetched from the internet once.",
            70_000,
            "CC BY-SA 3.0",
            "Yann LeCun, Corinna Cortes; fetched by keras.datasets",
            "not measured yet",
            online=True,
        ),
        _mnist,
    ),
    "fashion-mnist": (
        _sample(
            "fashion-mnist",
            "Fashion-MNIST",
            "70,000 pictures of clothes, 28 x 28 pixels, ten kinds. Fetched from the internet once.",
            70_000,
            "MIT",
            "Zalando Research; fetched by keras.datasets",
            "not measured yet",
            online=True,
        ),
        _fashion,
    ),
    "cifar10": (
        _sample(
            "cifar10",
            "CIFAR-10",
            "60,000 small colour photos of animals and vehicles, ten kinds. Fetched from the internet once.",
            60_000,
            "no licence stated; free for research and teaching by custom",
            "Alex Krizhevsky; fetched by keras.datasets",
            "not measured yet",
            online=True,
        ),
        _cifar10,
    ),
}


def _decode(
    bundle: Bundle, labels: dict[str, str], folder: Path, progress: Progress
) -> tuple[Album, tuple[str, ...], list[tuple[str, str]]]:
    """Decode in threads into an album; returns it with its classes and the (name, reason) of what was skipped.

    Pictures without classes bear an empty label; their class numbers are 0.
    """
    classes = tuple(sorted(set(labels.values())))
    codes: list[int] = []
    unreadable: list[tuple[str, str]] = []

    def one(name: str) -> Entry | Refusal:
        try:
            return Entry.of(open_picture(bundle.read(name), short(name)))
        except OSError:
            return Refusal(f"'{short(name)}' is damaged or cut off. Save or download it again.")
        except Refusal as refusal:
            return refusal

    def sound() -> Iterator[Entry]:
        names = list(labels)
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
            for start in range(0, len(names), BATCH):
                for name, entry in zip(names[start:], threads.map(one, names[start : start + BATCH]), strict=False):
                    if isinstance(entry, Refusal):
                        unreadable.append((name, str(entry)))
                    else:
                        codes.append(classes.index(labels[name]))
                        yield entry
                done = min(start + BATCH, len(names))
                progress(done / len(names), f"Reading pictures: {done:,} of {len(names):,}")

    album = Album.write(folder, sound(), codes)
    refuse_unreadable(unreadable, labels, KIND)
    return album, () if classes == ("",) else classes, unreadable


def _finish(album: Album, name: str, classes: tuple[str, ...], notes: list[str], details: dict[str, Any]) -> DataSet:
    """Write `dataset.json`, last."""
    counts = np.bincount(album.labels, minlength=len(classes)).tolist()
    told = hashlib.sha256("|".join(classes).encode())
    for array in (album.labels, album.digests, album.groups):
        told.update(np.ascontiguousarray(array).tobytes())
    columns = [Column(name="picture", kind="picture", unique=len(np.unique(album.digests)))]
    if classes:
        columns.append(
            Column(name="label", kind="category", unique=len(classes), examples=classes[:5], reason="the class")
        )
    schema = Schema(
        name=name,
        data_type="image",
        rows=len(album),
        columns=tuple(columns),
        target="label" if classes else "picture",
        task="classification" if classes else "generation",
        classes=dict(zip(classes, counts, strict=True)) if classes else {},
        fingerprint=told.hexdigest(),
        notes=tuple(notes),
        details={"size": _size_for(album), **_sizes(album), **details},
    )
    temporary = album.folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(), encoding="utf-8")
    temporary.rename(album.folder / "dataset.json")
    return DataSet(album.folder, schema)


def _size_for(album: Album) -> int:
    """Keep small pictures as they are; bring larger ones to 64 pixels, or 96 where there are few of them."""
    shorter = int(np.median(album.kept.min(axis=1)))
    is_uniform = len(np.unique(album.kept)) == 1
    if (is_uniform and shorter <= 96) or shorter <= 64:
        return max(8, shorter + shorter % 2)
    return 96 if shorter >= 96 and len(album) <= 2000 else 64


def _sizes(album: Album) -> dict[str, Any]:
    areas = album.sizes.prod(axis=1)
    order = np.argsort(areas, kind="stable")
    smallest, middle, largest = (album.sizes[order[at]].tolist() for at in (0, len(order) // 2, -1))
    colour = int(album.colour.sum())
    return {"smallest": smallest, "typical": middle, "largest": largest, "colour_pictures": colour}


def _settings(data: Data) -> Config:
    if data.task and data.task not in TASKS:
        raise Refusal(f"Pictures serve {', '.join(TASKS[:-1])} or {TASKS[-1]}, so `data.task` cannot be {data.task}.")
    fitting = ("label",) if data.task == "classification" else ("label", "picture")
    if data.target and data.target not in fitting:
        raise Refusal(f"Pictures have one target, `label`, but got '{data.target}'. Leave `data.target` out.")
    return validate(Config, data.settings, "data")


def _task(dataset: DataSet, data: Data, settings: Config) -> str:
    """Return what is learned; refuses what these pictures do not allow."""
    task = data.task or dataset.schema.task
    if task not in tasks(dataset):
        raise Refusal(
            "These pictures have no classes, so they cannot be sorted. Put the pictures of each class into a folder of "
            "its own, or set `data.task` to generation or reconstruction."
        )
    if not settings.hold_out:
        return task
    if task != "reconstruction":
        raise Refusal("Only redrawing (`data.task: reconstruction`) can hold out a class. Leave `data.hold_out` empty.")
    if settings.hold_out not in dataset.schema.classes:
        raise known("class", settings.hold_out, dataset.schema.classes)
    return task


def _split(album: Album, data: Data, seed: int, odd: int | None) -> dict[PartName, np.ndarray]:
    """Return the rows of each part; all pictures of the odd class stand in the test part, unseen by training."""
    refuse_held_out(data.folded, odd is not None)
    usual = np.flatnonzero(album.labels != (-1 if odd is None else odd))
    tied = album.tied()
    groups = None if tied is None else tied[usual]
    labels = None if _hold_every_class(album.labels[usual], groups) else album.labels[usual]
    found = split(labels, len(usual), data.validation, data.test, seed, groups, "picture", data.folded)
    rows = {name: usual[here] for name, here in found.items()}
    return rows | {"test": np.union1d(rows["test"], np.setdiff1d(np.arange(len(album)), usual))}


def _hold_every_class(labels: np.ndarray, groups: np.ndarray | None) -> bool:
    """Say whether every group holds every class, as a typeface does: then dealing out groups keeps the balance."""
    if groups is None:
        return False
    pairs = np.unique(np.stack([groups, labels]), axis=1).shape[1]
    return pairs == len(np.unique(groups)) * len(np.unique(labels))


def _channels(settings: Config, album: Album) -> int:
    if settings.colour == "auto":
        return 3 if album.colour.any() else 1
    return 1 if settings.colour == "grey" else 3


def _raw_channels(signature: Signature) -> int:
    return int(signature.raw[0].shape[-1] or 1)


def _raw_input(channels: int, ink: float) -> RawInput:
    told = f"A picture of any size, {'grey' if channels == 1 else 'red, green and blue'}, values 0 to 255."
    if ink:
        told += " Light on black; a drawing pad suits it."
    return RawInput(
        name="picture", kind="picture", shape=(None, None, channels), minimum=0, maximum=255, description=told, ink=ink
    )


def _refuse_too_large(pictures: int, size: int, channels: int) -> None:
    needed = pictures * size * size * channels
    if needed > MAX_TENSOR_BYTES:
        most = int((MAX_TENSOR_BYTES / (pictures * channels)) ** 0.5) // 2 * 2
        raise Refusal(
            f"{pictures:,} pictures of size {size} need {needed / 1e9:.1f} GB. Set the picture size to {most} or less."
        )


def _check_classes(album: Album, classes: dict[str, int]) -> list[Finding]:
    conflicts = check_conflicts(album.digests, album.labels, list(classes), NOUN)
    return [check_few(classes, NOUN), check_balance(classes, NOUN), conflicts]


def _check_blank(album: Album) -> Finding:
    rows = np.flatnonzero(album.spreads < 1)
    if not len(rows):
        return Finding(code="blank", severity="pass", sentence="No picture is blank.")
    sentence = f"{counted(len(rows), 'nearly blank picture')} (one even colour)."
    cure = "Look at them and remove those that show nothing."
    return Finding(code="blank", severity="warning", sentence=sentence, cure=cure, rows=tuple(rows[:10].tolist()))


def _check_sizes(album: Album) -> Finding:
    longest = album.sizes.max(axis=1)
    small, large = int(np.argmin(longest)), int(np.argmax(longest))
    sizes = [f"{album.sizes[row][1]} x {album.sizes[row][0]}" for row in (small, large)]
    if len(np.unique(album.sizes, axis=0)) == 1:
        return Finding(code="sizes", severity="pass", sentence=f"All pictures are {sizes[0]} pixels.")
    sentence = f"Pictures range from {sizes[0]} to {sizes[1]} pixels."
    if longest[large] < 4 * longest[small]:
        return Finding(code="sizes", severity="pass", sentence=sentence)
    cure = "Nothing to do: all are brought to one size. Very small ones look blurred."
    return Finding(code="sizes", severity="notice", sentence=sentence, cure=cure, rows=(small, large))


def _check_colour(album: Album) -> Finding:
    colour = int(album.colour.sum())
    if colour in {0, len(album)}:
        kind = "colour" if colour else "grey"
        return Finding(code="colour", severity="pass", sentence=f"All pictures are {kind}.")
    sentence = f"{colour:,} pictures have colour, {len(album) - colour:,} are grey."
    if min(colour, len(album) - colour) < 0.05 * len(album):
        return Finding(code="colour", severity="pass", sentence=sentence)
    cure = "If only some classes are grey, the model may learn that instead: set colour to `grey`."
    rows = np.flatnonzero(album.colour == (2 * colour < len(album)))
    return Finding(code="colour", severity="notice", sentence=sentence, cure=cure, rows=tuple(rows[:10].tolist()))
