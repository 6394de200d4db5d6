"""Who is who: cookies, ended sessions, signing in with a provider, a proxy that names people."""

import asyncio
import hashlib

import pytest

from recipes import Refusal
from records import Workspace
from records.people import People
from ui import identity, people_routes, tokens

COOKIE = "secret"
SESSION = hashlib.sha256(COOKIE.encode()).hexdigest()


class User(dict):
    """What Streamlit knows of a person who has signed in."""

    @property
    def is_logged_in(self):
        return bool(self)


class Context:
    def __init__(self):
        self.cookies = {"layerwise": COOKIE}
        self.ip_address = None


@pytest.fixture(autouse=True)
def people(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr(identity.st, "context", Context())
    monkeypatch.setattr(identity, "can_sign_in", lambda: False)
    identity.forget()
    return People(Workspace(tmp_path))


def sign_in(monkeypatch, **claims):
    monkeypatch.setattr(identity, "can_sign_in", lambda: True)
    monkeypatch.setattr(identity.st, "user", User(claims))


def test_a_browser_is_its_own_owner():
    assert identity.current_user() == identity.owner_of({"layerwise": COOKIE}) == SESSION


def test_an_ended_session_is_told_and_opens_nothing():
    identity.end(SESSION)
    assert identity.owner_of({"layerwise": COOKIE}) is None
    with pytest.raises(Refusal) as refused:
        identity.current_user()
    assert str(refused.value) == "This workspace was closed in this browser. Reload the page to begin a new one."


def test_whoever_signs_in_is_the_same_in_every_browser(monkeypatch):
    """The e-mail address may change; issuer and subject do not. Routes know the person by the cookie alone."""
    sign_in(monkeypatch, iss="https://one.test", sub="ada", email="ada@one.test")
    ada = identity.current_user()
    assert ada == identity.account("https://one.test", "ada") == identity.owner_of({"layerwise": COOKIE})
    monkeypatch.setattr(identity.st.context, "cookies", {"layerwise": "another browser"})
    sign_in(monkeypatch, iss="https://one.test", sub="ada", email="countess@one.test")
    assert identity.current_user() == ada
    sign_in(monkeypatch, iss="https://two.test", sub="ada")
    monkeypatch.setattr(identity.st.context, "cookies", {"layerwise": "third browser"})
    assert identity.current_user() != ada


def test_an_issuer_and_a_subject_cannot_be_shifted_into_each_other():
    assert identity.account("https://one.test", "a\nb") != identity.account("https://one.test\na", "b")


def test_signing_out_ends_the_session_too(monkeypatch):
    sign_in(monkeypatch, iss="https://one.test", sub="ada")
    identity.current_user()
    ended = []
    monkeypatch.setattr(identity.st, "logout", lambda: ended.append(True))
    identity.sign_out()
    assert ended == [True]
    assert identity.owner_of({"layerwise": COOKIE}) is None


def test_signing_out_elsewhere_holds_against_the_providers_month_long_cookie(people, monkeypatch):
    """There, a new cookie of ours would otherwise open the account again at the next reload."""
    sign_in(monkeypatch, iss="https://one.test", sub="ada", iat=1_000)
    ada = identity.current_user()
    people.end_others(ada, SESSION)
    assert identity.current_user() == ada
    monkeypatch.setattr(identity.st.context, "cookies", {"layerwise": "another browser"})
    left = []
    monkeypatch.setattr(identity.st, "logout", lambda: left.append(True))
    with pytest.raises(Refusal, match="You are signed out"):
        identity.current_user()
    assert left == [True]
    sign_in(monkeypatch, iss="https://one.test", sub="ada", iat=9e9)
    assert identity.current_user() == ada


def test_a_lost_sign_in_closes_what_it_opened(monkeypatch):
    """The provider's cookie is gone: ours alone must not open the account any longer."""
    sign_in(monkeypatch, iss="https://one.test", sub="ada")
    identity.current_user()
    sign_in(monkeypatch)
    with pytest.raises(Refusal) as refused:
        identity.current_user()
    assert str(refused.value) == "You are signed out. Reload the page to go on."
    assert identity.owner_of({"layerwise": COOKIE}) is None


def test_a_visitor_who_never_signed_in_stays_anonymous(monkeypatch):
    sign_in(monkeypatch)
    assert identity.current_user() == SESSION


def test_half_a_sign_in_is_told_and_lets_nobody_in(monkeypatch):
    """Or a server that was meant for known people would quietly be open to all."""
    monkeypatch.undo()

    class Secrets(dict):
        def load_if_toml_exists(self):
            return True

    monkeypatch.setattr(identity.st, "secrets", Secrets(auth={}))
    monkeypatch.setattr(identity, "find_spec", lambda _: None)
    with pytest.raises(Refusal) as refused:
        identity.can_sign_in()
    assert str(refused.value) == (
        "Signing in is set up here, but what it needs is missing. "
        "Whoever runs this server has to install streamlit[auth]."
    )
    monkeypatch.setattr(identity.st, "secrets", Secrets())
    assert not identity.can_sign_in()


def seen(headers, kind="http"):
    """Return the cookies that what lies behind the middleware sees."""
    told = {}

    async def app(scope, _receive, _send):
        told.update(dict(scope["headers"]))

    async def receive():
        return {"type": "http.request"}

    async def send(_message):
        pass

    scope = {"type": kind, "headers": [(name.encode(), value.encode()) for name, value in headers]}
    asyncio.run(identity.WorkspaceCookie(app)(scope, receive, send))
    return told


@pytest.fixture
def proxy(monkeypatch):
    monkeypatch.setenv("LAYERWISE_USER_HEADER", "X-Forwarded-User")


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_proxy_names_who_it_is(kind):
    """Whatever cookie the browser has of ours is thrown away; other cookies stay."""
    first = seen([("x-forwarded-user", "ada"), ("cookie", "layerwise=stolen; theme=dark")], kind)
    again = seen([("x-forwarded-user", "ada")], kind)
    other = seen([("x-forwarded-user", "eve")], kind)
    mine = first[b"cookie"].decode().split("; ")
    assert mine[0] == "theme=dark"
    assert again[b"cookie"].decode() == mine[1] != other[b"cookie"].decode()
    assert "stolen" not in mine[1]
    assert b"x-forwarded-user" not in first


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize("named", [[], [("x-forwarded-user", " ")], [("x-forwarded-user", "ada")] * 2])
def test_nobody_named_or_two_is_nobody(named):
    assert b"cookie" not in seen([*named, ("cookie", "layerwise=stolen")])


def test_without_a_proxy_its_header_means_nothing():
    assert seen([("x-forwarded-user", "ada"), ("cookie", "layerwise=mine")])[b"cookie"] == b"layerwise=mine"


# Opening a workspace with words


class Request:
    def __init__(self, cookie=COOKIE, origin="http://here.test"):
        self.cookies = {"layerwise": cookie}
        self.headers = {"origin": origin, "host": "here.test"}
        self.scope = {"scheme": "http"}


def opened(tmp_path, token, request):
    answer = people_routes._enter(Workspace(tmp_path), token, request)
    return answer.status_code, answer.headers.get("set-cookie", "")


def test_words_give_this_browser_a_new_cookie_for_that_workspace(tmp_path):
    token = tokens.mint(people_routes.OPEN, SESSION, opens="ada's workspace")
    status, cookie = opened(tmp_path, token, Request())
    assert status == 204
    assert "HttpOnly; SameSite=Lax" in cookie
    secret = cookie.split(";")[0].removeprefix("layerwise=")
    assert identity.owner_of({"layerwise": secret}) == "ada's workspace"


@pytest.mark.parametrize(
    ("purpose", "request_"),
    [
        (people_routes.OPEN, Request(cookie="another browser")),
        (people_routes.OPEN, Request(origin="http://elsewhere.test")),
        ("upload", Request()),
    ],
)
def test_a_token_opens_only_where_it_was_asked_for(tmp_path, purpose, request_):
    token = tokens.mint(purpose, SESSION, opens="ada's workspace")
    assert opened(tmp_path, token, request_) == (403, "")
