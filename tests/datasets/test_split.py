"""The split is seeded, fair to every class, and keeps what belongs together on one side."""

import numpy as np
import pytest

from datasets._sources import divide
from datasets._split import split
from recipes import Fold, Refusal


def test_every_row_lands_in_exactly_one_part():
    parts = split(None, 100, 0.15, 0.2, seed=1)
    assert [len(parts[name]) for name in ("train", "validation", "test")] == [65, 15, 20]
    assert sorted(np.concatenate(list(parts.values()))) == list(range(100))


def test_the_seed_decides():
    once, again, other = (split(None, 50, 0.2, 0.2, seed) for seed in (1, 1, 2))
    assert all((once[name] == again[name]).all() for name in once)
    assert any(set(once[name]) != set(other[name]) for name in once)


def test_every_class_lands_in_every_part_by_its_share():
    labels = np.repeat(["cat", "dog", "owl"], [300, 30, 3])
    parts = split(labels, 333, 0.1, 0.2, seed=3)
    counts = {name: np.unique(labels[rows], return_counts=True)[1].tolist() for name, rows in parts.items()}
    assert counts == {"train": [210, 21, 1], "validation": [30, 3, 1], "test": [60, 6, 1]}


def test_groups_stay_together():
    groups = np.repeat(np.arange(60), 3)
    labels = np.where(groups % 3 == 0, "a", "b")
    parts = split(labels, 180, 0.15, 0.2, seed=5, groups=groups)
    assert not set(groups[parts["train"]]) & set(groups[parts["test"]])
    assert not set(groups[parts["train"]]) & set(groups[parts["validation"]])
    assert not set(groups[parts["validation"]]) & set(groups[parts["test"]])
    assert {name: sorted(set(labels[rows])) for name, rows in parts.items()} == {name: ["a", "b"] for name in parts}


def test_a_group_larger_than_a_part_serves_training():
    groups = np.r_[np.zeros(60, dtype=int), np.arange(1, 41)]
    parts = split(None, 100, 0.15, 0.2, seed=2, groups=groups)
    assert set(range(60)) <= set(parts["train"].tolist())


def test_refuses_a_class_that_cannot_be_in_every_part():
    with pytest.raises(Refusal) as refusal:
        split(np.array(["cat"] * 9 + ["owl"]), 10, 0.15, 0.2, seed=1, thing="picture")
    assert str(refusal.value) == (
        "Class 'owl' has only 1 picture. Each class needs at least 3, so that training, validation and test each get "
        "one: add pictures to it, or leave this class out."
    )
    with pytest.raises(Refusal, match=r"^Class 'emu' has only 2 rows \(1 more such class\)\."):
        split(np.array(["cat"] * 9 + ["owl"] * 2 + ["emu"] * 2), 13, 0.15, 0.2, seed=1)
    with pytest.raises(Refusal, match=r"^Class 'b' has only 2 groups of rows\."):
        split(np.repeat(["a", "b"], [5, 4]), 9, 0.15, 0.2, 1, np.array([0, 1, 2, 3, 4, 7, 7, 8, 8]))


def test_refuses_too_few_rows():
    with pytest.raises(Refusal) as refusal:
        split(None, 2, 0.15, 0.2, seed=1)
    assert str(refusal.value) == "This data set has only 2 rows, but at least 3 are needed. Add more rows."


def folds_of(count, labels=None, rows=200, groups=None, seed=1):
    whole = split(labels, rows, 0.15, 0.2, seed, groups)
    return whole, [split(labels, rows, 0.15, 0.2, seed, groups, fold=Fold(each, count)) for each in range(1, count + 1)]


def test_folds_never_touch_the_sealed_test_part_and_together_are_all_the_rest():
    whole, folds = folds_of(5)
    for parts in folds:
        assert sorted(np.concatenate(list(parts.values()))) == sorted(np.r_[whole["train"], whole["validation"]])
        assert [len(parts[name]) for name in ("train", "validation", "test")] == [104, 24, 32]
    assert sorted(np.concatenate([parts["test"] for parts in folds])) == sorted(
        np.r_[whole["train"], whole["validation"]]
    )


def test_every_fold_has_every_class_by_its_share():
    labels = np.repeat(["cat", "dog", "owl"], [150, 40, 10])
    _, folds = folds_of(4, labels)
    for parts in folds:
        counts = np.unique(labels[parts["test"]], return_counts=True)[1]
        assert counts.tolist() == [30, 8, 2]
        assert all(set(labels[rows]) == {"cat", "dog", "owl"} for rows in parts.values())


def test_groups_stay_together_in_folds():
    groups = np.r_[np.repeat(np.arange(40), 4), np.repeat(np.arange(40, 44), 10)]
    _, folds = folds_of(5, groups=groups)
    for parts in folds:
        assert not set(groups[parts["test"]]) & set(groups[parts["train"]])
        assert not set(groups[parts["validation"]]) & set(groups[parts["train"]])
    sizes = [len(parts["test"]) for parts in folds]
    assert max(sizes) - min(sizes) <= 6


def test_refuses_more_folds_than_a_rare_class_has_rows():
    labels = np.repeat(["cat", "owl"], [95, 5])
    with pytest.raises(Refusal) as refusal:
        split(labels, 100, 0.15, 0.2, 1, thing="picture", fold=Fold(1, 5))
    assert str(refusal.value) == (
        "Class 'owl' has only 4 pictures that stand apart outside the test part, but 5 folds need at least 5. Choose "
        "fewer folds, or add pictures."
    )


def test_sources_with_several_classes_are_dealt_out_until_each_fold_has_all():
    labels, groups = np.tile(["yes", "no"], 120), np.repeat(np.arange(24), 10)
    whole = divide(labels, groups, (0.15, 0.2), 1, "recording")
    judged = []
    for number in (1, 2, 3):
        parts = divide(labels, groups, (0.15, 0.2), 1, "recording", Fold(number, 3))
        assert not set(groups[parts["test"]]) & set(groups[parts["train"]])
        assert not set(parts["test"]) & set(whole["test"])
        judged.extend(parts["test"].tolist())
    assert sorted(judged) == sorted(np.r_[whole["train"], whole["validation"]].tolist())
