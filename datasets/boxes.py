"""Pictures with boxes: things to be found, labelled as COCO, Pascal VOC, YOLO or in a table, or bundled samples.

A box is kept as left, top, right, bottom in shares of the picture's sides, so it holds at any size. Pictures are
stretched to a square: then a box needs no other change than its picture.
"""

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import field_validator

from datasets import DataSet, PartName, Prepared, Progress, Sample, _box_drawing, _pack
from datasets._archive import Bundle, note_unsafe, opened
from datasets._box_checks import MOST_THINGS, check_blank, of_labels, of_things
from datasets._box_reading import LABEL_ENDINGS, Labels, find, holds_boxes, note_lost
from datasets._box_things import Things, once
from datasets._class_checks import check_count, check_duplicates, check_unreadable
from datasets._layout import counted, listed, short
from datasets._pictures import (
    ENDINGS,
    Album,
    Entry,
    Picture,
    array_of,
    canonical,
    image_of,
    open_picture,
    resized,
    resizing,
    thumbnail,
)
from datasets._split import NEEDED, split
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

TITLE = "Pictures with boxes"
SUMMARY = "Pictures in which things are marked with boxes: find such things in new pictures."
NOUN = "picture"
ICON = "crop_free"
EXTENSIONS = (".zip", ".xml")
INSIDE = (*ENDINGS, ".xml", ".json", ".txt", ".yaml")
TASKS = ("detection",)
FIRST_CHOICE = {"detection": "detector"}

MAX_SIZE = 320
MAX_TENSOR_BYTES = 2_000_000_000
OUTSIDE = 0.02
"""A box that reaches further over the edge than this share of the side is worth a word."""
SMALLEST = 1.0
"""Pixels of the original picture below which a side of a box is none."""
SIZES_DIFFER = 0.05
"""Sides told by the labels and sides of the picture may differ by this share in their ratio."""
BATCH = 256
"""Pictures that are decoded ahead; keeps memory small."""


class Config(Settings):
    """How pictures and boxes are brought to the form that the model sees."""

    size: int = setting(
        0, "Picture size", "Side in pixels that the model sees; pictures are stretched to a square. 0 chooses by the "
        "data. Larger finds smaller things and is slower.", ge=0, le=MAX_SIZE, step=16, unit="px", zero="automatic",
        panel="data",
    )  # fmt: skip
    rarest: int = setting(
        3, "Rarest class", "Classes with boxes in fewer pictures than this are left out.", ge=3, le=1000, panel="data",
        advanced=True,
    )  # fmt: skip
    colour: Literal["auto", "grey", "colour"] = setting(
        "auto", "Colour", "`auto` keeps colour where any picture has it; `grey` is faster.", panel="data", advanced=True
    )

    @field_validator("size")
    @classmethod
    def _fits_cells(cls, size: int) -> int:
        if size % 16 or 0 < size < 32:
            raise ValueError(f"`data.size` must be a multiple of 16 from 32 to {MAX_SIZE} (or 0), but got {size}.")
        return size


def looks_like(file: Path) -> float:
    """Say how sure it is that a file holds pictures with boxes: by the labels inside."""
    if file.suffix.lower() == ".xml" and not file.is_dir():
        return 0.5
    try:
        with opened(file) as bundle:
            return 0.97 if holds_boxes(bundle) else 0.01
    except (Refusal, OSError):
        return 0.005


