"""Who is looking: every browser gets an unguessable workspace of its own, by a cookie that no script can read.

The server around the pages (`asgi.py`) hands the cookie out. Its hash is a *session*; as long as `records.people` says
nothing else, the session is its own owner. Recovery words and signing in make it the session of another owner, and an
ended one opens nothing any more. Under a bare `streamlit run app.py` nobody hands out cookies; then there is one
owner, `local`, and only on an address that no other machine can reach.

Where a reverse proxy signs people in (`user_header`), the middleware puts a cookie made from the proxy's header in the
place of the browser's own, so that all below knows one way only.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recipes import Refusal
from recipes.configuration import configuration
from records import Workspace, audit
from records.people import People
from ui import tokens

COOKIE = "layerwise"
LOCAL = "local"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ONE_YEAR = 31_536_000
FRESH_SECONDS = 2.0
"""How long a server may not know that a session was ended through another server of the same workspace."""
ENDED = "This workspace was closed in this browser. Reload the page to begin a new one."
NO_PACKAGES = (
    "Signing in is set up here, but what it needs is missing. Whoever runs this server has to install streamlit[auth]."
)
SIGNED_OUT = "You are signed out. Reload the page to go on."


def current_user() -> str:
    """Name the owner of whatever this visitor makes."""
    session = session_of(st.context.cookies)
    if session is not None:
        return _visitor(session)
    if WorkspaceCookie.is_installed:
        raise Refusal("Your browser keeps no cookie for this page, so your runs would be lost. Allow it and reload.")
    if st.get_option("server.address") not in LOOPBACK:
        raise Refusal(
            "This server can be reached from other machines: start it with `make run`, which tells visitors apart."
        )
    return LOCAL


def owner_of(cookies: Mapping[str, str]) -> str | None:
    """Name the owner that a cookie stands for; None without one, and for one whose session was ended."""
    session = session_of(cookies)
    return _known(session)[0] if session is not None else None


def session_of(cookies: Mapping[str, str]) -> str | None:
    """Name the session of a cookie; it is any text the browser likes, so only its hash is used."""
    cookie = cookies.get(COOKIE)
    return hashlib.sha256(cookie.encode()).hexdigest() if cookie else None


def people() -> People:
    """Return the sessions and words of this installation."""
    return People(Workspace.default())


def address() -> str:
    """Name where a visitor comes from, for counting wrong tries."""
    return st.context.ip_address or "this machine"


# Signing in


def can_sign_in() -> bool:
    """Is an OpenID provider set up in `[auth]` of `.streamlit/secrets.toml`? Raises `Refusal` where half of it is."""
    if not (st.secrets.load_if_toml_exists() and "auth" in st.secrets):
        return False
    if any(find_spec(name) is None for name in ("authlib", "httpx")):
        raise Refusal(NO_PACKAGES)
    return True


def account(issuer: str, subject: str) -> str:
    """Name the owner that stands for a person of an OpenID provider: never the e-mail address, which may change."""
    return hashlib.sha256(json.dumps(["openid", issuer, subject]).encode()).hexdigest()


def is_signed_in() -> bool:
    """Has this visitor signed in?"""
    return can_sign_in() and bool(st.user.is_logged_in)


def sign_out() -> None:
    """End this browser's session here and with the provider's cookie. For callbacks."""
    session = session_of(st.context.cookies)
    if session is not None:
        owner = owner_of(st.context.cookies)
        end(session)
        audit.note(Workspace.default(), owner or session, "signed out")
    if is_signed_in():
        st.logout()


def end(session: str) -> None:
    """End a session, here at once."""
    people().end(session)
    forget()


def forget() -> None:
    """Ask the database again who is who."""
    _asked.cache_clear()


def _visitor(session: str) -> str:
    owner, kind = _known(session)
    if owner is None:
        raise Refusal(ENDED)
    if not can_sign_in():
        return owner
    if st.user.is_logged_in:
        signed_in = account(str(st.user.get("iss", "")), str(st.user.get("sub", "")))
        if owner != signed_in:
            # The provider's cookie lives for a month: one from before "Sign out everywhere else" opens nothing new.
            ended = people().ended(signed_in)
            if ended and float(str(st.user.get("iat") or 0)) <= ended:
                st.logout()
                raise Refusal(SIGNED_OUT)
            people().begin(session, signed_in, "signed in")
            forget()
            audit.note(Workspace.default(), signed_in, "signed in")
        return signed_in
    if kind == "signed in":  # the provider's cookie is gone: what it opened closes with it
        end(session)
        raise Refusal(SIGNED_OUT)
    return owner


def _known(session: str) -> tuple[str | None, str]:
    return _asked(Workspace.default(), session, int(time.monotonic() / FRESH_SECONDS))


@lru_cache(maxsize=4096)
def _asked(workspace: Workspace, session: str, _moment: int) -> tuple[str | None, str]:
    return People(workspace).session(session)


# The server around the pages


class WorkspaceCookie:
    """Give every browser its workspace with the first page; the headers that keep it safe are `ui/guard.py`'s."""

    is_installed = False

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        type(self).is_installed = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; add to what goes back."""
        header = configuration().user_header
        if header and scope["type"] in ("http", "websocket"):
            scope = _as_the_proxy_says(scope, header)
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookie = "" if header else await run_in_threadpool(_new_cookie, scope)

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_more if cookie else send)


def fresh_cookie(scope: Scope) -> tuple[str, str]:
    """Return a new secret for a browser, and the header that gives it away."""
    secret = secrets.token_urlsafe(16)
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return secret, f"{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={ONE_YEAR}{secure}"


def _new_cookie(scope: Scope) -> str:
    """Return the cookie for a browser that asks for a page and has none that opens anything, else nothing."""
    headers: dict[bytes, Any] = dict(scope["headers"])
    wants_page = b"text/html" in headers.get(b"accept", b"")
    if not wants_page or owner_of(cookie_parser(headers.get(b"cookie", b"").decode("latin-1"))):
        return ""
    return fresh_cookie(scope)[1]


def _as_the_proxy_says(scope: Scope, header: str) -> Scope:
    """Put a cookie that only this server can make in the place of the browser's own; nobody named, no cookie."""
    name = header.lower().encode()
    named = [value for key, value in scope["headers"] if key == name]
    kept = [(key, value) for key, value in scope["headers"] if key not in (b"cookie", name)]
    others = b"; ".join(
        part.strip()
        for key, value in scope["headers"]
        if key == b"cookie"
        for part in value.split(b";")
        if part.strip().partition(b"=")[0].strip() != COOKIE.encode()
    )
    if len(named) == 1 and named[0].strip():  # two of them: one was sent by the browser
        own = f"{COOKIE}={_proxied(named[0].strip())}".encode()
        others = b"; ".join(filter(None, (others, own)))
    return dict(scope) | {"headers": [*kept, (b"cookie", others)] if others else kept}


def _proxied(user: bytes) -> str:
    return hmac.new(
        tokens.secret(Workspace.default().root / tokens.FILE), b"proxy user\n" + user, hashlib.sha256
    ).hexdigest()
