"""A finished run as a small web service with an OpenAPI page: `python -m exporters.service RUN [--port 8600]`.

    GET  /health    is it there, and which run is it
    GET  /card      the model card
    POST /predict   {"rows": [{column: value, ...}, ...]} -> {"answers": [...]}
    POST /predict/file   one picture, sound or clip -> {"answers": [...]}
    GET  /docs      all of this, to be tried in the browser

The model is the run's own `.keras` file, loaded by plain Keras with safe mode on. Values are read as the form of Try
reads them; what cannot be read is answered with status 422 and one sentence.
"""

import threading
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, UploadFile
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field, create_model

from evaluation import batch, predict, tasks
from exporters import card
from recipes import RawInput, Refusal, Signature
from records import Run, Workspace

MOST_ROWS = 1_000
MOST_BYTES = 20_000_000
FILES = ("picture", "sound", "clip")
KINDS: dict[str, Any] = {
    "number": float, "boolean": bool, "category": str, "text": str, "date": str, "series": list[list[float]],
}  # fmt: skip


class Health(BaseModel):
    """What is served."""

    status: str = "ok"
    run: str
    model: str


class Answers(BaseModel):
    """An answer a row, in the order of the rows."""

    answers: list[dict[str, Any]]


def app_of(run: Run) -> FastAPI:
    """Make the service of a finished run; raises `Refusal` where the run has no model yet."""
    signature = predict.signature_of(run)
    model, lock = predict.download(run, "model"), threading.Lock()
    app = FastAPI(title=run.recipe.name or "Layerwise model", description=tasks.get(signature.task).SENTENCE)

    def answer(values: list[dict[str, Any]]) -> Answers:
        with lock:  # one model, one question at a time
            told = batch.answered(signature, model, values)
        for number, each in enumerate(told, 1):
            if "problem" in each:
                where = f"Row {number}: " if len(told) > 1 else ""
                raise HTTPException(422, f"{where}{each['problem']}")
        return Answers(answers=told)

    @app.get("/health")
    def health() -> Health:
        return Health(run=run.id, model=run.recipe.model.architecture)

    @app.get("/card", response_class=PlainTextResponse)
    def model_card() -> str:
        return card.text(run)

    if any(raw.kind in FILES for raw in signature.raw):
        if len(signature.raw) == 1:
            _take_files(app, signature, answer)
    else:
        _take_rows(app, signature, answer)
    return app


def _take_rows(app: FastAPI, signature: Signature, answer: Any) -> None:
    row: Any = _row_of(signature)
    rows: Any = Annotated[list[row], Field(min_length=1, max_length=MOST_ROWS)]
    asked: Any = create_model("Rows", rows=(rows, ...))

    def predict_rows(told: Any) -> Answers:
        return answer([each.model_dump(by_alias=True) for each in told.rows])

    predict_rows.__annotations__["told"] = asked  # what FastAPI reads the body as
    app.post("/predict", response_model=Answers)(predict_rows)


def _take_files(app: FastAPI, signature: Signature, answer: Any) -> None:
    (raw,) = signature.raw

    def predict_file(file: UploadFile) -> Answers:
        data = file.file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise HTTPException(413, f"This file is larger than {MOST_BYTES // 1_000_000} MB. Send a smaller one.")
        return answer([{raw.name: data}])

    app.post("/predict/file", response_model=Answers)(predict_file)


def _row_of(signature: Signature) -> Any:
    """Return the type of a row: a field a raw input, under its own name, each of which may be missing."""
    fields: dict[str, Any] = {f"field_{place}": _field_of(raw) for place, raw in enumerate(signature.raw)}
    return create_model("Row", **fields)


def _field_of(raw: RawInput) -> Any:
    known = f" One of: {', '.join(raw.choices[:20])}." if raw.choices else ""
    span = f" In the training data {raw.minimum:g} to {raw.maximum:g}." if _has_span(raw) else ""
    told = Field(None, alias=raw.name, description=f"{raw.description}{known}{span}".strip() or None)
    return (KINDS[raw.kind] | None, told)


def _has_span(raw: RawInput) -> bool:
    return raw.minimum is not None and raw.maximum is not None


def run_of(told: str) -> Run:
    """Return a run by its folder or its id in the workspace; raises `Refusal` for neither."""
    folder = Path(told)
    if not (folder / "recipe.yaml").exists():
        folder = Workspace.default().run_folder(told) if told.isalnum() else folder
    if not (folder / "recipe.yaml").exists():
        raise Refusal(f"There is no run '{told}'. Give its folder, or its id as it stands in the page's address.")
    return Run(folder)
