"""A class at work: everybody joins, presses Train, watches, reloads; then the server restarts under their open tabs.

    python -m benchmarks.load [--small] [--visitors 30,100] [--join 10] [--press 60] [--seed 1] [--json FILE]

The server, its supervisor and the trainings are the real ones; the visitors speak the protocol of a tab
(`benchmarks/_visitors.py`), each with a cookie, a draft and a small run of their own. They join within `join` seconds
and press Train within `press` seconds after that; all reload at once shortly after, and stay until their run is done.
`freshness` is the age of the oldest thing on a live page at the moment before it is replaced. After a restart each tab
tries anew every half second, as a browser does; it is back when its page is drawn whole. A failure is a page without
an answer in 60 s, a page with an error, a run that does not finish, or a tab that does not come back.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed, WebSocketException

from benchmarks._visitors import Server, Tab, Times, free_port, owner_of, percentile, server
from evaluation.scores import wilson
from records import Run, Workspace, write_json
from training import marks

EPOCHS = 20
"""Of each run: some seconds of training on the penguins, the smallest sample."""
PATIENCE = 90.0
LONGEST_QUEUE = 20.0
"""Seconds that one run may take at the most, for each that is before it."""
RETRY_SECONDS = 0.5
SAMPLE_SECONDS = 0.5

Plan = tuple[str, float, float]
"""A cookie, and after how many seconds its visitor comes and presses Train."""


class Visitor(Tab):
    """A tab that also presses Train, and notes how old what it shows may become."""

    def __init__(self, url: str, path: str, cookie: str, times: Times) -> None:
        super().__init__(url, path, cookie, times)
        self._train, self._can_train = "", asyncio.Event()
        self._presses = False
        self._read: dict[str, float] = {}

    @property
    def run(self) -> str:
        """The id of the run that this tab shows."""
        return self._query.partition("run=")[2].partition("&")[0]

    async def press_train(self) -> None:
        """Wait until Train can be pressed, press it, wait for the page of the run."""
        await asyncio.wait_for(self._can_train.wait(), PATIENCE)  # the page asks for its layers and draws itself anew
        self._presses = True
        await self.draw("press")

    async def draw(self, kind: str, fragment: str = "") -> None:
        """Ask and note; a tick ends the time for which what the one before has read was shown."""
        began = time.perf_counter()
        await super().draw(kind, fragment)
        if kind == "tick" and fragment in self._read:
            self._times.seconds["freshness"].append(time.perf_counter() - self._read[fragment])
        self._read[fragment] = began

    async def _tick(self, fragment: str, interval: float) -> None:
        with suppress(ConnectionClosed):  # the server was restarted, as it should be
            await super()._tick(fragment, interval)

    def _request(self, fragment: str) -> bytes:
        if not self._presses:
            return super()._request(fragment)
        self._presses = False
        message = BackMsg()
        message.ParseFromString(super()._request(fragment))
        pressed = message.rerun_script.widget_states.widgets.add()
        pressed.id, pressed.trigger_value = self._train, True
        return message.SerializeToString()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.new_element.button.id.endswith("build_train"):
            button = message.delta.new_element.button
            self._train = button.id
            (self._can_train.clear if button.disabled else self._can_train.set)()
        if kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        super()._take(message)


@dataclass
class Class:
    """What everybody did, and how long it took."""

    join: Times = field(default_factory=Times)
    build: Times = field(default_factory=Times)
    again: Times = field(default_factory=lambda: Times(counts=True))
    back: Times = field(default_factory=Times)
    runs: dict[int, str] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def all_troubles(self) -> list[str]:
        """List everything that went wrong, for whomever."""
        return [*self.troubles, *(word for times in (self.join, self.build, self.again, self.back)
                                  for word in times.troubles)]  # fmt: skip


@dataclass
class Watched:
    """What the server took while it was looked at."""

    memory_mb: list[float] = field(default_factory=list)
    threads: int = 0
    files: int = 0


def main() -> None:
    """Measure, print, write the numbers."""
    asked = _arguments()
    numbers = [2] if asked.small else [int(number) for number in asked.visitors.split(",")]
    join, press = (1.0, 3.0) if asked.small else (asked.join, asked.press)
    epochs = 2 if asked.small else EPOCHS
    results = [_lesson(number, join, press, asked.seed, epochs) for number in numbers]
    told = {"cores": os.cpu_count(), "load": os.getloadavg(), "seed": asked.seed, "epochs": epochs, "classes": results}
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="two visitors: only shows that it runs")
    parser.add_argument("--visitors", default="30,100")
    parser.add_argument("--join", type=float, default=10.0, help="seconds within which everybody opens the studio")
    parser.add_argument("--press", type=float, default=60.0, help="seconds within which everybody presses Train")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _lesson(number: int, join: float, press: float, seed: int, epochs: int) -> dict[str, Any]:
    random_ = random.Random(seed)  # noqa: S311 - when people come is no secret
    cookies = [f"visitor {each} of lesson {seed}" for each in range(number)]
    come = [random_.uniform(0, join) for _ in cookies]
    start = [join + random_.uniform(0, press) for _ in cookies]
    lesson, watched, port = Class(), Watched(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        for cookie in cookies:
            _draft(workspace, cookie, epochs)
        with server(workspace, port=port, alone=False) as running, _watching(running, watched):
            plans = zip(cookies, come, start, strict=True)
            asyncio.run(_work(running.url, workspace, lesson, list(plans), join + press))
            before = list(watched.memory_mb)
            seconds, returned = _restart(workspace, lesson, running, port, cookies)
        states = [_fate(workspace, lesson.runs.get(each, "")) for each in range(number)]
        _until_free(workspace)
    return _told(number, lesson, watched, before, states, {"open": seconds, "tabs": returned})


def _draft(workspace: Workspace, cookie: str, epochs: int) -> None:
    """Put what this visitor has chosen on Build where a reload would find it."""
    folder = workspace.root / "drafts"
    folder.mkdir(parents=True, exist_ok=True)
    draft = {"data": {"sample": "penguins"}, "architecture": "mlp", "training": {"epochs": epochs}}
    write_json(folder / f"{owner_of(cookie)}.json", draft)


async def _work(url: str, workspace: Workspace, lesson: Class, plans: list[Plan], pressed: float) -> None:
    reload = time.monotonic() + pressed + 2.0
    last = reload + PATIENCE + LONGEST_QUEUE * len(plans)
    visits = [
        _guarded(lesson, _visit(url, workspace, lesson, each, plan, reload, last)) for each, plan in enumerate(plans)
    ]
    await asyncio.gather(*visits)


async def _guarded(lesson: Class, visit: Any) -> None:
    """One visitor's mishap is counted and leaves the others alone."""
    try:
        await visit
    except (OSError, TimeoutError, WebSocketException) as mishap:
        lesson.troubles.append(f"{type(mishap).__name__}: {mishap}")


