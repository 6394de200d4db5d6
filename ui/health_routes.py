"""How the server is: `/api/health` for whoever restarts it, `/api/metrics` for whoever watches it.

    GET /api/health/live   200 as long as the server answers at all
    GET /api/health        200 where everything that a run needs is there, else 503
    GET /api/metrics       numbers in the words of Prometheus

Everybody is told whether the server is well; why not, and the metrics, only somebody on this machine or with the token
(`LAYERWISE_METRICS_TOKEN`) is told. Neither names a person, a run or a file.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recipes import Refusal
from records import Workspace
from records.numbers import Numbers, answers, numbers
from records.run import Name
from training import devices
from training.executor import LEAST_FREE_MB, supervisor_lives
from ui.guard import NOT_HERE, may_look_inside

REMEMBERED_SECONDS = 1.0
"""So long an answer about the health stands, however often it is asked for."""
STATES: tuple[Name, ...] = (
    "queued", "starting", "running", "finished", "stopped", "cancelled", "failed", "interrupted",
)  # fmt: skip
PARTS = ("/api/runs", "/api/project", "/api/uploads", "/api", "/_stcore/upload_file", "/_stcore", "/media", "/static",
         "/app/static")  # fmt: skip
"""The parts of the site that durations are told apart by; anything else is a page."""
QUICK = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
_durations = Histogram(
    "layerwise_request_seconds", "Time from a request to the last byte of its answer.", ["part", "status"],
    registry=REGISTRY, buckets=QUICK,
)  # fmt: skip
_received = Counter("layerwise_received_bytes", "Bytes that browsers have sent as files.", registry=REGISTRY)
_tabs = Gauge("layerwise_open_tabs", "Tabs that are connected now.", registry=REGISTRY)
_log = logging.getLogger("layerwise.health")


def routes(workspace: Workspace) -> list[Route]:
    """List the addresses for `st.App`."""
    remembered: dict[str, Any] = {}

    def looked() -> dict[str, str]:
        if time.monotonic() - remembered.get("at", -REMEMBERED_SECONDS) >= REMEMBERED_SECONDS:
            remembered.update(told=troubles(workspace), at=time.monotonic())
        return remembered["told"]

    async def live(_request: Request) -> Response:
        return JSONResponse({"live": True})

    async def health(request: Request) -> Response:
        found = await run_in_threadpool(looked)
        told: dict[str, Any] = {"live": True, "ready": not found}
        if may_look_inside(request.scope):
            told["troubles"] = found
        return JSONResponse(told, status_code=503 if found else 200)

    async def metrics(request: Request) -> Response:
        if not may_look_inside(request.scope):
            return PlainTextResponse(NOT_HERE, status_code=404)
        text = await run_in_threadpool(lambda: generate_latest(REGISTRY) + generate_latest(_registry(workspace)))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/api/health/live", live, methods=["GET"]),
        Route("/api/health", health, methods=["GET"]),
        Route("/api/metrics", metrics, methods=["GET"]),
    ]


def troubles(workspace: Workspace) -> dict[str, str]:
    """Say what keeps runs from going, part by part; nothing where all is well."""
    found = {}
    try:
        answers(workspace)
    except (SQLAlchemyError, Refusal):
        _log.exception("The database does not answer.")
        found["database"] = "The database does not answer."
    if not supervisor_lives(workspace):
        found["supervisor"] = "No supervisor lives, so no run starts. The server starts one within seconds."
    free = shutil.disk_usage(workspace.runs).free // 2**20
    if free < LEAST_FREE_MB:
        found["disk"] = f"The disk has only {free} MB left; runs need {LEAST_FREE_MB} MB."
    return found


class Timed:
    """Notes how long every request took, how much was sent, and how many tabs are open."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] == "websocket":
            with _tabs.track_inprogress():
                await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def counted() -> Message:
            message = await receive()
            _received.inc(len(message.get("body", b"")))
            return message

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, counted, noted)
        finally:
            part = next((part for part in PARTS if f"{scope['path']}/".startswith(f"{part}/")), "page")
            _durations.labels(part, f"{status // 100}xx").observe(time.perf_counter() - began)


def _registry(workspace: Workspace) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now(workspace))
    return registry


class _Now(Collector):
    """What is asked at the moment when somebody looks."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def collect(self) -> Iterator[Metric]:
        disk = shutil.disk_usage(self._workspace.runs)
        yield _gauge("layerwise_disk_free_bytes", "Room left on the disk of the workspace.", disk.free)
        yield _gauge("layerwise_disk_bytes", "Size of the disk of the workspace.", disk.total)
        yield _gauge("layerwise_supervisor_up", "Whether a supervisor lives.", supervisor_lives(self._workspace))
        yield _gauge("layerwise_slots", "How many runs go at once.", devices.slots())
        try:
            told = numbers(self._workspace)
        except (SQLAlchemyError, Refusal):
            _log.exception("The database does not answer.")
            yield _gauge("layerwise_database_up", "Whether the database answers.", 0)
            return
        yield _gauge("layerwise_database_up", "Whether the database answers.", 1)
        yield from _of_runs(told)


def _of_runs(told: Numbers) -> Iterator[Metric]:
    runs = GaugeMetricFamily("layerwise_runs", "Runs by state.", labels=["state"])
    for state in STATES:
        runs.add_metric([state], told.runs.get(state, 0))
    yield runs
    live = sum(told.runs.get(state, 0) for state in ("starting", "running"))
    yield _gauge("layerwise_slots_taken", "How many runs go now.", live)
    yield _gauge("layerwise_queue_length", "How many runs wait.", told.runs.get("queued", 0))
    yield _gauge("layerwise_queue_wait_seconds", "How long the oldest waiting run has waited.", told.longest_wait)
    yield _gauge("layerwise_worker_memory_bytes", "Memory of all workers together.", told.worker_bytes)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)
