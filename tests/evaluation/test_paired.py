"""Whether B is really better than A is judged on the same rows, exactly where it can be, and said in plain words."""

import time

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from evaluation import paired
from evaluation.paired import Answers
from recipes import Recipe, Refusal
from records import Run, write_json


def voted(truth, right, classes=2):
    """Make probabilities that name the right class exactly where `right` is true."""
    said = np.where(right, truth, (truth + 1) % classes)
    return np.eye(classes)[said] * 0.8 + 0.2 / classes


def pair(rows=400, first=0.7, second=0.9, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows)
    numbers = np.arange(1_000, 1_000 + rows)
    hard = random.random(rows)
    return [Answers(numbers, truth, voted(truth, hard < share)) for share in (first, second)]


@pytest.mark.parametrize(("one", "other"), [(3, 14), (0, 0), (0, 7), (50, 61), (400, 700), (5, 5)])
def test_mcnemar_is_the_exact_binomial_test(one, other):
    expected = stats.binomtest(one, one + other, 0.5).pvalue if one + other else 1.0
    assert paired.mcnemar(one, other) == pytest.approx(expected, rel=1e-9)


def test_a_clear_difference_is_called_one():
    told = paired.answers("classification", "accuracy", *pair())
    assert told["verdict"] == "second"
    assert told["difference"] == pytest.approx(told["second"] - told["first"])
    assert told["low"] < told["difference"] < told["high"]
    assert (told["only_first"], told["p"]) == (0, paired.mcnemar(0, told["only_second"]))
    assert told["sentence"] == (
        "Accuracy: B 91 %, A 69 %, on the same 400 test rows. On 90 rows only one of them is right: B on 90, A on 0. B "
        "is really better than A: the true difference lies between 18.5 and 26.7 percentage points (95 % sure)."
    )


def test_the_better_one_may_be_the_first():
    first, second = pair()
    told = paired.answers("classification", "accuracy", second, first, names=("Tall", "Wide"))
    assert told["verdict"] == "first"
    assert "Tall is really better than Wide" in told["sentence"]


def test_a_difference_that_chance_makes_is_left_open():
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, 60)
    some = [Answers(np.arange(60), truth, voted(truth, random.random(60) < 0.8)) for _ in range(2)]
    told = paired.answers("classification", "accuracy", *some)
    assert told["verdict"] == "unclear"
    assert told["sentence"].endswith(
        "Chance alone could make that difference, so nobody can say which is better. More test rows would tell."
    )


def test_equal_answers_have_no_difference():
    first, _ = pair()
    told = paired.answers("classification", "f1_macro", first, first)
    assert (told["verdict"], told["difference"], told["p"]) == ("equal", 0.0, 1.0)
    assert told["sentence"].endswith("There is no difference between them.")


def test_two_models_of_equal_worth_are_told_apart_as_seldom_as_promised():
    """At most one in twenty, and some more for the roughness of a bootstrap."""
    wrong = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        truth = random.normal(size=(120, 1))
        some = [Answers(np.arange(120), truth[:, 0], truth[:, 0] + random.normal(size=120)) for _ in range(2)]
        wrong += paired.answers("regression", "rmse", *some, seed=seed)["verdict"] != "unclear"
    assert wrong <= 7


def test_what_is_hard_for_both_cancels_out():
    """Two intervals that overlap by far may hide a sure difference."""
    random = np.random.default_rng(1)
    truth = random.normal(size=150) * 10
    noise = random.normal(size=150) * 5
    first, second = (Answers(np.arange(150), truth, truth + noise * scale) for scale in (1.0, 0.93))
    told = paired.answers("regression", "mae", first, second)
    assert told["verdict"] == "second"
    assert told["second"] == pytest.approx(metrics.mean_absolute_error(truth, second.answer))


@pytest.mark.parametrize("metric", ["f1_macro", "roc_auc", "average_precision", "log_loss", "recall_at_1"])
def test_every_score_of_classes_can_be_compared(metric):
    random = np.random.default_rng(2)
    truth = random.integers(0, 2, 200)
    sure = [1 / (1 + np.exp(-(2 * truth - 1) * strength - random.normal(size=200))) for strength in (0.5, 2.0)]
    some = [Answers(np.arange(200), truth, np.stack([1 - each, each], axis=1)) for each in sure]
    told = paired.answers("classification", metric, *some)
    assert told["verdict"] == "second"
    assert told["only_first"] is None


def test_forecasts_are_drawn_in_blocks():
    """Neighbouring windows repeat each other: drawn one by one they would promise too much."""
    random = np.random.default_rng(4)
    steps = np.cumsum(random.normal(size=311))
    truth = np.lib.stride_tricks.sliding_window_view(steps, 12)
    errors = np.lib.stride_tricks.sliding_window_view(np.cumsum(random.normal(size=311)) * 0.1, 12)
    first, second = Answers(np.arange(300), truth, truth + errors), Answers(np.arange(300), truth, truth + 0.5)
    wide = paired.answers("forecasting", "rmse", first, second)
    narrow = paired.answers(
        "regression", "rmse", *(Answers(a.rows, a.truth[:, 0], a.answer[:, 0]) for a in (first, second))
    )
    assert wide["high"] - wide["low"] > 1.5 * (narrow["high"] - narrow["low"])


