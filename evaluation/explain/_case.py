"""What is explained: one example of the validation part (or cells of one's own), and which of the answers."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from builders._boxes import chosen
from evaluation.asked import Asked
from evaluation.explain._network import BOX, Network
from evaluation.predict import decoded
from recipes import Part, Refusal

MOST_ROWS = 2_000
"""Rows of the validation part that a look at the whole model takes."""
WORDS = ("translation", "answering", "generation")
"""Tasks whose answer is words: their methods ask for it themselves."""


@dataclass(frozen=True)
class Case:
    """A run, an example as ready tensors with one row, and the answer that is explained."""

    asked: Asked
    settings: dict[str, Any]
    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    """Ready tensors with one row; empty where the whole model is explained."""
    row: int | None = None
    """Its row number in the data set; None for an example of one's own."""
    truth: Any = None
    """What it really is: a class number or a standardised number; None where nobody knows."""
    said: tuple[float, ...] = ()
    """What the model answers: probabilities, or numbers in the target's own unit."""
    answer: int | None = None
    """The class or the step that is explained; None for the mean of several steps."""
    cell: int | None = None
    """A detector's cell that answers for the thing that is explained."""
    box: tuple[float, ...] = ()
    """That thing's box in shares of the sides: left, top, right, bottom."""

    @classmethod
    def of(cls, asked: Asked, settings: dict[str, Any], network: Network, *, needs_example: bool) -> "Case":
        """Find the example that the settings name; raises `Refusal` in words."""
        if not needs_example:
            return cls(asked, settings)
        row, truth = None, None
        if "values" in settings:
            inputs = asked.ready(decoded(asked.signature, settings["values"]))
        else:
            part = asked.prepared.part("validation")
            place = place_of(part, settings.get("row"))
            inputs = {name: np.asarray(array[place : place + 1]) for name, array in part.x.items()}
            row, truth = int(part.rows[place]), np.asarray(part.y[place]).ravel()
        if asked.signature.task in WORDS:
            return cls(asked, settings, inputs, row, truth)
        cell, box = _found(settings, network, inputs) if asked.signature.task == "detection" else (None, ())
        said = network.about(cell).answers(inputs)[0]
        answer = _answer(asked, settings, said)
        return cls(asked, settings, inputs, row, truth, tuple(map(float, said)), answer, cell, box)

    @cached_property
    def validation(self) -> Part:
        """Up to `MOST_ROWS` rows of the validation part, in memory."""
        return some_rows(self.asked, MOST_ROWS)

    def told(self) -> dict[str, Any]:
        """Say which example and which answer it was."""
        if not self.inputs:
            return {}
        target = self.asked.signature.target
        known: Any = None
        if self.truth is not None and target.classes and self.cell is None:
            known = int(self.truth[0])
        elif self.truth is not None and self.truth.size == 1 and self.cell is None:
            known = float(self.truth[0]) * target.scale + target.mean
        return {"row": self.row, "answer": self.answer, "said": list(self.said), "truth": known,
                "classes": list(target.classes), "target": target.name, "box": list(self.box)}  # fmt: skip


def place_of(part: Part, row: Any) -> int:
    """Return the place of a row number in the validation part; the first row where none is named."""
    if row is None:
        return 0
    found = np.flatnonzero(np.asarray(part.rows) == int(row))
    if not len(found):
        raise Refusal(f"Row {row} is not in the validation part. Choose another example.")
    return int(found[0])


def some_rows(asked: Asked, most: int) -> Part:
    """Return up to so many rows of the validation part, in memory, drawn by the run's seed."""
    part = asked.prepared.part("validation")
    kept = np.sort(np.random.default_rng(asked.seed).permutation(len(part))[:most])
    return Part({name: np.asarray(array[kept]) for name, array in part.x.items()}, np.asarray(part.y[kept]),
                np.asarray(part.rows[kept]))  # fmt: skip


def _found(settings: dict[str, Any], network: Network, inputs: dict[str, np.ndarray]) -> tuple[int, tuple[float, ...]]:
    """Return the cell and the box of the thing that `settings["thing"]` counts to, the surest being 0."""
    answer = network.outputs(inputs)
    told = {name: np.asarray(value)[0] for name, value in chosen(answer).items()}
    number = int(settings.get("thing", 0))
    things = max(1, int((told["classes"] >= 0).sum()))
    if not 0 <= number < things:
        raise Refusal(f"It found {things} here, so there is no number {number + 1}. Choose a smaller one.")
    boxes = np.clip(answer[0, :, 1:BOX], 0.0, 1.0)
    wanted = told["boxes"][number]
    if told["classes"][number] < 0:  # nothing is sure enough: the cell that comes nearest
        cell = int(answer[0, :, 0].argmax())
    else:
        cell = int(np.abs(boxes - wanted).sum(axis=1).argmin())
    return cell, tuple(map(float, boxes[cell]))


def _answer(asked: Asked, settings: dict[str, Any], said: np.ndarray) -> int | None:
    """Return which answer is explained: the wanted one, else the strongest class, the one number, or all steps."""
    wanted = settings.get("answer")
    if wanted is not None:
        if not 0 <= int(wanted) < len(said):
            raise Refusal(f"There is no answer number {wanted}. Choose one from 0 to {len(said) - 1}.")
        return int(wanted)
    if asked.signature.target.classes:
        return int(np.argmax(said))
    return 0 if len(said) == 1 else None
