"""What a data set holds: its columns or pictures, its classes, what could be learned from it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

ColumnKind = Literal[
    "number", "category", "boolean", "date", "text", "picture", "sound", "series", "clip", "ignore",
]  # fmt: skip


class Column(BaseModel):
    """One column of a data set as it was read (pictures: `picture` and `label`)."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: ColumnKind
    """How the column is used. `ignore`: not given to the model (ids, constant columns)."""
    reason: str = ""
    """Why this kind was chosen, in words."""
    missing: int = 0
    unique: int = 0
    examples: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None


class Schema(BaseModel):
    """A data set's description, stored as `dataset.json` beside its canonical files."""

    model_config = ConfigDict(frozen=True)

    name: str
    data_type: str
    rows: int
    columns: tuple[Column, ...]
    target: str = ""
    """The proposed target column; empty where none suggests itself."""
    task: str = ""
    classes: dict[str, int] = {}
    """Rows per class of the proposed target (classification only)."""
    fingerprint: str
    """SHA-256 of the source and of the settings it was read with."""
    notes: tuple[str, ...] = ()
    """What reading had to decide: "Read as Windows-1252, cells separated by semicolons."."""
    details: dict[str, Any] = {}
    """What only this data type knows, such as picture sizes and channels."""

    def column(self, name: str) -> Column:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)
