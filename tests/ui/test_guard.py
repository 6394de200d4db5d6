"""The door: which names, which pages and which neighbours are let in."""

import asyncio

import pytest

from ui import guard

HERE = "127.0.0.1"


def asked(host, *, server="127.0.0.1", kind="http", method="GET", path="/", client=HERE, **headers):
    """Send one request through the door; returns (status, headers, text). A websocket answers 101 or 403."""
    said = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind, "path": path, "method": method, "scheme": "http", "server": (server, 8501), "client": (client, 5),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in said.items()], "query_string": b"",
    }  # fmt: skip
    messages = []

    async def inside(_scope, _receive, send):
        if kind == "websocket":
            await send({"type": "websocket.accept"})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"inside"})

    async def send(message):
        messages.append(message)

    async def nothing():
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(guard.Guard(inside)(scope, nothing, send))
    if kind == "websocket":
        return 101 if messages[0]["type"] == "websocket.accept" else 403
    told = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return messages[0]["status"], told, b"".join(each.get("body", b"") for each in messages[1:]).decode()


LOCAL_NAMES = ["127.0.0.1", "127.0.0.1:8501", "localhost", "LOCALHOST:8501", "[::1]:8501", "localhost.:8501"]
FOREIGN = [
    "evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example",
    "", "127.0.0.1:port", "127.0.0.1/evil", "127.0.0.1?x", "[::1", "evil.example\x00127.0.0.1", "127.0.0.1:99999",
    "2130706433", "0x7f.1",
]  # fmt: skip


@pytest.mark.parametrize("host", LOCAL_NAMES)
def test_this_machine_is_known_by_its_own_names(host):
    assert asked(host)[0] == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_somebody_pointed_at_this_machine_is_refused(host):
    status, headers, text = asked(host)
    assert status == 400
    assert text.endswith("Whoever runs it can allow that name with the setting LAYERWISE_ALLOWED_HOSTS.")
    assert headers["content-type"].startswith("text/plain")
    assert asked(host, kind="websocket", origin=f"http://{host}") == 403


def test_without_a_list_a_server_on_the_network_takes_any_name():
    assert asked("lab-pc:8501", server="10.0.0.7")[0] == 200
    assert asked("10.0.0.7:8501", server="10.0.0.7")[0] == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("learn.example.org", 200), ("LEARN.example.org:443", 200), ("a.lab.example.org", 200), ("127.0.0.1:8501", 200),
        ("lab.example.org", 400), ("learn.example.org.evil.example", 400), ("xlearn.example.org", 400),
        ("10.0.0.7", 400), ("evil.example", 400),
    ],
)  # fmt: skip
@pytest.mark.parametrize("server", ["127.0.0.1", "10.0.0.7"])
def test_a_list_of_names_is_obeyed(host, status, server, monkeypatch):
    monkeypatch.setenv("LAYERWISE_ALLOWED_HOSTS", "learn.example.org, *.lab.example.org")
    assert asked(host, server=server)[0] == status


ORIGINS = [
    ("http://127.0.0.1:8501", 101), ("https://127.0.0.1:8501", 101), ("http://127.0.0.1:9999", 403),
    ("http://evil.example", 403), ("http://127.0.0.1:8501.evil.example", 403), ("null", 403), ("", 403),
    ("file://127.0.0.1:8501", 403), ("http://evil@127.0.0.1:8501", 403), ("http://[::1", 403), (None, 403),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "status"), ORIGINS)
def test_a_live_connection_is_for_the_page_itself_only(origin, status):
    """Also one that names no page at all: every browser names it."""
    headers = {} if origin is None else {"origin": origin}
    assert asked("127.0.0.1:8501", kind="websocket", path="/_stcore/stream", **headers) == status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_website_changes_nothing(method):
    for headers in ({"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}, {"origin": "null"}):
        status, _, text = asked("127.0.0.1:8501", method=method, path="/api/uploads/x", **headers)
        assert (status, text) == (403, guard.ELSEWHERE)
    assert (
        asked("127.0.0.1:8501", method=method, origin="http://127.0.0.1:8501", sec_fetch_site="same-origin")[0] == 200
    )
    assert asked("127.0.0.1:8501", method=method)[0] == 200  # a program: it carries nobody's cookie


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/metrics/", "/_stcore/script-health-check"])
def test_numbers_of_the_server_are_for_this_machine(path, monkeypatch):
    assert asked("localhost", path=path)[0] == 200
    assert asked("10.0.0.7", server="10.0.0.7", path=path, client="10.0.0.9")[0] == 404
    for name in guard.FORWARDED:  # a proxy on this machine asks for somebody else
        assert asked("localhost", path=path, **{name.replace("-", "_"): "1.2.3.4"})[0] == 404
    monkeypatch.setenv("LAYERWISE_METRICS_TOKEN", "right")
    far = {"server": "10.0.0.7", "client": "10.0.0.9", "path": path}
    assert asked("10.0.0.7", authorization="Bearer right", **far)[0] == 200
    assert asked("10.0.0.7", authorization="Bearer wrong", **far)[0] == 404
    assert asked("10.0.0.7", authorization="Bearer ", **far)[0] == 404


def test_without_a_token_no_empty_token_opens():
    assert (
        asked("10.0.0.7", server="10.0.0.7", client="10.0.0.9", path="/_stcore/metrics", authorization="Bearer ")[0]
        == 404
    )


def test_nothing_from_elsewhere_runs_in_a_page():
    policy = asked("localhost:8501")[1]["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'self'"
    assert "'unsafe-inline'" not in parts["script-src"]
    assert "*" not in policy
    assert "http:" not in policy.replace("ws://localhost:8501", "")
    assert parts["object-src"] == "'none'"
    assert parts["connect-src"] == "'self' data: blob: ws://localhost:8501 wss://localhost:8501"


def test_a_name_writes_nothing_into_the_policy():
    policy = asked("x;script-src *", server="10.0.0.7")[1]["content-security-policy"]
    assert "script-src *" not in policy


def test_no_cache_keeps_what_belongs_to_somebody():
    for path in ("/api/runs/1/files/model.keras", "/media/abc.png", "/_stcore/upload_file/1/2"):
        assert asked("localhost", path=path)[1]["cache-control"] == "no-store"
    assert "cache-control" not in asked("localhost", path="/static/js/index.js")[1]
