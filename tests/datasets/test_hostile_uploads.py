"""Whatever people bring by mistake or on purpose: each ends as data with a note, or in one sentence, word for word."""

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import datasets
from recipes import Recipe, Refusal, validate
from tests.datasets.hostile import (
    TABLE,
    adpcm,
    archive,
    flagged,
    huge_picture,
    link,
    lying_bomb,
    overlapping,
    picture,
    pictures,
    sound,
    sounds,
    table,
)
from training import plan

ROOT = Path(__file__).resolve().parents[2]
FEW, MANY, SOUNDS = pictures(), pictures(40), sounds(20)
NO_TABLE = "This is not a table: it looks like"
SAVE = "Save the table as CSV, Excel, Parquet or JSON."
AGAIN = "Zip the folder again and upload that."
NO_PICTURES = "No pictures found. Expected folders named after classes, e.g. cats/1.jpg."
TOO_LONG = (
    "Row 42 has 4 cells but the header has 2. Mend that row (often a quote or separator too many), or switch on "
    "'Skip bad rows'."
)
NOTHING_TO_TELL = (
    "a model can draw new ones or find odd ones, but has nothing to tell apart. For that, put the pictures of each "
    "class into a folder of its own, e.g. cats/1.jpg."
)
PLACES = ("Köln", "Fürth")
BROKEN_EXCEL = "This Excel file is damaged and cannot be opened. Save it again, or save it as CSV."


def read(make, folder):
    (folder / "in").mkdir()
    file = make(folder / "in")
    data = plan.resolve(Recipe.of({"data": {"file": str(file)}})).data
    kind = datasets.get(str(data.type))
    return kind.read(file, validate(kind.Config, data.settings, "data"), folder / "out", lambda *_: None).schema


def cut(make, count):
    def made(folder):
        file = make(folder)
        file.write_bytes(file.read_bytes()[:-count])
        return file

    return made


