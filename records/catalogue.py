"""The catalogue: who owns which run, its state, attempt and place in the queue. Nothing else is in SQL.

`Catalogue` is what screens see: every question and every change names the owner, and somebody else's run looks
exactly like one that does not exist. `Queue` is the supervisor's view of the same table, over all owners.
"""

import heapq
import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import IntegrityError

from records.database import database, reading, writing
from records.run import Name
from records.workspace import Workspace

LIVE: tuple[Name, ...] = ("starting", "running")

_tables = sql.MetaData()
_run = sql.Table(
    "run",
    _tables,
    sql.Column("id", sql.String, primary_key=True),
    sql.Column("owner", sql.String, nullable=False, index=True),
    sql.Column("title", sql.String, nullable=False),
    sql.Column("state", sql.String, nullable=False, index=True),
    sql.Column("attempt", sql.Integer, nullable=False),
    sql.Column("handle", sql.String, nullable=False),
    sql.Column("device", sql.String, nullable=False),
    sql.Column("place", sql.Float, nullable=False),
    sql.Column("created", sql.Float, nullable=False),
    sql.Column("updated", sql.Float, nullable=False),
    sql.Column("deaths", sql.Integer, nullable=False),
    sql.Column("reached", sql.Integer, nullable=False),
    sql.Column("starred", sql.Boolean, nullable=False),
    sql.Column("deleted", sql.Float),
    sql.Column("seconds", sql.Float),
    sql.Column("took", sql.Float),
)


@dataclass(frozen=True)
class RunRow:
    """One run as the catalogue knows it. What it is doing inside is in its folder's `state.json`."""

    id: str
    owner: str
    title: str
    state: Name = "queued"
    attempt: int = 0
    """How often it was started; the number is the fencing token of its worker."""
    handle: str = ""
    """What the launcher knows its worker by."""
    device: str = ""
    place: float = 0.0
    """When it joined the queue; the smaller, the earlier."""
    created: float = 0.0
    updated: float = 0.0
    deaths: int = 0
    """How often in a row its worker died without getting any further."""
    reached: int = 0
    """How far it was when its worker last died."""
    starred: bool = False
    deleted: float | None = None
    """When it was thrown away; it can be brought back for a short while."""
    seconds: float | None = None
    """How long training should take, as estimated before it was queued."""
    took: float | None = None
    """How long its last attempt took from start to end."""

    @property
    def is_live(self) -> bool:
        """Does it have, or is it about to get, a worker?"""
        return self.state in LIVE


class Catalogue:
    """The runs of an owner. Unknown and foreign runs are answered alike."""

    def __init__(self, workspace: Workspace) -> None:
        self._engine = database(workspace)

    def add(self, row: RunRow) -> None:
        """Enter a new run; one that a supervisor has found by its folder meanwhile stays as it is."""
        with suppress(IntegrityError), writing(self._engine) as connection:
            connection.execute(sql.insert(_run).values(**vars(row)))

    def of(self, owner: str) -> list[RunRow]:
        """List an owner's runs, newest first."""
        mine = sql.select(_run).where(_run.c.owner == owner, _run.c.deleted.is_(None))
        return _rows(self._engine, mine.order_by(_run.c.created.desc(), _run.c.id))

    def find(self, run: str, owner: str) -> RunRow | None:
        """Return one run of this owner."""
        found = _rows(self._engine, sql.select(_run).where(*_own(run, owner), _run.c.deleted.is_(None)))
        return found[0] if found else None

    def change(self, run: str, owner: str, states: Iterable[Name] | None = None, **values: Any) -> bool:
        """Change a run if it is in one of these states; says whether it was."""
        where = [*_own(run, owner), _run.c.deleted.is_(None)]
        if states is not None:
            where.append(_run.c.state.in_(list(states)))
        return _update(self._engine, where, values) == 1

    def give(self, run: str, owner: str, to: str) -> bool:
        """Make a run another owner's (who has signed in, or opened it all elsewhere); says whether it was there."""
        return _update(self._engine, [*_own(run, owner), _run.c.deleted.is_(None)], {"owner": to}) == 1

    def restore(self, run: str, owner: str) -> bool:
        """Bring a deleted run back; says whether it was still there."""
        return _update(self._engine, [*_own(run, owner), _run.c.deleted.is_not(None)], {"deleted": None}) == 1

    def move(self, run: str, owner: str, *, to_front: bool) -> bool:
        """Put a waiting run before or behind all others of its owner that wait; says whether it waits.

        They change places among themselves only, so nobody else waits any longer.
        """
        mine = sql.select(_run.c.id, _run.c.place).where(
            _run.c.owner == owner, _run.c.state == "queued", _run.c.deleted.is_(None)
        )
        with writing(self._engine) as connection:
            rows = connection.execute(mine.order_by(_run.c.place, _run.c.id).with_for_update()).all()
            others = [row.id for row in rows if row.id != run]
            if len(others) == len(rows):
                return False
            order = [run, *others] if to_front else [*others, run]
            for name, place in zip(order, _strictly_rising(row.place for row in rows), strict=True):
                where = [*_own(name, owner), _run.c.state == "queued"]
                connection.execute(sql.update(_run).where(*where).values(place=place, updated=time.time()))
        return True

    def mark(self) -> tuple[Any, ...]:
        """Return what changes whenever anything in the queue does; one small query for any number of viewers."""
        busy = sql.select(sql.func.count(), sql.func.max(_run.c.updated), sql.func.sum(_run.c.place))
        with reading(self._engine) as connection:
            return tuple(connection.execute(busy.where(_run.c.state.in_(("queued", *LIVE)))).one())


