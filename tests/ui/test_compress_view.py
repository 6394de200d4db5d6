"""The section that makes a model smaller: its button, then plot, table and download."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from evaluation import compress
from records import job, write_json
from tests.pages.test_run import finish, workspace  # noqa: F401 - a fixture
from ui import compress_view

OWN = {
    "name": "model", "title": "The run's file", "noun": "The run's own file", "about": "As it was trained.",
    "file": "deliverables/model.keras", "bytes": 48_213, "milliseconds": 0.6, "metric": "accuracy",
    "metric_title": "Accuracy", "way": "up", "value": 0.96, "low": 0.9, "high": 0.99, "rows": 52, "verdict": "equal",
}  # fmt: skip
STUDENT = OWN | {
    "name": "student_half", "title": "Student, half as wide", "noun": "The student that is half as wide",
    "about": "A smaller model.", "file": "deliverables/student_half.keras", "bytes": 12_000, "value": 0.95,
    "verdict": "unclear",
}  # fmt: skip
PRUNED = OWN | {"name": "pruned90", "title": "90 % pruned", "noun": "The pruned version", "bytes": 14_000,
                "file": "deliverables/model.pruned90.keras", "value": 0.7, "verdict": "first"}  # fmt: skip
ONNX = OWN | {"name": "onnx", "title": "ONNX", "noun": "The ONNX file", "bytes": 20_000,
              "file": "deliverables/model.onnx.zip"}  # fmt: skip
LEFT_OUT = {"title": "8 bits", "sentence": "A layer of this model does not load in 8 bits."}


@pytest.fixture
def run(workspace):  # noqa: F811 - the fixture itself
    return finish(workspace)


def done(run, *points):
    """Put a finished job into the run's folder, with the files that it made."""
    told = run.read("deliverables.json")
    question = {"deliverable": "model", "model": told["model"]["sha256"], "formats": []}
    place = job.JobFolder.of(run, "compress", question)
    place.folder.mkdir(parents=True)
    write_json(place.folder / "job.json", {"kind": "compress", "settings": question})
    points = compress.with_front([OWN, *points])
    write_json(place.folder / "result.json", {"points": points, "left_out": [LEFT_OUT],
                                              "sentence": compress.conclusion(points)})  # fmt: skip
    place.write_state("finished", 1.0)
    for point in points[1:]:
        (run.folder / point["file"]).write_bytes(b"weights")
        if point["name"] != "onnx":
            told[point["file"].split("/")[1].removesuffix(".keras")] = {
                "file": point["file"], "bytes": point["bytes"], "sha256": "1", "checked": True,
                "format": "keras_smaller",
                "variant": point["name"], "variant_of": "model", "model": question["model"],
                "sentence": "Loaded in a clean Keras 3.15.1 process; same answers on 8 rows.",
            }  # fmt: skip
    write_json(run.folder / "deliverables.json", told)


def shown(run, view="compress_view"):
    def page(folder, view):
        import importlib
        from pathlib import Path

        from records import Run

        importlib.import_module(f"ui.{view}").show(Run(Path(folder)))

    at = AppTest.from_function(page, args=(str(run.folder), view), default_timeout=30).run()
    assert not at.exception
    return at


def words(at):
    return "\n".join(each.value for each in (*at.markdown, *at.caption)).replace("\\", "")


def test_before_it_was_asked_for_there_is_one_button_with_a_time(run):
    at = shown(run)
    assert [button.label for button in at.button] == ["Make it smaller"]
    assert "What was learned stays as it is." in words(at)


def test_the_button_asks_for_the_job_of_this_very_file(run, monkeypatch):
    asked = []

    class Executor:
        def start_job(self, *question):
            asked.append(question)

    monkeypatch.setattr("ui.studio.executor", Executor)
    shown(run).button(key="compress").click().run()
    question = {"deliverable": "model", "model": "0a1b", "formats": []}
    assert asked == [("finished", "tester", "compress", question)]


def test_afterwards_a_sentence_a_table_and_the_advised_file(run):
    done(run, PRUNED, STUDENT, ONNX)
    at = shown(run)
    assert words(at).count(
        "The student that is half as wide is 4 times smaller and as good within chance: accuracy 0.950 instead of "
        "0.960 on 52 validation rows."
    ) == 1  # fmt: skip
    table = at.table[0].value
    assert table.map(lambda cell: cell.replace("\u00a0", " ")).to_dict("list") == {
        "Version": ["The run's file", "90 % pruned", "Student, half as wide", "ONNX"],
        "Size": ["48 kB", "14 kB", "12 kB", "20 kB"],
        "Pace": ["0.6 ms"] * 4,
        "Accuracy": ["0.960", "0.700", "0.950", "0.960"],
        "Beside the run": ["–", "worse", "as good within chance", "the same"],
    }
    choice = at.selectbox(key="compress_take")
    assert choice.options == ["90 % pruned", "Student, half as wide"], "other formats have a card of their own"
    assert choice.value == "student_half"
    assert at.get("download_button")[0].label == "Download student_half.keras · 12\u00a0kB"
    assert "8 bits: A layer of this model does not load in 8 bits." in words(at)


def test_the_plot_joins_those_that_nobody_beats(run):
    done(run, PRUNED, STUDENT, ONNX)
    rows = [compress_view._row(point) for point in compress.with_front([OWN, PRUNED, STUDENT, ONNX])]
    assert [(row["name"], row["kind"]) for row in rows] == [
        ("The run's file", compress_view.OWN),
        ("90 % pruned", compress_view.BEATEN),
        ("Student, half as wide", compress_view.BEST),
        ("ONNX", compress_view.BEST),
    ]
    assert [row["front"] for row in rows] == [False, False, True, True]
    json.dumps(compress_view.chart("Accuracy"))


def test_smaller_versions_are_no_models_and_no_formats_of_the_page_above(run):
    """They stand in their own section only."""
    done(run, PRUNED, STUDENT)
    at = shown(run, "downloads")
    keys = {button.key for button in at.get("download_button")}
    assert "download_model" in keys
    assert not any("student" in key or "pruned" in key for key in keys)
    assert not at.table


def test_a_format_that_was_made_since_is_another_question(run):
    done(run, STUDENT)
    told = run.read("deliverables.json")
    entry = {"of": "model", "model": "0a1b", "format": "onnx", "file": "deliverables/model.onnx.zip", "bytes": 20_000,
             "sha256": "77", "checked": True, "milliseconds": 0.1, "sentence": "Asked."}  # fmt: skip
    write_json(run.folder / "deliverables.json", told | {"model.onnx.zip": entry})
    assert [button.label for button in shown(run).button] == ["Compare with the files made since"]


def test_without_its_data_or_a_checked_file_there_is_no_section(run):
    (run.folder / "prepared.json").unlink()
    assert not shown(run).button
