"""Data types, one file each; the folder is the registry.

To add a data type, add ONE file `datasets/<type>.py` that offers what `DataType` below lists, and run the tests:
the contract tests find it by themselves; what it shares with others lives in modules that start with an underscore.
Data types import neither Streamlit nor Keras at the top; the layers of
the deliverable are made inside functions with `from recipes import keras`.

Words: a *data set* is a folder in canonical form (`dataset.json` and whatever files its type needs). *Prepared* data
are ready tensors on disk, split into train, validation and the sealed test part.
"""

import importlib
import json
import mmap
import pkgutil
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

import numpy as np

from recipes import Corrections, Data, Finding, Part, Refusal, Schema, Settings, Signature, known

MOST_NAMES = 10_000
"""Names of an archive that are looked at to say what it holds."""
PartName = Literal["train", "validation", "test"]
Progress = Callable[[float, str], None]
"""Called with the share done (0 to 1) and a few words."""


@dataclass(frozen=True)
class Sample:
    """A bundled data set. `expected` is what a first model reaches on the sealed test part."""

    name: str
    title: str
    sentence: str
    """What it is and what is to be learned, for a fourteen-year-old."""
    data_type: str
    target: str
    task: str
    licence: str
    source: str
    architecture: str
    expected: str
    rows: int
    online: bool = False


