"""The server around the pages: who is who, what may be downloaded, and that a restart loses nothing."""

import hashlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from recipes import Recipe, Refusal
from records import Run, Workspace, backup, write_json
from records.catalogue import RunRow
from records.database import NEWER
from training import marks
from training.executor import Executor, supervisor_lives
from ui import identity, serve
from ui.guard import FOREIGN_NAME

ROOT = Path(__file__).resolve().parents[1]
NOT_HERE = "There is no such run. Open it again from the Runs page."


class Server:
    """The real server in its own process."""

    def __init__(self, root):
        self.workspace = Workspace(root)
        environment = os.environ | {"LAYERWISE_WORKSPACE": str(root), "LAYERWISE_IDLE_SECONDS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ui.serve", "--port", str(serve.free_port("127.0.0.1", 8760))],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        output = self.process.stdout
        assert output is not None
        self.output = output
        self.said = []
        while "open at" not in "".join(self.said):
            self.said.append(self.output.readline())
            assert self.said[-1], "the server ended"
        self.url = re.findall(r"http://[\w.:]+", self.said[-1])[0]

    def get(self, path, cookie="", accept="*/*", **more):
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=20)
        connection.request("GET", path, headers={"cookie": cookie, "accept": accept, **more})
        answer = connection.getresponse()
        told = answer.status, answer.headers, answer.read()
        connection.close()
        return told

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(timeout=20)
        self.output.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server") / "workspace")
    yield server
    server.end()
    wait_for(lambda: marks.is_free(marks.supervisor_lock(server.workspace), shared=True), 40)


@pytest.fixture(scope="module")
def run(server):
    """A finished run of the browser with the cookie `layerwise=ada`."""
    executor = Executor(server.workspace)
    owner = hashlib.sha256(b"ada").hexdigest()
    name = executor.submit(Recipe.parse("data: {sample: penguins}\ntraining: {epochs: 1}"), owner)
    executor.cancel(name, owner)
    folder = server.workspace.run_folder(name)
    (folder / "deliverables").mkdir(exist_ok=True)
    (folder / "deliverables" / "model.keras").write_bytes(b"weights")
    told = {"file": "deliverables/model.keras", "bytes": 7, "checked": True}
    write_json(folder / "deliverables.json", {"model": told})
    return name


def wait_for(reached, seconds):
    last = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < last, "it never happened"
        time.sleep(0.05)


def test_says_where_it_is_in_one_line(server):
    assert [line for line in server.said if "127.0.0.1" in line] == [
        f"Layerwise is open at {server.url}  (Ctrl-C ends it; running trainings go on)\n"
    ]


def test_takes_the_next_port_where_one_is_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert serve.free_port("127.0.0.1", taken) > taken


def test_every_browser_gets_its_own_unguessable_cookie(server):
    cookies = [server.get("/run?run=abc", accept="text/html")[1]["set-cookie"] for _ in range(2)]
    assert all(
        re.fullmatch(r"layerwise=[\w-]{22}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000", c) for c in cookies
    )
    assert cookies[0] != cookies[1]


def test_a_cookie_is_kept_for_good(server):
    assert "set-cookie" not in server.get("/", cookie="layerwise=ada", accept="text/html")[1]


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/api/runs/none/files/recipe.yaml"])
def test_every_answer_wears_the_safe_headers(server, path):
    headers = server.get(path)[1]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["content-security-policy"].startswith("default-src 'self'; ")
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert "strict-transport-security" not in headers  # not without TLS


def test_says_whether_it_is_well(server):
    """To everybody whether, to this machine also why not."""
    assert server.get("/api/health/live")[::2] == (200, b'{"live":true}')
    wait_for(lambda: server.get("/api/health")[0] == 200, 20)
    status, headers, body = server.get("/api/health")
    assert (status, json.loads(body)) == (200, {"live": True, "ready": True, "troubles": {}})
    assert headers["cache-control"] == "no-store"
    assert json.loads(server.get("/api/health", forwarded="for=1.2.3.4")[2]) == {"live": True, "ready": True}


