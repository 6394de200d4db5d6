"""Mixed rows: pictures found by the names in the table, texts and series beside them, one encoding with two readers."""

import io
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

import datasets
from datasets import DataSet, Prepared, mixed
from recipes import Data, Refusal, keras

RANDOM = np.random.default_rng(3)


def quiet(share: float, words: str) -> None:
    assert 0 <= share <= 1
    assert words


def png(side: int = 20) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (side, side), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def pets(rows: int = 40) -> pd.DataFrame:
    """Make rows with a picture, numbers, a category, a text and a series each."""
    random = np.random.default_rng(5)
    words = ["it", "was", "loud", "and", "soft", "today", "in", "the", "old", "garden"]
    return pd.DataFrame({
        "file": [f"pictures/{n}.png" for n in range(rows)],
        "weight": random.normal(5, 2, rows).round(2),
        "town": random.choice(["Ulm", "Bonn"], rows),
        "note": [" ".join(random.choice(words, 7)) + f" no{n}" for n in range(rows)],
        "pulse": ["[" + ", ".join(f"{value:.2f}" for value in random.normal(70, 5, 8)) + "]" for _ in range(rows)],
        "animal": np.where(np.arange(rows) % 2, "cat", "dog"),
    })  # fmt: skip


def zipped(folder, frame: pd.DataFrame, without: tuple[int, ...] = ()):
    file = folder / "pets.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("pets/table.csv", frame.to_csv(index=False))
        for number in range(len(frame)):
            if number not in without:
                archive.writestr(f"pets/pictures/{number}.png", png())
    return file


def dataset_of(folder, frame: pd.DataFrame, without: tuple[int, ...] = (), **config) -> DataSet:
    return mixed.read(zipped(folder, frame, without), mixed.Config(**config), folder / "data set", quiet)


def prepared_of(dataset: DataSet, **data) -> Prepared:
    told = Data(file="pets.zip", type="mixed", **data)
    return mixed.prepare(dataset, told, 1, dataset.folder / "prepared", quiet)


def test_finds_the_kind_of_every_column(tmp_path):
    dataset = dataset_of(tmp_path, pets())
    assert {column.name: column.kind for column in dataset.schema.columns} == {
        "file": "picture", "weight": "number", "town": "category", "note": "text", "pulse": "series",
        "animal": "category",
    }  # fmt: skip
    assert (dataset.schema.target, dataset.schema.task) == ("animal", "classification")
    assert DataSet.open(dataset.folder) == dataset


def test_a_zip_of_a_table_and_pictures_is_taken_for_mixed(tmp_path):
    """A table that only says which class a picture is belongs to the pictures."""
    assert datasets.type_of(zipped(tmp_path, pets())) == "mixed"
    assert datasets.type_of(zipped(tmp_path, pets()[["file", "animal"]])) == "image"


def test_every_part_becomes_an_array_of_its_own(tmp_path):
    prepared = prepared_of(dataset_of(tmp_path, pets()))
    assert prepared.signature.details["parts"] == {
        "picture": ["file"], "features": ["weight", "town"], "tokens": ["note"], "series": ["pulse"],
    }  # fmt: skip
    shapes = {name: (spec.shape, spec.dtype) for name, spec in prepared.signature.inputs.items()}
    assert shapes == {
        "picture": ((20, 20, 1), "uint8"), "features": ((4,), "float32"), "tokens": ((8,), "int32"),
        "series": ((8, 1), "float32"),
    }  # fmt: skip
    assert abs(float(prepared.part("train").x["series"].mean())) < 1e-5
    assert prepared.signature.rows == {"train": 26, "validation": 6, "test": 8}


def test_both_readers_of_every_part_agree(tmp_path):
    """What the download makes of a raw row is what was prepared, also where cells are missing."""
    frame = pets()
    frame.loc[::5, "weight"] = np.nan
    frame.loc[::6, "town"] = None
    frame.loc[::7, "note"] = None
    frame.loc[::8, "pulse"] = "1, 2, 3, 4, 5, 6"
    dataset = dataset_of(tmp_path, frame, without=(3,))
    prepared = prepared_of(dataset)
    inputs, ready = mixed.layers_of(prepared.signature, prepared.encoding)
    names = list(inputs)
    model = keras.Model([inputs[name] for name in names], ready)
    for part in map(prepared.part, ("train", "validation", "test")):
        for place, row in enumerate(mixed.raw(dataset, prepared.signature, part.rows.tolist())):
            assert set(row) == set(names)
            cells = {name: row[name].astype(str) if row[name].dtype == object else row[name] for name in names}
            told = model([keras.ops.convert_to_tensor(cells[name]) for name in names])
            for name in prepared.signature.inputs:
                np.testing.assert_allclose(told[name][0], part.x[name][place], atol=1e-5, err_msg=name)


