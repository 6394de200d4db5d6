"""What a look at the data found before training: one finding, its severity, its evidence, its cure."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["pass", "notice", "warning", "problem"]


class Finding(BaseModel):
    """One line of the data report. A `problem` keeps Train closed; the rest is for the person to judge."""

    model_config = ConfigDict(frozen=True)

    code: str
    """Short and stable, such as `missing_values`: tests and docs refer to it."""
    severity: Severity
    sentence: str
    """Plain words with the numbers: "Column *age* is empty in 263 of 1,313 rows (20 %)."."""
    cure: str = ""
    """The next step in words: "Nothing to do: empty cells are filled with the average and marked."."""
    column: str = ""
    rows: tuple[int, ...] = ()
    """A few row numbers of the data set that show it."""
