"""The server's own addresses: downloads, streamed from the run's folder to its owner and to nobody else."""

from pathlib import Path

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from recipes import Refusal
from records import Run, Workspace
from records.archive import zipped
from training.executor import NOT_HERE, Executor
from ui.identity import owner_of

RECIPE, WHOLE_RUN = "recipe.yaml", "run.zip"


def routes(workspace: Workspace) -> list[Route]:
    """List the addresses for `st.App`."""

    async def download(request: Request) -> Response:
        owner = owner_of(request.cookies)
        if owner is None:
            return _missing()
        return await run_in_threadpool(
            _download, workspace, owner, request.path_params["run"], request.path_params["name"]
        )

    return [Route("/api/runs/{run}/files/{name}", download, methods=["GET"])]


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
