"""Findings on boxes before anything is trained: labels that cannot be right, things that can hardly be learned."""

from typing import Any, Literal

import numpy as np

from datasets._box_things import Things, overlaps
from datasets._class_checks import check_rows, few_of
from datasets._layout import counted, listed
from recipes import Finding

NOUN = "picture"
MOST_THINGS = 100
"""Boxes of one picture that are learned; more would only slow training down."""
SEEN = 3.0
"""Pixels that a thing should have at the size that the model sees."""
QUARREL = 0.9
"""Boxes of two classes that overlap more than this are one thing that was named twice."""

FEW = 50
"""Pictures of a class below which little is learned."""

_OUTSIDE = (
    "All boxes lie inside their pictures.",
    "reach over the edge of the picture",
    "Nothing to do: they were cut off there. If there are many, check that the labels belong to these pictures.",
)
_TWICE = ("No box was drawn twice.", "were drawn twice", "Nothing to do: each counts once.")
_SWAPPED = (
    "The corners of all boxes are in order.",
    "had left and right or top and bottom mixed up",
    "Nothing to do: they were put in order.",
)
_TURNED = (
    "Pictures and labels agree on which side is up.",
    "labelled lying on the side",
    "They were turned after labelling, so their boxes lie elsewhere now. Label them again, or leave them out.",
)
_BLANK = ("No picture is blank.", "nearly blank (one even colour).", "Look at them and remove those that show nothing.")


def of_labels(things: Things, names: list[str], troubles: dict[str, Any], rarest: int) -> list[Finding]:
    """Look at what was written: boxes off their pictures, written twice, named twice; classes and how frequent."""
    return [
        _check_lost(troubles["lost"], len(things.boxes)),
        _check_told("turned_pictures", troubles, _TURNED),
        _check_told("outside", troubles, _OUTSIDE, "notice"),
        _check_told("twice", troubles, _TWICE, "notice"),
        _check_told("swapped", troubles, _SWAPPED, "notice"),
        _check_quarrels(things, names),
        _check_rare(things, names, rarest),
        _check_balance(things, names),
    ]


def of_things(things: Things, size: int) -> list[Finding]:
    """Look at what is to be found: pictures without a box or with too many, things too small at `size` pixels."""
    return [_check_empty(things), _check_crowded(things), _check_tiny(things, size), _check_whole(things)]


def check_blank(spreads: np.ndarray) -> Finding:
    """Say which pictures show one even colour."""
    return check_rows("blank", np.flatnonzero(spreads < 1), NOUN, _BLANK)


def _boxes(number: int) -> str:
    return f"{number:,} {'box' if number == 1 else 'boxes'}"


def _check_lost(told: dict[str, Any], kept: int) -> Finding:
    number = told["number"]
    if not number:
        sentence = f"All {_boxes(kept)} lie on their pictures."
        return Finding(code="lost_boxes", severity="pass", sentence=sentence)
    lie, have = ("lies", "has") if number == 1 else ("lie", "have")
    sentence = f"{_boxes(number)} of {number + kept:,} {lie} outside of the picture or {have} no size."
    if number > kept:
        cure = "Check that the labels belong to these pictures and export them again: most of them do not fit."
        return Finding(code="lost_boxes", severity="problem", sentence=sentence, cure=cure, rows=tuple(told["rows"]))
    cure = "They were left out. Look at these pictures: what they show counts as background now."
    return Finding(code="lost_boxes", severity="warning", sentence=sentence, cure=cure, rows=tuple(told["rows"]))


def _check_told(
    code: str, every: dict[str, Any], words: tuple[str, str, str], severity: Literal["notice", "warning"] = "warning"
) -> Finding:
    fine, what, cure = words
    told = every[code]
    if not told["number"]:
        return Finding(code=code, severity="pass", sentence=fine)
    things = counted(told["number"], NOUN) if code == "turned_pictures" else _boxes(told["number"])
    verb = {1: "was "}.get(told["number"], "were ") if code == "turned_pictures" else ""
    what = what.replace("reach ", "reaches ").replace("were ", "was ") if told["number"] == 1 else what
    sentence = f"{things} {verb}{what}."
    return Finding(code=code, severity=severity, sentence=sentence, cure=cure, rows=tuple(told["rows"]))


def _check_quarrels(things: Things, names: list[str]) -> Finding:
    """Find one thing that bears two names."""
    rows, example = [], ""
    for row in np.flatnonzero(things.counts > 1):
        here = things.of(row)
        pairs = np.argwhere((overlaps(here[:, 1:], here[:, 1:]) > QUARREL) & (here[:, None, 0] < here[None, :, 0]))
        if len(pairs):
            rows.append(row)
            example = example or listed([names[int(here[place, 0])] for place in pairs[0]])
    if not rows:
        return Finding(code="conflicting_labels", severity="pass", sentence="No thing bears two names.")
    sentence = f"In {counted(len(rows), NOUN)} one thing bears two names, such as {example}."
    cure = "Decide which name is right and remove the other box."
    return Finding(code="conflicting_labels", severity="warning", sentence=sentence, cure=cure,
                   rows=few_of(np.array(rows)))  # fmt: skip


