"""The catalogue: who owns which run, its state, attempt and place in the queue. Nothing else is in SQL.

`Catalogue` is what screens see: every question and every change names the owner, and somebody else's run looks
exactly like one that does not exist. `Queue` is the supervisor's view of the same table, over all owners.
"""

import time
from collections.abc import Iterable
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

    def restore(self, run: str, owner: str) -> bool:
        """Bring a deleted run back; says whether it was still there."""
        return _update(self._engine, [*_own(run, owner), _run.c.deleted.is_not(None)], {"deleted": None}) == 1

    def waiting(self) -> list[str]:
        """List the ids of all waiting runs in the order in which they will start."""
        queue = Queue(self)
        return [row.id for row in fair_order(queue.queued(), queue.live())]

    def count_live(self) -> int:
        """Count the runs of everybody that have a worker now."""
        return len(Queue(self).live())


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

    def every_id(self) -> set[str]:
        """Name every run there is."""
        return {row.id for row in _rows(self._engine, sql.select(_run))}

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


def fair_order(queued: Iterable[RunRow], live: Iterable[RunRow]) -> list[RunRow]:
    """Order what waits: always the owner with the fewest live runs first, then the oldest run."""
    busy: dict[str, int] = {}
    for row in live:
        busy[row.owner] = busy.get(row.owner, 0) + 1
    rest, order = sorted(queued, key=lambda row: (row.place, row.id)), []
    while rest:
        chosen = min(rest, key=lambda row: busy.get(row.owner, 0))
        rest.remove(chosen)
        busy[chosen.owner] = busy.get(chosen.owner, 0) + 1
        order.append(chosen)
    return order


def _rows(engine: sql.Engine, select: sql.Select) -> list[RunRow]:
    with reading(engine) as connection:
        return [RunRow(**row) for row in connection.execute(select).mappings()]


def _update(engine: sql.Engine, where: list[Any], values: dict[str, Any]) -> int:
    with writing(engine) as connection:
        changed = connection.execute(sql.update(_run).where(*where).values(updated=time.time(), **values))
        return changed.rowcount


def _own(run: str, owner: str) -> list[Any]:
    return [_run.c.id == run, _run.c.owner == owner]
