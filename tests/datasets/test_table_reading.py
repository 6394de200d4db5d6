"""Files that nobody prepared are read, and what was guessed is said; what is no table is refused in words."""

import io
import json
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from datasets import DataSet, _table_reading, tabular
from datasets._table_config import Config
from datasets._table_reading import read_table
from recipes import Refusal


def quiet(share: float, words: str) -> None:
    assert 0 <= share <= 1
    assert words


def read(tmp_path: Path, content: bytes | str, name: str = "table.csv", **config) -> DataSet:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return tabular.read(file, tabular.Config(**config), tmp_path / "data set", quiet)


def cells(dataset: DataSet) -> list[list]:
    return [list(row.values()) for row in tabular.preview(dataset, range(dataset.schema.rows))]


def names(dataset: DataSet) -> list[str]:
    return [column.name for column in dataset.schema.columns]


def refused(tmp_path: Path, content: bytes | str, name: str = "table.csv", **config) -> str:
    with pytest.raises(Refusal) as refusal:
        read(tmp_path, content, name, **config)
    return str(refusal.value)


def test_reads_semicolons_decimal_commas_windows_1252_and_missing_cells(tmp_path):
    text = "Größe;Straße;Preis\r\n1,80;Münchner Straße;1.234,50\r\n;Bäckergasse;12,00\r\n1,65;NA;-3,5\r\n"
    dataset = read(tmp_path, text.encode("cp1252"))
    assert names(dataset) == ["Größe", "Straße", "Preis"]
    assert cells(dataset) == [[1.8, "Münchner Straße", 1234.5], [None, "Bäckergasse", 12.0], [1.65, None, -3.5]]
    assert dataset.schema.notes == (
        "Read as Windows-1252. Do the accents look right?",
        "Cells are separated by semicolons.",
        "Numbers are read with a decimal comma.",
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", " "])
def test_finds_the_delimiter(tmp_path, delimiter):
    rows = [["name", "age", "town"], ["Ada", "36", "London"], ["Alan", "41", "Wilmslow"]]
    dataset = read(tmp_path, "\n".join(delimiter.join(row) for row in rows))
    assert names(dataset) == rows[0]
    assert cells(dataset) == [["Ada", 36, "London"], ["Alan", 41, "Wilmslow"]]


def test_finds_the_delimiter_between_decimal_commas(tmp_path):
    assert cells(read(tmp_path, "a;b\n1,5;2,25\n3,5;4,75\n")) == [[1.5, 2.25], [3.5, 4.75]]


def test_obeys_the_line_in_which_excel_names_its_separator(tmp_path):
    assert cells(read(tmp_path, "sep=;\na;b\n1;2\n")) == [[1, 2]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_reads_every_unicode_encoding(tmp_path, encoding):
    dataset = read(tmp_path, "name,größe\nÅsa,1\nZoë,2\n東京,3\n".encode(encoding))
    assert names(dataset) == ["name", "größe"]
    assert cells(dataset) == [["Åsa", 1], ["Zoë", 2], ["東京", 3]]


@pytest.mark.parametrize(
    ("encoding", "word"),
    [("cp1252", "Élève à Zürich"), ("cp1251", "Привет, как дела сегодня"), ("cp1250", "Zażółć gęślą jaźń"),
     ("shift_jis", "東京は日本の首都です"), ("koi8_r", "Привет, как дела сегодня")],
)  # fmt: skip
def test_guesses_older_encodings(tmp_path, encoding, word):
    text = "phrase;number\n" + "".join(f"{word.replace(',', '')} {place};{place}\n" for place in range(30))
    assert cells(read(tmp_path, text.encode(encoding)))[3] == [f"{word.replace(',', '')} 3", 3]


def test_obeys_the_encoding_of_the_recipe(tmp_path):
    assert names(read(tmp_path, "caf\xe9,b\n1,2\n".encode("latin-1"), encoding="latin-1")) == ["café", "b"]
    assert refused(tmp_path, "a,b\n1,2\n", encoding="utf-99") == (
        "There is no encoding 'utf-99'. Try utf-8, cp1252 or utf-16, or leave it empty."
    )


def test_one_broken_sign_does_not_turn_the_file_into_another_encoding(tmp_path):
    text = ("ä,b\n" + "größer,1\n" * 50).encode() + b"gr\xf6\xdfer,2\n"
    dataset = read(tmp_path, text)
    assert names(dataset) == ["ä", "b"]
    assert dataset.schema.notes == ("Read as UTF-8; 2 broken signs were replaced.",)


def test_reads_quoted_line_breaks_separators_and_quotes(tmp_path):
    assert cells(read(tmp_path, 'text,n\n"two\nlines, ""quoted""",1\nplain,2\n')) == [
        ['two\nlines, "quoted"', 1],
        ["plain", 2],
    ]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (["1,234", "12,345,678", "7"], [1234, 12345678, 7]),
        (["1,234.5", "0.25", "7"], [1234.5, 0.25, 7.0]),
        (["1.234,5", "0,25", "7"], [1234.5, 0.25, 7.0]),
        (["1'234.5", "2", "7"], [1234.5, 2.0, 7.0]),
        (["1 234,5", "2,1", "7"], [1234.5, 2.1, 7.0]),
        (["$1,200.50", "$3.10", "-$7.00"], [1200.5, 3.1, -7.0]),
        (["12 %", "7.5%", "0%"], [12.0, 7.5, 0.0]),
        (["1e3", "-2.5E-1", "+7"], [1000.0, -0.25, 7.0]),
        (["1.5", "-", "2.5"], [1.5, None, 2.5]),
        (["007", "012", "100"], [7, 12, 100]),
        (["inf", "1", "-inf"], [float("inf"), 1.0, float("-inf")]),
    ],
)  # fmt: skip
def test_understands_numbers_as_people_write_them(tmp_path, column, values):
    dataset = read(tmp_path, "a\tb\n" + "".join(f"{cell}\tx{place}\n" for place, cell in enumerate(column)))
    assert dataset.schema.column("a").kind == "number"
    assert [row[0] for row in cells(dataset)] == values


