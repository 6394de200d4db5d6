"""The report is exact, complete, fits into JSON, and says in words what the numbers say."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from evaluation import report, sentences
from recipes import Refusal, keras
from tests.evaluation.made import asked_of, linear_core, prepared_of

NAMES = ("ant", "bee", "cat")
SIZES = (300, 60, 90)
GAPS = {
    "over-fitting": "It knows its training rows better (99 %) than new rows (80 %): it learned some of them by heart "
    "(over-fitting).",
    "under-fitting": "It is not good yet even on its own training rows (45 %; new rows 44 %): it has not learned "
    "enough (under-fitting).",
    "fine": "It does about as well on new rows (92 %) as on its training rows (93 %): neither learned by heart nor "
    "learned too little.",
}


def blobs(seed=5, rows=450, classes=3, width=4, spread=1.0):
    """Make points around one centre a class."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, rows).astype(np.int32)
    centres = np.eye(classes, width) * 2
    return {"features": (centres[y] + random.normal(0, spread, (rows, width))).astype(np.float32)}, y


def history(losses):
    return [{"epoch": number, "end": True, "val_loss": loss} for number, loss in enumerate(losses, start=1)]


@pytest.fixture
def classified(run, tmp_path):
    x, y = blobs()
    prepared = prepared_of(tmp_path / "data", x, y, SIZES, classes=NAMES)
    return (
        run,
        prepared,
        report.make(asked_of(run, linear_core(np.eye(4, 3) * 2, np.zeros(3)), prepared), history([1, 0.9, 0.9])),
    )


@pytest.fixture
def valued(run, tmp_path):
    random = np.random.default_rng(1)
    x = random.normal(size=(200, 2)).astype(np.float32)
    y = (x @ [[0.9], [0.3]] + random.normal(0, 0.2, (200, 1))).astype(np.float32)
    prepared = prepared_of(tmp_path / "data", {"features": x}, y, (120, 30, 50), mean=5_000.0, scale=250.0)
    return run, prepared, report.make(asked_of(run, linear_core([[0.9], [0.3]], [0.0]), prepared), [])