REFUSED = {
    "a zip bomb": (overlapping, "This zip unpacks to more than 1 GB. Use fewer or smaller pictures."),
    "a zip in a zip": (
        archive(FEW | {"more.zip": b"PK\x05\x06" + bytes(18)}), "There is a zip inside your zip; unpack it first."
    ),
    "another archive in a zip": (
        archive(FEW | {"more.rar": b"Rar!"}), "There is an archive (more.rar) inside your zip; unpack it first."
    ),
    "a password": (
        flagged(archive(FEW), 1),
        "This zip has a password. Unpack it, zip the folder again without one, and upload that.",
    ),
    "a renamed RAR": (
        table(b"Rar!\x1a\x07\x00" + bytes(50), "data.zip"),
        "This is not a .zip (it looks like RAR). Make a zip of the folder and upload that.",
    ),
    "a zip of noise": (
        table(b"PK\x03\x04" + bytes(50), "data.zip"), f"This zip is damaged and cannot be opened. {AGAIN}"
    ),
    "a zip cut off": (cut(archive(FEW), 40), f"This zip is damaged and cannot be opened. {AGAIN}"),
    "hidden files only": (archive({"__MACOSX/cat/._1.png": b"x", ".DS_Store": b"x"}), NO_PICTURES),
    "a zip of nothing": (archive({}), NO_PICTURES),
    "more than a tenth cut off": (
        archive(FEW | {f"cat/t{number}.png": picture(60)[:200] for number in range(5)}),
        "5 of 17 pictures could not be read. 't0.png' is damaged or cut off. Save or download it again.",
    ),
    "a class of broken pictures": (
        archive(MANY | {"owl/t.png": picture(60)[:200]}),
        "No picture of class 'owl' could be read. 't.png' is damaged or cut off. Save or download it again.",
    ),
    "a pixel bomb alone": (
        archive({"cat/x.png": huge_picture(), "dog/y.png": huge_picture()}),
        "Picture cat/x.png is 900 megapixels; the limit is 50. Make it smaller first.",
    ),
    "a row too long": (
        table(TABLE + "1,x,3,4\n"),
        TOO_LONG,
    ),
    "a quote that never ends": (
        table(TABLE + '"1,x\n2,y\n3,z,4\n'), 'Row 42 opens a quote (") that never ends. Close or remove it.'
    ),
    "a giant cell": (
        table('size,kind\n"' + "x" * 1_100_000 + '",x\n' + TABLE[10:]),
        "Row 2 has a cell of more than 1 MB. Look for a quote that is never closed.",
    ),
    "too many columns": (
        table(",".join(f"c{number}" for number in range(5001)) + "\n" + ",".join("1" * 5001) + "\n"),
        "This table has 5,001 columns; the limit is 5,000. Leave some out.",
    ),
    "an old Excel file as CSV": (table(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)), BROKEN_EXCEL),
    "a broken Excel file as CSV": (archive({"xl/workbook.xml": "<x/>"}, "rows.csv"), BROKEN_EXCEL),
    "a zip as CSV": (
        archive({"a.txt": "x"}, "rows.csv"), "This is a zip file, not a table. Unpack it and choose the table inside."
    ),
    "a PDF as CSV": (table(b"%PDF-1.7\n" + bytes(30)), f"{NO_TABLE} a PDF. {SAVE}"),
    "a program as CSV": (table(b"MZ\x90\x00" + bytes(50)), f"{NO_TABLE} a program. {SAVE}"),
    "a web page as CSV": (
        table("<!DOCTYPE html><html><body>Log in</body></html>"),
        f"{NO_TABLE} a web page. Download the data itself, for example as CSV.",
    ),
    "noise as CSV": (
        table(bytes(range(256)) * 9),
        "This is not a table: it holds binary data. Save it as CSV, Excel, Parquet or JSON.",
    ),
    "a header alone": (table("a,kind\n"), "The file has a header but no rows below it. Add rows of data."),
    "nothing": (table(b""), "The file is empty. Was it still downloading?"),
    "an empty zip file": (table(b"", "data.zip"), "The file is empty. Was it still downloading?"),
    "blank lines": (table("\n\n \n"), "The file is empty: it holds nothing but blank lines."),
    "separators": (table(",,,\n,,,\n"), "The file is empty: it holds nothing but separators."),
    "JSON cut off": (
        table("[1,2", "rows.json"), "This is not valid JSON in line 1. Save the table again, for example as CSV."
    ),
    "JSON without an end": (
        table("[" * 100_000, "rows.json"), "This is not valid JSON. Save the table again, for example as CSV."
    ),
    "broken Parquet": (
        table(b"PAR1" + bytes(40) + b"PAR1", "rows.parquet"),
        "This Parquet file is damaged and cannot be read. Save it again.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_in_one_sentence(case, tmp_path):
    make, sentence = REFUSED[case]
    with pytest.raises(Refusal) as refused:
        read(make, tmp_path)
    assert str(refused.value) == sentence


def semicolons():
    return "size;kind\n" + "\n".join(f"{number},5;{'xy'[number % 2]}" for number in range(40))


def skipped(name, total=41, noun="picture"):
    return f"1 of {total} {noun}s could not be read and was skipped: '{name}'."


TAKEN = {
    "names that lead out": (
        archive(
            FEW
            | {"../../evil.png": picture(), "/abs.png": picture(), "C:\\x.png": picture(), "a\nb.png": picture()}
            | link()
        ),
        12, ["5 files had unsafe names and were left out."],
    ),
    "a zip that lies about its size": (lying_bomb, 40, [skipped("big.png")]),
    "class folders that differ by case": (
        archive({f"{['cat', 'Cat', 'dog'][number % 3]}/{number}.png": picture(shade=number) for number in range(12)}),
        12, ["'Cat' and 'cat' were taken as one class 'cat'."],
    ),
    "class folders that differ by Unicode form": (
        archive({
            ("Caf\u00e9", "Cafe\u0301", "Tee")[number % 3] + f"/{number}.png": picture(shade=number)
            for number in range(12)
        }),
        12, [],
    ),
    "folders in folders": (archive({f"a/b/c/{name}": content for name, content in FEW.items()}), 12, []),
    "pictures without folders": (
        archive({f"{number}.png": picture(shade=number) for number in range(12)}), 12,
        [f"No classes were found: {NOTHING_TO_TELL}"],
    ),
    "one class": (
        archive({f"cat/{number}.png": picture(shade=number) for number in range(12)}), 12,
        [f"All pictures are of one class, 'cat': {NOTHING_TO_TELL}"],
    ),
    "a pixel bomb": (archive(MANY | {"cat/x.png": huge_picture()}), 40, [skipped("x.png")]),
    "a picture cut off": (archive(MANY | {"cat/t.png": picture(60)[:200]}), 40, [skipped("t.png")]),
    "a drawing as PNG": (archive(MANY | {"cat/s.png": b"<svg xmlns='x'/>"}), 40, [skipped("s.png")]),
    "a web page as PNG": (archive(MANY | {"cat/h.png": b"<!doctype html><p>"}), 40, [skipped("h.png")]),
    "pictures of odd kinds": (
        archive(MANY | {
            "cat/animated.gif": picture(
                kind="GIF", mode="P", save_all=True, append_images=[Image.new("P", (12, 12), 3)], shade=91
            ),
            "cat/print.jpg": picture(kind="JPEG", mode="CMYK", shade=92),
            "dog/deep.tif": picture(kind="TIFF", mode="I", shade=93),
            "dog/clear.png": picture(mode="LA", shade=94),
        }),
        44, [],
    ),
    "Windows-1252": (
        table(("size,place\n" + "\n".join(f"{row},{PLACES[row % 2]}" for row in range(40))).encode("cp1252")),
        40, ["Read as Windows-1252. Do the accents look right?"],
    ),
    "UTF-16": (table(TABLE.encode("utf-16")), 40, ["Read as UTF-16."]),
    "semicolons and decimal commas": (
        table(semicolons()), 40, ["Cells are separated by semicolons.", "Numbers are read with a decimal comma."]
    ),
    "double and empty headers": (
        table("a,a,,kind\n" + "\n".join(f"{row},{row * 2},{row * 3},{'xy'[row % 2]}" for row in range(40))), 40,
        ["There is more than one column 'a'; column 2 is called 'a (2)'.",
         "Column 3 has no name and is called 'column 3'."],
    ),
    "an old codec": (archive(SOUNDS | {"hum/x.wav": adpcm()}), 20, [skipped("x.wav", 21, "sound")]),
    "a text as sound": (archive(SOUNDS | {"hum/x.wav": b"hello"}), 20, [skipped("x.wav", 21, "sound")]),
    "an odd rate": (archive(SOUNDS | {"hum/x.wav": sound(rate=3)}), 20, [skipped("x.wav", 21, "sound")]),
    "a sound whose head lies": (
        archive(SOUNDS | {"hum/l.wav": sound()[:40] + struct.pack("<I", 2**31) + sound()[44:]}), 21, []
    ),
    "texts with invisible signs": (
        archive({
            f"{('ham', 'spam')[number % 2]}/{number}.txt": f"Hello\x00 \u202eyou {number} " * 5 for number in range(12)
        }),
        12, [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN)
def test_is_read_as_far_as_it_is_sound_and_says_what_it_did(case, tmp_path):
    make, rows, notes = TAKEN[case]
    schema = read(make, tmp_path)
    assert (schema.rows, list(schema.notes)) == (rows, notes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"], "nothing is written elsewhere"


def test_mutated_uploads_end_as_data_or_in_a_sentence():
    """A small setting of the benchmark; docs/fuzz_uploads.json holds a large one."""
    asked = [sys.executable, "-m", "benchmarks.fuzz_uploads", "--files", "30", "--seed", "5"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["files"], told["failed"]) == (30, [])
    assert set(told["ends"]) == {"read", "refused"}


def test_a_silent_sound_is_told(tmp_path):
    make = archive(SOUNDS | {"hum/s.wav": sound(level=0)})
    schema = read(make, tmp_path)
    assert schema.rows == 21
    shutil.rmtree(tmp_path / "in")
    dataset = datasets.DataSet.open(tmp_path / "out")
    found = [each.sentence for each in datasets.check(dataset, plan.complete(recipe_of(schema), schema).data)]
    assert "1 sound is silent, or nearly so." in found


def recipe_of(schema):
    return Recipe.of({"data": {"file": "gone.zip", "type": schema.data_type}})