def test_a_three_digit_fraction_follows_the_rest_of_the_table(tmp_path):
    assert cells(read(tmp_path, "a;b\n1,234;2,5\n"))[0] == [1.234, 2.5]
    assert cells(read(tmp_path, 'a,b\n"1,234",2.5\n'))[0] == [1234, 2.5]
    assert cells(read(tmp_path, 'a,b\n"1,234",2\n', decimal=","))[0] == [1.234, 2]


def test_refuses_a_row_with_too_many_cells_with_its_number(tmp_path):
    text = "a,b,c,d,e\n" + "1,2,3,4,5\n" * 35 + "1,2,3,4,5,6,7,8\n"
    assert refused(tmp_path, text) == (
        "Row 37 has 8 cells but the header has 5. Mend that row (often a quote or separator too many), "
        "or switch on 'Skip bad rows'."
    )
    dataset = read(tmp_path, text, skip_bad_rows=True)
    assert dataset.schema.rows == 35
    assert dataset.schema.notes == ("Row 37 was skipped: more cells than the header.",)


def test_fills_rows_that_are_too_short_and_says_so(tmp_path):
    dataset = read(tmp_path, "a,b,c\n1,2,3\n4,5\n7,8,9\n")
    assert cells(dataset) == [[1, 2, 3], [4, 5, None], [7, 8, 9]]
    assert dataset.schema.notes == ("Row 3 was filled with empty cells: fewer cells than the header.",)


def test_forgives_separators_at_the_end_of_rows(tmp_path):
    assert cells(read(tmp_path, "a;b\n1;2;\n3;4;\n")) == [[1, 2], [3, 4]]
    assert cells(read(tmp_path, "a;b;\n1;2;\n3;4;\n")) == [[1, 2], [3, 4]]


