"""Ask the warm process, which has Keras live, without importing Keras: one JSON line there, one back."""

import json
import socket
import tempfile
from pathlib import Path
from typing import Any

from recipes import Refusal
from records import Workspace

LONGEST_PATH = 100
"""A Unix socket's path may have 107 bytes; a workspace that lies deeper gets a short one in the temp folder."""


class WarmingUp(Exception):  # noqa: N818 - a state that passes, not an error
    """The warm process is not there yet: ask again in a second."""


class Failed(Exception):  # noqa: N818 - reads best where it is caught: `except Failed`
    """The warm process could not answer; the text is one plain sentence."""


def ask(workspace: Workspace, name: str, *, timeout: float = 30.0, **values: Any) -> dict[str, Any]:
    """Ask `describe`, `estimate`, `predict`, `augment` or `signature` (docs/architecture.md, Warm process).

    Raises `Refusal` for what the user can mend, `WarmingUp` while nobody listens, `Failed` for the rest.
    """
    line = (json.dumps({"ask": name} | values) + "\n").encode()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line_to:
            line_to.settimeout(timeout)
            line_to.connect(str(address(workspace)))
            line_to.sendall(line)
            told = line_to.makefile("rb").readline()
    except TimeoutError:
        raise Failed(f"No answer within {timeout:.0f} seconds. Try again, or choose a smaller model.") from None
    except OSError:
        raise WarmingUp("The model workshop is warming up.") from None
    return _answer(told)


def address(workspace: Workspace) -> Path:
    """Return the socket's path: `workspace/warm.sock`, or what `warm.json` says where that is too long."""
    near = workspace.root.resolve() / "warm.sock"
    if len(str(near).encode()) <= LONGEST_PATH:
        return near
    told = workspace.root / "warm.json"
    if told.exists():
        return Path(json.loads(told.read_text(encoding="utf-8"))["socket"])
    return Path(tempfile.gettempdir()) / "layerwise-nobody.sock"


def _answer(told: bytes) -> dict[str, Any]:
    if not told:
        raise WarmingUp("The model workshop is starting again.")
    answer = json.loads(told)
    if "refused" in answer:
        raise Refusal(answer["refused"])
    if "failed" in answer:
        raise Failed(answer["failed"])
    return answer["ok"]