def test_a_row_without_its_picture_is_kept_and_told(tmp_path):
    dataset = dataset_of(tmp_path, pets(), without=(3, 8))
    assert "2 of 40 rows have no picture that can be read; they show plain grey." in dataset.schema.notes
    found = {finding.code: finding for finding in mixed.check(dataset, Data(file="pets.zip", type="mixed"))}
    assert found["missing_pictures"].sentence == "2 of 40 rows have no picture."
    assert found["parts"].sentence == "Each row has 4 parts: a picture, numbers and words, a text, a series."
    assert mixed.preview(dataset, [3])[0]["file"].size == (8, 8)


def test_a_parquet_file_brings_its_lists(tmp_path):
    frame = pets().drop(columns=["file", "note"])
    frame["pulse"] = [[float(value) for value in RANDOM.normal(70, 5, 8)] for _ in range(len(frame))]
    parquet.write_table(pa.Table.from_pandas(frame), tmp_path / "pulse.parquet")
    dataset = mixed.read(tmp_path / "pulse.parquet", mixed.Config(), tmp_path / "data set", quiet)
    assert dataset.schema.column("pulse").kind == "series"
    assert list(prepared_of(dataset).signature.inputs) == ["features", "series"]


def test_a_form_is_read_as_people_fill_it(tmp_path):
    """An empty field is a missing cell; a list is typed with commas or blanks."""
    prepared = prepared_of(dataset_of(tmp_path, pets()))
    row = mixed.parse(
        prepared.signature, {"file": png(30), "weight": "4,5", "pulse": "70 71; 72", "note": "it was loud"}
    )
    assert {name: array.shape for name, array in row.items()} == {
        "file": (1, 30, 30, 1), "weight": (1, 1), "town": (1, 1), "note": (1, 1), "pulse": (1, 8),
    }  # fmt: skip
    assert row["pulse"][0, :4].tolist()[:3] == [70.0, 71.0, 72.0]
    assert np.isnan(row["pulse"][0, 3:]).all()
    assert mixed.parse(prepared.signature, {})["file"].shape == (1, 8, 8, 1)
    with pytest.raises(Refusal) as refusal:
        mixed.parse(prepared.signature, {"pulse": "fast"})
    assert str(refusal.value) == "'pulse' needs numbers with blanks between them, such as 1 2.5 3."


def test_a_plain_table_is_sent_to_the_tables(tmp_path):
    pets()[["weight", "town", "animal"]].to_csv(tmp_path / "plain.csv", index=False)
    with pytest.raises(Refusal) as refusal:
        mixed.read(tmp_path / "plain.csv", mixed.Config(), tmp_path / "data set", quiet)
    assert str(refusal.value) == (
        "This table has neither pictures nor texts nor series in its cells. Upload it as a table, or zip it together "
        "with the pictures that one of its columns names."
    )


def test_pictures_alone_are_no_table(tmp_path):
    with zipfile.ZipFile(tmp_path / "only.zip", "w") as archive:
        archive.writestr("a.png", png())
    with pytest.raises(Refusal) as refusal:
        mixed.read(tmp_path / "only.zip", mixed.Config(), tmp_path / "data set", quiet)
    told = "There is no table in this zip. Put one beside the pictures, with a column that names their files."
    assert str(refusal.value) == told


def test_a_number_can_be_learned(tmp_path):
    prepared = prepared_of(dataset_of(tmp_path, pets()), target="weight")
    assert (prepared.signature.task, prepared.signature.target.classes) == ("regression", ())
    assert prepared.part("test").y.shape == (8, 1)


def test_the_sightings_are_always_the_same(tmp_path):
    """The bar of a sample stands only while its rows stand."""
    dataset = mixed.load_sample("sightings", tmp_path / "sightings")
    assert (dataset.schema.rows, dataset.schema.target) == (3_000, "species")
    assert set(dataset.schema.classes.values()) == {300}
    assert dataset.schema.details["generator"] == "sightings 1"
    assert dataset.schema.details["sha256"] == "5cfa21b32cfff955fa266da8705be1205566747edb1709a0f293c6e3030c89b1"
