"""A server of its own and synthetic visitors: each does over the websocket what a tab does, without a browser.

A tab asks for its page, obeys the page's timers (`run_every`), remembers large messages as a browser does, so that the
server need not send them again, and notes how long each answer took.
"""

import asyncio
import contextlib
import hashlib
import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from recipes import Recipe
from records import Run, Workspace, write_json
from records.catalogue import RunRow
from training import marks, plan
from training.executor import Executor

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 60.0
COOKIE = "layerwise"


# The server


@dataclass
class Server:
    """The real server in a process of its own."""

    process: psutil.Process
    url: str
    seconds_to_open: float
    """From starting the process to the line that says where it is."""

    @property
    def cpu_seconds(self) -> float:
        """Seconds of a core that it has used so far."""
        return sum(self.process.cpu_times()[:2])

    @property
    def memory_mb(self) -> float:
        """Its resident set."""
        return self.process.memory_info().rss / 2**20


@contextmanager
def server(workspace: Workspace, *, port: int = 0, alone: bool = True) -> Generator[Server]:
    """Start a server; where it is alone no supervisor runs beside it, so that only the pages are measured."""
    held = marks.hold(marks.supervisor_lock(workspace)) if alone else None
    environment = os.environ | {"LAYERWISE_WORKSPACE": str(workspace.root)}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.serve", "--port", str(port or free_port())],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    output = process.stdout
    if output is None:
        raise RuntimeError("The server's output cannot be read.")
    said = ""
    while "open at" not in said:
        line = output.readline()
        if not line:
            raise RuntimeError(f"The server ended:\n{said}")
        said += line
    seconds = time.perf_counter() - began
    threading.Thread(target=output.read, daemon=True).start()  # a full pipe would stop it
    try:
        yield Server(psutil.Process(process.pid), re.findall(r"http://[\w.:]+", said)[0], seconds)
    finally:
        process.terminate()
        process.wait(timeout=20)
        if held is not None:
            os.close(held)


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def owner_of(cookie: str) -> str:
    """Name the owner that a cookie stands for, as the server does."""
    return hashlib.sha256(cookie.encode()).hexdigest()


# Runs to look at


def finished_run(workspace: Workspace, cookie: str) -> Run:
    """Train a small run to its end, in a process of its own."""
    run = _listed(workspace, cookie, "finished")
    command = [sys.executable, "-m", "training.worker", str(run.folder)]
    subprocess.run(
        command, cwd=ROOT, env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}, check=True, capture_output=True, text=True
    )
    return run


def _listed(workspace: Workspace, cookie: str, state: str) -> Run:
    recipe = plan.resolve(Recipe.of({"data": {"sample": "penguins"}, "training": {"epochs": 5}}))
    run = Run.create(workspace.new_run_folder(), recipe)
    now = time.time()
    told: Any = {"state": state, "attempt": 1, "place": now, "created": now, "updated": now}
    Executor(workspace).catalogue.add(RunRow(run.id, owner_of(cookie), "Palmer penguins", **told))
    return run


