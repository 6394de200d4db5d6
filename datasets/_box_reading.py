"""Labels with boxes: found in an upload and read, whether COCO, Pascal VOC, YOLO or a table.

Every reader answers the same: for each picture the boxes as they were written, in pixels or as shares of the sides. A
picture that the labels name without a box is an empty picture, from which a model learns where nothing is.
"""

import csv
import io
import itertools
import json
import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from datasets._archive import Bundle
from datasets._layout import counted, short
from datasets._pictures import ENDINGS
from recipes import Refusal

MOST_BOXES = 500_000
LABEL_ENDINGS = (".json", ".xml", ".txt", ".csv", ".tsv", ".yaml", ".yml", ".names", ".labels")
NAMELESS = "thing"
"""What a box is called where the labels name no class."""
FILE_WORDS = ("filename", "file_name", "file", "image", "image_id", "imageid", "path", "img", "image_path", "picture")
CLASS_WORDS = ("class", "label", "class_name", "classname", "name", "category", "labelname", "type", "species")
CORNERS = tuple(
    tuple(words.split()) for words in ("xmin ymin xmax ymax", "x_min y_min x_max y_max", "x1 y1 x2 y2",
                                       "left top right bottom")
)  # fmt: skip
SIDES = tuple(tuple(words.split()) for words in ("x y w h", "x y width height", "left top width height",
                                                 "bbox_x bbox_y bbox_width bbox_height"))  # fmt: skip
NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt", "names.txt", "predefined_classes.txt")
LOOKED_AT = 20
"""Label files that are opened to say whether an upload holds boxes."""
LOOKED_AT_BYTES = 300_000
NOT_FOUND = (
    "No boxes found. Beside the pictures there must be labels that say where things are: COCO (.json), Pascal VOC "
    "(.xml), YOLO (.txt), or a CSV with the columns file, class, xmin, ymin, xmax, ymax."
)

Written = tuple[str, float, float, float, float]
"""A box as it was written: its class and left, top, right, bottom."""


@dataclass
class Labels:
    """What the labels of an upload say."""

    title: str
    """How the format is called: "YOLO"."""
    boxes: dict[str, list[Written]] = field(default_factory=dict)
    """By the picture's name in the upload; an empty list for a picture in which nothing is."""
    sizes: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Height and width that the labels tell of a picture."""
    shares: bool = False
    """Whether boxes are shares of the sides; else they are pixels."""
    lost: Counter[str] = field(default_factory=Counter)
    """Pictures that are named and not there, by name."""
    unread: int = 0
    """Boxes that could not be read."""

    def add(self, picture: str, box: Written | None) -> None:
        """Add a box to a picture, or say that the picture was looked at."""
        here = self.boxes.setdefault(picture, [])
        if box is None:
            return
        if all(map(math.isfinite, box[1:])):
            here.append(box)
        else:
            self.unread += 1

    @property
    def total(self) -> int:
        """Count all boxes."""
        return sum(map(len, self.boxes.values()))


def find(bundle: Bundle) -> Labels:
    """Read the labels of an upload in whichever format tells most; refused in words where there are none."""
    pictures = Names([name for name in bundle.names if PurePosixPath(name).suffix.lower() in ENDINGS])
    if not pictures.every:
        raise Refusal("No pictures found. Zip the pictures together with their labels.")
    read = [reader(bundle, pictures) for reader in (_coco, _voc, _yolo, _tables)]
    best = max(read, key=lambda labels: labels.total)
    if not best.total:
        missing = next((name for labels in read for name in labels.lost), None)
        if missing:
            raise Refusal(f"The labels name pictures that are not in the upload, such as '{short(missing)}'. Zip the "
                          "pictures together with their labels.")  # fmt: skip
        raise Refusal(NOT_FOUND)
    if best.total > MOST_BOXES:
        raise Refusal(f"There are {best.total:,} boxes; the limit is {MOST_BOXES:,}. Use fewer pictures.")
    return best


def holds_boxes(bundle: Bundle) -> bool:
    """Say whether an upload holds labels with boxes, from its names and a look at a few small files."""
    names = Names([name for name in bundle.names if PurePosixPath(name).suffix.lower() in ENDINGS])
    if not names.every:
        return False
    labels = [name for name in bundle.names if PurePosixPath(name).suffix.lower() in LABEL_ENDINGS]
    spread = labels[:: max(1, len(labels) // LOOKED_AT)][:LOOKED_AT]
    return any(_looks_like_boxes(bundle, name, names) for name in spread)


class Names:
    """The pictures of an upload, found by what labels may call them."""

    def __init__(self, every: Sequence[str]) -> None:
        self.every = tuple(every)
        self._by_end: dict[str, str] = {}
        self._stems: dict[str, str] = {}
        recurring = Counter(PurePosixPath(name).stem.lower() for name in every)
        for name in every:
            parts = PurePosixPath(name.lower()).parts
            for start in range(len(parts)):
                self._by_end.setdefault("/".join(parts[start:]), name)
            self._by_end["/".join(parts)] = name
            self._stems[_without_ending(name.lower())] = name
            if recurring[parts[-1].rpartition(".")[0]] == 1:
                self._stems.setdefault(PurePosixPath(parts[-1]).stem, name)

    def named(self, said: str, near: str = "") -> str | None:
        """Return the picture that labels call so; `near` is the file that names it, whose folder is searched first."""
        said = said.replace("\\", "/").strip().lower().removeprefix("./")
        folder = str(PurePosixPath(near.lower()).parent)
        for place in (f"{folder}/{said}", f"{_as_pictures(folder)}/{said}", f"{folder}/images/{said}", said):
            if (found := self._by_end.get(place.removeprefix("./"))) is not None:
                return found
        parts = PurePosixPath(said).parts
        tails = ("/".join(parts[start:]) for start in range(1, len(parts)))
        return next((self._by_end[tail] for tail in tails if tail in self._by_end), None) or self._stems.get(said)

    def beside(self, label: str) -> str | None:
        """Return the picture whose labels stand in this file: of the same name beside it, or in the folder `images`."""
        stem = _without_ending(label.lower())
        found = self._stems.get(stem) or self._stems.get(_as_pictures(stem))
        return found or self._stems.get(PurePosixPath(stem).name)


def _without_ending(name: str) -> str:
    return str(PurePosixPath(name).with_suffix("")) if PurePosixPath(name).suffix else name


def _as_pictures(path: str) -> str:
    """Turn the folder of labels into that of pictures: set/labels/train/a becomes set/images/train/a."""
    return re.sub(r"(^|/)(labels|annotations|annots|xmls)(?=/|$)", r"\1images", path)


def _text(bundle: Bundle, name: str) -> str:
    try:
        data = bundle.read(name)
    except OSError:
        raise Refusal(f"The label file '{short(name)}' is damaged or too large. Save it again and zip it anew.") \
            from None  # fmt: skip
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _named(bundle: Bundle, *endings: str) -> list[str]:
    return [name for name in bundle.names if name.lower().endswith(endings)]


def _number(cell: Any) -> float:
    """Read a number; what is none becomes not-a-number, which `Labels.add` counts."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return math.nan