def _check_rare(things: Things, names: list[str], rarest: int) -> Finding:
    seen = things.pictures_of_classes(len(names))
    left_out = [name for name, number in zip(names, seen, strict=True) if number < rarest]
    if len(left_out) == len(names):
        sentence = f"No class has boxes in {rarest} pictures or more."
        cure = "Label more pictures: a model needs some dozens of each class."
        return Finding(code="few_per_class", severity="problem", sentence=sentence, cure=cure, column="label")
    if left_out:
        verb = "has" if len(left_out) == 1 else "have"
        sentence = f"{listed(left_out[:5])} {verb} boxes in fewer than {counted(rarest, NOUN)}"
        sentence += f" ({len(left_out) - 5} more such classes)." if len(left_out) > 5 else "."
        cure = "Left out: they count as background. Label more of them if they matter."
        return Finding(code="few_per_class", severity="warning", sentence=sentence, cure=cure, column="label")
    few = [name for name, number in zip(names, seen, strict=True) if number < FEW]
    if few:
        verb = "has" if len(few) == 1 else "have"
        sentence = f"{listed(few[:5])} {verb} boxes in fewer than {FEW} pictures."
        cure = "Label more if you can; a model learns little from so few."
        return Finding(code="few_per_class", severity="warning", sentence=sentence, cure=cure, column="label")
    sentence = f"Each of {counted(len(names), 'kind')} is in at least {seen.min()} pictures."
    return Finding(code="few_per_class", severity="pass", sentence=sentence, column="label")


def _check_balance(things: Things, names: list[str]) -> Finding:
    counts = things.of_classes(len(names))
    most, least = int(np.argmax(counts)), int(np.argmin(counts))
    ratio = counts[most] / max(1, counts[least])
    if ratio < 3:
        return Finding(code="imbalance", severity="pass", sentence="The classes are about equally frequent.")
    sentence = f"There are {ratio:.0f} times as many boxes of '{names[most]}' as of '{names[least]}'."
    severity = "warning" if ratio >= 10 else "notice"
    return Finding(code="imbalance", severity=severity, sentence=sentence, cure="Label more of the rare class.",
                   column="label")  # fmt: skip


def _check_empty(things: Things) -> Finding:
    counts = things.counts
    rows = np.flatnonzero(counts == 0)
    if not len(rows):
        return Finding(code="empty", severity="pass", sentence="Every picture has a box.")
    sentence = f"{counted(len(rows), NOUN)} of {len(counts):,} {'has' if len(rows) == 1 else 'have'} no box."
    if 2 * len(rows) > len(counts):
        cure = "Check that no labels are missing: whatever is not labelled is learned as background."
        return Finding(code="empty", severity="warning", sentence=sentence, cure=cure, rows=few_of(rows))
    cure = "Nothing to do if nothing is on them: from such pictures a model learns where nothing is."
    return Finding(code="empty", severity="notice", sentence=sentence, cure=cure, rows=few_of(rows))


def _check_crowded(things: Things) -> Finding:
    counts = things.counts
    rows = np.flatnonzero(counts > MOST_THINGS)
    if not len(rows):
        sentence = f"A picture has {int(counts.max())} boxes at most, {counts.mean():.1f} on average."
        return Finding(code="crowded", severity="pass", sentence=sentence)
    sentence = f"{counted(len(rows), NOUN)} {'has' if len(rows) == 1 else 'have'} more than {MOST_THINGS} boxes."
    cure = f"Only their {MOST_THINGS} largest boxes are learned. Cut such pictures into several."
    return Finding(code="crowded", severity="warning", sentence=sentence, cure=cure, rows=few_of(rows))


def _check_tiny(things: Things, size: int) -> Finding:
    sides = (things.boxes[:, 3:] - things.boxes[:, 1:3]).min(axis=1) * size
    tiny = np.flatnonzero(sides < SEEN)
    if not len(tiny):
        sentence = f"At {size} x {size} pixels every thing is at least {sides.min():.0f} pixels wide and high."
        return Finding(code="tiny", severity="pass", sentence=sentence)
    are = "is" if len(tiny) == 1 else "are"
    small = f"less than {SEEN:.0f} pixels wide or high at {size} x {size} pixels"
    sentence = f"{_boxes(len(tiny))} of {len(sides):,} {are} {small}."
    cure = "Raise the picture size, or cut pictures into parts: what is smaller can hardly be found."
    severity = "warning" if 10 * len(tiny) > len(sides) else "notice"
    return Finding(code="tiny", severity=severity, sentence=sentence, cure=cure,
                   rows=few_of(np.unique(things.rows[tiny])))  # fmt: skip


def _check_whole(things: Things) -> Finding:
    sides = things.boxes[:, 3:] - things.boxes[:, 1:3]
    whole = np.flatnonzero((sides > 0.98).all(axis=1))
    if 2 * len(whole) <= len(sides):
        return Finding(code="whole", severity="pass", sentence="Boxes mark parts of their pictures.")
    sentence = f"{_boxes(len(whole))} of {len(sides):,} cover the whole picture."
    cure = "If all do, there is nothing to find: sort the pictures into classes instead."
    return Finding(code="whole", severity="warning", sentence=sentence, cure=cure,
                   rows=few_of(np.unique(things.rows[whole])))  # fmt: skip