def test_leaves_out_titles_and_blank_lines(tmp_path):
    dataset = read(tmp_path, "Sales of 2024\n\nmonth,sum,town\nMay,1,Rome\nJune,2,Paris\n\n")
    assert names(dataset) == ["month", "sum", "town"]
    assert cells(dataset) == [["May", 1, "Rome"], ["June", 2, "Paris"]]


def test_names_columns_where_the_header_is_missing(tmp_path):
    dataset = read(tmp_path, "5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,2.9,virginica\n")
    assert names(dataset) == ["column 1", "column 2", "column 3"]
    assert dataset.schema.rows == 3
    assert dataset.schema.notes == ("The first row holds data, so the columns are called 'column 1' to 'column 3'.",)
    assert names(read(tmp_path, "1,2\n3,4\n", header="yes")) == ["1", "2"]


def test_years_in_the_first_row_are_names(tmp_path):
    assert names(read(tmp_path, "land,2019,2020,2021\nPeru,1.5,2.5,3.5\nMali,2.1,2.2,2.3\n")) == [
        "land", "2019", "2020", "2021",
    ]  # fmt: skip


def test_renames_double_and_empty_names_and_notes_it(tmp_path):
    dataset = read(tmp_path, "a,a,,b\nx,y,z,w\np,q,r,s\n")
    assert names(dataset) == ["a", "a (2)", "column 3", "b"]
    assert dataset.schema.notes == (
        "There is more than one column 'a'; column 2 is called 'a (2)'.",
        "Column 3 has no name and is called 'column 3'.",
    )


def test_takes_a_quote_that_never_ends_for_a_plain_sign(tmp_path):
    dataset = read(tmp_path, 'size\tn\n"12 inch\t1\n15 inch\t2\n')
    assert cells(dataset) == [['"12 inch', 1], ["15 inch", 2]]
    assert dataset.schema.notes == ("Quotes were taken as plain signs, as one of them never ends.",)


def test_refuses_a_quote_that_never_ends_where_it_swallows_cells(tmp_path):
    assert refused(tmp_path, 'a,b\n1,"x, y"\n2,"never ends\n3,4\n') == (
        'Row 3 opens a quote (") that never ends. Close or remove it.'
    )


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "a.csv", "The file is empty. Was it still downloading?"),
        (b" \n\n ", "a.csv", "The file is empty: it holds nothing but blank lines."),
        (b",,\n,,\n", "a.csv", "The file is empty: it holds nothing but separators."),
        (b"a,b\n", "a.csv", "The file has a header but no rows below it. Add rows of data."),
        (b"\x89PNG\r\n\x1a\n0000", "a.csv",
         "This is not a table: it looks like a picture. Save the table as CSV, Excel, Parquet or JSON."),
        (b"%PDF-1.7", "a.xlsx",
         "This is not a table: it looks like a PDF. Save the table as CSV, Excel, Parquet or JSON."),
        (b"<!DOCTYPE html><html>", "a.csv",
         "This is not a table: it looks like a web page. Download the data itself, for example as CSV."),
        (bytes(range(256)) * 20, "a.csv",
         "This is not a table: it holds binary data. Save it as CSV, Excel, Parquet or JSON."),
        (b"PAR1 but nothing else", "a.parquet", "This Parquet file is damaged and cannot be read. Save it again."),
        (b"PK\x03\x04 but nothing else", "a.xlsx",
         "This Excel file is damaged and cannot be opened. Save it again, or save it as CSV."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 nothing", "a.xls",
         "This Excel file is damaged and cannot be opened. Save it again, or save it as CSV."),
        (b'{"a": [1, 2', "a.json", "This is not valid JSON in line 1. Save the table again, for example as CSV."),
        (b'"word"', "a.json",
         ('This JSON holds no table. Expected a list of rows such as [{"age": 3, "name": "Ada"}, ...], '
          "one such row a line, or lists by column name.")),
    ],
)  # fmt: skip
def test_refuses_what_is_no_table_in_words(tmp_path, content, name, sentence):
    assert refused(tmp_path, content, name) == sentence


