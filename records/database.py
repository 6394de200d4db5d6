"""The database behind the catalogue: SQLite in the workspace, or any address that `LAYERWISE_DATABASE` names.

Opened for the first time in a process, it is brought to the newest schema by the steps in `records/migrations/`.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.pool import NullPool

from recipes import Refusal
from recipes.configuration import configuration
from records.workspace import Workspace

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MILLISECONDS = 30_000
SAFE_WAL = (3, 51, 3)
"""Earlier SQLite can damage a WAL file when two connections write and checkpoint at the same instant."""
ONE_AT_A_TIME = 7_236_004
"""Key of the lock that lets one process at a time migrate a PostgreSQL database."""
NEWER = (
    "This workspace was written by a newer Layerwise. Update Layerwise, or set LAYERWISE_WORKSPACE to another folder."
)


def database(workspace: Workspace) -> sql.Engine:
    """Open the database of a workspace."""
    return open_database(configuration().database or address(workspace.root / "catalogue.db"))


def address(file: Path) -> str:
    """Return the address of an SQLite file."""
    return f"sqlite:///{file}"


@cache
def open_database(url: str) -> sql.Engine:
    """Open a database by its address, at its newest schema; raises `Refusal` for one of a newer Layerwise."""
    # A fresh connection costs 0.2 ms on a file and survives forks, threads and a replaced file.
    file = sql.make_url(url).database if url.startswith("sqlite") else None
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        engine = sql.create_engine(url, poolclass=NullPool)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    else:
        engine = sql.create_engine(url, poolclass=NullPool)
    _upgrade(engine)
    return engine


@contextmanager
def writing(engine: sql.Engine) -> Generator[sql.Connection]:
    """Open a transaction that writes: on SQLite it takes the lock at once."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: sql.Engine) -> Generator[sql.Connection]:
    """Open a transaction that only reads."""
    with engine.connect() as connection, connection.begin():
        yield connection


def _upgrade(engine: sql.Engine) -> None:
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sql.select(sql.func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
        tables = sql.inspect(connection).get_table_names()
        if "alembic_version" in tables:
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
            if version == newest():
                return
        migrate(connection)


def newest() -> str:
    """Name the newest step: the last of the files, which are numbered."""
    return max(file.stem for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def migrate(connection: sql.Connection, to: str = "head") -> None:
    """Bring the database of this connection to a step, by default the newest."""
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError as error:
        raise Refusal(NEWER) from error


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # or the driver would begin by itself, too late for BEGIN IMMEDIATE
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute(f"PRAGMA journal_mode = {'WAL' if sqlite3.sqlite_version_info >= SAFE_WAL else 'DELETE'}")
    connection.execute("PRAGMA synchronous = FULL")


def _begin(connection: sql.Connection) -> None:
    # A transaction that reads first and writes later can fail where two meet: writers say so at once.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
