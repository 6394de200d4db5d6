"""The server's own addresses: downloads, streamed from the run's folder to its owner and to nobody else."""

from pathlib import Path

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from recipes import Refusal
from records import Run, Workspace, project
from records.archive import zipped
from training.executor import NOT_HERE, Executor
from ui import people_routes, upload_routes
from ui.identity import owner_of

RECIPE, WHOLE_RUN, PROJECT = "recipe.yaml", "run.zip", f"runs{project.ENDING}"


def routes(workspace: Workspace) -> list[Route]:
    """List the addresses for `st.App`."""

    async def download(request: Request) -> Response:
        owner = owner_of(request.cookies)
        if owner is None:
            return _missing()
        return await run_in_threadpool(
            _download, workspace, owner, request.path_params["run"], request.path_params["name"]
        )

    async def save(request: Request) -> Response:
        owner = owner_of(request.cookies)
        if owner is None:
            return _missing()
        runs = [run for run in request.query_params.get("runs", "").split(",") if run]
        return await run_in_threadpool(_project, workspace, owner, runs)

    return [
        Route("/api/runs/{run}/files/{name}", download, methods=["GET"]),
        Route("/api/project", save, methods=["GET"]),
        *upload_routes.routes(workspace),
        *people_routes.routes(workspace),
    ]


def _project(workspace: Workspace, owner: str, runs: list[str]) -> Response:
    try:
        members = Executor(workspace).members(owner, runs)
    except Refusal:
        members = []
    if not members:
        return _missing()
    return StreamingResponse(
        iterate_in_threadpool(project.zipped(members)),
        media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="{PROJECT}"'},
    )


def _download(workspace: Workspace, owner: str, name_of_run: str, name: str) -> Response:
    try:
        run = Executor(workspace).folder(name_of_run, owner)
    except Refusal:
        run = None
    if run is None:
        return _missing()
    if name == WHOLE_RUN:
        called = f"run-{run.id[:8]}.zip"
        return StreamingResponse(
            iterate_in_threadpool(zipped(run)),
            media_type="application/zip",
            headers={"content-disposition": f'attachment; filename="{called}"'},
        )
    if name == RECIPE:
        return PlainTextResponse(
            run.recipe.portable().yaml(),
            media_type="application/yaml",
            headers={"content-disposition": f'attachment; filename="{RECIPE}"'},
        )
    file = _files(run).get(name)
    if file is None or not file.exists():
        return PlainTextResponse("There is no such file in this run. Go back to the run's page.", status_code=404)
    kind = "application/octet-stream"
    return FileResponse(file, media_type=kind, filename=name, content_disposition_type="attachment")


def _files(run: Run) -> dict[str, Path]:
    """Name the deliverables that may be downloaded: those that have passed their check."""
    told = run.read("deliverables.json") or {}
    ready = (run.folder / deliverable["file"] for deliverable in told.values() if deliverable["checked"])
    return {file.name: file for file in ready}


def _missing() -> Response:
    return PlainTextResponse(NOT_HERE, status_code=404)
