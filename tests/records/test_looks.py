"""Each look at the sealed test part is counted once a visit, and said in plain words."""

import threading

import pytest

from recipes import Recipe
from records import Run, looks


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", Recipe.of({"data": {"sample": "penguins"}}))


def test_a_fresh_report_was_looked_at_by_nobody(run):
    assert looks.told(run) == looks.Looks(0, {})
    assert looks.told(run).sentence == "Nobody has looked at the test part since this report."


def test_a_kind_counts_once_a_visit(run):
    for _ in range(3):
        looks.count(run, "rows", "monday")
    looks.count(run, "rows", "tuesday")
    looks.count(run, "compare", "monday")
    assert looks.told(run) == looks.Looks(3, {"rows": 2, "compare": 1})
    assert looks.told(run).sentence == (
        "The test part was looked at 3 times since this report (opened its rows twice, compared runs on it once). A "
        "model that is changed after a look has seen the test in a way: its next score is a little too good."
    )


def test_without_a_visit_each_call_counts(run):
    looks.count(run, "file")
    looks.count(run, "file")
    assert looks.told(run).total == 2


def test_two_tabs_of_one_visit_at_the_same_moment_count_once(run):
    """Both have read an empty file before either wrote: the line stands twice, the look counts once."""
    run.append("looks", {"kind": "rows", "visit": "monday"})
    run.append("looks", {"kind": "rows", "visit": "monday"})
    assert looks.told(run).total == 1


def test_many_at_once_lose_no_look(run):
    threads = [threading.Thread(target=looks.count, args=(run, "rows", f"visit {number}")) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert looks.told(run).total == 20
