"""The warm process: Keras live, so that pages get layer tables, estimates and answers without importing it.

`python -m training.warm --workspace DIR` listens on a Unix socket; one JSON line asks, one answers (docs/
architecture.md). Threads take the questions, the main thread alone uses Keras. A newer `describe` of the same visitor
takes the place of one that still waits. It ends on SIGTERM, and by itself once it has grown too big: the supervisor
then starts a fresh one.
"""

import argparse
import base64
import collections
import contextlib
import gc
import io
import json
import os
import signal
import socketserver
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from builders import Blueprint, imported
from datasets import Prepared
from recipes import Recipe, Refusal, keras
from records import Run, Workspace, write_json
from training import estimate, failures
from training.ask import LONGEST_PATH
from training.opened import Opened
from training.plan import resolve, training_of
from training.shelf import open_prepared
from training.worker import build, settle, trainings_of

LONGEST_LINE = 64 * 2**20
KEPT = 256
LIVES = 3
"""Runs that still train and are kept open for Try."""
GROWTH = 1.5 * 2**30
"""Bytes on top of its first size after which it makes room for a fresh process."""
LOOK = 1.0
VARIANTS = 4
OVERTAKEN = "A newer question took the place of this one."


def main(arguments: list[str] | None = None) -> int:
    """Serve a workspace until SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.warm", description="Answer questions about models.")
    parser.add_argument("--workspace", type=Path, required=True)
    workspace = Workspace(parser.parse_args(arguments).workspace.resolve())
    over = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: over.set())
    desk = Desk()
    answers = Answers(workspace)
    answers.warm_up()
    with _listening(workspace, desk):
        desk.work(answers, over)
    return 0


@dataclass(eq=False)
class Question:
    """One line that somebody sent, and the promise of an answer."""

    name: str
    values: dict[str, Any]
    answer: "Future[dict[str, Any]]"

    @property
    def rank(self) -> int:
        """Quick questions come before the dry run."""
        return 1 if self.name == "estimate" else 0

    def replaces(self, other: "Question") -> bool:
        """Is the other one out of date now? Only where a visitor is named."""
        visitor = self.values.get("visitor")
        return bool(visitor) and (other.name, other.values.get("visitor")) == (self.name, visitor)


@dataclass(frozen=True)
class Described:
    """A model that was looked at and not made: its table, and what its layers put out and compute for one example."""

    told: dict[str, Any]
    sizes: int
    operations: int
    epochs: int


class Desk:
    """Where questions wait for the one thread that may use Keras."""

    def __init__(self) -> None:
        self._waiting: list[Question] = []
        self._changed = threading.Condition()

    def put(self, name: str, values: dict[str, Any]) -> "Future[dict[str, Any]]":
        """Lay a question down; a waiting older one of the same visitor and kind is answered at once."""
        question = Question(name, values, Future())
        with self._changed:
            for other in [other for other in self._waiting if question.replaces(other)]:
                self._waiting.remove(other)
                other.answer.set_result({"failed": OVERTAKEN})
            self._waiting.append(question)
            self._changed.notify()
        return question.answer

    def work(self, answers: "Answers", over: threading.Event) -> None:
        """Answer until it is over, or until this process has grown too big."""
        limit = psutil.Process().memory_info().rss + GROWTH
        while not over.is_set() and psutil.Process().memory_info().rss < limit:
            question = self._next()
            if question:
                question.answer.set_result(answers.to(question.name, question.values))
        with self._changed:
            for question in self._waiting:
                question.answer.set_result({"failed": "The model workshop is starting again. Ask once more."})

    def _next(self) -> Question | None:
        with self._changed:
            if not self._waiting:
                self._changed.wait(LOOK)
            if not self._waiting:
                return None
            question = min(self._waiting, key=lambda waiting: waiting.rank)
            self._waiting.remove(question)
            return question


class Answers:
    """The answers themselves; only the main thread comes here."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._kept = collections.OrderedDict[str, dict[str, Any]]()
        self._lives = collections.OrderedDict[str, Opened]()
        self._known: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "describe": self.describe,
            "estimate": self.estimate,
            "predict": self.predict,
            "withstand": self.withstand,
            "augment": self.augment,
            "signature": self.signature,
            "explain": self.explain,
        }
        self._explanations: Any = None

    def warm_up(self) -> None:
        """Import what is slow and build one model, so that the first question is as quick as the next."""
        import evaluation.predict  # noqa: F401 - only to have it here

        one = keras.Input((1,))
        keras.Model(one, keras.layers.Dense(1)(one)).predict_on_batch(np.zeros((1, 1)))
        gc.collect()
        gc.freeze()  # what is imported stays: later collections need not look at it

    def to(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        """Answer one question; whatever goes wrong becomes a sentence."""
        if name not in self._known:
            return {"failed": f"There is no question '{name}'. Known: {', '.join(self._known)}."}
        try:
            return {"ok": self._known[name](values)}
        except Refusal as refusal:
            return {"refused": str(refusal)}
        except Exception as error:  # noqa: BLE001 - the page gets a sentence, the log the rest
            traceback.print_exc()
            return {"failed": " ".join(failures.classify(error)[:1])}

    def describe(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the layer table on this recipe's data. Nothing is allocated: the weights have shapes only."""
        recipe, prepared = self._open(values)
        return self._once("describe", recipe, prepared, lambda: self._described(recipe, prepared).told)

    def estimate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Count the memory, and fit for a moment to measure the time."""
        recipe, prepared = self._open(values)
        return self._once("estimate", recipe, prepared, lambda: self._estimated(recipe, prepared))

    def predict(self, values: dict[str, Any]) -> dict[str, Any]:
        """Let a run's download answer one example; before there is one, the models of its newest checkpoint."""
        from evaluation import predict

        run = Run(Path(values["run"]))
        if run.read("deliverables.json"):
            return predict.answer(run, values["values"])
        live = self._live(run)
        return predict.answer(run, values["values"], live.model) | {"epoch": live.epoch}

    def explain(self, values: dict[str, Any]) -> dict[str, Any]:
        """List how a finished run can be explained, or explain it where that is quick."""
        if self._explanations is None:
            from training.jobs import explain

            self._explanations = explain.Desk()
        return self._explanations.answer(values)

    def withstand(self, values: dict[str, Any]) -> dict[str, Any]:
        """Let a finished run's download answer one example, disturbed more and more."""
        from evaluation import predict

        return predict.withstands(Run(Path(values["run"])), values["values"], values["way"])

    def augment(self, values: dict[str, Any]) -> dict[str, Any]:
        """Show training pictures as they are and as the model meets them."""
        recipe, prepared = self._open(values)
        if recipe.data.type != "image":
            raise Refusal("Only pictures can be varied. Choose picture data.")
        self._fresh(recipe)
        variations = _variations(build(recipe, prepared))
        part, classes = prepared.part("train"), prepared.signature.target.classes
        chosen = np.linspace(0, len(part) - 1, min(int(values.get("count", 6)), len(part))).astype(int)
        pictures = []
        for row in chosen:
            (name, before), truth = next((key, array[row]) for key, array in part.x.items()), part.y[row]
            several = {name: np.repeat(before[None], VARIANTS, axis=0)}
            after = np.asarray(variations(several, training=True)) if variations else several[name][:1]
            label = classes[int(truth)] if classes else f"{float(np.ravel(truth)[0]):g}"
            pictures.append({"before": _png(before), "after": [_png(one) for one in after], "label": label})
        return {"pictures": pictures}

    def signature(self, values: dict[str, Any]) -> dict[str, Any]:
        """Say what the prepared data offer to a model: shapes, classes, and what only their data type knows."""
        _, prepared = self._open(values)
        return {"signature": prepared.signature.model_dump(mode="json") | {"raw": []}}

    def _live(self, run: Run) -> Opened:
        """Open a run that still trains, or take what its open models have learned since."""
        kept = self._lives.pop(run.id, None)
        if kept is None or not kept.follow():
            kept = Opened(run)
        self._lives[run.id] = kept
        if len(self._lives) > LIVES:
            self._lives.popitem(last=False)
        return kept

    def _open(self, values: dict[str, Any]) -> tuple[Recipe, Prepared]:
        imported.lies_in(self._workspace.models)
        recipe, _, prepared = open_prepared(resolve(Recipe.of(values["recipe"])), self._workspace)
        return recipe, prepared

    def _once(
        self, name: str, recipe: Recipe, prepared: Prepared, make: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """Keep the last few hundred answers; a table depends on the training only through what an estimate counts."""
        asked: list[Any] = [name, str(prepared.folder), recipe.model.model_dump(mode="json")]
        key = json.dumps([*asked, recipe.training if name == "estimate" else None], sort_keys=True)
        if key not in self._kept:
            self._kept[key] = make()
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _fresh(self, recipe: Recipe) -> None:
        keras.backend.clear_session(free_memory=False)
        settle(training_of(recipe))

    def _described(self, recipe: Recipe, prepared: Prepared) -> "Described":
        from builders._layers import layer_table

        self._fresh(recipe)
        with keras.StatelessScope(initialize_variables=False):
            blueprint = build(recipe, prepared)
            tables = [layer_table(stage.model) for stage in blueprint.stages]
            sizes = sum(estimate.sizes_of(stage.model) for stage in blueprint.stages)
            operations = sum(estimate.operations_of(stage.model) for stage in blueprint.stages)
            epochs = sum(each.epochs for each in trainings_of(blueprint, training_of(recipe)))
        layers = [layer for table in tables for layer in table]
        parameters = sum(layer["parameters"] for layer in layers)
        told = {"layers": layers, "parameters": parameters, "notes": list(blueprint.notes)}
        return Described(told | {"rows": prepared.signature.rows}, sizes, operations, epochs)

    def _estimated(self, recipe: Recipe, prepared: Prepared) -> dict[str, Any]:
        training = training_of(recipe)
        described = self._described(recipe, prepared)
        needed = estimate.memory(described.told["layers"], described.sizes, prepared, training)
        free = estimate.available()
        verdict = estimate.verdict_of(needed, free)
        each = estimate.counted(described.operations, prepared, training)
        total = None if each is None else each * described.epochs
        if each is None and verdict != "no":
            self._fresh(recipe)
            blueprint = build(recipe, prepared)
            each, total = estimate.seconds(blueprint, prepared, trainings_of(blueprint, training))
        if verdict == "no":
            total = None
        return {
            "memory_mb": round(needed / estimate.MEGABYTE, 1),
            "available_mb": round(free / estimate.MEGABYTE, 1),
            "seconds_per_epoch": each,
            "seconds": total,
            "verdict": verdict,
            "sentence": estimate.sentence(verdict, needed, free, total),
        }


def _variations(blueprint: Blueprint) -> Any:
    """Return what the first stage does to a picture before its core sees it, as a model; None where it does nothing."""
    model = blueprint.stages[0].model
    cores = {id(blueprint.core)}
    core = next((layer for layer in model.layers if id(layer) in cores), None)
    if core is None:
        return None
    seen = core._inbound_nodes[-1].input_tensors[0]  # noqa: SLF001 - Keras has no public way to the tensor
    return keras.Model(model.input, seen)


def _png(picture: Any) -> str:
    from PIL import Image

    pixels = np.clip(np.asarray(picture), 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    written = io.BytesIO()
    image.save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()


# The socket


@contextlib.contextmanager
def _listening(workspace: Workspace, desk: Desk) -> Generator[None]:
    """Take questions in threads; the socket is for this user alone and goes when the process does."""

    class Taker(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline(LONGEST_LINE)
            if line:
                self.wfile.write((json.dumps(_answer(desk, line)) + "\n").encode())

    class Door(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        request_queue_size = 64

    place = _place(workspace)
    place.unlink(missing_ok=True)
    before = os.umask(0o077)
    try:
        door = Door(str(place), Taker)
    finally:
        os.umask(before)
    write_json(workspace.root / "warm.json", {"socket": str(place), "pid": os.getpid(), "time": time.time()})
    threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
        door.shutdown()
        door.server_close()


def _answer(desk: Desk, line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
        name = values.pop("ask")
    except (ValueError, KeyError, AttributeError):
        return {"failed": 'A question is one JSON line such as {"ask": "describe", "recipe": {...}}.'}
    return desk.put(name, values).result()


def _place(workspace: Workspace) -> Path:
    """Beside the runs, or in a private folder of the temp folder where that path is too long for a socket."""
    workspace.root.mkdir(parents=True, exist_ok=True)
    near = workspace.root / "warm.sock"
    if len(str(near).encode()) <= LONGEST_PATH:
        return near
    return Path(tempfile.mkdtemp(prefix="layerwise-")) / "warm.sock"


if __name__ == "__main__":
    sys.exit(main())
