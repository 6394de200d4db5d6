"""A file of examples in, a file of answers out."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from evaluation import batch
from recipes import RawInput, Refusal, Signature, Target
from records import Run


class Model:
    """Answers the share of 'long' by the length of the first word."""

    def __init__(self, name):
        self.name, self.blocks = name, []

    def predict_on_batch(self, rows):
        lengths = next(iter(rows.values()))
        self.blocks.append(len(lengths))
        long = np.array([min(1.0, float(np.ravel(np.asarray(each, dtype=object))[0]) / 10) for each in lengths])
        return {self.name: np.stack([long, 1 - long], axis=1)}


@pytest.fixture
def ask(monkeypatch, tmp_path):
    def asked(signature, file, tell=lambda _done, _text: None):
        model = Model(signature.target.name)
        monkeypatch.setattr(batch, "signature_of", lambda _run: signature)
        monkeypatch.setattr(batch, "download", lambda _run, _name: model)
        out = tmp_path / "answers.csv"
        told = batch.answer_file(Run(tmp_path), file, out, tell)
        with out.open(encoding="utf-8-sig", newline="") as opened:
            return told, list(csv.reader(opened)), model

    return asked


def table(*raw):
    return Signature(
        data_type="tabular", task="classification", target=Target(name="kind", classes=("long", "short")), inputs={},
        raw=raw, rows={},
    )  # fmt: skip


SIZE = RawInput(name="size", kind="number", typical=5.0)
PICTURE = RawInput(name="picture", kind="picture", shape=(None, None, 1))


def written(tmp_path, text, name="rows.csv"):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_every_row_comes_back_with_its_answer(ask, tmp_path):
    told, lines, _ = ask(table(SIZE), written(tmp_path, "id,Size\na1,8\na2,1\na3,\n"))
    assert lines[0] == ["id", "Size", "predicted kind", "confidence", "share of long", "share of short", "problem"]
    assert lines[1][:3] == ["a1", "8", "long"]
    assert [float(cell) for cell in lines[1][3:6]] == pytest.approx([0.8, 0.8, 0.2])
    assert lines[2][2] == "short"
    assert (told["rows"], told["refused"], told["columns"]) == (3, 0, lines[0])
    assert told["preview"][1][:3] == ["a2", "1", "short"]


def test_a_row_that_cannot_be_read_says_why_and_stops_nothing(ask, tmp_path):
    told, lines, _ = ask(table(SIZE), written(tmp_path, "size,note\nlarge,x\n8,y\nhuge,z\n"))
    assert told["refused"] == 2
    assert lines[1][-1] == "'large' is not a number for 'size'. Type one such as 5, or leave it empty."
    assert lines[2][2] == "long"


def test_a_missing_column_is_named_with_those_there(ask, tmp_path):
    with pytest.raises(Refusal) as refusal:
        ask(table(SIZE, RawInput(name="age", kind="number")), written(tmp_path, "name,Age\nada,3\n"))
    assert str(refusal.value) == (
        "The column 'size' is missing. The file has: 'name', 'Age'. Name it as in the training data; "
        "cells may be empty."
    )


def test_a_single_column_may_be_called_anything(ask, tmp_path):
    _, lines, _ = ask(table(SIZE), written(tmp_path, "how long\n8\n2\n"))
    assert [line[1] for line in lines[1:]] == ["long", "short"]


def test_many_rows_go_in_blocks_of_one_size_with_progress(ask, tmp_path):
    said = []
    rows = "".join(f"{number % 10}\n" for number in range(600))
    told, lines, model = ask(
        table(SIZE), written(tmp_path, f"size\n{rows}"), lambda done, text: said.append((done, text))
    )
    assert (told["rows"], len(lines)) == (600, 601)
    assert model.blocks == [256, 256, 256]
    assert said[1] == (256 / 600, "256 of 600 answered")


def test_a_cell_that_a_spreadsheet_would_compute_is_written_as_text(ask, tmp_path):
    _, lines, _ = ask(table(SIZE), written(tmp_path, 'size,note\n1,"=HYPERLINK(""x"")"\n2,-1+2\n'))
    assert lines[1][1] == '\'=HYPERLINK("x")'


def test_a_zip_of_pictures_is_answered_file_by_file(ask, tmp_path):
    from PIL import Image

    signature = table(PICTURE).model_copy(update={"data_type": "image"})
    file = tmp_path / "pictures.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name, light in (("bright.png", 9), ("dark.png", 1)):
            told = io.BytesIO()
            Image.new("L", (4, 4), light).save(told, "PNG")
            archive.writestr(name, told.getvalue())
        archive.writestr("broken.png", b"no picture")
    told, lines, _ = ask(signature, file)
    assert [line[:2] for line in lines[1:]] == [["bright.png", "long"], ["dark.png", "short"], ["broken.png", ""]]
    assert (told["rows"], told["refused"]) == (3, 1)


def test_a_model_of_several_kinds_says_that_it_answers_one_at_a_time(ask, tmp_path):
    signature = table(PICTURE, SIZE).model_copy(update={"data_type": "mixed"})
    with pytest.raises(Refusal, match="A model of several kinds of data answers one example at a time"):
        ask(signature, Path(tmp_path / "x.zip"))
