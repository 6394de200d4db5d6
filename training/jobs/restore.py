"""Bring a run's data and model files back: of a run from another machine, or where they were cleared away."""

import time
from pathlib import Path
from typing import Any

from recipes import Refusal
from records import Workspace, write_json
from training import shelf
from training.jobs import Job
from training.plan import resolve

PATIENCE = 0.2


def do(job: Job) -> dict[str, Any]:
    """Read and prepare the data again, write the files from the newest checkpoint, check them; returns {"files"}."""
    from exporters import check, keras_file

    _read(job)
    asked = job.asked
    places = {"folder": str(asked.prepared.folder), "dataset": str(asked.dataset.folder)}
    write_json(job.run.folder / "prepared.json", places)
    sentences = []
    for number, (name, deliverable) in enumerate(asked.blueprint.deliverables.items()):
        job.tell(0.4 + 0.5 * number / len(asked.blueprint.deliverables), f"Writing {name}.keras")
        file = keras_file.export(asked, name, deliverable)
        sentences.append(check.start(asked, file, deliverable).finish()["sentence"])
    return {"files": sentences}


def _read(job: Job) -> None:
    """Read an upload as every upload is read: in a child process with limits."""
    data = resolve(job.run.recipe).data
    if data.sample:
        return
    if not Path(data.file).exists():
        raise Refusal("The file with the data of this run is no longer on this computer, so its model cannot be made.")
    reading = shelf.start_reading(data, Workspace(job.run.folder.resolve().parents[1]))
    while (told := shelf.reading(reading))["done"] < 1:
        job.tell(0.3 * told["done"], told["text"])
        time.sleep(PATIENCE)
    if told["refused"]:
        raise Refusal(told["refused"])
