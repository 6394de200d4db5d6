"""What went wrong, in words: one sentence, one next step and, where there is one, a cure for each kind. Keras-free.

A cure is plain data: {"title": what a button says, "training": the settings to be changed}.
"""

import signal
import zlib
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from recipes import Recipe, Refusal
from records import disk
from training.plan import training_of

Reason = Literal["memory", "diverged", "disk", "crash", "killed", "hung", "config", "limit", "refused", "error"]
OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError", "_ArrayMemoryError")
CRASHES = tuple(
    getattr(signal, name) for name in ("SIGSEGV", "SIGABRT", "SIGILL", "SIGBUS", "SIGFPE") if hasattr(signal, name)
)
RESTARTS: dict[Reason, int] = {"crash": 1, "hung": 2, "killed": 2, "memory": 0}
"""How often a run starts again by itself after the same failure at the same place."""
GIVE_UP = 5
"""Deaths of any kind at one place, after which a run is given up."""


class Failure(NamedTuple):
    """What happened, what to do next, what kind it was, and what a button may offer."""

    message: str
    advice: str
    reason: Reason = "error"
    cure: dict[str, Any] | None = None


def classify(error: BaseException, recipe: Recipe | None = None, epoch: int = 0) -> Failure:
    """Say what an exception in the worker means; `epoch` counts the finished ones that are safe."""
    kind = type(error).__name__
    if isinstance(error, Refusal):
        return Failure(str(error), "", "refused")
    if kind == "NotFiniteError":
        return _diverged(int(getattr(error, "epochs_done", epoch)) + 1, recipe)
    if kind in OUT_OF_MEMORY:
        return out_of_memory(recipe)
    if disk.is_full(error):
        return Failure("The disk is full.", f"Free some space, then press Resume: {_safe(epoch)}", "disk")
    if kind == "InvalidArgumentError" or (isinstance(error, ValueError) and "shape" in str(error).lower()):
        return Failure("The model and the data do not fit together.",
                       "Change the model's settings; the run's log says where.", "config")  # fmt: skip
    return Failure(f"The engine stopped with an error ({kind}).",
                   f"Press Resume to go on: {_safe(epoch)} The log says more.")  # fmt: skip


def reason_of_death(code: int | None, *, ran_out: bool, hung: bool) -> Reason:
    """Say why a worker that left no word is gone, by its exit code and what was seen of it."""
    if hung:
        return "hung"
    if code is not None and -code in CRASHES:
        return "crash"
    return "memory" if ran_out else "killed"


def epitaph(reason: Reason, times: int, recipe: Recipe | None, *, code: int | None, seconds: float) -> Failure:
    """Say what became of a run that is given up after so many deaths."""
    if reason == "memory":
        return out_of_memory(recipe)
    if reason == "crash":
        advice = "Press Resume to try once more, or choose another model. The log says more."
        return Failure(f"The engine crashed (code {crash_code(code, recipe)}).", advice, reason)
    if reason == "hung":
        return Failure(f"The run stood still for more than {seconds:g} seconds, {times} times at the same place.",
                       "Press Resume to try once more, or choose a smaller model. The log says where.",
                       reason)  # fmt: skip
    if code == -signal.SIGKILL:
        return Failure(
            f"The computer ended this run {times} times in a row, most likely because its memory was full.",
            "Choose a smaller batch size or a smaller model, then train again.", reason, smaller_batch(recipe),
        )  # fmt: skip
    return Failure(f"This run broke off {times} times in a row at the same place.",
                   "Press Resume to try once more, or train again with a smaller model or batch size.",
                   reason)  # fmt: skip


def crash_code(code: int | None, recipe: Recipe | None) -> str:
    """Return a short code for a crash: the same signal in the same family gives the same code."""
    family = recipe.model.architecture if recipe else ""
    return f"K-{zlib.crc32(f'{code} {family}'.encode()) % 10_000:04d}"


def out_of_memory(recipe: Recipe | None) -> Failure:
    """Say that the memory was too small, and offer smaller batches."""
    return Failure("The computer ran out of memory.", _smaller(recipe), "memory", smaller_batch(recipe))


def smaller_batch(recipe: Recipe | None) -> dict[str, Any]:
    """Offer to train with a quarter of the batch size; nothing where a batch is one row already."""
    size = training_of(recipe).batch_size if recipe else 1
    if size == 1:
        return {}
    smaller = max(1, size // 4)
    return {"title": f"Train again with batch size {smaller}", "training": {"batch_size": smaller}}


def number(value: float) -> str:
    """Write a number with one digit and without an exponent: 0.0003."""
    return f"{Decimal(f'{value:.0e}'):f}"


def _diverged(epoch: int, recipe: Recipe | None) -> Failure:
    sentence = f"Loss became NaN at epoch {epoch}."
    if recipe is None:
        return Failure(sentence, "Lower the learning rate.", "diverged")
    rate = number(min(training_of(recipe).learning_rate / 10, 0.01))
    cure = {"title": f"Train again with learning rate {rate}", "training": {"learning_rate": float(rate)}}
    advice = f"Lower the learning rate (try {rate}) or look for extreme values in the data."
    return Failure(sentence, advice, "diverged", cure)


def _smaller(recipe: Recipe | None) -> str:
    size = training_of(recipe).batch_size if recipe else 1
    smaller = f"batch size {max(1, size // 4)} (was {size})" if size > 1 else "a smaller model"
    return f"Try {smaller} or smaller {'pictures' if recipe and recipe.data.type == 'image' else 'data'}."


def _safe(epoch: int) -> str:
    return f"the model up to epoch {epoch} is safe." if epoch else "it starts again from the beginning."
