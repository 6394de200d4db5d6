"""Every format of every family answers in its own runtime, in a clean process, as the model does here."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import pytest

import exporters
from exporters.check import elsewhere
from exporters.check.elsewhere import Question
from recipes import keras
from records import Run

FORMATS = tuple(name for name in exporters.names() if name != "keras_file")
CORES = tuple(name for name in FORMATS if exporters.get(name).CHECK == "core")


def question_of(made, form, folder):
    """Export a real run's model into a run of its own."""
    run = Run.create(folder / form, made.run.recipe)
    asked = replace(made.asked, run=run)
    file = exporters.get(form).export(asked, "model", made.core)
    return Question(asked, "model", made.core, form, file)


@pytest.fixture(scope="module")
def entries(odd_table, mixed_pictures, numbers, tmp_path_factory):
    """Make every format of three real runs and check all of them with one clean process a runtime."""
    questions = {}
    for name, made in (("table", odd_table), ("pictures", mixed_pictures), ("numbers", numbers)):
        folder = tmp_path_factory.mktemp(name)
        for form in FORMATS:
            questions[name, form] = question_of(made, form, folder)
    told = elsewhere.checked(list(questions.values()))
    return {key: (question, entry) for (key, question), entry in zip(questions.items(), told, strict=True)}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["table", "pictures", "numbers"])
def test_answers_raw_rows_in_a_clean_process(name, form, entries):
    """Strings, missing cells, columns named like layers, pictures of two sizes, large numbers."""
    question, told = entries[name, form]
    assert told["checked"], told["sentence"]
    assert told["milliseconds"] > 0
    assert told["bytes"] == question.file.stat().st_size
    assert (told["of"], told["format"]) == ("model", form)
    assert question.asked.run.read("deliverables.json")[question.file.name] == told
    tolerance = question.format.TOLERANCE
    if tolerance is None:
        assert 0.5 < told["agreement"] <= 1
        assert told["score"]["title"] == ("Mean error" if name == "numbers" else "Accuracy")
    else:
        assert told["largest_difference"] <= tolerance
        rows = 6 if name == "pictures" else 8
        assert told["sentence"].startswith(
            f"Asked in a clean process with {told['runtime']}; same answers on {rows} rows."
        )


@pytest.mark.parametrize("form", CORES)
def test_the_script_runs_as_it_stands(form, entries, odd_table, tmp_path):
    """In an empty folder, on a CSV with the person's own columns, with nothing of Layerwise."""
    question, _ = entries["table", form]
    with zipfile.ZipFile(question.file) as archive:
        archive.extractall(tmp_path)
    source = odd_table.run.recipe.data.file
    command = [sys.executable, "predict.py", str(source)]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120).stdout
    answers = [json.loads(line) for line in told.splitlines()]
    assert len(answers) == 60
    assert {answer["kind / of"] for answer in answers} <= {"cat's paw", "owl", "yes"}
    assert all(sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-2) for answer in answers)


@pytest.mark.parametrize("form", CORES)
def test_the_script_takes_a_picture_file(form, entries, mixed_pictures, tmp_path):
    question, _ = entries["pictures", form]
    with zipfile.ZipFile(question.file) as archive:
        archive.extractall(tmp_path)
    with zipfile.ZipFile(mixed_pictures.run.recipe.data.file) as archive:
        (tmp_path / "mine.jpeg").write_bytes(archive.read("cats/2.jpeg"))
    command = [sys.executable, "predict.py", "mine.jpeg"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120).stdout
    assert json.loads(told)["label"] in {"cats", "dogs"}


def test_what_lies_beside_a_core_tells_all_of_it(entries):
    question, _ = entries["table", "onnx"]
    with zipfile.ZipFile(question.file) as archive:
        names = set(archive.namelist())
        told = json.loads(archive.read("preprocessing.json"))
        required = archive.read("requirements.txt").decode().split()
    assert names == {
        "model.onnx", "preprocessing.json", "predict.py", "runtime.py", "prepare/__init__.py", "prepare/tabular.py",
        "requirements.txt", "README.txt", "recipe.yaml",
    }  # fmt: skip
    assert told["classes"] == ["cat's paw", "owl", "yes"]
    assert told["answers"] == [{"name": "kind / of", "tensor": "kind / of", "shape": [3], "dtype": "float32"}]
    assert [package.split("==")[0] for package in required] == ["numpy", "onnxruntime"]


def test_a_damaged_file_is_not_offered(entries, tmp_path):
    question, _ = entries["numbers", "onnx"]
    run = Run.create(tmp_path / "run", question.asked.run.recipe)
    file = run.folder / question.file.name
    file.write_bytes(question.file.read_bytes()[:500])
    (told,) = elsewhere.checked([replace(question, asked=replace(question.asked, run=run), file=file)])
    assert not told["checked"]
    assert told["sentence"] == (
        "The ONNX file could not be asked in a clean process (File is not a zip file), so it is not offered. "
        "The Keras file is not touched by this."
    )


def test_a_file_with_other_weights_is_not_offered(numbers, tmp_path):
    other = keras.models.clone_model(numbers.core)
    other.set_weights([weight + 0.1 for weight in numbers.core.get_weights()])
    asked = replace(numbers.asked, run=Run.create(tmp_path / "run", numbers.run.recipe))
    file = exporters.get("onnx").export(asked, "model", other)
    (told,) = elsewhere.checked([Question(asked, "model", numbers.core, "onnx", file)])
    assert not told["checked"]
    assert told["sentence"].startswith("The ONNX file answered differently in a clean process (by up to ")
