"""The real server on a free port with a workspace of its own, and a real browser in front of it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from records import Workspace
from training import marks

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 60_000
"""Milliseconds: a busy machine may take its time, a quiet one never needs it."""


class Server:
    """The server as `make run` starts it; it can be stopped and started again on the same port."""

    def __init__(self, root):
        self.workspace = Workspace(root)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        environment = os.environ | {"LAYERWISE_WORKSPACE": str(self.workspace.root), "LAYERWISE_IDLE_SECONDS": "3"}
        command = [sys.executable, "-m", "ui.serve", "--address", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        output = self.process.stdout
        assert output is not None
        said = []
        while "open at" not in "".join(said):
            said.append(output.readline())
            assert said[-1], "".join(said)
        assert re.search(rf":{self.port}\b", said[-1]), said[-1]

    def stop(self):
        """End the web server alone: supervisor and workers are not its children."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def end(self):
        """End the web server; the supervisor follows by itself once no run is left."""
        self.stop()
        lock = marks.supervisor_lock(self.workspace)
        deadline = time.monotonic() + 60
        while not marks.is_free(lock, shared=True):
            assert time.monotonic() < deadline, "the supervisor outlived its last web server"
            time.sleep(0.2)


@pytest.fixture(scope="package")
def chromium():
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    assert found, "The browser tests need Chromium. Install the package 'chromium' and run make test again."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("browser") / "workspace")
    yield server
    server.end()


@pytest.fixture
def visitor(chromium, server):
    """A fresh visitor: a browser context with an own cookie."""
    context = chromium.new_context(base_url=server.url, accept_downloads=True, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()
