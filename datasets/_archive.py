"""Read the files of an upload, a zip or a folder, without ever unpacking it to disk."""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from recipes import Refusal

MAX_FILES = 200_000
MAX_BYTES = 1_000_000_000
MAX_FILE_BYTES = 100_000_000
SIGNATURES = {
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7-Zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"%PDF": "PDF",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"SQLite": "a database",
}
ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
CLUTTER = ("__macosx", "thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Bundle:
    """The usable files of an upload by name; `unsafe` are those whose names we do not trust."""

    names: tuple[str, ...]
    unsafe: tuple[str, ...]
    _source: zipfile.ZipFile | Path
    _inside: dict[str, str]

    def read(self, name: str) -> bytes:
        """Return a file's bytes; raises `OSError` for one that is damaged or too large."""
        if isinstance(self._source, Path):
            path = self._source / self._inside[name]
            if path.stat().st_size > MAX_FILE_BYTES:
                raise OSError(name)
            return path.read_bytes()
        try:
            # zipfile never reads past the declared size, so a lying header fails its check sum here
            if self._source.getinfo(self._inside[name]).file_size > MAX_FILE_BYTES:
                raise OSError(name)
            return self._source.read(self._inside[name])
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError) as error:
            raise OSError(name) from error


@contextmanager
def opened(file: Path) -> Generator[Bundle]:
    """Open a zip or a folder; what cannot be opened is refused in words."""
    if file.is_dir():
        yield _folder(file)
        return
    _refuse_other_kinds(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise Refusal("This zip is damaged and cannot be opened. Zip the folder again and upload that.") from None
    with archive:
        yield _zip(archive)


def note_unsafe(bundle: Bundle) -> list[str]:
    """Say how many files were left out for their names."""
    if not bundle.unsafe:
        return []
    number = len(bundle.unsafe)
    return [
        f"{number} file{'s' if number > 1 else ''} had unsafe names and {'were' if number > 1 else 'was'} left out."
    ]


def _folder(folder: Path) -> Bundle:
    inside, unsafe, size = {}, [], 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            unsafe.append(name)
        elif path.is_file() and not _is_clutter(name):
            inside[name] = name
            size += path.stat().st_size
    _refuse_too_much(len(inside), size, "folder", "holds")
    _refuse_nested(inside, "folder")
    return Bundle(tuple(inside), tuple(unsafe), folder, inside)


def _zip(archive: zipfile.ZipFile) -> Bundle:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    _refuse_too_much(len(entries), sum(entry.file_size for entry in entries), "zip", "unpacks to")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refusal("This zip has a password. Unpack it, zip the folder again without one, and upload that.")
    inside, unsafe = {}, []
    for entry in entries:
        name = _name(entry)
        if stat.S_ISLNK(entry.external_attr >> 16) or not _is_safe(name) or name in inside:
            unsafe.append(name)
        elif not _is_clutter(name):
            inside[name] = entry.filename
    _refuse_nested(inside, "zip")
    return Bundle(tuple(inside), tuple(unsafe), archive, inside)


def _refuse_other_kinds(file: Path) -> None:
    try:
        with file.open("rb") as opened_file:
            start = opened_file.read(8)
    except OSError:
        raise Refusal(f"'{file.name}' cannot be read. Check the path.") from None
    if not start:
        raise Refusal("The file is empty. Was it still downloading?")
    if not start.startswith(b"PK"):
        guess = next((kind for mark, kind in SIGNATURES.items() if start.startswith(mark)), "")
        looks = f" (it looks like {guess})" if guess else ""
        raise Refusal(f"This is not a .zip{looks}. Make a zip of the folder and upload that.")


def _refuse_too_much(files: int, size: int, kind: str, verb: str) -> None:
    if files > MAX_FILES:
        raise Refusal(f"This {kind} holds {files:,} files; the limit is {MAX_FILES:,}. Use fewer pictures.")
    if size > MAX_BYTES:
        raise Refusal(f"This {kind} {verb} more than 1 GB. Use fewer or smaller pictures.")


def _refuse_nested(names: dict[str, str], kind: str) -> None:
    for name in names:
        ending = PurePosixPath(name).suffix.lower()
        if ending in ARCHIVES:
            what = "a zip" if ending == ".zip" else f"an archive ({PurePosixPath(name).name})"
            raise Refusal(f"There is {what} inside your {kind}; unpack it first.")


def _name(entry: zipfile.ZipInfo) -> str:
    """Return the name with `/`; names without the UTF-8 flag are UTF-8 all the same where macOS wrote them."""
    name = entry.orig_filename
    if not entry.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = entry.orig_filename
    return name.replace("\\", "/")


def _is_safe(name: str) -> bool:
    path = PurePosixPath(name)
    drive = len(name) > 1 and name[1] == ":"
    control = any(ord(sign) < 32 for sign in name)
    return bool(name) and not control and not path.is_absolute() and not drive and ".." not in path.parts


def _is_clutter(name: str) -> bool:
    return any(part.lower() in CLUTTER or part.startswith(".") for part in PurePosixPath(name).parts)