def test_counts_what_goes_on(server, run):
    status, headers, body = server.get("/api/metrics")
    numbers = dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert float(numbers["layerwise_disk_free_bytes"]) > 0
    assert float(numbers['layerwise_request_seconds_count{part="page",status="2xx"}']) > 0
    assert float(numbers["layerwise_slots"]) > 0
    assert sum(float(value) for name, value in numbers.items() if name.startswith("layerwise_runs{")) >= 1
    assert {"layerwise_queue_length", "layerwise_queue_wait_seconds", "layerwise_worker_memory_bytes"} <= set(numbers)
    assert run not in body.decode()
    assert server.get("/api/metrics", forwarded="for=1.2.3.4")[::2] == (404, b"There is nothing here.")


def test_a_live_connection_must_name_its_page(server):
    host = server.url.removeprefix("http://")
    answers = []
    for origin in ([f"Origin: http://{host}"], ["Origin: http://evil.example"], []):
        lines = [
            "GET /_stcore/stream HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *origin, "", "",
        ]  # fmt: skip
        with socket.create_connection(host.split(":"), timeout=20) as connection:
            connection.sendall("\r\n".join(lines).encode())
            answers.append(connection.recv(12).decode())
    assert answers == ["HTTP/1.1 101", "HTTP/1.1 403", "HTTP/1.1 403"]


def test_answers_to_its_own_name_only(server):
    status, _, body = server.get("/", host="evil.example")
    assert (status, body.decode()) == (400, FOREIGN_NAME.format(name="evil.example"))


OUT = (
    "/app/static/../app.py", "/app/static/%2e%2e/app.py", "/app/static/..%2f..%2fetc/passwd", "//etc/passwd",
    "/static/..%2f..%2fapp.py", "/media/../catalogue.db", "/api/runs/../../etc/passwd", "/app/static/fonts/%00",
    "/component/x/..%2f..%2fapp.py", "/app/static/%5c..%5capp.py",
)  # fmt: skip


@pytest.mark.parametrize("path", OUT)
def test_no_path_leads_out(server, path):
    """Either nothing is there, or it is Streamlit's own empty page."""
    status, headers, body = server.get(path)
    assert status in (400, 404) or headers["content-type"].startswith("text/html")
    assert not re.search(rb"root:|set_page_config|SQLite format", body)


def test_a_catalogue_of_a_newer_layerwise_ends_the_start_with_a_sentence(tmp_path):
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        connection.executescript(
            "CREATE TABLE alembic_version (version_num VARCHAR(32)); INSERT INTO alembic_version VALUES ('0999_later')"
        )
    environment = os.environ | {"LAYERWISE_WORKSPACE": str(tmp_path)}
    command = [sys.executable, "-m", "ui.serve", "--port", str(serve.free_port("127.0.0.1", 8790))]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (2, f"{NEWER}\n")


def test_the_owner_downloads(server, run):
    status, headers, body = server.get(f"/api/runs/{run}/files/model.keras", cookie="layerwise=ada")
    assert (status, body) == (200, b"weights")
    assert headers["content-disposition"] == 'attachment; filename="model.keras"'
    status, headers, body = server.get(f"/api/runs/{run}/files/recipe.yaml", cookie="layerwise=ada")
    assert Recipe.parse(body.decode()).data.sample == "penguins"
    status, headers, body = server.get(f"/api/runs/{run}/files/run.zip", cookie="layerwise=ada")
    assert headers["content-disposition"] == f'attachment; filename="run-{run[:8]}.zip"'
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read(f"run-{run[:8]}/deliverables/model.keras") == b"weights"


@pytest.mark.parametrize("cookie", ["", "layerwise=eve", "layerwise="])
def test_nobody_else_downloads(server, run, cookie):
    """A foreign run and one that never was are answered alike."""
    foreign = server.get(f"/api/runs/{run}/files/model.keras", cookie=cookie)
    unknown = server.get("/api/runs/0000/files/model.keras", cookie=cookie)
    assert (foreign[0], foreign[2]) == (unknown[0], unknown[2]) == (404, NOT_HERE.encode())


@pytest.mark.parametrize("name", ["catalogue.json", "state.json", "..%2Fstate.json", "deliverables%2Fmodel.keras"])
def test_only_named_files_are_given_out(server, run, name):
    status, headers, body = server.get(f"/api/runs/{run}/files/{name}", cookie="layerwise=ada")
    assert status in (400, 404) or (headers["content-type"].startswith("text/html") and b"weights" not in body)


