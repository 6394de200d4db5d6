"""Which versions of a model nobody beats, which one is advised, and in which words."""

import numpy as np
import pytest

from evaluation import compress
from evaluation.paired import Answers
from recipes import Signature, Target
from tests.evaluation.made import asked_of, linear_core, prepared_of

OWN = {
    "name": "model", "title": "The run's file", "noun": "The run's own file", "bytes": 400_000, "milliseconds": 0.6,
    "metric": "accuracy", "metric_title": "Accuracy", "way": "up", "value": 0.96, "low": 0.9, "high": 0.99, "rows": 100,
    "verdict": "equal",
}  # fmt: skip


def version(noun, size, value, verdict, **more):
    return OWN | {"name": noun, "noun": noun, "bytes": size, "value": value, "verdict": verdict} | more


def signature(task="classification", rows=100):
    classes = ("a", "b") if task == "classification" else ()
    rows = {"train": 100, "validation": rows, "test": 20}
    return Signature(data_type="tabular", task=task, inputs={}, raw=(), target=Target(name="kind", classes=classes),
                     rows=rows, class_counts=(50, 50) if classes else ())  # fmt: skip


def test_the_front_of_made_up_points_is_exact():
    """Beaten is who is neither smaller nor better than another; twins stand side by side."""
    costs = [10, 5, 5, 5, 8, 2, 1]
    worths = [0.9, 0.9, 0.9, 0.8, 0.95, 0.5, 0.6]
    assert compress.front(costs, worths) == [False, True, True, False, True, False, True]
    assert compress.front([3], [0.1]) == [True]
    assert compress.front([], []) == []


def test_a_score_that_should_be_small_turns_the_front_round():
    points = [version("one", 10, 1.0, "equal", way="down"), version("two", 5, 2.0, "first", way="down"),
              version("three", 5, 1.5, "first", way="down")]  # fmt: skip
    assert [each["front"] for each in compress.with_front(points)] == [True, False, True]


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (
            [version("The student", 66_000, 0.95, "unclear"), version("The packed file", 300_000, 0.96, "equal")],
            (
                "The student is 6.1 times smaller and as good within chance: accuracy 0.950 instead of 0.960 on 100 "
                "validation rows."
            ),
        ),
        (
            [version("The student", 200_000, 0.96, "equal", milliseconds=0.2)],
            (
                "The student is 2 times smaller and just as good: accuracy 0.960 on 100 validation rows. It also "
                "answers faster: 0.2 ms instead of 0.6 ms."
            ),
        ),
        (
            [version("The student", 200_000, 0.99, "second")],
            "The student is 2 times smaller and even better: accuracy 0.990 instead of 0.960 on 100 validation rows.",
        ),
        (
            [version("The student", 66_000, 0.8, "first"), version("The packed file", 399_000, 0.96, "equal")],
            "Nothing was gained: every clearly smaller version answers worse than the run itself.",
        ),
        (
            [version("The packed file", 399_000, 0.96, "equal")],
            "Nothing was gained: no version is clearly smaller than the run's own file.",
        ),
    ],
)
def test_one_sentence_says_what_was_gained(points, sentence):
    assert compress.conclusion([OWN, *points]) == sentence


def test_chance_alone_is_no_excuse_for_a_large_loss():
    """With few rows nearly every difference could be chance."""
    assert compress.recommended([OWN, version("The student", 1_000, 0.93, "unclear")]) is None
    kept = version("The student", 1_000, 0.945, "unclear")
    assert compress.recommended([OWN, kept]) == kept


def test_models_without_one_score_and_few_rows_are_refused_in_a_sentence():
    assert compress.unfit(signature()) == ""
    assert compress.unfit(signature("regression")) == ""
    assert compress.unfit(signature("generation")) == (
        "Smaller versions are made of models that name a class or answer a number: only there one score tells whether "
        "a version is still as good."
    )
    assert compress.unfit(signature(rows=9)) == (
        "Smaller versions are compared on validation rows, and this run has only 9; 10 are needed. Train it with more "
        "data or a larger share for validation."
    )


def test_a_version_is_judged_on_the_validation_rows_alone(run, tmp_path):
    random = np.random.default_rng(2)
    x = {"features": random.normal(size=(80, 2)).astype("float32")}
    y = (x["features"][:, 0] > 0).astype("int32")
    y[60:] = 1 - y[60:]  # in the sealed test part everything is the other way round
    prepared = prepared_of(tmp_path / "prepared", x, y, (40, 20, 20), classes=("no", "yes"))
    right, wrong = (
        linear_core([[-9.0, 9.0], [0.0, 0.0]], [0.0, 0.0]),
        linear_core([[9.0, -9.0], [0.0, 0.0]], [0.0, 0.0]),
    )
    asked = asked_of(run, right, prepared)
    own, other = compress.answered(asked, right), compress.answered(asked, wrong)
    told = compress.judged(asked, own, own)
    assert (told["metric"], told["value"], told["high"], told["rows"], told["verdict"]) == (
        "accuracy", 1.0, 1.0, 20, "equal",
    )  # fmt: skip
    told = compress.judged(asked, own, other)
    assert (told["value"], told["verdict"]) == (0.0, "first")


def test_another_format_is_judged_by_its_named_answers(run, tmp_path):
    x = {"features": np.ones((30, 1), "float32")}
    y = np.linspace(-1, 1, 30).astype("float32").reshape(30, 1)
    prepared = prepared_of(tmp_path / "prepared", x, y, (10, 10, 10), mean=5.0, scale=2.0)
    asked = asked_of(run, linear_core([[1.0]], [0.0]), prepared)
    told = compress.as_answers(asked, {"price": np.full((10, 1), 7.0, "float32")})
    assert isinstance(told, Answers)
    assert told.answer.shape == (10,)
    np.testing.assert_allclose(told.truth, 5.0 + 2.0 * y[10:20].ravel(), rtol=1e-6)
