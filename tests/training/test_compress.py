"""Smaller versions of a run: zeros reach the file, students learn, and only what was checked is offered."""

import json
import zipfile
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import builders
from datasets import DataSet, Prepared
from evaluation import compress
from evaluation.asked import Asked, asking
from recipes import Recipe, Refusal, Schema, Training, keras
from records import Run, job
from tests.builders.smallest import build, examples, own_settings, pairs, signature_of
from tests.training.test_opened import runs, trained  # noqa: F401 - a fixture
from training import jobs
from training.compress import copied, distil, lighter, prune, untrainable
from training.fit import NotFiniteError
from training.jobs import compress as making

pytestmark = pytest.mark.timeout(900)  # a dozen clean processes, one after the other


def asked_for(run, **settings):
    """Put the question into its folder and answer it here."""
    settings = {"deliverable": "model", "model": run.read("deliverables.json")["model"]["sha256"]} | settings
    place = job.JobFolder.of(run, "compress", settings)
    place.folder.mkdir(parents=True, exist_ok=True)
    (place.folder / "job.json").write_text(json.dumps({"kind": "compress", "settings": settings}), encoding="utf-8")
    jobs.main(place.folder)
    return place


def kernels_in(file):
    model = keras.saving.load_model(file)
    return [each for each in model.weights if each.name.endswith(prune.KERNELS) and len(each.shape) > 1]


# --- the parts --------------------------------------------------------------------------------------------------------


def test_the_share_of_zeros_rises_by_the_cubic_curve():
    """Zhu and Gupta, 2017, equation 1."""
    assert prune.share_at(0, 4, 0.0, 0.8) == 0.0
    assert prune.share_at(2, 4, 0.0, 0.8) == pytest.approx(0.8 - 0.8 * 0.5**3)
    assert prune.share_at(4, 4, 0.5, 0.8) == 0.8
    assert prune.share_at(9, 4, 0.5, 0.8) == 0.8


def test_a_mask_cuts_exactly_the_smallest_weights_also_where_all_are_alike():
    kernel = np.array([[0.1, -0.5, 0.3], [-0.2, 0.4, 0.0]], "float32")
    np.testing.assert_array_equal(prune.mask_of(kernel, 0.5), [[0, 1, 1], [0, 1, 0]])
    assert prune.mask_of(np.ones((7, 3), "float32"), 0.9).sum() == 2
    assert prune.mask_of(kernel, 0.0).all()


