"""The database behind the catalogue: SQLite in the workspace, or any address that `LAYERWISE_DATABASE` names.

Opened for the first time in a process, it is brought to the newest schema by the steps in `records/migrations/`.
"""

import logging
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool

from recipes import Refusal
from recipes.configuration import configuration
from records.workspace import Workspace

_log = logging.getLogger("layerwise.database")

MIGRATIONS = Path(__file__).parent / "migrations"
POOL = 5
"""Connections to a server that one process keeps open; as many again in a rush."""
PATIENCE = 5
"""Seconds until a server that does not answer counts as silent."""
SILENT = "The list of runs does not answer just now. Nothing is lost: try again in a moment."
BUSY_MILLISECONDS = 30_000
SAFE_WAL = (3, 51, 3)
"""Earlier SQLite can damage a WAL file when two connections write and checkpoint at the same instant."""
ONE_AT_A_TIME = 7_236_004
"""Key of the lock that lets one process at a time migrate a PostgreSQL database."""
NEWER = (
    "This workspace was written by a newer Layerwise. Update Layerwise, or set LAYERWISE_WORKSPACE to another folder."
)
NO_ADDRESS = (
    "LAYERWISE_DATABASE is no address of a database. Write it like postgresql+psycopg://user@host/layerwise, or leave "
    "it out for a file in the workspace."
)


class Unreachable(Refusal):
    """The database does not answer now; the same question may be answered in a moment."""


def database(workspace: Workspace) -> sql.Engine:
    """Open the database of a workspace."""
    return open_database(configuration().database or address(workspace.root / "catalogue.db"))


def address(file: Path) -> str:
    """Return the address of an SQLite file."""
    return f"sqlite:///{file}"


@cache
def open_database(url: str) -> sql.Engine:
    """Open a database by its address, at its newest schema; raises `Refusal` for one of a newer Layerwise."""
    file = _file_of(url)
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        # A fresh connection costs 0.2 ms on a file and survives forks, threads and a replaced file.
        engine = sql.create_engine(url, poolclass=NullPool)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    else:
        # Over a network a fresh one costs many times a question; one whose server was started anew is replaced.
        patience = {"connect_timeout": PATIENCE} if sql.make_url(url).get_backend_name() == "postgresql" else {}
        engine = sql.create_engine(
            url, connect_args=patience, pool_pre_ping=True, pool_size=POOL, max_overflow=POOL, pool_recycle=600
        )
    _upgrade(engine)
    return engine


def is_file(workspace: Workspace) -> bool:
    """Say whether the catalogue is an SQLite file, which only one machine may open."""
    return _file_of(configuration().database or address(workspace.root / "catalogue.db")) is not None


def _file_of(url: str) -> str | None:
    """Return the file of an SQLite address, None for a server's; raises `Refusal` for no address at all."""
    try:
        told = sql.make_url(url)
        told.get_dialect()
    except (ArgumentError, NoSuchModuleError):
        raise Refusal(NO_ADDRESS) from None  # the address may hold a password: it is not shown
    return told.database if told.get_backend_name() == "sqlite" else None


@contextmanager
def writing(engine: sql.Engine) -> Generator[sql.Connection]:
    """Open a transaction that writes: on SQLite it takes the lock at once."""
    with _told(), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: sql.Engine) -> Generator[sql.Connection]:
    """Open a transaction that only reads."""
    with _told(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def _told() -> Generator[None]:
    """Say in words that the database does not answer; the log has the rest."""
    try:
        yield
    except OperationalError as error:
        _log.warning("The database does not answer: %s", str(error.orig).partition("\n")[0])
        raise Unreachable(SILENT) from error


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
