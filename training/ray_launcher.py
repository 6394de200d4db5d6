"""Workers as jobs of a Ray cluster, through its job service alone: plain HTTP, no package of Ray on this side.

Each start is a job of its own, named RUN-ATTEMPT. The queue stays ours: Ray's knows no fair shares and gives a job up
that waits for 15 minutes, so only a few are handed over before they have a place. A service that does not answer says
nothing about its jobs: they count as running until it says otherwise. The warm process and the jobs on runs stay on
this machine (`LocalLauncher`).

The folder of runs must lie on a folder that all nodes share under the same path: every job looks for a word that was
written there before it starts a worker. See docs/cluster.md.
"""

import json
import logging
import os
import secrets
import shlex
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from recipes.configuration import PREFIX, Configuration, configuration
from records import Workspace, write_json
from records.run import write_text
from training import devices
from training.launcher import ROOT, TROUBLE, Exit, Launcher, LaunchError, LocalLauncher

DEVICE = "ray"
MARK = "ray:"
"""Handles begin with it; one without is of a worker on this machine."""
MOST_PENDING = 4
"""Jobs that wait for a place in the cluster; further runs wait in our own queue, which is fair."""
ANSWER_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""How often the state of every job is asked for."""
FRESH_SECONDS = 15.0
"""Nothing is handed over unless the service has answered since."""
NOT_SHARED, NO_CODE = 75, 76
"""Exit codes of a job that found no folder of runs, or no Layerwise, on its node."""
REASONS = {
    NOT_SHARED: "A computer of the cluster does not see the folder of runs, so this run could not start there.",
    NO_CODE: "A computer of the cluster has no Layerwise where it should be, so this run could not start there.",
}
NEVER_STARTED = ("JOB_SUPERVISOR_ACTOR_START_TIMEOUT", "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE")
"""What Ray says of a job that never had a place: no fault of the run."""
PASSED_ON = ("KERAS_BACKEND", f"{PREFIX}COUNTRY", f"{PREFIX}GRAMS_PER_KWH", f"{PREFIX}WATTS_PER_CORE")
"""What a worker may know of this installation. Addresses and passwords are not among it."""
SILENT = "The cluster does not answer just now. What waits starts by itself as soon as it does."
LOCKED = "The cluster refuses Layerwise's token (LAYERWISE_RAY_TOKEN). Whoever set it up must mend that."

_log = logging.getLogger("layerwise.launcher")


def chosen(workspace: Workspace, local: LocalLauncher) -> Launcher:
    """Return the launcher of runs that the configuration names; `local` is the one of this machine."""
    return RayLauncher(workspace, local) if configuration().launcher == "ray" else local


class Silent(Exception):  # noqa: N818 - a state of the service, not a mistake
    """The job service does not answer; whether it has heard the request is not known."""


class Locked(Silent):
    """The job service refuses the token."""


@dataclass(frozen=True)
class Job:
    """What the service says of a job; `lost` where it knows none of this name."""

    status: Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED", "lost"]
    code: int | None = None
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Has it ended, whichever way?"""
        return self.status not in ("PENDING", "RUNNING")