def test_what_was_cut_stays_cut_while_the_rest_learns():
    """The constraint holds within an epoch too, and is gone afterwards."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    keeping = prune.Keeping(prune.kernels_of(model))
    keeping.cut(0.6)
    before = [np.array(np.asarray(each)) for each in keeping.kernels]
    model.fit(np.ones((8, 6)), np.ones((8, 1)), epochs=2, verbose=0)
    for former, kernel in zip(before, keeping.kernels, strict=True):
        now = np.asarray(kernel)
        np.testing.assert_array_equal(now[former == 0], 0)
        assert (now != former).any()
    keeping.release()
    assert [kernel.constraint for kernel in keeping.kernels] == [None, None]


def test_a_narrower_student_has_its_widths_divided_and_nothing_else():
    config, words = distil.narrowed("mlp", {"width": 64, "depth": 3}, 4)
    assert (config.model_dump()["width"], config.model_dump()["depth"]) == (16, 3)
    assert words == "width 16 instead of 64"
    config, words = distil.narrowed("cnn1d", {"embedding": 3, "filters": 64}, 4)
    told = config.model_dump()
    assert (told["embedding"], told["filters"], told["dense_units"]) == (1, 16, 64)
    with pytest.raises(Refusal) as refused:
        distil.narrowed("custom", {}, 2)
    assert str(refused.value) == (
        "This family has no width that could be divided, so there is no smaller student of it."
    )


def test_the_soft_loss_is_least_where_the_student_answers_as_its_teacher():
    loss = distil.objective(signature_of("tabular", "classification"))
    teacher = np.array([[2.0, 1.0, -1.0]], "float32")
    y = np.concatenate([[[0.0]], teacher], axis=1).astype("float32")
    soft = np.exp(teacher / 3) / np.exp(teacher / 3).sum()
    hard = -np.log(np.exp(2.0) / np.exp(teacher).sum())
    expected = 0.7 * 9 * -(soft * np.log(soft)).sum() + 0.3 * hard
    assert float(loss(y, teacher)) == pytest.approx(expected, rel=1e-5)
    assert float(loss(y, teacher)) < float(loss(y, teacher[:, [0, 2, 1]]))


def test_a_packed_file_is_smaller_and_answers_the_same(tmp_path):
    model = keras.Sequential([keras.Input((50,)), keras.layers.Dense(50, kernel_initializer="zeros")])
    file = tmp_path / "model.keras"
    model.save(file)
    before = file.stat().st_size
    lighter.pack(file)
    assert file.stat().st_size < before / 2
    again = keras.saving.load_model(file)
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_rounded_weights_keep_eleven_digits_of_a_binary_number(tmp_path):
    signature = signature_of("tabular", "classification")
    prepared = Prepared(tmp_path / "prepared", signature, {}).save({"validation": examples(signature, 12)})
    recipe = Recipe.of({"data": {"sample": "penguins"}, "model": {"architecture": "mlp"}})
    schema = Schema(name="smallest", data_type="tabular", rows=4, columns=(), task="classification", fingerprint="")
    run = Run.create(tmp_path / "run", recipe)
    asked = Asked(run, recipe, DataSet(run.folder, schema), prepared, build("mlp", "tabular", "classification"))
    for exact, weight in zip(asked.core.get_weights(), lighter.rounded(asked).get_weights(), strict=True):
        np.testing.assert_allclose(weight, exact, rtol=2**-11)
        assert not (weight.view(np.uint32) & 0x1FFF).any()


def bench():
    """A bench whose run has nothing but its own model."""
    run = SimpleNamespace(read=lambda _: {"model": {"sha256": "1"}})
    nothing: Any = None
    told: Any = SimpleNamespace(tell=lambda *_: None, run=run)
    return making.Bench(told, nothing, "model", nothing)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NotFiniteError(1.0), making.DIVERGED),
        (RuntimeError("no kernel"), "It could not be taught."),
        (Refusal("No numbers."), "It could not be taught."),
    ],
)
def test_one_version_that_fails_does_not_take_the_others_with_it(error, sentence, capsys):
    def fails():
        raise error

    made = bench()
    made.take("student_half", "Student", "The student", "It learns.", fails, "It could not be taught.")
    assert made.left_out == [{"title": "Student", "sentence": sentence}]
    assert type(error).__name__ in capsys.readouterr().err, "the log has the rest"


def test_stop_is_no_failure_of_a_version():
    def stops():
        raise jobs.Stopped

    made = bench()
    with pytest.raises(jobs.Stopped):
        made.take("student_half", "Student", "The student", "It learns.", stops, "It could not be taught.")
    assert made.left_out == []


# --- a whole run ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(runs):  # noqa: F811 - the fixture itself
    return trained(runs, "planted", "iris", "mlp", epochs=30, learning_rate=0.01)


@pytest.fixture(scope="module")
def place(run):
    place = asked_for(run)
    assert place.state.state == "finished", place.state.text
    return place


@pytest.fixture
def points(place):
    return {point["name"]: point for point in place.result["points"]}


def test_every_version_is_judged_checked_and_entered(run, place, points):
    assert list(points) == ["model", "packed", "float16", "int8", "pruned50", "pruned80", "pruned90", "student_half",
                            "student_quarter"]  # fmt: skip
    assert place.result["left_out"] == []
    told = run.read("deliverables.json")
    for name, point in points.items():
        assert point["rows"] == 22
        assert point["low"] <= point["value"] <= point["high"]
        assert point["milliseconds"] > 0
        file = run.folder / point["file"]
        assert file.stat().st_size == point["bytes"]
        entry = told[file.stem]
        assert entry["checked"], entry["sentence"]
        if name != "model":
            assert (entry["variant"], entry["variant_of"], entry["format"]) == (name, "model", "keras_smaller")
            assert zipfile.ZipFile(file).infolist()[0].compress_type == zipfile.ZIP_DEFLATED
    assert place.result["sentence"] == compress.conclusion(place.result["points"])
    assert next(iter(told)) == "model", "other rooms take the first entry for the run's own"


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_the_share_of_zeros_is_reached_exactly_and_kept_to_the_file(run, points, share):
    for kernel in kernels_in(run.folder / points[f"pruned{round(100 * share)}"]["file"]):
        values = np.asarray(kernel)
        assert (values == 0).sum() == round(share * values.size)


def test_a_student_of_a_planted_task_beats_chance_and_is_smaller(points):
    for name in ("student_half", "student_quarter"):
        assert points[name]["low"] > 0.5, "of three kinds a third is chance"
        assert points[name]["bytes"] < points["packed"]["bytes"]
    assert points["student_quarter"]["bytes"] < points["student_half"]["bytes"]


def test_packing_changes_no_answer_and_fewer_bits_hardly_any(points):
    assert points["packed"]["verdict"] == "equal"
    assert points["packed"]["value"] == points["model"]["value"]
    assert points["int8"]["bytes"] < points["float16"]["bytes"] < points["packed"]["bytes"] < points["model"]["bytes"]


def test_the_run_itself_stays_as_it_was(run, points):
    with zipfile.ZipFile(run.folder / "deliverables" / "model.keras") as file:
        assert file.testzip() is None
    assert points["model"]["bytes"] == run.read("deliverables.json")["model"]["bytes"]


def test_what_is_there_is_not_made_twice(run, place, monkeypatch):
    monkeypatch.setattr(distil, "distil", None)
    monkeypatch.setattr(prune, "prune", None)
    monkeypatch.setattr(lighter, "in_16_bits", None)
    again = asked_for(run, formats=["another question"])
    assert again.state.state == "finished", again.state.text
    assert again.result == place.result


def test_a_version_that_answers_differently_in_a_clean_process_is_not_offered(runs, monkeypatch):  # noqa: F811
    run = trained(runs, "tampered", "iris", "mlp", epochs=3)
    pack = lighter.pack

    def tampered(file):
        model = keras.saving.load_model(file)
        model.trainable_variables[0].assign_add(np.ones(model.trainable_variables[0].shape))
        model.save(file)
        pack(file)

    monkeypatch.setattr(lighter, "pack", tampered)
    for way in ("make_pruned", "make_students"):
        monkeypatch.setattr(making.Bench, way, lambda _: None)
    for way in ("in_16_bits", "in_8_bits"):
        monkeypatch.setattr(lighter, way, None)
    place = asked_for(run)
    assert [point["name"] for point in place.result["points"]] == ["model"]
    assert [each["title"] for each in place.result["left_out"]] == ["Packed", "16 bits", "8 bits"]
    assert place.result["left_out"][1]["sentence"] == "It could not be rounded to 16 bits."
    assert "answered differently in a clean process" in place.result["left_out"][0]["sentence"]
    assert not list((run.folder / "deliverables").glob("*.packed.keras"))
    assert place.result["sentence"] == "Nothing was gained: no version is clearly smaller than the run's own file."


def test_a_number_is_taught_and_its_other_formats_are_compared(runs, monkeypatch):  # noqa: F811 - the fixture itself
    for way in ("make_lighter", "make_pruned"):
        monkeypatch.setattr(making.Bench, way, lambda _: None)
    run = trained(runs, "number", "auto-mpg", "mlp", epochs=15, learning_rate=0.01)
    sha = run.read("deliverables.json")["model"]["sha256"]
    settings = {"format": "litert_int8", "deliverable": "model", "model": sha}
    export = job.JobFolder.of(run, "export", settings)
    export.folder.mkdir(parents=True)
    (export.folder / "job.json").write_text(json.dumps({"kind": "export", "settings": settings}), encoding="utf-8")
    jobs.main(export.folder)
    place = asked_for(run)
    assert place.state.state == "finished", place.state.text
    points = {point["name"]: point for point in place.result["points"]}
    assert points["model"]["metric"] == "r2"
    assert points["student_half"]["value"] > 0.5
    assert points["litert_int8"]["value"] == pytest.approx(points["model"]["value"], abs=0.2)
    assert points["litert_int8"]["file"] == "deliverables/model.int8.tflite.zip"


def test_several_stages_are_only_made_lighter(runs, monkeypatch):  # noqa: F811 - the fixture itself
    monkeypatch.setattr(making.Bench, "make_lighter", lambda _: None)
    run = trained(runs, "stages", "digits", "dbn", epochs=1)
    place = asked_for(run)
    assert [point["name"] for point in place.result["points"]] == ["model"]
    assert place.result["left_out"] == [{
        "title": "Pruning and students",
        "sentence": "Pruning and a student are left out: this family learns in several stages, and a short training at "
                    "the end would undo what the first ones gave.",
    }]  # fmt: skip


# --- every family -----------------------------------------------------------------------------------------------------


def first_judged(name):
    """Return a data type and task of this family for which versions are made; None without one."""
    return next(((kind, task) for family, kind, task in pairs() if family == name and task in compress.JUDGES), None)


@pytest.mark.parametrize("name", builders.names())
def test_every_family_is_made_smaller_or_refused_in_a_sentence(name, tmp_path):
    if first_judged(name) is None:
        kind, task = next((kind, task) for family, kind, task in pairs() if family == name)
        assert compress.unfit(signature_of(kind, task)).endswith("still as good.")
        return
    kind, task = first_judged(name)
    signature = signature_of(kind, task)
    signature = signature.model_copy(update={"rows": signature.rows | {"validation": 12}})
    assert compress.unfit(signature) == ""
    own = own_settings(name, signature)
    recipe = Recipe.of({"data": {"sample": "penguins"}, "model": {"architecture": name} | own})
    schema = Schema(name="smallest", data_type=kind, rows=4, columns=(), task=task, fingerprint="")
    prepared = Prepared(tmp_path / "prepared", signature, {}).save({"validation": examples(signature, 12)})
    run = Run.create(tmp_path / "run", recipe)
    asked = Asked(run, recipe, DataSet(run.folder, schema), prepared, build(name, kind, task))
    part = prepared.part("validation")
    right = asked.ask_core(part.x)
    versions = [lighter.in_16_bits(asked)]
    versions += [lighter.in_8_bits(asked)] if lighter.quantisable(asked.core) else []
    for number, core in enumerate(versions):
        core.save(tmp_path / f"{number}.keras")
        again = asking(keras.saving.load_model(tmp_path / f"{number}.keras"))(part.x)
        np.testing.assert_allclose(asking(core)(part.x), again, atol=1e-5)
        assert np.abs(again - right).max() < 0.1 * max(1.0, float(np.abs(right).max()))
    if why := untrainable(asked):
        assert why.startswith("Pruning and a student are left out: this family ")
        return
    pruned = copied(asked)
    keeping = prune.Keeping(prune.kernels_of(pruned.stages[0].model))
    assert keeping.kernels
    keeping.cut(0.5)
    assert prune.zeros(keeping.kernels) == pytest.approx(0.5, abs=0.02)
    assert all((np.asarray(each) == 0).sum() >= round(0.5 * np.asarray(each).size) for each in keeping.kernels)
    try:
        config, words = distil.narrowed(name, own, 2)
    except Refusal:
        return
    assert " instead of " in words
    student = builders.get(name).build(signature, config)
    assert next(iter(student.deliverables.values())).count_params() < asked.core.count_params()
    narrow = replace(student.stages[0], loss=distil.objective(signature), metrics=list)
    prune.compile_stage(narrow, Training())
    taught = distil._taught(replace(asked), narrow, "validation")
    narrow.model.train_on_batch({key: np.asarray(each) for key, each in taught.x.items()}, taught.y)
