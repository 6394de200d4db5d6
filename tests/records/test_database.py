"""The database: old catalogues are taken along whole, newer ones are refused, and no upgrade is ever half done."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sql

from recipes import Refusal
from records import Workspace, database
from records.catalogue import Catalogue, Queue

OLD = sorted((Path(__file__).parent / "old_catalogues").glob("*.sql"))
NEWER = (
    "This workspace was written by a newer Layerwise. Update Layerwise, or set LAYERWISE_WORKSPACE to another folder."
)
STEPS = sorted(file.stem for file in (database.MIGRATIONS / "versions").glob("[0-9]*.py"))


@pytest.fixture(params=OLD, ids=lambda file: file.stem)
def old(request, tmp_path):
    """A workspace whose catalogue an older Layerwise wrote, and the rows that were in it."""
    return made_of(request.param, tmp_path)


def made_of(file, folder):
    with closing(sqlite3.connect(folder / "catalogue.db")) as connection:
        connection.executescript(file.read_text(encoding="utf-8"))
        return Workspace(folder), everything(connection, "run")


def everything(connection, table):
    """Each row as a dictionary, by its id."""
    asked = connection.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608 - names of our own tables
    return [dict(zip([column[0] for column in asked.description], row, strict=True)) for row in asked]


def shape(folder):
    """Everything that a catalogue is made of, in the words of SQLite."""
    with closing(sqlite3.connect(folder / "catalogue.db")) as connection:
        return connection.execute("SELECT type, name, tbl_name FROM sqlite_master ORDER BY type, name").fetchall()


def columns(folder):
    engine = database.database(Workspace(folder))
    told = sql.inspect(engine)
    return {table: [column["name"] for column in told.get_columns(table)] for table in told.get_table_names()}


def test_there_is_an_old_catalogue_of_every_schema_that_was_in_use():
    assert [file.stem for file in OLD][:1] == ["schema_1"]


def test_an_old_catalogue_is_taken_along_with_every_row(old):
    workspace, before = old
    Catalogue(workspace)
    with closing(sqlite3.connect(workspace.root / "catalogue.db")) as connection:
        after = everything(connection, "run")
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(database.newest(),)]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert [row | kept for row, kept in zip(after, before, strict=True)] == after


def test_an_old_catalogue_goes_on_where_it_stood(tmp_path):
    """What was running still is, what waited still waits, and what was thrown away stays away."""
    workspace, _ = made_of(OLD[0], tmp_path)
    catalogue = Catalogue(workspace)
    assert [(run.title, run.state, run.starred) for run in catalogue.of("ada")] == [
        ("Chloë's “flowers”; DROP TABLE run", "queued", False), ("Palmer penguins", "finished", True),
    ]  # fmt: skip
    assert [(run.title, run.attempt, run.handle) for run in Queue(catalogue).live()] == [
        ("MLP · iris", 2, "4711:99:boot")
    ]
    assert Queue(catalogue).thrown_away(1.8e9) == ["07ab3dd94c5e21f8b660"]


def test_an_upgraded_catalogue_is_built_like_a_new_one(old, tmp_path):
    workspace, _ = old
    (tmp_path / "new").mkdir()
    Catalogue(workspace)
    Catalogue(Workspace(tmp_path / "new"))
    assert shape(workspace.root) == shape(tmp_path / "new")
    assert columns(workspace.root) == columns(tmp_path / "new")


def test_every_step_alone_leads_to_the_newest(tmp_path):
    """Whichever version somebody comes from, the way on is there."""
    for step in STEPS:
        folder = tmp_path / step
        folder.mkdir()
        plain = sql.create_engine(database.address(folder / "catalogue.db"))
        with plain.begin() as connection:
            database.migrate(connection, step)
        plain.dispose()
        Catalogue(Workspace(folder))
        with closing(sqlite3.connect(folder / "catalogue.db")) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(STEPS[-1],)], step


LATER = (
    "DROP TABLE schema;"
    "CREATE TABLE alembic_version (version_num VARCHAR(32));"
    "INSERT INTO alembic_version VALUES ('0999_later')"
)


@pytest.mark.parametrize("spoil", ["UPDATE schema SET version = 2", LATER], ids=["schema", "step"])
def test_a_newer_catalogue_is_refused_and_left_alone(tmp_path, spoil):
    workspace, before = made_of(OLD[0], tmp_path)
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        connection.executescript(spoil)
    looks = shape(tmp_path)
    with pytest.raises(Refusal) as refused:
        Catalogue(workspace)
    assert str(refused.value) == NEWER
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        assert everything(connection, "run") == before
    assert shape(tmp_path) == looks


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_an_upgrade_that_breaks_off_has_done_nothing(tmp_path, monkeypatch, step):
    """Broken at the end of each step in turn; the next start finds the old catalogue and upgrades it."""
    workspace, before = made_of(OLD[0], tmp_path)
    looks = shape(tmp_path)
    whole = database.migrate

    def broken(connection, **_):
        whole(connection, STEPS[step])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(database, "migrate", broken)
    with pytest.raises(OSError, match="No space left"):
        Catalogue(workspace)
    assert shape(tmp_path) == looks
    monkeypatch.setattr(database, "migrate", whole)
    assert len(Catalogue(workspace).of("ada")) == 2
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        after = everything(connection, "run")
    assert [row | kept for row, kept in zip(after, before, strict=True)] == after


def test_a_process_that_is_killed_in_an_upgrade_leaves_the_old_catalogue(tmp_path):
    workspace, before = made_of(OLD[0], tmp_path)
    looks = shape(tmp_path)
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from records import Workspace, database; from records.catalogue import Catalogue\n"
        "whole = database.migrate\n"
        "def killed(connection, to='head'):\n"
        "    whole(connection); os.kill(os.getpid(), signal.SIGKILL)\n"
        "database.migrate = killed\n"
        "Catalogue(Workspace(Path(sys.argv[1])))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert shape(tmp_path) == looks
    Catalogue(workspace)
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        assert [row["id"] for row in everything(connection, "run")] == [row["id"] for row in before]


def test_two_that_open_an_old_catalogue_at_once_upgrade_it_once(tmp_path):
    """The web server and the supervisor start together after an update."""
    made_of(OLD[0], tmp_path)
    script = (
        "import sys; from pathlib import Path\n"
        "from records import Workspace; from records.catalogue import Catalogue\n"
        "sys.stdin.readline(); print(len(Catalogue(Workspace(Path(sys.argv[1]))).of('ada')))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = []
    threads = [threading.Thread(target=lambda one=one: told.append(one.communicate("go\n")[0])) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["2\n", "2\n"]
    assert [one.returncode for one in both] == [0, 0]
