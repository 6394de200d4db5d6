"""One sentence that reads a loss curve as a teacher would: falling, flat, over-fitting, jumping, running away."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Literal

Kind = Literal["waiting", "first", "broken", "diverging", "over-fitting", "flat", "jumping", "falling", "unclear"]


@dataclass(frozen=True)
class Reading:
    """What the curve does, and the sentence that says so."""

    kind: Kind
    sentence: str


def read_curve(epochs: Sequence[dict[str, Any]], *, finished: bool = False) -> Reading:
    """Read the lines that ended an epoch; `finished` puts the sentence into the past."""
    if not epochs:
        return Reading("waiting", "The curve begins with the first epoch.")
    broken = next((line for line in epochs if not _is_number(line.get("loss"))), None)
    if broken is not None:
        text = f"The loss stopped being a number in epoch {broken['epoch']}: the steps were too long."
        return Reading("broken", f"{text} A learning rate ten times smaller usually cures it.")
    rows = [(int(line["epoch"]), float(line["loss"]), _watched(line)) for line in epochs]
    if len(rows) == 1:
        return Reading("first", f"After the first epoch the validation loss is {_short(rows[0][2])}.")
    for judge in (_diverging, _jumping, _over_fitting, _flat):
        reading = judge(rows, finished)
        if reading is not None:
            return reading
    return _falling(rows, finished)


Rows = list[tuple[int, float, float]]
"""Epoch, training loss, validation loss."""


def _diverging(rows: Rows, finished: bool) -> Reading | None:  # noqa: FBT001
    losses = [loss for _, loss, _ in rows]
    # One bad epoch in a long run is no trend; in a short one there is nothing else to go by.
    now, best = median(losses[-3:]) if len(losses) > 5 else losses[-1], min(losses)
    since = rows[losses.index(best)][0]
    # Rising training loss is never right; a factor of 1.5 over the best leaves room for ordinary noise.
    if since == rows[-1][0] or now < best * 1.5 or now < best + 0.1 * abs(losses[0]):
        return None
    verb = "rose" if finished else "is rising"
    text = f"The training loss {verb} since epoch {since}, from {_short(best)} to {_short(now)}: steps are too long."
    return Reading("diverging", f"{text} A smaller learning rate cures it.")


def _over_fitting(rows: Rows, finished: bool) -> Reading | None:  # noqa: FBT001
    watched = [value for *_, value in rows]
    best = min(range(len(rows)), key=watched.__getitem__)
    after = len(rows) - 1 - best
    now = fmean(watched[-3:])
    fall = watched[0] - watched[best]
    # A rise counts if it is a tenth of the best value and can be seen beside the fall before it.
    if after < 3 or now < watched[best] * 1.1 or now - watched[best] < 0.03 * fall or rows[-1][1] >= rows[best][1]:
        return None
    since, rise = rows[best][0], round(100 * (now / watched[best] - 1))
    how = f"the validation loss went up by {rise} %" if rise < 100 else "the validation loss more than doubled"
    verb = "fell on" if finished else "still falls"
    return Reading("over-fitting", f"Over-fitting since epoch {since}: the training loss {verb}, but {how}.")


def _jumping(rows: Rows, finished: bool) -> Reading | None:  # noqa: FBT001
    watched = [value for *_, value in rows[-10:]]
    if len(watched) < 6:
        return None
    steps = [after - before for before, after in pairwise(watched)]
    turns = sum(1 for before, after in pairwise(steps) if before * after < 0)
    size = median(abs(step) for step in steps)
    fallen = rows[0][-1] - min(watched)
    # Beside a long fall, small jumps at its foot are nothing to mend.
    if turns < 0.6 * (len(steps) - 1) or size < 0.25 * fmean(watched) or size < 0.1 * fallen:
        return None
    verb = "jumped" if finished else "jumps"
    text = f"The validation loss {verb} up and down by about {_short(size)} from epoch to epoch."
    return Reading("jumping", f"{text} A smaller learning rate or a bigger batch calms it.")


def _flat(rows: Rows, finished: bool) -> Reading | None:  # noqa: FBT001
    watched = [value for *_, value in rows]
    window = max(5, len(rows) // 5)
    if len(rows) <= window:
        return None
    earlier, later = min(watched[:-window]), min(watched[-window:])
    if earlier - later > 0.01 * max(watched[0] - min(watched), 0.1 * abs(min(watched))):
        return None
    # The plateau begins where the curve first came within a hundredth of its range of the best value so far.
    level = min(watched) + 0.02 * (max(watched) - min(watched))
    since = next(epoch for epoch, _, value in rows if value <= level)
    if finished:
        return Reading("flat", f"Flat since epoch {since}: the validation loss settled near {_short(min(watched))}.")
    text = f"Flat since epoch {since}: the validation loss stays near {_short(min(watched))}"
    return Reading("flat", f"{text}, and more epochs will hardly help.")


def _falling(rows: Rows, finished: bool) -> Reading:  # noqa: FBT001
    first, last = rows[0][2], rows[-1][2]
    path = f"from {_short(first)} to {_short(last)}"
    if finished and last >= first:
        return Reading("unclear", f"The validation loss went {path}: it did not get better on rows it had never seen.")
    if finished:
        sentence = f"The validation loss fell {path} and was still going down at the end: more epochs may help."
        return Reading("falling", sentence)
    if last < first:
        return Reading("falling", f"Still learning: the validation loss has fallen {path}.")
    return Reading("unclear", f"Only just begun: the validation loss went {path}, which says little yet.")


def _watched(line: dict[str, Any]) -> float:
    return float(line["val_loss"] if _is_number(line.get("val_loss")) else line["loss"])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _short(value: float) -> str:
    """Round to three significant digits without an exponent where people would write none."""
    text = f"{value:.3g}"
    return text if "e" not in text else f"{value:.0f}" if abs(value) >= 1 else f"{value:.5f}".rstrip("0")