@dataclass(frozen=True)
class DataSet:
    """A data set in canonical form: a folder that its data type can read again at once."""

    folder: Path
    schema: Schema

    @classmethod
    def open(cls, folder: Path) -> "DataSet":
        """Open a folder that `read` or `load_sample` has finished (`dataset.json` is written last)."""
        return cls(folder, Schema.model_validate_json((folder / "dataset.json").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Prepared:
    """Prepared data on disk: `prepared.json` (written last), `<part>.<input>.npy`, `<part>.y.npy`, `<part>.rows.npy`.

    `encoding` is the fitted preprocessing as plain JSON. Two readers must agree on it to 1e-6: the numpy code that
    prepared the arrays, and the stock Keras layers of `layers_of`.
    """

    folder: Path
    signature: Signature
    encoding: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Prepared":
        """Open a folder that `save` has finished."""
        told = json.loads((folder / "prepared.json").read_text(encoding="utf-8"))
        return cls(folder, Signature.model_validate(told["signature"]), told["encoding"])

    def save(self, parts: dict[PartName, Part]) -> "Prepared":
        """Write arrays, then `prepared.json`; returns itself."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, part in parts.items():
            for key, array in {**part.x, "y": part.y, "rows": part.rows}.items():
                _write(self.folder / f"{name}.{key}.npy", array)
        told = {"signature": self.signature.model_dump(mode="json"), "encoding": self.encoding}
        temporary = self.folder / "prepared.json.tmp"
        temporary.write_text(json.dumps(told), encoding="utf-8")
        temporary.rename(self.folder / "prepared.json")
        return self

    def part(self, name: PartName) -> Part:
        """Map one part into memory. Only the report may ask for `test`."""

        def load(key: str) -> np.ndarray:
            return np.load(self.folder / f"{name}.{key}.npy", mmap_mode="r", allow_pickle=False)

        return Part({key: load(key) for key in self.signature.inputs}, load("y"), load("rows"))


def room(folder: Path, part: PartName, key: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an empty array that lies in the file where `Prepared.save` expects it: for what is too big for memory."""
    folder.mkdir(parents=True, exist_ok=True)
    if 0 in shape:  # nothing can be mapped into an empty file
        return np.empty(shape, dtype)
    return np.lib.format.open_memmap(folder / f"{part}.{key}.npy", mode="w+", shape=shape, dtype=dtype)


def _write(file: Path, array: np.ndarray) -> None:
    """Write one array; what `room` gave lies there already."""
    if isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) and Path(str(array.filename)) == file:
        array.flush()
    else:
        np.save(file, array)


class DataType(Protocol):
    """What every file of `datasets/` offers (as module-level names).

    Optional: `INSIDE`, endings of the files inside a zip or folder that are its own; `looks_like(file) -> float`, how
    sure it is (0 to 1) that a file is of its kind, from its name and first rows; `tasks(dataset) -> tuple[str, ...]`,
    what can be learned from this data set where that is more than the task of its schema; `CHOOSES_TARGET`, whether the
    person chooses among its columns which one is learned; `READING`, the settings that
    change how an upload is read; `NO_FOLDS`, why there is no cross-validation, in a sentence.
    """

    TITLE: str
    """For people: "Tables"."""
    SUMMARY: str
    """One sentence."""
    NOUN: str
    """What one example is called: `row`, `picture`, `sentence`."""
    ICON: str
    """A Material symbol, such as `table`."""
    EXTENSIONS: tuple[str, ...]
    """Which uploads it takes, lower case with the dot: `.csv`."""
    TASKS: tuple[str, ...]
    FIRST_CHOICE: dict[str, str]
    """Which family to propose for a task."""
    Config: type[Settings]
    """The data type's own keys in a recipe's `data` group (reading, columns, picture size, ...)."""

    def samples(self) -> tuple[Sample, ...]:
        """List the bundled samples, best first example first."""
        ...

    def load_sample(self, name: str, folder: Path) -> DataSet:
        """Write a bundled sample in canonical form."""
        ...

    def read(self, file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:
        """Read an upload into canonical form, with limits; raises `Refusal` in words for what cannot be read."""
        ...

    def check(self, dataset: DataSet, data: Data) -> list[Finding]:
        """Look at the data as this recipe would use it; every check answers, also with `pass`."""
        ...

    def classes(self, dataset: DataSet, data: Data) -> dict[str, int]:
        """Count the rows of each class of the target that this recipe names; empty where a number is learned."""
        ...

    def prepare(self, dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
        """Split (seeded, stratified, by time or group where there is one), fit on the training part, write arrays."""
        ...

    def preview(self, dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return these rows as a person sees them: plain cells; pictures as `PIL.Image`."""
        ...

    def raw(self, dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
        """Return these rows as the deliverable takes them: one dictionary a row, each array with a batch axis of 1."""
        ...

    def parse(self, signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
        """Turn what a Try form holds (cells; picture bytes) into one raw row; raises `Refusal` in words."""
        ...

    def layers_of(self, signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return (raw `keras.Input`s, ready tensors) joined by stock layers. Worker only."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Name every data type, in alphabetical order."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def get(name: str) -> DataType:
    """Return a data type by name; an unknown name lists the known ones."""
    if name not in names():
        raise known("data type", name, names())
    return importlib.import_module(f"datasets.{name}")  # ty: ignore[invalid-explicit-return]


def find_sample(name: str) -> Sample:
    """Return a bundled sample by name; an unknown name lists the known ones."""
    every = {sample.name: sample for kind in names() for sample in get(kind).samples()}
    if name not in every:
        raise known("sample", name, every)
    return every[name]


def tasks(dataset: DataSet) -> tuple[str, ...]:
    """Name what can be learned from this data set, the first being its own proposal; empty where a target is needed."""
    kind = get(dataset.schema.data_type)
    ask = getattr(kind, "tasks", None)
    if ask is not None:
        return ask(dataset)
    return (dataset.schema.task,) if dataset.schema.task else ()


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the data as this recipe would use them, corrections of single rows included."""
    from datasets import _corrections

    return [*_corrections.finding(dataset, data), *get(dataset.schema.data_type).check(dataset, data)]


def correct(dataset: DataSet, prepared: Prepared, corrections: Corrections, folder: Path) -> Prepared:
    """Write prepared data anew with single rows corrected; the split stays. Raises `Refusal` in words."""
    from datasets import _corrections

    return _corrections.correct(dataset, prepared, corrections, folder)


def type_of(file: Path) -> str:
    """Say which data type a file is most likely: by its name, by what lies inside, by a look at its first rows."""
    fitting = types_of(file)
    if not fitting:
        known_endings = sorted({ending for name in names() for ending in get(name).EXTENSIONS})
        raise Refusal(f"'{file.name}' is of no known kind. Known endings: {', '.join(known_endings)}.")
    return fitting[0]


def types_of(file: Path) -> tuple[str, ...]:
    """Name the data types that would take this file, the likeliest first."""
    inside = _endings_inside(file)
    sure = {name: _sureness(name, file, inside) for name in names()}
    return tuple(sorted((name for name in sure if sure[name] > 0), key=lambda name: (-sure[name], name != "image")))


def _sureness(name: str, file: Path, inside: Counter[str]) -> float:
    kind = get(name)
    ending = ".zip" if file.is_dir() else file.suffix.lower()
    if ending not in kind.EXTENSIONS:
        return 0.0
    ask = getattr(kind, "looks_like", None)
    if ask is not None:
        return ask(file)
    if ending != ".zip":
        return 0.5
    own = sum(inside[ending] for ending in getattr(kind, "INSIDE", kind.EXTENSIONS))
    return max(0.9 * own / max(1, inside.total()), 0.01)  # whoever reads zips can say what is wrong with this one


def _endings_inside(file: Path) -> Counter[str]:
    """Count the endings of the files in a folder or a zip; nothing for a plain file and for a zip that is broken."""
    if file.is_dir():
        return Counter(path.suffix.lower() for path in file.rglob("*") if path.is_file())
    if file.suffix.lower() != ".zip":
        return Counter()
    try:
        with zipfile.ZipFile(file) as archive:
            names_inside = archive.namelist()[:MOST_NAMES]
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile):
        return Counter()
    return Counter(PurePosixPath(name).suffix.lower() for name in names_inside if not name.endswith("/"))
