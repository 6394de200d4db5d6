"""Many at once: a file of examples in, a file of answers out."""

import hashlib
from pathlib import Path

import streamlit as st

import datasets
from recipes import Refusal, Signature
from records import Run
from ui import jobs, look, upload

FILES = ("picture", "sound", "clip")
TABLES = ["csv", "tsv", "txt", "xlsx", "parquet", "json", "jsonl"]
FOLDER = "asked"
"""In the run's folder: the files that people brought."""


def show(run: Run, signature: Signature) -> None:
    """Take a file, have every example in it answered in the background, offer the answers."""
    kinds = {raw.kind for raw in signature.raw}
    is_files = bool(kinds & set(FILES))
    if "series" in kinds or (is_files and len(signature.raw) > 1) or not (run.folder / "deliverables.json").exists():
        return
    noun = datasets.get(signature.data_type).NOUN
    with st.expander("Many at once", key="batch", icon=look.symbol("list")):
        st.markdown(_what(signature, noun, is_files=is_files))
        try:
            given = upload.ask("File", "batch_file", endings=["zip"] if is_files else TABLES)
        except Refusal as refusal:
            look.failed(str(refusal))
            return
        if given is not None:
            st.session_state[f"batch_{run.id}"] = _kept(run, given)
            st.rerun()
        asked = st.session_state.get(f"batch_{run.id}")
        if asked:
            _answers(run, asked)


def _what(signature: Signature, noun: str, *, is_files: bool) -> str:
    if is_files:
        return f"A zip with one {noun} a file. You get a CSV with a line a file."
    names = ", ".join(f"**{look.plain(raw.name)}**" for raw in signature.raw[:8])
    more = f" and {len(signature.raw) - 8} more" if len(signature.raw) > 8 else ""
    return (
        f"A table (CSV, Excel, Parquet, JSON) with the columns {names}{more}. You get it back with the answers beside."
    )


def _kept(run: Run, given: Path) -> dict[str, str]:
    """Move the file into the run's folder, named after its content, so that the same file is answered once."""
    with given.open("rb") as opened:
        name = f"{hashlib.file_digest(opened, 'sha256').hexdigest()[:16]}{given.suffix.lower()}"
    folder = run.folder / FOLDER
    folder.mkdir(exist_ok=True)
    given.replace(folder / name)
    given.parent.rmdir()
    return {"file": f"{FOLDER}/{name}", "name": given.name}


def _answers(run: Run, asked: dict[str, str]) -> None:
    settings = {"file": asked["file"]}
    told = jobs.show(
        run, "batch", settings, key="batch_job", label=f"Answer {asked['name']}",
        about="You may leave this page meanwhile.",
    )  # fmt: skip
    if told is None:
        return
    lost = (
        f" {look.counted(told['refused'], 'row')} could not be read; the last column says why."
        if told["refused"]
        else ""
    )
    done = look.counted(told["rows"] - told["refused"], "row")
    st.markdown(f":green[{look.symbol('check_circle')}] {done} answered.{lost}")
    file = jobs.folder(run, "batch", settings).folder / "answers.csv"
    stem = asked["name"].rpartition(".")[0] or asked["name"]
    st.download_button(
        "Download the answers", data=file.read_bytes, file_name=f"{stem}-answers.csv", on_click="ignore",
        icon=look.symbol("download"), key="batch_download", type="primary",
    )  # fmt: skip
    table = [dict(zip(told["columns"], row, strict=True)) for row in told["preview"]]
    st.dataframe(table, hide_index=True, key="batch_preview", alt="The first answers")
    look.quiet(f"The first {look.counted(len(table), 'row')}.")
