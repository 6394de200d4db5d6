"""Writing: every layout is read, whole texts stay on one side, tokens are the same numbers twice, findings in words."""

import gzip
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import datasets
from datasets import _prose_tokens as tokens_in
from datasets import prose
from datasets._prose_reading import blocks_of, cleaned, titled
from recipes import Data, Refusal, keras, validate

WORDS = (
    "the",
    "old",
    "miller",
    "had",
    "three",
    "sons",
    "and",
    "a",
    "cat",
    "that",
    "could",
    "speak.",
    "Nobody",
    "asked",
)


def quiet(share: float, words: str) -> None:
    """Take progress and say nothing."""


def story(seed: int, words: int = 400) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


def read(file: Path, folder: Path, **settings) -> datasets.DataSet:
    return prose.read(file, validate(prose.Config, settings, "data"), folder / "read", quiet)


def written(folder: Path, text: str, name: str = "tale.txt", encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def prepared_of(dataset: datasets.DataSet, folder: Path, seed: int = 1, **settings) -> datasets.Prepared:
    return prose.prepare(dataset, Data(file="x", **settings), seed, folder / "prepared", quiet)


@pytest.fixture
def dataset(tmp_path):
    """Twelve stories in one file under headings."""
    tales = "\n\n".join(f"# Tale {number}\n\n{story(number)}" for number in range(12))
    return read(written(tmp_path, tales), tmp_path)


def test_reads_headings_as_titles_of_texts(dataset):
    """A collection in one file is still a collection."""
    assert dataset.schema.details["pieces"] == 12
    assert prose.preview(dataset, [0])[0]["title"] == "Tale 0"
    assert "#" not in prose.text_of(dataset)


def test_reads_a_folder_a_zip_and_a_gzip_alike(tmp_path):
    """However the texts come, they are the same texts."""
    folder = tmp_path / "all"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "tales.zip", "w") as archive:
        for number in range(4):
            written(folder, story(number), f"{number}.txt")
            archive.writestr(f"{number}.txt", story(number))
    (tmp_path / "one.txt.gz").write_bytes(gzip.compress(story(1).encode()))
    texts = [
        prose.text_of(read(file, tmp_path / f"of_{file.stem}")) for file in (tmp_path / "all", tmp_path / "tales.zip")
    ]
    assert texts[0] == texts[1] == "\n\n".join(story(number) for number in range(4))
    assert prose.text_of(read(tmp_path / "one.txt.gz", tmp_path)) == story(1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_reads_any_encoding(tmp_path, encoding):
    """Old files hold accents too."""
    text = "Die Königin hörte große Füße. " * 40
    assert "Königin hörte große Füße" in prose.text_of(read(written(tmp_path, text, encoding=encoding), tmp_path))


def test_leaves_out_the_publisher(tmp_path):
    """A licence text is no story."""
    mark = "*** {} OF THE PROJECT GUTENBERG EBOOK TALES ***"
    lines = ["Read this licence.", mark.format("START"), story(1), mark.format("END"), "More licence."]
    dataset = read(written(tmp_path, "\n".join(lines)), tmp_path)
    assert prose.text_of(dataset) == story(1)
    assert dataset.schema.notes == ("The publisher's notes before and after the book were left out.",)


def test_cleans_without_changing_words():
    """Signs that nobody sees are taken out; lines stay."""
    assert cleaned("a\u00adb \r\nc\u200b\n\n\n\nd\ufeff") == "ab\nc\n\nd"
    assert titled("no headings") == [("", "no headings")]


def test_blocks_cover_the_text_in_order():
    """Nothing is lost and nothing stands in two parts."""
    pieces = [("", story(number, words)) for number, words in enumerate((30, 5000, 20, 300, 10))]
    joined = "\n\n".join(text for _, text in pieces)
    blocks = blocks_of(pieces)
    assert blocks[0][0] == 0
    assert blocks[-1][1] == len(joined)
    for (_, end), (start, _) in pairwise(blocks):
        assert joined[end:start].strip() == ""
    assert min(end - start for start, end in blocks) >= 1000


def test_no_window_of_one_part_stands_in_another(dataset, tmp_path):
    """Held-out text is unseen text."""
    parts = prepared_of(dataset, tmp_path).encoding["parts"]
    spans = sorted((start, end) for blocks in parts.values() for start, end in blocks)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert {name: len(blocks) > 0 for name, blocks in parts.items()} == dict.fromkeys(parts, True)


def test_equal_texts_stay_on_one_side(tmp_path):
    """A copy in the test part would flatter the score."""
    tales = [story(number) for number in range(9)] + [story(0)] * 4
    dataset = read(written(tmp_path, "\n\n".join(f"# T\n\n{tale}" for tale in tales)), tmp_path)
    parts = prepared_of(dataset, tmp_path).encoding["parts"]
    text = prose.text_of(dataset)
    holding = [name for name, blocks in parts.items() if any(text[start:end] == story(0) for start, end in blocks)]
    assert len(holding) == 1


@pytest.mark.parametrize("settings", [{}, {"lower": True, "length": 24}, {"unit": "words", "length": 8}])
def test_both_readers_give_the_same_numbers(dataset, tmp_path, settings):
    """The download sees what the model learned from."""
    prepared = prepared_of(dataset, tmp_path, **settings)
    inputs, ready = prose.layers_of(prepared.signature, prepared.encoding)
    model = keras.Model(inputs, ready)
    part = prepared.part("validation")
    rows = np.asarray(part.rows)[::7]
    told = prose.raw(dataset, prepared.signature, rows.tolist())
    for raw, tokens in zip(told, np.asarray(part.x["tokens"])[::7], strict=True):
        np.testing.assert_array_equal(np.asarray(model.predict_on_batch(raw)["tokens"])[0], tokens)


def test_answers_are_the_tokens_that_follow(dataset, tmp_path):
    """At every place of a window the next token is learned."""
    part = prepared_of(dataset, tmp_path).part("train")
    np.testing.assert_array_equal(part.x["tokens"][:, 1:], part.y[:, :-1])


@pytest.mark.parametrize("text", ["", "a", "Zöe’s\n\t😀 b", "x" * 100])
def test_layers_take_the_last_tokens_and_fill_up_behind(text):
    """Short texts, long texts, signs never met and ends of lines are read alike by both readers."""
    encoding = {"version": 1, "unit": "characters", "lower": False, "length": 6, "vocabulary": list("ab\n’ xs")}
    inputs, ready = tokens_in.layers(encoding)
    told = keras.Model(inputs, ready).predict_on_batch({"text": np.array([[text]], dtype=object)})["tokens"]
    np.testing.assert_array_equal(np.asarray(told)[0], tokens_in.ready(encoding, text))


def test_writes_what_it_read():
    """Numbers become the text again; what was never met is a box."""
    encoding = tokens_in.fit(["aab b\n\n"], unit="characters", lower=False, length=4, words=10)
    numbers, places = tokens_in.encode(encoding, "ab\nz")
    assert tokens_in.written(encoding, numbers) == "ab\n□"
    assert places.tolist() == [0, 1, 2, 3]


def test_refusals_say_the_next_step(dataset, tmp_path):
    """Word for word, for they are the interface."""
    with pytest.raises(Refusal) as refusal:
        read(written(tmp_path, " \n "), tmp_path)
    assert str(refusal.value) == "The file is empty. Was it still downloading?"
    with pytest.raises(Refusal) as refusal:
        prepared_of(read(written(tmp_path, story(1, 100)), tmp_path / "short"), tmp_path)
    assert str(refusal.value).endswith("characters; at least 2,000 are needed. Add more text.")
    with pytest.raises(Refusal) as refusal:
        prepared_of(dataset, tmp_path, task="classification")
    assert str(refusal.value) == "Plain text can be continued, so `data.task` must be generation, not classification."
    with pytest.raises(Refusal) as refusal:
        prose.parse(prepared_of(dataset, tmp_path).signature, {"text": "  "})
    assert str(refusal.value) == "There is nothing to go on from. Type a few words."


def test_finds_repeats_mixed_scripts_and_broken_signs(tmp_path):
    """What would spoil the score is said before training."""
    text = (
        "A page header that stands on every page of the book.\n\n" * 40 + "Жили были дед и баба. " * 40 + "\ufffd" * 3
    )
    found = {told.code: told for told in prose.check(read(written(tmp_path, text), tmp_path), Data(file="x"))}
    assert found["repeated"].severity == "warning"
    assert found["mixed_scripts"].sentence.endswith("of the letters are Cyrillic, the others mostly Latin.")
    assert found["broken_signs"].sentence == "3 signs could not be read and stand as '\ufffd'."
    assert found["little_text"].severity == "warning"


def test_knows_a_story_from_a_table(tmp_path):
    """A text file may hold cells; then it is no story."""
    assert prose.looks_like(written(tmp_path, story(1))) >= 0.8
    assert prose.looks_like(written(tmp_path, "a;1\nb;2\nc;3\n" * 50, "cells.txt")) <= 0.1


def test_bundled_tales(tmp_path):
    """The sample is whole, and nothing keeps it from training."""
    dataset = prose.load_sample("grimm", tmp_path / "grimm")
    assert dataset.schema.details["pieces"] == 47
    assert [told.severity for told in prose.check(dataset, Data(sample="grimm"))] == ["pass"] * 7
