"""What browsers send is streamed to disk for its owner alone; all else is refused with a status and a sentence."""

import asyncio
import json

import pytest
from starlette.applications import Starlette

from records import Workspace, uploads, usage
from ui import tokens, upload_routes
from ui.identity import owner_of

BATCH = "0123456789abcdef"
ADDRESS = f"/api/uploads/{BATCH}"
OWN = {"host": "class.test", "origin": "https://class.test", "cookie": "layerwise=ada"}
OWNER = owner_of({"layerwise": "ada"}) or ""


@pytest.fixture
def space(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    tokens.secret.cache_clear()
    return Workspace(tmp_path)


def minted(owner=OWNER, most=1_000_000, purpose=upload_routes.PURPOSE):
    return tokens.mint(purpose, owner, most=most, field="build_upload")


def call(space, method, path, blocks=(), headers=None, token=None, *, breaks=False):
    """Send one request through the app; returns the status and what was answered."""
    token = minted() if token is None else token
    told = OWN | {"x-upload-token": token} | (headers or {})
    app = Starlette(routes=upload_routes.routes(space))
    waiting = [{"type": "http.request", "body": block, "more_body": True} for block in blocks]
    waiting.append({"type": "http.disconnect"} if breaks else {"type": "http.request", "body": b"", "more_body": False})
    said = []

    async def receive():
        return waiting.pop(0)

    async def send(message):
        said.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in told.items() if value is not None],
        "scheme": "https", "server": ("class.test", 443), "client": ("10.0.0.1", 1), "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return said[0]["status"], json.loads(b"".join(each.get("body", b"") for each in said[1:]))


def begin(space, *files, **more):
    body = json.dumps({"files": [{"name": name, "size": size} for name, size in files]}).encode()
    return call(space, "POST", ADDRESS, [body], **more)


def put(space, content, offset, **more):
    return call(space, "PUT", f"{ADDRESS}/0", content, {"upload-offset": str(offset)} | more.pop("headers", {}), **more)


def arrived(space):
    file = uploads.finish(space, OWNER, BATCH)
    assert file is not None
    return file.read_bytes()


def test_a_file_is_sent_broken_off_and_gone_on_with(space):
    assert begin(space, ("rows.csv", 10)) == (200, {"offsets": [0]})
    status, _ = put(space, [b"012", b"34"], 0, breaks=True)
    assert status == 408
    assert call(space, "GET", ADDRESS, headers={"origin": None}) == (200, {"offsets": [5]}), "what came was kept"
    assert put(space, [b"56789"], 3)[0] == 409
    assert put(space, [b"567", b"89"], 5) == (200, {"offset": 10})
    assert arrived(space) == b"0123456789"


def test_a_large_file_is_written_block_by_block(space, monkeypatch):
    """Never more than a block and what the network gave is held."""
    blocks, sizes = [bytes([number]) * 300_000 for number in range(20)], []
    real = uploads.Part.append

    def append(part, block):
        sizes.append(len(block))
        real(part, block)

    monkeypatch.setattr(uploads.Part, "append", append)
    begin(space, ("rows.bin", 6_000_000), token=minted(most=10_000_000))
    assert put(space, blocks, 0) == (200, {"offset": 6_000_000})
    assert max(sizes) < upload_routes.BLOCK + 300_000
    assert arrived(space) == b"".join(blocks)


