"""Runs as one file, to be opened on another machine.

    project.json                 {"version", "runs": [{"id", "title", "starred", "data"}], "files": {name: SHA-256}}
    runs/<id>/...                recipe, curves, report, answers, newest checkpoint; no model files
    data/<number>/...            the uploads that the recipes read; bundled samples travel with Layerwise

Model files stay behind: a `.keras` file from another machine is not to be trusted, and the weights in the checkpoint
are plain arrays from which a run's own files are made anew. Whoever opens a project gets new ids and is their owner.
"""

import hashlib
import io
import json
import lzma
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from recipes import Recipe, Refusal
from records.archive import Out
from records.run import Run, State, write_json, write_text
from records.workspace import Workspace

NAME, ENDING, VERSION = "project.json", ".lwz", 1
KEPT = (
    "state.json", "metrics.jsonl", "events.jsonl", "looks.jsonl", "layers.json", "evidence.json", "report.json",
    "predictions.npz", "validation.npz", "strange.npz", "energy.json", "note.json", "group.json", "resumes.json",
    "done.json",
)  # fmt: skip
WEIGHTS = ("variables.npz", "best.npz", "state.json", "manifest.json")
CHUNK = 1 << 20
MOST_FILES, MOST_BYTES, MOST_PACKED = 20_000, 8 * 2**30, 300
"""Of a project: files, bytes unpacked, and how many times a file may grow while it is unpacked."""
NO_PROJECT = "This file is no project of Layerwise, or it is damaged. Save it once more where it came from."


@dataclass(frozen=True)
class Member:
    """A run on its way into or out of a project."""

    run: Run
    title: str
    starred: bool = False


def zipped(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield the bytes of a project; runs that still go are told as they are now, to be resumed there."""
    out = Out()
    told: dict[str, Any] = {"version": VERSION, "runs": [], "files": {}}
    data: dict[Path, str] = {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member in members:
            run, recipe = member.run, member.run.recipe
            source = Path(recipe.data.file) if recipe.data.file else None
            if source is not None and source.exists() and source not in data:
                data[source] = f"data/{len(data)}"
                for file in _inside(source):
                    place = f"{data[source]}/{file.relative_to(source.parent)}"
                    yield from _written(archive, out, file, place, told["files"])
            yield from _written(archive, out, recipe.portable().yaml(), f"runs/{run.id}/recipe.yaml", told["files"])
            for name in KEPT:
                if (run.folder / name).exists():
                    yield from _written(archive, out, run.folder / name, f"runs/{run.id}/{name}", told["files"])
            latest = run.folder / "checkpoints" / "LATEST"
            if latest.exists():
                newest = latest.read_text(encoding="utf-8")
                place = f"runs/{run.id}/checkpoints"
                yield from _written(archive, out, newest, f"{place}/LATEST", told["files"])
                for file in _inside(latest.parent / newest):
                    yield from _written(archive, out, file, f"{place}/{newest}/{file.name}", told["files"])
            about = {"id": run.id, "title": member.title, "starred": member.starred}
            told["runs"].append(about | {"data": data.get(source, "") if source else ""})
        archive.writestr(NAME, json.dumps(told, indent=1))
    yield out.taken()


def opened(file: Path, workspace: Workspace, owner: str) -> list[Member]:
    """Make the runs of a project this owner's, under new ids.

    Raises `Refusal` where it is damaged or none; then nothing of it stays.
    """
    made: list[Path] = []
    try:
        with zipfile.ZipFile(file) as archive:
            told = _checked(archive)
            places = {
                place: workspace.new_upload_folder(owner) for place in {run["data"] for run in told["runs"]} - {""}
            }
            made += places.values()
            for place, folder in places.items():
                _unpack(archive, told, f"{place}/", folder)
            members = []
            for about in told["runs"]:
                run = Run(workspace.new_run_folder())
                made.append(run.folder)
                members.append(_taken(archive, told, about, run, places.get(about["data"])))
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, KeyError, TypeError,
            RuntimeError, Refusal) as error:  # fmt: skip
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, Refusal):
            raise
        raise Refusal(NO_PROJECT) from error
    return members


def _taken(
    archive: zipfile.ZipFile, told: dict[str, Any], about: dict[str, Any], run: Run, data: Path | None
) -> Member:
    run.folder.mkdir(parents=True)
    _unpack(archive, told, f"runs/{about['id']}/", run.folder)
    recipe = Recipe.parse((run.folder / "recipe.yaml").read_text(encoding="utf-8"))
    if data is not None:
        file = str(next(iter(sorted(data.iterdir()))).resolve())
        recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"file": file})})
        write_text(run.folder / "recipe.yaml", recipe.yaml())
    state = run.state
    if state.is_active:
        now = {"state": "stopped", "phase": "done", "message": "Came from another computer while it still ran.",
               "advice": "Press Resume to go on.", "updated": time.time()}  # fmt: skip
        state = State.model_validate(state.model_dump() | now)
        run.write_state(state)
    write_json(run.folder / "origin.json", {"id": about["id"], "time": time.time()})
    return Member(run, str(about["title"])[:120], bool(about["starred"]))


def _checked(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Return what the project says of itself, once every name, size and hash is as it says."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if len(names) != len(members) or len(members) > MOST_FILES:
        raise Refusal(NO_PROJECT)
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise Refusal(f"This project has more than {MOST_BYTES // 2**30} GB. Save fewer runs at once.")
    if any(member.file_size > MOST_PACKED * max(member.compress_size, CHUNK) for member in members):
        raise Refusal(NO_PROJECT)
    told = json.loads(archive.read(NAME))
    if told["version"] != VERSION:
        raise Refusal("This project was saved by a newer Layerwise. Update Layerwise, then open it again.")
    if names != {NAME, *told["files"]} or not all(map(_is_known, told["files"])):
        raise Refusal(NO_PROJECT)
    return told


def _is_known(name: str) -> bool:
    """Say whether a file may be in a project: data anywhere below its folder, of a run only what we write."""
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or "\\" in name or len(parts) < 3:
        return False
    if parts[0] == "data":
        return parts[1].isdigit()
    if parts[0] != "runs" or not parts[1].isalnum():
        return False
    rest = parts[2:]
    if rest[0] == "checkpoints":
        return rest[1:] == ("LATEST",) or (len(rest) == 3 and rest[1].startswith("epoch-") and rest[2] in WEIGHTS)
    return len(rest) == 1 and rest[0] in ("recipe.yaml", *KEPT)


def _unpack(archive: zipfile.ZipFile, told: dict[str, Any], below: str, folder: Path) -> None:
    for name, known in told["files"].items():
        if not name.startswith(below):
            continue
        target = folder.joinpath(*PurePosixPath(name.removeprefix(below)).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with archive.open(name) as source, target.open("wb") as file:
            while block := source.read(CHUNK):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != known:
            raise Refusal(NO_PROJECT)


def _written(
    archive: zipfile.ZipFile, out: Out, source: Path | str, name: str, files: dict[str, str]
) -> Iterator[bytes]:
    """Write one file or text; its hash is noted."""
    digest = hashlib.sha256()
    opened = io.BytesIO(source.encode()) if isinstance(source, str) else source.open("rb")
    with opened as file, archive.open(name, "w", force_zip64=True) as target:
        while block := file.read(CHUNK):
            digest.update(block)
            target.write(block)
            yield out.taken()
    files[name] = digest.hexdigest()


def _inside(place: Path) -> list[Path]:
    return sorted(file for file in place.rglob("*") if file.is_file()) if place.is_dir() else [place]
