"""Tables: kinds by stated rules, findings in words, an honest split, and one encoding with two equal readers."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from datasets import DataSet, Prepared, tabular
from recipes import Data, Refusal, keras


def quiet(share: float, words: str) -> None:
    assert 0 <= share <= 1
    assert words


def dataset_of(frame: pd.DataFrame, folder: Path, **config) -> DataSet:
    file = folder / "table.csv"
    frame.to_csv(file, index=False)
    return tabular.read(file, tabular.Config(**config), folder / "data set", quiet)


def prepared_of(dataset: DataSet, seed: int = 1, **data: Any) -> Prepared:
    return tabular.prepare(dataset, Data(file="table.csv", **data), seed, dataset.folder / f"prepared {seed}", quiet)


def kinds(dataset: DataSet) -> dict[str, str]:
    return {column.name: column.kind for column in dataset.schema.columns}


def finding(dataset: DataSet, code: str, **data):
    return next(found for found in tabular.check(dataset, Data(file="table.csv", **data)) if found.code == code)


def people(rows: int = 120) -> pd.DataFrame:
    """Make a table with every kind of column, missing cells and a heavy tail."""
    random = np.random.default_rng(7)
    words = [
        "the", "parcel", "came", "late", "and", "was", "broken", "but", "a", "kind", "man", "helped", "me,", "it's",
        "fine", "École", "Zürich",
    ]  # fmt: skip
    frame = pd.DataFrame(
        {
            "person id": [f"P{number * 7:05d}" for number in range(rows)],
            "age": random.integers(18, 80, rows).astype(float),
            "income/year": np.exp(random.normal(9, 2.5, rows)).round(2),
            "Größe in m": random.normal(1.7, 0.1, rows).round(2),
            "smoker": random.choice(["true", "false"], rows),
            "town": random.choice(["Köln", "Zürich", "東京", "New York", "[UNK]"], rows),
            "since": [f"2020-{1 + number % 12:02d}-{1 + number % 28:02d}" for number in range(rows)],
            "seen": [f"2021-01-{1 + number % 28:02d} {number % 24:02d}:30:00" for number in range(rows)],
            "letter": [" ".join(random.choice(words, 8)) + f" no{number}" for number in range(rows)],
            "planet": "Earth",
            "where": random.choice(["left", "right"], rows),
        }
    )
    frame.loc[::6, "age"] = np.nan
    frame.loc[::7, "town"] = None
    frame.loc[::8, "since"] = None
    frame.loc[::9, "smoker"] = None
    frame.loc[::10, "letter"] = None
    frame["bought"] = np.where(frame["Größe in m"] + random.normal(0, 0.05, rows) > 1.7, "yes", "no")
    return frame


def test_finds_kinds_by_the_stated_rules(tmp_path):
    dataset = dataset_of(people(), tmp_path)
    assert kinds(dataset) == {
        "person id": "ignore", "age": "number", "income/year": "number", "Größe in m": "number", "smoker": "boolean",
        "town": "category", "since": "date", "seen": "date", "letter": "text", "planet": "ignore", "where": "category",
        "bought": "category",
    }  # fmt: skip
    assert dataset.schema.column("person id").reason == "every row has its own value, like a name or an id"
    assert dataset.schema.column("planet").reason == "every cell is the same (Earth)"
    assert (dataset.schema.target, dataset.schema.task) == ("bought", "classification")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([0, 1] * 10, "number"),
        (["yes", "no"] * 10, "category"),
        (["True", "False"] * 10, "boolean"),
        (range(100, 120), "ignore"),
        ([number * number for number in range(20)], "number"),
        ([f"{number}.5" for number in range(20)], "number"),
        (["a", "b", "1", "2"] * 5, "category"),
        (["oops", *range(100, 400, 7)], "number"),
        (["31.12.2020", "01.02.2021"] * 10, "date"),
        (["12/31/2020", "02/01/2021"] * 10, "date"),
        (["3 Feb 2020", "14 Mar 2021"] * 10, "date"),
        ([f"Name{number} Of{number % 7} Person" for number in range(20)], "ignore"),
        ([f"we waited {number} hours for the train" for number in range(20)], "text"),
        ([None] * 20, "ignore"),
        (["red", "green", "blue", "red"] * 5, "category"),
    ],
)
def test_a_column_is_what_its_cells_are(tmp_path, cells, kind):
    cells = list(cells)
    frame = pd.DataFrame({"column": cells, "other": np.arange(len(cells)) ** 2 % 7})
    frame["y"] = np.where(frame.index % 2, "a", "b")
    assert kinds(dataset_of(frame, tmp_path))["column"] == kind


def test_numbers_that_differ_in_each_row_are_an_id_only_by_name(tmp_path):
    numbers = np.arange(30) ** 2
    frame = pd.DataFrame({"customerId": numbers, "area": numbers, "y": ["a", "b"] * 15})
    assert kinds(dataset_of(frame, tmp_path)) == {"customerId": "ignore", "area": "number", "y": "category"}


def test_running_numbers_serve_where_nothing_else_is_left(tmp_path):
    dataset = dataset_of(pd.DataFrame({"x": range(100), "y": np.arange(100) * 2.5}), tmp_path)
    assert kinds(dataset)["x"] == "number"
    assert prepared_of(dataset).signature.task == "regression"


def test_kinds_can_be_overruled_when_reading_and_in_the_recipe(tmp_path):
    frame = pd.DataFrame({"code": [1, 2, 3] * 10, "note": ["a", "b", "7"] * 10, "y": ["a", "b"] * 15})
    assert kinds(dataset_of(frame, tmp_path, columns={"code": "category"}))["code"] == "category"
    dataset = dataset_of(frame, tmp_path)
    prepared = prepared_of(dataset, target="y", columns={"code": "category", "note": "ignore"})
    assert [(column.name, column.kind, column.choices) for column in prepared.signature.raw] == [
        ("code", "category", ("1", "2", "3"))
    ]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"columns": {"word": "number"}},
         ("Column 'word' cannot be read as numbers: none of its cells is one. "
          "Choose 'category' or 'text' for it.")),
        ({"columns": {"word": "date"}},
         "Column 'word' cannot be read as dates: its cells are no dates. Choose 'category' or 'text' for it."),
        ({"columns": {"wrd": "text"}}, "There is no column 'wrd'. Did you mean 'word'? Available: n, word, y."),
        ({"target": "z"}, "There is no column 'z'. Available: n, word, y."),
        ({"target": "word", "task": "regression"},
         ("Column 'word' does not hold numbers, so no number can be predicted. "
          "Choose the task 'classification', or another target.")),
        ({"columns": {"word": "picture"}},
         ("`data.columns.word` must be one of 'number', 'category', 'boolean', 'date', 'text' or 'ignore', "
          "but got 'picture'.")),
    ],
)  # fmt: skip
def test_refuses_impossible_kinds_and_unknown_columns(tmp_path, settings, sentence):
    frame = pd.DataFrame({"word": ["a", "b"] * 10, "n": np.arange(20) ** 2, "y": ["c", "d"] * 10})
    dataset = dataset_of(frame, tmp_path)
    with pytest.raises(Refusal) as refusal:
        prepared_of(dataset, **settings)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("columns", "target", "task"),
    [
        ({"survived": [0, 1], "age": [3.5, 4]}, "survived", "classification"),
        ({"a": [1.5, 2], "price": [3.25, 4, 7, 8], "town": ["x", "y"]}, "price", "regression"),
        ({"a": [1.5, 2], "b": ["x", "y"]}, "b", "classification"),
        ({"Species": ["x", "y"], "b": [1.5, 2]}, "Species", "classification"),
        ({"a": [1.5, 2, 3, 4], "grade": [1, 2, 3, 4]}, "grade", "classification"),
        ({"a": [1.5, 2], "z": [float(number) * 1.37 for number in range(2)]}, "z", "classification"),
    ],
)
def test_proposes_target_and_task(tmp_path, columns, target, task):
    frame = pd.DataFrame({name: cells * (40 // len(cells)) for name, cells in columns.items()})
    schema = dataset_of(frame, tmp_path).schema
    assert (schema.target, schema.task) == (target, task)


def test_many_different_numbers_are_a_regression(tmp_path):
    frame = pd.DataFrame({"a": ["x", "y"] * 30, "n": np.arange(60) ** 2})
    schema = dataset_of(frame, tmp_path).schema
    assert (schema.target, schema.task) == ("n", "regression")


def test_prepares_one_standardised_matrix_fitted_on_the_training_part_alone(tmp_path):
    dataset = dataset_of(people(), tmp_path)
    prepared = prepared_of(dataset)
    train = prepared.part("train")
    assert prepared.signature.inputs["features"].shape == (train.x["features"].shape[1],)
    assert train.x["features"].dtype == np.float32
    assert train.y.dtype == np.int32
    place = prepared.encoding["features"].index("Größe in m")
    assert abs(float(train.x["features"][:, place].mean())) < 1e-5
    assert float(train.x["features"][:, place].std()) == pytest.approx(1, abs=1e-4)
    assert abs(float(prepared.part("test").x["features"][:, place].mean())) > 1e-4
    assert "age is missing" in prepared.encoding["features"]
    assert [column["log"] for column in prepared.encoding["numbers"] if column["name"] == "income/year"] == [True]
    assert "letter has 'parcel'" in prepared.encoding["features"]
    assert prepared.signature.class_counts == tuple(np.bincount(train.y))
    rows = np.concatenate([prepared.part(name).rows for name in ("train", "validation", "test")])
    assert sorted(rows) == list(range(120))


def test_the_same_seed_gives_the_same_arrays(tmp_path):
    dataset = dataset_of(people(), tmp_path)
    once = np.array(prepared_of(dataset).part("train").x["features"])
    again = prepared_of(dataset)
    assert (once == again.part("train").x["features"]).all()
    assert (prepared_of(dataset, seed=2).part("test").rows != again.part("test").rows).any()


def test_classes_that_are_numbers_are_sorted_as_numbers(tmp_path):
    frame = pd.DataFrame({"x": np.random.default_rng(1).normal(size=60), "y": [2, 10, 1] * 20})
    assert prepared_of(dataset_of(frame, tmp_path), target="y").signature.target.classes == ("1", "2", "10")


def test_regression_learns_the_standardised_target(tmp_path):
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"x": random.normal(size=200), "price": random.normal(1000, 50, 200)})
    prepared = prepared_of(dataset_of(frame, tmp_path))
    target, part = prepared.signature.target, prepared.part("validation")
    assert (prepared.signature.task, part.y.shape[1:], part.y.dtype) == ("regression", (1,), np.float32)
    assert np.allclose(part.y[:, 0] * target.scale + target.mean, frame["price"].to_numpy()[part.rows], rtol=1e-6)


def test_rows_without_a_target_are_dropped_and_it_is_said(tmp_path):
    frame = people()
    frame.loc[:9, "bought"] = None
    dataset = dataset_of(frame, tmp_path)
    found = finding(dataset, "target_missing")
    assert (found.severity, found.sentence, found.cure) == (
        "notice",
        "The target 'bought' is empty in 10 of 120 rows (8%).",
        "Nothing to do: these rows are left out.",
    )
    prepared = prepared_of(dataset)
    assert sum(prepared.signature.rows.values()) == 110
    assert min(prepared.part("train").rows) >= 10


def test_at_most_fifty_values_of_a_category_are_kept(tmp_path):
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"street": [f"s{number}" for number in random.integers(0, 90, 900)], "y": ["a", "b", "b"] * 300}
    )
    dataset = dataset_of(frame, tmp_path)
    assert len(prepared_of(dataset).signature.raw[0].choices) == 50
    assert finding(dataset, "many_categories").sentence == "Column 'street' has 90 different values."


def test_both_readers_of_the_encoding_agree_on_every_row(tmp_path):
    frame = people(300)
    frame.loc[3, "income/year"] = np.inf
    dataset = dataset_of(frame, tmp_path)
    prepared = prepared_of(dataset)
    signature = prepared.signature
    inputs, ready = tabular.layers_of(signature, prepared.encoding)
    assert list(inputs) == [column.name for column in signature.raw]
    with warnings.catch_warnings():  # Keras cannot call an input `income/year`, though the key is kept
        warnings.simplefilter("ignore", UserWarning)
        keras.Model(inputs, ready).save(tmp_path / "encoding.keras")
        model = keras.saving.load_model(tmp_path / "encoding.keras")
    for name in ("train", "validation", "test"):
        part = prepared.part(name)
        raw = tabular.raw(dataset, signature, part.rows.tolist())
        batch = {key: np.concatenate([row[key] for row in raw]) for key in raw[0]}
        answer = np.asarray(model(batch)["features"])
        assert np.allclose(answer, part.x["features"], rtol=1e-6, atol=1e-6)
    unseen = tabular.parse(signature, {"town": "Atlantis", "letter": "unheard words", "since": "31.12.1999"})
    answer = dict(zip(prepared.encoding["features"], np.asarray(model(unseen)["features"])[0], strict=True))
    assert (answer["town = (other)"], answer["town = Köln"], answer["letter has '(other words)'"]) == (1, 0, 1)
    assert (answer["age"], answer["age is missing"]) == (0, 1)


def test_columns_named_like_keras_operations_do_no_harm(tmp_path):
    random = np.random.default_rng(2)
    names = ["where", "sign", "concatenate", "dense", "isfinite", "string_lookup_1", "training", "a.b", "x" * 300]
    frame = pd.DataFrame({name: random.normal(size=60) for name in names} | {"y": ["a", "b"] * 30})
    dataset = dataset_of(frame, tmp_path)
    prepared = prepared_of(dataset)
    inputs, ready = tabular.layers_of(prepared.signature, prepared.encoding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        keras.Model(inputs, ready).save(tmp_path / "encoding.keras")
        model = keras.saving.load_model(tmp_path / "encoding.keras")
    row = tabular.raw(dataset, prepared.signature, prepared.part("test").rows[:1].tolist())[0]
    assert np.allclose(model(row)["features"], prepared.part("test").x["features"][:1], atol=1e-6)


def test_a_form_is_read_as_people_type(tmp_path):
    signature = prepared_of(dataset_of(people(), tmp_path)).signature
    row = tabular.parse(
        signature, {"age": "1,5", "smoker": "yes", "since": "1970-01-11", "town": "Köln", "bought": "x"}
    )
    assert row["age"].tolist() == [[1.5]]
    assert row["smoker"].tolist() == [[1.0]]
    assert row["since"].tolist() == [[10.0]]
    assert row["town"].tolist() == [["Köln"]]
    assert row["letter"].tolist() == [[""]]
    assert np.isnan(row["Größe in m"]).all()
    assert "bought" not in row
    with pytest.raises(Refusal) as refusal:
        tabular.parse(signature, {"smoker": "perhaps"})
    assert str(refusal.value) == (
        "'perhaps' is neither true nor false for 'smoker'. Type true or false, or leave it empty."
    )
    with pytest.raises(Refusal) as refusal:
        tabular.parse(signature, {"since": "soon"})
    assert str(refusal.value) == "'soon' is not a date for 'since'. Type it as 2024-12-31, or leave it empty."
    with pytest.raises(Refusal, match=r"^'old' is not a number for 'age'\. Type one such as \d+, or leave it empty\.$"):
        tabular.parse(signature, {"age": "old"})


def test_the_signature_tells_a_form_what_to_ask_for(tmp_path):
    raw = {column.name: column for column in prepared_of(dataset_of(people(), tmp_path)).signature.raw}
    assert raw["smoker"].kind == "boolean"
    assert raw["town"].choices == ("Köln", "New York", "Zürich", "東京")
    assert raw["town"].dtype == "string"
    assert raw["age"].minimum is not None
    assert raw["age"].minimum >= 18
    assert raw["since"].description.startswith("A date; the training rows lie between 2020-0")


@pytest.mark.parametrize(
    ("frame", "data", "sentence"),
    [
        (pd.DataFrame({"x": [1.5, 2, 4, 8, 7], "y": ["a", "b", "a", "b", "a"]}), {"target": "y"},
         "Only 5 rows can be used, but at least 10 are needed. Add rows."),
        (pd.DataFrame({"x": np.arange(20) ** 2, "y": ["yes"] * 20}), {"target": "y"},
         ("Only one class 'yes' in column 'y': the model has nothing to tell apart. Choose another target, or add "
          "rows of another class.")),
        (pd.DataFrame({"x": np.arange(20) ** 2, "y": ["cat"] * 10 + ["dog"] * 9 + ["owl"]}), {"target": "y"},
         ("Class 'owl' has only 1 row. Each class needs at least 3, so that training, validation and test each get "
          "one: add rows to it, or set 'Rare classes' to 'leave out'.")),
        (pd.DataFrame({"x": ["same"] * 20, "y": ["a", "b"] * 10}), {"target": "y"},
         "No column is left to learn from. Choose a kind other than 'ignore' for one of: x."),
        (pd.DataFrame({"x": np.arange(40) ** 2, "y": [f"w{number}" for number in range(40)]}), {"target": "y"},
         ("Column 'y' has 40 different values in 40 rows: too many to be classes. Choose another target, or the "
          "task 'regression' if it holds numbers.")),
        (pd.DataFrame({"x": np.arange(20) ** 2, "y": [3] * 20}), {"target": "y", "task": "regression"},
         "Column 'y' holds the same number in every row. Choose another target."),
    ],
)  # fmt: skip
def test_refuses_what_cannot_be_learned_and_the_check_says_the_same(tmp_path, frame, data, sentence):
    dataset = dataset_of(frame, tmp_path)
    with pytest.raises(Refusal) as refusal:
        prepared_of(dataset, **data)
    assert str(refusal.value) == sentence
    problem = tabular.check(dataset, Data(file="table.csv", **data))[0]
    assert (problem.severity, f"{problem.sentence} {problem.cure}") == ("problem", sentence)


def test_rare_classes_can_be_left_out(tmp_path):
    frame = pd.DataFrame({"x": np.arange(41) ** 2, "y": ["cat"] * 20 + ["dog"] * 20 + ["owl"]})
    dataset = dataset_of(frame, tmp_path)
    prepared = prepared_of(dataset, rare_classes="leave out")
    assert prepared.signature.target.classes == ("cat", "dog")
    found = finding(dataset, "rare_classes", rare_classes="leave out")
    assert (found.severity, found.sentence) == ("warning", "Class 'owl' has only 1 row and is left out.")


def test_every_check_answers(tmp_path):
    codes = {found.code for found in tabular.check(dataset_of(people(), tmp_path), Data(file="table.csv"))}
    assert codes == {
        "rows", "target_missing", "rare_classes", "imbalance", "missing_values", "constant_columns", "id_columns",
        "near_constant", "similar_columns", "duplicate_rows", "leakage", "infinite_values", "outliers",
        "many_categories", "mixed_types",
    }  # fmt: skip


def test_findings_speak_with_numbers(tmp_path):
    random = np.random.default_rng(11)
    frame = pd.DataFrame({"a": random.normal(size=200), "b": random.normal(size=200)})
    frame["twice a"] = frame["a"] * 2
    frame["mostly"] = [1] + [0] * 199
    frame["price"] = random.integers(10, 99, 200).astype(str)
    frame.loc[[3, 9], "price"] = ["free", "gift"]
    frame["label"] = np.where(frame["a"] > 1.3, "yes", "no")
    frame.loc[5, "b"] = 1e6
    frame = pd.concat([frame, frame[:4]])
    dataset = dataset_of(frame, tmp_path)
    sentences = {
        "similar_columns": "Columns 'a' and 'twice a' say nearly the same.",
        "near_constant": "Column 'mostly' is the same in 99.0% of its rows.",
        "mixed_types": "Column 'price': 3 values are not numbers ('free', 'gift', 'free').",
        "leakage": "Column 'a' alone nearly gives 'label' away.",
        "duplicate_rows": "4 rows of 204 are copies of another row.",
        "outliers": "Column 'b' has 1 row far from all others, such as 1e+06.",
    }
    assert {code: finding(dataset, code, target="label").sentence for code in sentences} == sentences
    assert finding(dataset, "duplicate_rows", target="label").rows == (200, 201, 202, 203)


def test_copies_of_a_row_stay_in_one_part(tmp_path):
    frame = people(100)
    frame = pd.concat([frame, frame[:5]])
    prepared = prepared_of(dataset_of(frame, tmp_path))
    part_of = {int(row): name for name in ("train", "validation", "test") for row in prepared.part(name).rows}
    assert all(part_of[row] == part_of[100 + row] for row in range(5))


@pytest.mark.parametrize("sample", tabular.samples(), ids=lambda sample: sample.name)
def test_every_sample_loads_and_prepares(tmp_path, sample):
    dataset = tabular.load_sample(sample.name, tmp_path / "data set")
    assert DataSet.open(dataset.folder) == dataset
    assert (dataset.schema.rows, dataset.schema.target, dataset.schema.task) == (
        sample.rows,
        sample.target,
        sample.task,
    )
    data = Data(sample=sample.name)
    grave = {found.code for found in tabular.check(dataset, data) if found.severity in {"problem", "warning"}}
    assert grave == ({"imbalance"} if sample.name == "fraud" else set())
    prepared = tabular.prepare(dataset, data, 1, tmp_path / "prepared", quiet)
    assert np.isfinite(prepared.part("train").x["features"]).all()


def test_the_names_on_the_titanic_are_not_learned(tmp_path):
    dataset = tabular.load_sample("titanic", tmp_path)
    assert dataset.schema.column("name").kind == "ignore"
    assert dataset.schema.column("name").reason == ("nearly every row has its own value (1,310 of 1,313), like a name")


def test_tables_need_no_keras(tmp_path):
    code = (
        "import sys; from pathlib import Path; from datasets import tabular; from recipes import Data; "
        f"d = tabular.load_sample('penguins', Path({str(tmp_path)!r})); tabular.check(d, Data(sample='penguins')); "
        "sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0


def test_redrawing_keeps_the_label_aside_and_names_the_odd_class(tmp_path):
    """Nothing is predicted: the column of classes only judges afterwards, and the model never sees it."""
    frame = people(200)
    frame["bought"] = np.where(np.arange(200) % 20, "usual", "odd")
    dataset = dataset_of(frame, tmp_path)
    prepared = prepared_of(dataset, task="reconstruction")
    assert prepared.signature.details == {"classes": ["odd", "usual"], "anomalies": [0]}
    assert (prepared.signature.target.name, prepared.signature.target.classes) == ("row", ())
    assert "bought" not in {column.name for column in prepared.signature.raw}
    assert [int((prepared.part(name).y == 0).sum()) for name in ("train", "validation", "test")] == [6, 2, 2]
    assert tabular.classes(dataset, Data(file="table.csv", task="reconstruction")) == {}


def test_a_class_held_out_is_only_in_the_test_part(tmp_path):
    prepared = prepared_of(dataset_of(people(), tmp_path), task="reconstruction", hold_out="yes")
    assert prepared.signature.details == {"classes": ["no", "yes"], "anomalies": [1]}
    assert [set(prepared.part(name).y.tolist()) for name in ("train", "validation", "test")] == [{0}, {0}, {0, 1}]
    assert sum(prepared.signature.rows.values()) == 120


def test_redrawing_needs_no_label(tmp_path):
    """A column of numbers that looks like the target is a column like the others."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame({"width": random.normal(size=60), "price": random.normal(size=60)})
    prepared = prepared_of(dataset_of(frame, tmp_path), task="reconstruction")
    assert prepared.encoding["features"] == ["width", "price"]
    assert prepared.signature.details == {"classes": [], "anomalies": []}
    assert not prepared.part("train").y.any()


def test_only_redrawing_holds_out_a_class(tmp_path):
    dataset = dataset_of(people(), tmp_path)
    with pytest.raises(Refusal) as refusal:
        prepared_of(dataset, hold_out="yes")
    told = "Only redrawing (`data.task: reconstruction`) can hold out a class. Leave `data.hold_out` empty."
    assert str(refusal.value) == told
    with pytest.raises(Refusal) as refusal:
        prepared_of(dataset, task="reconstruction", hold_out="maybe")
    assert str(refusal.value) == "There is no class 'maybe'. Available: no, yes."


def test_fraud_is_rare_and_always_the_same(tmp_path):
    """The bar of a sample stands only while its rows stand."""
    dataset = tabular.load_sample("fraud", tmp_path / "fraud")
    assert dataset.schema.classes == {"no": 19_760, "yes": 240}
    assert dataset.schema.column("new_device").kind == "boolean"
    assert dataset.schema.details["generator"] == "fraud 1"
    assert dataset.schema.details["sha256"] == "c640c1323a15d6303678808a5c0a062431e1b153901c1bbf16c818c6b2cf09c7"
