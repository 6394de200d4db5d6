"""What a prepared data set offers to an architecture, and what the finished model will take and answer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict


class TensorSpec(BaseModel):
    """A ready tensor as the fit loop reads it: shape without the batch axis, and dtype."""

    model_config = ConfigDict(frozen=True)

    shape: tuple[int | None, ...]
    dtype: str = "float32"


class RawInput(BaseModel):
    """One raw input of the deliverable, with all that a Try form needs to ask for it."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    """`number`, `category`, `boolean`, `date`, `text`, `picture`, `sound`, `series` or `clip`."""
    shape: tuple[int | None, ...] = (1,)
    """Without the batch axis: (1,) for a cell, (None, None, channels) for a picture of any size, (None,) for a sound,
    (steps, columns) for a series, (frames, None, None, channels) for a clip."""
    dtype: str = "float32"
    """`float32` or `string`. A date is given as days since 1970-01-01, a boolean as 0 or 1."""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    typical: Any = None
    """The middle or most frequent value of the training part; the form starts with it."""
    description: str = ""
    ink: float = 0.0
    """Pictures only: how high a drawing stands in its square (0 to 1); 0 where a drawing pad does not suit."""


class Target(BaseModel):
    """What is to be answered."""

    model_config = ConfigDict(frozen=True)

    name: str
    classes: tuple[str, ...] = ()
    """Class names in the order of the outputs (sorted); empty where no class is learned."""
    size: int = 0
    """How many numbers are answered where it is not one, such as the steps of a forecast."""
    mean: float = 0.0
    scale: float = 1.0
    """Regression trains on (value - mean) / scale, both from the training part; the deliverable undoes it."""


class Signature(BaseModel):
    """The contract between a data type and an architecture."""

    model_config = ConfigDict(frozen=True)

    data_type: str
    task: str
    """One file of `evaluation/tasks/`: `classification`, `regression`, `forecasting`, ..."""
    inputs: dict[str, TensorSpec]
    """What the stage models read, by input name."""
    raw: tuple[RawInput, ...]
    target: Target
    rows: dict[str, int]
    """Rows in `train`, `validation` and `test`."""
    class_counts: tuple[int, ...] = ()
    """Training rows per class, in the order of `target.classes`."""
    details: dict[str, Any] = {}
    """Plain values that only this data type knows and its families need: `vocabulary`, `horizon`, `rate`, ..."""

    @property
    def outputs(self) -> int:
        """Units in the last layer: one per class, or one per number that is answered."""
        return len(self.target.classes) or self.target.size or 1


@dataclass(frozen=True)
class Part:
    """Ready tensors of one part. `x` maps input names to arrays; `rows` are row numbers of the data set."""

    x: dict[str, np.ndarray]
    y: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)
