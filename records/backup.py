"""A whole installation as one file, and back: safe to take while everything runs.

    python -m records.backup save FILE [--workspace DIR]
    python -m records.backup restore FILE [--workspace DIR]      into an empty workspace
    python -m records.backup check FILE

The file is a zip with a hash of every file in it. A catalogue in SQLite is copied by SQLite's own backup, at one
instant; of a run that is going, its newest whole checkpoint comes along, so that it goes on where that one stands. A
catalogue in PostgreSQL is not in it: `pg_dump` copies that. Caches, sockets, locks and half-written files stay out.
Exit status: 0 done, 2 for what a person can mend (one sentence), 1 for a file that is damaged.
"""

import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from recipes import Refusal
from recipes.configuration import check_or_exit, configuration
from records.database import newest
from records.run import write_text
from records.workspace import Workspace

FORMAT = 1
MANIFEST = "manifest.json"
CATALOGUE = "catalogue.db"
CHUNK = 1 << 20
LEFT_OUT = ("cache", "incoming", "log", "trash")
"""Folders of the workspace that are made anew by themselves, or were about to go."""
KEPT_LOGS = "log/audit*.jsonl"
KEPT_FILES = (".secret", ".salt")
"""Endings of the files beside the folders that belong to the installation: what its signed cookies hang on."""
NAMES_PLACES = ("recipe.yaml", "prepared.json", "group.json", "job.json", "jobs/*.json", "drafts/*.json")
"""Files that may name places in the workspace, which are elsewhere after a move."""
TRIES = 10
PACKED = (".keras", ".npz", ".npy", ".zip", ".png", ".jpg", ".jpeg", ".mp3", ".mp4", ".parquet", ".xlsx")
NO_BACKUP = "The file {name} is no backup of Layerwise, or its end is missing. Choose another file."
DAMAGED = "The backup is damaged: {name} is not what was saved. Nothing was restored; take another backup."


def save(workspace: Workspace, file: Path) -> dict[str, Any]:
    """Write a backup; returns its manifest. Nothing stands at `file` before it is whole."""
    if not workspace.root.is_dir():
        raise Refusal(f"There is no workspace at {workspace.root}. Say where it is with --workspace.")
    if file.resolve().is_relative_to(workspace.root.resolve()):
        raise Refusal("The backup would lie in the workspace that it saves. Choose a place outside.")
    if file.exists():
        raise Refusal(f"There is a file {file.name} already. Choose another name, or take that one away.")
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as opened:
            temporary.chmod(0o600)  # it holds everybody's data
            manifest = _pack(workspace, opened)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.rename(file)
    finally:
        temporary.unlink(missing_ok=True)
    return manifest


