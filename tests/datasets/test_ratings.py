"""Ratings: found by their columns, joined with what is known of the items, split so that every test pair is new."""

import zipfile

import numpy as np
import pandas as pd
import pytest

import datasets
from datasets import DataSet, Prepared, ratings
from recipes import Data, Refusal, keras


def quiet(share: float, words: str) -> None:
    assert 0 <= share <= 1
    assert words


def table(users: int = 12, items: int = 9, seed: int = 1) -> pd.DataFrame:
    """Let every user rate two thirds of the items."""
    random = np.random.default_rng(seed)
    rows = [
        (f"u{user}", f"i{item}", int(random.integers(1, 6)))
        for user in range(users)
        for item in random.choice(items, 2 * items // 3, replace=False)
    ]
    return pd.DataFrame(rows, columns=["userId", "movieId", "rating"])


def dataset_of(frame: pd.DataFrame, folder, **config) -> DataSet:
    file = folder / "stars.csv"
    frame.to_csv(file, index=False)
    return ratings.read(file, ratings.Config(**config), folder / "data set", quiet)


def prepared_of(dataset: DataSet, seed: int = 1, **data) -> Prepared:
    folder = dataset.folder / f"prepared {seed}"
    return ratings.prepare(dataset, Data(file="stars.csv", type="ratings", **data), seed, folder, quiet)


def refusal_of(frame, folder, **config) -> str:
    with pytest.raises(Refusal) as refusal:
        dataset_of(frame, folder, **config)
    return str(refusal.value)


def test_finds_user_item_and_rating_by_their_names(tmp_path):
    frame = table().rename(columns={"userId": "reader", "movieId": "Book-Title", "rating": "Stars"})
    dataset = dataset_of(frame, tmp_path)
    assert (dataset.schema.details["user"], dataset.schema.details["item"]) == ("reader", "Book-Title")
    assert (dataset.schema.target, dataset.schema.task, dataset.schema.rows) == ("Stars", "recommendation", 72)
    assert DataSet.open(dataset.folder) == dataset


def test_columns_without_telling_names_are_asked_for(tmp_path):
    frame = table().rename(columns={"userId": "a", "movieId": "b", "rating": "c"})
    assert refusal_of(frame, tmp_path) == (
        "Which columns hold the user, the item and the rating? None of a, b, c say so. Name them user, item and "
        "rating, or choose them under 'more settings'."
    )
    dataset = dataset_of(frame, tmp_path, user_column="a", item_column="b", rating_column="c")
    assert dataset.schema.target == "c"
    assert refusal_of(frame, tmp_path, user_column="z") == "There is no column 'z'. Available: a, b, c."


def test_the_last_of_two_ratings_counts_and_broken_rows_are_told(tmp_path):
    frame = pd.concat(
        [table(), pd.DataFrame([("u0", "i0", 1), ("u0", "i0", 5)], columns=["userId", "movieId", "rating"])]
    )
    frame = frame.astype({"rating": object})
    frame.loc[len(frame)] = ["u1", "i1", None]
    dataset = dataset_of(frame, tmp_path)
    assert "1 row without a user, an item or a number as rating left out." in dataset.schema.notes
    assert any(note.endswith("given again for the same item; the last one counts.") for note in dataset.schema.notes)
    told = [
        row
        for row in ratings.preview(dataset, range(dataset.schema.rows))
        if (row["userId"], row["movieId"]) == ("u0", "i0")
    ]
    assert told == [{"userId": "u0", "movieId": "i0", "rating": 5}]


def test_no_number_among_the_ratings_is_refused(tmp_path):
    frame = table().assign(rating="good")
    assert refusal_of(frame, tmp_path) == (
        "Column 'rating' cannot be read as numbers: none of its cells is one. Choose 'category' or 'text' for it."
    )


def test_a_zip_joins_titles_and_genres(tmp_path):
    """The usual pair of files: ratings by number, and a table that says which film a number is."""
    films = pd.DataFrame({"movieId": [f"i{n}" for n in range(9)], "title": [f"Film {n}" for n in range(9)],
                          "genres": ["Drama|War", "Comedy", "Drama"] * 3})  # fmt: skip
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.writestr("data/ratings.csv", table().to_csv(index=False))
        archive.writestr("data/movies.csv", films.to_csv(index=False))
    assert datasets.type_of(tmp_path / "films.zip") == "ratings"
    dataset = ratings.read(tmp_path / "films.zip", ratings.Config(), tmp_path / "data set", quiet)
    assert dataset.schema.notes == ("What is known of each movieId was taken from 'movies.csv'.",)
    prepared = prepared_of(dataset)
    assert set(prepared.encoding["items"]) == {f"Film {n}" for n in range(9)}
    assert prepared.signature.details["features"] == ["genres: Drama", "genres: Comedy", "genres: War"]
    row = prepared.encoding["items"].index("Film 0") + 1
    assert prepared.encoding["features"]["table"][row] == [0.5, 0.0, 0.5]


def test_a_table_with_user_item_and_rating_is_taken_for_ratings(tmp_path):
    table().to_csv(tmp_path / "stars.csv", index=False)
    pd.DataFrame({"age": range(30), "income": range(30), "rating": range(30)}).to_csv(
        tmp_path / "people.csv", index=False
    )
    assert datasets.type_of(tmp_path / "stars.csv") == "ratings"
    assert datasets.type_of(tmp_path / "people.csv") == "tabular"


def test_every_test_pair_is_new_and_its_user_known(tmp_path):
    prepared = prepared_of(dataset_of(table(40, 30), tmp_path))
    parts = {name: prepared.part(name) for name in ("train", "validation", "test")}
    rows = np.concatenate([np.asarray(part.rows) for part in parts.values()])
    assert sorted(rows.tolist()) == list(range(800))
    pairs = {
        name: set(zip(part.x["user"].tolist(), part.x["item"].tolist(), strict=True)) for name, part in parts.items()
    }
    assert not pairs["train"] & pairs["test"]
    assert set(parts["train"].x["user"].tolist()) >= set(parts["test"].x["user"].tolist())
    assert 0.17 < len(rows[np.isin(rows, parts["test"].rows)]) / 800 < 0.23
    assert abs(float(parts["train"].y.mean())) < 1e-5


def test_the_same_seed_gives_the_same_split(tmp_path):
    dataset = dataset_of(table(), tmp_path)
    first, second, other = (prepared_of(dataset, seed).part("test").rows.tolist() for seed in (1, 1, 2))
    assert first == second != other


def test_a_user_with_two_ratings_serves_training_alone(tmp_path):
    frame = pd.concat(
        [table(), pd.DataFrame([("new", "i0", 4), ("new", "i1", 3)], columns=["userId", "movieId", "rating"])]
    )
    prepared = prepared_of(dataset_of(frame, tmp_path))
    number = prepared.encoding["users"].index("new") + 1
    assert [int((prepared.part(name).x["user"] == number).sum()) for name in ("train", "validation", "test")] == [
        2,
        0,
        0,
    ]


def test_both_readers_of_the_encoding_agree(tmp_path):
    """The numbers that were prepared are those that the download finds for the names."""
    frame = table().assign(genre=lambda told: np.where(told["movieId"] > "i4", "War", "Love"))
    dataset = dataset_of(frame, tmp_path)
    prepared = prepared_of(dataset)
    inputs, ready = ratings.layers_of(prepared.signature, prepared.encoding)
    model = keras.Model(inputs, ready)
    part = prepared.part("test")
    for place, row in enumerate(ratings.raw(dataset, prepared.signature, part.rows.tolist())):
        told = model({name: keras.ops.convert_to_tensor(cells.astype(str)) for name, cells in row.items()})
        for name in prepared.signature.inputs:
            np.testing.assert_allclose(told[name][0], part.x[name][place], atol=1e-6)
    new = ratings.parse(prepared.signature, {"item": "never seen"})
    told = model({name: keras.ops.convert_to_tensor(cells.astype(str)) for name, cells in new.items()})
    assert (int(told["user"][0]), int(told["item"][0])) == (0, 0)


def test_every_check_answers(tmp_path):
    found = ratings.check(dataset_of(table(), tmp_path), Data(file="stars.csv", type="ratings"))
    assert [finding.code for finding in found] == [
        "ratings", "rating_spread", "short_users", "rare_items", "crowding", "about_items",
    ]  # fmt: skip
    assert found[0].sentence == "72 ratings by 12 users of 9 items: 66.7% of all pairs are known."


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (
            table().assign(rating=4),
            "Every rating is 4. There is nothing to learn: choose another rating column, or add ratings that differ.",
        ),
        (
            table(3, 3),
            (
                "6 ratings by 3 users of 3 items: 66.7% of all pairs are known. At least 30 ratings by 2 users of 2 "
                "items are needed. Add ratings."
            ),
        ),
        (
            pd.DataFrame({"user": [f"u{n}" for n in range(40)], "item": ["a", "b"] * 20, "rating": [1, 2, 3, 4] * 10}),
            "Hardly any user has 3 ratings or more, so none can be kept back. Add ratings per user.",
        ),
    ],
)  # fmt: skip
def test_refuses_what_cannot_be_learned(tmp_path, frame, sentence):
    dataset = dataset_of(frame, tmp_path)
    with pytest.raises(Refusal) as refusal:
        prepared_of(dataset)
    assert str(refusal.value) == sentence


def test_another_target_or_task_is_refused(tmp_path):
    dataset = dataset_of(table(), tmp_path)
    with pytest.raises(Refusal) as refusal:
        prepared_of(dataset, target="movieId")
    assert (
        str(refusal.value)
        == "What is learned here is the rating, `rating`, but got 'movieId'. Leave `data.target` out."
    )
    with pytest.raises(Refusal) as refusal:
        prepared_of(dataset, task="regression")
    assert str(refusal.value) == "Ratings serve recommendation, so `data.task` cannot be regression. Leave it out."


def test_the_simulated_viewers_are_always_the_same(tmp_path):
    """The bar of a sample stands only while its rows stand."""
    dataset = ratings.load_sample("films", tmp_path / "films")
    assert (dataset.schema.rows, dataset.schema.details["generator"]) == (29_791, "ratings 1")
    assert dataset.schema.details["sha256"] == "90b504ca66cbcab262ebc59eab77c0f6a06c384106fa73882a807ea52ef8b930"
    assert dataset.schema.details["about"] == ["genres", "year", "critics"]
    assert ratings.preview(dataset, [0])[0].keys() == {"viewer", "film", "rating", "genres", "year", "critics"}
