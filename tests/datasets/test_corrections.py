"""Corrected rows are left out or bear their new label, for every data type with classes; all else stays as it was."""

import numpy as np
import pytest

import datasets
from datasets import Prepared
from recipes import Corrections, Recipe, Refusal
from records import Workspace
from training import plan, shelf

SAMPLES = [sample for name in datasets.names() for sample in datasets.get(name).samples() if not sample.online]
SMALLEST = {
    name: min(
        (each for each in SAMPLES if each.data_type == name and each.task == "classification"),
        key=lambda each: each.rows,
        default=None,
    )
    for name in datasets.names()
}
WITH_CLASSES = sorted(name for name, sample in SMALLEST.items() if sample)


def nothing(_share, _words):
    pass


@pytest.mark.parametrize("name", WITH_CLASSES)
def test_every_data_type_with_classes_can_be_corrected(name, tmp_path):
    sample = SMALLEST[name]
    assert sample is not None
    kind = datasets.get(name)
    dataset = kind.load_sample(sample.name, tmp_path / "data")
    data = plan.complete(plan.resolve(Recipe.of({"data": {"sample": sample.name}})), dataset.schema).data
    before = kind.prepare(dataset, data, 1, tmp_path / "before", nothing)
    train, test = before.part("train"), before.part("test")
    classes = before.signature.target.classes
    dropped, mended = int(train.rows[0]), int(test.rows[0])
    label = classes[(int(np.ravel(test.y)[0]) + 1) % len(classes)]
    corrections = Corrections(drop=(dropped,), labels={mended: label}, of=dataset.schema.fingerprint[:12])
    after = Prepared.open(datasets.correct(dataset, before, corrections, tmp_path / "after").folder)
    np.testing.assert_array_equal(after.part("train").rows, train.rows[1:])
    np.testing.assert_array_equal(after.part("test").rows, test.rows)
    assert classes[int(np.ravel(after.part("test").y)[0])] == label
    np.testing.assert_array_equal(np.ravel(after.part("test").y)[1:], np.ravel(test.y)[1:])
    for key, array in train.x.items():
        np.testing.assert_array_equal(after.part("train").x[key], array[1:])
        assert after.part("train").x[key].dtype == array.dtype
    assert after.signature.rows["train"] == len(train) - 1
    assert sum(after.signature.class_counts) == len(train) - 1
    assert after.signature.details["corrected"] == {"train": 1, "validation": 0, "test": 1}


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def opened(workspace, corrections, **data):
    recipe = Recipe.of({"data": {"sample": "penguins", **data, "corrections": corrections}})
    return shelf.open_prepared(plan.resolve(recipe), workspace)


def test_a_corrected_data_set_is_a_version_of_its_own(workspace):
    """The plain one is still there, and the same corrections are made once."""
    plain = shelf.open_prepared(plan.resolve(Recipe.of({"data": {"sample": "penguins"}})), workspace)[2]
    rows = plain.part("train").rows[:2].tolist()
    recipe, dataset, version = opened(workspace, {"drop": rows})
    assert version.folder != plain.folder
    assert version.signature.rows["train"] == plain.signature.rows["train"] - 2
    assert opened(workspace, {"drop": rows[::-1]})[2].folder == version.folder
    assert Recipe.parse(recipe.yaml()).data.corrections == recipe.data.corrections
    assert recipe.plain()["data"]["corrections"] == {"drop": sorted(rows)}
    told = datasets.check(dataset, recipe.data)[0]
    assert (told.code, told.severity) == ("corrections", "notice")
    assert told.sentence == "You corrected this data set: 2 rows left out. Its files stay as they are."


def test_empty_corrections_are_none(workspace):
    recipe = plan.resolve(Recipe.of({"data": {"sample": "penguins", "corrections": {}}}))
    assert "corrections" not in recipe.plain()["data"]
    assert datasets.check(shelf.open_dataset(recipe.data, workspace), recipe.data)[0].code != "corrections"


def test_a_number_can_be_mended_too(workspace):
    _, _, version = opened(workspace, {"labels": {10: 4321.0}}, target="body_mass_g", task="regression")
    target = version.signature.target
    found = {
        int(row): float(value) * target.scale + target.mean
        for part in ("train", "validation", "test")
        for row, value in zip(version.part(part).rows, np.ravel(version.part(part).y), strict=True)
    }
    assert found[10] == pytest.approx(4321.0)


@pytest.mark.parametrize(
    ("corrections", "sentence"),
    [
        (
            {"labels": {10: "Dodo"}},
            "There is no class 'Dodo' that a label could be mended to. Known: Adelie, Chinstrap, Gentoo.",
        ),
        ({"drop": [99_999]}, "Row 99,999 cannot be corrected: the data have rows 0 to 343. Remove its correction."),
        ({"drop": [10], "of": "0000"}, ("The corrections belong to another version of these data, so their row numbers "
         "mean nothing here. Choose the data again.")),
    ],
)  # fmt: skip
def test_what_cannot_be_corrected_is_refused(workspace, corrections, sentence):
    with pytest.raises(Refusal) as refused:
        opened(workspace, corrections)
    assert str(refused.value) == sentence


def test_another_target_makes_old_labels_a_problem_on_build(workspace):
    """The person reads it before Train, not after."""
    unknown = "There is no class 'Gentoo' that a label could be mended to. Known: Biscoe, Dream, Torgersen."
    no_number = "A mended label of 'body_mass_g' must be a number. Choose the data again."
    for target, task, sentence in (
        ("island", "classification", unknown),
        ("body_mass_g", "regression", no_number),
    ):
        data = {"sample": "penguins", "target": target, "task": task, "corrections": {"labels": {10: "Gentoo"}}}
        recipe = plan.resolve(Recipe.of({"data": data}))
        told = datasets.check(shelf.open_dataset(recipe.data, workspace), recipe.data)[0]
        assert (told.code, told.severity, told.sentence) == ("corrections", "problem", sentence)


def test_a_class_may_not_vanish(workspace):
    plain = shelf.open_prepared(plan.resolve(Recipe.of({"data": {"sample": "penguins"}})), workspace)[2]
    part = plain.part("train")
    every = part.rows[np.ravel(part.y) == 1].tolist()
    with pytest.raises(Refusal, match=r"^No row of class 'Chinstrap' is left for training. Correct fewer of its rows."):
        opened(workspace, {"drop": every})


def test_data_without_one_answer_a_row_are_refused(workspace):
    recipe = Recipe.of({"data": {"sample": "films", "corrections": {"drop": [3]}}})
    with pytest.raises(Refusal) as refused:
        shelf.open_prepared(plan.resolve(recipe), workspace)
    assert str(refused.value) == (
        "Single rows can be corrected only where a class or a number is learned. Remove the corrections."
    )
