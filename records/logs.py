"""Logs: in `workspace/log/`, one file a program, kept small, and silent about what people have brought.

No log holds a cookie, a token or a password, and an error is written down as its kind and the places it came through,
without its message: that often quotes the very value that it stumbled over. `LAYERWISE_LOG_DETAILS=true` lets the
messages in, for a search on a machine of one's own.
"""

import logging
import logging.handlers
import re
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from recipes.configuration import configuration
from records.workspace import Workspace

BYTES, FILES = 1_000_000, 3
FRAMES = 12
"""So many of the innermost places of an error are written down."""
FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
HIDDEN = "(hidden)"
_SECRETS = re.compile(
    r"(?i)(?P<before>(?:layerwise|\w*_?token|\w*_?secret|\w*password|_streamlit\w*|_xsrf|api_?key)[\"']?\s*[=:]\s*[\"']?"
    r"|bearer\s+|cookie:\s*|://[^:/@\s]*:)(?P<secret>[^\s\"',;@&]+)"
)
"""What stands before a secret: the name of a cookie or of a setting, a header, or the user in an address."""


class DiscreetRecord(logging.LogRecord):
    """A line of a log that names no secret and quotes no value from an error."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if self.exc_info and self.exc_info[0]:
            self.exc_text = trace(*self.exc_info[1:])  # what every formatter takes where it is there already

    def getMessage(self) -> str:  # noqa: N802 - the name that logging asks for
        """Return the line, with secrets left out."""
        return hide(super().getMessage())


def discreet() -> None:
    """From now on every log of this process is discreet, that of any library too."""
    logging.setLogRecordFactory(DiscreetRecord)


def keep(
    workspace: Workspace, name: str, loggers: Iterable[str] = ("layerwise",), *, aloud: bool = False
) -> logging.Handler:
    """Write what these loggers say into `log/<name>.log` of a workspace; old lines go when the file grows too large.

    With `aloud`, what is wrong is printed too, for whoever reads what a container prints.
    """
    discreet()
    folder = workspace.root / "log"
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(folder / f"{name}.log", maxBytes=BYTES, backupCount=FILES)
    handler.setFormatter(_OneLine(FORM))
    handler.addFilter(lambda record: record.name.startswith("layerwise") or record.levelno >= logging.WARNING)
    if aloud:
        shown = logging.StreamHandler()
        shown.setFormatter(_OneLine(FORM))
        shown.setLevel(logging.WARNING)
        logging.getLogger("layerwise").addHandler(shown)
    for each in loggers:
        logger = logging.getLogger(each)
        logger.addHandler(handler)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    return handler


def trace(error: BaseException | None, where: TracebackType | None) -> str:
    """Say of which kind an error is and through which lines it came; its message only where details are wished."""
    if error is None:
        return ""
    if configuration().log_details:
        return hide("".join(traceback.format_exception(type(error), error, where)).rstrip())
    lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(where)[-FRAMES:]]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    told = "\n".join([f"{type(error).__module__}.{type(error).__qualname__}", *lines])
    return f"{trace(cause, cause.__traceback__)}\nled to {told}" if cause else told


def hide(text: str) -> str:
    """Leave secrets out of a text."""
    return _SECRETS.sub(lambda found: found["before"] + HIDDEN, text)


class _OneLine(logging.Formatter):
    """One line an event, so that nobody can write a line of their own by a line break in a name."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging asks for
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
