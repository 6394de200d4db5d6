"""Sentences: every layout is read, words become the same numbers twice, splits do not leak, findings in words."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets
from datasets import _text_tokens as tokens_in
from datasets import text
from datasets._made_tickets import QUEUES, make_tickets
from recipes import Data, Refusal, keras, validate

GOOD = ["what a lovely film", "I liked every minute", "a great and warm story", "lovely, simply lovely", "so much fun"]
BAD = ["what a dull film", "I hated every minute", "a weak and cold story", "boring, simply boring", "so much noise"]


def quiet(share: float, words: str) -> None:
    """Take progress and say nothing."""


def read(file: Path, folder: Path, **settings) -> datasets.DataSet:
    return text.read(file, validate(text.Config, settings, "data"), folder / "read", quiet)


def rows_of(dataset: datasets.DataSet) -> list[tuple[str, str]]:
    column, target = dataset.schema.details["text_column"], dataset.schema.target
    return [(row[column], row[target]) for row in text.preview(dataset, range(dataset.schema.rows))]


def zipped(folder: Path, files: dict[str, str]) -> Path:
    file = folder / "upload.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name, told in files.items():
            archive.writestr(name, told)
    return file


def table(folder: Path, copies: int = 8, **more) -> Path:
    """Write 10 * `copies` sentences, each a little different from the others."""
    rows = [(f"{told} number {n}", label) for n in range(copies) for label, some in (("good", GOOD), ("bad", BAD))
            for told in some]  # fmt: skip
    file = folder / "films.csv"
    pd.DataFrame({"review": [told for told, _ in rows], "feeling": [label for _, label in rows], **more}).to_csv(
        file, index=False
    )
    return file


def test_finds_the_texts_and_the_label_of_a_table(tmp_path):
    dataset = read(table(tmp_path, identity=range(80)), tmp_path)
    assert dataset.schema.details["text_column"] == "review"
    assert (dataset.schema.target, dataset.schema.task) == ("feeling", "classification")
    assert dataset.schema.classes == {"bad": 40, "good": 40}


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".tsv"])
def test_reads_every_kind_of_table(ending, tmp_path):
    frame, file = pd.read_csv(table(tmp_path)), tmp_path / f"films{ending}"
    writers = {
        ".parquet": lambda: frame.to_parquet(file),
        ".jsonl": lambda: frame.to_json(file, orient="records", lines=True),
        ".tsv": lambda: frame.to_csv(file, sep="\t", index=False),
    }  # fmt: skip
    writers[ending]()
    dataset = read(file, tmp_path)
    assert rows_of(dataset) == list(frame.itertuples(index=False, name=None))


def test_reads_labelled_lines_without_a_header(tmp_path):
    """The well-known collection of SMS comes like this: the first line is data."""
    file = tmp_path / "sms.txt"
    lines = ['ham\tGo until the point, "they said"', "spam\tFree entry, win now", "ham\tOk lar, see you", "ham\tDone"]
    file.write_text("\n".join(lines * 5), encoding="utf-8")
    dataset = read(file, tmp_path)
    assert dataset.schema.rows == 20
    assert rows_of(dataset)[0] == ('Go until the point, "they said"', "ham")
    assert dataset.schema.notes == ("The first row holds data: the file has no header.",)
    assert dataset.schema.target == "label"


def test_reads_lines_as_fasttext_writes_them(tmp_path):
    file = tmp_path / "cooking.train"
    file.write_text("__label__bread How long does dough rest?\n__label__meat Is pork red?\nno label here\n" * 1)
    file.write_text(file.read_text() + "__label__bread Which flour?\n" * 10)
    dataset = read(file, tmp_path)
    assert rows_of(dataset)[:2] == [("How long does dough rest?", "bread"), ("Is pork red?", "meat")]
    assert dataset.schema.notes == ("Left out 1 lines without a label.",)


def test_reads_a_folder_for_each_class(tmp_path):
    """Folders of a finished split are put together; Layerwise splits anew."""
    files = {f"aclImdb/{part}/{label}/{n}.txt": f"{told} {part}"
             for part in ("train", "test") for label, some in (("pos", GOOD), ("neg", BAD))
             for n, told in enumerate(some)}  # fmt: skip
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert dataset.schema.classes == {"neg": 10, "pos": 10}
    assert set(rows_of(dataset)) == {(f"{told} {part}", label) for part in ("train", "test")
                                     for label, some in (("pos", GOOD), ("neg", BAD)) for told in some}  # fmt: skip


def test_reads_a_file_for_each_class(tmp_path):
    dataset = read(zipped(tmp_path, {"happy.txt": "\n".join(GOOD), "sad.txt": "\n".join(BAD[:4])}), tmp_path)
    assert dataset.schema.classes == {"happy": 5, "sad": 4}
    assert dataset.schema.notes == ("One file a class, one text a line.",)


def test_reads_texts_and_labels_from_two_files(tmp_path):
    files = {"texts.txt": "\n".join(GOOD + BAD), "labels.txt": "\n".join(["up"] * 5 + ["down"] * 5)}
    dataset = read(zipped(tmp_path, files), tmp_path)
    assert rows_of(dataset) == [*((told, "up") for told in GOOD), *((told, "down") for told in BAD)]


def test_refuses_what_holds_no_texts(tmp_path):
    (tmp_path / "numbers.csv").write_text("a,b\n" + "1,2\n3,4\n" * 10)
    with pytest.raises(Refusal) as refusal:
        read(tmp_path / "numbers.csv", tmp_path)
    assert str(refusal.value) == (
        "No column of texts was found: at least one must hold words, not only numbers. "
        "Choose the text column by hand, or use this file as a table."
    )
    with pytest.raises(Refusal) as refusal:
        read(zipped(tmp_path, {"one.png": "x"}), tmp_path)
    assert str(refusal.value) == (
        "No texts found. Expected folders named after classes with .txt files inside, e.g. spam/1.txt."
    )
    with pytest.raises(Refusal) as refusal:
        read(zipped(tmp_path, {"one.txt": "x"}), tmp_path)
    assert str(refusal.value).startswith("Only one file of texts: nothing says which text is of which class.")


def test_tells_sentences_from_tables(tmp_path):
    """A column of sentences beside a label is for this type; a table of measurements is not."""
    assert text.looks_like(table(tmp_path)) == 0.75
    assert datasets.type_of(table(tmp_path)) == "text"
    measured = tmp_path / "flowers.csv"
    measured.write_text("length,width,species\n" + "1.5,2.5,rose\n2.5,1.0,lily\n" * 20)
    assert text.looks_like(measured) == 0.0
    assert datasets.type_of(measured) == "tabular"


WILD = [
    "", "   ", "Don't STOP, o'clock!", "Ünïcode ÄÖÜ und Straße", "a  b\tc\nd", "\u00a0hard space", "日本語 の テキスト",
    "emoji 😀 here", "x" * 50, "one two three four five six seven eight nine ten eleven twelve", "[UNK] <br/> _under_",
]  # fmt: skip


@pytest.mark.parametrize("unit", ["words", "characters"])
def test_layers_number_the_tokens_as_python_does(unit):
    """The download sees exactly the numbers that the model learned from."""
    encoding = tokens_in.fit([*WILD, *WILD, *GOOD, *GOOD], unit, 500, 9)
    layer = tokens_in.vectorization(encoding)
    expected = tokens_in.encode(encoding, [*WILD, *BAD])
    np.testing.assert_array_equal(np.asarray(layer(np.array([*WILD, *BAD], dtype=object))), expected)
    assert expected.max() > 1


def test_writes_numbers_back_as_words():
    encoding = tokens_in.fit(["my cat sat", "my cat ran"], "words", 10, 5)
    numbers = tokens_in.encode(encoding, ["My dog, my cat"])[0]
    assert numbers.tolist() == [3, 1, 3, 2, 0]
    assert tokens_in.words_for(encoding, numbers) == ["my", "□", "my", "cat"]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    return read(table(folder), folder)


def test_prepares_numbers_with_a_vocabulary_from_the_training_part(films, tmp_path):
    prepared = text.prepare(films, Data(file="films.csv"), 1, tmp_path, quiet)
    train, test = prepared.part("train"), prepared.part("test")
    assert prepared.signature.rows == {"train": 52, "validation": 12, "test": 16}
    assert train.x["tokens"].shape == (52, prepared.encoding["length"])
    assert train.x["tokens"].dtype == np.int32
    assert prepared.signature.details["vocabulary"] == len(prepared.encoding["vocabulary"]) + 2
    texts = [rows_of(films)[row][0] for row in train.rows]
    assert all(sum(word in tokens_in.tokens_of(told, "words") for told in texts) > 0
               for word in prepared.encoding["vocabulary"])  # fmt: skip
    assert not set(train.rows) & set(test.rows)
    assert [rows_of(films)[row][1] for row in test.rows] == [prepared.signature.target.classes[y] for y in test.y]


def test_keeps_copies_on_one_side(tmp_path):
    """A sentence that stands in two parts would let the model look up the answer."""
    file = tmp_path / "twice.csv"
    told = [f"{some} {n}" for n in range(6) for some in GOOD + BAD]
    labels = (["up"] * 5 + ["down"] * 5) * 6
    pd.DataFrame({"text": told + [each.upper() for each in told], "label": labels * 2}).to_csv(file, index=False)
    dataset = read(file, tmp_path)
    prepared = text.prepare(dataset, Data(file="twice.csv"), 3, tmp_path / "p", quiet)
    seen = [{rows_of(dataset)[row][0].lower() for row in prepared.part(name).rows} for name in ("train", "test")]
    assert not seen[0] & seen[1]
    found = {finding.code: finding for finding in text.check(dataset, Data(file="twice.csv"))}
    assert found["duplicates"].sentence == "60 sentences of 120 (50.0%) repeat another one."


def test_learns_numbers_where_asked(tmp_path):
    file = table(tmp_path, stars=[5, 1] * 40)
    dataset = read(file, tmp_path)
    prepared = text.prepare(
        dataset, Data(file="films.csv", target="stars", task="regression"), 1, tmp_path / "p", quiet
    )
    assert prepared.signature.target.mean == pytest.approx(3.0, abs=0.3)
    assert prepared.part("train").y.shape == (52, 1)
    assert text.classes(dataset, Data(file="films.csv", target="feeling")) == {"bad": 40, "good": 40}


def test_says_what_is_odd_about_the_texts(tmp_path):
    rows = [("a fine day for tea", "calm"), ("the answer is calm", "calm"), ("caf\u00c3\u00a9 at noon <br/>", "loud"),
            ("привет мир снова", "loud"), ("", "loud"), ("well", "calm"), ("a fine day for tea", "loud")]  # fmt: skip
    rows += [(f"quite a quiet evening {n}", "calm") for n in range(30)] + [
        (f"bang goes drum {n}", "loud") for n in range(30)
    ]
    file = tmp_path / "odd.csv"
    pd.DataFrame(rows, columns=["text", "mood"]).to_csv(file, index=False)
    found = {each.code: each for each in text.check(read(file, tmp_path), Data(file="odd.csv"))}
    assert found["empty_texts"].sentence == "1 row has no text."
    assert found["conflicting_labels"].sentence == "1 sentence has several labels, such as 'calm', 'loud' for one text."
    assert found["scripts"].sentence == "The sentences are written in several scripts: Latin (65), Cyrillic (1)."
    assert found["odd_signs"].severity == "notice"
    assert found["leakage"].sentence == "The word 'quite' stands in 91% of class 'calm' and nearly no other sentence."
    assert found["rows"].severity == "warning"


def test_refuses_what_cannot_be_learned(films, tmp_path):
    cases = {
        "review": "Column 'review' holds the texts and cannot be learned as well. Choose another target.",
        "mood": "There is no column 'mood'. Available: feeling, review.",
    }
    for target, sentence in cases.items():
        with pytest.raises(Refusal) as refusal:
            text.prepare(films, Data(file="films.csv", target=target), 1, tmp_path, quiet)
        assert str(refusal.value) == sentence
    with pytest.raises(Refusal) as refusal:
        text.prepare(films, Data(file="films.csv", target="feeling", task="regression"), 1, tmp_path, quiet)
    assert str(refusal.value) == (
        "Column 'feeling' does not hold numbers, so no number can be predicted. "
        "Choose the task 'classification', or another target."
    )


def test_refuses_an_empty_sentence(films, tmp_path):
    signature = text.prepare(films, Data(file="films.csv"), 1, tmp_path, quiet).signature
    with pytest.raises(Refusal) as refusal:
        text.parse(signature, {"text": "  "})
    assert str(refusal.value) == "No sentence was given. Type one."
    assert text.parse(signature, {"text": "hello "})["text"].tolist() == [["hello"]]


def test_the_finished_model_takes_the_raw_text(films, tmp_path):
    prepared = text.prepare(films, Data(file="films.csv"), 1, tmp_path, quiet)
    inputs, ready = text.layers_of(prepared.signature, prepared.encoding)
    model = keras.Model(inputs, ready)
    test = prepared.part("test")
    for row, tokens in zip(text.raw(films, prepared.signature, test.rows.tolist()), test.x["tokens"], strict=True):
        np.testing.assert_array_equal(model(row)["tokens"][0], tokens)


def test_tickets_are_the_same_every_time():
    texts, labels = make_tickets(200)
    assert (texts, labels) == make_tickets(200)
    assert set(labels) == set(QUEUES)
    assert texts != make_tickets(200, seed=1)[0]


@pytest.mark.parametrize("sample", text.samples(), ids=lambda sample: sample.name)
def test_loads_its_samples(sample, tmp_path):
    dataset = text.load_sample(sample.name, tmp_path)
    assert dataset.schema.rows == sample.rows
    assert (dataset.schema.target, dataset.schema.task) == (sample.target, sample.task)
    assert not [found for found in text.check(dataset, Data(sample=sample.name)) if found.severity == "problem"]
