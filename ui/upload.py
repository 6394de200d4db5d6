"""What a visitor uploads, moved from the server's memory to disk at once.

The uploader keeps every file in memory until its session ends; `take` frees it. That needs Streamlit's own upload
manager, which has no public door: the two internal calls stand here and nowhere else.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from streamlit.runtime.scriptrunner import get_script_run_ctx

import datasets
from recipes import Refusal
from records import Workspace


class Upload(Protocol):
    """A file as the uploader hands it out."""

    name: str
    file_id: str

    def read(self, size: int = -1, /) -> bytes:
        """Read on."""
        ...


_ODD = re.compile(r"[^\w.() -]+")


def endings() -> list[str]:
    """List the file endings that any data type takes, without the dot."""
    return sorted({ending.lstrip(".") for name in datasets.names() for ending in datasets.get(name).EXTENSIONS})


def take(uploads: Sequence[Upload], workspace: Workspace, owner: str) -> tuple[Path, str]:
    """Move uploads to disk; returns the file, or the folder of many files, and its data type."""
    folder = workspace.new_upload_folder(owner)
    try:
        if len(uploads) == 1:
            file = folder / safe(uploads[0].name)[-1]
            move(uploads[0], file)
            return file.resolve(), datasets.type_of(file)
        # The folder's name is what the data are called; inside, each file keeps the subfolder that it came from.
        return _take_many(uploads, folder / f"{len(uploads)} files")
    except Refusal:
        shutil.rmtree(folder)
        raise
    finally:
        _free(uploads)


def safe(name: str) -> list[str]:
    """Split a name as the browser told it into harmless parts: no way up, no odd signs, at least one part."""
    parts = [_ODD.sub("_", part).strip(" .") for part in name.replace("\\", "/").split("/")]
    return [part[-120:] for part in parts if part] or ["upload"]


def _take_many(uploads: Sequence[Upload], folder: Path) -> tuple[Path, str]:
    inside = {ending for name in datasets.names() for ending in getattr(datasets.get(name), "INSIDE", ())}
    if odd := [upload.name for upload in uploads if Path(upload.name).suffix.lower() not in inside]:
        raise Refusal(
            f"Several files at once must be pictures, sounds, clips, texts or recordings, but '{odd[0]}' is none. "
            "Upload one table or one zip."
        )
    for upload in uploads:
        target = folder.joinpath(*safe(upload.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        move(upload, _fresh(target))
    return folder.resolve(), datasets.type_of(folder)


def _fresh(path: Path) -> Path:
    """Return the path, with a number where a file of that name is there already."""
    number, fresh = 2, path
    while fresh.exists():
        fresh, number = path.with_stem(f"{path.stem} {number}"), number + 1
    return fresh


def move(upload: Upload, target: Path) -> None:
    """Write an upload to disk, block by block."""
    with target.open("wb") as file:
        shutil.copyfileobj(upload, file, 1 << 20)


def _free(uploads: Sequence[Upload]) -> None:
    context = get_script_run_ctx(suppress_warning=True)
    for upload in uploads:
        if context is not None:
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)  # ty: ignore[missing-attribute]
