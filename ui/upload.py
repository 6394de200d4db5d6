"""What a visitor brings: chosen with one field on every screen, on disk at once, and out of the server's memory.

Behind the studio's own server (`asgi.py`) the browser sends files piece by piece to `ui/upload_routes.py`. Under a bare
`streamlit run app.py` there is no such address: then Streamlit's own small field takes up to 20 MB. It keeps every file
in memory until its session ends; `take` frees it, for which there is no public door: the two internal calls stand here
and nowhere else.
"""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

import datasets
from recipes import Refusal
from recipes.configuration import configuration
from records import Workspace, uploads
from records.uploads import MEGABYTE, fresh, is_clutter, megabytes, safe
from ui import identity, studio, tokens, upload_routes, uploader

SMALL_MB = 20
"""What Streamlit's own field takes: it holds files in memory."""
TOKEN_RENEWED = 3_600.0
UNCLAIMED_SECONDS = 10.0
"""After so long without a sign, an upload belongs to no page any more."""
NO_FOLDER = "There is nothing in this folder that can be read. Choose another one."

__all__ = ["ask", "check_together", "endings", "is_coming", "move", "safe", "take"]


class Upload(Protocol):
    """A file as Streamlit's own field hands it out."""

    name: str
    file_id: str
    size: int

    def read(self, size: int = -1, /) -> bytes:
        """Read on."""
        ...


def ask(
    label: str, key: str, *, endings: Sequence[str] = (), several: bool = False, most_mb: int = 0, about: str = "",
    disabled: bool = False,
) -> Path | None:  # fmt: skip
    """Draw the field; returns the file once it has arrived, or the folder of several, in the owner's uploads.

    `endings` without the dot; none: any. `most_mb` is by default the server's limit; `about` is a quiet word more. Each
    upload is returned once. Raises `Refusal`.
    """
    number = st.session_state.setdefault(f"upload_number_{key}", 0)
    most = most_mb or configuration().upload_mb
    if not identity.WorkspaceCookie.is_installed:
        return _small(label, key, number, endings, most, several=several, about=about, disabled=disabled)
    owner, workspace = studio.owner(), studio.workspace()
    left = upload_routes.left_for(workspace, owner)
    broken = next(iter(uploads.waiting(workspace, owner, key)), None)
    data = {
        "number": number,
        "label": label,
        "limit": " ".join(filter(None, (_limit(most, left), about, _broken(broken)))),
        "endings": [f".{ending}" for ending in endings],
        "several": several,
        "files_most": uploads.MOST_FILES,
        "most": most * MEGABYTE,
        "left": left,
        "token": _token(owner, most, key),
        "address": "/api/uploads/",
        "disabled": disabled,
    }
    batch = uploader.show(f"{key}_{number}", data)
    if not batch and broken and broken.came == broken.size and time.time() - broken.touched > UNCLAIMED_SECONDS:
        batch = broken.batch  # its page lost its memory just before the end: the server was started again
    if not batch:
        return None
    st.session_state[f"upload_number_{key}"] = number + 1  # a fresh field: this upload is taken once
    found = uploads.finish(workspace, owner, batch)
    if found is None:
        raise Refusal(uploads.GONE)
    return found


def is_coming(key: str) -> bool:
    """Has something come for this field that no page has taken yet?"""
    return bool(uploads.waiting(studio.workspace(), studio.owner(), key))


def endings() -> list[str]:
    """List the file endings that any data type takes, without the dot."""
    return sorted({ending.lstrip(".") for name in datasets.names() for ending in datasets.get(name).EXTENSIONS})


def take(given: Sequence[Upload], workspace: Workspace, owner: str) -> Path:
    """Move files out of Streamlit's memory to disk; returns the file, or the folder of many files."""
    folder = workspace.new_upload_folder(owner)
    try:
        if len(given) == 1:
            file = folder / safe(given[0].name)[-1]
            move(given[0], file)
            return file.resolve()
        kept = [each for each in given if not is_clutter(each.name)]
        # The folder's name is what the data are called; inside, each file keeps the subfolder that it came from.
        inside = folder / f"{len(kept)} files"
        inside.mkdir()
        for each in kept:
            target = inside.joinpath(*safe(each.name))
            target.parent.mkdir(parents=True, exist_ok=True)
            move(each, fresh(target))
        return inside.resolve()
    except (Refusal, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, Refusal):
            raise
        raise uploads.NoRoomError(uploads.NO_ROOM) from error
    finally:
        _free(given)


def check_together(folder: Path) -> None:
    """Refuse files that were brought at once but do not go together; they are deleted."""
    inside = {ending for name in datasets.names() for ending in getattr(datasets.get(name), "INSIDE", ())}
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    odd = next((path.name for path in files if path.suffix.lower() not in inside), None)
    if odd is None and files:
        return
    shutil.rmtree(folder.parent, ignore_errors=True)
    if not files:
        raise Refusal(NO_FOLDER)
    raise Refusal(
        f"Several files at once must be pictures, sounds, clips, texts or recordings, but '{odd}' is none. "
        "Upload one table or one zip."
    )


def move(given: Upload, target: Path) -> None:
    """Write a file to disk, block by block; the browser alone kept it small so far."""
    if given.size > SMALL_MB * MEGABYTE * 1.05:
        raise Refusal(f"'{given.name}' has {megabytes(given.size)}; this field takes up to {SMALL_MB} MB.")
    with target.open("wb") as file:
        shutil.copyfileobj(given, file, 1 << 20)


def _small(
    label: str, key: str, number: int, wanted: Sequence[str], most: int, *, several: bool, about: str, disabled: bool
) -> Path | None:
    as_folder = several and st.session_state.get(f"{key}_folder", False)
    many = ("directory" if as_folder else True) if several else False
    given: Any = st.file_uploader(
        label, type=list(wanted) or None, accept_multiple_files=many, key=f"{key}_{number}_{as_folder}",
        disabled=disabled, max_upload_size=min(SMALL_MB, most), help=about or None,
    )  # fmt: skip
    if several:
        st.toggle("Upload a whole folder (one subfolder per class)", key=f"{key}_folder")
    if not given:
        return None
    st.session_state[f"upload_number_{key}"] = number + 1
    return take(given if several else [given], studio.workspace(), studio.owner())


def _limit(most_mb: int, left: int | None) -> str:
    room = "" if left is None else f" Your storage has room for {megabytes(left)}."
    return f"Up to {megabytes(most_mb * MEGABYTE)}.{room}"


def _broken(broken: uploads.Waiting | None) -> str:
    """Tell of an upload that broke off and that no page sends any more."""
    if broken is None or broken.came == broken.size or time.time() - broken.touched < UNCLAIMED_SECONDS:
        return ""
    return f"{broken.name} broke off at {megabytes(broken.came)}: choose it again, and it goes on there."


def _token(owner: str, most_mb: int, field: str) -> str:
    """Return a token that stays the same for an hour, so that the field is not drawn anew for it."""
    tokens_of = st.session_state.setdefault("upload_tokens", {})
    name = f"{owner} {most_mb} {field}"
    moment, token = tokens_of.get(name, (0.0, ""))
    if time.time() - moment > TOKEN_RENEWED:
        token = tokens.mint(upload_routes.PURPOSE, owner, most=most_mb * MEGABYTE, field=field)
        tokens_of[name] = (time.time(), token)
    return token


def _free(given: Sequence[Upload]) -> None:
    context = get_script_run_ctx(suppress_warning=True)
    for upload in given:
        if context is not None:
            context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)  # ty: ignore[missing-attribute]