async def _visit(
    url: str,
    workspace: Workspace,
    lesson: Class,
    number: int,
    plan: tuple[str, float, float],
    reload: float,
    last: float,
) -> None:
    cookie, come, start = plan
    began = time.monotonic()
    await asyncio.sleep(come)
    async with Visitor(url, "", cookie, lesson.join).opened():
        await asyncio.sleep(max(0.0, began + start - time.monotonic()))
    async with Visitor(url, "build", cookie, lesson.build).opened() as tab:
        lesson.build.counts = True
        await tab.press_train()
        lesson.runs[number] = tab.run
        await asyncio.sleep(max(0.0, reload - time.monotonic()))
    async with Visitor(url, f"run?run={lesson.runs[number]}", cookie, lesson.again).opened():
        await asyncio.to_thread(_until_done, Run(workspace.run_folder(lesson.runs[number])), last)


def _until_done(run: Run, last: float) -> None:
    while not run.is_done and time.monotonic() < last:
        time.sleep(SAMPLE_SECONDS)


def _restart(
    workspace: Workspace, lesson: Class, running: Server, port: int, cookies: list[str]
) -> tuple[float, list[float]]:
    """End the server under open tabs and start it again; returns when it was open and when each tab was back."""
    ended = threading.Event()

    async def stay(number: int, cookie: str) -> float | None:
        path = f"run?run={lesson.runs[number]}"
        async with Visitor(running.url, path, cookie, Times()).opened():
            ready.release()
            await asyncio.to_thread(ended.wait)
        while time.perf_counter() - gone[0] < PATIENCE:
            try:
                async with Visitor(running.url, path, cookie, lesson.back).opened():
                    return time.perf_counter() - gone[0]
            except (OSError, TimeoutError, WebSocketException):
                await asyncio.sleep(RETRY_SECONDS)
        lesson.troubles.append("A tab did not come back.")
        return None

    async def everybody() -> list[float | None]:
        return await asyncio.gather(*(stay(number, cookies[number]) for number in lesson.runs))

    def change() -> None:
        for _ in lesson.runs:
            ready.acquire(timeout=PATIENCE)
        gone.append(time.perf_counter())
        running.process.terminate()
        running.process.wait(timeout=PATIENCE)
        ended.set()
        with server(workspace, port=port, alone=False):
            opened.append(time.perf_counter() - gone[0])
            over.wait(PATIENCE * 2)

    ready, over = threading.Semaphore(0), threading.Event()
    gone: list[float] = []
    opened: list[float] = []
    changing = threading.Thread(target=change)
    changing.start()
    try:
        told = asyncio.run(everybody())
    finally:
        over.set()
        changing.join()
    return opened[0], [seconds for seconds in told if seconds is not None]


