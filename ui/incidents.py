"""When a page breaks: the visitor reads what to do and a code, the log says under that code what happened."""

import hashlib
import logging
import traceback

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from recipes import Refusal

SENTENCE = (
    "Something went wrong (code {code}). Nothing that you made is lost: reload the page and try again. "
    "If it happens again, tell the code to whoever runs this server."
)
_log = logging.getLogger("layerwise.incidents")


def code_of(error: BaseException) -> str:
    """Return the code of an error; the same mistake at the same place has the same code."""
    places = [f"{frame.filename}:{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    told = "\n".join([type(error).__qualname__, *places])
    return f"K-{int(hashlib.sha256(told.encode()).hexdigest(), 16) % 9000 + 1000}"


def noted(error: BaseException) -> str:
    """Write an error into the log; returns the sentence for the visitor."""
    code = code_of(error)
    _log.error("Incident %s", code, exc_info=(type(error), error, error.__traceback__))
    return SENTENCE.format(code=code)


def on_page(error: Exception) -> bool:
    """Show what a page could not handle, in words; says that nothing else needs to be shown."""
    st.error(str(error) if isinstance(error, Refusal) else noted(error), icon=":material/error:")
    return True


async def on_route(_request: Request, error: Exception) -> PlainTextResponse:
    """Answer where one of the server's own addresses broke."""
    return PlainTextResponse(noted(error), status_code=500)


def say_once() -> None:
    """Keep Streamlit from logging the same error a second time, without its code."""
    logging.getLogger("streamlit.error_util").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return record.getMessage() != "Uncaught app execution"
