"""What a person takes away answers as the app does, loads in plain Keras, and explains itself."""

import base64
import io
import re
import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import datasets
import exporters
from evaluation import predict
from evaluation.tasks import classification, regression
from exporters import check, keras_file
from recipes import Recipe, Refusal, keras
from records import Run


def checked(made):
    return check.start(made.asked, made.file, made.core).finish()


def loaded(made):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "When providing `inputs` as a dict", UserWarning)
        return keras.saving.load_model(made.file)


def test_every_format_keeps_the_contract():
    for name in exporters.names():
        form = exporters.get(name)
        assert form.TITLE
        assert form.SUMMARY.endswith(".")
        assert form.ENDING
        assert callable(form.export)
        assert callable(form.offered)
        assert form.TOLERANCE is None or form.TOLERANCE <= 1e-4
        assert (Path(check.__file__).parent / f"{form.CHECK}.py").exists()


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(Refusal) as refused:
        exporters.get("keras_fil")
    known = ", ".join(exporters.names())
    assert str(refused.value) == f"There is no format 'keras_fil'. Did you mean 'keras_file'? Available: {known}."


@pytest.mark.usefixtures("new_processes")
@pytest.mark.parametrize("name", ["odd_table", "numbers"])
def test_a_table_answers_the_same_in_a_clean_process(name, request):
    """Strings, missing cells, columns named like layers, slashes, large numbers."""
    made = request.getfixturevalue(name)
    told = checked(made)
    assert told["checked"], told["sentence"]
    assert told["largest_difference"] <= 1e-5
    assert told["sentence"] == f"Loaded in a clean Keras {keras.__version__} process; same answers on 8 rows."
    assert told["file"] == "deliverables/model.keras"
    assert told["bytes"] == made.file.stat().st_size
    assert made.run.read("deliverables.json") == {"model": told}


@pytest.mark.usefixtures("new_processes")
def test_pictures_of_two_sizes_answer_the_same_in_a_clean_process(mixed_pictures):
    made = mixed_pictures
    rows = datasets.get("image").raw(made.dataset, made.prepared.signature, list(range(8)))
    assert len({row["picture"].shape for row in rows}) > 1
    told = checked(made)
    assert told["checked"], told["sentence"]
    assert told["largest_difference"] <= 1e-5


def test_a_damaged_file_is_not_offered(numbers, tmp_path):
    """The run still ends well; the download says why it is missing."""
    run = Run.create(tmp_path / "run", numbers.run.recipe)
    asked = replace(numbers.asked, run=run)
    file = keras_file.export(asked, "model", numbers.core)
    file.write_bytes(file.read_bytes()[:2_000])
    told = check.start(asked, file, numbers.core).finish()
    assert not told["checked"]
    assert told["sentence"].startswith("Plain Keras could not load the file in a clean process (")
    assert told["sentence"].endswith("), so it is not offered. The run itself is safe.")
    assert run.read("deliverables.json")["model"] == told


def test_a_file_with_other_weights_is_not_offered(numbers, tmp_path):
    run = Run.create(tmp_path / "run", numbers.run.recipe)
    other = keras.models.clone_model(numbers.core)
    other.set_weights([weight + 0.1 for weight in numbers.core.get_weights()])
    asked = replace(numbers.asked, run=run)
    file = keras_file.export(asked, "model", other)
    told = check.start(asked, file, numbers.core).finish()
    assert not told["checked"]
    assert told["sentence"].startswith("The file answered differently in a clean process (by up to ")


def test_a_preprocessing_that_differs_is_told_with_its_size(numbers, tmp_path):
    """The file is what the app tries, so it is offered; the report's rows were prepared a little differently."""
    run = Run.create(tmp_path / "run", numbers.run.recipe)
    asked = replace(numbers.asked, run=run)
    file = keras_file.export(asked, "model", numbers.core)
    checking = check.start(asked, file, numbers.core)
    assert checking.ready
    checking.ready["features"] = checking.ready["features"] + np.float32(0.01)
    told = checking.finish()
    assert told["checked"]
    assert told["largest_difference"] <= 1e-5 < told["difference_to_report"] < 0.1
    assert told["sentence"] == (
        f"Loaded in a clean Keras {keras.__version__} process; same answers on 8 rows. Note: raw inputs are prepared a "
        f"little differently than for the report: up to {told['difference_to_report']:.1g} apart."
    )


@pytest.mark.usefixtures("new_processes")
def test_a_check_that_is_cancelled_leaves_nothing_behind(numbers):
    checking = check.start(numbers.asked, numbers.file, numbers.core)
    checking.cancel()
    assert checking.process.poll() is not None
    assert not checking.folder.exists()


def test_takes_columns_by_their_exact_names(odd_table):
    signature = odd_table.prepared.signature
    model = loaded(odd_table)
    (row,) = datasets.get("tabular").raw(odd_table.dataset, signature, [3])
    assert set(row) == {raw.name for raw in signature.raw} >= {"a/b", "a_b", "mlp", "answer", "length (mm)"}
    answer = np.asarray(model.predict_on_batch(row)["kind / of"])
    assert answer.shape == (1, 3)
    assert answer.sum() == pytest.approx(1)