def test_right_answers_of_translations_and_odd_rows_can_be_compared():
    random = np.random.default_rng(5)
    hits = [Answers(np.arange(200), np.ones(200), (random.random(200) < share).astype(float)) for share in (0.4, 0.8)]
    assert paired.answers("translation", "exact", *hits)["verdict"] == "second"
    odd = (np.arange(300) % 10 == 0).astype(int)
    errors = [Answers(np.arange(300), odd, random.random(300) + odd * push) for push in (0.1, 1.0)]
    assert paired.answers("reconstruction", "roc_auc", *errors)["verdict"] == "second"


def test_ten_thousand_rows_take_less_than_two_seconds():
    random = np.random.default_rng(6)
    truth = random.integers(0, 10, 10_000)
    some = [Answers(np.arange(10_000), truth, voted(truth, random.random(10_000) < share, 10)) for share in (0.7, 0.8)]
    began = time.perf_counter()
    assert paired.answers("classification", "f1_macro", *some)["verdict"] == "second"
    assert time.perf_counter() - began < 6  # generous: other work may share the machine


def test_only_rows_that_both_kept_for_the_test_count():
    first, second = pair()
    later = Answers(second.rows[100:], second.truth[100:], second.answer[100:])
    changed = later.truth.copy()
    changed[:5] = 1 - changed[:5]
    (one, other), left_out = paired.shared(first, Answers(later.rows, changed, later.answer))
    np.testing.assert_array_equal(one.rows, np.arange(1_105, 1_400))
    np.testing.assert_array_equal(one.rows, other.rows)
    assert left_out == 105


def test_few_shared_rows_are_refused():
    first, second = (each.at(np.arange(4)) for each in pair())
    with pytest.raises(Refusal) as refused:
        paired.answers("classification", "accuracy", first, second)
    assert str(refused.value) == (
        "These two runs share only 4 test rows; 10 are needed. Train both with the same seed, so that they keep "
        "the same rows for the test."
    )


def test_a_score_that_is_none_of_the_task_is_refused():
    with pytest.raises(Refusal, match=r"^'speed' is no score of this task"):
        paired.answers("classification", "speed", *pair())


def test_folds_follow_nadeau_and_bengio():
    first, second = [0.80, 0.82, 0.78, 0.81, 0.79], [0.84, 0.85, 0.83, 0.86, 0.82]
    told = paired.folds(first, second, train_rows=400, test_rows=100, title="Accuracy")
    differences = np.subtract(second, first)
    spread = np.sqrt((1 / 5 + 100 / 400) * differences.var(ddof=1))
    assert told["p"] == pytest.approx(2 * stats.t.sf(differences.mean() / spread, 4))
    assert (told["low"], told["high"]) == pytest.approx(stats.t.interval(0.95, 4, differences.mean(), spread))
    assert told["verdict"] == "second"
    assert told["p"] > stats.ttest_rel(second, first).pvalue
    assert told["sentence"].startswith("Accuracy: B 0.84, A 0.8, on the same 5 folds. B is really better than A")


def test_equal_folds_and_too_few_folds():
    assert paired.folds([0.5, 0.6], [0.5, 0.6], train_rows=10, test_rows=5)["verdict"] == "equal"
    with pytest.raises(Refusal, match=r"^Two models can be compared over at least two folds, the same for both.$"):
        paired.folds([0.5], [0.6], train_rows=10, test_rows=5)


def finished(folder, answers, *, sample="penguins", task="classification"):
    run = Run.create(folder, Recipe.of({"data": {"sample": sample}}))
    told = {"task": task, "target": "species", "classes": ["a", "b"], "headline": {"metric": "accuracy"}}
    write_json(folder / "report.json", told)
    np.savez(folder / "predictions.npz", rows=answers.rows, truth=answers.truth, answer=answers.answer)
    return run


def test_two_runs_are_compared_by_their_headline(tmp_path):
    first, second = pair()
    told = paired.runs(finished(tmp_path / "a", first), finished(tmp_path / "b", second))
    assert (told["metric"], told["verdict"], told["left_out"]) == ("accuracy", "second", 0)


def test_runs_of_other_data_or_tasks_are_refused(tmp_path):
    first, second = pair()
    one = finished(tmp_path / "a", first)
    with pytest.raises(
        Refusal, match=r"^These two runs learned from different data sets, so they share no test rows.$"
    ):
        paired.runs(one, finished(tmp_path / "b", second, sample="iris"))
    with pytest.raises(Refusal, match=r"^These two runs learn different things, so their scores cannot be compared."):
        paired.runs(one, finished(tmp_path / "c", second, task="regression"))
    with pytest.raises(Refusal, match=r"^Only finished runs can be compared row by row."):
        paired.runs(one, Run.create(tmp_path / "d", Recipe.of({"data": {"sample": "penguins"}})))
