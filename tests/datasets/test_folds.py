"""Cross-validation, over every data type: folds are judged in turn, and the sealed test part stays closed."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import datasets
from recipes import Recipe, Refusal
from training import plan

BY_ROWS = tuple(name for name in datasets.names() if name not in ("style", "series", "prose"))
FOLDS = 3


@pytest.fixture(scope="module")
def parts_of(tmp_path_factory):
    """Prepare the smallest sample of a data type, whole (0) or one of three folds; returns the rows of each part."""

    @cache
    def loaded(kind):
        samples = (sample for sample in datasets.get(kind).samples() if not sample.online)
        sample = min(samples, key=lambda each: each.rows)
        return sample.name, datasets.get(kind).load_sample(sample.name, tmp_path_factory.mktemp(kind) / "data")

    @cache
    def prepared(kind, fold):
        name, dataset = loaded(kind)
        told = {"sample": name} | ({"folds": FOLDS, "fold": fold} if fold else {})
        data = plan.complete(plan.resolve(Recipe.of({"data": told})), dataset.schema).data
        folder = tmp_path_factory.mktemp(f"{kind}{fold}") / "prepared"
        made = datasets.get(kind).prepare(dataset, data, 1, folder, lambda _share, _words: None)
        return {name: np.asarray(made.part(name).rows) for name in ("train", "validation", "test")}

    return prepared


@pytest.mark.parametrize("kind", BY_ROWS)
def test_every_row_outside_the_test_part_is_judged_once(kind, parts_of):
    whole, folds = parts_of(kind, 0), [parts_of(kind, fold) for fold in range(1, FOLDS + 1)]
    rest = np.sort(np.r_[whole["train"], whole["validation"]])
    for parts in folds:
        assert len(parts["train"]) > len(parts["test"]) > 0 < len(parts["validation"])
        assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), rest)
    judged = np.concatenate([parts["test"] for parts in folds])
    assert len(np.unique(judged)) == len(judged)
    if kind != "ratings":  # who has hardly rated anything is only learned from
        assert np.array_equal(np.sort(judged), rest)


def test_passages_of_a_text_are_dealt_out_in_folds(parts_of):
    whole, folds = parts_of("prose", 0), [parts_of("prose", fold) for fold in range(1, FOLDS + 1)]
    for parts in folds:
        assert not set(whole["test"].tolist()) & set(np.concatenate(list(parts.values())).tolist())
        assert not set(parts["test"].tolist()) & set(parts["train"].tolist())
    assert not set(folds[0]["test"].tolist()) & set(folds[1]["test"].tolist())


def test_a_series_is_judged_forwards_in_time_on_more_and_more_of_the_past(parts_of):
    """Whoever knows the future forecasts too well: a fold is forecast from what lies before it."""
    whole, folds = parts_of("series", 0), [parts_of("series", fold) for fold in range(1, FOLDS + 1)]
    for parts in folds:
        assert parts["train"].max() < parts["validation"].min()
        assert parts["validation"].max() < parts["test"].min()
        assert parts["test"].max() < whole["test"].min()
    assert [len(parts["train"]) for parts in folds] == sorted(len(parts["train"]) for parts in folds)
    for former, later in pairwise(folds):
        assert former["test"].max() < later["test"].min()


def test_what_has_no_rows_has_no_folds():
    recipe = Recipe.of({"data": {"sample": "temple-in-swirls", "folds": 3, "fold": 1}})
    with pytest.raises(Refusal) as refused:
        plan.resolve(recipe)
    assert str(refused.value) == "A style is learned from two pictures, so there is nothing to deal out into folds."


def test_a_class_that_is_held_out_has_no_folds(tmp_path):
    values = {"sample": "digits", "task": "reconstruction", "hold_out": "3", "folds": 3, "fold": 1}
    recipe = plan.resolve(Recipe.of({"data": values}))
    dataset = datasets.get("image").load_sample("digits", tmp_path / "data")
    with pytest.raises(Refusal) as refused:
        datasets.get("image").prepare(dataset, recipe.data, 1, tmp_path / "prepared", lambda *_: None)
    assert str(refused.value) == (
        "A class that is held out stands in the test part alone, so it has no folds. Hold out nothing."
    )


@pytest.mark.parametrize("values", [{"folds": 3}, {"fold": 1}, {"folds": 3, "fold": 4}])
def test_a_fold_needs_a_number_and_an_amount(values):
    with pytest.raises(Refusal) as refused:
        Recipe.of({"data": {"sample": "penguins"} | values})
    assert str(refused.value) == ("A fold needs both: `data.folds`, how many there are, and `data.fold`, one of them.")


def test_a_recipe_of_a_fold_keeps_it_and_others_say_nothing_of_folds():
    told = plan.resolve(Recipe.of({"data": {"sample": "penguins", "folds": 5, "fold": 2}})).plain()["data"]
    assert (told["folds"], told["fold"]) == (5, 2)
    assert "fold" not in plan.resolve(Recipe.of({"data": {"sample": "penguins"}})).plain()["data"]