class JobService:
    """Ray's job service at an address: the four requests that are needed."""

    def __init__(self, address: str, token: str = "") -> None:
        self._address = address.rstrip("/")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def answer(self) -> str:
        """Return the version of Ray; raises `Silent`."""
        return str((self._ask("GET", "/api/version") or {}).get("ray_version", ""))

    def submit(self, job: dict[str, Any]) -> None:
        """Hand a job over; one of the same name that is there already stays as it is. Raises `Silent`, `LaunchError`.

        A request whose answer got lost may have been heard: the caller asks for the job by its name later.
        """
        try:
            self._ask("POST", "/api/jobs/", job)
        except _Refused as refused:
            if "already exists" not in refused.text:
                raise LaunchError(f"The cluster did not take the job: {refused.text[:500]}") from refused

    def look(self, name: str) -> Job:
        """Return how a job is. Raises `Silent`."""
        try:
            told = self._ask("GET", f"/api/jobs/{name}")
        except _Refused as refused:
            raise Silent(refused.text) from refused
        if told is None:
            return Job("lost")
        return Job(told["status"], told.get("driver_exit_code"), told.get("error_type") or "")

    def stop(self, name: str) -> None:
        """Ask a job to end; Ray ends it by force after RAY_JOB_STOP_WAIT_TIME_S. Raises `Silent`."""
        try:
            self._ask("POST", f"/api/jobs/{name}/stop")
        except _Refused as refused:
            raise Silent(refused.text) from refused

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Return the answer, None for 404."""
        data = None if body is None else json.dumps(body).encode()
        # The address is this installation's own, and its scheme was checked.
        request = urllib.request.Request(self._address + path, data, self._headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                text = error.read(4000).decode(errors="replace")
            if error.code == 404:
                return None
            if error.code in (401, 403):
                raise Locked(f"HTTP {error.code}") from error
            if error.code in (502, 503, 504):  # whoever stands before the service
                raise Silent(f"HTTP {error.code}") from error
            raise _Refused(text) from error
        except (OSError, ValueError) as error:  # no connection, a torn one, or an answer that is no JSON
            raise Silent(str(error)) from error


class RayLauncher:
    """Workers on the nodes of a Ray cluster. See `Launcher`."""

    def __init__(self, workspace: Workspace, local: LocalLauncher, service: JobService | None = None) -> None:
        told = configuration()
        self._workspace, self._local = workspace, local
        self._service = service or JobService(told.ray_address, told.ray_token)
        self._told = told
        self._lock = threading.Lock()
        self._known: dict[str, Job | None] = {}
        """Every job of interest; None as long as nothing was said of it."""
        self._asked_to_stop: dict[str, float] = {}
        self._answered = float("-inf")
        self._asker = ThreadPoolExecutor(1, thread_name_prefix="ray")
        self._look: Future[None] | None = None
        self._looked = float("-inf")
        self._word = _write_word(workspace)
        self._trouble = ""
        self._say("")

    def room(self, taken: Collection[str]) -> str | None:
        """See `Launcher`."""
        self._tend()
        if self._trouble or time.monotonic() - self._answered > FRESH_SECONDS:
            return None
        if self._told.slots and len(taken) >= self._told.slots:
            return None
        with self._lock:
            pending = sum(job is None or job.status == "PENDING" for job in self._known.values())
        return DEVICE if pending < MOST_PENDING else None

    def start(self, folder: Path, attempt: int, device: str) -> str:
        """See `Launcher`."""
        if device != DEVICE:
            return self._local.start(folder, attempt, device)
        name = f"{folder.name}-{attempt}"
        try:
            self._service.submit(self._job(name, folder, attempt))
        except Locked as locked:
            raise LaunchError(LOCKED) from locked
        except Silent as silent:
            # It may have been heard. Asked by its name, the service will say; what is lost starts again.
            _log.warning("The cluster fell silent while it was given %s: %s", name, silent)
        with self._lock:
            self._known[name] = None
        return MARK + name

    def poll(self, handle: str) -> Exit | None:
        """See `Launcher`."""
        if not handle.startswith(MARK):
            return self._local.poll(handle)
        name = handle.removeprefix(MARK)
        with self._lock:
            job = self._known.setdefault(name, None)
        self._tend()
        if job is None or not job.is_over:
            return None
        with self._lock:
            del self._known[name]
        self._asked_to_stop.pop(name, None)
        blameless = job.status == "lost" or job.reason in NEVER_STARTED
        _log.info("The cluster says of %s: %s %s %s", name, job.status, job.code, job.reason)
        code = 0 if job.status == "SUCCEEDED" else job.code
        return Exit(code, blameless=blameless, reason=REASONS.get(code or 0, ""))

    def stop(self, handle: str, *, force: bool) -> None:
        """See `Launcher`. Ray ends by force what does not stop in time: asking once is enough, if it was heard."""
        if not handle.startswith(MARK):
            self._local.stop(handle, force=force)
            return
        name, now = handle.removeprefix(MARK), time.monotonic()
        if now - self._asked_to_stop.get(name, float("-inf")) > FRESH_SECONDS or not force:
            self._asked_to_stop[name] = now
            self._asker.submit(self._stop, name)

    def close(self) -> None:
        """Stop asking; jobs live on."""
        self._asker.shutdown(wait=False, cancel_futures=True)

    def _job(self, name: str, folder: Path, attempt: int) -> dict[str, Any]:
        job = {
            "entrypoint": self._command(folder, attempt),
            "submission_id": name,
            "entrypoint_num_cpus": self._told.ray_cpus,
            "metadata": {"application": "layerwise", "run": folder.name, "attempt": str(attempt)},
            "runtime_env": {"env_vars": _environment(self._told)},
        }
        return job | ({"entrypoint_num_gpus": self._told.ray_gpus} if self._told.ray_gpus else {})

    def _command(self, folder: Path, attempt: int) -> str:
        """Return the shell line of a worker. Without `exec` it would live on where its node's daemon dies."""
        code, python = self._told.ray_code or str(ROOT), self._told.ray_python or sys.executable
        word = _word_file(self._workspace)
        worker = shlex.join([python, "-m", "training.worker", str(folder), "--attempt", str(attempt)])
        steps = [
            f'test "$(cat {shlex.quote(str(word))})" = {self._word} || exit {NOT_SHARED}',
            f"cd {shlex.quote(code)} || exit {NO_CODE}",
            # With no GPU asked for, the worker may still see those of its node.
            *([] if self._told.ray_gpus else [f"export CUDA_VISIBLE_DEVICES={devices.NO_GPU}"]),
            f"exec {worker} >> {shlex.quote(str(folder / 'log.txt'))} 2>&1",
        ]
        return "; ".join(steps)

    def _tend(self) -> None:
        """Have the service asked in the background, once a second; whoever ticks never waits for it."""
        if (self._look is None or self._look.done()) and time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._look = self._asker.submit(self._look_around)

    def _look_around(self) -> None:
        with self._lock:
            names = [name for name, job in self._known.items() if job is None or not job.is_over]
        try:
            if not names:
                self._service.answer()
            for name in names:
                job = self._service.look(name)
                with self._lock:
                    if name in self._known:
                        self._known[name] = job
        except Locked:
            self._say(LOCKED)
        except (Silent, _Refused) as silent:
            _log.info("The cluster does not answer: %s", silent)
            self._say(SILENT)
        else:
            self._answered = time.monotonic()
            self._say("")

    def _stop(self, name: str) -> None:
        try:
            self._service.stop(name)
        except Silent as silent:
            _log.warning("The cluster did not hear that %s is to stop: %s", name, silent)

    def _say(self, trouble: str) -> None:
        """Leave a sentence for the screens, when it changes."""
        file = self._workspace.root / TROUBLE
        if trouble != self._trouble or not file.exists():
            self._trouble = trouble
            write_json(file, {"sentence": trouble, "time": time.time()})


class _Refused(Exception):  # noqa: N818 - becomes one of the others before anybody sees it
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def _environment(told: Configuration) -> dict[str, str]:
    """Return what a worker on a node is told; the launcher of its own installation does not matter there."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    own = {
        "RAY_JOB_STOP_WAIT_TIME_S": str(round(told.stop_seconds + 0.5)),
        f"{PREFIX}LAUNCHER": "local",
        f"{PREFIX}GPUS_PER_RUN": str(max(1, told.ray_gpus)),
    }
    return passed | own


def _word_file(workspace: Workspace) -> Path:
    return workspace.root.resolve() / "shared.word"


def _write_word(workspace: Workspace) -> str:
    """Write the word that each node must read; one that is there stays, for jobs that wait with it."""
    file = _word_file(workspace)
    if file.exists():
        return file.read_text(encoding="ascii").strip()
    word = secrets.token_hex(8)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, word)
    return word
