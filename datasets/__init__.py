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
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from recipes import Data, Finding, Refusal, Schema, Settings, Signature, known

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
class Part:
    """Ready tensors of one part. `x` maps input names to arrays; `rows` are row numbers of the data set."""

    x: dict[str, np.ndarray]
    y: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)


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
            for key, array in part.x.items():
                np.save(self.folder / f"{name}.{key}.npy", array)
            np.save(self.folder / f"{name}.y.npy", part.y)
            np.save(self.folder / f"{name}.rows.npy", part.rows)
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


class DataType(Protocol):
    """What every file of `datasets/` offers (as module-level names)."""

    TITLE: str
    """For people: "Tables"."""
    SUMMARY: str
    """One sentence."""
    ICON: str
    """A Material symbol, such as `table`."""
    EXTENSIONS: tuple[str, ...]
    """Which uploads it takes, lower case with the dot: `.csv`."""
    TASKS: tuple[str, ...]
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


def type_of(file: Path) -> str:
    """Say which data type a file is, by its name and, where several would take it, by its content."""
    inside = file.rglob("*") if file.is_dir() else (file,)
    endings = {path.suffix.lower() for path in inside}
    fitting = [name for name in names() if endings & set(get(name).EXTENSIONS)]
    if not fitting:
        known_endings = sorted({ending for name in names() for ending in get(name).EXTENSIONS})
        raise Refusal(f"'{file.name}' is of no known kind. Known endings: {', '.join(known_endings)}.")
    return fitting[0]
