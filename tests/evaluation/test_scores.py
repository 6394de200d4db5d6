"""Scores are scikit-learn's own, exist or are None, and their intervals hold."""

import json
import time

import numpy as np
import pytest
from sklearn import metrics

from evaluation import scores


def drawn(rows=200, classes=4, seed=3, sharp=1.5):
    """Make true classes and probabilities that lean towards them, with ties."""
    random = np.random.default_rng(seed)
    truth = random.choice(classes, rows, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    logits = random.normal(size=(rows, classes)) + sharp * np.eye(classes)[truth]
    powers = np.exp(np.round(logits, 1))
    return truth, powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 4])
def test_class_scores_are_those_of_scikit_learn(classes):
    truth, answer = drawn(classes=classes)
    predicted = answer.argmax(axis=1)
    score = answer[:, 1] if classes == 2 else answer
    told = scores.of_classes(truth, answer)
    assert (told.pop("recall_at_1", None) is not None) == (classes == 2)
    assert told == pytest.approx({
        "accuracy": metrics.accuracy_score(truth, predicted),
        "precision_macro": metrics.precision_score(truth, predicted, average="macro"),
        "recall_macro": metrics.recall_score(truth, predicted, average="macro"),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
        "roc_auc": metrics.roc_auc_score(truth, score, multi_class="ovr"),
        "average_precision": metrics.average_precision_score(truth if classes == 2 else np.eye(classes)[truth], score),
        "log_loss": metrics.log_loss(truth, answer),
    })  # fmt: skip


@pytest.mark.parametrize("rare", [0, 1])
def test_the_rare_one_of_two_classes_is_looked_for(rare):
    """Fraud is looked for, whether its name comes first in the alphabet or last."""
    random = np.random.default_rng(5)
    truth = np.where(random.random(2000) < 0.05, rare, 1 - rare)
    share = np.clip(0.3 + 0.3 * (truth == rare) + random.normal(0, 0.15, 2000), 0.01, 0.99)
    answer = np.stack([share, 1 - share] if rare == 0 else [1 - share, share], axis=1)
    told = scores.of_classes(truth, answer)
    assert scores.sought(truth) == rare
    assert told["average_precision"] == pytest.approx(metrics.average_precision_score(truth == rare, share))
    alarms, found, _ = metrics.roc_curve(truth == rare, share, drop_intermediate=False)
    assert told["recall_at_1"] == pytest.approx(found[alarms <= 0.01].max())
    assert [curve["class"] for curve in scores.curves(truth, answer, ("first", "second"))["pr"]] == [
        ("first", "second")[rare]
    ]


def test_scores_of_an_imbalanced_part_are_those_of_scikit_learn():
    """A class that is never answered counts as zero; one that is neither there nor answered does not count."""
    truth = np.array([0, 0, 0, 0, 0, 1])
    answer = np.array([[0.8, 0.1, 0.1]] * 5 + [[0.6, 0.3, 0.1]])
    told = scores.of_classes(truth, answer)
    predicted = answer.argmax(axis=1)
    assert told["f1_macro"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro", zero_division=0))
    assert told["precision_macro"] == pytest.approx(5 / 6 / 2)
    assert told["roc_auc"] is None


def test_sure_and_wrong_has_a_finite_loss():
    truth, answer = np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])
    assert scores.of_classes(truth, answer)["log_loss"] == pytest.approx(metrics.log_loss(truth, answer))


def test_value_scores_are_those_of_scikit_learn():
    random = np.random.default_rng(1)
    truth = random.normal(100_000, 20_000, 80)
    answer = truth + random.normal(0, 5_000, 80)
    assert scores.of_values(truth, answer) == pytest.approx({
        "mse": metrics.mean_squared_error(truth, answer),
        "mae": metrics.mean_absolute_error(truth, answer),
        "rmse": metrics.root_mean_squared_error(truth, answer),
        "r2": metrics.r2_score(truth, answer),
    })  # fmt: skip


@pytest.mark.parametrize("truth", [[5.0], [7.1, 7.1, 7.1]])
def test_r2_of_equal_truths_does_not_exist(truth):
    told = scores.of_values(np.array(truth), np.array(truth) + 1)
    assert told == pytest.approx({"mse": 1, "mae": 1, "rmse": 1, "r2": None})
    assert scores.intervals_of_values(np.array(truth), np.array(truth) + 1, seed=1)["r2"] is None


def test_per_class_scores_are_those_of_scikit_learn():
    truth, answer = drawn()
    names = ("ant", "bee", "cat", "dog")
    told = scores.per_class(truth, answer, names)
    expected = metrics.precision_recall_fscore_support(truth, answer.argmax(axis=1))
    for key, values in zip(("precision", "recall", "f1", "rows"), expected, strict=True):
        assert [entry[key] for entry in told] == pytest.approx(values)
    assert [entry["class"] for entry in told] == list(names)
    assert told[2]["roc_auc"] == pytest.approx(metrics.roc_auc_score(truth == 2, answer[:, 2]))