def predictions(run):
    with np.load(run.folder / "predictions.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def test_scores_are_those_of_the_sealed_test_part(classified):
    run, prepared, told = classified
    test = prepared.part("test")
    logits = test.x["features"][:, :3].astype(float) * 2
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert told["rows"] == 90
    assert told["metrics"]["accuracy"] == metrics.accuracy_score(test.y, logits.argmax(axis=1))
    assert told["metrics"]["log_loss"] == pytest.approx(metrics.log_loss(test.y, chances), abs=1e-6)
    assert told["metrics"]["roc_auc"] == pytest.approx(metrics.roc_auc_score(test.y, chances, multi_class="ovr"))
    kept = predictions(run)
    np.testing.assert_array_equal(kept["rows"], np.arange(360, 450))
    np.testing.assert_array_equal(kept["truth"], test.y)
    np.testing.assert_allclose(kept["answer"], chances, atol=1e-6)
    np.testing.assert_allclose(kept["answer"].sum(axis=1), 1, atol=1e-12)


def test_what_is_written_is_what_is_returned(classified):
    run, _, told = classified
    assert run.read("report.json") == told
    assert json.dumps(told, allow_nan=False)
    assert not list(run.folder.glob("*.tmp"))


def test_has_every_part_that_the_architecture_page_names(classified):
    _, _, told = classified
    assert set(told) >= {
        "task", "target", "rows", "classes", "headline", "metrics", "intervals", "baselines", "per_class", "confusion",
        "roc", "pr", "best", "worst", "gap", "sentences", "next",
    }  # fmt: skip
    assert told["headline"] == {
        "metric": "accuracy",
        "title": "Accuracy",
        "value": told["metrics"]["accuracy"],
        "low": told["intervals"]["accuracy"][0],
        "high": told["intervals"]["accuracy"][1],
        "baseline": "most frequent class",
        "baseline_value": told["baselines"][0]["metrics"]["accuracy"],
        "better": "up",
    }


def test_baselines_stand_beside_every_score(classified):
    _, prepared, told = classified
    majority, linear = told["baselines"]
    train, test = prepared.part("train"), prepared.part("test")
    frequent = np.bincount(train.y).argmax()
    assert majority["name"] == "majority class"
    assert majority["metrics"]["accuracy"] == pytest.approx((test.y == frequent).mean())
    assert majority["metrics"]["roc_auc"] == 0.5
    assert linear["name"] == "linear model"
    assert linear["metrics"]["accuracy"] > 0.75
    assert set(majority["metrics"]) == set(linear["metrics"]) == set(told["metrics"])


def test_confusion_cells_open_their_rows(classified):
    run, _, told = classified
    kept = predictions(run)
    counts, rows = told["confusion"]["counts"], told["confusion"]["rows"]
    assert counts == metrics.confusion_matrix(kept["truth"], kept["answer"].argmax(axis=1)).tolist()
    assert [[len(cell) for cell in line] for line in rows] == counts
    for row in rows[0][1]:
        place = kept["rows"].tolist().index(row)
        assert (kept["truth"][place], kept["answer"][place].argmax()) == (0, 1)


def test_examples_are_ordered_best_worst_and_surest_mistakes(classified):
    _, _, told = classified
    best, worst, wrong = told["best"], told["worst"], told["confidently_wrong"]
    assert [len(best), len(worst)] == [12, 12]
    assert all(example["truth"] == example["answer"] for example in best)
    assert all(example["truth"] != example["answer"] for example in wrong)
    for examples in (best, wrong):
        confidences = [example["confidence"] for example in examples]
        assert confidences == sorted(confidences, reverse=True)
    assert worst[0] in wrong


def test_a_class_absent_from_the_test_part_is_told(run, tmp_path):
    """With so few rows a class may be missing there; its scores are null and the report says so."""
    x, y = blobs(rows=60)
    y[50:] = np.arange(10) % 2
    prepared = prepared_of(tmp_path / "data", x, y, (40, 10, 10), classes=NAMES)
    told = report.make(asked_of(run, linear_core(np.eye(4, 3), np.zeros(3)), prepared), [])
    assert told["metrics"]["roc_auc"] is None
    assert told["intervals"]["roc_auc"] is None
    assert told["per_class"][2]["recall"] is None
    assert told["sentences"][-1] == "The test part has no example of 'cat', so nothing is known about that class."
    assert json.dumps(told, allow_nan=False)


def test_a_test_part_of_one_row_is_reported(run, tmp_path):
    x, y = blobs(rows=12)
    prepared = prepared_of(tmp_path / "data", x, y, (10, 1, 1), classes=NAMES)
    told = report.make(asked_of(run, linear_core(np.eye(4, 3), np.zeros(3)), prepared), [])
    assert told["rows"] == 1
    assert json.dumps(told, allow_nan=False)


def test_values_are_judged_in_the_targets_own_unit(valued):
    run, prepared, told = valued
    kept = predictions(run)
    truth = prepared.part("test").y.ravel().astype(float) * 250 + 5_000
    np.testing.assert_allclose(kept["truth"], truth)
    assert told["metrics"]["mae"] == pytest.approx(metrics.mean_absolute_error(truth, kept["answer"]))
    assert told["metrics"]["rmse"] == pytest.approx(metrics.root_mean_squared_error(truth, kept["answer"]))
    assert told["metrics"]["r2"] == pytest.approx(metrics.r2_score(truth, kept["answer"]))
    assert 20 < told["metrics"]["mae"] < 80
    assert [entry["name"] for entry in told["baselines"]] == ["mean", "linear model"]
    assert told["baselines"][0]["metrics"]["r2"] == pytest.approx(0, abs=0.1)
    assert told["baselines"][1]["metrics"]["r2"] == pytest.approx(told["metrics"]["r2"], abs=0.05)
    assert told["headline"]["title"] == "R²"


def test_values_have_scatter_residuals_and_examples(valued):
    _, _, told = valued
    assert {len(values) for values in told["scatter"].values()} == {50}
    assert sum(told["residuals"]["counts"]) == 50
    assert len(told["residuals"]["edges"]) == len(told["residuals"]["counts"]) + 1
    first = told["worst"][0]
    assert set(first) == {"row", "truth", "answer", "error"}
    assert first["error"] == pytest.approx(first["answer"] - first["truth"])
    assert abs(first["error"]) == max(abs(entry["error"]) for entry in told["best"] + told["worst"])


def test_scatter_is_thinned_to_a_thousand(run, tmp_path):
    random = np.random.default_rng(1)
    x, y = random.normal(size=(3_020, 1)).astype(np.float32), random.normal(size=(3_020, 1)).astype(np.float32)
    prepared = prepared_of(tmp_path / "data", {"features": x}, y, (10, 10, 3_000))
    told = report.make(asked_of(run, linear_core([[1.0]], [0.0]), prepared), [])
    assert len(told["scatter"]["rows"]) == 1_000
    assert told["scatter"]["rows"][-1] == 3_019


def test_pictures_have_a_linear_baseline_too(run, tmp_path):
    """Pictures are averaged down first, so that the yardstick is ready in seconds."""
    random = np.random.default_rng(1)
    y = random.integers(0, 2, 120).astype(np.int32)
    pictures = random.integers(0, 100, (120, 40, 30, 3)).astype(np.uint8)
    pictures[y == 1, :20] += 80
    prepared = prepared_of(tmp_path / "data", {"picture": pictures}, y, (80, 20, 20), classes=("dark", "light"))
    picture = keras.Input((40, 30, 3), name="picture")
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(picture))
    core = keras.Model({"picture": picture}, keras.layers.Dense(2)(hidden), name="core")
    told = report.make(asked_of(run, core, prepared), [])
    assert told["baselines"][1] == {
        "name": "linear model",
        "metrics": pytest.approx(
            {
                "accuracy": 1,
                "precision_macro": 1,
                "recall_macro": 1,
                "f1_macro": 1,
                "roc_auc": 1,
                "log_loss": 0,
                "average_precision": 1,
                "recall_at_1": 1,
            },
            abs=0.05,
        ),
    }


