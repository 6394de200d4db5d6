"""How often the sealed test part was looked at after its report: each look makes its score worth a little less.

Whoever opens test rows and then changes the model fits it to these rows too, if only by eye. So each look is
counted in the run's folder (`looks.jsonl`, one line a look, appended in one write) and said beside the score.
"""

from dataclasses import dataclass

from records.run import Run

KINDS = {
    "rows": "opened its rows",
    "try": "tried one of its rows",
    "threshold": "moved the threshold on it",
    "slices": "read it group by group",
    "compare": "compared runs on it",
    "explain": "explained its rows",
    "file": "downloaded its answers",
}
"""What somebody can do with the test part, in words: "somebody opened its rows"."""


@dataclass(frozen=True)
class Looks:
    """What was counted: how often in all, and by kind."""

    total: int
    kinds: dict[str, int]

    @property
    def sentence(self) -> str:
        """Say it quietly, in one or two sentences."""
        if not self.total:
            return "Nobody has looked at the test part since this report."
        told = f"The test part was looked at {_times(self.total)} since this report"
        parts = ", ".join(f"{KINDS.get(kind, kind)} {_times(often)}" for kind, often in self.kinds.items())
        return (
            f"{told} ({parts}). A model that is changed after a look has seen the test in a way: its next score is a "
            "little too good."
        )


def count(run: Run, kind: str, visit: str = "") -> None:
    """Count one look; the same kind in the same visit counts once, without a visit each call counts."""
    if visit and _key(kind, visit) in _keys(run):
        return
    run.append("looks", {"kind": kind} | ({"visit": visit} if visit else {}))


def told(run: Run) -> Looks:
    """Return what was counted in this run's folder."""
    kinds: dict[str, int] = {}
    for kind, _ in _keys(run):
        kinds[kind] = kinds.get(kind, 0) + 1
    return Looks(sum(kinds.values()), kinds)


def _keys(run: Run) -> dict[tuple[str, str], None]:
    """Return the looks, each once: two tabs of one visit may have appended at the same moment."""
    lines, _ = run.lines("looks")
    return dict.fromkeys(_key(line["kind"], line.get("visit") or f"line {number}") for number, line in enumerate(lines))


def _key(kind: str, visit: str) -> tuple[str, str]:
    return kind, visit


def _times(often: int) -> str:
    return {1: "once", 2: "twice"}.get(often, f"{often:,} times")