def test_a_cancelled_upload_leaves_nothing(space):
    begin(space, ("rows.csv", 10))
    put(space, [b"01"], 0)
    assert call(space, "DELETE", ADDRESS) == (200, {})
    assert call(space, "GET", ADDRESS) == (404, {"refused": uploads.GONE})
    assert list((space.root / "incoming" / OWNER).iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({"origin": "https://evil.test"}, tokens.ELSEWHERE),
        ({"origin": None}, tokens.ELSEWHERE),
        ({"origin": "null"}, tokens.ELSEWHERE),
        ({"origin": "https://class.test.evil.test"}, tokens.ELSEWHERE),
        ({"x-upload-token": None}, tokens.TOO_OLD),
        ({"x-upload-token": "x" * 200}, tokens.TOO_OLD),
        ({"cookie": "layerwise=eve"}, tokens.TOO_OLD),
        ({"cookie": None}, tokens.TOO_OLD),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nobody_else_sends_anything(space, method, headers, sentence):
    begin(space, ("rows.csv", 10))
    path = f"{ADDRESS}/0" if method == "PUT" else ADDRESS
    assert call(space, method, path, [b"0"], {"upload-offset": "0"} | headers) == (403, {"refused": sentence})
    assert uploads.offsets(space, OWNER, BATCH) == [0]


def test_a_token_for_something_else_opens_nothing(space):
    foreign = minted(owner_of({"layerwise": "eve"}))
    for token in (minted(purpose="class"), foreign):
        assert begin(space, ("rows.csv", 10), token=token) == (403, {"refused": tokens.TOO_OLD})


def test_an_old_token_asks_for_a_reload(space, monkeypatch):
    monkeypatch.setattr(upload_routes, "TOKEN_SECONDS", -1.0)
    assert begin(space, ("rows.csv", 10)) == (403, {"refused": tokens.TOO_OLD})


def test_what_is_too_large_is_413_and_a_full_disk_507(space, monkeypatch):
    status, told = begin(space, ("rows.csv", 2_000_000))
    assert (status, told["refused"]) == (
        413, "This file has 2 MB; the limit is 1 MB. Use a part of the data, or smaller files."
    )  # fmt: skip
    begin(space, ("rows.csv", 4))
    assert put(space, [b"01234"], 0)[0] == 413
    monkeypatch.setattr(uploads, "FREE_BYTES", 2**60)
    assert begin(space, ("more.csv", 10)) == (507, {"refused": uploads.NO_ROOM})


def test_the_quota_counts_what_is_there_and_what_is_still_to_come(space, monkeypatch):
    monkeypatch.setenv("LAYERWISE_QUOTA_DISK_MB", "1")
    (space.new_upload_folder(OWNER) / "old.csv").write_bytes(b"x" * 600_000)
    usage.forget(space, OWNER)
    status, told = begin(space, ("rows.csv", 500_000))
    assert status == 413
    assert told["refused"].startswith("This file has under 1 MB, but your storage has room for under 1 MB only.")
    assert begin(space, ("rows.csv", 300_000)) == (200, {"offsets": [0]})
    assert upload_routes.left_for(space, OWNER) == 100_000


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"files": []}', b'{"files": [{"name": 3, "size": 1}]}', b'{"files": [{"name": "a"}]}',
     b'{"files": [{"name": "a", "size": -1}]}', b'{"files": [{"name": "a", "size": 1e99}]}', b"[" * 100_000, b"\xff"],
)  # fmt: skip
def test_an_odd_list_is_refused_in_words(space, body):
    assert call(space, "POST", ADDRESS, [body]) == (400, {"refused": upload_routes.ODD_PLAN})


@pytest.mark.parametrize("offset", ["", "-1", "1e3", "9" * 30, None])
def test_an_odd_offset_is_refused_in_words(space, offset):
    begin(space, ("rows.csv", 10))
    assert put(space, [b"0"], 0, headers={"upload-offset": offset}) == (400, {"refused": upload_routes.ODD_PLAN})


def test_the_secret_is_for_this_server_alone_and_outlives_a_restart(space):
    token = minted()
    file = space.root / tokens.FILE
    assert file.stat().st_mode & 0o777 == 0o600
    tokens.secret.cache_clear()
    assert tokens.read(upload_routes.PURPOSE, token, 60)["owner"] == OWNER
    assert [path.name for path in space.root.glob("token*")] == [tokens.FILE]