@contextmanager
def _watching(running: Server, watched: Watched) -> Generator[None]:
    over = threading.Event()

    def look() -> None:
        while not over.wait(SAMPLE_SECONDS):
            if not running.process.is_running():
                return
            watched.memory_mb.append(running.memory_mb)
            watched.threads = max(watched.threads, running.process.num_threads())
            watched.files = max(watched.files, running.process.num_fds())

    thread = threading.Thread(target=_quietly, args=(look,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _quietly(look: Any) -> None:
    import psutil

    try:
        look()
    except psutil.NoSuchProcess:
        return  # the server was restarted, as it should be


def _fate(workspace: Workspace, run: str) -> dict[str, Any]:
    if not run:
        return {"state": "none"}
    state = Run(workspace.run_folder(run)).state
    told = {"state": state.state, "wait": (state.started or state.created) - state.created}
    return told | ({"to_point": state.first_point - state.created} if state.first_point else {})


def _until_free(workspace: Workspace) -> None:
    """Wait for the supervisor, which ends by itself; it writes in the folder that goes next."""
    last = time.monotonic() + PATIENCE
    while not marks.is_free(marks.supervisor_lock(workspace), shared=True) and time.monotonic() < last:
        time.sleep(SAMPLE_SECONDS)


def _told(
    number: int, lesson: Class, watched: Watched, before: list[float], states: list[dict[str, Any]],
    restart: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    finished = sum(told["state"] == "finished" for told in states)
    troubles = lesson.all_troubles()
    failures = min(number, len(troubles) + number - finished)
    live = [*lesson.build.seconds["tick"], *lesson.again.seconds["tick"]]
    fresh = [*lesson.build.seconds["freshness"], *lesson.again.seconds["freshness"]]
    result: dict[str, Any] = {
        "visitors": number, "failures": failures, "upper_bound_95": round(wilson(failures, number)[1], 5),
        "troubles": troubles[:20], "runs_finished": finished, "states": sorted({told["state"] for told in states}),
        "join": _spread(lesson.join.seconds["first"]), "build": _spread(lesson.build.seconds["first"]),
        "press": _spread(lesson.build.seconds["press"]), "tick": _spread(live), "late_ticks": lesson.build.late
        + lesson.again.late, "reload": _spread(lesson.again.seconds["first"]), "freshness": _spread(fresh),
        "wait": _spread([told["wait"] for told in states if "wait" in told]),
        "to_first_point": _spread([told["to_point"] for told in states if "to_point" in told]),
        "restart": {"server_open": restart["open"], "tabs_back": _spread(restart["tabs"])},
        "server": {"memory_mb_first": before[0], "memory_mb_most": max(before), "memory_mb_last": before[-1],
                   "memory_mb_median": statistics.median(before), "threads": watched.threads, "files": watched.files},
    }  # fmt: skip
    print(f"\n{number} visitors: {failures} failures, {finished} of {number} runs finished")
    for name in ("join", "build", "press", "tick", "reload", "freshness", "wait", "to_first_point"):
        _print(name, result[name])
    _print("tabs back", result["restart"]["tabs_back"])
    print(f"  server: {max(before):.0f} MB at most, {watched.threads} threads, {watched.files} files", flush=True)
    for trouble in troubles[:5]:
        print(f"  trouble: {trouble}")
    return result


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {"count": 0}
    return {
        "count": len(seconds), "p50": percentile(seconds, 0.5), "p95": percentile(seconds, 0.95), "worst": max(seconds),
    }  # fmt: skip


def _print(name: str, told: dict[str, float]) -> None:
    if told["count"]:
        numbers = "   ".join(f"{key} {told[key]:6.2f}" for key in ("p50", "p95", "worst"))
        print(f"  {name:15}{told['count']:6.0f} x   {numbers} s")


if __name__ == "__main__":
    main()
