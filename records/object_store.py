"""Copies of finished runs in an object store or another folder, and back: whatever `fsspec` has an address for.

    python -m records.object_store save [--mirror]     every finished run that is not there yet
    python -m records.object_store list
    python -m records.object_store bring RUN [RUN ...]
    python -m records.object_store remove RUN [RUN ...]

LAYERWISE_ARCHIVE names the place: `s3://bucket/layerwise`, `file:///mnt/archive`, ... An object store cannot append to
a file, so runs are trained in the workspace and copied when they are finished. A copy counts once its `whole.json` is
there, which is written last and holds size and SHA-256 of every file; what comes back is compared with it. With
`--mirror`, copies of runs that this workspace has no more are removed: then deleting a run deletes its copy too. What
was brought back is listed again once the supervisor has started anew.
Exit status: 0 done, 2 for what a person can mend (one sentence), 1 for a copy that is damaged.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec

from recipes import Refusal
from recipes.configuration import check_or_exit, configuration
from records.run import Run
from records.workspace import Workspace

WHOLE = "whole.json"
LEFT_OUT = ("prepared.json", "ask.json", "jobs", "writing-*", "*.tmp")
"""What only holds where the run was made, or is made anew on demand."""
NOT_SET = "LAYERWISE_ARCHIVE is not set. Give it an address such as s3://bucket/layerwise or file:///mnt/archive."
PIECE = 2**20


class DamagedError(Exception):
    """A copy does not hold what was copied."""


@dataclass(frozen=True)
class Store:
    """The place of the copies: one folder a run, named by its id."""

    files: Any
    root: str

    @classmethod
    def of(cls, address: str) -> "Store":
        """Open the place at an address; raises `Refusal` for one that cannot be used here."""
        if not address:
            raise Refusal(NOT_SET)
        try:
            files, root = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError) as error:
            kind = address.partition("://")[0]
            raise Refusal(
                f"LAYERWISE_ARCHIVE begins with '{kind}', which needs a package that is not installed here: {error}"
            ) from error
        return cls(files, root.rstrip("/"))

    def runs(self) -> list[str]:
        """Name the runs of which there is a whole copy."""
        if not self.files.exists(self.root):
            return []
        self.files.invalidate_cache()
        places = [str(place).rstrip("/") for place in self.files.ls(self.root, detail=False)]
        return sorted(PurePosixPath(place).name for place in places if self.files.exists(f"{place}/{WHOLE}"))

    def save(self, run: Run) -> int:
        """Copy a run; returns the bytes. A copy that broke off is written over."""
        told = {}
        for file in _files(run.folder):
            name = file.relative_to(run.folder).as_posix()
            self.files.makedirs(str(PurePosixPath(self._place(run.id, name)).parent), exist_ok=True)
            with file.open("rb") as source, self.files.open(self._place(run.id, name), "wb") as target:
                told[name] = _copy(source, target)
        self.files.pipe_file(self._place(run.id, WHOLE), json.dumps(told, indent=1).encode())
        return sum(each["bytes"] for each in told.values())

    def bring(self, name: str, workspace: Workspace) -> Run:
        """Bring a run back under its old id; raises `Refusal` where it is here or not there, `DamagedError`."""
        folder = workspace.run_folder(name)
        if folder.exists():
            raise Refusal(f"The run {name} is here already.")
        if not self.files.exists(self._place(name, WHOLE)):
            raise Refusal(f"There is no copy of a run {name}. `list` names those there are.")
        told = json.loads(self.files.cat_file(self._place(name, WHOLE)))
        half = folder.with_name(f"{name}.{os.getpid()}.tmp")
        try:
            for each, expected in told.items():
                target = half / each
                if not target.resolve().is_relative_to(half.resolve()):
                    raise DamagedError(f"{name}: {each} would lie outside of the run's folder")
                target.parent.mkdir(parents=True, exist_ok=True)
                with self.files.open(self._place(name, each), "rb") as source, target.open("wb") as file:
                    found = _copy(source, file)
                    os.fsync(file.fileno())
                if found != expected:
                    raise DamagedError(f"{name}: {each} is not what was copied")
            half.rename(folder)
        except FileNotFoundError as error:
            raise DamagedError(f"{name}: {error}") from error
        finally:
            shutil.rmtree(half, ignore_errors=True)
        return Run(folder)

    def remove(self, name: str) -> None:
        """Remove a copy, the file that makes it whole first."""
        if not name.isalnum() or not self.files.exists(self._place(name, WHOLE)):
            raise Refusal(f"There is no copy of a run {name}. `list` names those there are.")
        self.files.rm_file(self._place(name, WHOLE))
        self.files.rm(f"{self.root}/{name}", recursive=True)

    def _place(self, run: str, name: str) -> str:
        return f"{self.root}/{run}/{name}"


def save_all(store: Store, workspace: Workspace, *, mirror: bool = False) -> dict[str, Any]:
    """Copy every finished run that is not there yet; with `mirror`, remove copies of those that are not here."""
    here = {folder.name: Run(folder) for folder in workspace.runs.iterdir() if (folder / "recipe.yaml").exists()}
    there = set(store.runs())
    if mirror and there and not here:
        raise Refusal("This workspace has no run at all, so nothing is removed. Is it the right one?")
    new = [run for name, run in here.items() if name not in there and _is_finished(run)]
    size = sum(store.save(run) for run in new)
    gone = sorted(there - here.keys()) if mirror else []
    for name in gone:
        store.remove(name)
    return {"saved": sorted(run.id for run in new), "bytes": size, "removed": gone}


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; the last line on standard output is JSON."""
    parser = argparse.ArgumentParser(prog="python -m records.object_store", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("wish", choices=["save", "list", "bring", "remove"])
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--mirror", action="store_true", help="also remove copies of runs that are not here any more")
    parser.add_argument("--workspace", type=Path, default=None)
    told = parser.parse_args(arguments)
    check_or_exit()
    workspace = Workspace(told.workspace.resolve()) if told.workspace else Workspace.default()
    try:
        store = Store.of(configuration().archive)
        if told.wish == "save":
            answer: Any = save_all(store, workspace, mirror=told.mirror)
        elif told.wish == "bring":
            answer = {"brought": [store.bring(name, workspace).id for name in told.runs]}
        elif told.wish == "remove":
            for name in told.runs:
                store.remove(name)
            answer = {"removed": told.runs}
        else:
            answer = {"runs": store.runs()}
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"The archive, or the disk here, does not take part: {error}. Try again.\n")
        return 2
    except DamagedError as damaged:
        sys.stderr.write(f"This copy is damaged and was not used: {damaged}.\n")
        return 1
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _files(folder: Path) -> list[Path]:
    def is_kept(file: Path) -> bool:
        parts = file.relative_to(folder).parts
        return not any(PurePosixPath(part).match(pattern) for part in parts for pattern in LEFT_OUT)

    return [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink() and is_kept(file)]


def _copy(source: Any, target: Any) -> dict[str, Any]:
    size, digest = 0, hashlib.sha256()
    while piece := source.read(PIECE):
        target.write(piece)
        digest.update(piece)
        size += len(piece)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _is_finished(run: Run) -> bool:
    done = run.read("done.json")
    return bool(done) and done["state"] == "finished"


if __name__ == "__main__":
    sys.exit(main())
