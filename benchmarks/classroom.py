"""What the wall of a class costs: a made class whose runs all go on, read again and again as the page does.

    python -m benchmarks.classroom --students 30 --ticks 50

Says how many milliseconds of CPU one tick takes and how many bytes go to the browser. Runs are folders that are
written as a worker writes them; nothing is trained.
"""

import argparse
import json
import math
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from recipes import Recipe
from records import Run, Workspace
from records.catalogue import Catalogue, RunRow
from records.classes import Classes, Classroom
from training import plan

RECIPE = Recipe.parse("data: {sample: penguins}\ntraining: {epochs: 40}")
NAMES = ("Ada", "Alan", "Barbara", "Blaise", "Carl", "Claude", "Donald", "Edsger", "Emmy", "Frances", "George", "Grace")


def made(workspace: Workspace, students: int, teacher: str = "teacher") -> Classroom:
    """Make a class in which everybody has a run that goes; returns it as it is now."""
    classes, catalogue = Classes(workspace), Catalogue(workspace)
    room = classes.open(teacher, "Physics 9b")
    recipe = plan.resolve(RECIPE)
    for number in range(students):
        owner = f"student{number}"
        classes.join(room.code, owner, f"{NAMES[number % len(NAMES)]} {number + 1}", "here")
        run = Run.create(workspace.new_run_folder(), recipe)
        now = time.time()
        title = "Dense network · penguins"
        catalogue.add(RunRow(run.id, owner, title, "running", 1, place=now, created=now, updated=now))
        classes.note_run(owner, run.id)
        for _ in range(number % 30):
            go_on(run)
    return classes._mine(room.id, teacher)  # noqa: SLF001 - as it is now


def go_on(run: Run) -> None:
    """Let a made run finish one more epoch."""
    state = run.state
    epoch = min(state.epoch + 1, 40)
    loss = math.exp(-epoch / 12) + random.random() * 0.05  # noqa: S311 - only a picture
    line: dict[str, Any] = {"time": time.time(), "stage": "fit", "epoch": epoch, "x": float(epoch), "end": True}
    run.append("metrics", line | {"loss": loss, "val_loss": loss * 1.1, "accuracy": 1 - loss / 2})
    told = {"state": "running", "phase": "training", "epoch": epoch, "epochs": 40, "eta_seconds": float(40 - epoch)}
    run.write_state(state.model_copy(update=told))


def measure(students: int, ticks: int) -> dict[str, Any]:
    """Return what one tick of the wall costs the server, with every run one epoch further each time."""
    from ui import studio
    from ui.classroom import wall

    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        studio.workspace = lambda: workspace  # ty: ignore[invalid-assignment]
        room = made(workspace, students)
        runs = [Run(workspace.run_folder(each.run)) for each in Classes(workspace).runs(room.id, room.teacher)]
        spent, size = [], 0
        for _ in range(ticks):
            for run in runs:
                go_on(run)
            start = time.process_time()
            told = wall.cards(room)
            spent.append((time.process_time() - start) * 1000)
            size = len(json.dumps(told))
        if len(told) != students:
            raise RuntimeError(f"{len(told)} cards for {students} students.")
    spent.sort()
    return {
        "students": students, "ticks": ticks, "cpu_ms_median": round(spent[ticks // 2], 2),
        "cpu_ms_95": round(spent[int(ticks * 0.95)], 2), "bytes": size,
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--ticks", type=int, default=50)
    told = parser.parse_args(arguments)
    print(json.dumps(measure(told.students, told.ticks)))


if __name__ == "__main__":
    sys.exit(main())