class Queue:
    """The same table for the supervisor, over all owners."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._engine = catalogue._engine  # noqa: SLF001 - two views of one table

    def queued(self) -> list[RunRow]:
        """List what waits, oldest first."""
        waiting = sql.select(_run).where(_run.c.state == "queued", _run.c.deleted.is_(None))
        return _rows(self._engine, waiting.order_by(_run.c.place, _run.c.id))

    def live(self) -> list[RunRow]:
        """List what has a worker, or is about to get one."""
        return _rows(self._engine, sql.select(_run).where(_run.c.state.in_(LIVE)))

    def served(self) -> dict[str, float]:
        """Say when each owner last had a turn: when something last happened to a run of theirs that had started."""
        moment = sql.func.max(_run.c.updated).label("moment")
        turns = sql.select(_run.c.owner, moment).where(_run.c.attempt > 0).group_by(_run.c.owner)
        with reading(self._engine) as connection:
            return {row.owner: row.moment for row in connection.execute(turns)}

    def lately(self, most: int = 20) -> list[RunRow]:
        """List the runs that finished last, with how long they took."""
        done = sql.select(_run).where(_run.c.state == "finished", _run.c.took.is_not(None))
        return _rows(self._engine, done.order_by(_run.c.updated.desc()).limit(most))

    def every_id(self) -> set[str]:
        """Name every run there is."""
        with reading(self._engine) as connection:
            return set(connection.execute(sql.select(_run.c.id)).scalars())

    def claim(self, run: str, device: str) -> int | None:
        """Take a waiting run off the queue; returns the number of this attempt, or None where it waits no more."""
        with writing(self._engine) as connection:
            where = (_run.c.id == run, _run.c.state == "queued", _run.c.deleted.is_(None))
            values = {"state": "starting", "handle": "", "device": device, "updated": time.time()}
            taken = connection.execute(sql.update(_run).where(*where).values(attempt=_run.c.attempt + 1, **values))
            if taken.rowcount != 1:
                return None
            return connection.execute(sql.select(_run.c.attempt).where(_run.c.id == run)).scalar_one()

    def change(self, run: str, attempt: int, **values: Any) -> bool:
        """Change a live run, if this attempt is still the current one."""
        where = [_run.c.id == run, _run.c.attempt == attempt, _run.c.state.in_(LIVE)]
        return _update(self._engine, where, values) == 1

    def thrown_away(self, before: float) -> list[str]:
        """List runs deleted before this time."""
        return [row.id for row in _rows(self._engine, sql.select(_run).where(_run.c.deleted < before))]

    def remove(self, run: str) -> None:
        """Forget a run, after its folder is gone."""
        with writing(self._engine) as connection:
            connection.execute(sql.delete(_run).where(_run.c.id == run))


class Line:
    """What waits, as it is served: always the owner with the fewest live runs first, then the one served longest ago.

    So owners take turns, also where there is room for one run only. An owner who has `most` runs going waits for one
    of them to end; 0 is no such limit.
    """

    def __init__(
        self, queued: Iterable[RunRow], live: Iterable[str], most: int = 0, served: Mapping[str, float] | None = None
    ) -> None:
        """Line up what waits; `live` names the owner of each live run, `served` when owners last had their turn."""
        self._busy = Counter(live)
        self._most = most
        self._served = dict(served or {})
        self._last = max(self._served.values(), default=0.0)
        self._of: dict[str, deque[RunRow]] = {}
        for row in sorted(queued, key=lambda row: (row.place, row.id)):
            self._of.setdefault(row.owner, deque()).append(row)
        self._heads: list[tuple[int, float, float, str, str]] = []
        for owner in self._of:
            self._show(owner)

    def take(self) -> RunRow | None:
        """Take the run that is next; it counts as live from now on. None where none may start now."""
        while self._heads:
            busy, served, _, name, owner = heapq.heappop(self._heads)
            rows = self._of[owner]
            now = (self._busy[owner], self._turn_of(owner))
            if (busy, served) != now or not rows or rows[0].id != name:
                continue  # said before something changed; what holds now stands behind it
            self._busy[owner] += 1
            self._last += 1.0
            self._served[owner] = self._last
            row = rows.popleft()
            self._show(owner)
            return row
        return None

    def ended(self, owner: str) -> None:
        """A live run of this owner has ended."""
        self._busy[owner] -= 1
        self._show(owner)

    def _show(self, owner: str) -> None:
        rows = self._of.get(owner)
        if rows and not 0 < self._most <= self._busy[owner]:
            turn = (self._busy[owner], self._turn_of(owner), rows[0].place, rows[0].id, owner)
            heapq.heappush(self._heads, turn)

    def _turn_of(self, owner: str) -> float:
        return self._served.get(owner, float("-inf"))


def fair_order(
    queued: Iterable[RunRow], live: Iterable[RunRow], most: int = 0, served: Mapping[str, float] | None = None
) -> Iterator[RunRow]:
    """Give what may start now, in the order of the queue (`Line`), as long as somebody asks for more."""
    line = Line(queued, (row.owner for row in live), most, served)
    return iter(line.take, None)


def _rows(engine: sql.Engine, select: sql.Select) -> list[RunRow]:
    with reading(engine) as connection:
        return [RunRow(**row) for row in connection.execute(select).mappings()]


def _update(engine: sql.Engine, where: list[Any], values: dict[str, Any]) -> int:
    with writing(engine) as connection:
        changed = connection.execute(sql.update(_run).where(*where).values(updated=time.time(), **values))
        return changed.rowcount


def _own(run: str, owner: str) -> list[Any]:
    return [_run.c.id == run, _run.c.owner == owner]


def _strictly_rising(places: Iterable[float]) -> Iterator[float]:
    """Two runs that were queued in the same instant still need places that differ."""
    last = float("-inf")
    for place in places:
        last = place if place > last else math.nextafter(last, math.inf)
        yield last
