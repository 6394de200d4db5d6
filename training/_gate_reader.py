"""The first child of the gate: reads an HDF5 file of weights as plain arrays, with h5py and NumPy alone, in a jail.

    python -P -m training._gate_reader FOLDER

reads FOLDER/uploaded.h5 and writes FOLDER/arrays.bin and FOLDER/arrays.json; says in one JSON line how it went. Only
what lies in this very file is read: no link to elsewhere, no data set that is kept or made up elsewhere, no objects.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

from recipes import Refusal
from training import _jail

MEMORY = 2 * 2**30
SECONDS = 25
MOST_OBJECTS = 100_000
MOST_NUMBERS = 50_000_000
DEEPEST = 64
LARGEST_CHUNK = 64 * 2**20
TRAINING = ("optimizer", "metrics", "_compile_metrics", "_compile_loss", "_loss_tracker")
"""Groups, of the model and of models inside it, that hold how it was trained, which is not taken over."""
AGAIN = "Save the model again with Keras 3."
BROKEN = f"The weights inside the file are damaged and cannot be read. {AGAIN}"


def main(folder: Path) -> int:
    """Read in a jail; the exit code is 0 whenever a line was said."""
    missing = _jail.enter(folder, memory=MEMORY, seconds=SECONDS, largest_file=2**30)
    try:
        arrays = read(folder / "uploaded.h5", folder / "arrays.bin")
        (folder / "arrays.json").write_text(json.dumps(arrays), encoding="utf-8")
        told: dict[str, Any] = {"ok": {"arrays": len(arrays), "missing": missing}}
    except Refusal as refusal:
        told = {"refused": str(refusal)}
    except Exception as error:  # noqa: BLE001 - a hostile file may raise anything
        print(repr(error), file=sys.stderr)  # noqa: T201 - the parent keeps it for the log
        told = {"refused": BROKEN}
    print(json.dumps(told), flush=True)  # noqa: T201 - the one line that the parent reads
    return 0


def read(file: Path, target: Path) -> list[dict[str, Any]]:
    """Copy every array into one plain file; returns [{"path", "shape", "dtype", "offset"}]."""
    import h5py

    with h5py.File(file, "r") as opened, target.open("wb") as written:
        found = _Reader(h5py)
        found.group(opened.id, "", 0)
        arrays, offset = [], 0
        for path, identifier in sorted(found.arrays.items()):
            array = h5py.Dataset(identifier)[()]
            written.write(array.tobytes())
            arrays.append({"path": path, "shape": list(array.shape), "dtype": array.dtype.str, "offset": offset})
            offset += array.nbytes
    return arrays


class _Reader:
    """Walks the groups; every data set is looked at before a number of it is read."""

    def __init__(self, h5py: Any) -> None:
        self._h5py = h5py
        self._objects = 0
        self._numbers = 0
        self._seen: set[int] = set()
        self.arrays: dict[str, Any] = {}

    def group(self, group: Any, path: str, depth: int) -> None:
        """Look at everything in a group, and below it."""
        h5 = self._h5py
        if depth > DEEPEST:
            raise Refusal(f"The weights inside the file are nested more than {DEEPEST} levels deep.")
        for name in group:
            self._objects += 1
            if self._objects > MOST_OBJECTS:
                raise Refusal(f"The weights inside the file are split into more than {MOST_OBJECTS:,} pieces.")
            below = f"{path}/{name.decode('utf-8')}".lstrip("/")
            if name.decode("utf-8") in TRAINING:
                continue
            if group.links.get_info(name).type != h5.h5l.TYPE_HARD:
                raise Refusal(
                    f"The weights `{_short(below)}` are a link to somewhere else, and no link is followed here. {AGAIN}"
                )
            told = h5.h5o.get_info(group, name)
            if told.addr in self._seen:
                raise Refusal(f"The weights `{_short(below)}` stand in the file twice. {AGAIN}")
            self._seen.add(told.addr)
            if told.type == h5.h5o.TYPE_GROUP:
                self.group(h5.h5g.open(group, name), below, depth + 1)
            elif told.type == h5.h5o.TYPE_DATASET:
                self.arrays[below] = self._checked(h5.h5d.open(group, name), below)
            else:
                raise Refusal(f"The weights `{_short(below)}` are no list of numbers. {AGAIN}")

    def _checked(self, data: Any, path: str) -> Any:
        h5, shown = self._h5py, f"The weights `{_short(path)}`"
        kind = data.get_type()
        if kind.get_class() not in (h5.h5t.INTEGER, h5.h5t.FLOAT, h5.h5t.ENUM) or kind.get_size() > 8:
            raise Refusal(f"{shown} are no list of numbers. {AGAIN}")
        made = data.get_create_plist()
        if made.get_layout() == h5.h5d.VIRTUAL or made.get_external_count():
            raise Refusal(f"{shown} are kept in another file, and no other file is opened here. {AGAIN}")
        usual = (h5.h5z.FILTER_DEFLATE, h5.h5z.FILTER_SHUFFLE, h5.h5z.FILTER_FLETCHER32)
        if any(made.get_filter(number)[0] not in usual for number in range(made.get_nfilters())):
            raise Refusal(f"{shown} are packed in a way that Keras does not use. {AGAIN}")
        if made.get_layout() == h5.h5d.CHUNKED and math.prod(made.get_chunk()) * kind.get_size() > LARGEST_CHUNK:
            raise Refusal(f"{shown} are packed in pieces that are too large. {AGAIN}")
        space = data.get_space()
        if space.get_simple_extent_type() == h5.h5s.NULL:
            raise Refusal(f"{shown} are no list of numbers. {AGAIN}")
        self._numbers += math.prod(space.get_simple_extent_dims())
        if self._numbers > MOST_NUMBERS:
            raise Refusal(
                f"The weights inside the file say that they are more than {MOST_NUMBERS // 1_000_000} million numbers; "
                "at most so many are opened here."
            )
        return data


def _short(text: str) -> str:
    kept = "".join(sign if sign.isprintable() else "?" for sign in text)
    return kept if len(kept) <= 80 else f"{kept[:77]}..."


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
