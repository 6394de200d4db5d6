"""The pages of runs: each state, unknown and foreign runs, and everything that a finished run offers."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from recipes import Recipe, Signature
from records import Run, State, Workspace, write_json
from records.catalogue import Catalogue, RunRow
from tests.pages.reading import opened, words
from training import plan, shelf
from training.executor import Executor, default_title
from training.forecast import Turn
from ui import run_view

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ["Adelie", "Chinstrap", "Gentoo"]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("ui.identity.current_user", lambda: "tester")
    yield Workspace(tmp_path)
    st.cache_resource.clear()


def make(workspace, name, state, *, owner="tester", epochs=0, **told):
    recipe = plan.resolve(Recipe.of({"data": {"sample": "penguins"}, "training": {"epochs": 30}}))
    run = Run.create(workspace.runs / name, recipe)
    now = time.time()
    run.write_state(State(state=state, epoch=epochs, epochs=30, created=now, updated=now, **told))
    for epoch in range(1, epochs + 1):
        loss = 1 / epoch
        told_loss = {"loss": loss, "val_loss": loss, "accuracy": 1 - loss, "val_accuracy": 1 - loss}
        line = {"time": now, "stage": "fit", "epoch": epoch, "x": float(epoch), "end": True, "learning_rate": 0.001}
        run.append("metrics", line | told_loss)
    row = RunRow(name, owner, default_title(recipe), state=state, created=now, updated=now, place=now)
    Catalogue(workspace).add(row)
    return run


def finish(workspace, name="finished"):
    """Make a finished run with real data and the report of a model that takes one Gentoo for an Adelie."""
    run = make(workspace, name, "finished", epochs=6, phase="done", device="CPU")
    recipe, dataset, prepared = shelf.open_prepared(run.recipe, workspace)
    (run.folder / "recipe.yaml").write_text(recipe.yaml(), encoding="utf-8")
    write_json(run.folder / "prepared.json", {"folder": str(prepared.folder), "dataset": str(dataset.folder)})
    test = prepared.part("test")
    np.savez(run.folder / "predictions.npz", rows=test.rows)
    write_json(run.folder / "report.json", report(np.asarray(test.rows), np.asarray(test.y)))
    (run.folder / "deliverables").mkdir()
    (run.folder / "deliverables" / "model.keras").write_bytes(b"weights")
    sentence = "Loaded in a clean Keras 3.15.1 process; same answers on 8 rows."
    file = {"file": "deliverables/model.keras", "bytes": 48_213, "sha256": "0a1b"}
    told = file | {"checked": True, "sentence": sentence}
    write_json(run.folder / "deliverables.json", {"model": told})
    layer = {"name": "dense", "kind": "Dense", "shape": "64", "parameters": 640}
    write_json(run.folder / "layers.json", {"stages": [{"name": "fit", "layers": [layer], "parameters": 640}]})
    run.append("events", {"time": time.time(), "kind": "phase", "text": "preparing"})
    versions = "Python 3, Keras 3 and TensorFlow 2"
    run.append("events", {"time": time.time(), "kind": "versions", "text": versions})
    return run


def report(rows, truth):
    numbers = [int(row) for row in rows]
    answer = truth.copy()
    wrong = int(np.flatnonzero(truth == 2)[0])
    answer[wrong] = 0
    scores = {"accuracy": 0.986, "precision_macro": 0.98, "recall_macro": 0.98, "f1_macro": 0.98, "roc_auc": 0.99}
    every = range(3)
    cells = [[[numbers[at] for at in np.flatnonzero((truth == t) & (answer == a))] for a in every] for t in every]
    examples = [
        {"row": numbers[at], "truth": CLASSES[truth[at]], "answer": CLASSES[answer[at]], "confidence": 0.9}
        for at in (wrong, 0, 1)
    ]
    line = {"class": "Adelie", "x": [0.0, 0.0, 1.0], "y": [0.0, 1.0, 1.0]}
    return {
        "task": "classification",
        "target": "species",
        "rows": len(numbers),
        "classes": CLASSES,
        "headline": {"metric": "accuracy", "title": "Accuracy", "value": 0.986, "low": 0.95, "high": 1.0,
                     "baseline": "most frequent class", "baseline_value": 0.43},
        "metrics": scores,
        "intervals": {"accuracy": [0.95, 1.0], "roc_auc": None},
        "baselines": [{"name": "majority class", "metrics": dict.fromkeys(scores, 0.43)}],
        "per_class": [{"class": name, "rows": 20, "precision": 1.0, "recall": 1.0, "f1": 1.0, "roc_auc": None}
                      for name in CLASSES],
        "confusion": {"counts": [[len(cell) for cell in line] for line in cells], "rows": cells},
        "roc": [line | {"auc": 1.0}],
        "pr": [line | {"average_precision": 1.0}],
        "best": examples[1:],
        "worst": examples,
        "gap": {"train": {}, "validation": {}, "sentence": "It does about as well on new rows."},
        "sentences": ["Right on 68 of 69 examples that the model had never seen (99 %)."],
        "next": "Try it on examples of your own.",
    }  # fmt: skip


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("page", ["run", "runs", "compare"])
def test_works_when_opened_first(page):
    assert not AppTest.from_file(ROOT / "pages" / f"{page}.py", default_timeout=30).run().exception


@pytest.mark.parametrize("name", ["", "unknown", "../../etc", "foreign"])
def test_unknown_and_foreign_runs_look_alike(workspace, name):
    make(workspace, "foreign", "running", owner="somebody", epochs=2)
    at = opened("run", run=name)
    assert "There is no such run here." in words(at)
    assert at.button(key="no_run_button").label == "See your runs"


def test_a_running_run_shows_phases_curve_sentence_and_stops(workspace):
    make(
        workspace, "running", "running", epochs=7, phase="training", eta_seconds=9.0, device="CPU", memory_mb=612.0,
        samples_per_second=48_211.0, policy="One compiled loop.",
    )  # fmt: skip
    at = opened("run", run="running")
    shown = words(at)
    assert "**9 s left**" in shown
    assert "Still learning: the validation loss has fallen from 1 to 0.143." in shown
    assert "CPU · 48,211 rows a second · 612 MB · One compiled loop." in shown
    assert [chart.proto.alt for chart in at.get("vega_lite_chart")] == [
        "Loss from epoch to epoch: training and validation",
        "Accuracy from epoch to epoch: training and validation",
    ]
    assert not at.button(key="stop").disabled
    assert not at.button(key="keep").disabled


def test_a_run_past_its_training_offers_nothing_to_stop(workspace):
    """In the last seconds there is nothing to keep or pause: the report follows by itself."""
    make(workspace, "running", "running", epochs=30, phase="checking")
    at = opened("run", run="running")
    assert not {"stop", "keep"} & {button.key for button in at.button}
    assert "Training is over." in words(at)


def test_a_run_that_came_back_by_itself_says_so(workspace):
    run = make(workspace, "running", "running", epochs=7, phase="training", attempt=2)
    told = "Interrupted after epoch 5; it goes on by itself from its last checkpoint."
    run.append("events", {"time": time.time(), "kind": "interrupted", "text": told})
    assert told in words(opened("run", run="running"))
    run.append("events", {"time": time.time(), "kind": "stopped", "text": "Stopped by you."})
    assert told not in words(opened("run", run="running")), "a person started it last"


def test_a_renamed_run_has_its_new_name_on_its_own_page(workspace):
    make(workspace, "one", "stopped", epochs=2)
    assert opened("run", run="one").title[0].value == "Palmer penguins"
    Executor(workspace).rename("one", "tester", "My birds")
    assert opened("run", run="one").title[0].value == "My birds"


def test_a_stopped_run_says_so_once(workspace):
    make(workspace, "stopped", "stopped", epochs=7, message="Stopped by you after epoch 7 of 30.")
    assert "Stopped. Stopped" not in words(opened("run", run="stopped")).replace("**", "")


def test_stop_is_a_wish_in_the_run_folder(workspace):
    run = make(workspace, "running", "running", epochs=2, phase="training")
    at = opened("run", run="running")
    at.button(key="keep").click().run()
    assert run.asked() == "keep"
    assert at.button(key="stop").disabled
    assert "Stopping. This takes a moment." in words(at)


def test_what_it_knows_now_is_drawn(workspace):
    run = make(workspace, "running", "running", epochs=2, phase="training")
    panel = {"kind": "classes", "classes": CLASSES, "rows": [3, 5], "truth": [0, 2],
             "answer": [[0.9, 0.1, 0.0], [0.5, 0.1, 0.4]]}  # fmt: skip
    write_json(run.folder / "evidence.json", {"stage": "fit", "epoch": 2, "panels": [panel]})
    assert "How sure it is of the right class: 1 of 2 rows answered correctly." in words(opened("run", run="running"))
    values = {"kind": "values", "rows": [3, 5], "truth": [10.0, 20.0], "answer": [12.0, 19.0]}
    write_json(run.folder / "evidence.json", {"stage": "fit", "epoch": 2, "panels": [values]})
    assert "Ring: what it was. Dot: what it says. Off by 1.5 on average." in words(opened("run", run="running"))


def test_a_waiting_run_knows_its_place(workspace, monkeypatch):
    monkeypatch.setenv("LAYERWISE_SLOTS", "1")
    make(workspace, "first", "queued")
    make(workspace, "second", "queued")
    at = opened("run", run="second")
    assert "2nd in the queue. It starts by itself; you may close this page." in words(at)
    at.button(key="cancel").click().run()
    assert "Cancelled before it started" in words(at)
    assert at.button(key="resume").label == "Resume"


def test_a_failed_run_has_one_sentence_and_one_button(workspace):
    make(
        workspace, "failed", "failed", epochs=2, message="Loss became NaN at epoch 3.",
        advice="Lower the learning rate (try 0.0003).",
    )  # fmt: skip
    at = opened("run", run="failed")
    assert "Loss became NaN at epoch 3." in words(at)
    assert [button.key for button in at.button] == ["change"]


def test_a_failure_that_can_go_on_offers_to_resume(workspace):
    make(workspace, "failed", "failed", message="The disk is full.", advice="Free some space, then press Resume.")
    assert [button.key for button in opened("run", run="failed").button] == ["resume"]


def test_a_finished_run_answers_three_questions(workspace):
    finish(workspace)
    at = opened("run", run="finished")
    assert [header.value for header in at.subheader] == ["How good is it?", "What next?", "Where does it fail?"]
    assert (at.metric[0].value, at.metric[0].delta) == ("0.986", "+0.556")
    shown = words(at)
    assert "Right on 68 of 69 examples" in shown
    assert "It was **Gentoo**." in shown
    assert "Try it on examples of your own." in shown


def tab(at, name):
    at.session_state["run_tab"] = name
    at.run()
    assert not at.exception
    return at


@pytest.fixture
def tabs():
    """Name the tabs as the page labels them; only the open one runs."""
    return {
        "closer": ":material/search: Look closer",
        "try": ":material/touch_app: Try",
        "take": ":material/download: Take it away",
        "made": ":material/receipt_long: How it was made",
    }


def test_look_closer_shows_curves_scores_and_errors(workspace, tabs):
    finish(workspace)
    at = tab(opened("run", run="finished"), tabs["closer"])
    assert [header.value for header in at.subheader] == [
        "How it learned", "Scores", "Training against validation", "Class by class", "What it takes for what",
        "Trade-offs", "Best answers", "Worst answers",
    ]  # fmt: skip
    scores = at.table[0].value
    assert scores["Score"].tolist() == ["Accuracy", "Precision", "Recall", "F1", "ROC AUC"]
    assert scores["This model"].tolist()[0] == "0.986"
    assert scores["Likely between"].tolist() == ["0.950 to 1.000", "–", "–", "–", "–"]
    assert scores["Majority class"].tolist()[0] == "0.430"


def test_look_closer_shows_the_surest_mistakes(workspace, tabs):
    run = finish(workspace)
    told = run.read("report.json")
    write_json(run.folder / "report.json", told | {"confidently_wrong": told["worst"][:1]})
    at = tab(opened("run", run="finished"), tabs["closer"])
    assert at.subheader[-1].value == "Sure, and wrong"


def test_try_has_a_field_for_each_column_and_fills_a_test_row(workspace, tabs):
    run = finish(workspace)
    at = tab(opened("run", run="finished"), tabs["try"])
    prepared = json.loads((run.folder / "prepared.json").read_text())["folder"]
    told = json.loads((Path(prepared) / "prepared.json").read_text())["signature"]
    signature = Signature.model_validate(told)
    fields = [at.session_state[f"try_finished_{number}"] for number in range(len(signature.raw))]
    assert fields == [raw.typical for raw in signature.raw]
    at.button(key="fill").click().run()
    assert not at.exception
    filled = [at.session_state[f"try_finished_{number}"] for number in range(len(signature.raw))]
    assert filled != fields
    assert "Keras is warming up. This happens once and takes some seconds." in words(at)


def test_try_warns_outside_of_what_was_seen(workspace, tabs):
    finish(workspace)
    at = tab(opened("run", run="finished"), tabs["try"])
    mass = next(field for field in at.number_input if field.label == "body\\_mass\\_g")
    mass.set_value(9000.0).run()
    assert "= 9,000 lies outside what the model has seen" in words(at)


def test_take_it_away_offers_what_was_checked(workspace, tabs):
    run = finish(workspace)
    at = tab(opened("run", run="finished"), tabs["take"])
    assert "Loaded in a clean Keras 3.15.1 process; same answers on 8 rows." in words(at)
    assert [button.proto.label for button in at.get("download_button")] == [
        "Download model.keras · 48 kB", "Download recipe.yaml", "Download run.zip", "Download MODEL_CARD.md",
    ]  # fmt: skip
    assert "keras.saving.load_model" in at.code[0].value
    told = json.loads((run.folder / "deliverables.json").read_text())
    told["model"] |= {"checked": False, "sentence": "The file answers differently."}
    write_json(run.folder / "deliverables.json", told)
    at = tab(opened("run", run="finished"), tabs["take"])
    assert [button.proto.label for button in at.get("download_button")] == [
        "Download recipe.yaml", "Download run.zip", "Download MODEL_CARD.md",
    ]  # fmt: skip
    assert [error.value for error in at.error] == ["The file answers differently\\."]


def test_how_it_was_made_lists_settings_layers_and_recipe(workspace, tabs):
    run = finish(workspace)
    at = tab(opened("run", run="finished"), tabs["made"])
    assert "Made with Python 3, Keras 3 and TensorFlow 2, on CPU." in words(at)
    assert at.table[0].value.iloc[0].tolist()[1] == "Preparing the data\\."
    assert len(at.table[0].value) == 1
    settings = at.dataframe[2].value.set_index("Setting")["Value"]
    assert settings["Batch size"] == str(run.recipe.training["batch_size"])
    assert at.code[0].value == run.recipe.yaml().strip()


def test_settings_are_used_again(workspace, tabs):
    finish(workspace)
    at = tab(opened("run", run="finished"), tabs["made"])
    at.button(key="use_again").click().run()
    draft = json.loads((workspace.root / "drafts" / "tester.json").read_text())
    assert (draft["architecture"], draft["data"]["sample"]) == ("mlp", "penguins")


def test_samples_that_are_gone_are_no_crash(workspace):
    run = finish(workspace)
    write_json(run.folder / "prepared.json", {"folder": "/nowhere", "dataset": "/nowhere"})
    assert "The data of this run are no longer on this computer" in words(opened("run", run="finished"))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "12th in the queue"), (0.0, "12th in the queue, starts any moment"),
        (52.0, "12th in the queue, starts in about 50 s"), (250.0, "12th in the queue, starts in about 4 min"),
    ],
)  # fmt: skip
def test_says_no_more_of_the_queue_than_is_known(seconds, told):
    assert run_view.queue_words(Turn(12, seconds)) == told


def test_what_waits_is_moved_and_cancelled_on_its_card(workspace):
    make(workspace, "early", "queued")
    make(workspace, "late", "queued")
    at = opened("runs")
    at.button(key="move_First_late").click().run()
    assert Executor(workspace).position("late") == 1
    at.button(key="move_Last_late").click().run()
    assert Executor(workspace).position("late") == 2
    at.button(key="cancel_late").click().run()
    assert [run.key for run in at.button if run.key and run.key.startswith("move_")] == [], "alone it has its place"
    assert "Cancelled" in words(at)


def test_runs_are_cards_with_what_waits_first(workspace):
    finish(workspace, "finished")
    make(workspace, "failed", "failed", epochs=2, message="The disk is full.")
    make(workspace, "waiting", "queued")
    at = opened("runs")
    shown = words(at)
    assert shown.index("Waiting") < shown.index("Failed") < shown.index("Finished")
    assert "1st in the queue, starts any moment" in shown
    assert "Accuracy 0.986" in shown
    assert "The disk is full." in shown


@pytest.mark.usefixtures("workspace")
def test_no_runs_show_the_way_to_the_first():
    at = opened("runs")
    assert at.button(key="no_runs_button").label == "Choose an example"


def test_a_star_stays(workspace):
    make(workspace, "one", "stopped", epochs=2)
    at = opened("runs")
    at.button(key="star_one").click().run()
    assert at.button(key="star_one").label == "Starred"


def test_compare_lists_only_what_differs(workspace):
    finish(workspace, "one")
    other = make(workspace, "two", "stopped", epochs=3)
    recipe = other.recipe.plain()
    recipe["training"]["learning_rate"] = 0.01
    (other.folder / "recipe.yaml").write_text(Recipe.of(recipe).yaml(), encoding="utf-8")
    at = opened("compare", runs="one,two,unknown")
    assert at.multiselect[0].value == ["one", "two"]
    differing = at.dataframe[0].value
    assert "Training: Learning rate" in differing["Setting"].tolist()
    assert "Training: Batch size" not in differing["Setting"].tolist()
    assert at.dataframe[1].value.iloc[0].tolist() == ["Accuracy", "0.986 (0.950 to 1.000)", "–"]


def test_a_name_is_never_markup(workspace):
    """Titles come from people; they show as they were written."""
    run = make(workspace, "one", "stopped", epochs=2)
    recipe = run.recipe.plain() | {"name": "**bold** [link](http://example.org)"}
    (run.folder / "recipe.yaml").write_text(Recipe.of(recipe).yaml(), encoding="utf-8")
    assert opened("run", run="one").title[0].value == "\\*\\*bold\\*\\* \\[link\\]\\(http\\://example\\.org\\)"


def test_a_failed_run_is_cured_with_one_click(workspace, monkeypatch):
    """The button makes a new run with the one setting changed that would have helped."""
    monkeypatch.setattr(Executor, "_wake", lambda _self: None)
    cure = {"title": "Train again with batch size 8", "training": {"batch_size": 8}}
    make(workspace, "failed", "failed", message="The computer ran out of memory.", reason="memory", cure=cure)
    at = opened("run", run="failed")
    assert at.button(key="cure").label == "Train again with batch size 8"
    at.button(key="cure").click().run()
    assert not at.exception
    new = next(row for row in Executor(workspace).runs("tester") if row.id != "failed")
    recipe = Run(workspace.run_folder(new.id)).recipe
    former = Run(workspace.run_folder("failed")).recipe
    assert recipe.training == former.training | {"batch_size": 8}
    assert (recipe.data, recipe.model) == (former.data, former.model)


@pytest.mark.parametrize(
    ("same", "badge"), [(True, "proven the same"), (False, "continues"), (None, "continues")]
)  # fmt: skip
def test_a_resumed_run_says_whether_it_equals_the_unbroken_one(workspace, same, badge):
    run = make(workspace, "stopped", "stopped", epochs=7)
    entry = {"attempt": 2, "epoch": 7, "same": same, "sentence": "Trained epoch 7 again."}
    write_json(run.folder / "resumes.json", [entry])
    shown = words(opened("run", run="stopped"))
    assert f"Resumed, {badge}" in shown
    assert "Trained epoch 7 again." in shown


def test_a_run_that_waits_for_room_says_so(workspace):
    told = {"message": "Storage is full. Your model up to epoch 7 is safe.",
            "advice": "It goes on by itself when there is room."}  # fmt: skip
    make(workspace, "running", "running", epochs=7, phase="training", **told)
    assert " ".join(told.values()) in words(opened("run", run="running"))
