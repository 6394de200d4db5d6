"""The pre-warmed parent of workers: everything imported, nothing computed, so that a fork is a worker in no time.

It reads one JSON line a request from its standard input and answers on its standard output:

    {"folder": ..., "attempt": 1, "environment": {...}}  ->  {"pid": 123} or {"failed": "why"}
    {"warm": workspace, "log": ..., "environment": {...}} -> {"pid": 124}
    {"job": folder, "environment": {...}}                -> {"pid": 125}
    (a child ended)                                       ->  {"exited": 123, "code": 0}

It starts with {"ready": seconds}. It ends when its input does; its children live on, each in an own session.

A fork is only safe while no TensorFlow operation has run: a child of a parent with a live runtime hangs for good.
So nothing here may compute, and a fork is refused once something did. With `--spare` it serves one request in this
very process instead of forking: for machines with GPUs, whose driver does not survive a fork.
"""

import argparse
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import random
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOMS = ("recipes", "records", "datasets", "builders", "evaluation", "exporters")
OUTSIDE = ("tensorflow", "keras", "numpy", "pandas")
OWN_PROCESSES = ("exporters.check.", "exporters.service")
LOG_NAME = "log.txt"
NICENESS = 5
"""Workers give way to the web server: a page must answer while they compute."""
FIRST_TO_GO = 800
"""Where memory runs out, the kernel shall end a worker, which resumes, and not the server."""


def main(arguments: list[str] | None = None) -> int:
    """Serve requests until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m training.zygote")
    parser.add_argument("--spare", action="store_true", help="serve one request in this process, without a fork")
    spare = parser.parse_args(arguments).spare
    answers = _own_output()
    started = time.monotonic()
    load()
    _tell(answers, {"ready": round(time.monotonic() - started, 2)})
    return _serve_one(answers) if spare else _serve(answers)


def load() -> None:
    """Import what a worker may need. None of it may make a tensor, a layer or a seed at import."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in OUTSIDE:
        importlib.import_module(name)
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            # Programs of a process of their own: they run, or close Keras off, when they are imported.
            if not module.name.endswith("__main__") and not module.name.startswith(OWN_PROCESSES):
                _load_plug_in(module.name)
    importlib.import_module("training.worker")
    importlib.import_module("training.warm")
    importlib.import_module("training.opened")


def _load_plug_in(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001 - told in the log; a half-written family must not slow everybody's runs
        traceback.print_exc()


def has_computed() -> bool:
    """Say whether TensorFlow's runtime has come to life in this process: then a fork would hang."""
    context = importlib.import_module("tensorflow.python.eager.context").context_safe()
    return context is not None and context._initialized  # noqa: SLF001 - the one place that knows


def _serve(answers: int) -> int:
    gc.collect()
    gc.freeze()  # or each child's first collection would copy all that it shares with us
    ended, wake = socket.socketpair()
    for end in (ended, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    waiting = b""
    while True:
        ready, _, _ = select.select([0, ended], [], [])
        if ended in ready:
            ended.recv(4096)
            _reap(answers)
        if 0 in ready:
            told = os.read(0, 65536)
            if not told:
                return 0
            *lines, waiting = (waiting + told).split(b"\n")
            for line in lines:
                _tell(answers, _fork(json.loads(line), answers, (ended, wake)))


def _serve_one(answers: int) -> int:
    with os.fdopen(0, "rb", closefd=False) as asked:
        line = asked.readline()
    if not line:
        return 0
    _tell(answers, {"pid": os.getpid()})
    os.close(answers)
    return _work(json.loads(line))


def _fork(request: dict[str, Any], answers: int, ends: tuple[socket.socket, ...]) -> dict[str, Any]:
    if has_computed():
        return {"failed": "An operation has run in the parent of workers, so that it cannot be forked any more."}
    pid = os.fork()
    if pid:
        return {"pid": pid}
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(answers)
        for end in ends:
            end.close()
        code = _work(request)
    finally:
        os._exit(code)  # never back into the parent's loop, whatever happened


def _work(request: dict[str, Any]) -> int:
    """Become a worker, or the warm process; returns the exit code."""
    if os.getsid(0) != os.getpid():
        os.setsid()
    os.environ.update(request["environment"])
    task, log = _task(request)
    _redirect(log)
    random.seed()
    importlib.import_module("numpy").random.seed()
    try:
        code = task()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001 - last stop before the process ends; the log tells
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _task(request: dict[str, Any]) -> tuple[Callable[[], int], Path]:
    if "warm" in request:
        warm = importlib.import_module("training.warm")
        return lambda: warm.main(["--workspace", request["warm"]]), Path(request["log"])
    os.nice(NICENESS)
    _go_first()
    if "job" in request:
        jobs = importlib.import_module("training.jobs")
        return lambda: jobs.main(Path(request["job"])), Path(request["job"]) / LOG_NAME
    worker = importlib.import_module("training.worker")
    folder = Path(request["folder"])
    return lambda: worker.main(folder, request["attempt"]), folder / LOG_NAME


def _go_first() -> None:
    with contextlib.suppress(OSError):  # a wish only: not every kernel or container takes it
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO), encoding="ascii")


def _redirect(log: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for target, source in ((0, nothing), (1, file), (2, file)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(file)


def _reap(answers: int) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _tell(answers, {"exited": pid, "code": os.waitstatus_to_exitcode(status)})


def _own_output() -> int:
    """Keep standard output for answers: whatever else a library prints goes to standard error."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _tell(answers: int, told: dict[str, Any]) -> None:
    try:
        os.write(answers, (json.dumps(told) + "\n").encode())
    except BrokenPipeError:
        sys.exit(0)  # the supervisor is gone; the next one starts its own parent of workers


if __name__ == "__main__":
    sys.exit(main())