def test_answers_that_are_no_numbers_are_refused(run, tmp_path):
    """A diverged model gets no report full of holes."""
    x, y = blobs(rows=60)
    prepared = prepared_of(tmp_path / "data", x, y.astype(np.float32)[:, None], (40, 10, 10))
    with pytest.raises(Refusal) as refused:
        report.make(asked_of(run, linear_core([[math.nan]] * 4, [0.0]), prepared), [])
    assert str(refused.value) == (
        "The model's answers are no numbers any more (NaN). Lower the learning rate and train again."
    )
    assert run.read("report.json") is None


def test_sentences_say_what_the_scores_say(classified):
    _, _, told = classified
    right = round(told["metrics"]["accuracy"] * 90)
    assert told["sentences"][0] == (
        f"Right on {right} of 90 examples that the model had never seen ({right / 0.9:.0f} %)."
    )
    low, high = (f"{100 * edge:.0f} %" for edge in told["intervals"]["accuracy"])
    assert told["sentences"][1] == (
        f"With only 90 test examples, chance plays a part: the true value lies between {low} and {high} (95 % sure)."
    )
    simplest, linear = (f"{100 * entry['metrics']['accuracy']:.0f} %" for entry in told["baselines"])
    assert told["sentences"][2] == (
        f"Always answering with the most frequent class would reach {simplest}, a plain linear model {linear}."
    )
    assert told["sentences"][3].startswith("The most common mistake: '")


def yardsticks(metric, simplest, linear):
    return [{"name": "simplest", "metrics": {metric: simplest}}, {"name": "linear model", "metrics": {metric: linear}}]


@pytest.mark.parametrize(
    ("train", "validation", "verdict"),
    [(0.99, 0.80, "over-fitting"), (0.45, 0.44, "under-fitting"), (0.93, 0.92, "fine")],
)
def test_the_gap_is_put_in_words(train, validation, verdict):
    told = sentences.gap("classification", {"accuracy": train, "rows": 1_000}, {"accuracy": validation, "rows": 200},
                         yardsticks("accuracy", 0.4, 0.85))  # fmt: skip
    assert told["verdict"] == verdict
    assert told["sentence"] == GAPS[verdict]