@dataclass
class LiveRuns:
    """Runs that are written to as a worker writes: points and state on a clock, evidence after each epoch.

    Nothing is trained, so that no worker takes part of the machine from the server; each curve has thousands of points
    already, so that the browser is sent as many as it ever is.
    """

    workspace: Workspace
    cookies: list[str]
    points: int = 4000
    pace: float = 5.0
    """Points a second."""
    runs: list[Run] = field(default_factory=list)

    def __enter__(self) -> "LiveRuns":  # noqa: PYI034 - a dataclass is no stub
        self.runs = [_listed(self.workspace, cookie, "running") for cookie in self.cookies]
        for run in self.runs:
            lines = "".join(json.dumps(self._line(number)) + "\n" for number in range(self.points))
            (run.folder / "metrics.jsonl").write_text(lines, encoding="utf-8")
            self._tell(run, self.points)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _write(self) -> None:
        number, due = self.points, time.monotonic()
        while not self._done.is_set():
            for run in self.runs:
                run.append("metrics", self._line(number))
                self._tell(run, number)
            number += 1
            due += 1 / self.pace
            self._done.wait(max(0.0, due - time.monotonic()))

    def _line(self, number: int) -> dict[str, Any]:
        """Return one line; every twentieth ends an epoch."""
        epoch, x = number // 20 + 1, (number + 1) / 20
        loss = 0.2 + math.exp(-x / 60) + 0.03 * math.sin(number * 1.7)
        told = {"time": time.time(), "stage": "fit", "epoch": epoch, "x": x, "loss": loss, "accuracy": 1 / (1 + loss)}
        if (number + 1) % 20 == 0:
            told |= {"end": True, "val_loss": loss + 0.02, "val_accuracy": 0.9 / (1 + loss), "learning_rate": 1e-3}
            told |= {"seconds": 4.0}
        return told

    def _tell(self, run: Run, number: int) -> None:
        now = time.time()
        state = run.state.model_copy(
            update={
                "state": "running", "phase": "training", "stage": "fit", "stage_number": 1, "epoch": number // 20,
                "epochs": 1000, "step": number % 20, "steps": 20, "eta_seconds": 600.0, "samples_per_second": 12_000.0,
                "memory_mb": 640.0, "device": "2 processor cores", "policy": "The data lie in memory.",
                "started": now - 60, "updated": now, "parameters": 12_345,
            }
        )  # fmt: skip
        _replace(run.folder / "state.json", state.model_dump_json(indent=1))
        if number % 20 == 0 or not (run.folder / "evidence.json").exists():
            sure = 1 / (1 + math.exp(-number / 2000))
            answer = [[sure, (1 - sure) * 0.7, (1 - sure) * 0.3] for _ in range(12)]
            panel = {
                "kind": "classes", "classes": ["Adelie", "Chinstrap", "Gentoo"], "rows": list(range(12)),
                "truth": [0] * 12, "answer": answer,
            }  # fmt: skip
            write_json(run.folder / "evidence.json", {"stage": "fit", "epoch": number // 20, "panels": [panel]})


def _replace(path: Path, text: str) -> None:
    """Replace a file without a flush to the disk, which would measure the disk."""
    temporary = path.with_name(f"{path.name}.benchmark.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)


# Visitors


@dataclass
class Times:
    """Seconds until each answer, by what was asked; only what was asked while `counts` is on."""

    counts: bool = False
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    late: int = 0
    """Ticks left out because the one before was not answered yet."""
    bytes: int = 0
    troubles: list[str] = field(default_factory=list)


class Tab:
    """One open tab."""

    def __init__(self, url: str, path: str, cookie: str, times: Times) -> None:
        self._url, self._cookie, self._times = url, cookie, times
        self._page, _, self._query = path.partition("?")
        self._hash = ""
        self._waiting: dict[str, tuple[float, asyncio.Future[bool]]] = {}
        self._drawing_since = 0.0
        self._timers: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._named: set[str] = set()
        self._known: dict[str, int] = {}
        self._runs = 0

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Self]:
        """Connect and draw the page once; timers go on until the tab is closed."""
        address = f"ws{self._url.removeprefix('http')}/_stcore/stream"
        async with connect(
            address, subprotocols=[Subprotocol("streamlit")], origin=Origin(self._url), max_size=None, proxy=None,
            ping_interval=None,  # a server that is late must show as late, not as gone
            additional_headers={"Cookie": f"{COOKIE}={self._cookie}"}, open_timeout=LONGEST,
        ) as self._socket:  # fmt: skip
            listener = asyncio.create_task(self._listen())
            try:
                await self.draw("first")
                yield self
            finally:
                tasks = [listener, *(task for _, task in self._timers.values())]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def draw(self, kind: str, fragment: str = "") -> None:
        """Ask for the page, or for the part of it that ticks; note how long it took."""
        counts, began = self._times.counts or kind != "tick", time.perf_counter()
        done = asyncio.get_running_loop().create_future()
        self._waiting[fragment] = began, done
        await self._socket.send(self._request(fragment))
        try:
            # `wait_for` would swallow the end of a timer that is answered at the same moment.
            async with asyncio.timeout(LONGEST):
                answered = await done
        except TimeoutError:
            self._times.troubles.append(f"{self._page}: no answer to '{kind}' in {LONGEST:.0f} s")
            return
        if counts and answered:
            self._times.seconds[kind].append(time.perf_counter() - began)

    def _request(self, fragment: str) -> bytes:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash = self._query, self._hash
        asked.page_name = "" if self._hash else self._page
        asked.cached_message_hashes.extend(self._known)
        asked.context_info.url = f"{self._url}/"
        asked.context_info.locale, asked.context_info.timezone = "en-US", "UTC"
        if fragment:
            asked.fragment_id, asked.is_auto_rerun = fragment, True
        return message.SerializeToString()

    async def _tick(self, fragment: str, interval: float) -> None:
        due = time.perf_counter() + interval
        while True:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            if "" not in self._waiting:  # the whole page is being drawn, this part of it too
                await self.draw("tick", fragment)
            due += interval
            while due < time.perf_counter():
                due += interval
                self._times.late += self._times.counts

    async def _listen(self) -> None:
        async for data in self._socket:
            if self._times.counts:
                self._times.bytes += len(data)
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            self._take(message)

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if message.metadata.cacheable:
            self._known[message.hash] = self._runs
        if kind == "ref_hash":
            self._known[message.ref_hash] = self._runs
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            self._hash, self._named = message.new_session.page_script_hash, set()
            self._drawing_since = time.perf_counter()
        elif kind == "navigation":  # which of the pages it is: without it the next drawing would be of the first page
            self._hash = message.navigation.page_script_hash
        elif kind == "auto_rerun":
            self._start(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "script_finished":
            self._finish(message)
        elif kind == "delta" and message.delta.new_element.HasField("exception"):
            self._times.troubles.append(f"{self._page}: {message.delta.new_element.exception.type}")
        elif kind == "page_not_found":
            self._times.troubles.append(f"There is no page '{self._page}'.")

    def _start(self, fragment: str, interval: float) -> None:
        self._named.add(fragment)
        if fragment not in self._timers:
            self._timers[fragment] = interval, asyncio.create_task(self._tick(fragment, interval))

    def _finish(self, message: ForwardMsg) -> None:
        if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return  # the answer comes with the run that follows at once
        self._runs += 1
        self._known = {known: run for known, run in self._known.items() if self._runs - run <= 2}
        parts = set(message.metadata.run.fragment_ids)
        whole = message.script_finished != ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
        if whole:
            for fragment in set(self._timers) - self._named:
                self._timers.pop(fragment)[1].cancel()
            # A whole drawing replaces what was asked before it began.
            parts = {""} | {part for part, (sent, _) in self._waiting.items() if sent < self._drawing_since}
        for part in parts & set(self._waiting):
            _, done = self._waiting.pop(part)
            if not done.done():
                done.set_result(whole == (part == ""))


async def watch(
    server_: Server, paths: list[tuple[str, str]], times: Times, seconds: float, settle: float = 3.0
) -> dict[str, float]:
    """Open one tab for each (path, cookie), let their timers go, and return what that cost the server."""
    async with contextlib.AsyncExitStack() as stack:
        for path, cookie in paths:
            await stack.enter_async_context(Tab(server_.url, path, cookie, times).opened())
        await asyncio.sleep(settle)
        before, began, times.counts = server_.cpu_seconds, time.perf_counter(), True
        await asyncio.sleep(seconds)
        times.counts = False
        spent, passed = server_.cpu_seconds - before, time.perf_counter() - began
        return {"cores": spent / passed, "memory_mb": server_.memory_mb, "bytes_a_second": times.bytes / passed}


def percentile(seconds: list[float], share: float) -> float:
    """Return the smallest value that this share of the values does not exceed; NaN for none."""
    ordered = sorted(seconds)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan
