"""What happens to runs when everything goes wrong, again and again; each row counts how often a promise was broken.

    python -m benchmarks.chaos [--small] [--only ROW ...] [--seed 1] [--json FILE]

Most rows use a trainer without Keras on the same leases, records and checkpoints (`benchmarks/_chaos_trainer.py`),
so that thousands of faults fit into minutes; `keras` kills real workers under a real supervisor. After each fault the
run goes on, and then all of this must hold: weights and curve equal those of the unbroken run to the last bit, epochs
1 to the last each once, nothing committed is lost, `LATEST` names the newest whole checkpoint, no temporary is left.
"""

import argparse
import contextlib
import errno
import hashlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _chaos_trainer as fake
from recipes import Recipe
from records import Run, Workspace, disk
from training import checkpoints, marks
from training.executor import Executor
from training.launcher import LocalLauncher
from training.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, "-m", "benchmarks._chaos_trainer")
MEMORY = Path("/dev/shm")  # noqa: S108 - where flushing costs nothing; its names are made by `tempfile`
EPOCHS = 4
PATIENCE = 300.0

Outcome = str
"""What was wrong; empty where nothing was."""
Row = Callable[[Path, random.Random, int], Iterator[Outcome]]


def main() -> None:
    """Break things, count, print, write the numbers."""
    asked = _arguments()
    os.environ["LAYERWISE_BALLAST_MB"] = "1"
    place = MEMORY if MEMORY.is_dir() else None
    rows = []
    with tempfile.TemporaryDirectory(prefix="layerwise-chaos-", dir=place) as folder:
        for name, (row, title, few, many) in ROWS.items():
            if asked.only and name not in asked.only:
                continue
            amount = few if asked.small else asked.faults or many
            if amount == 0:
                continue
            started = time.monotonic()
            outcomes = _tried(row(Path(folder) / name, random.Random(f"{asked.seed} {name}"), amount))  # noqa: S311
            rows.append(_counted(name, title, outcomes, time.monotonic() - started))
            if asked.json:  # after each row: the large setting takes long
                told = {"seed": asked.seed, "small": asked.small, "load": os.getloadavg(), "rows": rows}
                asked.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if any(row["failures"] for row in rows):
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few faults of each kind: only shows that it runs")
    parser.add_argument("--only", nargs="+", choices=sorted(ROWS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, help="how many of each kind, instead of the large setting")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _tried(outcomes: Iterator[Outcome]) -> list[Outcome]:
    """Collect outcomes; a row that breaks off has failed once more, and the others still run."""
    found: list[Outcome] = []
    try:
        found.extend(outcomes)
    except Exception:  # noqa: BLE001 - counted and shown
        found.append(traceback.format_exc())
    return found


def _counted(name: str, title: str, outcomes: list[Outcome], seconds: float) -> dict[str, Any]:
    failures = [each for each in outcomes if each]
    bound = wilson(len(failures), len(outcomes))
    print(f"{name:12} {len(outcomes):6} faults  {len(failures):3} failures  <= {100 * bound:.2f} %  {seconds:6.0f} s")
    for each in failures[:3]:
        print(f"    {each}", flush=True)
    told = {"row": name, "title": title, "n": len(outcomes), "failures": len(failures)}
    return told | {"upper_95": bound, "seconds": round(seconds, 1), "examples": failures[:3]}


def wilson(failures: int, n: int) -> float:
    """Return the upper end of Wilson's 95 % interval of a share."""
    z, share = 1.96, failures / n
    root = math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (share + z * z / (2 * n) + z * root) / (1 + z * z / n)


# Killed, stopped, full


def killed(folder: Path, chance: random.Random, amount: int) -> Iterator[Outcome]:
    """Kill the trainer at random times, until each run is finished."""
    kills = 0
    while kills < amount:
        run, attempt, known = fake.fresh(folder), 0, 0
        while not Run(run).is_done:
            attempt += 1
            told, tell = os.pipe()
            pid = fake.fork(lambda run=run, attempt=attempt, tell=tell: _speaking(run, attempt, tell))
            os.close(tell)
            if kills < amount:
                time.sleep(chance.uniform(0.0, 0.12))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            said = [json.loads(line) for line in _all(told).splitlines()]
            lost = [each["resumed"] for each in said if each.get("resumed", known) < known]
            known = max([known, *(each["committed"] for each in said if "committed" in each)])
            if os.WIFSIGNALED(status):
                kills += 1
                bad = fake.wrong(run, 8, is_done=False)
                yield bad or (f"went on after epoch {lost[0]}, but {known} was committed" if lost else "")
        if bad := fake.wrong(run, 8, is_done=True):
            yield bad


def _speaking(run: Path, attempt: int, tell: int) -> None:
    def say(what: str, epoch: int) -> None:
        os.write(tell, json.dumps({what: epoch}).encode() + b"\n")

    fake.train(
        run, attempt, 8, seconds=0.01, committed=lambda epoch: say("committed", epoch),
        resumed=lambda epoch: say("resumed", epoch),
    )  # fmt: skip


def _all(handle: int) -> bytes:
    with os.fdopen(handle, "rb") as file:
        return file.read()


class _At:
    """Hears operations and does something before one of them."""

    def __init__(self, number: int, action: Callable[[], None]) -> None:
        self.left, self.action = number, action

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left == -1:
            self.action()


def operations(folder: Path) -> int:
    """Count the operations of a whole run, after its lease is taken."""
    counted: list[str] = []
    with disk.watched(lambda name, *_: counted.append(name)):
        fake.train(fake.fresh(folder), 1, EPOCHS)
    return len(counted)


def at_each_operation(folder: Path, chance: random.Random, most: int) -> Iterator[Outcome]:
    """Kill the trainer before each single write, flush, rename and removal of a run."""
    for number in _some(operations(folder), most, chance):
        run = fake.fresh(folder)
        pid = fake.fork(lambda run=run, number=number: _train_at(run, number, signal.SIGKILL))
        os.waitpid(pid, 0)
        bad = fake.wrong(run, EPOCHS, is_done=False)
        fake.train(run, 2, EPOCHS)
        yield bad or fake.wrong(run, EPOCHS, is_done=True)


def _some(amount: int, most: int, chance: random.Random) -> list[int]:
    """Return all numbers of operations, or as many as asked for."""
    return list(range(amount)) if amount <= most else sorted(chance.sample(range(amount), most))


def _train_at(run: Path, number: int, sign: signal.Signals) -> None:
    with disk.watched(_At(number, lambda: os.kill(os.getpid(), sign))):
        fake.train(run, 1, EPOCHS)


def stale(folder: Path, chance: random.Random, most: int) -> Iterator[Outcome]:
    """Freeze an attempt before each of its operations, let another one finish the run, then wake the first."""
    for number in _some(operations(folder), most, chance):
        run = fake.fresh(folder)
        pid = fake.fork(lambda run=run, number=number: _train_at(run, number, signal.SIGSTOP))
        os.waitpid(pid, os.WUNTRACED)
        fake.train(run, 2, EPOCHS)
        before = _content(run)
        os.kill(pid, signal.SIGCONT)
        _, status = os.waitpid(pid, 0)
        accepted = [name for name, content in _content(run).items() if before.get(name) != content]
        gone = before.keys() - _content(run).keys()
        if accepted or gone:
            yield f"before operation {number}: wrote {accepted}, removed {sorted(gone)}"
        elif os.waitstatus_to_exitcode(status) not in (fake.FENCED, 0):  # 0: it had nothing left to write
            yield f"before operation {number}: ended with {os.waitstatus_to_exitcode(status)}"
        else:
            yield fake.wrong(run, EPOCHS, is_done=True)


def _content(run: Path) -> dict[str, str]:
    files = (file for file in run.rglob("*") if file.is_file())
    return {str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def full(folder: Path, chance: random.Random, amount: int) -> Iterator[Outcome]:
    """Have the disk full before each operation that needs room, once or several times in a row."""
    every = operations(folder)
    for number in range(amount):
        run, waited = fake.fresh(folder), []
        error = chance.choice([errno.ENOSPC, errno.EDQUOT])
        watcher = _Full(number % every if number < every else chance.randrange(every), chance.randint(1, 3), error)
        with disk.waiting(lambda waited=waited: waited.append(1)), disk.watched(watcher):
            fake.train(run, 1, EPOCHS)
        if not watcher.told:
            continue  # nothing after that operation needed room
        if not waited:
            yield f"operation {number}: the disk was full, and nobody waited"
        else:
            yield fake.wrong(run, EPOCHS, is_done=True)


class _Full:
    """From one operation on, the disk is full for the next few that need room."""

    def __init__(self, first: int, times: int, error: int) -> None:
        self.first, self.times, self.error = first, times, error
        self.told = 0

    def __call__(self, name: str, path: Path, _about: object) -> None:
        self.first -= 1
        needs_room = name in ("create", "write", "append", "mkdir", "rename")
        # A folder is made once, outside of what is tried again by itself.
        if self.first < 0 and self.told < self.times and needs_room and not _is_cleaning(name, path):
            self.told += 1
            raise OSError(self.error, os.strerror(self.error), str(path))


def _is_cleaning(name: str, path: Path) -> bool:
    """Say whether this only moves aside what is to be deleted, which needs no room."""
    return name == "rename" and not path.parent.name.startswith(disk.WRITING)


# Power and rot


def powerless(folder: Path, chance: random.Random, amount: int) -> Iterator[Outcome]:
    """Lose the power at every moment of a run, and with it a random part of what was not flushed."""
    states = max(1, amount // operations(folder / "count"))
    run = fake.fresh(folder / "run")
    disk.take(run, 1)
    for name in disk.STREAMS:
        (run / name).touch()
    (run / "checkpoints").mkdir()
    tape = fake.Tape(run)
    outcomes: list[Outcome] = []

    def lose(name: str, path: Path, about: Any) -> None:
        tape(name, path, about)
        if len(outcomes) < amount:
            outcomes.extend(_after_loss(tape, fake.fresh(folder / "left"), chance) for _ in range(states))

    with disk.watched(lose):
        fake.train(run, 1, EPOCHS, committed=lambda epoch: setattr(tape, "epoch", epoch))
    yield from outcomes


def _after_loss(tape: fake.Tape, left: Path, chance: random.Random) -> Outcome:
    left.rmdir()
    tape.crash(left, chance)
    resumed: list[int] = []
    former, disk._watchers[:] = disk._watchers[:], []  # noqa: SLF001 - the second run is not on the tape
    held, disk._held[:] = disk._held[:], []  # noqa: SLF001 - nor does it belong to the first one
    try:
        fake.train(left, 2, EPOCHS, resumed=resumed.append)
    finally:
        disk._watchers[:], disk._held[:] = former, held  # noqa: SLF001
    if resumed[0] < tape.epoch:
        return f"went on after epoch {resumed[0]}, but {tape.epoch} was committed"
    return fake.wrong(left, EPOCHS, is_done=True)


def rotten(folder: Path, chance: random.Random, amount: int) -> Iterator[Outcome]:
    """Damage one file of the newest checkpoint, or one in each: a hole, a truncation, a flipped bit."""
    run = fake.fresh(folder)
    right = fake.unbroken(EPOCHS)
    for number in range(amount):
        fake.train(fake.fresh(run), 1, EPOCHS)
        every = checkpoints.every(run / "checkpoints")
        is_both = number % 4 == 3
        for place in every if is_both else every[-1:]:
            _damage(chance.choice(sorted(place.iterdir())), ("hole", "truncation", "flip")[number % 3], chance)
        snapshot, damaged = checkpoints.newest(run / "checkpoints")
        expected = 0 if is_both else EPOCHS - 1
        if (snapshot.epoch if snapshot else 0) != expected:
            yield f"went on after epoch {snapshot.epoch if snapshot else 0} instead of {expected}"
        elif snapshot and snapshot.variables[0].tobytes() != right[expected - 1].tobytes():
            yield "took damaged weights"
        elif len(damaged) != (2 if is_both else 1):
            yield f"named {damaged} as damaged"
        else:
            fake.train(run, 2, EPOCHS)
            yield fake.wrong(run, EPOCHS, is_done=True)


def _damage(file: Path, kind: str, chance: random.Random) -> None:
    data = bytearray(file.read_bytes())
    place = chance.randrange(len(data))
    if kind == "truncation":
        del data[place:]
    elif kind == "flip":
        data[place] ^= 1 << chance.randrange(8)
    else:
        former = bytes(data[place : place + 512])
        data[place : place + 512] = bytes(len(former)) if any(former) else b"\xff" * len(former)
    file.write_bytes(data)


# Supervisor and real workers


def supervised(folder: Path, chance: random.Random, amount: int) -> Iterator[Outcome]:
    """Kill the supervisor of four runs again and again; none starts twice, all finish."""
    workspace = Workspace(folder / "workspace")
    lock = marks.hold(marks.supervisor_lock(workspace))  # so that submitting starts no supervisor of its own
    kills = 0
    while kills < amount:
        runs = [_submitted(workspace) for _ in range(4)]
        while not all(run.is_done for run in runs):
            pid = fake.fork(lambda: _supervise(workspace))
            time.sleep(chance.uniform(0.05, 0.6))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            kills += 1
            yield ""
        for run in runs:
            if bad := fake.wrong(run.folder, 12, is_done=True):
                yield bad
            starts = (run.folder / "starts").read_text().split()
            if len(starts) != len(set(starts)):
                yield f"attempts {starts}: one was started twice"
    if lock is not None:
        os.close(lock)


def _submitted(workspace: Workspace) -> Run:
    run = Run(workspace.run_folder(Executor(workspace).submit(Recipe.parse("data: {sample: penguins}"), "ada")))
    (run.folder / "chaos.json").write_text(json.dumps({"epochs": 12, "seconds": 0.05}))
    return run


def _supervise(workspace: Workspace) -> None:
    os.environ["LAYERWISE_SLOTS"] = "4"
    supervisor = Supervisor(workspace, LocalLauncher(workspace, COMMAND), keeps_warm=False)
    supervisor.reconcile()
    while True:
        supervisor.tick()
        time.sleep(0.02)


def real(folder: Path, chance: random.Random, amount: int) -> Iterator[Outcome]:
    """Kill real workers at random times under a real supervisor; the end equals that of the unbroken run."""
    workspace = Workspace(folder / "workspace")
    environment = os.environ | {"LAYERWISE_IDLE_SECONDS": "600"}
    command = [sys.executable, "-m", "training.supervisor", "--workspace", str(workspace.root)]
    supervisor = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _until((workspace.root / "bell").exists)
        executor = Executor(workspace)
        first = _trained(executor)
        _until(lambda: first.is_done)
        expected, kills = _end_of(first), 0
        while kills < amount:
            run, reached, is_patient = _trained(executor), 0, False
            while kills < amount and not run.is_done:
                attempt = run.state.attempt
                # A run that dies three times at one place is given up, so every second kill waits for an epoch.
                least = reached + is_patient
                _until(lambda run=run, least=least: run.is_done or (_is_going(run) and _epochs(run) >= least))
                time.sleep(chance.uniform(0.0, 2.0))
                if (pid := _worker(executor, run)) is None or run.is_done:
                    continue
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                kills, reached, is_patient = kills + 1, _epochs(run), not is_patient
                _until(lambda run=run, attempt=attempt: run.is_done or run.state.attempt > attempt)
                yield ""
            _until(lambda run=run: run.is_done)
            if run.state.state != "finished":
                yield f"{run.state.state}: {run.state.message}"
            elif _end_of(run) != expected:
                yield "another end than that of the unbroken run"
    finally:
        supervisor.terminate()
        supervisor.wait()


def _trained(executor: Executor) -> Run:
    recipe = Recipe.parse(
        "data: {sample: penguins}\nmodel: {architecture: mlp, dropout: 0.3}\n"
        "training: {epochs: 600, early_stopping: false, learning_rate: 0.0005, seed: 3}"
    )
    return Run(executor.workspace.run_folder(executor.submit(recipe, "ada")))


def _epochs(run: Run) -> int:
    return sum(line.get("end", False) for line in run.lines("metrics")[0])


def _is_going(run: Run) -> bool:
    return run.state.state == "running" and run.state.phase in ("training", "validating", "compiling", "preparing")


def _worker(executor: Executor, run: Run) -> int | None:
    row = executor.status(run.id, "ada")
    return int(row.handle.partition(":")[0]) if row and row.handle else None


def _end_of(run: Run) -> tuple[Any, ...]:
    snapshot, _ = checkpoints.newest(run.folder / "checkpoints")
    digest = hashlib.sha256()
    for array in snapshot.variables if snapshot else []:
        digest.update(np.ascontiguousarray(array).tobytes())
    lines = [line for line in run.lines("metrics")[0] if line.get("end")]
    return digest.hexdigest(), [(line["epoch"], line["loss"], line["val_loss"]) for line in lines]


def _until(reached: Callable[[], bool]) -> None:
    last = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > last:
            raise TimeoutError("It did not happen in time.")
        time.sleep(0.02)


ROWS: dict[str, tuple[Row, str, int, int]] = {
    "killed": (killed, "Worker killed at a random time", 4, 1000),
    "operations": (at_each_operation, "Killed before each write, flush, rename and removal", 5, 10_000),
    "stale": (stale, "A frozen attempt wakes after a newer one took the run", 5, 10_000),
    "power": (powerless, "Power lost at every moment, with what was not flushed", 30, 5000),
    "rot": (rotten, "Checkpoint with a hole, a truncation or a flipped bit", 4, 600),
    "full": (full, "Disk full before a write, up to three times in a row", 6, 600),
    "supervisor": (supervised, "Supervisor killed with four runs going", 0, 200),
    "keras": (real, "Real worker killed at a random time", 0, 60),
}
"""What is done, its title, and how often: small, large."""

if __name__ == "__main__":
    main()
