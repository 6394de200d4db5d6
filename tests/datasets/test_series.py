"""Series: every layout is read, times are mended, no window reaches over a border, findings and refusals in words."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets
from datasets import _made_sensor, series
from datasets._pack import path as packed
from datasets._series_mending import Series
from datasets._series_plan import find_season, trend
from datasets._series_time import Clock, Step, find_step, times_of
from datasets._series_transform import moved, restored
from recipes import Data, Refusal, keras, validate

DAYS = pd.date_range("2020-01-01", periods=200)
WEEKLY = 10 + 3 * np.sin(2 * np.pi * np.arange(200) / 7) + np.random.default_rng(1).normal(0, 0.1, 200)


def quiet(share: float, words: str) -> None:
    """Take progress and say nothing."""


def written(folder: Path, frame: pd.DataFrame, name: str = "file.csv") -> Path:
    file = folder / name
    frame.to_csv(file, index=False)
    return file


def read(file: Path, **settings) -> datasets.DataSet:
    return series.read(file, validate(series.Config, settings, "data"), file.parent / "read", quiet)


def prepared(dataset: datasets.DataSet, seed: int = 1, **settings) -> datasets.Prepared:
    data = Data(file="file", type="series", **settings)
    return series.prepare(dataset, data, seed, dataset.folder / "prepared", quiet)


def findings(dataset: datasets.DataSet, **settings) -> dict[str, tuple[str, str]]:
    data = Data(file="file", type="series", **settings)
    return {each.code: (each.severity, each.sentence) for each in series.check(dataset, data)}


def opened(dataset: datasets.DataSet) -> Series:
    return Series.open(dataset.folder, dataset.schema.details)


# --- times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "words", "season"),
    [
        (pd.date_range("2020-01-01", periods=20, freq="D").astype(str), "day", 7),
        (pd.date_range("2020-01-01", periods=20, freq="h").astype(str), "hour", 24),
        (pd.date_range("2020-01-01", periods=20, freq="15min").astype(str), "15 minutes", 96),
        (pd.period_range("1949-01", periods=20, freq="M").astype(str), "month", 12),
        ([f"{1950 + n // 4}Q{n % 4 + 1}" for n in range(20)], "quarter", 4),
        ([f"{month} {1990 + n}" for n in range(5) for month in ("Jan", "Apr", "Jul", "Oct")], "quarter", 4),
        (list(range(1900, 1920)), "year", 1),
    ],
)
def test_finds_the_step_of_every_kind_of_time(times, words, season, tmp_path):
    frame = pd.DataFrame({"year" if words == "year" else "time": times, "value": np.arange(20.0) % 7})
    step = opened(read(written(tmp_path, frame))).step
    assert (step.words, step.season) == (words, season)


def test_months_are_steps_of_the_calendar():
    """January to February is one step, as is February to March, although their days differ."""
    times = times_of(0.0, 4, Step(0.0, months=1))
    assert [str(np.datetime64(int(time), "s"))[:10] for time in times] == [
        "1970-01-01", "1970-02-01", "1970-03-01", "1970-04-01",
    ]  # fmt: skip
    assert find_step(Clock(times)) == Step(0.0, months=1)


def test_missing_steps_are_filled_and_told(tmp_path):
    frame = pd.DataFrame({"date": DAYS, "value": WEEKLY}).drop(index=[20, 21, 22, 90])
    dataset = read(written(tmp_path, frame))
    values = opened(dataset)
    assert dataset.schema.rows == 200
    assert np.flatnonzero(values.filled[:, 0]).tolist() == [20, 21, 22, 90]
    assert values.one(0)[90, 0] == pytest.approx((WEEKLY[89] + WEEKLY[91]) / 2)
    expected = "4 steps of 200 (2%) are missing; the longest gap is 3 steps, at 2020-01-21."
    assert findings(dataset)["gaps"] == ("notice", expected)


def test_rows_in_any_order_and_twice_are_put_right(tmp_path):
    frame = pd.DataFrame({"date": DAYS, "value": WEEKLY})
    frame = pd.concat([frame, frame.iloc[:3]]).sample(frac=1, random_state=1)
    dataset = read(written(tmp_path, frame))
    np.testing.assert_allclose(opened(dataset).one(0)[:, 0], WEEKLY)
    assert findings(dataset)["duplicates"] == ("warning", "3 rows repeat a time that is there already.")


def test_uneven_times_are_averaged(tmp_path):
    random = np.random.default_rng(1)
    times = pd.Timestamp("2021-01-01") + pd.to_timedelta(np.sort(random.uniform(0, 300, 700)), unit="h")
    dataset = read(written(tmp_path, pd.DataFrame({"timestamp": times, "value": random.normal(size=700)})))
    assert findings(dataset)["times"] == (
        "notice", "The times are not even; the values were averaged to one every hour.",
    )  # fmt: skip
    assert dataset.schema.rows == 300


# --- layouts ------------------------------------------------------------------------------------------------------


def test_a_table_with_a_time_is_forecast(tmp_path):
    frame = pd.DataFrame({"date": DAYS, "price": WEEKLY, "sales": 2 * WEEKLY, "holiday": DAYS.day_of_week == 6, "x": 1})
    dataset = read(written(tmp_path, frame))
    assert (dataset.schema.task, dataset.schema.target) == ("forecasting", "sales")
    assert prepared(dataset).signature.details["columns"] == ["price", "sales", "holiday"]
    assert findings(dataset)["constant"] == ("notice", "'x' holds the same value everywhere.")


def test_several_series_in_one_table_stay_apart(tmp_path):
    frame = pd.concat(
        [pd.DataFrame({"date": DAYS, "store": name, "sales": WEEKLY * k}) for k, name in ((1, "a"), (5, "b"))]
    )
    dataset = read(written(tmp_path, frame))
    assert dataset.schema.details["names"] == ["a", "b"]
    stretch, _ = series.windows(dataset, prepared(dataset).signature, prepared(dataset).part("test").rows)
    assert not np.any(np.any(stretch > 20, axis=(1, 2)) & np.any(np.all(stretch < 20, axis=2), axis=1))


def test_a_column_for_every_year_is_a_time(tmp_path):
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(3, 60)).cumsum(1), columns=[str(year) for year in range(1961, 2021)])
    frame.insert(0, "country", ["Chad", "Peru", "Laos"])
    dataset = read(written(tmp_path, frame))
    assert dataset.schema.details["names"] == ["Chad", "Peru", "Laos"]
    assert opened(dataset).step.words == "year"


def labelled() -> tuple[np.ndarray, list[str]]:
    random = np.random.default_rng(1)
    labels = ["rise", "fall"] * 15
    slope = np.where(np.asarray(labels) == "rise", 1.0, -1.0)[:, None]
    return slope * np.linspace(0, 5, 30) + random.normal(size=(30, 30)), labels


def test_numbered_columns_and_a_class_are_recordings(tmp_path):
    values, labels = labelled()
    frame = pd.DataFrame(values, columns=[f"t{step}" for step in range(30)]).assign(shape=labels)
    dataset = read(written(tmp_path, frame))
    assert (dataset.schema.task, dataset.schema.target) == ("classification", "shape")
    assert dataset.schema.classes == {"fall": 15, "rise": 15}
    np.testing.assert_allclose(opened(dataset).one(3)[:, 0], values[3])


def test_a_long_table_with_a_class_for_each_series_is_recordings(tmp_path):
    values, labels = labelled()
    rows = [
        {"id": number, "time": step, "speed": values[number, step], "label": labels[number]}
        for number in range(30) for step in range(30)
    ]  # fmt: skip
    dataset = read(written(tmp_path, pd.DataFrame(rows)))
    assert dataset.schema.classes == {"fall": 15, "rise": 15}
    assert dataset.schema.details["columns"] == ["speed"]


def test_a_class_that_changes_along_the_way_cuts_the_recording(tmp_path):
    """Pieces of one stretch are alike: they must not lie in training and test."""
    activity = np.repeat(["sit", "walk"] * 8, 60)
    frame = pd.DataFrame({"x": np.random.default_rng(1).normal(size=960), "activity": activity})
    dataset = read(written(tmp_path, frame), piece=20)
    assert dataset.schema.classes == {"sit": 24, "walk": 24}
    groups = opened(dataset).groups
    told = prepared(dataset)
    train, validation, test = (set(groups[told.part(name).rows]) for name in ("train", "validation", "test"))
    assert len(train | validation | test) == len(train) + len(validation) + len(test)


TS = """# a comment
@problemName Made
@timeStamps false
@univariate false
@classLabel true slow fast
@data
1,2,3,4:5,6,7,8:slow
2,?,4,5:5,6,7,9:fast
3,4,5:6,7,8:slow
"""


def test_reads_ts_files(tmp_path):
    """Channels stand between colons; series may differ in length; a question mark is a missing value."""
    file = tmp_path / "made.ts"
    file.write_text(TS)
    dataset = read(file)
    told = opened(dataset)
    assert dataset.schema.classes == {"fast": 1, "slow": 2}
    assert told.lengths.tolist() == [4, 4, 3]
    assert told.one(1).tolist() == [[2, 5], [3, 6], [4, 7], [5, 9]]


def test_reads_a_zip_with_a_table_for_each_recording(tmp_path):
    values, labels = labelled()
    with zipfile.ZipFile(tmp_path / "up.zip", "w") as archive:
        for number, label in enumerate(labels):
            frame = pd.DataFrame({"time": range(30), "v": values[number]})
            archive.writestr(f"{label}/{number}.csv", frame.to_csv(index=False))
    dataset = read(tmp_path / "up.zip")
    assert dataset.schema.classes == {"fall": 15, "rise": 15}
    assert datasets.type_of(tmp_path / "up.zip") == "series"


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("name,colour\na,red\nb,blue\n", "file.csv",
         "No column of numbers was found, so there is nothing to follow over time. Check the file."),
        ("@data\n1,2,x3\n", "file.ts", "Line 2 holds 'x3' where a number should be. Mend the line or remove it."),
        ("@problemName a\n1,2\n", "file.ts",
         "'file.ts' has no line `@data`, so it is no `.ts` file of series. Check that it is the right file."),
        ("@data\n1,2\n3,4\n", "file.ts",
         "'file.ts' names no classes (`@classLabel true ...` is missing), so there is nothing to learn."),
        ("time,v\n1,4\n2,4\n3,4\n4,4\n5,4\n", "file.csv",
         "All columns hold the same value everywhere, so there is nothing to learn. Check the file."),
    ],
)  # fmt: skip
def test_refuses_in_words(text, name, sentence, tmp_path):
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(Refusal) as refusal:
        read(file)
    assert str(refusal.value) == sentence


def test_knows_series_from_tables():
    assert series.looks_like(packed("sunspots.csv")) > 0.5
    assert series.looks_like(packed("el-nino.csv")) > 0.5
    assert max(series.looks_like(packed(name)) for name in ("penguins.csv", "titanic.csv", "auto-mpg.csv")) < 0.5


# --- windows and parts --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def el_nino(tmp_path_factory) -> datasets.DataSet:
    return series.load_sample("el-nino", tmp_path_factory.mktemp("series") / "el-nino")


def test_no_window_reaches_over_a_border(el_nino):
    """What is seen and what is forecast of one part never lie in another."""
    told = prepared(el_nino)
    window, horizon = told.signature.details["window"], told.signature.details["horizon"]
    steps = {
        name: np.unique(told.part(name).rows[:, None] + np.arange(-window, horizon))
        for name in ("train", "validation", "test")
    }
    assert steps["train"].max() < steps["validation"].min()
    assert steps["validation"].max() < steps["test"].min()
    assert steps["test"].max() == el_nino.schema.rows - 1


def test_spread_is_learned_from_the_training_part_alone(tmp_path):
    """Later values, however wild, do not change what the training windows look like."""
    wild = np.where(np.arange(200) > 150, 1000 * WEEKLY, WEEKLY)
    first = prepared(read(written(tmp_path, pd.DataFrame({"date": DAYS, "v": WEEKLY}), "a.csv")), transform="none")
    one = np.array(first.part("train").x["series"])
    second = prepared(read(written(tmp_path, pd.DataFrame({"date": DAYS, "v": wild}), "b.csv")), transform="none")
    np.testing.assert_array_equal(one, second.part("train").x["series"])


@pytest.mark.parametrize("transform", ["none", "difference", "log difference", "seasonal difference"])
def test_every_transform_is_undone(el_nino, transform):
    """A perfect answer becomes the very values that came."""
    told = prepared(el_nino, transform=transform, horizon=15)
    part = told.part("test")
    stretch, future = series.windows(el_nino, told.signature, part.rows)
    np.testing.assert_allclose(restored(part.y.astype(float), stretch, told.encoding, np), future, rtol=2e-6)
    again = (moved(stretch, future, told.encoding, np) - told.encoding["answer_mean"]) / told.encoding["answer_scale"]
    np.testing.assert_allclose(again, part.y, atol=1e-5)


@pytest.mark.parametrize("transform", ["none", "difference", "log difference", "seasonal difference"])
def test_download_sees_what_was_trained_on(el_nino, transform):
    """Stock layers turn a raw stretch into the same numbers as the preparation did."""
    told = prepared(el_nino, transform=transform)
    part = told.part("test")
    inputs, ready = series.layers_of(told.signature, told.encoding)
    model = keras.Model(inputs, ready)
    raw = np.concatenate([each["series"] for each in series.raw(el_nino, told.signature, part.rows[:20].tolist())])
    np.testing.assert_allclose(model({"series": raw})["series"], part.x["series"][:20], atol=1e-5)


def test_finds_season_and_trend():
    steps = np.arange(120)
    assert find_season([np.sin(2 * np.pi * steps / 11) + 0.05 * steps], Step(1.0, counts=True)) == 11
    assert find_season([np.random.default_rng(1).normal(size=120)], Step(1.0, counts=True)) == 1
    assert [trend(steps * slope + np.sin(steps)) for slope in (1.0, -1.0, 0.0)] == [1, -1, 0]


def test_growth_is_learned_as_changes(tmp_path):
    """Air passengers grow by percents: raw values would lie outside all that was seen."""
    months = np.arange(144)
    values = np.exp(5 + months * 0.01 + 0.2 * np.sin(2 * np.pi * months / 12))
    frame = pd.DataFrame({"month": pd.period_range("1949-01", periods=144, freq="M").astype(str), "passengers": values})
    details = prepared(read(written(tmp_path, frame))).signature.details
    assert details["transform"] == "log difference"
    assert (details["window"], details["horizon"], details["season"]) == (12, 3, 12)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"window": 200}, (
         "Seeing 200 steps and forecasting 3 needs 203 steps in a row, but the validation stretch has only 110. "
         "Choose a shorter window or horizon, or bring a longer series.")),
        ({"transform": "seasonal difference", "season": 40}, (
         "A season of 40 steps does not fit into a window of 24. Set the window to 40 or more, or choose "
         "`difference`.")),
        ({"target": "depth"}, "There is no column 'depth'. Available: temperature."),
        ({"task": "classification"},
         "These series have no class each, so they can only be forecast. Set `data.task` to forecasting."),
    ],
)  # fmt: skip
def test_refuses_impossible_settings(el_nino, settings, sentence):
    with pytest.raises(Refusal) as refusal:
        prepared(el_nino, **({"window": 24} | settings))
    assert str(refusal.value) == sentence


def test_too_short_a_series_is_a_problem(tmp_path):
    dataset = read(written(tmp_path, pd.DataFrame({"date": DAYS[:12], "v": WEEKLY[:12]})))
    assert findings(dataset)["too_short"][0] == "problem"


# --- recordings ---------------------------------------------------------------------------------------------------


def test_sensor_is_the_same_on_every_machine():
    values, labels, people = _made_sensor.recordings()
    assert values.shape == (800, 100, 6)
    assert np.bincount(labels).tolist() == [200, 200, 200, 200]
    assert values[17].mean() == pytest.approx(-0.16, abs=0.3)
    np.testing.assert_array_equal(values[:5], _made_sensor.recordings()[0][:5])
    assert len(np.unique(people)) == 40


def test_recordings_of_one_person_stay_together(tmp_path):
    dataset = series.load_sample("wrist-sensor", tmp_path / "sensor")
    told, groups = prepared(dataset), opened(dataset).groups
    train, validation, test = (set(groups[told.part(name).rows]) for name in ("train", "validation", "test"))
    assert len(train | validation | test) == len(train) + len(validation) + len(test)
    assert set(told.part("test").y.tolist()) == {0, 1, 2, 3}


# --- what a person gives ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1\n2\n3", "1, 2, 3", "1 2 3", "value\n1\n2\n3", "1,0\n2,0\n3,0\n", "1;2;3"])
def test_reads_pasted_numbers(text):
    assert series.pasted(text, ["value"]).tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "No values were given. Paste numbers, a line per step, or choose a stretch from the test part."),
        ("1\ntwo\n3", "Line 2 holds 'two' where a number should be. Mend it and try again."),
        ("1\n2\n3", "The model looks at 24 steps, but got 3. Add 21 more before them."),
        ([[1, 2]], "Every step needs 1 numbers: temperature."),
    ],
)
def test_refuses_values_in_words(el_nino, given, sentence):
    with pytest.raises(Refusal) as refusal:
        series.parse(prepared(el_nino, window=24).signature, {"series": given})
    assert str(refusal.value) == sentence


def test_longer_values_count_from_the_end(el_nino):
    told = series.parse(prepared(el_nino, window=24).signature, {"series": [[float(n)] for n in range(30)]})
    assert told["series"][0, :, 0].tolist() == list(range(6, 30))
