"""Data sets and prepared data, kept by what they were made from: the same work is never done twice.

Each entry of the cache is built in a temporary folder and renamed, so two processes may want it at once. The key
holds the content and the code of `datasets/`, so an entry is never stale. Reading an upload happens in a child
process with limits (`start_reading`, `reading`): a hostile file cannot hurt the page.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import datasets
from datasets import DataSet, Prepared, Progress
from recipes import Data, Recipe, Refusal, validate
from recipes.configuration import configuration
from records import Workspace, write_json
from training import _jail
from training.plan import complete, resolve, training_of

ROOT = Path(__file__).resolve().parents[1]
READER = (sys.executable, "-P", "-m", "training._reader")
MADE, RESULT, ALIVE, KINDS = "made", "result.json", "alive", ".kinds.json"
LARGEST_FILE = 8_000_000_000
LARGEST_WORD = 4_000_000
LONGEST_SENTENCE = 600
LEFT_SECONDS = 20.0
A_DAY = 86_400.0
CRASHED = "This file made its reader stop: it may be damaged. Save it again in its program, or as CSV."
NO_ROOM = "The server's storage is full, so this could not be read. Nothing was lost. Tell whoever runs the server."

_seats = threading.BoundedSemaphore(max(1, min(4, os.cpu_count() or 1)))
"""So many uploads are read at once; a class that brings thirty waits a little instead of filling the memory."""
_log = logging.getLogger("layerwise.shelf")


def silent(share: float, text: str) -> None:
    """Take progress and tell nobody."""


def open_dataset(data: Data, workspace: Workspace, progress: Progress = silent) -> DataSet:
    """Return the data set of a resolved recipe's `data` group; reads it once and keeps it."""
    kind = datasets.get(str(data.type))
    folder = _dataset_folder(data, workspace)

    def build(into: Path) -> None:
        if data.sample:
            kind.load_sample(data.sample, into)
        else:
            kind.read(Path(data.file), validate(kind.Config, data.settings, "data"), into, progress)

    return DataSet.open(_kept(folder, "dataset.json", build))


def open_prepared(
    recipe: Recipe, workspace: Workspace, progress: Progress = silent
) -> tuple[Recipe, DataSet, Prepared]:
    """Return the recipe with target and task filled in, its data set and its prepared data.

    Raises `Refusal` where a look at the data finds a problem that makes training pointless.
    """
    dataset = open_dataset(recipe.data, workspace, progress)
    recipe = complete(recipe, dataset.schema)
    corrections = recipe.data.corrections
    if corrections and corrections.rows:
        plain = recipe.model_copy(update={"data": recipe.data.model_copy(update={"corrections": None})})
        prepared = _prepared(plain, dataset, workspace, progress)
        key = {"prepared": prepared.folder.name, "corrections": corrections.plain()}

        def rebuild(into: Path) -> None:
            datasets.correct(dataset, prepared, corrections, into)

        folder = _kept(workspace.cached("prepared", key), "prepared.json", rebuild)
        return recipe, dataset, Prepared.open(folder)
    return recipe, dataset, _prepared(recipe, dataset, workspace, progress)


def _prepared(recipe: Recipe, dataset: DataSet, workspace: Workspace, progress: Progress) -> Prepared:
    """Return the prepared data of a completed recipe without corrections."""
    kind, seed = datasets.get(dataset.schema.data_type), training_of(recipe).seed
    key = {
        "dataset": dataset.schema.fingerprint,
        "data": recipe.data.model_dump(mode="json", exclude={"file", "sample", "corrections"}),
        "seed": seed,
        "code": _code(),
    }

    def build(into: Path) -> None:
        for finding in kind.check(dataset, recipe.data):
            if finding.severity == "problem":
                raise Refusal(f"{finding.sentence} {finding.cure}".strip())
        kind.prepare(dataset, recipe.data, seed, into, progress)

    return Prepared.open(_kept(workspace.cached("prepared", key), "prepared.json", build))


# Reading in the background


def start_reading(data: Data, workspace: Workspace) -> Path:
    """Start to read an upload in a child process with limits; returns the job folder for `reading`.

    Where `data` names no type, the child finds out which one it is: no byte of an upload is parsed here.
    """
    job = workspace.root / "cache" / "reading" / secrets.token_hex(8)
    job.mkdir(parents=True)
    if data.type or data.sample:
        folder = _dataset_folder(data, workspace)
        if (folder / "dataset.json").exists():
            _tell(job, 1.0, "Ready", dataset=str(folder), type=data.type)
            return job
    elif not Path(data.file).exists():
        raise Refusal(f"There is no file '{data.file}'. Check `data.file` in the recipe.")
    _tell(job, 0.0, "Opening the file")
    threading.Thread(target=_watch, args=(job, data, workspace), daemon=True).start()
    return job


