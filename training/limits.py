"""What a run may take: the time of all its attempts and its memory, as noted in its folder when it was submitted.

`limits.json`: {"seconds": 1200, "memory_mb": 2048, "who": "your class"}; null or missing values are no limits.
"""

from dataclasses import dataclass

from records import Run

FILE = "limits.json"


@dataclass(frozen=True)
class Limits:
    """The limits of one run."""

    seconds: float | None = None
    memory_mb: float | None = None
    who: str = ""
    """Whose limits they are, as a person reads it: "your class"."""

    @classmethod
    def of(cls, run: Run) -> "Limits":
        """Read a run's limits; none where nobody has set any."""
        told = run.read(FILE) or {}
        return cls(told.get("seconds"), told.get("memory_mb"), told.get("who") or "")

    @property
    def name(self) -> str:
        """Name the limit of time: "20-minute limit of your class"."""
        seconds = self.seconds or 0
        amount = f"{seconds / 60:g}-minute" if seconds >= 60 and seconds % 60 == 0 else f"{seconds:g}-second"
        return f"{amount} limit" + (f" of {self.who}" if self.who else "")

    def is_over(self, seconds: float) -> bool:
        """Say whether a run that has taken so many seconds must come to its end."""
        return self.seconds is not None and seconds >= self.seconds
