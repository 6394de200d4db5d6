"""Corrections applied to prepared data: rows leave their part, labels change, the split stays as it is.

The same split, so that a new version is judged on the same test rows and can be compared with the old one; and the same
for every data type, because prepared rows know their number in the data set. What preparing fitted on the training part
(a mean, a vocabulary) stays as well.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from datasets import DataSet, PartName, Prepared, get, room
from recipes import Corrections, Data, Finding, Part, Refusal, Signature

TASKS = ("classification", "regression")
PARTS: tuple[PartName, ...] = ("train", "validation", "test")
BLOCK = 256
"""Rows copied at once: big data do not fit into memory."""


def correct(dataset: DataSet, prepared: Prepared, corrections: Corrections, folder: Path) -> Prepared:
    """Write prepared data without the dropped rows and with the mended labels; raises `Refusal` in words."""
    signature = prepared.signature
    _refuse_foreign(dataset, corrections)
    if signature.task not in TASKS:
        raise Refusal("Single rows can be corrected only where a class or a number is learned. Remove the corrections.")
    _refuse_labels(corrections, signature.target.classes, signature.target.name)
    parts = {name: prepared.part(name) for name in PARTS}
    plain = corrections.plain()
    dropped, labels = set(plain.get("drop", ())), _answers(signature, plain.get("labels", {}))
    told = {name: _part(part, name, dropped, labels, folder) for name, part in parts.items()}
    changed = signature.model_copy(
        update={
            "rows": {name: len(part) for name, part in told.items()},
            "class_counts": _class_counts(signature, told["train"]),
            "details": signature.details | {"corrected": _counts(parts, corrections)},
        }
    )
    return Prepared(folder, changed, prepared.encoding).save(told)


def finding(dataset: DataSet, data: Data) -> list[Finding]:
    """Say on Build what was corrected; nothing without corrections."""
    corrections = data.corrections
    if corrections is None or not corrections.rows:
        return []
    try:
        _refuse_foreign(dataset, corrections)
        _refuse_labels(corrections, tuple(get(dataset.schema.data_type).classes(dataset, data)), data.target)
    except Refusal as refusal:
        return [Finding(code="corrections", severity="problem", sentence=str(refusal))]
    return [
        Finding(
            code="corrections",
            severity="notice",
            sentence=f"You corrected this data set: {corrections.sentence()}. Its files stay as they are.",
            cure="To undo it, choose the data again.",
            rows=corrections.rows[:20],
        )
    ]


def _refuse_foreign(dataset: DataSet, corrections: Corrections) -> None:
    """Refuse rows that cannot be meant; a row that takes no part (without a label, in another fold) is passed over."""
    if corrections.of and not dataset.schema.fingerprint.startswith(corrections.of):
        raise Refusal(
            "The corrections belong to another version of these data, so their row numbers mean nothing here. "
            "Choose the data again."
        )
    outside = [row for row in corrections.rows if not 0 <= row < dataset.schema.rows]
    if outside:
        raise Refusal(
            f"Row {outside[0]:,} cannot be corrected: the data have rows 0 to {dataset.schema.rows - 1:,}. Remove its "
            "correction."
        )


def _refuse_labels(corrections: Corrections, classes: tuple[str, ...], target: str) -> None:
    """Refuse labels that the chosen target does not know: corrections are of one target."""
    labels = [str(label) for label in corrections.plain().get("labels", {}).values()]
    if classes:
        unknown = sorted(set(labels) - set(classes))
        if unknown:
            raise Refusal(
                f"There is no class '{unknown[0]}' that a label could be mended to. Known: {', '.join(classes)}."
            )
    elif not all(map(_is_number, labels)):
        raise Refusal(f"A mended label of '{target}' must be a number. Choose the data again.")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _answers(signature: Signature, labels: dict[int, Any]) -> dict[int, float]:
    """Turn labels into what `y` holds: a class number, or a standardised value."""
    target = signature.target
    if target.classes:
        return {row: target.classes.index(str(label)) for row, label in labels.items()}
    return {row: (float(label) - target.mean) / target.scale for row, label in labels.items()}


def _part(part: Part, name: PartName, dropped: set[int], labels: dict[int, float], folder: Path) -> Part:
    rows = np.asarray(part.rows)
    kept = np.flatnonzero(~np.isin(rows, list(dropped)))
    if not len(kept):
        raise Refusal(f"No row is left for {_for(name)}. Drop fewer rows.")
    y = np.array(part.y[kept])
    for place in np.flatnonzero(np.isin(rows[kept], list(labels))):
        y[place] = labels[int(rows[kept][place])]
    return Part({key: _copied(array, kept, name, key, folder) for key, array in part.x.items()}, y, rows[kept])


def _copied(array: np.ndarray, kept: np.ndarray, part: PartName, key: str, folder: Path) -> np.ndarray:
    into = room(folder, part, key, (len(kept), *array.shape[1:]), array.dtype)
    for start in range(0, len(kept), BLOCK):
        into[start : start + BLOCK] = array[kept[start : start + BLOCK]]
    return into


def _class_counts(signature: Signature, train: Part) -> tuple[int, ...]:
    classes = signature.target.classes
    if not classes:
        return ()
    counts = np.bincount(np.asarray(train.y).ravel().astype(int), minlength=len(classes))
    if not counts.all():
        raise Refusal(
            f"No row of class '{classes[int(counts.argmin())]}' is left for training. Correct fewer of its rows."
        )
    return tuple(counts.tolist())


def _counts(parts: dict[PartName, Part], corrections: Corrections) -> dict[str, int]:
    return {name: int(np.isin(np.asarray(part.rows), corrections.rows).sum()) for name, part in parts.items()}


def _for(name: PartName) -> str:
    return {"train": "training", "validation": "validation", "test": "the test"}[name]
