"""The classroom's own parts: the wall's cards, the results, the code on the projector."""

import csv
import io
import re

import pytest

from benchmarks import classroom as made
from records import Run, Workspace, write_json
from records.catalogue import Catalogue, RunRow
from records.classes import Classes, Limits
from training import marks
from ui import studio
from ui.classroom import door, here, results, student, wall


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    workspace = Workspace(tmp_path)
    marks.hold(marks.supervisor_lock(workspace))
    monkeypatch.setattr(studio, "workspace", lambda: workspace)
    return workspace


@pytest.fixture
def room(workspace):
    return made.made(workspace, 3)


def runs(workspace, room):
    return {run.nickname: Run(workspace.run_folder(run.run)) for run in Classes(workspace).runs(room.id, room.teacher)}


def test_the_wall_has_a_card_for_everybody(workspace, room):
    """Also for who has not trained yet; the order stays, so that no card jumps."""
    Classes(workspace).join(room.code, "late", "Zoe", "here")
    told = wall.cards(room)
    assert [(card["name"], card["state"], card["line"]) for card in told] == [
        ("Ada 1", "Waiting", ""),
        ("Alan 2", "Training", "Epoch 1 of 40 · 39 s left"),
        ("Barbara 3", "Training", "Epoch 2 of 40 · 38 s left"),
        ("Zoe", "", ""),
    ]
    assert [card["share"] for card in told] == [0.0, 1 / 40, 2 / 40, 0.0]


def test_a_curve_falls_from_the_left_top_to_the_right_bottom(workspace, room):
    run = runs(workspace, room)["Barbara 3"]
    for loss in (1.0, 0.5, float("nan"), 0.0):
        run.append("metrics", {"stage": "second", "epoch": 1, "x": 1.0, "end": True, "val_loss": loss})
    told = next(card for card in wall.cards(room) if card["name"] == "Barbara 3")
    points = [tuple(map(float, point.split(","))) for point in told["curve"].split()]
    assert points[0][0] == 0.0
    assert points[-1] == (wall.WIDTH, wall.HEIGHT - 2)
    assert len(points) == 5


def test_a_run_that_goes_comes_before_a_newer_one_that_is_over(workspace, room):
    going = runs(workspace, room)["Ada 1"].id
    newer = Run.create(workspace.new_run_folder(), made.plan.resolve(made.RECIPE))
    Catalogue(workspace).add(RunRow(newer.id, "student0", "Newer", "stopped", created=9e9))
    Classes(workspace).note_run("student0", newer.id)
    assert next(card for card in wall.cards(room) if card["name"] == "Ada 1")["run"] == going


def test_a_card_survives_a_run_that_vanishes(workspace, room):
    (runs(workspace, room)["Ada 1"].folder / "state.json").unlink()
    assert next(card for card in wall.cards(room) if card["name"] == "Ada 1")["title"] == "No run yet"


def test_results_are_a_table_that_no_spreadsheet_runs(workspace, room):
    run = runs(workspace, room)["Ada 1"]
    headline = {"metric": "accuracy", "title": "Accuracy", "value": 0.9, "low": 0.8, "high": 1.0, "better": "up"}
    write_json(
        run.folder / "report.json", {"task": "classification", "target": "species", "rows": 3, "headline": headline}
    )
    Classes(workspace).join(room.code, "eve", "=HYPERLINK(1)", "here")
    own = Run.create(workspace.new_run_folder(), made.plan.resolve(made.RECIPE))
    Catalogue(workspace).add(RunRow(own.id, "eve", "@SUM(A1)", "queued", created=1.0))
    Classes(workspace).note_run("eve", own.id)
    text = results.table(room, workspace)
    lines = list(csv.DictReader(io.StringIO(text)))
    ada = next(line for line in lines if line["nickname"] == "Ada 1")
    assert (ada["score"], ada["value"], ada["low"], ada["model"]) == ("Accuracy", "0.9", "0.8", "Dense network")
    eve = next(line for line in lines if line["nickname"] == "'=HYPERLINK(1)")
    assert (eve["run"], eve["value"]) == ("'@SUM(A1)", "")
    assert len(lines) == 4


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"])
def test_formulas_are_taken_the_edge_off(text):
    assert results.safe(text) == f"'{text}"
    assert (results.safe("plain"), results.safe(-1.5), results.safe(None)) == ("plain", -1.5, None)


def board(workspace, room, scores):
    classes = Classes(workspace)
    for name, run in runs(workspace, room).items():
        if name in scores:
            headline = {"metric": "accuracy", "title": "Accuracy", "value": scores[name], "better": "up"}
            told = {"task": "classification", "target": "species", "rows": 3, "headline": headline}
            write_json(run.folder / "report.json", told)
    first = results.told(classes.runs(room.id, room.teacher)[0], workspace)
    return classes.set(room.id, room.teacher, contest=results.board_of(first) | {"title": "Penguins"})


def test_the_leaderboard_counts_entries_on_the_same_test_rows_only(workspace, room):
    room = board(workspace, room, {"Ada 1": 0.7, "Alan 2": 0.9, "Barbara 3": 0.9})
    classes = Classes(workspace)
    for number, name in enumerate(("Ada 1", "Alan 2", "Barbara 3")):
        classes.enter(f"student{number}", runs(workspace, room)[name].id)
    entries = classes.runs(room.id, room.teacher)
    lines = results.ranked(room, entries, workspace)
    assert [(line["Place"], line["Accuracy"]) for line in lines] == [(1, 0.9), (1, 0.9), (3, 0.7)]
    elsewhere = room.settings.contest | {"test": "other rows"}
    other = classes.set(room.id, room.teacher, contest=elsewhere)
    assert results.ranked(other, entries, workspace) == []


def test_the_qr_code_is_dark_on_white_in_both_themes():
    picture = door.qr("http://127.0.0.1:8501/join?code=K7MPQ2")
    assert picture.startswith("<svg")
    assert re.findall(r"#[0-9a-f]+", picture.lower()) == ["#fff", "#16181d"]


def test_limits_are_said_in_plain_words():
    said = student.words(
        Limits(minutes=1, epochs=5, rows=1000, runs=1, families=("mlp",), samples=("iris",), uploads=False)
    )
    assert said == [
        "A run takes at most 1 minute; then its best epoch is kept.",
        "A run has at most 5 epochs.",
        "Data have at most 1,000 rows.",
        "You have at most 1 run waiting or going.",
        "Models: Dense network.",
        "Samples: Iris flowers.",
        "No own files: samples only.",
    ]
    assert student.words(Limits(minutes=None, runs=None)) == ["No limits."]


def test_a_start_with_a_file_becomes_the_students_own(workspace):
    """Once, however often it is loaded; the student never sees where the teacher's lies."""
    file = workspace.new_upload_folder("teacher") / "beans.csv"
    file.write_text("a,b\n1,2\n")
    mine = here._own_copy(file, "ada")
    assert mine.read_text() == "a,b\n1,2\n"
    assert (workspace.root / "uploads" / "ada") in mine.parents
    assert here._own_copy(file, "ada") == mine


@pytest.mark.usefixtures("workspace")
def test_the_cost_of_a_tick_is_measured_on_every_card():
    told = made.measure(2, 3)
    assert (told["students"], told["ticks"]) == (2, 3)
    assert told["cpu_ms_median"] > 0
    assert told["bytes"] > 200
