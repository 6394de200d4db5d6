"""When will a waiting run start? The queue is played forward: what goes ends, what is next starts, and so on."""

import heapq
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from records import State
from records.catalogue import Line, RunRow

BESIDE = 5.0
"""Seconds that a run takes beside training: preparing, report, download and its check."""
STRETCH = (0.3, 5.0)
"""Neighbours on the same cores make runs slower than estimated; more than this is taken for an accident."""


@dataclass(frozen=True)
class Turn:
    """The place of a waiting run in the queue (1 is next) and the seconds until it starts; None where unknown."""

    number: int
    seconds: float | None


@dataclass(frozen=True)
class Pace:
    """How long runs take here: `typical` seconds of one without an estimate, `stretch` of what is estimated."""

    typical: float | None = None
    stretch: float = 1.0

    @classmethod
    def of(cls, lately: Iterable[RunRow]) -> "Pace":
        """Learn it from the runs that finished last."""
        rows = [row for row in lately if row.took is not None]
        took = [row.took for row in rows if row.took is not None]
        ratios = [row.took / (row.seconds + BESIDE) for row in rows if row.took is not None and row.seconds is not None]
        stretch = min(max(statistics.median(ratios), STRETCH[0]), STRETCH[1]) if ratios else 1.0
        return cls(statistics.median(took) if took else None, stretch)

    def whole(self, row: RunRow) -> float | None:
        """Return the seconds that a run takes from its start to its end."""
        return self.typical if row.seconds is None else (row.seconds + BESIDE) * self.stretch

    def left(self, row: RunRow, state: State | None) -> float | None:
        """Return the seconds until a live run ends, from what its worker says and else from its estimate."""
        now = time.time()
        if state is not None and state.eta_seconds is not None and state.attempt == row.attempt:
            return max(state.eta_seconds - (now - state.updated), 0.0) + BESIDE / 2
        whole = self.whole(row)
        begun = row.updated if state is None or state.started is None else max(state.started, row.updated)
        return None if whole is None else max(whole - max(now - begun, 0.0), 1.0)


def turns(
    queued: Iterable[RunRow],
    live: Sequence[tuple[str, float | None]],
    slots: int,
    most: int,
    pace: Pace,
    served: Mapping[str, float] | None = None,
) -> dict[str, Turn]:
    """Play the queue forward; `live` names the owner of each live run and the seconds that it has left.

    Where nothing is known about how long something takes, the order is still right and only the seconds are missing.
    """
    line = Line(queued, (owner for owner, _ in live), most, served)
    guess = pace.typical
    ends = [(_or(left, guess), number, owner) for number, (owner, left) in enumerate(live)]
    heapq.heapify(ends)
    guessed = guess is None and any(left is None for _, left in live)
    free, now, found = slots - len(live), 0.0, {}
    while True:
        while free > 0 and (row := line.take()):
            found[row.id] = Turn(len(found) + 1, None if guessed and now else now)
            whole = pace.whole(row)
            guessed |= whole is None and guess is None
            heapq.heappush(ends, (now + _or(whole, guess), len(live) + len(found), row.owner))
            free -= 1
        if not ends:
            return found
        now, _, owner = heapq.heappop(ends)
        line.ended(owner)
        free += 1


def _or(*seconds: float | None) -> float:
    return next((each for each in seconds if each is not None), 1.0)