def test_a_model_that_learned_all_there_is_needs_no_larger_network():
    """Its loss went on falling on training rows and rose on new ones: it has room enough."""
    scores = {"accuracy": 0.45, "rows": 1_000}, {"accuracy": 0.44, "rows": 200}
    lines = [{"loss": 1.0, "val_loss": 1.0}, {"loss": 0.8, "val_loss": 0.9}, {"loss": 0.5, "val_loss": 1.1}]
    told = sentences.gap("classification", *scores, yardsticks("accuracy", 0.4, 0.85), lines)
    assert told["verdict"] == "limited"
    assert told["sentence"] == (
        "It is not very good even on its own training rows (45 %; new rows 44 %), and learning them better made it "
        "worse on new ones: these columns or examples hold little more to be learned."
    )
    still = sentences.gap("classification", *scores, yardsticks("accuracy", 0.4, 0.85), lines[:2])
    assert still["verdict"] == "under-fitting"


def test_a_gap_that_chance_explains_is_no_over_fitting():
    told = sentences.gap("classification", {"accuracy": 0.95, "rows": 100}, {"accuracy": 0.85, "rows": 20},
                         yardsticks("accuracy", 0.4, 0.85))  # fmt: skip
    assert told["verdict"] == "fine"


def test_a_curve_that_still_falls_asks_for_more_rounds():
    told = sentences.suggestion({}, history([1, 0.8, 0.6, 0.5]), {"epochs": 4})
    assert told == "The validation loss was still falling in the last epoch. Train for 8 epochs instead of 4."


@pytest.mark.parametrize(
    ("report_", "suggestion"),
    [
        ({"gap": {"verdict": "over-fitting"}},
         "Raise the dropout or make the network smaller; more training examples help too."),
        ({"gap": {"verdict": "under-fitting"}},
         "Make the network wider or deeper, train for more epochs, or try a higher learning rate."),
        ({"gap": {"verdict": "fine"}, "headline": {"metric": "r2", "value": 0.7},
          "baselines": yardsticks("r2", 0, 0.8)},
         "A plain linear model does better here. Try a smaller network, a lower learning rate, or more examples."),
        ({"gap": {"verdict": "fine"}, "headline": {"metric": "r2", "value": 0.9}, "baselines": yardsticks("r2", 0, 0.8),
          "rows": 20}, "The test part has only 20 examples. More data would make the score surer."),
        ({"gap": {"verdict": "fine"}, "headline": {"metric": "accuracy", "value": 0.9}, "rows": 90,
          "metrics": {"accuracy": 0.9}, "baselines": yardsticks("accuracy", 0.4, 0.8),
          "per_class": [{"class": "owl", "rows": 9, "recall": 3 / 9}, {"class": "cat", "rows": 81, "recall": 0.97}]},
         "Class 'owl' is found least often (3 of 9). Add examples of it, or set the class weights to balanced."),
        ({"gap": {"verdict": "limited"}},
         "Give it what tells more: another column, clearer examples. A larger network would not help."),
        ({"gap": {"verdict": "fine"}, "headline": {"metric": "r2", "value": 0.9}, "baselines": yardsticks("r2", 0, 0.8),
          "groups": {"weak": [{"conditions": [["age", "up to 20"], ["city", "Rome"]]}]}},
         ("It is weakest where age: up to 20, and city: Rome. Open these rows under 'Look closer', and add examples of "
          "that kind.")),
        ({"gap": {"verdict": "fine"}, "headline": {"metric": "r2", "value": 0.9}, "baselines": yardsticks("r2", 0, 0.8),
          "rows": 200}, "This works well. Try it on examples of your own, then download the model."),
    ],
)  # fmt: skip
def test_one_suggestion_fits_the_case(report_, suggestion):
    assert sentences.suggestion(report_, history([0.5, 0.4, 0.45]), {"epochs": 3}) == suggestion