def test_a_missing_and_a_never_seen_cell_are_welcome(odd_table):
    (row,) = datasets.get("tabular").raw(odd_table.dataset, odd_table.prepared.signature, [3])
    for name, cell in row.items():
        cell[:] = np.nan if cell.dtype.kind == "f" else ("" if name == "mlp" else "never seen")
    assert np.isfinite(loaded(odd_table).predict_on_batch(row)["kind / of"]).all()


def test_numbers_come_back_in_their_own_unit(numbers):
    test = numbers.prepared.part("test")
    raw = datasets.get("tabular").raw(numbers.dataset, numbers.prepared.signature, test.rows.tolist())
    told = np.array([loaded(numbers).predict_on_batch(row)["price"] for row in raw]).ravel()
    np.testing.assert_allclose(told, regression.answers(numbers.asked, test), rtol=1e-5)
    assert told.mean() == pytest.approx(2_000_000, rel=0.5)


def test_holds_stock_layers_only_and_no_optimizer(mixed_pictures):
    with zipfile.ZipFile(mixed_pictures.file) as archive:
        config = archive.read("config.json").decode()
        assert set(archive.namelist()) <= {"metadata.json", "config.json", "model.weights.h5"}
    modules = set(re.findall('"module": "([^"]+)"', config))
    assert all(module.startswith("keras") for module in modules), modules
    assert '"compile_config": {"' not in config
    assert "Random" not in config


def test_leaves_the_core_as_it_was(numbers):
    """The same core is fitted on after a "keep"; its weights are shared, its name and functions are its own."""
    before = [weight.copy() for weight in numbers.core.get_weights()]
    keras_file.assemble(numbers.core, numbers.prepared.signature, numbers.prepared.encoding)
    assert numbers.core.name == "mlp"
    for weight, again in zip(before, numbers.core.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, again)


def test_recipe_lies_beside_the_model(odd_table):
    kept = (odd_table.file.parent / "recipe.yaml").read_text(encoding="utf-8")
    recipe = odd_table.run.recipe
    assert Recipe.parse(kept) == recipe.portable()
    assert Recipe.parse(kept).data.file == Path(recipe.data.file).name
    assert sorted(file.name for file in odd_table.file.parent.iterdir()) == ["README.txt", "model.keras", "recipe.yaml"]


@pytest.mark.parametrize("name", ["odd_table", "mixed_pictures"])
def test_the_snippet_of_the_readme_runs_as_it_stands(name, request, tmp_path):
    """In an empty folder, with the file and nothing of Layerwise."""
    made = request.getfixturevalue(name)
    readme = (made.file.parent / "README.txt").read_text(encoding="utf-8")
    snippet = readme[readme.index("import keras") : readme.index("\n\nClasses,")]
    (tmp_path / "model.keras").write_bytes(made.file.read_bytes())
    (tmp_path / "ask.py").write_text(snippet, encoding="utf-8")
    (preview,) = datasets.get(made.dataset.schema.data_type).preview(made.dataset, [0])
    if "picture" in preview:
        preview["picture"].save(tmp_path / "picture.png")
    command = [sys.executable, "-I", "ask.py"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120).stdout
    *words, chance = told.split()
    assert " ".join(words) in made.prepared.signature.target.classes
    assert 1 / 3 <= float(chance) <= 1


def test_try_answers_from_the_very_file(odd_table):
    signature = odd_table.prepared.signature
    values = {raw.name: raw.typical for raw in signature.raw}
    row = datasets.get("tabular").parse(signature, values)
    told = predict.answer(odd_table.run, values)
    assert told["target"] == "kind / of"
    assert told["classes"] == ["cat's paw", "owl", "yes"]
    np.testing.assert_allclose(told["answer"], loaded(odd_table).predict_on_batch(row)["kind / of"][0], atol=1e-6)


def test_try_of_test_rows_answers_as_the_report(odd_table):
    test = odd_table.prepared.part("test")
    told = predict.answer_rows(odd_table.run, test.rows[:3].tolist())
    expected = classification.answers(odd_table.asked, test)[:3]
    assert told["rows"] == test.rows[:3].tolist()
    np.testing.assert_allclose(told["answers"], expected, atol=1e-5)


def test_try_takes_a_picture_as_base64(mixed_pictures):
    (preview,) = datasets.get("image").preview(mixed_pictures.dataset, [0])
    packed = io.BytesIO()
    preview["picture"].save(packed, "PNG")
    told = predict.answer(mixed_pictures.run, {"picture": base64.b64encode(packed.getvalue()).decode()})
    assert told["classes"] == ["cats", "dogs"]
    np.testing.assert_allclose(told["answer"], predict.answer_rows(mixed_pictures.run, [0])["answers"][0], atol=1e-5)


def test_try_refuses_a_torn_picture(mixed_pictures):
    with pytest.raises(Refusal) as refused:
        predict.answer(mixed_pictures.run, {"picture": "not base64!"})
    assert str(refused.value) == "The file did not arrive whole. Choose it once more."


def test_try_of_a_run_without_a_model_says_so(odd_table, tmp_path):
    run = Run.create(tmp_path / "run", odd_table.run.recipe)
    (run.folder / "prepared.json").write_bytes((odd_table.run.folder / "prepared.json").read_bytes())
    with pytest.raises(Refusal) as refused:
        predict.answer_rows(run, [0])
    assert str(refused.value) == "This run has no model to try yet. Wait until it has finished, or resume it."
