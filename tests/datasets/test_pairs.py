"""Sentence pairs: columns are found, sentences are cut alike twice, splits do not leak, findings in words."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets
from datasets import _pairs_tokens as tokens_in
from datasets import pairs
from datasets._made_french import make_french
from recipes import Data, Refusal, keras, validate


def quiet(share: float, words: str) -> None:
    """Take progress and say nothing."""


def table(rows: int = 60) -> pd.DataFrame:
    english, french = make_french()
    return pd.DataFrame({"id": range(rows), "english": english[:rows], "french": french[:rows]})


def read(file: Path, folder: Path, **settings) -> datasets.DataSet:
    return pairs.read(file, validate(pairs.Config, settings, "data"), folder / "read", quiet)


def prepared_of(dataset: datasets.DataSet, folder: Path, **settings) -> datasets.Prepared:
    return pairs.prepare(dataset, Data(file="x", **settings), 1, folder / "prepared", quiet)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "json"])
def test_reads_every_kind_of_table(tmp_path, ending):
    """The two columns of text are found, whatever else is there."""
    file = tmp_path / f"pairs.{ending}"
    frame = table()
    write = {
        "csv": lambda: frame.to_csv(file, index=False),
        "tsv": lambda: frame.to_csv(file, index=False, sep="\t"),
        "parquet": lambda: frame.to_parquet(file, index=False),
        "json": lambda: frame.to_json(file, orient="records"),
    }
    write[ending]()
    dataset = read(file, tmp_path)
    assert dataset.schema.rows == 60
    assert pairs.preview(dataset, [0]) == [{"english": frame["english"][0], "french": frame["french"][0]}]


def test_columns_may_be_chosen(tmp_path):
    """Backwards is a task of its own."""
    table().to_csv(tmp_path / "pairs.csv", index=False)
    dataset = read(tmp_path / "pairs.csv", tmp_path, source_column="french", target_column="english")
    assert dataset.schema.target == "english"


def test_knows_pairs_from_other_tables(tmp_path):
    """Two columns of sentences and nothing else are pairs; labels are not."""
    frame = table()
    frame[["english", "french"]].to_csv(tmp_path / "pairs.csv", index=False)
    pd.DataFrame({"text": frame["english"], "label": ["a", "b"] * 30}).to_csv(tmp_path / "labels.csv", index=False)
    assert pairs.looks_like(tmp_path / "pairs.csv") > 0.8
    assert pairs.looks_like(tmp_path / "labels.csv") == 0.0


def test_both_readers_give_the_same_numbers(tmp_path):
    """The download sees what the model learned from."""
    dataset = pairs.load_sample("french", tmp_path / "french")
    prepared = prepared_of(dataset, tmp_path)
    model = keras.Model(*pairs.layers_of(prepared.signature, prepared.encoding))
    part = prepared.part("test")
    rows = np.asarray(part.rows)[:20]
    for raw, numbers in zip(
        pairs.raw(dataset, prepared.signature, rows.tolist()), np.asarray(part.x["source"])[:20], strict=True
    ):
        np.testing.assert_array_equal(np.asarray(model.predict_on_batch(raw)["source"])[0], numbers)


def test_no_sentence_of_the_test_part_was_learned_from(tmp_path):
    """Also where a sentence has two counterparts."""
    frame = pd.concat([table(), table().assign(french="Une autre phrase ici.")])
    frame.to_csv(tmp_path / "pairs.csv", index=False)
    dataset = read(tmp_path / "pairs.csv", tmp_path)
    prepared = prepared_of(dataset, tmp_path)
    sides = [set(pairs.texts_of(dataset, np.asarray(prepared.part(name).rows))[0]) for name in ("train", "test")]
    assert not sides[0] & sides[1]


def test_target_is_what_was_written_so_far(tmp_path):
    """What is given is one place behind what is wanted, and the end is learned."""
    dataset = pairs.load_sample("french", tmp_path / "french")
    part = prepared_of(dataset, tmp_path).part("train")
    given, wanted = np.asarray(part.x["target"]), np.asarray(part.y)
    assert (given[:, 0] == 2).all()
    assert ((wanted == 3).sum(axis=1) == 1).all()
    inside = wanted[:, :-1] > 3
    np.testing.assert_array_equal(given[:, 1:][inside], wanted[:, :-1][inside])


def test_cuts_and_joins_as_people_write():
    """Marks and apostrophes are tokens of their own and stick where they belong."""
    assert tokens_in.cut_target("J'aime la pomme (rouge).", "words") == [
        "J'", "aime", "la", "pomme", "(", "rouge", ")", "."
    ]  # fmt: skip
    for sentence in (*make_french()[1][:50], "J'aime la pomme (rouge)."):
        assert tokens_in.joined(tokens_in.cut_target(sentence, "words"), "words") == sentence


def test_french_is_right():
    """Gender, elision, negation and the place of colours, once each."""
    found = dict(zip(*make_french(), strict=True))
    assert len(found) == 6000
    assert found["I do not buy a green house."] == "Je n'achète pas de maison verte."
    assert found["I love the white apple."] == "J'aime la pomme blanche."
    assert found["They sell an orange umbrella."] == "Ils vendent un parapluie orange."
    assert found["He does not see the hat."] == "Il ne voit pas le chapeau."


def test_findings(tmp_path):
    """Long pairs, copies and sentences left as they were are told."""
    frame = table(50)[["english", "french"]]
    more = pd.DataFrame({"english": ["same text here", "a " * 60], "french": ["same text here", "b"]})
    pd.concat([frame, frame[:1], more, more[:1]]).to_csv(tmp_path / "pairs.csv", index=False)
    found = {told.code: told for told in pairs.check(read(tmp_path / "pairs.csv", tmp_path), Data(file="x"))}
    assert found["long_pairs"].sentence == "1 of 54 pairs are longer than 40 words (in) or 24 (out)."
    assert found["duplicates"].sentence == "2 of 54 pairs repeat another exactly."
    assert found["untranslated"].sentence == "2 of 54 pairs have the same text on both sides."
    assert found["few_pairs"].severity == "warning"


def test_refusals_say_the_next_step(tmp_path):
    """Word for word, for they are the interface."""
    pd.DataFrame({"a": range(9), "b": ["some words"] * 9}).to_csv(tmp_path / "one.csv", index=False)
    with pytest.raises(Refusal) as refusal:
        read(tmp_path / "one.csv", tmp_path)
    assert str(refusal.value) == (
        "Two columns of text are needed: one that goes in and one that comes out. Choose them by hand, or add the "
        "missing one."
    )
    table(20).to_csv(tmp_path / "few.csv", index=False)
    with pytest.raises(Refusal) as refusal:
        prepared_of(read(tmp_path / "few.csv", tmp_path), tmp_path)
    assert str(refusal.value) == "There are only 20 usable pairs; at least 30 are needed. Add pairs."
