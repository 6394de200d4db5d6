"""The command line: `python -m training recipe.yaml [--workspace DIR]` trains in the foreground.

Progress goes to standard error; the last line of standard output is one JSON object. Exit status: 0 finished, 2 for a
bad recipe or bad data (one readable line on standard error), 1 for a run that failed or was stopped.
"""

import argparse
import json
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recipes import Recipe, Refusal
from recipes.configuration import check_or_exit
from records import Run, State, Workspace
from training import worker
from training.plan import resolve

TICK = 0.2
BAR = 24


def main(arguments: list[str] | None = None) -> int:
    """Train one recipe; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training", description="Train a recipe in the foreground.")
    parser.add_argument("recipe", type=Path, help="a recipe file, YAML or JSON")
    parser.add_argument("--workspace", type=Path, help="where runs are kept (default: LAYERWISE_WORKSPACE)")
    asked = parser.parse_args(arguments)
    check_or_exit()
    try:
        recipe = resolve(Recipe.load(asked.recipe))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    workspace = Workspace(asked.workspace.resolve()) if asked.workspace else Workspace.default()
    run = Run.create(workspace.new_run_folder(), recipe)
    with _chatter_in(run.folder / "log.txt") as (output, screen), _progress(run, screen):
        code = worker.main(run.folder, 1)
    state = run.state
    if code == worker.REFUSED:
        os.write(screen, f"{state.message}\n".encode())
        return 2
    if state.state != "finished":
        os.write(screen, f"{state.message} {_next_step(run, state)}\n".encode())
    os.write(output, (json.dumps(summary(run)) + "\n").encode())
    return 0 if state.state == "finished" else 1


def summary(run: Run) -> dict[str, Any]:
    """Say in plain values what became of a run."""
    state, report = run.state, run.read("report.json") or {}
    deliverables = {
        name: str((run.folder / told["file"]).resolve())
        for name, told in (run.read("deliverables.json") or {}).items()
        if told["checked"]
    }
    return {
        "run": run.id,
        "folder": str(run.folder.resolve()),
        "state": state.state,
        "task": report.get("task") or run.recipe.data.task,
        "metrics": report.get("metrics", {}),
        "seconds": round((state.ended or state.updated) - (state.started or state.created), 3),
        "samples_per_second": state.samples_per_second,
        "deliverables": deliverables,
    }


def bar(state: State) -> str:
    """Draw one line of progress."""
    share = min(state.epoch / state.epochs, 1.0) if state.epochs else 0.0
    done = "█" * round(share * BAR)
    left = "" if state.eta_seconds is None else f" · {state.eta_seconds:.0f} s left"
    pace = "" if state.samples_per_second is None else f" · {state.samples_per_second:,.0f} samples/s"
    return f"{state.phase:<10} {done:·<{BAR}} epoch {state.epoch} of {state.epochs}{pace}{left}"


def _next_step(run: Run, state: State) -> str:
    if state.state == "stopped":
        return f"Go on with: python -m training.worker {run.folder}"
    return f"{state.advice} The log: {run.folder / 'log.txt'}".strip()


@contextmanager
def _chatter_in(log: Path) -> Generator[tuple[int, int]]:
    """Send all that libraries print into the log; yields handles of the real output and the real screen."""
    sys.stdout.flush()
    sys.stderr.flush()
    output, screen = os.dup(1), os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield output, screen
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(output, 1)
        os.dup2(screen, 2)


@contextmanager
def _progress(run: Run, screen: int) -> Generator[None]:
    """Draw the bar from the run's folder, as every viewer does; a screen that is no terminal gets phases only."""
    over = threading.Event()
    viewer = threading.Thread(target=_draw, args=(run, screen, over))
    viewer.start()
    try:
        yield
    finally:
        over.set()
        viewer.join()


def _draw(run: Run, screen: int, over: threading.Event) -> None:
    is_terminal, last = os.isatty(screen), ""
    while True:
        is_last = over.wait(TICK)
        state = run.state
        if is_terminal:
            os.write(screen, f"\r\x1b[K{bar(state)}".encode())
        elif state.phase != last:
            os.write(screen, f"{bar(state)}\n".encode())
        last = state.phase
        if is_last:
            os.write(screen, b"\n" if is_terminal else b"")
            return


if __name__ == "__main__":
    sys.exit(main())