def test_refuses_a_zip_that_is_no_workbook(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("table.csv", "a,b\n1,2\n")
    assert refused(tmp_path, packed.getvalue(), "a.zip") == (
        "This is a zip file, not a table. Unpack it and choose the table inside."
    )


REGULAR = (
    "a,b,c\n1,x,2.5\n2,y,\n3,,4\n",
    "a;b;c\r\n1;x;2,5\r\n2;y;3,5\r\n",
    '\ufeffname,note\nAda,"two\nlines, one cell"\nBob,"said ""no"""\n',
    'name,note\r\nAda,"two\r\nlines"\r\nBob,none\r\n',
    "größe\tname\n1\tÄ\n2\tß\n\n",
    "1,2,3\n4,5,6\n7,8,9",
)


@pytest.mark.parametrize("text", REGULAR)
def test_a_large_file_is_read_as_a_small_one(tmp_path, monkeypatch, text):
    """Where a file is large it is read block by block, without a copy of its text; cells and notes stay the same."""
    file = tmp_path / "a.csv"
    file.write_bytes(text.encode())
    small = read_table(file, Config())
    monkeypatch.setattr("datasets._table_reading.LARGE", 0)
    monkeypatch.setattr("datasets._table_reading._read_text", None)  # a regular file does not need it
    large = read_table(file, Config())
    assert {name: cells.to_pylist() for name, cells in large.columns.items()} == {
        name: cells.to_pylist() for name, cells in small.columns.items()
    }
    assert (large.notes, large.details) == (small.notes, small.details)


@pytest.mark.parametrize(
    "text", ["a,b\n1,2,3\n", 'a,b\n1,"x\n2,y\n', 'a,b\n1,x\n2,"y\n', "a,b\n1\n", "sep=;\na;b\n1;2\n", '[{"a": 1}]\n']
)
def test_a_large_file_with_something_odd_gets_the_closer_look(tmp_path, text):
    file = tmp_path / "a.csv"
    file.write_text(text)
    assert _table_reading._read_large(file, Config()) is None


def test_refuses_to_mend_a_very_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets._table_reading.MOST_MENDED", 1_000_000)
    assert refused(tmp_path, "a,b\n" + "1,2,3\n" * 200_000) == (
        "This file has 1 MB and is not a regular CSV in UTF-8; up to 1 MB such a file can be mended. "
        "Save it as Parquet, or use fewer rows."
    )


def test_refuses_what_is_too_large(tmp_path, monkeypatch):
    wide = ",".join(f"c{number}" for number in range(5001))
    assert refused(tmp_path, f"{wide}\n{wide}\n") == "This table has 5,001 columns; the limit is 5,000. Leave some out."
    monkeypatch.setattr("datasets._table_reading.MOST_ROWS", 3)
    assert refused(tmp_path, "a,b\n" + "1,2\n" * 5) == "This table has 5 rows; the limit is 3. Use a part of them."
    monkeypatch.setattr("datasets._table_reading.MOST_BYTES", 1_000_000)
    assert refused(tmp_path, b"a" * 2_500_000) == (
        "This file has 2 MB; the limit is 1 MB. Use fewer rows, or save it as Parquet, which is smaller."
    )


FRAME = pd.DataFrame(
    {
        "number": [1.5, None, 3.25],
        "count": [1, 2, 3],
        "word": ["a", None, "ü"],
        "yes": [True, False, True],
        "day": pd.to_datetime(["2024-01-05", "2024-02-29", None]),
    }
)
AS_CELLS = [
    [1.5, 1, "a", True, "2024-01-05"],
    [None, 2, None, False, "2024-02-29"],
    [3.25, 3, "ü", True, None],
]


def test_reads_parquet(tmp_path):
    FRAME.to_parquet(tmp_path / "table.parquet")
    dataset = read(tmp_path, (tmp_path / "table.parquet").read_bytes(), "table.parquet")
    assert cells(dataset) == AS_CELLS
    assert [column.kind for column in dataset.schema.columns] == ["number", "number", "category", "boolean", "date"]


def test_content_beats_the_ending(tmp_path):
    FRAME.to_parquet(tmp_path / "t.parquet")
    dataset = read(tmp_path, (tmp_path / "t.parquet").read_bytes(), "table.csv")
    assert cells(dataset) == AS_CELLS
    assert dataset.schema.notes == (
        "This looks like a Parquet file and was read as one, although its name ends in '.csv'.",
    )
    dataset = read(tmp_path, "a,b\n1,2\n", "table.xlsx")
    assert dataset.schema.notes == ("This is plain text and was read as CSV, although its name ends in '.xlsx'.",)


@pytest.mark.parametrize(
    "text",
    [
        '[{"n": 1.5, "w": "a"}, {"n": null, "w": "b"}]',
        '{"n": [1.5, null], "w": ["a", "b"]}',
        '{"n": {"0": 1.5, "1": null}, "w": {"0": "a", "1": "b"}}',
        '{"columns": ["n", "w"], "index": [0, 1], "data": [[1.5, "a"], [null, "b"]]}',
        '{"rows": [{"n": 1.5, "w": "a"}, {"n": null, "w": "b"}]}',
        '{"n": 1.5, "w": "a"}\n{"w": "b"}\n',
        '[["n", "w"], [1.5, "a"], [null, "b"]]',
        '["n", "w"]\n[1.5, "a"]\n[null, "b"]\n',
    ],
)
@pytest.mark.parametrize("name", ["table.json", "table.txt"])
def test_reads_json_of_every_shape(tmp_path, text, name):
    dataset = read(tmp_path, text, name)
    assert names(dataset) == ["n", "w"]
    assert cells(dataset) == [[1.5, "a"], [None, "b"]]


def test_groups_inside_json_rows_become_columns(tmp_path):
    rows = [{"who": {"name": "Ada", "age": 36}, "tags": ["x"]}, {"who": {"name": "Alan", "age": 41}, "tags": []}]
    dataset = read(tmp_path, json.dumps(rows), "table.json")
    assert names(dataset) == ["who.name", "who.age", "tags"]
    assert cells(dataset) == [["Ada", 36, '["x"]'], ["Alan", 41, "[]"]]


def workbook(sheets: dict[str, list[list]]) -> bytes:
    """Write the least that makes an xlsx file: texts inline, numbers as they are."""

    def sheet(grid):
        rows = []
        for number, row in enumerate(grid, 1):
            told = "".join(
                "<c/>" if cell is None
                else f'<c t="inlineStr"><is><t>{cell}</t></is></c>' if isinstance(cell, str)
                else f"<c><v>{cell}</v></c>"
                for cell in row
            )  # fmt: skip
            rows.append(f'<row r="{number}">{told}</row>')
        return (
            '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            f"<sheetData>{''.join(rows)}</sheetData></worksheet>"
        )

    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>' for number, name in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="r{number}" Type="{kind}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "_rels/.rels",
            '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{kind}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
            f'xmlns:r="{kind}"><sheets>{listed}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f"{links}</Relationships>",
        )
        for number, grid in enumerate(sheets.values(), 1):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", sheet(grid))
    return packed.getvalue()