# COCO


def _coco(bundle: Bundle, pictures: Names) -> Labels:
    labels = Labels("COCO")
    for name in _named(bundle, ".json"):
        told = _json(bundle, name)
        if isinstance(told, dict) and all(isinstance(told.get(part), list) for part in ("annotations", "images")):
            _coco_file(told, name, pictures, labels)
    return labels


def _json(bundle: Bundle, name: str) -> Any:
    try:
        return json.loads(_text(bundle, name))
    except (json.JSONDecodeError, RecursionError):
        raise Refusal(f"The label file '{short(name)}' is no sound JSON. Export the labels again.") from None


def _coco_file(told: dict[str, Any], name: str, pictures: Names, labels: Labels) -> None:
    kinds = {each.get("id"): str(each.get("name", "")) for each in _dictionaries(told.get("categories", []))}
    there: dict[Any, str] = {}
    for image in _dictionaries(told["images"]):
        said = str(image.get("file_name", ""))
        picture = pictures.named(said, name)
        if picture is None:
            labels.lost[said] += 1
            continue
        there[_key(image.get("id"))] = picture
        labels.add(picture, None)
        if _number(image.get("height")) > 0 and _number(image.get("width")) > 0:
            labels.sizes[picture] = (float(image["height"]), float(image["width"]))
    for each in _dictionaries(told["annotations"]):
        picture = there.get(_key(each.get("image_id")))
        if picture is None or each.get("iscrowd"):
            continue
        kind = kinds.get(each.get("category_id")) or f"class {each.get('category_id')}"
        box = _coco_box(each)
        if box is None:
            labels.unread += 1
        else:
            labels.add(picture, (kind, *box))


def _dictionaries(values: Any) -> Iterator[dict[str, Any]]:
    return (value for value in values if isinstance(value, dict)) if isinstance(values, list) else iter(())


def _key(value: Any) -> Any:
    return str(value)  # a picture's number is a text in some exports


