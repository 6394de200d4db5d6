"""Who is looking: every browser gets an unguessable workspace of its own, by a cookie that no script can read.

The server around the pages (`asgi.py`) hands the cookie out. Under a bare `streamlit run app.py` nobody does; then
there is one owner, `local`, and only on an address that no other machine can reach.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recipes import Refusal

COOKIE = "layerwise"
LOCAL = "local"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ONE_YEAR = 31_536_000
SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": "frame-ancestors 'self'",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=()",
}
"""Headers of every answer. A stricter content policy would stop the charts, which compile their expressions."""


def current_user() -> str:
    """Name the owner of whatever this visitor makes."""
    owner = owner_of(st.context.cookies)
    if owner is not None:
        return owner
    if WorkspaceCookie.is_installed:
        raise Refusal("Your browser keeps no cookie for this page, so your runs would be lost. Allow it and reload.")
    if st.get_option("server.address") not in LOOPBACK:
        raise Refusal(
            "This server can be reached from other machines: start it with `make run`, which tells visitors apart."
        )
    return LOCAL


def owner_of(cookies: Mapping[str, str]) -> str | None:
    """Name the owner that a cookie stands for; it is any text the browser likes, so only its hash is used."""
    cookie = cookies.get(COOKIE)
    return hashlib.sha256(cookie.encode()).hexdigest() if cookie else None


class WorkspaceCookie:
    """Give every browser its workspace with the first page, and every answer the headers that keep it safe."""

    is_installed = False

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        type(self).is_installed = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; add to what goes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookie = _new_cookie(scope)

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SAFE.items():
                    headers.setdefault(name, value)
                if cookie:
                    headers.append("set-cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_more)


def _new_cookie(scope: Scope) -> str:
    """Return the cookie for a browser that asks for a page and has none, else nothing."""
    headers: dict[bytes, Any] = dict(scope["headers"])
    wants_page = b"text/html" in headers.get(b"accept", b"")
    if not wants_page or owner_of(cookie_parser(headers.get(b"cookie", b"").decode("latin-1"))):
        return ""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return f"{COOKIE}={secrets.token_urlsafe(16)}; Path=/; HttpOnly; SameSite=Lax; Max-Age={ONE_YEAR}{secure}"
