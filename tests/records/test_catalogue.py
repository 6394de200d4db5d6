"""The catalogue keeps owners apart, shares fairly, and never loses a claim."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from benchmarks import queue
from recipes import Refusal
from records import Workspace
from records.catalogue import Catalogue, Line, Queue, RunRow, fair_order
from records.database import Unreachable


@pytest.fixture
def catalogue(tmp_path, any_database):  # noqa: ARG001 - the configuration names it
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


def test_an_owner_has_no_more_runs_going_than_allowed():
    waiting = [row("a1", "ada", 1.0), row("a2", "ada", 2.0), row("a3", "ada", 3.0), row("b1", "bob", 4.0)]
    assert [each.id for each in fair_order(waiting, [], most=2)] == ["a1", "b1", "a2"]
    live = [row("a0", "ada", 0.0, state="running")]
    assert [each.id for each in fair_order(waiting, live, most=1)] == ["b1"]


def test_a_line_goes_on_when_a_run_has_ended():
    line = Line([row("a1", "ada", 1.0), row("a2", "ada", 2.0), row("b1", "bob", 3.0)], ["bob"], most=1)

    def next_two():
        return [each and each.id for each in (line.take(), line.take())]

    assert next_two() == ["a1", None]
    line.ended("bob")
    assert next_two() == ["b1", None]
    line.ended("ada")
    assert next_two() == ["a2", None]


def test_owners_are_known_by_their_last_turn(catalogue):
    catalogue.add(row("a", "ada", updated=7.0, attempt=1))
    catalogue.add(row("b", "ada", updated=5.0, attempt=1))
    catalogue.add(row("c", "bob", updated=9.0))
    assert Queue(catalogue).served() == {"ada": 7.0}


def test_own_runs_change_places_among_themselves_only(catalogue):
    for place, name in enumerate(["a1", "b1", "a2", "b2", "a3"], 1):
        catalogue.add(row(name, {"a": "ada", "b": "bob"}[name[0]], float(place)))

    def order():
        return [each.id for each in Queue(catalogue).queued()]

    assert catalogue.move("a3", "ada", to_front=True)
    assert order() == ["a3", "b1", "a1", "b2", "a2"]
    assert catalogue.move("a3", "ada", to_front=False)
    assert order() == ["a1", "b1", "a2", "b2", "a3"]
    assert not catalogue.move("a1", "bob", to_front=True)
    catalogue.change("a1", "ada", state="running")
    assert not catalogue.move("a1", "ada", to_front=True)
    assert order() == ["b1", "a2", "b2", "a3"]


def test_runs_queued_in_the_same_instant_can_be_reordered(catalogue):
    for name in "abc":
        catalogue.add(row(name, place=5.0))
    assert catalogue.move("c", "ada", to_front=True)
    assert [each.id for each in Queue(catalogue).queued()] == ["c", "a", "b"]


def test_every_change_of_the_queue_leaves_a_mark(catalogue):
    """By it thirty viewers learn with one small query that what they were told still holds."""
    empty = catalogue.mark()
    catalogue.add(row("a", place=1.0))
    catalogue.add(row("b", place=2.0))
    waiting = catalogue.mark()
    assert catalogue.mark() == waiting
    catalogue.move("b", "ada", to_front=True)
    moved = catalogue.mark()
    Queue(catalogue).claim("b", "-1")
    claimed = catalogue.mark()
    Queue(catalogue).change("b", 1, state="finished", took=2.5)
    assert len({empty, waiting, moved, claimed, catalogue.mark()}) == 5
    assert [(each.id, each.took) for each in Queue(catalogue).lately()] == [("b", 2.5)]


@pytest.mark.usefixtures("any_database")
def test_each_of_many_jobs_is_claimed_once(tmp_path):
    """The large setting is in docs/queue.json."""
    told = queue.claims(Workspace(tmp_path), jobs=60, claimers=3)
    assert told["claimed"] == 60
    assert told["twice"] == told["never"] == told["errors"] == 0


def test_a_database_that_does_not_answer_is_told_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_DATABASE", f"postgresql+psycopg://layerwise@/none?host={tmp_path}")
    with pytest.raises(Unreachable) as silent:
        Catalogue(Workspace(tmp_path))
    assert str(silent.value) == "The list of runs does not answer just now. Nothing is lost: try again in a moment."


@pytest.mark.parametrize("address", ["somewhere", "nothing://host/name"])
def test_what_is_no_address_of_a_database_is_refused(tmp_path, monkeypatch, address):
    monkeypatch.setenv("LAYERWISE_DATABASE", address)
    with pytest.raises(Refusal) as refused:
        Catalogue(Workspace(tmp_path))
    assert str(refused.value) == (
        "LAYERWISE_DATABASE is no address of a database. Write it like postgresql+psycopg://user@host/layerwise, or "
        "leave it out for a file in the workspace."
    )


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
