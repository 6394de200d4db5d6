"""From Train pressed to the first point on the curve: `python -m benchmarks.start [--runs 9]`.

Warm is what a person gets: `Executor.submit`, the queue, a fork of the pre-warmed parent. Cold is the same worker in a
fresh process. Both are timed from before the recipe is checked to the first line of `metrics.jsonl`, in turns, so that
a busy machine hits both alike. Beside it: what an idle supervisor costs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from recipes import Recipe
from records import Run, Workspace
from training import marks, plan
from training.executor import Executor

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 120.0
IDLE_WATCH = 10.0


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--sample", default="penguins")
    told = parser.parse_args()
    recipe = Recipe.of({"data": {"sample": told.sample}, "training": {"epochs": 3}})
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        supervisor = start_supervisor(workspace)
        try:
            ready = wait_for_parent(workspace)
            load = os.getloadavg()[0]
            warm, cold = [], []
            first_on(recipe, workspace)  # prepares the data: from then on they are cached, as for most runs
            for _ in range(told.runs):
                warm.append(first_on(recipe, workspace))
                cold.append(cold_start(recipe, workspace))
            idle = idle_cost(supervisor)
        finally:
            supervisor.terminate()
            supervisor.wait()
    print(
        json.dumps(
            {
                "sample": told.sample, "runs": told.runs, "load": load,
                "warm": summary(warm), "cold": summary(cold), "cold_over_warm": median(cold) / median(warm),
                "parent_ready_seconds": ready, "idle_supervisor_percent_of_a_core": idle,
            },
            indent=1,
        )
    )  # fmt: skip


def start_supervisor(workspace: Workspace) -> subprocess.Popen:
    """Start the supervisor in the foreground, so that it ends with us."""
    command = [sys.executable, "-m", "training.supervisor", "--workspace", str(workspace.root)]
    supervisor = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"LAYERWISE_IDLE_SECONDS": "600"})
    wait_for(lambda: not marks.is_free(marks.supervisor_lock(workspace), shared=True))
    return supervisor


def wait_for_parent(workspace: Workspace) -> float:
    """Return the seconds until forks are to be had."""
    began = time.monotonic()
    log = workspace.root / "log" / "supervisor.log"
    wait_for(lambda: log.exists() and "is ready" in log.read_text(encoding="utf-8"))
    return time.monotonic() - began


def first_on(recipe: Recipe, workspace: Workspace) -> float:
    """Time one run through the queue; waits for its end before it returns."""
    executor = Executor(workspace)
    began = time.monotonic()
    name = executor.submit(recipe, "benchmark")
    run = Run(workspace.run_folder(name))
    seconds = first_point(run, began)
    wait_for(lambda: not (row := executor.status(name, "benchmark")) or row.state == "finished")
    return seconds


def cold_start(recipe: Recipe, workspace: Workspace) -> float:
    """Time the same worker in a fresh process, without a queue."""
    began = time.monotonic()
    run = Run.create(workspace.new_run_folder(), plan.resolve(recipe))
    command = [sys.executable, "-m", "training.worker", str(run.folder)]
    with (run.folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}, stdout=log, stderr=log
        )
        seconds = first_point(run, began)
        process.wait()
    return seconds


def first_point(run: Run, began: float) -> float:
    """Return the seconds until there is a line to draw."""
    metrics = run.folder / "metrics.jsonl"
    wait_for(lambda: metrics.exists() and metrics.stat().st_size > 0)
    return time.monotonic() - began


def idle_cost(supervisor: subprocess.Popen) -> float:
    """Return the percentage of a core that a supervisor takes that has nothing to do."""
    process = psutil.Process(supervisor.pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(IDLE_WATCH)
    return round((sum(process.cpu_times()[:2]) - before) / IDLE_WATCH * 100, 2)


def wait_for(reached: Callable[[], bool], pause: float = 0.002) -> None:
    """Wait until something is so."""
    last = time.monotonic() + LONGEST
    while not reached():
        if time.monotonic() > last:
            raise TimeoutError("The run did not get that far.")
        time.sleep(pause)


def summary(seconds: list[float]) -> dict[str, float]:
    """Say how long it took, in seconds."""
    return {"median": round(median(seconds), 3), "best": round(min(seconds), 3), "worst": round(max(seconds), 3)}


def median(seconds: list[float]) -> float:
    """Return the middle one."""
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
