"""Who did what and when, as JSON lines in `log/audit.jsonl`: no contents, no secrets, of people only a short mark."""

import json
import os
import time

from records.workspace import Workspace

FILE = "audit.jsonl"
MARK = 12
"""Letters of an owner's name that are written: enough to tell people apart, too few to be anybody's key."""
LARGEST = 10_000_000
"""Bytes of one file; a full one becomes `audit.1.jsonl` in the place of the one before."""


def note(workspace: Workspace, who: str, what: str, **about: str | float | bool | None) -> None:
    """Write one line: `{"time", "who", "what", ...}`; `who` is an owner, cut to its first letters."""
    folder = workspace.root / "log"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    if file.exists() and file.stat().st_size > LARGEST:
        file.replace(file.with_name("audit.1.jsonl"))
    line = {"time": round(time.time(), 3), "who": who[:MARK], "what": what} | about
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, (json.dumps(line) + "\n").encode())
    finally:
        os.close(handle)