def reading(job: Path) -> dict[str, Any]:
    """Say how far a job is: `done` (0 to 1), `text`, then `dataset` (a folder) and `type`, or `refused` (a sentence).

    Raises `LeftError` where the process that watched it is gone: start it again.
    """
    told = _object(job / "progress.json")
    if not told or (told["done"] < 1 and _silent_seconds(job) > LEFT_SECONDS):
        raise LeftError
    return told


class LeftError(Exception):
    """Nobody reads this upload any more: the server was restarted meanwhile."""


def kinds(file: Path) -> tuple[str, ...]:
    """Name the data types as which an upload can be read, the likeliest first; none where that was not found out."""
    told = _object(file.parent / KINDS)
    return tuple(name for name in told.get(file.name, ()) if name in datasets.names())


def read_job(job: Path, missing: Sequence[str] = ()) -> int:
    """Read as the child process does, telling its progress at most five times a second; returns the exit code."""
    told = _object(job / "job.json")
    data, last = Data.model_validate(told["data"]), 0.0

    def progress(share: float, text: str) -> None:
        nonlocal last
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            _tell(job, min(max(share, 0.0), 0.99), text)

    result: dict[str, Any] = {"missing": list(missing)}
    try:
        if data.sample:
            _read_into(data, job / MADE, progress)
        else:
            result["types"] = datasets.types_of(Path(data.file))
            if data.type is None:
                data = resolve(Recipe.of({"data": {"file": data.file}})).data
            _read_into(data, job / MADE, progress)
        result["data"] = data.model_dump(mode="json")
    except Refusal as refusal:
        result["refused"] = str(refusal)
    except Exception as error:  # noqa: BLE001 - a hostile file makes its reader raise anything; the log has it whole
        traceback.print_exc()
        result["refused"] = _in_words(error, told["memory"])
    write_json(job / RESULT, result)
    return 0


def _read_into(data: Data, folder: Path, progress: Progress) -> None:
    kind = datasets.get(str(data.type))
    folder.mkdir()
    if data.sample:
        kind.load_sample(data.sample, folder)
    else:
        kind.read(Path(data.file), validate(kind.Config, data.settings, "data"), folder, progress)


def _in_words(error: BaseException, memory: int) -> str:
    """Say in one sentence why a file could not be read; the reasons behind the last error count too."""
    chain = [error]
    while (before := chain[-1].__cause__ or chain[-1].__context__) is not None and before not in chain:
        chain.append(before)
    if any(isinstance(each, MemoryError) or "can't start new thread" in str(each) for each in chain):
        return _too_much(memory)
    if any(isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT) for each in chain):
        return NO_ROOM
    if any(isinstance(each, OSError) and each.errno == errno.EFBIG for each in chain):
        return f"This file unpacks to more than {LARGEST_FILE / 1e9:.0f} GB. Use a part of it."
    return "This file could not be read. Save it again in its program, or as CSV."


def _watch(job: Path, data: Data, workspace: Workspace) -> None:
    """Have a job read by a child, a few at a time, and put what it made onto the shelf."""
    alive = threading.Event()
    threading.Thread(target=_beat, args=(job, alive), daemon=True).start()
    try:
        if not _seats.acquire(timeout=0.5):
            _tell(job, 0.0, "Waiting: other files are being read first")
            _seats.acquire()
        try:
            told = _child(job, data)
        finally:
            _seats.release()
        if told.get("refused"):
            _tell(job, 1.0, "Refused", refused=str(told["refused"])[:LONGEST_SENTENCE])
            return
        _put_on_shelf(job, data, told, workspace)
    except OSError as error:
        _log.exception("An upload could not be read.")
        _tell(job, 1.0, "Refused", refused=NO_ROOM if error.errno == errno.ENOSPC else CRASHED)
    except (ValueError, KeyError, TypeError):  # what the child left behind is not what it should be
        _log.exception("The reader of an upload left something odd behind.")
        _tell(job, 1.0, "Refused", refused=CRASHED)
    finally:
        alive.set()
        shutil.rmtree(job / MADE, ignore_errors=True)
        _forget_old(job.parent)