def test_an_unchecked_model_is_not_given_out(server, run):
    folder = server.workspace.run_folder(run)
    before = (folder / "deliverables.json").read_text()
    write_json(folder / "deliverables.json", {"model": json.loads(before)["model"] | {"checked": False}})
    status, _, body = server.get(f"/api/runs/{run}/files/model.keras", cookie="layerwise=ada")
    assert (status, body.decode()) == (404, "There is no such file in this run. Go back to the run's page.")
    (folder / "deliverables.json").write_text(before)


def test_keeps_a_supervisor_alive(server):
    """Also one that was killed: the server looks after it every few seconds."""
    wait_for(lambda: supervisor_lives(server.workspace), 20)
    log = server.workspace.root / "log" / "supervisor.log"
    wait_for(lambda: "takes over" in log.read_text(), 20)
    pid = int(re.findall(r"Supervisor (\d+) takes over", log.read_text())[-1])
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(re.findall(r"takes over", log.read_text())) == 2, 20)


@pytest.mark.browser
def test_a_deep_link_may_be_the_very_first_visit(server):
    """Streamlit alone would run a file of `pages/` without `app.py` around it: no menu, no look."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        page = browser.new_page(base_url=server.url)
        page.goto("/run?run=none")
        expect(page.get_by_test_id("stTopNavLink").first).to_be_visible(timeout=30_000)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        cookies = [cookie for cookie in page.context.cookies() if cookie["name"] == "layerwise"]
        assert [cookie["httpOnly"] for cookie in cookies] == [True]
        browser.close()


HOSTILE = (
    "<img src=x onerror=window.hit=1>", "<script>window.hit=1</script>", "[x](javascript:window.hit=1)",
    "<svg/onload=window.hit=1>", "![x](x 'y' onerror=window.hit=1)", "</script><script>window.hit=1</script>",
    "<a href=javascript:window.hit=1>x</a>", "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "$\\href{javascript:window.hit=1}{x}$", ":red[<b onmouseover=window.hit=1>x</b>]",
)  # fmt: skip
"""What people may call things: each would run, were it taken for HTML or a link of Markdown."""


def spoiled(value, number=0):
    """Put a hostile name wherever a report or its evidence shows a name or a sentence that data had a part in."""
    if isinstance(value, dict):
        return {
            key: [HOSTILE[each % len(HOSTILE)] + str(each) for each, _ in enumerate(told)]
            if key == "classes"
            else HOSTILE[number % len(HOSTILE)]
            if key in ("class", "target", "text", "message", "advice")
            else spoiled(told, number + place)
            for place, (key, told) in enumerate(value.items())
        }
    if isinstance(value, list):
        return [spoiled(told, number + place) for place, told in enumerate(value)]
    return f"{value} {HOSTILE[number % len(HOSTILE)]}" if isinstance(value, str) and " " in value else value


@pytest.fixture(scope="module")
def hostile(server):
    """A finished run in which everything that has a name is called by code."""
    run = Run(server.workspace.new_run_folder())
    shutil.copytree(ROOT / "ui" / "example" / "run", run.folder)
    for name in ("report.json", "evidence.json", "deliverables.json"):
        write_json(run.folder / name, spoiled(run.read(name)))
    recipe = run.recipe
    (run.folder / "recipe.yaml").write_text(recipe.model_copy(update={"name": HOSTILE[0]}).yaml(), encoding="utf-8")
    run.append("events", {"time": time.time(), "kind": "note", "text": HOSTILE[3]})
    write_json(run.folder / "note.json", {"text": HOSTILE[2], "tags": list(HOSTILE[:3])})
    owner = hashlib.sha256(b"ada").hexdigest()
    write_json(run.folder / "catalogue.json", {"owner": owner, "title": " ".join(HOSTILE)[:120]})
    row = RunRow(run.id, owner, " ".join(HOSTILE)[:120], "finished", 1, created=time.time(), place=time.time())
    Executor(server.workspace).catalogue.add(row)
    return run.id


@pytest.mark.browser
def test_no_name_becomes_live(server, hostile, run):
    """Neither the content policy nor luck is asked: the marks of live HTML must not be in the page at all."""
    live = "[onerror], [onload], [onmouseover], [href^='javascript'], img[src='x'], iframe[srcdoc], #root script"
    with opened(server) as page:
        complaints = []
        page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        for path in (f"/run?run={hostile}", "/runs", f"/compare?runs={hostile},{run}", "/"):
            page.goto(path)
            page.wait_for_selector("[data-testid='stApp'][data-test-connection-state='CONNECTED']")
            if "run" in path:
                page.wait_for_selector("text=onerror", state="attached")
            for tab in page.get_by_role("tab").all():
                tab.click()
            assert page.locator(live).count() == 0, path
            assert page.evaluate("window.hit") is None, path
        assert complaints == []


@pytest.mark.browser
def test_what_breaks_has_a_code_and_the_log_has_it_too(server, run):
    """The visitor reads words, the log says where; neither quotes what somebody brought, nor names who it was."""
    file = server.workspace.run_folder(run) / "state.json"
    before = file.read_text()
    file.write_text('{"state": "CANARY of a cell"}')
    try:
        with opened(server) as page:
            page.goto(f"/run?run={run}&title=CANARY-query")
            told = page.locator("text=Something went wrong").first
            told.wait_for()
            sentence = told.inner_text()
    finally:
        file.write_text(before)
    code = re.findall(r"code (K-\d{4})", sentence)[0]
    assert sentence.endswith(
        "Nothing that you made is lost: reload the page and try again. If it happens again, tell the code to whoever "
        "runs this server."
    )
    logs = {log: log.read_text() for log in (server.workspace.root / "log").glob("*.log*")}
    said = logs[server.workspace.root / "log" / "server.log"]
    assert f"ERROR layerwise.incidents: Incident {code}\n" in said
    assert "ui/run_reader.py" in said
    secrets_ = ["CANARY", "layerwise=ada", (server.workspace.root / "cookie.secret").read_text()]
    assert [(log.name, word) for log, text in logs.items() for word in secrets_ if word in text] == []


@contextmanager
def opened(server):
    """A browser of the visitor with the cookie `layerwise=ada`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        context = browser.new_context(base_url=server.url)
        context.set_default_timeout(60_000)
        context.add_cookies([{"name": "layerwise", "value": "ada", "url": server.url}])
        yield context.new_page()
        browser.close()


