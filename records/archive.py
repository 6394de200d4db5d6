"""A run's folder as one zip, made while it is sent: nothing is held in memory and nothing is written."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from records.run import Run

LEFT_OUT = (
    "recipe.yaml", "checkpoints", "log.txt", "catalogue.json", "group.json", "note.json", "prepared.json", "ask.json",
    "jobs", "asked",
)  # fmt: skip
"""What only this machine can use: weights for a resume, its own log, places on its disk, work that can be done again;
and a person's own notes. The recipe goes out in its portable form."""
PACKED = (".keras", ".npz", ".zip", ".png")
"""Files that are packed already; packing them again costs time and gains nothing."""
CHUNK = 1 << 20


def zipped(run: Run) -> Iterator[bytes]:
    """Yield the bytes of a zip with everything that another person can use."""
    out = Out()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(f"run-{run.id[:8]}/recipe.yaml", run.recipe.portable().yaml())
        for file in _files(run.folder):
            info = zipfile.ZipInfo.from_file(file, f"run-{run.id[:8]}/{file.relative_to(run.folder)}")
            info.compress_type = zipfile.ZIP_STORED if file.suffix in PACKED else zipfile.ZIP_DEFLATED
            with file.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
                while data := source.read(CHUNK):
                    target.write(data)
                    yield out.taken()
    yield out.taken()


def _files(folder: Path) -> list[Path]:
    inside = (file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.endswith(".tmp"))
    return [file for file in inside if file.relative_to(folder).parts[0] not in LEFT_OUT]


class Out(io.RawIOBase):
    """What `zipfile` writes to; it cannot be sought in, so every byte may leave at once."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def taken(self) -> bytes:
        data = bytes(self._waiting)
        self._waiting.clear()
        return data
