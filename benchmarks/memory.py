"""What a visitor costs the server in memory.

    python -m benchmarks.memory [--small] [--visitors 100] [--json FILE]

Tabs open one after the other on a live run, and once more on the Build page; all stay open. What the first tenth brings
in (modules, caches) is no visitor's own: the rest is, and what it adds, divided by its number, is what a visitor costs.
Then all leave, others come, and memory must not have grown by much: `after` is the same a second time.
"""

import argparse
import asyncio
import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks._visitors import LiveRuns, Server, Tab, Times, server
from records import Workspace

COOKIE = "ada"
SETTLE = 2.0


def main() -> None:
    """Measure, print, write the numbers."""
    asked = _arguments()
    visitors = 10 if asked.small else asked.visitors
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        with LiveRuns(workspace, [COOKIE]) as live:
            pages = {"run": f"run?run={live.runs[0].id}", "build": "build"}
            cases = [_case(workspace, name, path, visitors) for name, path in pages.items()]
    if asked.json:
        told = {"visitors": visitors, "load": os.getloadavg(), "cases": cases}
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="ten visitors: only shows that it runs")
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _case(workspace: Workspace, name: str, path: str, visitors: int) -> dict[str, Any]:
    with server(workspace) as running:
        empty = running.memory_mb
        told = asyncio.run(_visited(running, path, visitors))
    result = {"page": name, "empty_mb": empty, **told}
    print(
        f"{name:8} empty {empty:6.0f} MB   first {visitors // 10}: {told['first_mb']:6.0f} MB   all {visitors}: "
        f"{told['all_mb']:6.0f} MB   a visitor: {told['a_visitor_mb']:.2f} MB   after: {told['after_mb']:6.0f} MB",
        flush=True,
    )
    return result


async def _visited(running: Server, path: str, visitors: int) -> dict[str, float]:
    first, all_of_them = await _opened(running, path, visitors)
    _, after = await _opened(running, path, visitors)
    own = (all_of_them - first) / (visitors - visitors // 10)
    return {"first_mb": first, "all_mb": all_of_them, "a_visitor_mb": own, "after_mb": after}


async def _opened(running: Server, path: str, visitors: int) -> tuple[float, float]:
    """Return the memory with the first tenth of the tabs open and with all, each after some ticks."""
    times = Times()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(visitors // 10):
            await stack.enter_async_context(Tab(running.url, path, COOKIE, times).opened())
        await asyncio.sleep(SETTLE)
        first = running.memory_mb
        for _ in range(visitors - visitors // 10):
            await stack.enter_async_context(Tab(running.url, path, COOKIE, times).opened())
        await asyncio.sleep(SETTLE)
        all_of_them = running.memory_mb
    if times.troubles:
        raise RuntimeError(f"A page showed an error, so its memory means nothing: {times.troubles[0]}")
    return first, all_of_them


if __name__ == "__main__":
    main()
