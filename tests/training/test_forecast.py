"""What a waiting run is told: its place, and when it starts; never a time that nobody knows."""

import time

import pytest

from benchmarks import queue
from records import State
from records.catalogue import RunRow
from training.forecast import BESIDE, Pace, Turn, turns


def row(name, owner="ada", place=1.0, **more):
    return RunRow(name, owner, name, place=place, created=place, **more)


def test_what_finds_room_starts_at_once():
    assert turns([row("a", seconds=10.0)], [], 2, 0, Pace()) == {"a": Turn(1, 0.0)}


def test_each_starts_when_one_before_it_ends():
    """Two places, one taken for 40 s more; the runs take 15 s each, with all that is beside training."""
    waiting = [row(name, owner=name, place=float(place), seconds=10.0) for place, name in enumerate("abcd")]
    told = turns(waiting, [("eve", 40.0)], 2, 0, Pace())
    assert told == {"a": Turn(1, 0.0), "b": Turn(2, 15.0), "c": Turn(3, 30.0), "d": Turn(4, 40.0)}


def test_owners_take_turns_as_they_will_when_it_happens():
    """Also where there is room for one run only: who comes second must not wait for all that the first has queued."""
    waiting = [row(name, {"a": "ada", "b": "bob"}[name[0]], place, seconds=5.0)
               for place, name in enumerate(["a1", "a2", "a3", "b1"])]  # fmt: skip
    assert list(turns(waiting, [], 1, 0, Pace())) == ["a1", "b1", "a2", "a3"]
    assert list(turns(waiting, [], 1, 0, Pace(), served={"ada": 1.0})) == ["b1", "a1", "a2", "a3"]
    assert list(turns(waiting, [], 1, 0, Pace(), served={"ada": 1.0, "bob": 2.0})) == ["a1", "b1", "a2", "a3"]
    assert next(iter(turns(waiting, [("ada", 20.0), ("eve", 5.0)], 2, 0, Pace()))) == "b1"


def test_who_may_have_one_run_only_waits_for_its_end():
    waiting = [row("a1", "ada", 1.0, seconds=5.0), row("b1", "bob", 2.0, seconds=5.0)]
    told = turns(waiting, [("ada", 100.0)], 4, 1, Pace())
    assert told == {"b1": Turn(1, 0.0), "a1": Turn(2, 100.0)}


def test_without_a_known_time_there_is_a_place_only():
    waiting = [row("a", "ada", 1.0), row("b", "bob", 2.0)]
    assert turns(waiting, [], 1, 0, Pace()) == {"a": Turn(1, 0.0), "b": Turn(2, None)}
    assert turns(waiting, [("eve", None)], 1, 0, Pace()) == {"a": Turn(1, None), "b": Turn(2, None)}
    assert turns(waiting, [("eve", None)], 1, 0, Pace(typical=30.0)) == {"a": Turn(1, 30.0), "b": Turn(2, 60.0)}


def test_learns_from_what_finished_how_long_runs_take_here():
    lately = [row(str(number), seconds=15.0, took=2 * (15.0 + BESIDE)) for number in range(3)]
    pace = Pace.of(lately)
    assert pace.whole(row("new", seconds=5.0)) == 2 * (5.0 + BESIDE)
    assert pace.whole(row("new")) == 40.0
    assert Pace.of([]).whole(row("new")) is None
    assert Pace.of([row("odd", seconds=15.0, took=2e6)]).stretch == 5.0


def test_a_live_run_has_left_what_its_worker_says():
    now = time.time()
    live = row("a", state="running", attempt=2, updated=now, seconds=95.0)
    said = State(state="running", attempt=2, eta_seconds=60.0, updated=now - 20, started=now - 100)
    assert Pace().left(live, said) == pytest.approx(40.0 + BESIDE / 2, abs=1)
    silent = said.model_copy(update={"eta_seconds": None, "started": now - 30})
    assert Pace().left(row("a", state="running", attempt=2, updated=now - 40, seconds=95.0), silent) == pytest.approx(
        70.0, abs=1
    )
    of_before = said.model_copy(update={"attempt": 1})
    assert Pace().left(live, of_before) == pytest.approx(100.0, abs=1), "what an earlier attempt said holds no more"
    assert Pace().left(row("a", state="running"), None) is None


def test_what_is_told_comes_true():
    """A class of thirty on four places, runs off by a fifth; the large setting is in docs/queue.json."""
    told = queue.forecasts(owners=30, each=1, slots=4, most=0, spread=0.2, seed=7)
    assert told["median_error"] < 0.15
    assert queue.forecasts(owners=30, each=1, slots=4, most=0, spread=0.0, seed=7)["p90_error"] < 0.01


def test_a_long_queue_is_looked_through_in_no_time():
    waiting = [row(f"r{number}", f"o{number % 300}", float(number), seconds=5.0) for number in range(5000)]
    began = time.process_time()
    told = turns(waiting, [], 8, 2, Pace())
    assert len(told) == 5000
    assert time.process_time() - began < 2.0
