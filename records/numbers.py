"""Numbers of the whole installation, over all owners: for whoever runs it, never for a screen."""

import time
from dataclasses import dataclass

import sqlalchemy as sql

from records.catalogue import Catalogue, Queue
from records.database import database, reading
from records.run import Run
from records.workspace import Workspace

_run = sql.table("run", sql.column("state"), sql.column("place"), sql.column("deleted"))


@dataclass(frozen=True)
class Numbers:
    """What there is and what goes on now."""

    runs: dict[str, int]
    """How many runs are in each state."""
    longest_wait: float
    """Seconds that the oldest waiting run has waited; 0 where none waits."""
    worker_bytes: int
    """Memory of all workers together, as they told it last."""


def numbers(workspace: Workspace) -> Numbers:
    """Ask the catalogue, and the live runs for their memory."""
    kept = _run.c.deleted.is_(None)
    with reading(database(workspace)) as connection:
        states = connection.execute(sql.select(_run.c.state, sql.func.count()).where(kept).group_by(_run.c.state)).all()
        first = connection.execute(
            sql.select(sql.func.min(_run.c.place)).where(kept, _run.c.state == "queued")
        ).scalar_one()
    wait = 0.0 if first is None else max(0.0, time.time() - first)
    return Numbers({row[0]: row[1] for row in states}, wait, _worker_bytes(workspace))


def answers(workspace: Workspace) -> None:
    """Ask the database the smallest question; raises what it raises where it does not answer."""
    with reading(database(workspace)) as connection:
        connection.execute(sql.select(sql.literal(1))).scalar_one()


def _worker_bytes(workspace: Workspace) -> int:
    folders = [workspace.run_folder(row.id) for row in Queue(Catalogue(workspace)).live()]
    told = [Run(folder).state.memory_mb or 0.0 for folder in folders if (folder / "state.json").exists()]
    return round(sum(told) * 2**20)
