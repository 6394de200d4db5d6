"""Reading, preparing and training of data that need not fit into memory: seconds and the most memory of each process.

    python -m benchmarks.prepare [--small] [--only table|pictures] [--rows 1000000] [--pictures 100000] [--json FILE]

The data are made first, with a seed: a CSV of 20 columns (16 measurements, age, city, a truth value, the class to be
learned) and a zip of pictures of 64 x 64. Then each step runs in a process of its own, as an upload and a run do:
`read`, `prepare` and `again` (prepare once more: what the cache saves), and two short trainings on the same rows in
the same order, one with the data in memory, one that reads blocks from the disk; their losses must agree. `memory` is
the peak of the resident set (VmHWM), mapped files included; `own` is the highest that was seen without them.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from recipes import Part, Recipe, Training, keras, validate
from records import Workspace
from training import fit as loop
from training import plan, shelf

ROOT = Path(__file__).resolve().parents[1]
SEED = 1
SIDE = 64
SMALL_NET = {"filters": 8, "pooling": "stride"}
"""A net that computes so little that reading from the disk would show."""
STEPS = ("read", "prepare", "again", "resident", "blocks")
FIT_BYTES = 100_000_000
"""Rows of so many bytes are trained on a turn, more than one block; an epoch of all pictures would take minutes."""
EPOCHS = {"table": 3, "pictures": 2}
"""What is compiled late is compiled by the last but one."""
BATCH_SIZE = {"table": 256, "pictures": 64}


def main() -> None:
    """Measure both kinds of data, print the table, write the numbers."""
    asked = _arguments()
    if asked.measure:
        print(json.dumps(_measured(asked.measure, asked.kind, asked.folder)))
        return
    amounts = {"table": 20_000 if asked.small else asked.rows, "pictures": 500 if asked.small else asked.pictures}
    results = []
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        for kind, amount in amounts.items():
            if asked.only in {"", kind}:
                place = Path(folder) / kind
                place.mkdir()
                results.append(_compared(kind, amount, place, turns=1 if asked.small else asked.turns))
    told = {
        "seed": SEED, "cores": os.cpu_count(), "memory_gb": _memory_gb(), "load": os.getloadavg(), "cases": results,
    }  # fmt: skip
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="few rows: only shows that it runs and losses agree")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3, help="trainings of each kind, one after the other")
    parser.add_argument("--only", choices=("", "table", "pictures"), default="")
    parser.add_argument("--folder", type=Path, help="where the data are made; needs 4 GB")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    return parser.parse_args()


def _memory_gb() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


# The data


def _compared(kind: str, amount: int, folder: Path, turns: int) -> dict[str, Any]:
    file = folder / ("table.csv" if kind == "table" else "pictures.zip")
    began = time.perf_counter()
    (_make_table if kind == "table" else _make_pictures)(file, amount)
    print(f"{kind}: {amount:,}, {file.stat().st_size / 1e6:,.0f} MB, made in {time.perf_counter() - began:.0f} s")
    print(f"{'':12}{'seconds':>9}{'memory':>11}{'own':>11}")
    result: dict[str, Any] = {"case": kind, "rows": amount, "bytes": file.stat().st_size, "turns": turns}
    for step in ("read", "prepare", "again"):
        result[step] = _in_own_process(step, kind, folder)
        _print(step, result[step])
    fits = [{step: _in_own_process(step, kind, folder) for step in ("resident", "blocks")} for _ in range(turns)]
    for fitted in fits:
        np.testing.assert_allclose(fitted["blocks"]["losses"], fitted["resident"]["losses"], rtol=1e-3)
    for step in ("resident", "blocks"):
        result[step] = {
            "seconds": statistics.median(fitted[step]["seconds"] for fitted in fits),
            "cpu_seconds": statistics.median(fitted[step]["cpu_seconds"] for fitted in fits),
            "memory_mb": max(fitted[step]["memory_mb"] for fitted in fits),
            "own_mb": max(fitted[step]["own_mb"] for fitted in fits),
            "rows": fits[0][step]["rows"],
            "losses": fits[0][step]["losses"],
        }
        _print(step, result[step])
    for clock, name in (("seconds", "blocks_to_resident"), ("cpu_seconds", "blocks_to_resident_cpu")):
        ratios = [fitted["blocks"][clock] / fitted["resident"][clock] for fitted in fits]
        result |= {name: statistics.median(ratios), f"{name}_spread": [min(ratios), max(ratios)]}
    print(
        f"An epoch from the disk takes {result['blocks_to_resident']:.2f} times one from memory, "
        f"and {result['blocks_to_resident_cpu']:.2f} times the processor time.\n"
    )
    return result


def _print(step: str, told: dict[str, Any]) -> None:
    print(f"{step:12}{told['seconds']:9.2f}{told['memory_mb']:8,} MB{told['own_mb']:8,} MB", flush=True)


def _make_table(file: Path, rows: int) -> None:
    import pyarrow as pa
    from pyarrow import csv

    chance = np.random.default_rng(SEED)
    cities = np.array(["Cairo", "Delhi", "Lima", "Oslo", "Quito", "Rome"])
    writer = None
    for start in range(0, rows, 100_000):
        many = min(100_000, rows - start)
        values = chance.normal(size=(many, 16)).round(4)
        age = chance.integers(18, 90, many)
        score = values[:, 0] + values[:, 1] * values[:, 2] + (age > 50) + chance.normal(size=many) / 2
        block = pa.table(
            {f"measure {number}": values[:, number] for number in range(16)}
            | {"age": age, "city": cities[chance.integers(0, 6, many)], "paid": chance.random(many) < 0.5}
            | {"outcome": np.where(score > 0.5, "good", "bad")}
        )
        writer = writer or csv.CSVWriter(file, block.schema)
        writer.write(block)
    if writer:
        writer.close()


def _make_pictures(file: Path, pictures: int) -> None:
    """Draw a coloured disc or a square, somewhere on noise."""
    from PIL import Image

    chance = np.random.default_rng(SEED)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    with zipfile.ZipFile(file, "w") as packed:
        for number in range(pictures):
            array = chance.integers(0, 90, (SIDE // 4, SIDE // 4, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
            (y, x), size = chance.integers(16, SIDE - 16, 2), chance.integers(6, 15)
            is_disc = number % 2 == 0
            inside = np.hypot(rows - y, columns - x) < size
            inside = inside if is_disc else np.maximum(abs(rows - y), abs(columns - x)) < size
            array[inside] = chance.integers(90, 256, 3)
            buffer = io.BytesIO()
            Image.fromarray(array).save(buffer, "PNG", compress_level=1)
            packed.writestr(f"{'disc' if is_disc else 'square'}/{number}.png", buffer.getvalue())


# One step, in a process of its own


def _in_own_process(step: str, kind: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.prepare", "--measure", step, "--kind", kind, "--folder", str(folder)]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{step} of {kind} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _measured(step: str, kind: str, folder: Path) -> dict[str, Any]:
    recipe = plan.resolve(Recipe.of(_recipe(kind, folder)))
    workspace = Workspace(folder / "workspace")
    with _Watch() as watch:
        told = _STEPS[step](recipe, workspace, kind)
    return told | watch.told()


def _recipe(kind: str, folder: Path) -> dict[str, Any]:
    if kind == "table":
        data = {"file": str(folder / "table.csv"), "type": "tabular", "target": "outcome"}
    else:
        data = {"file": str(folder / "pictures.zip"), "type": "image"}
    return {
        "data": data,
        "model": {"architecture": "mlp"} if kind == "table" else {"architecture": "cnn"} | SMALL_NET,
        "training": {"epochs": 2, "batch_size": BATCH_SIZE[kind], "seed": SEED, "early_stopping": False},
    }


def _read(recipe: Recipe, workspace: Workspace, _kind: str) -> dict[str, Any]:
    began = time.perf_counter()
    shelf.open_dataset(recipe.data, workspace)
    return {"seconds": time.perf_counter() - began}


def _prepare(recipe: Recipe, workspace: Workspace, _kind: str) -> dict[str, Any]:
    began = time.perf_counter()
    shelf.open_prepared(recipe, workspace)
    return {"seconds": time.perf_counter() - began}


def _fit(recipe: Recipe, workspace: Workspace, kind: str, *, resident: bool) -> dict[str, Any]:
    """Time the last epoch, when everything is compiled; the order of the rows is the same for both ways."""
    import builders

    recipe, _, prepared = shelf.open_prepared(recipe, workspace)
    part = _first(prepared.part("train"), FIT_BYTES)
    keras.utils.set_random_seed(SEED)
    family = builders.get(recipe.model.architecture)
    stage = family.build(prepared.signature, validate(family.Config, recipe.model.settings, "model")).stages[0]
    training = validate(
        Training, {"epochs": EPOCHS[kind], "batch_size": BATCH_SIZE[kind], "seed": SEED, "early_stopping": False}
    )
    loop.compile_stage(stage, training)
    policy = replace(loop.choose_policy(stage.model, part, training), resident=resident)
    clock = _clock()
    history = loop.fit(stage.model, part, None, training=training, callbacks=[clock], policy=policy)
    wall, processor = (np.diff(times)[-1].item() for times in (clock.wall, clock.processor))
    return {"seconds": wall, "cpu_seconds": processor, "rows": len(part), "losses": history.history["loss"]}


def _clock() -> Any:
    class Clock(keras.callbacks.Callback):
        """Remember when each epoch ended, by the clock on the wall and by the processor time of all threads."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.wall: list[float] = []
            self.processor: list[float] = []

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.wall.append(time.perf_counter())
            self.processor.append(time.process_time())

    return Clock()


def _first(part: Part, most_bytes: int) -> Part:
    """Return as many rows of a part as make up so many bytes; they stay where they are, on the disk."""
    row_bytes = sum(array[:1].nbytes for array in part.x.values())
    rows = min(len(part), most_bytes // row_bytes)
    return Part({name: array[:rows] for name, array in part.x.items()}, part.y[:rows], part.rows[:rows])


_STEPS: dict[str, Callable[[Recipe, Workspace, str], dict[str, Any]]] = {
    "read": _read,
    "prepare": _prepare,
    "again": _prepare,
    "resident": lambda *told: _fit(*told, resident=True),
    "blocks": lambda *told: _fit(*told, resident=False),
}


class _Watch:
    """Watch this process's memory: the kernel's own peak, and twenty times a second what of it is not mapped files."""

    def __enter__(self) -> Self:
        self._done = threading.Event()
        self._own = 0
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self._own = max(self._own, _status("RssAnon"))

    def told(self) -> dict[str, int]:
        return {"memory_mb": _status("VmHWM"), "own_mb": max(self._own, _status("RssAnon"))}


def _status(name: str) -> int:
    """Return a line of the kernel's record of this process, in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) // 1024
    return 0


if __name__ == "__main__":
    main()
