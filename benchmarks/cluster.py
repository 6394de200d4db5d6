"""Runs on a real two-node Ray cluster, on one machine: does what docs/cluster.md promises hold?

    python -m benchmarks.cluster --ray /path/to/venv/bin/ray     # written to docs/cluster.json

The venv holds `ray[default]==2.60.0`, which Layerwise itself never imports. Head and node are two sets of processes
with the addresses 127.0.0.2 and 127.0.0.3; the catalogue is a real PostgreSQL; supervisor, web executor and workers
are the real ones, and what they train is a small real network. Each promise is played `--times` times. Cores and GPUs
of the cluster are numbers that Ray counts, not devices.
"""

import argparse
import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FunctionType
from typing import Any

import psutil

from benchmarks.queue import upper
from recipes import Recipe
from records import Run, Workspace
from records.catalogue import Catalogue, Queue
from training import marks
from training.executor import Executor, supervisor_lives
from training.ray_launcher import JobService

ROOT = Path(__file__).resolve().parents[1]
HEAD, NODE = "127.0.0.2", "127.0.0.3"
"""Ray takes 127.0.0.1 for the address of the machine in its network, and would leave the loopback."""
PORT, DASHBOARD = 6393, 8269
LONGEST = 600.0
TOKEN = secrets.token_hex(16)
EPOCHS = 120


class Broken(Exception):  # noqa: N818 - a promise that was not kept
    """What was to happen did not."""


