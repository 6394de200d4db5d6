"""What every screen needs from below: the workspace, the visitor, the executor, and answers that never block a page.

Slow questions (reading data, layer tables, estimates) run in threads; a page shows what is there, and a small timer
draws it again once more is known.
"""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import streamlit as st

import datasets
from datasets import DataSet
from recipes import Data, Finding, Recipe, Refusal
from records import Workspace
from training import shelf
from training.ask import Failed, WarmingUp, ask
from training.executor import Executor
from ui import identity

PATIENCE = 0.12
"""Seconds that a page waits for an answer before it shows a skeleton instead."""
TICK = 0.7
KEPT = 256


@dataclass(frozen=True)
class Answer:
    """What is known about a question now: its value, or a sentence that says why there is none."""

    state: Literal["ready", "waiting", "refused", "failed"]
    value: Any = None
    sentence: str = ""

    @property
    def is_ready(self) -> bool:
        """Is the value there?"""
        return self.state == "ready"

    @property
    def is_waiting(self) -> bool:
        """Will there be more to know in a moment?"""
        return self.state == "waiting"


@st.cache_resource
def workspace() -> Workspace:
    """Return the one workspace of this server."""
    return Workspace.default()


@st.cache_resource
def executor() -> Executor:
    """Return the one executor of this server."""
    return Executor(workspace())


def owner() -> str:
    """Name the visitor."""
    return identity.current_user()


class Questions:
    """The questions of one drawing of a page; `poll` at its end draws the page again when more is known."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], Answer]] = []

    def dataset(self, data: Data) -> Answer:
        """Open the data set of a resolved recipe's `data` group."""
        return self._ask(("dataset", data.model_dump(mode="json")), partial(_opened, data, workspace()))

    def findings(self, dataset: DataSet, data: Data) -> Answer:
        """Look at the data as this recipe would use it."""
        key = ("findings", dataset.schema.fingerprint, data.model_dump(mode="json"))
        return self._ask(key, lambda: findings(dataset, data))

    def classes(self, dataset: DataSet, data: Data) -> Answer:
        """Count the rows of each class of the chosen target; none where a number is learned."""
        key = ("classes", dataset.schema.fingerprint, data.model_dump(mode="json"))
        return self._ask(key, lambda: datasets.get(dataset.schema.data_type).classes(dataset, data))

    def warm(self, question: str, recipe: Recipe, **more: Any) -> Answer:
        """Ask the warm process: `describe`, `estimate`, `augment` or `signature`."""
        plain = recipe.plain()
        return self._ask((question, plain, more), partial(ask, workspace(), question, recipe=plain, **more))

    def poll(self) -> None:
        """Draw the page again when one of the awaited answers is there."""
        waiting = tuple(self._waiting)
        if not waiting:
            return

        def tick() -> None:
            if any(not again().is_waiting for again in waiting):
                st.rerun()

        st.fragment(tick, run_every=TICK)()

    def _ask(self, key: Any, work: Callable[[], Any]) -> Answer:
        text = json.dumps(key, sort_keys=True, default=str)
        answer = _desk().answer(text, work, PATIENCE)
        if answer.is_waiting:
            self._waiting.append(lambda: _desk().answer(text, work, 0))
        return answer


def _opened(data: Data, where: Workspace) -> DataSet:
    """Open a data set. A bundled sample is read here; files and downloads in a child process, with limits."""
    if data.sample and not datasets.find_sample(data.sample).online:
        return shelf.open_dataset(data, where)
    job = shelf.start_reading(data, where)
    while (told := shelf.reading(job))["done"] < 1:
        time.sleep(0.1)
    if told["refused"]:
        raise Refusal(told["refused"])
    return DataSet.open(Path(told["dataset"]))


def findings(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the data, the gravest findings first."""
    order = ("problem", "warning", "notice", "pass")
    found = datasets.check(dataset, data)
    return sorted(found, key=lambda finding: order.index(finding.severity))


class Desk:
    """Does slow work in threads, once for all visitors who ask the same; keeps the last answers."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="desk")
        self._futures: OrderedDict[str, Future[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, key: str, work: Callable[[], Any], patience: float) -> Answer:
        """Return what is known now, after at most `patience` seconds."""
        future = self._future(key, work)
        try:
            return Answer("ready", future.result(timeout=patience))
        except TimeoutError:
            return Answer("waiting", sentence="Working it out …")
        except WarmingUp:
            self._forget(key)
            return Answer("waiting", sentence="Keras is warming up. This happens once and takes some seconds …")
        except Refusal as refusal:
            return Answer("refused", sentence=str(refusal))
        except Failed as failure:
            self._forget(key)
            return Answer("failed", sentence=str(failure))

    def _future(self, key: str, work: Callable[[], Any]) -> Future[Any]:
        with self._lock:
            if key not in self._futures:
                self._futures[key] = self._threads.submit(work)
            self._futures.move_to_end(key)
            while len(self._futures) > KEPT:
                self._futures.popitem(last=False)
            return self._futures[key]

    def _forget(self, key: str) -> None:
        with self._lock:
            self._futures.pop(key, None)


@st.cache_resource
def _desk() -> Desk:
    return Desk()
