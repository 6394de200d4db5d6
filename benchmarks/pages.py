"""What pages cost the server: the start, every page, and live viewers once a second.

    python -m benchmarks.pages [--small] [--viewers 30,100] [--seconds 30] [--own-runs] [--json FILE]

The visitors are synthetic (`benchmarks/_visitors.py`), the server is the real one in a process of its own. `cores` is
the processor time of the server over the time that passed; the answer of a tick is timed from the request to the
message that ends the drawing. `--own-runs` gives each viewer a run of their own instead of one that all look at.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._visitors import LiveRuns, Server, Tab, Times, finished_run, percentile, server, watch
from records import Workspace

COOKIE = "ada"
STARTS = 5
TURNS = 20


def main() -> None:
    """Measure, print the tables, write the numbers."""
    asked = _arguments()
    viewers = [2] if asked.small else [int(number) for number in asked.viewers.split(",")]
    seconds, turns, starts = (3.0, 2, 1) if asked.small else (asked.seconds, TURNS, STARTS)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        done = finished_run(workspace, COOKIE)
        opened = [_start(workspace) for _ in range(starts)]
        print(f"open after {statistics.median(opened):.2f} s ({min(opened):.2f} to {max(opened):.2f})\n")
        with server(workspace) as running:
            pages = asyncio.run(_pages(running, done.id, turns))
        watched = [_watched(workspace, number, seconds, own_runs=asked.own_runs) for number in viewers]
    told = {
        "cores": os.cpu_count(), "load": os.getloadavg(), "turns": turns, "seconds": seconds,
        "start": {"runs": starts, "median": statistics.median(opened), "best": min(opened), "worst": max(opened)},
        "pages": pages, "viewers": watched,
    }  # fmt: skip
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="two viewers for some seconds: only shows that it runs")
    parser.add_argument("--viewers", default="30,100")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--own-runs", action="store_true")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _start(workspace: Workspace) -> float:
    with server(workspace) as running:
        return running.seconds_to_open


async def _pages(running: Server, run: str, turns: int) -> list[dict[str, Any]]:
    """Draw every page, first in a fresh tab each, then again and again in one."""
    paths = ["", "build", "runs", "compare", "learn", f"run?run={run}"]
    print(f"{'page':10}{'first of all':>14}{'new tab p50':>13}{'p95':>8}{'again p50':>11}{'p95':>8}   (milliseconds)")
    results = []
    for path in paths:
        once, fresh, again = Times(), Times(), Times()
        async with Tab(running.url, path, COOKIE, once).opened():
            pass
        for _ in range(turns):
            async with Tab(running.url, path, COOKIE, fresh).opened():
                pass
        async with Tab(running.url, path, COOKIE, again).opened() as tab:
            for _ in range(turns):
                await tab.draw("again")
        _refuse(once, fresh, again)
        result = {
            "page": path.partition("?")[0] or "start", "first_of_all": once.seconds["first"][0],
            "new_tab": _summary(fresh.seconds["first"]), "again": _summary(again.seconds["again"]),
        }  # fmt: skip
        results.append(result)
        numbers = [result["first_of_all"], *result["new_tab"].values(), *result["again"].values()]
        print(
            f"{result['page']:10}"
            + "".join(f"{n * 1000:{w}.0f}" for n, w in zip(numbers, (14, 13, 8, 11, 8), strict=True))
        )
    return results


def _watched(workspace: Workspace, viewers: int, seconds: float, *, own_runs: bool) -> dict[str, Any]:
    cookies = [f"viewer {number}" for number in range(viewers if own_runs else 1)]
    times = Times()
    with LiveRuns(workspace, cookies) as live, server(workspace) as running:
        paths = [
            (f"run?run={live.runs[number % len(cookies)].id}", cookies[number % len(cookies)])
            for number in range(viewers)
        ]
        cost = asyncio.run(watch(running, paths, times, seconds))
    _refuse(times)
    ticks = times.seconds["tick"]
    result = {
        "viewers": viewers, "own_runs": own_runs, **cost, "ticks": len(ticks), "late": times.late,
        "milliseconds_a_tick": cost["cores"] * seconds / max(1, len(ticks)) * 1000,
        "p50": percentile(ticks, 0.5), "p95": percentile(ticks, 0.95), "worst": max(ticks),
    }  # fmt: skip
    print(
        f"\n{viewers} viewers: {cost['cores']:.2f} cores, {result['milliseconds_a_tick']:.1f} ms of a core a tick, "
        f"{cost['bytes_a_second'] / viewers / 1000:.1f} kB a second each; {len(ticks)} ticks, {times.late} late, "
        f"p50 {result['p50'] * 1000:.0f} ms, p95 {result['p95'] * 1000:.0f} ms",
        flush=True,
    )
    return result


def _summary(seconds: list[float]) -> dict[str, float]:
    return {"p50": percentile(seconds, 0.5), "p95": percentile(seconds, 0.95)}


def _refuse(*measured: Times) -> None:
    if troubles := [trouble for times in measured for trouble in times.troubles]:
        raise RuntimeError(f"A page showed an error, so its time means nothing: {troubles[0]}")


if __name__ == "__main__":
    main()
