"""The catalogue keeps owners apart, shares fairly, and never loses a claim."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from recipes import Refusal
from records import Workspace
from records.catalogue import Catalogue, Queue, RunRow, fair_order


@pytest.fixture
def catalogue(tmp_path):
    return Catalogue(Workspace(tmp_path))


def row(name, owner="ada", place=1.0, **more):
    return RunRow(name, owner, f"Run {name}", place=place, created=place, **more)


def test_foreign_and_unknown_runs_look_alike(catalogue):
    catalogue.add(row("a"))
    assert catalogue.find("a", "eve") is None
    assert catalogue.find("nothing", "eve") is None
    assert catalogue.of("eve") == []
    assert not catalogue.change("a", "eve", title="mine now")
    assert catalogue.find("a", "ada").title == "Run a"


def test_lists_the_newest_first(catalogue):
    catalogue.add(row("a", place=1.0))
    catalogue.add(row("b", place=2.0))
    assert [each.id for each in catalogue.of("ada")] == ["b", "a"]


def test_changes_only_from_the_states_named(catalogue):
    catalogue.add(row("a"))
    assert not catalogue.change("a", "ada", ["finished"], state="cancelled")
    assert catalogue.change("a", "ada", ["queued"], state="cancelled")
    assert catalogue.find("a", "ada").state == "cancelled"


def test_each_claim_raises_the_attempt(catalogue):
    catalogue.add(row("a"))
    queue = Queue(catalogue)
    assert queue.claim("a", "-1") == 1
    assert queue.claim("a", "-1") is None
    assert queue.change("a", 1, state="queued")
    assert queue.claim("a", "-1") == 2


def test_an_old_attempt_changes_nothing(catalogue):
    catalogue.add(row("a", attempt=4))
    queue = Queue(catalogue)
    assert queue.claim("a", "-1") == 5
    assert not queue.change("a", 4, state="finished")
    assert catalogue.find("a", "ada").state == "starting"


def test_one_of_many_gets_a_run(catalogue):
    catalogue.add(row("a"))
    with ThreadPoolExecutor(8) as threads:
        claims = list(threads.map(lambda _: Queue(catalogue).claim("a", "-1"), range(8)))
    assert sorted(claims, key=str) == [1] + [None] * 7


def test_a_deleted_run_is_gone_until_it_is_brought_back(catalogue):
    catalogue.add(row("a"))
    catalogue.change("a", "ada", deleted=5.0)
    assert catalogue.of("ada") == []
    assert Queue(catalogue).claim("a", "-1") is None
    assert Queue(catalogue).thrown_away(6.0) == ["a"]
    assert Queue(catalogue).thrown_away(5.0) == []
    assert not catalogue.restore("a", "eve")
    assert catalogue.restore("a", "ada")
    assert [each.id for each in catalogue.of("ada")] == ["a"]


def test_the_owner_with_the_fewest_live_runs_comes_first():
    """A class of thirty: one who queues ten runs must not keep the others waiting."""
    waiting = [row("a1", "ada", 1.0), row("a2", "ada", 2.0), row("a3", "ada", 3.0), row("b1", "bob", 4.0)]
    assert [each.id for each in fair_order(waiting, [])] == ["a1", "b1", "a2", "a3"]
    live = [row("a0", "ada", 0.0, state="running")]
    assert [each.id for each in fair_order(waiting, live)] == ["b1", "a1", "a2", "a3"]


def test_never_uses_a_journal_that_can_be_damaged(tmp_path):
    Catalogue(Workspace(tmp_path))
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    assert mode == ("wal" if sqlite3.sqlite_version_info >= (3, 51, 3) else "delete")


def test_refuses_a_workspace_of_a_newer_version(tmp_path):
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        connection.execute("CREATE TABLE schema (version INTEGER NOT NULL)")
        connection.execute("INSERT INTO schema VALUES (99)")
        connection.commit()
    with pytest.raises(Refusal) as refused:
        Catalogue(Workspace(tmp_path))
    assert str(refused.value) == (
        "This workspace was written by a newer Layerwise. Update Layerwise, or set LAYERWISE_WORKSPACE to another "
        "folder."
    )