def test_reads_excel_with_titles_several_sheets_and_missing_cells(tmp_path):
    grid = [["Sales 2024"], [], ["town", "sum", "mark"], ["Rome", 1.5, 3], ["Paris", None, 4], ["Oslo", 2, 5]]
    content = workbook({"Read me": [], "Data": grid, "More": [["a", "b"], [1, 2]]})
    dataset = read(tmp_path, content, "book.xlsx")
    assert names(dataset) == ["town", "sum", "mark"]
    assert cells(dataset) == [["Rome", 1.5, 3], ["Paris", None, 4], ["Oslo", 2.0, 5]]
    assert dataset.schema.notes == (
        "Read sheet 'Data' of 3: Read me, Data, More.",
        "A title above the header was left out.",
    )
    assert cells(read(tmp_path, content, "book.xlsx", sheet="More")) == [[1, 2]]
    assert refused(tmp_path, content, "book.xlsx", sheet="Mor") == (
        "There is no sheet 'Mor'. Sheets of this file: Read me, Data, More."
    )
    assert refused(tmp_path, workbook({"Empty": []}), "book.xlsx") == "The Excel file is empty: no sheet holds a cell."


def test_an_excel_file_called_csv_is_read(tmp_path):
    dataset = read(tmp_path, workbook({"Data": [["a", "b"], [1, "x"], [2, "y"]]}), "book.csv")
    assert cells(dataset) == [[1, "x"], [2, "y"]]
    assert dataset.schema.notes == (
        "This looks like an Excel file and was read as one, although its name ends in '.csv'.",
    )