def samples() -> tuple[Sample, ...]:
    """List the bundled samples, best first example first."""
    return tuple(SAMPLES.values())


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form."""
    if name not in SAMPLES:
        raise known("sample", name, SAMPLES)
    from datasets import _made_animals as made

    with np.load(_pack.path("sprites.npz"), allow_pickle=False) as told:
        sprites, names = told["pictures"], told["names"]
    classes = tuple(np.unique(names).tolist())
    pictures, boxes = made.found(sprites, np.searchsorted(classes, names), SAMPLES[name].rows, MOST_OF[name])
    entries = (Entry.of(Picture(canonical(image_of(array)), *array.shape[:2])) for array in pictures)
    album = Album.write(folder, entries, [0] * len(pictures))
    return _finish(album, SAMPLES[name].title, classes, boxes, _Troubles(), [], [])


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:  # noqa: ARG001 - part of the contract
    """Read a zip or a folder of pictures and labels; raises `Refusal` in words for what cannot be read."""
    if file.suffix.lower() in LABEL_ENDINGS and not file.is_dir():
        raise Refusal(f"'{file.name}' holds labels alone. Zip the pictures together with their labels.")
    with opened(file) as bundle:
        labels = find(bundle)
        album, pictures, unreadable = _decode(bundle, labels, folder, progress)
        others = len([name for name in bundle.names if name.lower().endswith(ENDINGS)]) - len(labels.boxes)
    troubles = _Troubles()
    classes, spelled, merged = _classes_of(labels)
    boxes = [
        _mended(row, labels, name, spelled, album.sizes[row], troubles) for row, name in enumerate(pictures)
    ]  # fmt: skip
    kept = sorted({int(box[0]) for here in boxes for box in here})
    if not kept:
        raise Refusal("Every box lies outside of its picture or has no size. Check that the labels belong to these "
                      "pictures, and export them again.")  # fmt: skip
    boxes = [np.column_stack([np.searchsorted(kept, here[:, 0]), here[:, 1:]]) for here in boxes]
    notes = [f"Labels were read as {labels.title}.", *merged, *note_lost(labels), *note_unsafe(bundle)]
    if others > 0:
        notes.append(f"Left out {counted(others, 'picture')} without labels.")
    classes = tuple(classes[number] for number in kept)
    return _finish(album, file.stem, classes, boxes, troubles, notes, unreadable)


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at pictures and boxes before anything is trained; every check answers, also with `pass`."""
    settings = _settings(data)
    album, things = Album.open(dataset.folder), Things.open(dataset.folder)
    told = dataset.schema.details
    size = settings.size or int(told["size"])
    return [
        check_count(len(album), NOUN),
        *of_labels(things, list(dataset.schema.classes), told["troubles"], settings.rarest),
        *of_things(things, size),
        check_duplicates(album.digests, NOUN),
        check_blank(album.spreads),
        check_unreadable(told["unreadable"], NOUN),
    ]


def classes(dataset: DataSet, data: Data) -> dict[str, int]:
    """Count the boxes of each class that is learned."""
    things, names = Things.open(dataset.folder), list(dataset.schema.classes)
    counts = things.of_classes(len(names))
    return {names[number]: int(counts[number]) for number in _frequent(things, len(names), _settings(data))}


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split with copies on one side, bring all to one size; (n, size, size, channels) uint8.

    `y` (n, 5 * most): for each thing its class number, left, top, right, bottom; class -1 where there are fewer.
    """
    settings = _settings(data)
    album, things = Album.open(dataset.folder), Things.open(dataset.folder)
    names = list(dataset.schema.classes)
    frequent = _frequent(things, len(names), settings)
    if not len(frequent):
        raise Refusal(f"No class has boxes in {settings.rarest} pictures or more. Label more pictures, or lower the "
                      "rarest class.")  # fmt: skip
    size = settings.size or int(dataset.schema.details["size"])
    channels = _channels(settings, album)
    _refuse_too_large(len(album), size, channels)
    truth = _truth(things, frequent)
    parts, done = {}, 0
    for name, here in _split(album, truth, data, seed, len(frequent)).items():
        pictures = np.empty((len(here), size, size, channels), dtype=np.uint8)
        for positions, batch in resized(album, here, size, "stretch", channels):
            pictures[positions] = batch
            done += len(batch)
            progress(done / len(album), f"Preparing pictures: {done:,} of {len(album):,}")
        parts[name] = Part({"picture": pictures}, truth[here], here)
    learned = parts["train"].y[:, ::5].astype(int)
    signature = Signature(
        data_type="boxes",
        task="detection",
        inputs={"picture": TensorSpec(shape=(size, size, channels), dtype="uint8")},
        raw=(_raw_input(channels),),
        target=Target(name="label", classes=tuple(names[number] for number in frequent)),
        rows={name: len(part) for name, part in parts.items()},
        class_counts=tuple(np.bincount(learned[learned >= 0], minlength=len(frequent)).tolist()),
        details={"most": truth.shape[1] // 5},
    )
    return Prepared(folder, signature, {"size": size, "channels": channels}).save(parts)


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return these pictures with their boxes drawn on them, and in words what is in them."""
    things, names = Things.open(dataset.folder), list(dataset.schema.classes)
    told = []
    for row, image in zip(rows, pictures(dataset, rows), strict=True):
        here = things.of(row)
        boxes = [(box[1:], names[int(box[0])], _box_drawing.TRUE) for box in here.tolist()]
        label = in_words([names[int(box[0])] for box in here])
        told.append({"picture": _box_drawing.drawn(image, boxes), "label": label})
    return told


def pictures(dataset: DataSet, rows: Sequence[int]) -> list[Image.Image]:
    """Return these pictures without any box on them."""
    return list(Album.open(dataset.folder).images(rows))


