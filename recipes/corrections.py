"""Corrections of single rows: what was dropped, which labels were mended. They are part of a recipe's `data` group."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Corrections(BaseModel):
    """Rows of a data set that a person corrected. Its files stay as they are; the prepared data differ."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    drop: tuple[int, ...] = Field((), description="Row numbers that are left out.")
    labels: dict[int, str | float] = Field({}, description="Right labels by row number (a class, or a number).")
    of: str = Field("", description="Beginning of the data set's fingerprint: row numbers mean nothing elsewhere.")

    @property
    def rows(self) -> tuple[int, ...]:
        """Every corrected row, in ascending order."""
        return tuple(sorted({*self.drop, *self.labels}))

    def plain(self) -> dict[str, Any]:
        """Return plain values as they stand in a recipe, sorted."""
        labels = {row: self.labels[row] for row in sorted(self.labels) if row not in self.drop}
        told = {"drop": sorted(set(self.drop)), "labels": labels, "of": self.of}
        return {key: value for key, value in told.items() if value}

    def sentence(self) -> str:
        """Say what was corrected: "2 rows left out and 1 label mended"."""
        plain = self.plain()
        counts = {"row left out": len(plain.get("drop", ())), "label mended": len(plain.get("labels", ()))}
        parts = [f"{amount:,} {_many(words, amount)}" for words, amount in counts.items() if amount]
        return " and ".join(parts)


def _many(words: str, amount: int) -> str:
    noun, _, verb = words.partition(" ")
    return words if amount == 1 else f"{noun}s {verb}"
