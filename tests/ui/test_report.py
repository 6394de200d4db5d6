"""The report's moving parts: threshold, calibration, groups and corrections, on answers that a run could give."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from datasets import DataSet
from evaluation import calibration, conformal, scores, slices
from evaluation.slices import Column
from recipes import Recipe
from records import Run, State, Workspace, looks, write_json
from records.catalogue import Catalogue, RunRow
from training import plan, shelf

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    st.cache_resource.clear()
    monkeypatch.setenv("LAYERWISE_WORKSPACE", str(tmp_path))
    monkeypatch.setattr("ui.identity.current_user", lambda: "tester")
    yield Workspace(tmp_path)
    st.cache_resource.clear()


def started(workspace, name, data):
    recipe = plan.resolve(Recipe.of({"data": data}))
    recipe, dataset, prepared = shelf.open_prepared(recipe, workspace)
    run = Run.create(workspace.runs / name, recipe)
    now = time.time()
    run.write_state(State(state="finished", phase="done", created=now, updated=now))
    Catalogue(workspace).add(RunRow(name, "tester", name, state="finished", created=now, updated=now, place=now))
    write_json(run.folder / "prepared.json", {"folder": str(prepared.folder), "dataset": str(dataset.folder)})
    return run, dataset, prepared


def classified(workspace, name="classified"):
    """A model of breast cancer that is wrong on every fifth row."""
    run, dataset, prepared = started(workspace, name, {"sample": "breast-cancer"})
    classes = prepared.signature.target.classes
    told = {}
    for part in ("validation", "test"):
        rows, truth = np.asarray(prepared.part(part).rows), np.ravel(prepared.part(part).y).astype(int)
        right = np.arange(len(rows)) % 5 > 0
        sure = np.linspace(0.55, 0.99, len(rows))
        answer = np.where((right == (truth == 1))[:, None], [[0, 1]], [[1, 0]]) * (2 * sure - 1)[:, None]
        told[part] = rows, truth, answer + (1 - sure)[:, None]
    for file, part in (("predictions", "test"), ("validation", "validation")):
        rows, truth, answer = told[part]
        np.savez(run.folder / f"{file}.npz", rows=rows, truth=truth, answer=answer)
    rows, truth, answer = told["test"]
    judged, said = scores.of_classes(truth, answer), answer.argmax(axis=1)
    weak = Column("half", np.where(np.arange(len(rows)) % 5 == 0, "low", "high"))
    example = {"row": int(rows[0]), "truth": classes[truth[0]], "answer": classes[said[0]], "confidence": 0.9}
    cells = [[rows[(truth == t) & (said == a)].tolist() for a in range(2)] for t in range(2)]
    report = {
        "task": "classification", "target": prepared.signature.target.name, "rows": len(rows), "classes": list(classes),
        "metrics": judged, "intervals": scores.intervals_of_classes(truth, answer, 1), "baselines": [],
        "per_class": scores.per_class(truth, answer, classes), **scores.curves(truth, answer, classes),
        "confusion": {"counts": [[len(cell) for cell in line] for line in cells], "rows": cells},
        "calibration": calibration.judge(truth, answer, told["validation"][1:], 1),
        "groups": slices.judge([weak], rows, (said == truth).astype(float), "up"),
        "headline": {"metric": "accuracy", "title": "Accuracy", "value": 0.8, "low": 0.7, "high": 0.9,
                     "baseline": "most frequent class", "baseline_value": 0.6},
        "best": [example], "worst": [example], "gap": {"sentence": "Fine."}, "sentences": ["Good."], "next": "Go on.",
    }  # fmt: skip
    write_json(run.folder / "report.json", scores.clean(report))
    return run, DataSet.open(dataset.folder)


def valued(workspace):
    run, _, prepared = started(workspace, "valued", {"sample": "auto-mpg"})
    rows, target = np.asarray(prepared.part("test").rows), prepared.signature.target
    truth = np.ravel(prepared.part("test").y) * target.scale + target.mean
    answer = truth + np.linspace(-3, 3, len(truth))
    example = {"row": int(rows[0]), "truth": float(truth[0]), "answer": float(answer[0]), "error": -3.0}
    report = {
        "task": "regression", "target": target.name, "rows": len(rows), "classes": [], "intervals": {}, "baselines": [],
        "metrics": scores.of_values(truth, answer), "scatter": {"truth": truth, "answer": answer, "rows": rows},
        "residuals": scores.histogram(answer - truth), "band": conformal.band(truth, answer, (truth, answer)),
        "groups": slices.judge([], rows, np.abs(answer - truth), "down"), "best": [example], "worst": [example],
        "gap": {"sentence": "Fine."}, "sentences": ["Good."], "next": "Go on.",
        "headline": {"metric": "r2", "title": "R²", "value": 0.9, "low": 0.8, "high": 1.0, "baseline": "mean",
                     "baseline_value": 0.0, "better": "up"},
    }  # fmt: skip
    write_json(run.folder / "report.json", scores.clean(report))
    return run


def closer(name):
    at = AppTest.from_file(ROOT / "app.py", default_timeout=30).run()
    at.switch_page("pages/run.py")
    at.query_params["run"] = name
    at.session_state["run_tab"] = ":material/search: Look closer"
    at.run()
    assert not at.exception
    return at


def words(at):
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.error, at.metric)
    return "\n".join(str(part.value) for kind in kinds for part in kind).replace("\\", "").replace("\u00a0", " ")


def test_the_threshold_follows_what_errors_cost(workspace):
    run, _ = classified(workspace)
    at = closer("classified")
    metrics = {metric.label: metric.value for metric in at.metric}
    assert set(metrics) >= {"Rings from", "Found", "Missed", "False alarms"}
    before = int(metrics["False alarms"].replace(",", ""))
    assert "threshold" not in looks.told(run).kinds
    at.number_input(key="threshold_alarm_classified").set_value(50.0).run()
    assert not at.exception
    after = {metric.label: metric.value for metric in at.metric}
    assert int(after["False alarms"].replace(",", "")) < before
    assert looks.told(run).kinds["threshold"] == 1
    at.number_input(key="threshold_alarm_classified").set_value(60.0).run()
    assert looks.told(run).kinds["threshold"] == 1, "once a visit"


def test_a_threshold_may_be_set_by_hand(workspace):
    classified(workspace)
    at = closer("classified")
    at.segmented_control(key="threshold_way_classified").set_value("By hand").run()
    at.slider(key="threshold_share_classified").set_value(100.0).run()
    assert not at.exception
    assert {metric.label: metric.value for metric in at.metric}["False alarms"] == "0"


def test_calibration_and_groups_are_said_in_words(workspace):
    run, _ = classified(workspace)
    shown = words(closer("classified"))
    told = json.loads((run.folder / "report.json").read_text(encoding="utf-8"))
    assert told["calibration"]["sentence"] in shown
    assert told["groups"]["sentence"] in shown
    assert told["groups"]["weak"][0]["conditions"] == [["half", "low"]]


def test_opening_the_errors_counts_once_and_is_said(workspace):
    run, _ = classified(workspace)
    assert "The test part was looked at once since this report (opened its rows once)." in words(closer("classified"))
    closer("classified")
    assert looks.told(run).total == 2, "another visit is another look"


def test_a_run_without_validation_answers_still_shows_its_curves(workspace):
    run, _ = classified(workspace)
    (run.folder / "validation.npz").unlink()
    at = closer("classified")
    assert "Rings from" not in [metric.label for metric in at.metric]
    assert "ROC curves, one a class" in [chart.proto.alt for chart in at.get("vega_lite_chart")]


def test_noted_corrections_are_taken_to_build(workspace):
    run, dataset = classified(workspace)
    at = closer("classified")
    row = at.selectbox(key="worst_row").value
    label = next(name for name in json.loads((run.folder / "report.json").read_text())["classes"])
    at.selectbox(key="worst_label").set_value(label).run()
    at.button(key="worst_note").click().run()
    assert not at.exception
    assert "**1 correction noted**: 1 label mended." in words(at)
    at.button(key="corrections_train").click().run()
    assert not at.exception
    drafted = json.loads((workspace.root / "drafts" / "tester.json").read_text(encoding="utf-8"))["data"]
    assert drafted["corrections"] == {
        "labels": {str(row): label},
        "of": dataset.schema.fingerprint[:16],
    }
    assert "You corrected this data set: 1 label mended." in words(at)


def test_a_row_can_be_left_out_and_all_can_be_undone(workspace):
    classified(workspace)
    at = closer("classified")
    at.button(key="worst_note").click().run()
    assert "1 row left out." in words(at)
    at.button(key="corrections_undo").click().run()
    assert "noted" not in words(at)


def test_a_number_is_corrected_by_a_number(workspace):
    valued(workspace)
    at = closer("valued")
    assert "The shaded band: 9 of 10 true values should lie within" in words(at)
    at.number_input(key="worst_label").set_value(21.5).run()
    at.button(key="worst_note").click().run()
    assert not at.exception
    assert "is 21.5" in words(at)