def in_words(names: Sequence[str]) -> str:
    """Say what is in a picture: "2 × cat, dog"; "nothing" for an empty one."""
    counts = Counter(names)
    return ", ".join(name if counts[name] == 1 else f"{counts[name]} × {name}" for name in sorted(counts)) or "nothing"


def thumbnails(dataset: DataSet, rows: Sequence[int], side: int) -> list[bytes]:
    """Return these pictures with their boxes as small PNG files that fit into a square of `side` pixels."""
    return [thumbnail(told["picture"], side) for told in preview(dataset, rows)]


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return these pictures as the deliverable takes them: {"picture": (1, height, width, channels) uint8}."""
    channels = int(signature.raw[0].shape[-1] or 1)
    return [{"picture": array_of(image, channels)[None]} for image in pictures(dataset, rows)]


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn {"picture": bytes of an upload or a camera} into (1, height, width, channels)."""
    data = values.get("picture")
    if not isinstance(data, bytes):
        raise Refusal("No picture was given. Choose a file or take a photo.")
    return {"picture": array_of(open_picture(data).image, int(signature.raw[0].shape[-1] or 1))[None]}


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the raw picture (batch, any height, any width, channels) and the ready one (batch, size, size, channels).

    The answer of the resize is rounded as in `prepare`, so both see equal numbers.
    """
    picture = keras.Input((None, None, int(signature.raw[0].shape[-1] or 1)), name="picture", dtype="float32")
    ready = keras.ops.round(resizing(int(encoding["size"]), "stretch")(picture, training=False))
    return {"picture": picture}, {"picture": ready}


_SPRITES = "Noto Emoji: Apache 2.0, Twemoji: CC BY 4.0"
_MADE = (
    "computed in datasets/_made_animals.py with Noto Emoji, copyright Google, and Twemoji, copyright Twitter, Inc and "
    "other contributors"
)
SAMPLES = {
    "find-the-animal": Sample(
        "find-the-animal", "Find the animal",
        "3,000 small pictures, each with one of ten animals on blurred colours. Where is it, and which one?",
        "boxes", "label", "detection", f"made by this project; {_SPRITES}", _MADE, "detector",
        "overlap 0.82, classes 0.97", 3_000,
    ),
    "find-the-animals": Sample(
        "find-the-animals", "Find all the animals",
        "2,000 small pictures with one to three animals each. Where are they all, and which ones?",
        "boxes", "label", "detection", f"made by this project; {_SPRITES}", _MADE, "detector",
        "overlap 0.73, classes 0.92", 2_000,
    ),
}  # fmt: skip
MOST_OF = {"find-the-animal": 1, "find-the-animals": 3}
"""The most animals in one picture."""


# Reading


@dataclass
class _Troubles:
    """What was wrong with labels, and in which rows: boxes lost, mended, or left as they are."""

    lost: Counter[int] = field(default_factory=Counter)
    outside: Counter[int] = field(default_factory=Counter)
    twice: Counter[int] = field(default_factory=Counter)
    swapped: Counter[int] = field(default_factory=Counter)
    turned_pictures: Counter[int] = field(default_factory=Counter)

    def told(self) -> dict[str, dict[str, Any]]:
        """Return of each trouble how often it was there, and the first rows."""
        return {
            name: {"number": counts.total(), "rows": sorted(+counts)[:10]} for name, counts in vars(self).items()
        }  # fmt: skip


def _decode(bundle: Bundle, labels: Labels, folder: Path, progress: Progress) -> tuple[Album, list[str], list[str]]:
    """Decode in threads into an album; returns it, the names of its pictures, and the names of what was skipped."""
    names = list(labels.boxes)
    kept: list[str] = []
    unreadable: list[tuple[str, str]] = []

    def one(name: str) -> Entry | Refusal:
        try:
            return Entry.of(open_picture(bundle.read(name), short(name)))
        except OSError:
            return Refusal(f"'{short(name)}' is damaged or cut off. Save or download it again.")
        except Refusal as refusal:
            return refusal

    def sound() -> Iterator[Entry]:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
            for start in range(0, len(names), BATCH):
                for name, entry in zip(names[start:], threads.map(one, names[start : start + BATCH]), strict=False):
                    if isinstance(entry, Refusal):
                        unreadable.append((name, str(entry)))
                    else:
                        kept.append(name)
                        numbers.append(0)
                        groups.append(_source(name))
                        yield entry
                done = min(start + BATCH, len(names))
                progress(done / len(names), f"Reading pictures: {done:,} of {len(names):,}")

    numbers: list[int] = []
    groups: list[str] = []
    album = Album.write(folder, sound(), numbers, groups)
    if 10 * len(unreadable) > len(names):
        reason = unreadable[0][1]
        raise Refusal(f"{len(unreadable)} of {counted(len(names), 'picture')} could not be read. {reason}")
    return album, kept, [name for name, _ in unreadable]


def _source(name: str) -> str:
    """Name what a picture was made from: changed copies that a labelling tool wrote carry one name before `.rf.`."""
    stem, mark, _ = PurePosixPath(name).name.partition(".rf.")
    return stem if mark else name


def _classes_of(labels: Labels) -> tuple[list[str], dict[str, int], list[str]]:
    """Return the class names, the number of each spelling, and notes on spellings that were taken as one class."""
    spellings: dict[str, Counter[str]] = {}
    for boxes in labels.boxes.values():
        for name, *_ in boxes:
            spellings.setdefault(_folded(name), Counter())[name] += 1
    chosen = {key: _clean(counts.most_common(1)[0][0]) for key, counts in spellings.items()}
    names = sorted(set(chosen.values()))
    numbers = {spelling: names.index(chosen[key]) for key, counts in spellings.items() for spelling in counts}
    notes = [
        f"{listed(sorted(counts))} were taken as one class '{chosen[key]}'."
        for key, counts in sorted(spellings.items()) if len(counts) > 1
    ]  # fmt: skip
    return names, numbers, notes


def _clean(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())[:120] or "thing"


def _folded(name: str) -> str:
    return _clean(name).casefold()


def _mended(
    row: int, labels: Labels, name: str, numbers: dict[str, int], size: np.ndarray, troubles: _Troubles
) -> np.ndarray:
    """Return the boxes of one picture in shares, inside it and each once: (n, 5); what was wrong goes to `troubles`."""
    told = labels.boxes[name]
    if not told:
        return np.zeros((0, 5), dtype=np.float32)
    height, width = _sides(row, labels, name, size, troubles)
    kinds = np.array([numbers[each[0]] for each in told])
    corners = np.array([each[1:] for each in told], dtype=np.float64)
    if not labels.shares:
        corners /= (width, height, width, height)
    low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
    troubles.swapped[row] += int((low != corners[:, :2]).any(axis=1).sum())
    inside_low, inside_high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    over = np.maximum(np.abs(low - inside_low), np.abs(high - inside_high)).max(axis=1)
    is_box = ((inside_high - inside_low) * size[::-1] >= SMALLEST).all(axis=1)
    troubles.lost[row] += int((~is_box).sum())
    troubles.outside[row] += int((is_box & (over > OUTSIDE)).sum())
    boxes = np.column_stack([kinds, inside_low, inside_high])[is_box].astype(np.float32)
    kept = boxes[once(boxes)]
    troubles.twice[row] += len(boxes) - len(kept)
    return kept


def _sides(row: int, labels: Labels, name: str, size: np.ndarray, troubles: _Troubles) -> tuple[float, float]:
    """Return height and width in whose pixels the boxes of a picture were written.

    A picture that was made smaller after labelling keeps its ratio: then the labels' own size counts. One that lies on
    its side was labelled before a program turned it; nothing can be said about its boxes.
    """
    real = float(size[0]), float(size[1])
    told = labels.sizes.get(name, real)
    ratio, expected = told[0] / told[1], real[0] / real[1]
    if abs(ratio / expected - 1) > SIZES_DIFFER and abs(ratio * expected - 1) <= SIZES_DIFFER:
        troubles.turned_pictures[row] += 1
    return told


def _finish(
    album: Album, name: str, classes: tuple[str, ...], boxes: list[np.ndarray], troubles: _Troubles, notes: list[str],
    unreadable: list[str],
) -> DataSet:  # fmt: skip
    """Write the boxes, then `dataset.json`, last."""
    starts = np.concatenate([[0], np.cumsum([len(here) for here in boxes])]).astype(np.int64)
    things = Things(np.concatenate(boxes).astype(np.float32), starts)
    np.savez(album.folder / "boxes.npz", boxes=things.boxes, starts=things.starts)
    told = hashlib.sha256("|".join(classes).encode())
    for array in (album.digests, album.groups, things.boxes, things.starts):
        told.update(np.ascontiguousarray(array).tobytes())
    label = Column(
        name="label", kind="category", unique=len(classes), examples=classes[:5], reason="what is in the boxes"
    )
    schema = Schema(
        name=name,
        data_type="boxes",
        rows=len(album),
        columns=(Column(name="picture", kind="picture", unique=len(np.unique(album.digests))), label),
        target="label",
        task="detection",
        classes=dict(zip(classes, things.of_classes(len(classes)).tolist(), strict=True)),
        fingerprint=told.hexdigest(),
        notes=tuple(notes),
        details={
            "size": _size_for(album), "boxes": len(things.boxes), "troubles": troubles.told(), "unreadable": unreadable,
        },
    )  # fmt: skip
    temporary = album.folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(), encoding="utf-8")
    temporary.rename(album.folder / "dataset.json")
    return DataSet(album.folder, schema)


def _size_for(album: Album) -> int:
    """Keep small pictures about as they are; bring larger ones to 128 pixels."""
    longer = int(np.median(album.kept.max(axis=1)))
    return int(np.clip(-(-longer // 16) * 16, 32, 128))


# Preparing


def _settings(data: Data) -> Config:
    if data.task and data.task not in TASKS:
        raise Refusal(f"In pictures with boxes things are found, so `data.task` must be detection, not {data.task}.")
    if data.target and data.target != "label":
        raise Refusal(
            f"Pictures with boxes have one target, `label`, but got '{data.target}'. Leave `data.target` out."
        )
    return validate(Config, data.settings, "data")


def _frequent(things: Things, number: int, settings: Config) -> np.ndarray:
    """Return the numbers of the classes that are learned."""
    return np.flatnonzero(things.pictures_of_classes(number) >= settings.rarest)


def _truth(things: Things, frequent: np.ndarray) -> np.ndarray:
    """Return for each picture its things of these classes, the largest first: (rows, 5 * most), -1 for none."""
    every = []
    for row in range(len(things.starts) - 1):
        here = things.of(row)
        here = here[np.isin(here[:, 0], frequent)]
        areas = (here[:, 3] - here[:, 1]) * (here[:, 4] - here[:, 2])
        every.append(here[np.argsort(-areas, kind="stable")][:MOST_THINGS])
    most = max(1, *(len(here) for here in every)) if every else 1
    truth = np.zeros((len(every), most, 5), dtype=np.float32)
    truth[:, :, 0] = -1
    for row, here in enumerate(every):
        truth[row, : len(here), 0] = np.searchsorted(frequent, here[:, 0])
        truth[row, : len(here), 1:] = here[:, 1:]
    return truth.reshape(len(every), -1)


def _split(album: Album, truth: np.ndarray, data: Data, seed: int, classes: int) -> dict[PartName, np.ndarray]:
    """Deal out pictures by their rarest class, as far as there are enough of it; copies stay together."""
    labels = truth[:, ::5].astype(int)
    counts = np.bincount(labels[labels >= 0], minlength=classes)
    commonness = np.where(labels >= 0, counts[np.maximum(labels, 0)], np.iinfo(np.int64).max)
    rarest = labels[np.arange(len(labels)), commonness.argmin(axis=1)]
    groups = album.tied()
    labels_ = _enough(rarest, groups)
    return split(labels_, len(labels), data.validation, data.test, seed, groups, "picture", data.folded)


def _enough(labels: np.ndarray, groups: np.ndarray | None) -> np.ndarray | None:
    """Put classes together that are too rare to be dealt out alone; None where one class is left."""
    units = np.arange(len(labels)) if groups is None else groups
    sizes = {label: len(np.unique(units[labels == label])) for label in np.unique(labels).tolist()}
    # A group counts for its rarest class only, so the others need some more.
    rare = [label for label, size in sizes.items() if size < (NEEDED if groups is None else 3 * NEEDED)]
    kept = [label for label in sizes if label not in rare]
    if not kept:
        return None
    most = max(kept, key=lambda label: sizes[label])
    found = np.where(np.isin(labels, rare), most, labels)
    return found if len(np.unique(found)) > 1 else None


def _channels(settings: Config, album: Album) -> int:
    if settings.colour == "auto":
        return 3 if album.colour.any() else 1
    return 1 if settings.colour == "grey" else 3


def _raw_input(channels: int) -> RawInput:
    told = f"A picture of any size, {'grey' if channels == 1 else 'red, green and blue'}, values 0 to 255."
    return RawInput(
        name="picture", kind="picture", shape=(None, None, channels), minimum=0, maximum=255, description=told
    )


def _refuse_too_large(number: int, size: int, channels: int) -> None:
    needed = number * size * size * channels
    if needed > MAX_TENSOR_BYTES:
        most = int((MAX_TENSOR_BYTES / (number * channels)) ** 0.5) // 16 * 16
        raise Refusal(
            f"{number:,} pictures of size {size} need {needed / 1e9:.1f} GB. Set the picture size to {most} or less."
        )
