"""The server around the pages: `streamlit run asgi.py`, or `uvicorn asgi:app`."""

import asyncio
import importlib
import logging
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from sqlalchemy.exc import OperationalError
from starlette.middleware import Middleware
from streamlit import config
from streamlit.runtime import app_session
from streamlit.runtime.pages_manager import PagesManager

from recipes import Refusal
from recipes.configuration import check_or_exit
from records import Workspace, logs, uploads
from records.database import Unreachable, database
from training.executor import Executor
from ui import health_routes, incidents, tokens
from ui.guard import Guard
from ui.health_routes import Timed
from ui.identity import WorkspaceCookie
from ui.routes import routes
from ui.serve import announce

WATCH_SECONDS = 2.0
TIDY_SECONDS = 300.0
HEAVY = ("pandas", "pyarrow", "plotly.graph_objects")
"""Imported while nobody waits: the first chart would take a second longer."""
LOGGERS = ("layerwise", "streamlit", "streamlit.error_util", "streamlit.runtime", "uvicorn.error")
NO_DATABASE = "The database does not answer. Start it, or look at the address in LAYERWISE_DATABASE."


def _remember_theme() -> None:
    """Have the theme's message made once: Streamlit makes it anew for each tick of each viewer, a fifth of its cost."""
    made: dict[str, Any] = {}
    populate = app_session._populate_theme_msg  # noqa: SLF001 - there is no public way, and without it all still works

    def remembered(message: Any, section: str = "theme") -> None:
        if section not in made:
            made[section] = type(message)()
            populate(made[section], section)
        if made[section].ByteSize():  # merging an empty message would say that there is such a theme
            message.MergeFrom(made[section])

    app_session._populate_theme_msg = remembered  # noqa: SLF001  # ty: ignore[invalid-assignment]


_remember_theme()
# Or the first visit to a deep link would run a file of `pages/` without `app.py` around it.
PagesManager.uses_pages_directory = False


def _opened() -> Workspace:
    """Return the workspace with its database; what a person can mend ends the server with one sentence."""
    check_or_exit()
    workspace = Workspace.default()
    try:
        database(workspace)
    except (Refusal, OperationalError) as error:
        sys.stderr.write(f"{error if isinstance(error, Refusal) else NO_DATABASE}\n")
        sys.exit(2)
    return workspace


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncGenerator[None]:
    """Keep a supervisor alive for as long as this server lives, and say where the server is."""
    kept = logs.keep(_workspace, "server", LOGGERS, aloud=True)
    incidents.say_once()
    address, port = st.get_option("server.address") or "", st.get_option("server.port")
    tasks = [asyncio.create_task(work) for work in (announce(address, port), _keep_supervisor(), _load(), _tidy())]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(kept)
    kept.close()


async def _keep_supervisor() -> None:
    while True:
        try:
            await asyncio.to_thread(lambda: Executor(_workspace).ensure_supervisor())
        except (OSError, subprocess.SubprocessError, Unreachable):
            logging.getLogger("layerwise").exception("The supervisor could not be started; trying again.")
        await asyncio.sleep(WATCH_SECONDS)


async def _tidy() -> None:
    """Delete what is left of uploads that nobody goes on with."""
    while True:
        await asyncio.to_thread(uploads.sweep, _workspace)
        await asyncio.sleep(TIDY_SECONDS)


async def _load() -> None:
    for name in HEAVY:
        await asyncio.to_thread(importlib.import_module, name)


_workspace = _opened()
logs.discreet()
# So that signed cookies (log-in, upload tokens of Streamlit) outlive a restart.
config.set_option("server.cookieSecret", tokens.secret(_workspace.root / "cookie.secret").decode())
app = st.App(
    Path(__file__).resolve().parent / "app.py",
    lifespan=lifespan,
    middleware=[Middleware(Timed), Middleware(Guard), Middleware(WorkspaceCookie)],
    routes=[*routes(_workspace), *health_routes.routes(_workspace)],
    on_script_error=incidents.on_page,
    exception_handlers={Exception: incidents.on_route},
)