def _child(job: Path, data: Data) -> dict[str, Any]:
    """Run the child; returns its result, or the sentence for how it ended."""
    told = configuration()
    memory, seconds = told.reading_mb * 1_000_000, told.reading_seconds
    limits = {"memory": memory, "seconds": seconds * (os.cpu_count() or 1), "largest_file": LARGEST_FILE}
    write_json(job / "job.json", {"data": data.model_dump(mode="json"), **limits})
    with (job / "log.txt").open("wb") as log:
        child = subprocess.Popen(
            [*READER, str(job.resolve())],
            cwd=job,
            env=_jail.environment(job) if data.file else os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            code = child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = -signal.SIGXCPU
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    result = _object(job / RESULT)
    if code == 0 and result:
        if result.get("missing"):
            _log.warning("This system puts no wall around: %s. Uploads are read without it.", result["missing"])
        return result
    _log.info("The reader of an upload ended with %s.", code)
    if code == -signal.SIGXCPU:
        longest = _minutes(seconds)
        return {"refused": f"Reading this file took longer than {longest}, so it was given up. Use a smaller one."}
    # Out of memory, libraries abort, the kernel kills, and Python itself may fail before it can say so.
    return {"refused": _too_much(memory) if code in (-signal.SIGKILL, -signal.SIGABRT) else CRASHED}


def _put_on_shelf(job: Path, data: Data, told: dict[str, Any], workspace: Workspace) -> None:
    """Move what the child made to its place, after a look at it: the child has met the file."""
    made = Data.model_validate(told["data"])
    if (made.file, made.sample) != (data.file, data.sample):
        raise ValueError("Another file was read than the one that was asked for.")
    _plain_files(job / MADE)
    DataSet.open(job / MADE)
    folder = _kept(_dataset_folder(made, workspace), "dataset.json", lambda into: _move(job / MADE, into))
    if made.file and (types := told.get("types")):
        file = Path(made.file)
        with contextlib.suppress(OSError):  # a convenience: which other kinds are offered
            write_json(file.parent / KINDS, {file.name: list(types)})
    _tell(job, 1.0, "Ready", dataset=str(folder), type=made.type)


def _plain_files(folder: Path) -> None:
    if odd := [path.name for path in folder.rglob("*") if path.is_symlink() or not (path.is_file() or path.is_dir())]:
        raise ValueError(f"The reader left {odd[0]} behind.")


def _move(source: Path, into: Path) -> None:
    for path in source.iterdir():
        path.rename(into / path.name)


def _beat(job: Path, ended: threading.Event) -> None:
    """Show that somebody still watches a job."""
    while not ended.wait(1.0):
        with contextlib.suppress(OSError):
            (job / ALIVE).touch()


def _silent_seconds(job: Path) -> float:
    times = [file.stat().st_mtime for name in (ALIVE, "progress.json") if (file := job / name).exists()]
    return time.time() - max(times, default=0.0)


def _forget_old(folder: Path) -> None:
    for job in folder.iterdir():
        if _silent_seconds(job) > A_DAY:
            shutil.rmtree(job, ignore_errors=True)


def _object(file: Path) -> dict[str, Any]:
    """Read a small JSON object; an empty one where there is none."""
    try:
        with file.open("rb") as opened:
            told = json.loads(opened.read(LARGEST_WORD))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _too_much(memory: int) -> str:
    return (
        f"This file needs more memory than reading may take ({memory / 1e9:.3g} GB). "
        "Use a smaller file, or fewer columns."
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _tell(job: Path, done: float, text: str, **more: str | None) -> None:
    told = {"done": done, "text": text, "dataset": None, "type": None, "refused": None} | more
    write_json(job / "progress.json", told)


# Keys and places


def _dataset_folder(data: Data, workspace: Workspace) -> Path:
    if data.sample:
        return workspace.cached("datasets", {"sample": data.sample, "code": _code()})
    kind = datasets.get(str(data.type))
    settings = validate(kind.Config, data.settings, "data").model_dump(mode="json")
    reads = getattr(kind, "READING", tuple(settings))
    key = {"content": _content(Path(data.file)), "type": data.type, "code": _code()}
    return workspace.cached("datasets", key | {name: settings[name] for name in reads})


def _kept(folder: Path, last_file: str, build: Callable[[Path], None]) -> Path:
    """Return the folder, built at most once; `last_file` says that it is whole."""
    if (folder / last_file).exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _temporary(folder) as temporary:
        build(temporary)
        # Another process may have been faster: then its folder stays and ours goes.
        with contextlib.suppress(OSError):
            temporary.rename(folder)
    return folder


@contextlib.contextmanager
def _temporary(folder: Path) -> Generator[Path]:
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _content(path: Path) -> str:
    """Hash a file, or all files of a folder with their names."""
    if not path.exists():
        raise Refusal(f"There is no file '{path}'. Check `data.file` in the recipe.")
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            status = file.stat()
            digest.update(f"{file.relative_to(path.parent)}\0".encode())
            digest.update(_digest(file, status.st_size, status.st_mtime_ns))
    return digest.hexdigest()


@lru_cache(maxsize=4096)
def _digest(file: Path, _size: int, _changed: int) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


@cache
def _code() -> str:
    """Hash the code of the data types and the bundled files: new code never meets old entries."""
    digest = hashlib.sha256()
    folder = Path(datasets.__file__).parent
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