def _coco_box(told: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """Read left, top, width, height; without them, the box around the outline."""
    box = told.get("bbox")
    if isinstance(box, list) and len(box) == 4:
        left, top, width, height = map(_number, box)
        return left, top, left + width, top + height
    outline = told.get("segmentation")
    if not isinstance(outline, list):
        return None
    points = [_number(each) for part in outline if isinstance(part, list) for each in part]
    return _around(points[0::2], points[1::2]) if len(points) >= 6 else None


def _around(across: list[float], down: list[float]) -> tuple[float, float, float, float]:
    return min(across), min(down), max(across), max(down)


# Pascal VOC


def _voc(bundle: Bundle, pictures: Names) -> Labels:
    labels = Labels("Pascal VOC")
    for name in _named(bundle, ".xml"):
        root = _xml(_text(bundle, name), name)
        if root is None or root.tag != "annotation":
            continue
        said = root.findtext("filename") or short(name)
        picture = pictures.beside(name) or pictures.named(said, name)
        if picture is None:
            labels.lost[said] += 1
            continue
        labels.add(picture, None)
        height, width = (_number(root.findtext(f"size/{side}")) for side in ("height", "width"))
        if height > 0 and width > 0:
            labels.sizes[picture] = (height, width)
        for thing in root.findall("object"):
            left, top, right, bottom = (
                _number(thing.findtext(f"bndbox/{corner}")) for corner in ("xmin", "ymin", "xmax", "ymax")
            )
            labels.add(picture, (thing.findtext("name") or NAMELESS, left, top, right, bottom))
    return labels


def _xml(text: str, name: str) -> ET.Element | None:
    """Read XML; declarations of entities, with which a small file can fill the memory, are refused."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Refusal(f"The label file '{short(name)}' declares a document type, which labels never need. Export the "
                      "labels again as Pascal VOC.")  # fmt: skip
    try:
        return ET.fromstring(text)  # noqa: S314 - without a document type there are no entities to expand
    except ET.ParseError:
        raise Refusal(f"The label file '{short(name)}' is no sound XML. Export the labels again.") from None


# YOLO


def _yolo(bundle: Bundle, pictures: Names) -> Labels:
    labels = Labels("YOLO", shares=True)
    kinds = _yolo_classes(bundle)
    for name in _named(bundle, ".txt"):
        picture = None if _is_list_of_names(name) else pictures.beside(name)
        if picture is None:
            continue
        found = [_yolo_line(line.split(), kinds) for line in _text(bundle, name).splitlines() if line.strip()]
        if found and not any(found):
            labels.unread += len(found)
            continue  # a text about the picture, not its labels
        labels.add(picture, None)
        for box in found:
            if box is None:
                labels.unread += 1
            else:
                labels.add(picture, box)
    return labels


def _is_list_of_names(name: str) -> bool:
    return short(name).lower() in NAME_FILES


def _yolo_line(cells: list[str], kinds: dict[int, str]) -> Written | None:
    """Read `class x y width height` (middle of the box) or `class x y x y x y ...` (an outline), all shares."""
    numbers = [_number(cell) for cell in cells]
    if len(numbers) < 5 or not all(map(math.isfinite, numbers)) or numbers[0] < 0 or numbers[0] % 1:
        return None
    kind, rest = kinds.get(int(numbers[0]), f"class {int(numbers[0])}"), numbers[1:]
    if max(map(abs, rest[:4])) > 2:
        return None  # pixels, not shares
    if len(rest) in (4, 5):  # the fifth is how sure a model was
        across, down, width, height = rest[:4]
        return kind, across - width / 2, down - height / 2, across + width / 2, down + height / 2
    return (kind, *_around(rest[0::2], rest[1::2])) if len(rest) % 2 == 0 else None


def _yolo_classes(bundle: Bundle) -> dict[int, str]:
    """Read the names of the classes from `data.yaml`, `classes.txt` or `obj.names`; empty where there are none."""
    for name in _named(bundle, ".yaml", ".yml"):
        try:
            told = yaml.safe_load(_text(bundle, name))
        except (yaml.YAMLError, RecursionError):
            continue
        names = told.get("names") if isinstance(told, dict) else None
        if isinstance(names, list):
            return {number: str(each) for number, each in enumerate(names)}
        if isinstance(names, dict):
            return {int(number): str(each) for number, each in names.items() if str(number).isdigit()}
    for name in bundle.names:
        if _is_list_of_names(name) or name.lower().endswith(".names"):
            return dict(enumerate(line.strip() for line in _text(bundle, name).splitlines() if line.strip()))
    return {}


# Tables


def _tables(bundle: Bundle, pictures: Names) -> Labels:
    labels = Labels("a table")
    for name in _named(bundle, ".csv", ".tsv"):
        rows = _rows(_text(bundle, name))
        if rows and (columns := _columns(rows, pictures, name)):
            _table(rows[columns.first :], columns, name, pictures, labels)
    every = [abs(corner) for boxes in labels.boxes.values() for box in boxes for corner in box[1:]]
    labels.shares = bool(every) and max(every) <= 1.5
    return labels


@dataclass(frozen=True)
class _Columns:
    """Where a table says what: numbers of columns; `box` holds four, or one with all four numbers in it."""

    file: int
    kind: int | None
    box: tuple[int, ...]
    has_sides: bool
    """Whether the third and fourth number are width and height."""
    size: tuple[int, int] | None
    """Height and width of the picture."""
    first: int
    """The first row that is no header."""


def _rows(text: str) -> list[list[str]]:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    except csv.Error:
        return []


def _columns(rows: list[list[str]], pictures: Names, name: str) -> _Columns | None:
    words = [word.lower().replace(" ", "_") for word in rows[0]]

    def place(known: Sequence[str]) -> int | None:
        return next((words.index(word) for word in known if word in words), None)

    file, kind = place(FILE_WORDS), place(CLASS_WORDS)
    if file is None:
        return _without_header(rows, pictures, name)
    size = (words.index("height"), words.index("width")) if {"height", "width"} <= set(words) else None
    for known, has_sides in itertools.chain(((each, False) for each in CORNERS), ((each, True) for each in SIDES)):
        if set(known) <= set(words):
            taken = tuple(words.index(word) for word in known)
            return _Columns(file, kind, taken, has_sides, None if size and set(size) & set(taken) else size, 1)
    if "bbox" in words:
        return _Columns(file, kind, (words.index("bbox"),), True, size, 1)
    return None


def _without_header(rows: list[list[str]], pictures: Names, name: str) -> _Columns | None:
    """Take a table without a header as `file, left, top, right, bottom, class`."""
    first = rows[0]
    if len(first) == 6 and pictures.named(first[0], name) and all(
        cell == "" or math.isfinite(_number(cell)) for cell in first[1:5]
    ):  # fmt: skip
        return _Columns(0, 5, (1, 2, 3, 4), False, None, 0)
    return None


def _table(rows: list[list[str]], columns: _Columns, name: str, pictures: Names, labels: Labels) -> None:
    last = max(columns.file, columns.kind or 0, *columns.box)
    for row in rows:
        if len(row) <= last:
            labels.unread += 1
            continue
        picture = pictures.named(row[columns.file], name)
        if picture is None:
            labels.lost[row[columns.file]] += 1
            continue
        labels.add(picture, None)
        if columns.size and all(_number(row[place]) > 0 for place in columns.size if place < len(row)):
            height, width = (_number(row[place]) for place in columns.size)
            labels.sizes[picture] = (height, width)
        cells = [row[place] for place in columns.box]
        if len(cells) == 1:
            cells = re.findall(r"-?\d+\.?\d*(?:[eE][-+]?\d+)?", cells[0])
        if not any(cells):
            continue  # a picture without a box
        numbers = [_number(cell) for cell in cells] if len(cells) == 4 else [math.nan] * 4
        left, top, right, bottom = numbers
        if columns.has_sides:
            right, bottom = left + right, top + bottom
        kind = row[columns.kind] if columns.kind is not None else ""
        labels.add(picture, (kind or NAMELESS, left, top, right, bottom))


# Looking


def _looks_like_boxes(bundle: Bundle, name: str, pictures: Names) -> bool:
    try:
        start = bundle.read(name)[:LOOKED_AT_BYTES].decode("utf-8", errors="replace")
    except OSError:
        return False
    ending = PurePosixPath(name).suffix.lower()
    if ending == ".json":
        return '"bbox"' in start or '"annotations"' in start or ('"images"' in start and '"file_name"' in start)
    if ending == ".xml":
        return "<annotation" in start and ("<bndbox" in start or "<filename" in start)
    if ending == ".txt":
        lines = [line.split() for line in start.splitlines()[:5] if line.strip()]
        return bool(lines) and pictures.beside(name) is not None and all(_yolo_line(line, {}) for line in lines)
    if ending in (".csv", ".tsv"):
        rows = _rows("\n".join(start.splitlines()[:5]))
        return bool(rows) and _columns(rows, pictures, name) is not None
    return False


def note_lost(labels: Labels) -> list[str]:
    """Say which pictures the labels name that are not there, and which boxes could not be read."""
    notes = []
    if labels.lost:
        missing = next(iter(labels.lost))
        notes.append(f"The labels name {counted(len(labels.lost), 'picture')} not in the upload, such as "
                     f"'{short(missing)}'.")  # fmt: skip
    if labels.unread:
        notes.append(f"Left out {labels.unread:,} {'box' if labels.unread == 1 else 'boxes'} that could not be read.")
    return notes
