"""A PostgreSQL server of one's own: in a temporary folder, on a Unix socket, gone with whoever asked for it."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

MISSING = "PostgreSQL is not installed. Install the package 'postgresql' (make test does it), then test again."
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=120")
"""What is lost with the machine may be lost: each server lives for a few minutes."""


@contextlib.contextmanager
def server(port: int = 5432) -> Generator[str]:
    """Run a server; gives the address of its first database. A benchmark may start and stop it inside (`control`)."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path has 107 letters at most
    try:
        _make(folder, port)
        control(folder, "start")
        try:
            yield address(folder, port)
        finally:
            control(folder, "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def control(folder: Path, wish: str) -> None:
    """Start or stop the server of this folder, and wait until it has."""
    options = ["-l", str(folder / "log")] if wish == "start" else ["-m", "immediate"]
    _as_nobody([program("pg_ctl"), "-D", str(folder / "data"), "-w", "-t", "60", *options, wish], folder)


def address(folder: Path, port: int, name: str = "postgres") -> str:
    """Return the address of a database of this server."""
    return f"postgresql+psycopg://layerwise@/{name}?host={folder}&port={port}"


def program(name: str) -> str:
    """Return the path of one of PostgreSQL's programs, which Debian keeps outside the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) or [Path(shutil.which(name) or "")]
    if not found[-1].is_file():
        raise FileNotFoundError(MISSING)
    return str(found[-1])


def _make(folder: Path, port: int) -> None:
    folder.chmod(0o755)
    if os.getuid() == 0:
        owner = pwd.getpwnam(_user())
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    options = ["-U", "layerwise", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
    _as_nobody([program("initdb"), "-D", str(folder / "data"), *options], folder)
    settings = [*QUICK, f"port={port}", "listen_addresses=''", f"unix_socket_directories='{folder}'"]
    with (folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("\n".join(settings) + "\n")


def _as_nobody(command: list[str], folder: Path) -> None:
    """Run one of PostgreSQL's programs, which refuse to work for root."""
    user = _user() if os.getuid() == 0 else None
    done = subprocess.run(
        command, user=user, group=user and pwd.getpwnam(user).pw_gid, extra_groups=user and [], cwd=folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {done.stdout[-2000:]}")


def _user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
