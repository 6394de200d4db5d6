"""Is the queue exact and honest? Many claimers at once, and how far off the time until a start is.

    python -m benchmarks.queue            # the large setting, written to docs/queue.json
    python -m benchmarks.queue --small    # a minute, to standard output

Claims: `claimers` processes take from one queue until it is empty; every job must be claimed exactly once. On SQLite
and on a real PostgreSQL of its own. Forecast: a class's queue is played with a clock of its own; each run takes
another time than was estimated, and what was told when it was queued is compared with when it started.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from records import Workspace
from records.catalogue import Catalogue, Queue, RunRow, fair_order
from records.database import database, writing
from training import forecast

ROOT = Path(__file__).resolve().parents[1]
CLAIMER = """
import json, sys
from pathlib import Path
from benchmarks.queue import claim_all
print(json.dumps(claim_all(Path(sys.argv[1]), int(sys.argv[2]))))
"""
SEED = 20261121
LOOK_AGAIN = 250
"""Claims after which a claimer looks at the queue anew."""


def claims(workspace: Workspace, jobs: int, claimers: int) -> dict[str, Any]:
    """Let `claimers` processes empty a queue of `jobs`; counts what was claimed once, twice and never."""
    names = [f"job{number:06d}" for number in range(jobs)]
    rows = [
        RunRow(name, f"owner{place % 30}", name, place=float(place), created=float(place))
        for place, name in enumerate(names)
    ]
    engine = database(workspace)
    with writing(engine) as connection:  # all at once: this is not what is measured
        connection.execute(
            sql.insert(sql.Table("run", sql.MetaData(), autoload_with=connection)), list(map(vars, rows))
        )
    command = [sys.executable, "-c", CLAIMER, str(workspace.root)]
    started = time.monotonic()
    running = [
        subprocess.Popen([*command, str(number)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for number in range(claimers)
    ]
    told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    times = Counter(name for each in told for name in each["claimed"])
    seconds = sorted(second for each in told for second in each["seconds"])
    return {
        "jobs": jobs, "claimers": claimers, "claimed": len(times),
        "twice": sum(count > 1 for count in times.values()), "never": len(set(names) - times.keys()),
        "errors": sum(each["errors"] for each in told) + sum(process.returncode != 0 for process in running),
        "lost_races": sum(each["lost"] for each in told), "seconds": round(time.monotonic() - started, 1),
        "claim_p50_ms": round(1000 * statistics.median(seconds), 2),
        "claim_p99_ms": round(1000 * seconds[int(0.99 * (len(seconds) - 1))], 2),
        "upper_95": upper(0, jobs),
    }  # fmt: skip


def claim_all(root: Path, number: int) -> dict[str, Any]:
    """Claim until nothing is left (one process of many): each walks through the queue from a place of its own.

    So all meet each other where one comes to what another has taken since it looked at the queue.
    """
    queue, chance = Queue(Catalogue(Workspace(root))), random.Random(SEED + number)  # noqa: S311 - a test's own dice
    claimed, seconds, lost, errors = [], [], 0, 0
    while waiting := queue.queued():
        first = chance.randrange(len(waiting))
        for row in [*waiting[first:], *waiting[:first]][:LOOK_AGAIN]:
            began = time.monotonic()
            try:
                attempt = queue.claim(row.id, "-1")
            except Exception as error:  # noqa: BLE001 - counted, and told
                print(error, file=sys.stderr)
                errors += 1
                continue
            seconds.append(time.monotonic() - began)
            lost += attempt is None
            if attempt is not None:
                claimed.append(row.id)
    return {"claimed": claimed, "seconds": seconds, "lost": lost, "errors": errors}


def forecasts(
    owners: int, each: int, slots: int, most: int, spread: float, seed: int, *, warm: bool = True
) -> dict[str, float]:
    """Play a queue; returns how far off the told start was, as a share of the wait, and in seconds.

    `spread` is the scatter of real times around the estimates; all also take half as long again as estimated, as on
    busy cores. `warm`: twenty runs have finished before, so that this is known.
    """
    dice = random.Random(seed)  # noqa: S311
    rows = [
        RunRow(f"r{owner:02d}{number}", f"o{owner}", "", place=dice.uniform(0, 60), created=0.0,
               seconds=dice.choice([20.0, 40.0, 90.0, 240.0]))
        for owner in range(owners) for number in range(each)
    ]  # fmt: skip
    real = {row.id: ((row.seconds or 0) + forecast.BESIDE) * 1.5 * math.exp(dice.gauss(0, spread)) for row in rows}
    lately = [replace(row, took=real[row.id]) for row in dice.sample(rows, min(20, len(rows)))] if warm else []
    now, live, waiting, told, began = 0.0, [], sorted(rows, key=lambda row: row.place), {}, {}
    joined: list[RunRow] = []
    served: dict[str, float] = {}
    while waiting or joined or live:
        while waiting and waiting[0].place <= now:
            row = waiting.pop(0)
            joined.append(row)
            left = [(one.owner, max(forecast.Pace.of(lately).whole(one) - (now - began[one.id]), 1.0)) for one in live]
            turn = forecast.turns(joined, left, slots, most, forecast.Pace.of(lately), served)[row.id]
            told[row.id] = (now, turn.seconds or 0.0)
        for row in fair_order(list(joined), list(live), most, served):
            if len(live) >= slots:
                break
            joined.remove(row)
            served[row.owner] = now
            live.append(row)
            began[row.id] = now
        nexts = [began[row.id] + real[row.id] for row in live] + [row.place for row in waiting[:1]]
        now = min(nexts)
        for row in [row for row in live if began[row.id] + real[row.id] <= now]:
            live.remove(row)
            lately = [replace(row, took=real[row.id]), *lately][:20]
    waits = [(began[name] - moment, seconds) for name, (moment, seconds) in told.items() if began[name] - moment > 10]
    off = sorted(abs(seconds - wait) / wait for wait, seconds in waits)
    return {
        "runs": len(rows), "waited": len(waits), "median_error": round(statistics.median(off), 3),
        "p90_error": round(off[int(0.9 * (len(off) - 1))], 3),
        "median_wait_s": round(statistics.median(wait for wait, _ in waits), 1),
    }  # fmt: skip


def upper(failures: int, trials: int) -> float:
    """Return the 95 % upper bound of a share of failures (Wilson)."""
    z, share = 1.96, failures / trials
    middle = share + z * z / (2 * trials)
    return round(
        (middle + z * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)) / (1 + z * z / trials), 6
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and write what came out."""
    from tests.postgres import server

    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue", description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args(arguments).small
    jobs, claimers = (400, 4) if small else (10_000, 16)
    told: dict[str, Any] = {"seed": SEED, "claims": {}, "forecast": []}
    for name in ("sqlite", "postgresql"):
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="queue"))
            if name == "postgresql":
                os.environ["LAYERWISE_DATABASE"] = stack.enter_context(server())
            told["claims"][name] = claims(Workspace(Path(folder)), jobs, claimers)
            print(name, told["claims"][name], flush=True)
        os.environ.pop("LAYERWISE_DATABASE", None)
    for owners, each, most in ((30, 1, 0), (30, 4, 0), (5, 8, 1)):
        for spread in (0.0, 0.2, 0.5):
            asked = {"owners": owners, "each": each, "slots": 4, "most": most, "spread": spread}
            runs = [forecasts(owners, each, 4, most, spread, SEED + number) for number in range(5 if small else 40)]
            errors = {
                name: round(statistics.mean(run[name] for run in runs), 3) for name in ("median_error", "p90_error")
            }
            told["forecast"].append(
                asked | {"queues": len(runs), "starts": sum(run["waited"] for run in runs)} | errors
            )
            print(told["forecast"][-1], flush=True)
    if not small:
        (ROOT / "docs" / "queue.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
