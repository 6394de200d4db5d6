"""Addresses about people: a class's results for its teacher, and the way into one's own workspace from elsewhere."""

from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from recipes import Refusal
from records import Workspace, audit
from records.classes import NO_CLASS, Classes
from records.people import People
from ui import identity, tokens

OPEN = "open workspace"
OPEN_SECONDS = 120.0
LONGEST_TOKEN = 2_000


def routes(workspace: Workspace) -> list[Route]:
    """List the addresses for `st.App`."""

    async def results(request: Request) -> Response:
        return await run_in_threadpool(_results, workspace, request.path_params["classroom"], request)

    async def enter(request: Request) -> Response:
        token = (await request.body())[:LONGEST_TOKEN].decode("latin-1")
        return await run_in_threadpool(_enter, workspace, token, request)

    return [
        Route("/api/classes/{classroom}/results.csv", results, methods=["GET"]),
        Route("/api/people/open", enter, methods=["POST"]),
    ]


def _results(workspace: Workspace, classroom: str, request: Request) -> Response:
    from ui.classroom import results

    owner = identity.owner_of(request.cookies)
    known = Classes(workspace).of_teacher(classroom, owner) if owner else None
    if known is None:
        return PlainTextResponse(NO_CLASS, status_code=404)
    return Response(
        results.table(known, workspace).encode("utf-8-sig"),  # with its mark, or spreadsheets misread accents
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f"attachment; filename*=UTF-8''{quote(known.name)}.csv",
            "cache-control": "no-store",
        },
    )


def _enter(workspace: Workspace, token: str, request: Request) -> Response:
    """Give this browser a new cookie, whose session is the owner's that the words have opened."""
    here = identity.owner_of(request.cookies)
    try:
        tokens.refuse_elsewhere(request.headers)
        told = tokens.read(OPEN, token, OPEN_SECONDS)
    except Refusal as refusal:
        return PlainTextResponse(str(refusal), status_code=403)
    if here is None or told["owner"] != here:  # made for another browser
        return PlainTextResponse(tokens.TOO_OLD, status_code=403)
    secret, header = identity.fresh_cookie(request.scope)
    session = identity.session_of({identity.COOKIE: secret})
    People(workspace).begin(str(session), told["opens"], "words")
    audit.note(workspace, told["opens"], "opened with words")
    return Response(status_code=204, headers={"set-cookie": header, "cache-control": "no-store"})