def test_reading_again_gives_the_same_fingerprint_and_other_settings_another(tmp_path):
    first = read(tmp_path, "a,b\n1,2\n").schema.fingerprint
    assert first == read(tmp_path, "a,b\n1,2\n").schema.fingerprint
    assert first != read(tmp_path, "a,b\n1,2\n", decimal=",").schema.fingerprint


def reads_or_refuses(folder: Path, content: bytes, name: str) -> None:
    """Read; only a `Refusal` may come out, and what was read can be opened again."""
    try:
        dataset = read(folder, content, name)
    except Refusal:
        return
    assert DataSet.open(dataset.folder) == dataset


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAME = st.sampled_from(["a.csv", "a.json", "a.xlsx", "a.parquet"])


@FUZZ
@given(content=st.binary(max_size=300), name=NAME)
def test_random_bytes_are_read_or_refused(tmp_path, content, name):
    reads_or_refuses(tmp_path, content, name)


@FUZZ
@given(content=st.text(alphabet=list("ab1,;\t|\n\r\"'.- {}[]:é%$\\"), max_size=120), name=NAME)
def test_random_tables_are_read_or_refused(tmp_path, content, name):
    reads_or_refuses(tmp_path, content.encode(), name)


@FUZZ
@given(place=st.integers(0, 2000), junk=st.binary(min_size=1, max_size=6), name=NAME, kind=st.integers(0, 2))
def test_mutated_files_are_read_or_refused(tmp_path, place, junk, name, kind):
    FRAME.to_parquet(tmp_path / "t.parquet")
    whole = (
        b'id,"name",price,day\n1,"A, b",1.5,2024-01-01\n2,c,"2,5",2024-01-02\n' * 3,
        workbook({"Data": [["a", "b"], [1, "x"], [2, "y"]]}),
        (tmp_path / "t.parquet").read_bytes(),
    )[kind]
    place %= len(whole)
    reads_or_refuses(tmp_path, whole[:place] + junk + whole[place + len(junk) :], name)


def test_whole_numbers_beyond_a_floats_precision_are_read(tmp_path):
    """Parquet holds 64-bit numbers; they are rounded as every float is, not refused."""
    file = tmp_path / "a.parquet"
    table = pd.DataFrame({"big": [2**56 + 16, 5, 3] * 10, "y": ["a", "b", "a"] * 10})
    table.to_parquet(file)
    dataset = tabular.read(file, tabular.Config(), tmp_path / "out", lambda *_: None)
    assert dataset.schema.column("big").maximum == float(2**56 + 16)


def test_moments_outside_the_calendar_are_missing_cells(tmp_path):
    """A damaged Parquet file may hold them; Python could not even print them."""
    file = tmp_path / "a.parquet"
    moments = pa.array([2**62, 0, 86_400_000_000] * 10, pa.timestamp("us"))
    parquet.write_table(pa.table({"when": moments, "y": ["a", "b", "a"] * 10}), file)
    dataset = tabular.read(file, tabular.Config(), tmp_path / "out", quiet)
    assert dataset.schema.column("when").missing == 10
