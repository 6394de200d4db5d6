"""Comparing runs: scores stand beside each other only on the same test rows; groups, leaderboards, notes, energy."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st

from recipes import Recipe, Refusal
from records import Run, State, Workspace, archive, write_json
from records.catalogue import Catalogue, RunRow
from tests.pages.reading import opened, words
from training import plan
from ui import energy, notes
from ui.compare import board, facts

ROOT = Path(__file__).resolve().parents[2]
RIGHT = {"one": 0.9, "two": 0.6, "three": 0.7}


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("ui.identity.current_user", lambda: "tester")
    yield Workspace(tmp_path)
    st.cache_resource.clear()


def make(workspace, name, right=0.9, rows=200, seed=1, group=None, **training):
    """Make a finished run that answers this share of its test rows rightly; equal seeds have equal test rows."""
    values = {"data": {"sample": "penguins"}, "training": {"seed": seed} | training}
    if group and group["kind"] == "folds":
        values["data"] |= {"folds": group["size"], "fold": group["number"]}
    run = Run.create(workspace.runs / name, plan.resolve(Recipe.of(values)))
    now = time.time()
    told: Any = {"parameters": 5443, "samples_per_second": 5000.0, "epochs": 3, "epoch": 3}
    run.write_state(State(state="finished", phase="done", created=now, started=now - 4, ended=now, **told))
    for epoch in (1, 2, 3):
        line = {"stage": "fit", "epoch": epoch, "x": float(epoch), "end": True, "loss": 1 / epoch, "accuracy": 0.5}
        run.append("metrics", line | {"val_loss": 1 / epoch, "val_accuracy": 0.5})
    truth = np.random.default_rng(seed).integers(0, 2, rows)
    said = np.where(np.arange(rows) < right * rows, truth, 1 - truth)
    np.savez(run.folder / "predictions.npz", rows=np.arange(rows) + seed, truth=truth, answer=np.eye(2)[said])
    head = {"metric": "accuracy", "title": "Accuracy", "value": right, "low": right - 0.04, "high": right + 0.04,
            "baseline": "majority class", "baseline_value": 0.5, "better": "up"}  # fmt: skip
    report = {"task": "classification", "target": "species", "rows": rows, "classes": ["a", "b"], "headline": head,
              "metrics": {"accuracy": right}, "intervals": {"accuracy": [right - 0.04, right + 0.04]}}  # fmt: skip
    write_json(run.folder / "report.json", report)
    write_json(run.folder / "deliverables.json", {"model": {"bytes": 48_213, "checked": True}})
    attempt = {"attempt": 1, "seconds": 4.0, "cpu_seconds": 3.0}
    grid = {"name": "the world's mean", "grams_per_kwh": 480.0, "source": "Ember", "year": 2023}
    used = {"wh": 0.4, "grams": 0.192, "method": "estimated from processor time, 12 W a core", "is_measured": False}
    write_json(run.folder / "energy.json", used | {"grid": grid, "attempts": [attempt]})
    if group:
        write_json(run.folder / "group.json", group)
    Catalogue(workspace).add(
        RunRow(name, "tester", f"Run {name}", state="finished", created=now, updated=now, place=now)
    )
    return run


def test_says_whether_one_is_really_better_and_what_each_cost(workspace):
    make(workspace, "one", 0.9)
    make(workspace, "two", 0.6, learning_rate=0.01)
    at = opened("compare", runs="one,two")
    assert "1 · Run one is really better than 2 · Run two" in words(at)
    costs = at.dataframe[2].value
    assert costs["Cost"].tolist() == [
        "Parameters", "Size of the download", "Time", "Rows a second", "Electricity", "CO2",
    ]  # fmt: skip
    assert costs["1 · Run one"].tolist() == ["5,443", "48 kB", "4 s", "5,000", "0.4 Wh", "0.19 g"]
    assert "Electricity: estimated from processor time, 12 W a core." in words(at)
    looks = [json.loads(line) for line in (workspace.runs / "one" / "looks.jsonl").read_text().splitlines()]
    assert [look["kind"] for look in looks] == ["compare"]


def test_runs_with_other_test_rows_are_not_compared_by_score(workspace):
    make(workspace, "one", 0.9)
    make(workspace, "two", 0.6, seed=2)
    at = opened("compare", runs="one,two")
    assert (
        "These runs kept different rows for the test (another seed or another share), so their scores cannot be "
        "compared: each group stands by itself."
    ) in words(at)
    assert [list(frame.value.columns) for frame in at.dataframe[1:3]] == [
        ["Score", "1 · Run one"],
        ["Score", "2 · Run two"],
    ]


def test_curves_can_show_the_training_part_on_a_log_scale(workspace):
    make(workspace, "one")
    make(workspace, "two")
    at = opened("compare", runs="one,two")
    at.segmented_control(key="compare_part").set_value("Training").run()
    at.toggle(key="compare_log").set_value(True).run()
    assert not at.exception
    alts = [chart.proto.alt for chart in at.get("vega_lite_chart")]
    assert alts == ["Training loss of 2 runs", "Training accuracy of 2 runs"]
    assert '"log"' in at.get("vega_lite_chart")[0].proto.spec


def test_the_leaderboard_ranks_runs_with_the_same_test_rows_only(workspace):
    for name, right in RIGHT.items():
        make(workspace, name, right)
    make(workspace, "four", 0.99, seed=2)
    make(workspace, "fold", 0.98, group=group(1, "folds"))
    rows = Catalogue(workspace).of("tester")
    first, second = board.boards([(row, facts.of(Run(workspace.runs / row.id))) for row in rows])
    assert [(line["Place"], line["run"], line["Accuracy"]) for line in board.lines(first)] == [
        (1, "one", 0.9), (2, "three", 0.7), (3, "two", 0.6),
    ]  # fmt: skip
    assert board.lines(first)[0] | {"Note": ""} == {
        "run": "one", "Place": 1, "Run": "Run one", "Open": "run?run=one", "Accuracy": 0.9, "Range": "0.860 to 0.940",
        "Model": "Dense network", "Seconds": 4.0, "Size (kB)": 48.213, "Energy (Wh)": 0.4, "Starred": False, "Note": "",
    }  # fmt: skip
    assert [line["run"] for line in board.lines(second)] == ["four"]
    assert second.title == f"{first.title} · other test rows (2)"


def test_the_leaderboard_page_says_what_a_first_place_is_worth(workspace):
    for name, right in RIGHT.items():
        make(workspace, name, right)
    at = opened("runs")
    assert "3 runs used 1.2 Wh, about 0.58 g of CO2 (estimated)." in words(at)
    at.segmented_control(key="runs_view").set_value("Leaderboard").run()
    assert not at.exception
    assert at.dataframe[0].value["Run"].tolist() == ["Run one", "Run three", "Run two"]
    assert (
        "The best of 3: expect a little less of it on new data, because it was chosen on these very test rows."
    ) in words(at)


def group(number, kind="sweep", value=0.01):
    varied = [{"path": "training.learning_rate", "title": "Learning rate", "value": value}]
    about = {"id": "abc", "kind": kind, "title": "Learning rate", "number": number, "size": 3}
    return about | {"varied": varied if kind == "sweep" else []}


def test_a_sweep_is_one_card_and_a_page_with_a_chart(workspace):
    for number, (name, value) in enumerate({"one": 0.01, "two": 0.001, "three": 0.0001}.items(), 1):
        make(workspace, name, RIGHT[name], learning_rate=value, group=group(number, value=value))
    make(workspace, "alone", 0.5)
    at = opened("runs")
    assert "3 of 3 runs finished" in words(at)
    assert "Accuracy 0.900 with learning rate 0.01" in words(at)
    assert [box.key for box in at.checkbox] == ["pick_alone"]
    at = opened("compare", group="abc")
    assert at.title[0].value == "Dense network · Palmer penguins · several values of Learning rate"
    assert at.dataframe[0].value["Learning rate"].tolist() == [0.01, 0.001, 0.0001]
    assert at.dataframe[0].value["Accuracy"].tolist()[0] == "0.900 (0.860 to 0.940)"
    chart = at.get("vega_lite_chart")[0].proto
    assert chart.alt == "Accuracy against Learning rate"
    assert '"log"' in chart.spec


def test_many_cards_wait_until_somebody_asks_for_them(workspace):
    for number in range(26):
        make(workspace, f"run{number}")
    at = opened("runs")
    assert len(at.checkbox) == 24
    at.button(key="more_cards").click().run()
    assert len(at.checkbox) == 26


def test_a_note_stays_with_the_run_and_out_of_downloads(workspace):
    run = make(workspace, "one")
    notes.write(run, "  Smaller **network**\nnext time ")
    assert "Smaller **network** next time" in words(opened("runs"))
    write_json(run.folder / "group.json", group(1))
    packed = b"".join(archive.zipped(run))
    assert b"note.json" not in packed
    assert b"group.json" not in packed
    notes.write(run, " ")
    assert notes.of(run) == ""
    with pytest.raises(Refusal) as refused:
        notes.write(run, "x" * 2001)
    assert str(refused.value) == "A note has at most 2,000 letters, but this one has 2,001. Shorten it."


def test_energy_in_words(workspace):
    told = energy.of(make(workspace, "one"))
    assert told is not None
    assert energy.sentence(told) == (
        "0.4 Wh of electricity, as much as a 10-watt lamp uses in 2 min; about 0.19 g of CO2. Estimated from processor "
        "time, 12 W a core; CO2 by the world's mean: 480 g a kilowatt-hour in 2023 (Ember)."
    )
    assert [energy.amount(value) for value in (0.001, 0.412, 12.3, 412.4, 1299)] == [
        "under 0.01 Wh", "0.41 Wh", "12 Wh", "412 Wh", "1.3 kWh",
    ]  # fmt: skip


def make_folds(workspace, rights, name="", **training):
    for number, right in enumerate(rights, 1):
        about = group(number, "folds") | {"id": f"cv{name}", "size": len(rights)}
        run = make(workspace, f"fold{name}{number}", right, seed=number, group=about, **training)
        told = {"number": number, "of": len(rights), "train_rows": 400, "test_rows": 200}
        report = run.read("report.json") | {"fold": told}
        write_json(run.folder / "report.json", report)


def test_a_cross_validation_shows_mean_and_corrected_spread(workspace):
    make_folds(workspace, [0.9, 0.8, 0.85])
    at = opened("compare", group="cv")
    assert at.title[0].value == "Dense network · Palmer penguins · 3 folds"
    assert at.metric[0].value == "0.850"
    # Student's t for 2 degrees is 4.303. Of the rest, 1/3 is judged and 2/3 x (1 - 0.15/0.8) learned from, a ratio of
    # 0.615; the corrected standard error is sqrt(1/3 + 0.615) x 0.05 = 0.0487.
    assert (
        "Accuracy of a model made this way lies between 0.640 and 1.000 (95 % sure); from fold to fold it varies by "
        "±0.050. Each fold was judged on about 200 examples by a model that learned from about 400. The sealed test "
        "part stayed closed."
    ) in words(at)
    table = next(frame.value for frame in at.dataframe if "Fold" in frame.value.columns)
    assert table["Accuracy"].tolist() == ["0.900 (0.860 to 0.940)", "0.800 (0.760 to 0.840)", "0.850 (0.810 to 0.890)"]
    assert "Accuracy 0.850 ± 0.050" in words(opened("runs"))


def test_two_cross_validations_are_compared_over_the_same_folds(workspace):
    make_folds(workspace, [0.9, 0.8, 0.85])
    make_folds(workspace, [0.7, 0.61, 0.65], name="b", learning_rate=0.5)
    at = opened("compare", group="cv")
    assert "this one is really better than the other one" in words(at)
    assert "on the same 3 folds" in words(at)


def test_a_run_of_a_group_leads_to_all_of_it(workspace):
    run = make(workspace, "one", group=group(2))
    run.write_state(run.state.model_copy(update={"state": "stopped"}))
    at = opened("run", run="one")
    assert [link.proto.label for link in at.get("page_link")] == [
        "Learning rate 0\\.01: see all 3 runs together",
    ]  # fmt: skip
