"""Signed words that a page gives to the browser: whoever brings one back may do what it says, until it grows old.

A token names its purpose and its owner; one for uploads opens no other door. The secret lies in the workspace, in a
file that only the server's own account can read, so that tokens outlive a restart.
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeTimedSerializer

from recipes import Refusal
from records import Workspace

FILE = "token.secret"
LONGEST = 4_096
"""Signs of a token that is looked at."""
TOO_OLD = "This page is too old to do that. Reload it and try again."
ELSEWHERE = "This was sent from another website, so it was not done. Open the page itself and try again."


def mint(purpose: str, owner: str, **values: Any) -> str:
    """Sign a few plain values for one purpose of one owner."""
    return _signer(purpose).dumps({"owner": owner, **values})


def read(purpose: str, token: str, max_age: float) -> dict[str, Any]:
    """Return what a token says, with its `owner`; refuses one that is foreign, changed, or older than `max_age` s."""
    if not 0 < len(token) <= LONGEST:
        raise Refusal(TOO_OLD)
    try:
        told = _signer(purpose).loads(token, max_age=int(max_age))
    except BadData:
        raise Refusal(TOO_OLD) from None
    if not isinstance(told, dict) or not isinstance(told.get("owner"), str):
        raise Refusal(TOO_OLD)
    return told


def refuse_elsewhere(headers: Mapping[str, str]) -> None:
    """Refuse what another website made the browser send: the page's own address must stand in `Origin`."""
    origin, host = headers.get("origin", ""), headers.get("host", "")
    if not host or urlsplit(origin).netloc.lower() != host.lower():
        raise Refusal(ELSEWHERE)


def _signer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret(Workspace.default().root / FILE), salt=f"layerwise.{purpose}")


@lru_cache(maxsize=8)
def secret(file: Path) -> bytes:
    """Read the secret, or make it; where two servers start at once, both take the one that was there first."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=file.parent, prefix=f"{FILE}.")  # made with the mode 0600
        fresh = Path(name)
        try:
            with os.fdopen(number, "wb") as opened:
                opened.write(secrets.token_hex(32).encode())
                opened.flush()
                os.fsync(opened.fileno())
            _put(fresh, file)
        finally:
            fresh.unlink(missing_ok=True)
    return file.read_bytes()


def _put(fresh: Path, file: Path) -> None:
    """Give the new secret its name, unless another server was faster."""
    with contextlib.suppress(FileExistsError):
        try:
            file.hardlink_to(fresh)
        except FileExistsError:
            raise
        except OSError:  # some shared folders know no links
            fresh.replace(file)
