"""The door of the server: who may ask, under which name, and what every answer carries so that browsers keep it safe.

A request is refused under a foreign name (a website whose name somebody has pointed at this machine), and so is what
another website makes a browser send here. `LAYERWISE_ALLOWED_HOSTS` names the names; without it, a connection that
comes in over this machine's own address must say `localhost` or `127.0.0.1`.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import streamlit
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recipes.configuration import configuration

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FORWARDED = ("x-forwarded-for", "x-real-ip", "forwarded", "via")
"""What a proxy adds: the visitor is then somebody else than who is connected."""
PRIVATE = ("/api/", "/media/", "/_stcore/upload_file")
"""Below these addresses lie people's data; no cache may keep a copy."""
LOCAL_ONLY = ("/_stcore/metrics", "/_stcore/script-health-check")
CHANGES = ("POST", "PUT", "PATCH", "DELETE")
CONTENT = (
    "default-src 'self'; script-src 'self' blob: 'unsafe-eval'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:{sockets}; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
"""Nothing from elsewhere, and no script inside a page but Streamlit's own, named by its hash. Vega compiles its
expressions (`unsafe-eval`), components come as a `blob:`, Streamlit writes its styles into the page; some browsers want
the address of the websocket in full."""
SAFE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=()",
}
PLAIN_HOST = re.compile(r"[\w.-]+(:\d+)?|\[[\da-f:]+\](:\d+)?")
INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
ONE_YEAR = "max-age=31536000"
FOREIGN_NAME = (
    "This server does not answer to the name '{name}'. Whoever runs it can allow that name with the setting "
    "LAYERWISE_ALLOWED_HOSTS."
)
ELSEWHERE = "This was sent from another website, so it was not done. Open the page itself and try again."
NOT_HERE = "There is nothing here."


class Guard:
    """Refuses what may not come in, and adds to what goes out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        answer = _refusal(scope)
        if answer is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), scope)
            await send(message)

        await (answer or self._app)(scope, receive, send_safely)


def is_local(scope: Scope) -> bool:
    """Say whether somebody on this very machine asks, not through a proxy."""
    client, headers = scope.get("client"), Headers(scope=scope)
    return bool(client) and client[0] in LOOPBACK and not any(name in headers for name in FORWARDED)


def may_look_inside(scope: Scope) -> bool:
    """Say whether somebody may read numbers of the whole server: from this machine, or with the token."""
    token = configuration().metrics_token
    told = Headers(scope=scope).get("authorization", "").removeprefix("Bearer ")
    return is_local(scope) or (bool(token) and secrets.compare_digest(told.encode(), token.encode()))


def is_known(host: str, server: str) -> bool:
    """Say whether the server answers to this `Host`; `server` is its address that the connection came in on."""
    name = _name(host)
    patterns = [told.strip().lower() for told in configuration().allowed_hosts.split(",") if told.strip()]
    if not name:
        return False
    if name in LOOPBACK or "*" in patterns:
        return True
    if not patterns:
        return server not in LOOPBACK
    return any(name == each.strip("[]") or (each.startswith("*.") and name.endswith(each[1:])) for each in patterns)


def _refusal(scope: Scope) -> PlainTextResponse | None:
    headers = Headers(scope=scope)
    host, server = headers.get("host", ""), (scope.get("server") or ("",))[0]
    if not is_known(host, server):
        shown = "".join(letter for letter in host[:80] if letter.isprintable())
        return PlainTextResponse(FOREIGN_NAME.format(name=shown), status_code=400)
    if scope["path"].rstrip("/") in LOCAL_ONLY and not may_look_inside(scope):
        return PlainTextResponse(NOT_HERE, status_code=404)
    if not _is_from_here(scope, headers, host):
        return PlainTextResponse(ELSEWHERE, status_code=403)
    return None


def _is_from_here(scope: Scope, headers: Mapping[str, str], host: str) -> bool:
    """A websocket must say which page opened it; what changes something must not come from another website."""
    changes = scope["type"] == "websocket" or scope["method"] in CHANGES
    if not changes:
        return True
    if headers.get("sec-fetch-site", "same-origin") == "cross-site":
        return False
    origin = headers.get("origin")
    if origin is None:
        return scope["type"] == "http"  # a program, which carries nobody's cookies by itself
    try:
        told = urlsplit(origin)
        return told.scheme in ("http", "https") and told.netloc.lower() == host.lower()
    except ValueError:
        return False


def _name(host: str) -> str:
    """Return the name in a `Host` header in small letters, without the port; nothing for an impossible one."""
    try:
        told = urlsplit(f"//{host}")
        if told.path or told.query or told.fragment or "@" in host or (told.port or 0) < 0:
            return ""
    except ValueError:
        return ""
    return (told.hostname or "").rstrip(".")


@cache
def _scripts() -> str:
    """Name the scripts that stand in Streamlit's empty page, by their hashes."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    hashes = [hashlib.sha256(script.encode()).digest() for script in INLINE.findall(page)]
    return "".join(f" 'sha256-{base64.b64encode(told).decode()}'" for told in hashes)


def _dress(headers: MutableHeaders, scope: Scope) -> None:
    for name, value in SAFE.items():
        headers[name] = value
    host = Headers(scope=scope).get("host", "")
    sockets = f" ws://{host} wss://{host}" if PLAIN_HOST.fullmatch(host) else ""
    headers["content-security-policy"] = CONTENT.format(sockets=sockets, scripts=_scripts())
    if scope.get("scheme") == "https":
        headers["strict-transport-security"] = ONE_YEAR
    if scope["path"].startswith(PRIVATE):
        headers["cache-control"] = "no-store"
