"""Recommendation judged: yardsticks of averages, order, lists, and somebody new."""

import numpy as np
import pytest

from builders import matrix_factorization
from evaluation import _ranking, report
from evaluation._ranking import Newcomers, Pairs
from evaluation.asked import Asked, Replying
from evaluation.tasks import recommendation
from recipes import Refusal, Signature, Target, TensorSpec, keras
from tests.evaluation.made import parts_of

USERS, ITEMS, ROWS = 30, 20, 500
SIZES = (380, 60, 60)


@pytest.fixture(scope="module")
def taste():
    """Let ratings follow two hidden tastes: {"user", "item"} from 1, and the rating in steps from 1 to 5."""
    random = np.random.default_rng(1)
    users, items = random.normal(size=(USERS + 1, 2)), random.normal(size=(ITEMS + 1, 2))
    pairs = random.permutation(USERS * ITEMS)[:ROWS]
    user, item = pairs // ITEMS + 1, pairs % ITEMS + 1
    rating = np.clip(np.round(3 + (users[user] * items[item]).sum(axis=1)), 1, 5)
    return {"user": user.astype(np.int32), "item": item.astype(np.int32)}, rating


def signature_of() -> Signature:
    return Signature(
        data_type="ratings", task="recommendation", raw=(),
        rows=dict(zip(("train", "validation", "test"), SIZES, strict=True)),
        inputs={name: TensorSpec(shape=(), dtype="int32") for name in ("user", "item")},
        target=Target(name="rating", mean=3.0, scale=1.2),
        details={"users": USERS, "items": ITEMS, "low": 1.0, "high": 5.0, "step": 1.0, "user_word": "viewer",
                 "item_word": "film", "features": []},
    )  # fmt: skip


@pytest.fixture
def judged(run, tmp_path, taste):
    """Fit a small factorisation and let it be judged."""
    from datasets import Prepared

    x, rating = taste
    encoding = {"users": [f"u{n}" for n in range(1, USERS + 1)], "items": [f"f{n}" for n in range(1, ITEMS + 1)]}
    prepared = Prepared(tmp_path / "data", signature_of(), encoding)
    prepared.save(parts_of(x, ((rating - 3.0) / 1.2).astype(np.float32)[:, None], SIZES))
    keras.utils.set_random_seed(1)
    plan = matrix_factorization.build(prepared.signature, matrix_factorization.Config(factors=4))
    plan.core.compile("adam", "mse")
    plan.core.optimizer.learning_rate = 0.02
    train = prepared.part("train")
    plan.core.fit(
        {name: np.asarray(array) for name, array in train.x.items()}, np.asarray(train.y), epochs=30, verbose=0
    )
    asked = Asked(run, run.recipe, None, prepared, plan)  # ty: ignore[invalid-argument-type]
    return asked, report.make(asked, [])


def test_the_report_stands_against_honest_yardsticks(judged):
    _, told = judged
    assert [entry["name"] for entry in told["baselines"]] == [
        "mean", "mean of the user", "mean of the item", "levels of user and item",
    ]  # fmt: skip
    assert told["headline"]["metric"] == "rmse"
    assert told["headline"]["better"] == "down"
    assert told["headline"]["low"] < told["metrics"]["rmse"] < told["headline"]["high"]
    assert told["metrics"]["rmse"] < told["headline"]["baseline_value"]
    assert told["metrics"]["order"] > 0.6
    assert told["panels"][0]["kind"] == "nearest"
    assert told["sentences"][0].startswith("60 ratings that it had never seen: off by ")


def test_the_mean_of_few_ratings_is_drawn_to_the_mean_of_all():
    train = Pairs(np.array([1, 1, 1, 1, 1, 2]), np.array([1, 2, 3, 4, 5, 1]), np.array([5.0, 5, 5, 5, 5, 1]))
    asked = Pairs(np.array([1, 2, 9]), np.array([1, 1, 9]), np.zeros(3))
    told = _ranking.yardsticks(train, asked)
    mean = 26 / 6
    assert told["mean"].tolist() == pytest.approx([mean] * 3)
    assert told["mean of the user"].tolist() == pytest.approx([mean + 5 * (5 - mean) / 10, mean + (1 - mean) / 6, mean])


def test_order_counts_pairs_of_one_user_only():
    asked = Pairs(np.array([1, 1, 1, 2, 2]), np.arange(5), np.array([1.0, 2, 2, 5, 1]))
    assert _ranking.order(asked, np.array([0.0, 1, 2, 9, 3])) == 1.0
    assert _ranking.order(asked, np.array([0.0, 0, 2, 3, 9])) == pytest.approx(1.5 / 3)
    assert _ranking.order(Pairs(np.array([1, 2]), np.arange(2), np.array([1.0, 5])), np.zeros(2)) is None


def test_a_list_holds_what_the_user_has_not_rated():
    """Of ten best unseen items two are hidden favourites: precision 0.2, both are found."""
    train = Pairs(np.ones(3, int), np.array([1, 2, 3]), np.array([5.0, 5, 5]))
    test = Pairs(np.ones(3, int), np.array([4, 5, 6]), np.array([5.0, 4, 1]))
    told = _ranking.lists(train, test, 20, 4.0, 1, lambda _, items: -items.astype(float))
    assert (told["precision_at_10"], told["recall_at_10"], told["users"]) == (0.2, 1.0, 1)


def test_somebody_new_with_old_tastes_is_recognised():
    """Who rates like a known person gets that person's vector back, nearly; who rates little stays near the average."""
    random = np.random.default_rng(3)
    users, items = random.normal(size=(200, 3)), random.normal(size=(40, 3))
    people = Newcomers.read(Newcomers.among(users[:, 0], users[:, 1:], 0.01).plain())
    someone = np.array([0.5, 1.5, -1.0])
    ratings = someone[0] + items[:, 0] + items[:, 1:] @ someone[1:]
    assert people.of(items[:, 0], items[:, 1:], ratings) == pytest.approx(someone, abs=0.05)
    middle = people.of(items[:1, 0], items[:1, 1:], ratings[:1])
    assert np.linalg.norm(middle - people.middle) < np.linalg.norm(someone - people.middle)


def test_own_ratings_become_a_list(judged):
    asked, _ = judged
    model = asked.blueprint.deliverables["items"].model
    replying = Replying(asked.run, asked.prepared, {"ratings": {"f1": 5, "f2": 1, "unknown": 3}}, lambda _: model)
    told = recommendation.reply(replying)
    values = [each["value"] for each in told["items"]]
    assert told["rated"] == 2
    assert len(values) == 12
    assert values == sorted(values, reverse=True)
    assert not {"f1", "f2"} & {each["name"] for each in told["items"]}


def test_no_rating_is_refused_in_words(judged):
    asked, _ = judged
    replying = Replying(asked.run, asked.prepared, {"ratings": {}}, lambda _: None)
    with pytest.raises(Refusal) as refusal:
        recommendation.reply(replying)
    assert str(refusal.value) == "Rate at least one film first."