def test_an_absent_class_has_no_recall_and_no_roc_auc():
    told = scores.per_class(np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]), ("here", "absent"))
    assert told[1] == {"class": "absent", "rows": 0, "precision": 0.0, "recall": None, "f1": 0.0, "roc_auc": None}


def test_curves_are_those_of_scikit_learn():
    truth, answer = drawn(rows=40, classes=2)
    told = scores.curves(truth, answer, ("no", "yes"))
    alarms, found, _ = metrics.roc_curve(truth, answer[:, 1], drop_intermediate=False)
    (roc,), (pr,) = told["roc"], told["pr"]
    assert (roc["class"], roc["x"], roc["y"]) == (
        "yes",
        pytest.approx(alarms, abs=1e-5),
        pytest.approx(found, abs=1e-5),
    )
    assert roc["auc"] == pytest.approx(metrics.roc_auc_score(truth, answer[:, 1]))
    assert pr["average_precision"] == pytest.approx(metrics.average_precision_score(truth, answer[:, 1]))
    precision, recall, _ = metrics.precision_recall_curve(truth, answer[:, 1])
    assert set(zip(pr["x"], pr["y"], strict=True)) <= set(zip(recall.round(5), precision.round(5), strict=True))


def test_curves_have_at_most_a_hundred_points_and_keep_their_ends():
    truth, answer = drawn(rows=5_000, classes=3)
    for curve in scores.curves(truth, answer, ("a", "b", "c"))["roc"]:
        assert 50 < len(curve["x"]) <= 100
        assert (curve["x"][0], curve["y"][0], curve["x"][-1], curve["y"][-1]) == (0, 0, 1, 1)


def test_a_class_without_examples_has_no_curve():
    truth, answer = drawn(classes=3)
    kept = truth != 1
    told = scores.curves(truth[kept], answer[kept], ("a", "b", "c"))
    assert [curve["class"] for curve in told["roc"]] == ["a", "c"]


def test_intervals_hold_the_score_and_repeat_with_the_seed():
    truth, answer = drawn(rows=150)
    told = scores.intervals_of_classes(truth, answer, seed=7)
    assert told == scores.intervals_of_classes(truth, answer, seed=7)
    assert told != scores.intervals_of_classes(truth, answer, seed=8)
    for name, value in scores.of_classes(truth, answer).items():
        low, high = told[name]
        assert low < value < high, name


def test_the_interval_of_accuracy_is_as_wide_as_theory_says():
    """The interval of a share has the spread of a binomial share."""
    truth = np.zeros(400, dtype=int)
    answer = np.tile([0.9, 0.1], (400, 1))
    answer[:100] = [0.1, 0.9]
    low, high = scores.intervals_of_classes(truth, answer, seed=1)["accuracy"]
    assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.75 * 0.25 / 400), rel=0.1)


def test_the_interval_of_a_sample_is_as_narrow_as_that_of_all_rows():
    """Of more than 10,000 rows a sample is drawn; the interval is still that of all rows."""
    random = np.random.default_rng(2)
    truth = random.normal(size=40_000)
    answer = truth + random.normal(size=40_000)
    low, high = scores.intervals_of_values(truth, answer, seed=1)["mse"]
    assert (high - low) / 2 == pytest.approx(1.96 * np.std((truth - answer) ** 2) / 200, rel=0.15)


def test_an_interval_does_not_exist_where_its_score_does_not():
    truth, answer = np.array([0, 0, 0]), np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    told = scores.intervals_of_classes(truth, answer, seed=1)
    assert told["roc_auc"] is None
    assert told["accuracy"] == pytest.approx([0.2077, 0.9385], abs=1e-4)


def test_all_right_is_not_certainty():
    """69 of 69 may be luck; a bootstrap of them would not know."""
    told = scores.intervals_of_classes(np.zeros(69, dtype=int), np.tile([0.9, 0.1], (69, 1)), seed=1)
    assert told["accuracy"] == pytest.approx([0.9473, 1.0], abs=1e-4)
    assert told["recall_macro"] is None


def test_a_single_row_is_judged():
    truth, answer = np.array([1]), np.array([[0.2, 0.8]])
    assert scores.of_classes(truth, answer)["accuracy"] == 1.0
    assert scores.intervals_of_classes(truth, answer, seed=1)["accuracy"] == pytest.approx([0.2065, 1.0], abs=1e-4)
    assert scores.histogram(np.array([0.5]))["counts"] == [1]


@pytest.mark.parametrize(("rows", "classes"), [(10_000, 2), (10_000, 10), (5_000, 100)])
def test_intervals_are_quick(rows, classes):
    truth, answer = drawn(rows=rows, classes=classes)
    started = time.process_time()
    scores.intervals_of_classes(truth, answer, seed=1)
    assert time.process_time() - started < 6


def test_clean_leaves_nothing_that_json_does_not_know():
    told = scores.clean(
        {"a": np.float32("nan"), 2: [np.int64(3), (np.inf, np.bool_(True))], "c": np.array([1.0, np.nan])}
    )
    assert told == {"a": None, "2": [3, [None, True]], "c": [1.0, None]}
    assert json.dumps(told, allow_nan=False)