class Cluster:
    """A head and a node, each a process group of its own, so that ending one is ending a machine."""

    def __init__(self, ray: Path, folder: Path) -> None:
        self._ray, self._folder = ray, folder
        self._groups: dict[str, subprocess.Popen] = {}
        self.service = JobService(f"http://{HEAD}:{DASHBOARD}", TOKEN)

    def start(self, address: str) -> None:
        """Start head or node and wait until it counts; a node that a busy machine did not let start tries again."""
        tries = 3
        while not self._comes_up(address):
            tries -= 1
            demand(tries > 0, f"{address} starts")
        if address == HEAD:
            wait_for(lambda: answers(self.service), "the head answers")

    def _comes_up(self, address: str) -> bool:
        before = self._starts(address)
        process = self._begin(address)
        wait_for(lambda: self._starts(address) > before or process.poll() is not None, f"{address} has started")
        return process.poll() is None

    def _starts(self, address: str) -> int:
        log = self._folder / f"{address}.log"
        return log.read_text().count("Ray runtime started") if log.exists() else 0

    def _begin(self, address: str) -> subprocess.Popen:
        where = (
            ["--head", "--port", str(PORT), "--dashboard-host", HEAD, "--dashboard-port", str(DASHBOARD),
             "--temp-dir", str(self._folder / "ray")]
            if address == HEAD else ["--address", f"{HEAD}:{PORT}"]
        )  # fmt: skip
        resources = ["--num-cpus", "2", "--num-gpus", "1", "--object-store-memory", "100000000"]
        with (self._folder / f"{address}.log").open("ab") as log:
            self._groups[address] = subprocess.Popen(
                [str(self._ray), "start", "--block", "--disable-usage-stats", "--node-ip-address", address,
                 *where, *resources],
                env=os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        return self._groups[address]

    def lose(self, address: str) -> float:
        """Take the power from a machine: everything of Ray on it is gone at once; returns the moment."""
        process = self._groups.pop(address)
        for child in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            # A worker is not the node's daemon: whether it lives on as an orphan is what is asked.
            if "training.worker" not in " ".join(_words(child)):
                _kill(child)
        process.wait()
        return time.monotonic()

    def dashboard(self) -> psutil.Process:
        """Return the process that answers for the job service."""
        every = psutil.Process(self._groups[HEAD].pid).children(recursive=True)
        return next(each for each in every if "dashboard.py" in " ".join(_words(each)))

    def close(self) -> None:
        """End everything."""
        for address in list(self._groups):
            self.lose(address)


class Trial:
    """One promise, played on the cluster with a few runs."""

    def __init__(self, cluster: Cluster, executor: Executor, postgres: Path) -> None:
        self.cluster, self.executor, self.postgres = cluster, executor, postgres
        self.queue = Queue(Catalogue(executor.workspace))

    def submit(self, owner: str = "ada", epochs: int = EPOCHS) -> str:
        """Queue a small real training."""
        plain = {
            "data": {"sample": "penguins"}, "model": {"architecture": "mlp"},
            "training": {"epochs": epochs, "seed": 1, "early_stopping": False},
        }  # fmt: skip
        return self.executor.submit(Recipe.of(plain), owner)

    def run(self, name: str) -> Run:
        """Return a run's folder."""
        return Run(self.executor.workspace.run_folder(name))

    def until(self, name: str, *states: str, seconds: float = LONGEST) -> str:
        """Wait until a run is in one of these states; returns which."""
        wait_for(lambda: self.row(name).state in states, f"{name} is {' or '.join(states)}", seconds)
        return self.row(name).state

    def row(self, name: str) -> Any:
        """Return a run's row, whoever owns it."""
        return next(row for owner in ("ada", "bob") for row in self.executor.runs(owner) if row.id == name)

    def trains(self, name: str, epoch: int = 5, attempt: int = 1) -> None:
        """Wait until a run has come so far and has a checkpoint to go on from."""

        def so_far() -> bool:
            state = self.run(name).state
            return state.epoch >= epoch and state.attempt == attempt and state.state == "running"

        wait_for(so_far, f"{name} trains")
        wait_for((self.run(name).folder / "checkpoints" / "LATEST").exists, f"{name} has a checkpoint")

    def finished(self, name: str, attempts: int, epochs: int = EPOCHS) -> None:
        """Wait for the end; every epoch must be there once, in order, in so many attempts."""
        told = self.until(name, "finished", "failed")
        demand(told == "finished", f"{told}: {self.run(name).state.message}")
        lines = [line["epoch"] for line in self.run(name).lines("metrics")[0] if line.get("end")]
        demand(lines == list(range(1, epochs + 1)), "every epoch once and in order")
        demand(self.row(name).attempt == attempts, f"{attempts} attempts, not {self.row(name).attempt}")
        demand(bool(self.run(name).read("deliverables.json")), "there is a model to take away")

    def clear(self) -> None:
        """End whatever a broken promise has left behind, so that the next one has the cluster for itself."""
        for row in [*self.queue.queued(), *self.queue.live()]:
            self.executor.stop(row.id, row.owner)
        wait_for(lambda: not [*self.queue.queued(), *self.queue.live()], "nothing goes and nothing waits")

    def worker(self, name: str) -> psutil.Process:
        """Return the worker's own process."""
        found = workers(self.executor.workspace, name)
        demand(len(found) == 1, f"one worker, not {len(found)}")
        return found[0]


def fair_order_and_gpus(trial: Trial) -> dict[str, Any]:
    """Ada queues three runs, then Bob comes; two fit. Bob's overtakes Ada's third; each has a GPU of its own."""
    ada = [trial.submit("ada") for _ in range(3)]
    bob = trial.submit("bob")
    names, seen, gpus = [*ada, bob], [], {}

    def all_over() -> bool:
        for name in names:
            for process in workers(trial.executor.workspace, name):
                if name not in seen:
                    seen.append(name)
                gpus.setdefault(name, _environment(process).get("CUDA_VISIBLE_DEVICES", ""))
        demand(len(trial.queue.live()) <= 2, "no more than two at once")
        return all(trial.row(name).state == "finished" for name in names)

    wait_for(all_over, "all four have finished", 2 * LONGEST)
    demand(seen.index(bob) < seen.index(ada[2]), "Bob's run starts before Ada's third")
    demand([name for name in seen if name != bob] == ada, "Ada's start in their order")
    demand(len(gpus) == 4 and all(gpu.isdigit() for gpu in gpus.values()), f"each has a GPU: {gpus}")
    return {"gpus": sorted(gpus.values())}


def stop_and_resume(trial: Trial) -> dict[str, Any]:
    """Stopped in training, it leaves a checkpoint; resumed, it goes on from there to the same end."""
    name = trial.submit()
    trial.trains(name)
    began = time.monotonic()
    trial.executor.stop(name, "ada")
    trial.until(name, "stopped")
    seconds = time.monotonic() - began
    stopped = trial.run(name).state.epoch
    trial.executor.resume(name, "ada")
    trial.finished(name, 2)
    return {"stop_seconds": round(seconds, 1), "at_epoch": stopped}


def killed(trial: Trial) -> dict[str, Any]:
    """`kill -9` of a worker: it goes on from its last checkpoint by itself."""
    name = trial.submit()
    trial.trains(name)
    began = time.monotonic()
    trial.worker(name).kill()
    wait_for(lambda: trial.row(name).attempt == 2, "the second attempt")
    seconds = time.monotonic() - began
    trial.finished(name, 2)
    return {"again_after_seconds": round(seconds, 1)}


def node_lost(trial: Trial) -> dict[str, Any]:
    """The machine of a run goes: it goes on elsewhere, and no orphan writes on."""
    names = [trial.submit(epochs=2 * EPOCHS) for _ in range(2)]  # one a node: each has one GPU
    for name in names:
        trial.trains(name)
    on_node = next(name for name in names if _is_below(trial.worker(name), trial.cluster, NODE))
    orphan = trial.worker(on_node)
    lost = trial.cluster.lose(NODE)
    wait_for(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE, "no orphan", 60)
    gone = time.monotonic() - lost
    wait_for(lambda: trial.row(on_node).state != "running" or trial.row(on_node).attempt == 2, "the loss is noticed")
    noticed = time.monotonic() - lost
    trial.cluster.start(NODE)
    trial.finished(on_node, 2, 2 * EPOCHS)
    trial.finished(next(name for name in names if name != on_node), 1, 2 * EPOCHS)
    return {"orphan_gone_seconds": round(gone, 1), "noticed_seconds": round(noticed, 1)}


def supervisor_killed(trial: Trial) -> dict[str, Any]:
    """The next supervisor takes the living job over; it is not started twice."""
    name = trial.submit()
    trial.trains(name)
    supervisor = next(process for process in psutil.process_iter() if _is_supervisor(process, trial.executor.workspace))
    supervisor.kill()
    wait_for(lambda: not supervisor_lives(trial.executor.workspace), "the supervisor is gone", 10)
    trial.executor.ensure_supervisor()
    trial.finished(name, 1)
    return {}


def service_silent(trial: Trial) -> dict[str, Any]:
    """The job service does not answer for 30 s: the run is not taken for dead, and what waits starts afterwards."""
    name = trial.submit(epochs=2 * EPOCHS)
    trial.trains(name)
    dashboard = trial.cluster.dashboard()
    dashboard.suspend()
    try:
        wait_for(trial.executor.trouble, "the screens say that the cluster does not answer", 60)
        waiting = trial.submit()
        time.sleep(20)
        demand(trial.row(name).attempt == 1, "nothing is started twice")
        demand(trial.row(waiting).state == "queued", "nothing new is handed over")
    finally:
        dashboard.resume()
    trial.finished(waiting, 1)
    trial.finished(name, 1, 2 * EPOCHS)
    demand(not trial.executor.trouble(), "the trouble is over")
    return {}


def database_gone(trial: Trial) -> dict[str, Any]:
    """PostgreSQL is started anew in mid-run: supervisor and worker live on, nothing is started twice."""
    from tests.postgres import control

    name = trial.submit()
    trial.trains(name)
    control(trial.postgres, "stop")
    time.sleep(5)
    control(trial.postgres, "start")
    demand(supervisor_lives(trial.executor.workspace), "the supervisor lives")
    trial.finished(name, 1)
    return {}


def not_shared(trial: Trial) -> dict[str, Any]:
    """A node that does not see the folder of runs: nothing is trained there, and the run says why."""
    word = trial.executor.workspace.root / "shared.word"
    told = word.read_text()
    word.write_text("another folder")
    try:
        name = trial.submit()
        trial.until(name, "failed")
    finally:
        word.write_text(told)
    message = trial.run(name).state.message
    demand(message.startswith("A computer of the cluster does not see the folder of runs"), message)
    trial.executor.resume(name, "ada")
    trial.until(name, "finished")
    return {}


TRIALS = (
    fair_order_and_gpus, stop_and_resume, killed, supervisor_killed, database_gone, service_silent, node_lost,
    not_shared,
)  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Play everything and write what came out."""
    from tests.postgres import server

    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--ray", type=Path, required=True, help="the program `ray` of a venv with ray[default]==2.60.0")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument(
        "--only", default="", help="some promises, by name, with commas; the others stay as they were written"
    )
    told = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lw", dir="/tmp")))
        address = stack.enter_context(server())
        os.environ |= {
            "LAYERWISE_DATABASE": address, "LAYERWISE_LAUNCHER": "ray", "LAYERWISE_RAY_TOKEN": TOKEN,
            "LAYERWISE_RAY_ADDRESS": f"http://{HEAD}:{DASHBOARD}", "LAYERWISE_RAY_GPUS": "1", "LAYERWISE_SLOTS": "2",
        }  # fmt: skip
        cluster = Cluster(told.ray.resolve(), folder)
        stack.callback(cluster.close)
        cluster.start(HEAD)
        cluster.start(NODE)
        executor = stack.enter_context(_executor(Workspace(folder / "workspace")))
        trial = Trial(cluster, executor, Path(address.partition("host=")[2].partition("&")[0]))
        about = {"ray": cluster.service.answer(), "nodes": 2}
        chosen = [each for each in TRIALS if not told.only or each.__name__ in told.only.split(",")]
        kept: dict[str, list[dict[str, Any]]] = {each.__name__: [] for each in chosen}
        for _ in range(told.times):
            for each in chosen:
                kept[each.__name__].append(_played(each, trial))
                # After each, so that whoever is cut short keeps what there is.
                _write(about, [_row(one, kept[one.__name__]) for one in chosen if kept[one.__name__]])


def wait_for(reached: Callable[[], Any], what: str, seconds: float = LONGEST) -> None:
    """Wait until something holds; raises `Broken` where it never does."""
    last = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > last:
            raise Broken(f"never: {what}")
        time.sleep(0.1)


def demand(holds: bool, what: str) -> None:  # noqa: FBT001
    """Raise `Broken` where something does not hold."""
    if not holds:
        raise Broken(what)


def answers(service: JobService) -> bool:
    """Does the job service answer?"""
    try:
        return bool(service.answer())
    except Exception:  # noqa: BLE001 - whatever it says, it is not ready
        return False


def workers(workspace: Workspace, run: str) -> list[psutil.Process]:
    """List the living workers of a run."""
    folder = str(workspace.run_folder(run))
    found = []
    for process in psutil.process_iter():
        words = _words(process)
        if folder in words and "training.worker" in words and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def _played(act: FunctionType, trial: Trial) -> dict[str, Any]:
    """Play a promise once; returns what was measured, with `broken` where it was not kept."""
    began = time.monotonic()
    try:
        outcome: dict[str, Any] = act(trial)
    except Broken as broken:
        outcome = {"broken": str(broken)}
        trial.clear()
    outcome |= {"seconds": round(time.monotonic() - began, 1), "epochs": EPOCHS}
    print(act.__name__, json.dumps(outcome), flush=True)
    return outcome


def _row(act: FunctionType, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    failures = sum("broken" in outcome for outcome in outcomes)
    bound = upper(failures, len(outcomes)) if outcomes else 1.0
    promise = (act.__doc__ or "").strip()
    return {
        "name": act.__name__, "promise": promise, "n": len(outcomes), "failures": failures, "upper_95": bound,
        "outcomes": outcomes,
    }  # fmt: skip


def _write(about: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Put what was played into the file; what was not played this time stays as it is."""
    file = ROOT / "docs" / "cluster.json"
    former = json.loads(file.read_text(encoding="utf-8"))["promises"] if file.exists() else []
    new = {row["name"]: row for row in (*former, *rows)}
    order = [each.__name__ for each in TRIALS if each.__name__ in new]
    file.write_text(json.dumps(about | {"promises": [new[name] for name in order]}, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _executor(workspace: Workspace) -> Generator[Executor]:
    """An executor as a web server has it; its supervisor ends with it."""
    executor = Executor(workspace)
    executor.ensure_supervisor()
    try:
        yield executor
    finally:
        for process in psutil.process_iter():
            if _is_supervisor(process, workspace):
                process.send_signal(signal.SIGTERM)
        wait_for(lambda: marks.is_free(marks.supervisor_lock(workspace)), "the supervisor ends", 30)


def _is_supervisor(process: psutil.Process, workspace: Workspace) -> bool:
    words = _words(process)
    return "training.supervisor" in words and str(workspace.root.resolve()) in words


def _is_below(process: psutil.Process, cluster: Cluster, address: str) -> bool:
    group = cluster._groups[address].pid  # noqa: SLF001 - the one who asks built it
    return group in [parent.pid for parent in process.parents()]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except psutil.Error:
        return {}


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return  # it was quicker


if __name__ == "__main__":
    main()
