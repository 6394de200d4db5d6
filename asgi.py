"""The server around the pages: `streamlit run asgi.py`, or `uvicorn asgi:app`."""

import asyncio
import importlib
import logging
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime import app_session
from streamlit.runtime.pages_manager import PagesManager

from records import Workspace
from training.executor import Executor
from ui.identity import WorkspaceCookie
from ui.routes import routes
from ui.serve import announce

WATCH_SECONDS = 2.0
HEAVY = ("pandas", "pyarrow", "plotly.graph_objects")
"""Imported while nobody waits: the first chart would take a second longer."""


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


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncGenerator[None]:
    """Keep a supervisor alive for as long as this server lives, and say where the server is."""
    address, port = st.get_option("server.address") or "", st.get_option("server.port")
    tasks = [asyncio.create_task(work) for work in (announce(address, port), _keep_supervisor(), _load())]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_supervisor() -> None:
    executor = await asyncio.to_thread(lambda: Executor(Workspace.default()))
    while True:
        try:
            await asyncio.to_thread(executor.ensure_supervisor)
        except (OSError, subprocess.SubprocessError):
            logging.getLogger("layerwise").exception("The supervisor could not be started; trying again.")
        await asyncio.sleep(WATCH_SECONDS)


async def _load() -> None:
    for name in HEAVY:
        await asyncio.to_thread(importlib.import_module, name)


app = st.App(
    Path(__file__).resolve().parent / "app.py",
    lifespan=lifespan,
    middleware=[Middleware(WorkspaceCookie)],
    routes=routes(Workspace.default()),
)
