"""Many tabs share one reader; it parses what is new, follows a resume, and sends few points to a browser."""

import json
import os

import pytest

from recipes import Recipe
from records import Run, write_json
from ui.run_reader import POINTS, RunReader, thin


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path / "run", Recipe.of({"data": {"sample": "penguins"}}))


def line(x, *, end=False, stage="fit", loss=1.0):
    told = {"time": 1000.0 + x, "stage": stage, "epoch": max(1, int(x)), "x": x, "loss": loss}
    return told | ({"end": True, "val_loss": loss} if end else {})


def test_has_nothing_before_the_first_point(run):
    assert RunReader(run).lines() == []


def test_parses_only_what_was_added(run, monkeypatch):
    reader = RunReader(run)
    run.append("metrics", line(0.5))
    assert [point["x"] for point in reader.lines()] == [0.5]
    run.append("metrics", line(1.0, end=True))
    parsed = []
    real = json.loads
    monkeypatch.setattr("ui.run_reader.json.loads", lambda text: parsed.append(text) or real(text))
    assert [point["x"] for point in reader.lines()] == [0.5, 1.0]
    assert len(parsed) == 1


def test_leaves_a_torn_line_for_the_next_look(run):
    reader = RunReader(run)
    run.append("metrics", line(0.5))
    file = run.folder / "metrics.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"x": 0.')
    assert len(reader.lines()) == 1
    file.write_bytes(whole + json.dumps(line(0.75)).encode() + b"\n")
    assert [point["x"] for point in reader.lines()] == [0.5, 0.75]


def test_follows_a_resume_that_cut_the_file_and_grew_again(run):
    """The file may be longer than before by the time it is looked at."""
    reader = RunReader(run)
    for x in (1.0, 2.0, 3.0):
        run.append("metrics", line(x, end=True))
    assert len(reader.lines()) == 3
    file = run.folder / "metrics.jsonl"
    kept = file.read_bytes().splitlines(keepends=True)[:1]
    file.write_bytes(b"".join(kept))
    for x in (2.0, 3.0, 4.0):
        run.append("metrics", line(x, end=True, loss=0.5))
    assert [(point["x"], point["loss"]) for point in reader.lines()] == [(1.0, 1.0), (2.0, 0.5), (3.0, 0.5), (4.0, 0.5)]


def test_lays_stages_behind_each_other(run):
    for x in (1.0, 2.0):
        run.append("metrics", line(x, end=True, stage="rbm"))
    run.append("metrics", line(1.0, end=True, stage="fine"))
    assert [point["x"] for point in RunReader(run).epochs()] == [1.0, 2.0, 3.0]


def test_sees_a_replaced_file(run):
    reader = RunReader(run)
    assert reader.file("evidence.json") is None
    write_json(run.folder / "evidence.json", {"epoch": 1})
    assert reader.file("evidence.json") == {"epoch": 1}
    write_json(run.folder / "evidence.json", {"epoch": 2})
    assert reader.file("evidence.json") == {"epoch": 2}


def test_reads_an_unchanged_file_once(run):
    reader = RunReader(run)
    assert reader.file("state.json") is reader.file("state.json")
    os.utime(run.folder / "state.json")
    assert reader.state.state == "queued"


def test_sends_few_points_and_keeps_ends_and_peaks():
    lines = [line(number / 10, end=number % 10 == 0) for number in range(1, 5001)]
    lines[1234] |= {"loss": 99.0}
    kept = thin(lines)
    assert len(kept) <= POINTS
    assert sum(1 for point in kept if point.get("end")) == 500
    assert max(point["loss"] for point in kept) == 99.0
    assert kept[-1] == lines[-1]
    assert [point["x"] for point in kept] == sorted(point["x"] for point in kept)


def test_thins_very_many_epochs_too():
    lines = [line(float(number), end=True, loss=1 / number) for number in range(1, 20_001)]
    kept = thin(lines)
    assert len(kept) <= POINTS
    assert kept[0]["loss"] == 1.0
    assert kept[-1]["x"] == 20_000


def test_points_do_not_wander_while_the_run_goes_on():
    lines = [line(number / 10, loss=(number * 7919) % 101) for number in range(1, 3001)]
    before = {point["x"] for point in thin(lines[:2900])[:-1]}
    after = {point["x"] for point in thin(lines)}
    assert len(before - after) <= 2


def test_short_curves_stay_whole():
    lines = [line(0.1), line(0.2), line(1.0, end=True)]
    assert thin(lines) == lines


def test_draws_once_for_every_tab_that_looks(run):
    """Thirty viewers of one run must not cost thirty tables a second; a new line is drawn anew."""
    reader, made = RunReader(run), []

    def draw():
        made.append(len(reader.points()))
        return made[-1]

    run.append("metrics", line(1.0, end=True))
    assert [reader.drawn("loss", draw), reader.drawn("loss", draw)] == [1, 1]
    run.append("metrics", line(2.0, end=True))
    assert reader.drawn("loss", draw) == 2
    assert made == [1, 2]


def test_a_curve_that_was_cut_back_is_drawn_anew(run):
    """A resumed run may have as many lines as before, but others."""
    reader = RunReader(run)
    for x in (1.0, 2.0):
        run.append("metrics", line(x, end=True, loss=9.0))
    assert [point["loss"] for point in reader.points()] == [9.0, 9.0]
    (run.folder / "metrics.jsonl").write_text("")
    for x in (1.0, 2.0):
        run.append("metrics", line(x, end=True, loss=1.0))
    assert [point["loss"] for point in reader.points()] == [1.0, 1.0]


def test_tabs_that_look_within_the_same_moment_see_the_same(run):
    """A tick of thirty viewers reads the files once; whoever asks for the newest gets it all the same."""
    reader = RunReader(run)
    run.append("metrics", line(1.0, end=True))
    first = reader.glance()
    run.append("metrics", line(2.0, end=True))
    run.write_state(run.state.model_copy(update={"state": "running"}))
    assert reader.glance(age=60.0) is first
    assert [point["x"] for point in first.epochs()] == [1.0]
    assert [point["x"] for point in reader.glance().epochs()] == [1.0, 2.0]
    assert reader.glance(age=60.0).state.state == "running"


def test_what_was_drawn_of_a_moment_stays_when_the_run_goes_on(run):
    """Curve, sentence and numbers of one page agree although the file grew while it was drawn."""
    reader = RunReader(run)
    run.append("metrics", line(1.0, end=True))
    before = reader.glance()
    for x in (2.0, 3.0):
        run.append("metrics", line(x, end=True, stage="second"))
    after = reader.glance()
    assert (before.stages(), len(before.points()), len(before.lines())) == (["fit"], 1, 1)
    assert (after.stages(), len(after.points()), len(after.epochs("second"))) == (["fit", "second"], 3, 2)


def test_a_curve_forgets_the_stages_that_were_cut_off(run):
    reader = RunReader(run)
    for stage in ("rbm", "fine"):
        run.append("metrics", line(1.0, end=True, stage=stage))
    assert reader.stages() == ["rbm", "fine"]
    file = run.folder / "metrics.jsonl"
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
    assert reader.stages() == ["rbm"]
    assert [point["x"] for point in reader.epochs()] == [1.0]