def test_a_backup_taken_while_it_runs_starts_elsewhere(server, run, tmp_path):
    backup.save(server.workspace, tmp_path / "all.zip")
    backup.restore(tmp_path / "all.zip", Workspace(tmp_path / "new"))
    again = Server(tmp_path / "new")
    try:
        body = again.get(f"/api/runs/{run}/files/model.keras", cookie="layerwise=ada")[2]
        wait_for(lambda: again.get("/api/health")[0] == 200, 20)
    finally:
        again.end()
    assert body == b"weights"


def test_a_restart_of_the_server_loses_nothing(server, run):
    """Runs belong to the workspace and to their owner's cookie, not to a server."""
    again = Server(server.workspace.root)
    try:
        body = again.get(f"/api/runs/{run}/files/model.keras", cookie="layerwise=ada")[2]
    finally:
        again.end(signal.SIGKILL)
    assert body == b"weights"


def test_without_the_server_there_is_one_owner_on_this_machine_only(monkeypatch):
    monkeypatch.setattr(identity.WorkspaceCookie, "is_installed", False)
    monkeypatch.setattr(identity.st, "get_option", lambda _: "127.0.0.1")
    assert identity.current_user() == "local"
    monkeypatch.setattr(identity.st, "get_option", lambda _: "0.0.0.0")  # noqa: S104 - compared, not bound
    with pytest.raises(Refusal) as refused:
        identity.current_user()
    assert str(refused.value) == (
        "This server can be reached from other machines: start it with `make run`, which tells visitors apart."
    )


def test_a_browser_without_cookies_is_told_so(monkeypatch):
    monkeypatch.setattr(identity.WorkspaceCookie, "is_installed", True)
    with pytest.raises(Refusal) as refused:
        identity.current_user()
    assert str(refused.value) == (
        "Your browser keeps no cookie for this page, so your runs would be lost. Allow it and reload."
    )