def restore(file: Path, workspace: Workspace) -> dict[str, Any]:
    """Bring a backup back into an empty workspace, each file checked; returns its manifest. All or nothing."""
    root = workspace.root
    if root.exists() and any(root.iterdir()):
        raise Refusal(f"The workspace {root} is not empty. Choose an empty folder with --workspace.")
    manifest = check(file)
    _refuse_newer(manifest)
    root.parent.mkdir(parents=True, exist_ok=True)
    room = shutil.disk_usage(root.parent).free
    if sum(told["bytes"] for told in manifest["files"].values()) > room:
        raise Refusal(f"The disk has only {room // 2**20} MB left, too little for this backup. Make room first.")
    fresh = Path(tempfile.mkdtemp(dir=root.parent, prefix=f"{root.name}.restoring."))
    try:
        with zipfile.ZipFile(file) as archive:
            for name, told in manifest["files"].items():
                _unpack(archive, name, told, fresh)
        if manifest["root"] != str(root.resolve()):
            _moved(fresh, manifest["root"], str(root.resolve()))
        if root.exists():
            root.rmdir()
        fresh.rename(root)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def check(file: Path) -> dict[str, Any]:
    """Read a backup from end to end against its hashes; returns its manifest."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive, file)
            names = sorted(name for name in archive.namelist() if name != MANIFEST)
            if names != sorted(manifest["files"]):
                raise Damaged(MANIFEST)
            for name, told in manifest["files"].items():
                with archive.open(name) as member:
                    if _hash(member) != (told["sha256"], told["bytes"]):
                        raise Damaged(name)
    except FileNotFoundError:
        raise Refusal(f"There is no file {file}.") from None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, UnicodeDecodeError) as error:
        if isinstance(error, zipfile.BadZipFile) and not zipfile.is_zipfile(file):
            raise Refusal(NO_BACKUP.format(name=file.name)) from None
        raise Damaged(file.name) from error
    return manifest


class Damaged(Exception):  # noqa: N818 - it names a state, and its text is shown
    """A backup that is not what was saved."""

    def __init__(self, name: str) -> None:
        super().__init__(DAMAGED.format(name=name))


def _pack(workspace: Workspace, opened: Any) -> dict[str, Any]:
    files: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        # The catalogue first: a run that comes later lies in a folder of its own, from which it is entered anew.
        with tempfile.TemporaryDirectory() as folder:
            if (workspace.root / CATALOGUE).exists() and not configuration().database:
                copy = Path(folder) / CATALOGUE
                _copy_database(workspace.root / CATALOGUE, copy)
                _add(archive, CATALOGUE, copy, files)
        for file in _files(workspace.root):
            _add(archive, _name(workspace, file), file, files)
        for folder in sorted((workspace.root / "runs").glob("*/checkpoints")):
            _catch_up(archive, workspace, folder, files)
        manifest = {
            "format": FORMAT, "schema": newest(), "time": time.time(), "root": str(workspace.root.resolve()),
            "runs": len({name.split("/")[1] for name in files if name.startswith("runs/")}), "files": files,
        }  # fmt: skip
        archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    return manifest


def _copy_database(source: Path, target: Path) -> None:
    """Copy a database that others write to: as it is at one instant."""
    with closing(sqlite3.connect(source, timeout=30)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise Refusal("The catalogue of this workspace is damaged, so it cannot be saved. Restore a backup.")


def _files(root: Path) -> Iterator[Path]:
    yield from sorted(root.glob(KEPT_LOGS))
    for top in sorted(root.iterdir()):
        if top.is_dir() and not top.is_symlink() and top.name not in LEFT_OUT:
            yield from _inside(top)
        elif top.suffix in KEPT_FILES:
            yield top


def _inside(folder: Path) -> Iterator[Path]:
    """List the files of a folder; of checkpoints the newest first, as it is the last to be pruned."""
    try:
        inside = sorted(folder.iterdir(), key=lambda each: each.name, reverse=folder.name == "checkpoints")
    except FileNotFoundError:
        return  # a checkpoint that was pruned, or a run that was deleted, meanwhile
    for each in inside:
        if ".tmp" in each.name or each.is_symlink():
            continue
        if each.is_dir():
            yield from _inside(each)
        elif each.is_file():
            yield each


def _catch_up(archive: zipfile.ZipFile, workspace: Workspace, folder: Path, files: dict[str, dict[str, Any]]) -> None:
    """Where all checkpoints that came along were pruned while they were read, take those that are there now."""
    for _ in range(TRIES):
        places = [place for place in folder.glob("epoch-*") if (place / "manifest.json").exists()]
        if not places or any(all(_name(workspace, file) in files for file in place.iterdir()) for place in places):
            return
        for file in _inside(folder):
            if _name(workspace, file) not in files:
                _add(archive, _name(workspace, file), file, files)


def _name(workspace: Workspace, file: Path) -> str:
    return file.relative_to(workspace.root).as_posix()


def _add(archive: zipfile.ZipFile, name: str, file: Path, files: dict[str, dict[str, Any]]) -> None:
    """Add a file as it is now; one that grows meanwhile up to where it was, one that has gone not at all."""
    try:
        source = file.open("rb")
    except FileNotFoundError:
        return
    with source:
        about = os.fstat(source.fileno())
        info = zipfile.ZipInfo(name, time.localtime(max(about.st_mtime, 315_619_200))[:6])
        info.external_attr = (stat.S_IFREG | stat.S_IMODE(about.st_mode)) << 16
        info.compress_type = zipfile.ZIP_STORED if file.suffix in PACKED else zipfile.ZIP_DEFLATED
        told, left = hashlib.sha256(), about.st_size
        with archive.open(info, "w", force_zip64=True) as target:
            while left and (data := source.read(min(CHUNK, left))):
                told.update(data)
                target.write(data)
                left -= len(data)
    files[name] = {"sha256": told.hexdigest(), "bytes": about.st_size - left}


def _manifest(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(archive.read(MANIFEST))
    except (KeyError, ValueError):
        raise Refusal(NO_BACKUP.format(name=file.name)) from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise Refusal(NO_BACKUP.format(name=file.name))
    if manifest.get("format") != FORMAT:
        raise Refusal("This backup was written by a newer Layerwise. Update Layerwise, then restore it.")
    for name in manifest["files"]:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
            raise Damaged(MANIFEST)
    return manifest


def _refuse_newer(manifest: dict[str, Any]) -> None:
    if str(manifest["schema"]) > newest():
        raise Refusal("This backup was written by a newer Layerwise. Update Layerwise, then restore it.")


def _unpack(archive: zipfile.ZipFile, name: str, told: dict[str, Any], folder: Path) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as member, target.open("xb") as file:
        shutil.copyfileobj(member, file, CHUNK)
        file.flush()
        os.fsync(file.fileno())
    with target.open("rb") as file:
        if _hash(file) != (told["sha256"], told["bytes"]):
            raise Damaged(name)
    target.chmod(stat.S_IMODE(archive.getinfo(name).external_attr >> 16) or 0o600)


def _moved(folder: Path, before: str, after: str) -> None:
    """Let what names a place in the former workspace name the same place in the new one."""
    for pattern in NAMES_PLACES:
        for file in folder.rglob(pattern):
            is_yaml, text = file.suffix == ".yaml", file.read_text(encoding="utf-8")
            told = yaml.safe_load(text) if is_yaml else json.loads(text)
            moved = _elsewhere(told, before, after)
            if moved != told:
                plain = yaml.safe_dump(moved, sort_keys=False, allow_unicode=True)
                write_text(file, plain if is_yaml else json.dumps(moved, indent=1))


def _elsewhere(told: Any, before: str, after: str) -> Any:
    if isinstance(told, dict):
        return {name: _elsewhere(value, before, after) for name, value in told.items()}
    if isinstance(told, list):
        return [_elsewhere(value, before, after) for value in told]
    if isinstance(told, str) and (told == before or told.startswith(f"{before}/")):
        return after + told[len(before) :]
    return told


def _hash(file: Any) -> tuple[str, int]:
    told, size = hashlib.sha256(), 0
    while data := file.read(CHUNK):
        told.update(data)
        size += len(data)
    return told.hexdigest(), size


def main(arguments: list[str] | None = None) -> int:
    """Save, restore or check; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m records.backup", description="Save a workspace, or bring it back.")
    parser.add_argument("what", choices=["save", "restore", "check"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--workspace", type=Path, help="by default LAYERWISE_WORKSPACE")
    asked = parser.parse_args(arguments)
    check_or_exit()
    workspace = Workspace(asked.workspace.resolve()) if asked.workspace else Workspace.default()
    try:
        if asked.what == "check":
            manifest = check(asked.file)
        else:
            manifest = save(workspace, asked.file) if asked.what == "save" else restore(asked.file, workspace)
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    except Damaged as damaged:
        sys.stderr.write(f"{damaged}\n")
        return 1
    size = sum(told["bytes"] for told in manifest["files"].values()) / 2**20
    done = {"save": "Saved", "restore": "Restored", "check": "Checked"}[asked.what]
    sys.stdout.write(f"{done} {manifest['runs']} runs in {len(manifest['files'])} files, {size:.1f} MB.\n")
    if configuration().database:
        sys.stdout.write("The catalogue lies in a database of its own, which this file does not hold: see pg_dump.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
