"""What went wrong, in words: one sentence and one next step for each kind of failure. Keras-free."""

import errno
from decimal import Decimal

from recipes import Recipe, Refusal
from training.plan import training_of

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
OUT_OF_MEMORY = ("MemoryError", "ResourceExhaustedError", "_ArrayMemoryError")


def classify(error: BaseException, recipe: Recipe | None = None, epoch: int = 0) -> tuple[str, str]:
    """Return (what happened, what to do next) for an exception; `epoch` counts the finished ones."""
    kind = type(error).__name__
    if isinstance(error, Refusal):
        return str(error), ""
    if kind == "NotFiniteError":
        return _diverged(int(getattr(error, "epochs_done", epoch)) + 1, recipe)
    if kind in OUT_OF_MEMORY:
        return "The computer ran out of memory.", _smaller(recipe)
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return "The disk is full.", f"Free some space, then press Resume: {_safe(epoch)}"
    if kind == "InvalidArgumentError" or (isinstance(error, ValueError) and "shape" in str(error).lower()):
        return "The model and the data do not fit together.", "Change the model's settings; the run's log says where."
    return f"The engine stopped with an error ({kind}).", f"Press Resume to go on: {_safe(epoch)} The log says more."


def number(value: float) -> str:
    """Write a number with one digit and without an exponent: 0.0003."""
    return f"{Decimal(f'{value:.0e}'):f}"


def _diverged(epoch: int, recipe: Recipe | None) -> tuple[str, str]:
    sentence = f"Loss became NaN at epoch {epoch}."
    if recipe is None:
        return sentence, "Lower the learning rate."
    rate = min(training_of(recipe).learning_rate / 10, 0.01)
    return sentence, f"Lower the learning rate (try {number(rate)}) or look for extreme values in the data."


def _smaller(recipe: Recipe | None) -> str:
    size = training_of(recipe).batch_size if recipe else 1
    smaller = f"batch size {max(1, size // 4)} (was {size})" if size > 1 else "a smaller model"
    return f"Try {smaller} or smaller {'pictures' if recipe and recipe.data.type == 'image' else 'data'}."


def _safe(epoch: int) -> str:
    return f"the model up to epoch {epoch} is safe." if epoch else "it starts again from the beginning."
