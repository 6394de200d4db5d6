"""The addresses to which browsers send files: streamed to disk piece by piece, never held in memory, resumable.

    POST   /api/uploads/{batch}            {"files": [{"name", "size"}, ...]}  ->  {"offsets": [...]}
    GET    /api/uploads/{batch}                                                ->  {"offsets": [...]}
    PUT    /api/uploads/{batch}/{number}   a piece; header `upload-offset`     ->  {"offset": ...}
    DELETE /api/uploads/{batch}                                                ->  {}

`POST` says beforehand what would be too large, and finds a batch that broke off; a `PUT` whose offset is not where the
file ends is answered 409. Each needs the token of the page (`x-upload-token`), the owner's cookie,
and, where it changes anything, an `Origin` of this very address.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from recipes import Refusal
from recipes.configuration import configuration
from records import Workspace, uploads, usage
from training.executor import Executor
from ui import tokens
from ui.identity import owner_of

PURPOSE = "upload"
TOKEN_SECONDS = 12 * 3_600.0
LARGEST_PLAN = 8_000_000
"""Bytes of a list of files."""
BLOCK = 1 << 20
"""Bytes that are held in memory of one connection."""
SILENT_SECONDS = 60.0
"""A connection that sends nothing for so long is given up; what came is kept."""
ODD_PLAN = "This list of files cannot be read. Choose the files again."

_log = logging.getLogger("layerwise.uploads")


class File(BaseModel):
    """One file that is to come."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=uploads.LONGEST_NAME)
    size: int = Field(ge=0, le=2**50)


class Plan(BaseModel):
    """What a person chose at once."""

    model_config = ConfigDict(extra="forbid", strict=True)

    files: list[File] = Field(min_length=1)


def routes(workspace: Workspace) -> list[Route]:
    """List the addresses for `st.App`."""

    async def begin(request: Request) -> Response:
        told = await run_in_threadpool(_allowed, request)
        plan = _plan(await _body(request))
        files = [uploads.Planned(each.name, each.size) for each in plan.files]
        offsets = await run_in_threadpool(_begin, workspace, told, request.path_params["batch"], files)
        return JSONResponse({"offsets": offsets})

    async def ask(request: Request) -> Response:
        told = await run_in_threadpool(_allowed, request)
        offsets = await run_in_threadpool(uploads.offsets, workspace, told["owner"], request.path_params["batch"])
        return JSONResponse({"offsets": offsets})

    async def put(request: Request) -> Response:
        told = await run_in_threadpool(_allowed, request)
        return JSONResponse({"offset": await _receive(request, workspace, told["owner"])})

    async def cancel(request: Request) -> Response:
        told = await run_in_threadpool(_allowed, request)
        await run_in_threadpool(uploads.cancel, workspace, told["owner"], request.path_params["batch"])
        usage.forget(workspace, told["owner"])
        return JSONResponse({})

    whole, piece = "/api/uploads/{batch}", "/api/uploads/{batch}/{number:int}"
    return [
        Route(whole, _in_words(begin), methods=["POST"]),
        Route(whole, _in_words(ask), methods=["GET"]),
        Route(whole, _in_words(cancel), methods=["DELETE"]),
        Route(piece, _in_words(put), methods=["PUT"]),
    ]


def left_for(workspace: Workspace, owner: str) -> int | None:
    """Say how many bytes this owner may still bring; None where there is no limit."""
    most = configuration().quota_disk_mb * uploads.MEGABYTE
    if not most:
        return None
    runs = [row.id for row in Executor(workspace).runs(owner)]
    taken = usage.bytes_of(workspace, owner, runs) + uploads.reserved(workspace, owner)
    return max(0, most - taken)


def _begin(workspace: Workspace, told: dict[str, Any], batch: str, files: list[uploads.Planned]) -> list[int]:
    uploads.sweep(workspace)
    owner = told["owner"]
    limits = uploads.Limits(int(told["most"]), left_for(workspace, owner))
    return uploads.begin(workspace, owner, batch, files, limits, str(told["field"]))


async def _receive(request: Request, workspace: Workspace, owner: str) -> int:
    """Write the body behind what is there, a block at a time; returns how long the file is now."""
    offset, number = request.headers.get("upload-offset", ""), request.path_params["number"]
    if not (offset.isascii() and offset.isdecimal() and len(offset) < 20):
        raise Refusal(ODD_PLAN)
    with uploads.writing(workspace, owner, request.path_params["batch"], number, int(offset)) as part:
        waiting = bytearray()
        try:
            stream = request.stream()
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    block = await anext(stream, None)
                waiting += block or b""
                if len(waiting) >= BLOCK or block is None:
                    await run_in_threadpool(part.append, waiting)
                    waiting = bytearray()
                if block is None:
                    return part.size
        except (ClientDisconnect, TimeoutError):
            if waiting:
                part.append(waiting)
            raise


def _allowed(request: Request) -> dict[str, Any]:
    """Return what the page's token says; raises `Refusal` unless page, cookie and address agree."""
    if request.method != "GET":  # with which browsers send no `Origin`, and which changes nothing
        tokens.refuse_elsewhere(request.headers)
    told = tokens.read(PURPOSE, request.headers.get("x-upload-token", ""), TOKEN_SECONDS)
    if owner_of(request.cookies) != told["owner"]:
        raise Refusal(tokens.TOO_OLD)
    return told


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > LARGEST_PLAN:
            raise uploads.TooLargeError("These are too many files for one upload. Make a zip of them.")
    return bytes(body)


def _plan(body: bytes) -> Plan:
    try:
        return Plan.model_validate_json(body)
    except (ValidationError, ValueError, RecursionError):
        raise Refusal(ODD_PLAN) from None


def _in_words(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answer every refusal as one sentence with the status that belongs to it."""

    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except uploads.TooLargeError as refusal:
            return _sentence(413, refusal)
        except uploads.NoRoomError as refusal:
            _log.error("The storage of this server is full: an upload was refused.")
            return _sentence(507, refusal)
        except uploads.BusyError as refusal:
            return _sentence(409, refusal)
        except Refusal as refusal:
            text = str(refusal)
            status = 403 if text in (tokens.TOO_OLD, tokens.ELSEWHERE) else 404 if text == uploads.GONE else 400
            return _sentence(status, refusal)
        except (ClientDisconnect, TimeoutError):
            return JSONResponse({"refused": "The connection broke. What came is kept."}, status_code=408)

    return answered


def _sentence(status: int, refusal: Refusal) -> Response:
    # The body was perhaps not read to its end: without this, the rest would be taken for the next request.
    headers = {"connection": "close"} if status in (403, 413, 507) else None
    return JSONResponse({"refused": str(refusal)}, status_code=status, headers=headers)
