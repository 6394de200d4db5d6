"""The page "Take it away": the Keras file first, then one calm row for each other format."""

import pytest
from streamlit.testing.v1 import AppTest

import exporters
from records import write_json
from tests.pages.test_run import finish, workspace  # noqa: F401 - a fixture

SHA = "5e1f"
ENTRY = {
    "of": "model", "model": SHA, "format": "onnx", "file": "deliverables/model.onnx.zip", "bytes": 8_617,
    "sha256": "9d2c",
    "checked": True, "largest_difference": 1e-7, "milliseconds": 0.05,
    "sentence": "Asked in a clean process with ONNX Runtime 1.31.1; same answers on 8 rows.",
}  # fmt: skip
COARSE = ENTRY | {
    "format": "litert_int8", "file": "deliverables/model.int8.tflite.zip", "bytes": 2_500, "milliseconds": 0.031,
    "score": {"title": "Accuracy", "value": 0.97}, "float_score": {"title": "Accuracy", "value": 0.985},
    "sentence": "Asked in a clean process with LiteRT 2.3.0: the same class as the float model in 98.1% of 52 "
                "validation rows; accuracy 0.970, in full precision 0.985.",
}  # fmt: skip


@pytest.fixture
def run(workspace):  # noqa: F811 - the fixture itself
    run = finish(workspace)
    kept = run.read("deliverables.json")["model"] | {"sha256": SHA, "milliseconds": 2.8}
    write_json(run.folder / "deliverables.json", {"model": kept})
    return run


def add(run, **entries):
    for entry in entries.values():
        (run.folder / entry["file"]).write_bytes(b"file")
    write_json(run.folder / "deliverables.json", run.read("deliverables.json") | entries)


def shown(run):
    def page(folder):
        from pathlib import Path

        from records import Run
        from ui import downloads

        downloads.show(Run(Path(folder)))

    at = AppTest.from_function(page, args=(str(run.folder),), default_timeout=30).run()
    assert not at.exception
    return at


def words(at):
    return "\n".join(each.value for each in (*at.markdown, *at.caption)).replace("\\", "").replace("\u00a0", " ")


def test_every_format_has_a_row_with_its_purpose_and_a_button(run):
    at = shown(run)
    for form in exporters.names():
        if form != "keras_file":
            module = exporters.get(form)
            assert module.SUMMARY in words(at)
            assert at.button(key=f"make_{form}").label == f"Make {module.TITLE}"
    assert not at.table, "nothing to compare yet"


def test_a_made_file_is_offered_with_its_parity_beside_the_keras_file(run):
    add(run, **{"model.onnx.zip": ENTRY})
    at = shown(run)
    assert ENTRY["sentence"] in words(at)
    assert "make_onnx" not in {button.key for button in at.button}
    assert {"download_model", "download_onnx"} <= {button.key for button in at.get("download_button")}
    table = at.table[0].value
    assert table.to_dict("list") == {
        "Format": ["Keras file", "ONNX"], "Size": ["48 kB", "9 kB"], "Pace": ["2.8 ms", "0.05 ms"],
    }  # fmt: skip


def test_eight_bits_stand_beside_full_precision_before_they_are_downloaded(run):
    add(run, **{"model.onnx.zip": ENTRY, "model.int8.tflite.zip": COARSE})
    at = shown(run)
    assert at.table[0].value["Score"].tolist() == ["0.985", "0.970", "as Keras"]
    assert "Score: accuracy on validation rows, never the sealed test part." in words(at)
    assert COARSE["sentence"] in words(at)


def test_a_file_of_a_model_that_was_trained_on_is_made_anew(run):
    add(run, **{"model.onnx.zip": ENTRY | {"model": "older"}})
    assert shown(run).button(key="make_onnx").label == "Make ONNX"


def test_the_button_asks_for_the_job_once(run, monkeypatch):
    asked = []

    class Executor:
        def start_job(self, *question):
            asked.append(question)

    monkeypatch.setattr("ui.studio.executor", Executor)
    shown(run).button(key="make_litert").click().run()
    settings = {"format": "litert", "deliverable": "model", "model": SHA}
    assert asked == [("finished", "tester", "export", settings)]


def test_a_run_with_several_models_lets_a_person_choose(run):
    told = run.read("deliverables.json")
    decoder = told["model"] | {"file": "deliverables/decoder.keras", "title": "Decoder", "about": "It draws."}
    (run.folder / "deliverables" / "decoder.keras").write_bytes(b"weights")
    write_json(run.folder / "deliverables.json", told | {"decoder": decoder})
    at = shown(run)
    choice = at.segmented_control(key="export_of")
    assert choice.options == ["The model", "Decoder"]


def test_without_its_data_a_run_says_why_there_is_nothing_else(run):
    (run.folder / "prepared.json").unlink()
    at = shown(run)
    assert "The data of this run were cleared away" in words(at)
    assert "download_model" in {button.key for button in at.get("download_button")}
