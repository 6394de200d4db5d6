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
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from recipes import Recipe, Refusal
from records import Workspace, write_json
from training import marks
from training.executor import Executor, supervisor_lives
from ui import identity, serve

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

    def get(self, path, cookie="", accept="*/*"):
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=20)
        connection.request("GET", path, headers={"cookie": cookie, "accept": accept})
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
    assert headers["content-security-policy"] == "frame-ancestors 'self'"


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
