"""Will it fit, and how long will it take? Counted from the model, measured by a short real run on the real data."""

import contextlib
import math
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from builders import Blueprint, Stage
from builders._layers import shapes_out
from datasets import Prepared
from recipes import Training, keras

SECONDS = 0.6
"""How long the dry run measures, once the first chunk of steps has compiled everything."""
EPOCHS = 5
SLOTS = {
    "sgd": 1, "rmsprop": 3, "adagrad": 1, "adam": 2, "adamw": 2, "nadam": 2, "adamax": 2, "adadelta": 2, "adafactor": 1,
    "ftrl": 2, "lamb": 2, "lion": 1, "muon": 2, "schedule_free_adam_w": 2,
}  # fmt: skip
"""What an optimizer remembers of each weight, in numbers."""
COPIES = 4
"""Each weight also has a gradient, a place in the last snapshot and one among the best weights, beside itself."""
VALIDATION_SHARE = 1 / 3
"""Looking costs about a third of learning."""
MEGABYTE = 2**20


LONGEST_STEP = 1.0
"""Seconds; a model whose step would take longer is counted and not tried, so that nobody waits for the answer."""
OPERATIONS_PER_SECOND = 30e9
"""What a small CPU gets done of a network's multiplications and additions."""


class Enough(Exception):  # noqa: N818 - the dry run has seen enough, nothing is wrong
    """Ends the dry run."""


def memory(table: list[dict[str, Any]], sizes: int, prepared: Prepared, training: Training) -> int:
    """Estimate the bytes a run takes beside its libraries: weights, optimizer, activations, data.

    `sizes` is how many numbers all layers together put out for one example.
    """
    weights = sum(layer["parameters"] for layer in table)
    batch = min(training.batch_size, prepared.signature.rows["train"])
    return 4 * (weights * (COPIES + SLOTS[training.optimizer]) + 2 * sizes * batch) + data_bytes(prepared)


def available() -> int:
    """Return the bytes that a run may take: of the first GPU, else of this machine."""
    import psutil
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return gpu_memory()
    return psutil.virtual_memory().available


def gpu_memory() -> int:
    """Ask the driver for the free bytes of the first GPU."""
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(told.splitlines()[0]) * MEGABYTE


def sizes_of(model: Any) -> int:
    """Count the numbers that all layers of a model put out for one example."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += sizes_of(layer)
            continue
        total += sum(math.prod(length or 1 for length in shape[1:]) for shape in shapes_out(layer))
    return total


def data_bytes(prepared: Prepared) -> int:
    """Count the bytes of the prepared parts that training reads."""
    parts = [prepared.part("train"), prepared.part("validation")]
    return sum(array.nbytes for part in parts for array in (*part.x.values(), part.y))


def operations_of(model: Any) -> int:
    """Count the multiplications and additions of one forward look at one example, by weights and places."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += operations_of(layer)
            continue
        places = max((math.prod(length or 1 for length in shape[1:-1]) for shape in shapes_out(layer)), default=1)
        total += 2 * places * sum(math.prod(weight.shape) for weight in layer.weights)
    return total


def counted(operations: int, prepared: Prepared, training: Training) -> float | None:
    """Return the seconds per epoch of a model too slow to be tried, by its operations; None where trying is quick."""
    each = 3 * operations / OPERATIONS_PER_SECOND
    if each * min(training.batch_size, prepared.signature.rows["train"]) < LONGEST_STEP:
        return None
    return each * (prepared.signature.rows["train"] + VALIDATION_SHARE * prepared.signature.rows["validation"])


def seconds(blueprint: Blueprint, prepared: Prepared, trainings: Sequence[Training]) -> tuple[float, float]:
    """Fit each stage for a moment; returns (seconds per epoch of the last stage, seconds of the whole run)."""
    each = total = 0.0
    for stage, training in zip(blueprint.stages, trainings, strict=True):
        if stage.before:
            stage.before()
        first, each = _measure(stage, prepared, training)
        total += first + each * training.epochs
    return each, total


def sentence(verdict: str, needed: int, free: int, total: float | None) -> str:
    """Say it in a few words: "Fits easily · about 4 s · 12 MB"."""
    if total is None:
        return f"Does not fit · needs {size(needed)}, {size(free)} are free · choose a smaller model or batch size"
    fit = "Fits easily" if verdict == "easily" else "Just fits"
    return f"{fit} · about {duration(total)} · {size(needed)}"


def verdict_of(needed: int, free: int) -> str:
    """Say how well it fits: `easily`, `tight` or `no`."""
    share = needed / max(free, 1)
    return "easily" if share < 0.5 else "tight" if share < 0.9 else "no"


def duration(total: float) -> str:
    """Write a duration for people: "4 s", "3 min", "2 h"."""
    if total < 90:
        return f"{max(1, round(total))} s"
    return f"{round(total / 60)} min" if total < 5400 else f"{round(total / 3600)} h"


def size(amount: int) -> str:
    """Write an amount of memory for people: "12 MB", "1.4 GB"."""
    if amount < 1000 * MEGABYTE:
        return f"{max(1, round(amount / MEGABYTE))} MB"
    return f"{amount / 2**30:.1f} GB" if amount < 100 * 2**30 else f"{amount / 2**30:,.0f} GB"


def _measure(stage: Stage, prepared: Prepared, training: Training) -> tuple[float, float]:
    from training.fit import NotFiniteError, choose_policy, compile_stage, fit

    train, validation = prepared.part("train"), prepared.part("validation")
    if stage.select:
        train, validation = stage.select(train), stage.select(validation)
    started = time.monotonic()
    marks: list[tuple[float, float]] = []

    def between(done: float, _logs: dict[str, float]) -> None:
        marks.append((done, time.monotonic()))
        if len(marks) > 1 and marks[-1][1] - marks[0][1] > SECONDS:
            raise Enough

    compile_stage(stage, training)
    policy = choose_policy(stage.model, train, training, xla=stage.xla)
    # Steps whose loss is no number take their time like others.
    with contextlib.suppress(Enough, NotFiniteError):
        fit(
            stage.model, train, validation, training=training, epochs=min(EPOCHS, training.epochs), between=between,
            policy=policy,
        )  # fmt: skip
    ended = time.monotonic()
    if len(marks) < 2:
        return ended - started, (ended - started) / (marks[0][0] if marks else 1.0)
    (first, began), (last, ended) = marks[0], marks[-1]
    crossed = int(last) > int(first)
    watching = 0.0 if crossed else VALIDATION_SHARE * len(validation) / len(train)
    return began - started, (ended - began) / (last - first) * (1 + watching)
