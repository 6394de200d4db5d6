"""Questions about texts: every shape of upload, answers found in the text, splits by text, findings in words."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets
from datasets import _qa_tokens as tokens_in
from datasets import qa
from datasets._made_stories import make_stories
from datasets._table_encoding import words_of
from recipes import Data, Refusal, keras, validate


def quiet(share: float, words: str) -> None:
    """Take progress and say nothing."""


def table(rows: int = 80) -> pd.DataFrame:
    contexts, questions, answers, starts = (some[:rows] for some in make_stories())
    return pd.DataFrame({"context": contexts, "question": questions, "answer": answers, "answer_start": starts})


def squad(frame: pd.DataFrame) -> dict:
    """Nest questions in paragraphs in articles."""
    paragraphs = [
        {"context": context, "qas": [
            {"id": str(row), "question": told.question, "answers": [
                {"text": told.answer, "answer_start": told.answer_start}, {"text": "another", "answer_start": 0},
            ]}
            for row, told in some.iterrows()
        ]}
        for context, some in frame.groupby("context", sort=False)
    ]  # fmt: skip
    return {"version": "1.1", "data": [{"title": "Stories", "paragraphs": paragraphs}]}


def flat(frame: pd.DataFrame) -> list[dict]:
    """One row a question, its answers as a group of lists."""
    return [
        {"id": str(row), "context": told.context, "question": told.question,
         "answers": {"text": [told.answer], "answer_start": [told.answer_start]}}
        for row, told in frame.iterrows()
    ]  # fmt: skip


def read(file: Path, folder: Path, **settings) -> datasets.DataSet:
    return qa.read(file, validate(qa.Config, settings, "data"), folder / "read", quiet)


def prepared_of(dataset: datasets.DataSet, folder: Path, **settings) -> datasets.Prepared:
    return qa.prepare(dataset, Data(file="x", **settings), 1, folder / "prepared", quiet)


def finding(dataset: datasets.DataSet, code: str, **settings):
    return next(each for each in qa.check(dataset, Data(file="x", **settings)) if each.code == code)


@pytest.mark.parametrize("shape", ["csv", "tsv", "parquet", "json", "squad", "flat json", "lines", "flat parquet"])
def test_reads_every_shape(tmp_path, shape):
    """Tables, SQuAD's nested JSON, its flat form as JSON, JSON lines and Parquet hold the same questions."""
    frame = table()
    endings = {"squad": "json", "lines": "jsonl"}
    file = tmp_path / f"questions.{endings.get(shape, shape.split()[-1])}"
    write = {
        "csv": lambda: frame.to_csv(file, index=False),
        "tsv": lambda: frame.to_csv(file, index=False, sep="\t"),
        "parquet": lambda: frame.to_parquet(file, index=False),
        "json": lambda: frame.to_json(file, orient="records"),
        "squad": lambda: file.write_text(json.dumps(squad(frame))),
        "flat json": lambda: file.write_text(json.dumps(flat(frame))),
        "lines": lambda: file.write_text("\n".join(map(json.dumps, flat(frame)))),
        "flat parquet": lambda: pd.DataFrame(flat(frame)).to_parquet(file, index=False),
    }
    write[shape]()
    assert datasets.type_of(file) == "qa"
    dataset = read(file, tmp_path)
    assert dataset.schema.rows == 80
    assert list(qa.preview(dataset, [3])[0].values()) == [frame["context"][3], frame["question"][3], frame["answer"][3]]
    assert qa._columns_of(dataset, [3])[3] == [frame["answer_start"][3]]


def test_finds_columns_by_what_stands_in_them(tmp_path):
    """Questions end in a question mark, texts are long, answers stand in the text; any language will do."""
    frame = table().drop(columns="answer_start")
    frame.columns = ["Geschichte", "Frage", "Antwort"]
    frame.insert(0, "Nummer", range(len(frame)))
    frame.to_csv(tmp_path / "fragen.csv", index=False)
    assert datasets.type_of(tmp_path / "fragen.csv") == "qa"
    dataset = read(tmp_path / "fragen.csv", tmp_path)
    assert dataset.schema.details == {"context": "Geschichte", "question": "Frage", "answer": "Antwort"}


def test_columns_may_be_chosen(tmp_path):
    """Where two columns would do, the person decides."""
    frame = table().assign(other="harbour")
    frame.to_csv(tmp_path / "questions.csv", index=False)
    dataset = read(tmp_path / "questions.csv", tmp_path, answer_column="other")
    assert dataset.schema.target == "other"
    with pytest.raises(Refusal, match="There is no column 'othr'"):
        read(tmp_path / "questions.csv", tmp_path, answer_column="othr")


def test_a_table_without_questions_is_refused_in_words(tmp_path):
    """It is said what was not found, and what there is to choose from."""
    pd.DataFrame({"age": [1, 2], "name": ["Ada", "Bob"]}).to_csv(tmp_path / "people.csv", index=False)
    assert qa.looks_like(tmp_path / "people.csv") == 0.0
    with pytest.raises(Refusal) as refused:
        read(tmp_path / "people.csv", tmp_path)
    assert str(refused.value) == (
        "Three columns are needed: the text, the question and the answer. Not found: context, question, answer. "
        "Choose by hand among: age, name."
    )


def test_broken_json_is_refused_in_words(tmp_path):
    (tmp_path / "squad.json").write_text(json.dumps(squad(table()))[:-10])
    with pytest.raises(Refusal, match=r"This is not valid JSON. Save or download the file again."):
        read(tmp_path / "squad.json", tmp_path)


def test_questions_without_an_answer_are_left_out(tmp_path):
    """SQuAD 2 also asks what the text does not tell."""
    told = squad(table())
    told["data"][0]["paragraphs"][0]["qas"][0] |= {"answers": [], "is_impossible": True}
    (tmp_path / "squad.json").write_text(json.dumps(told))
    dataset = read(tmp_path / "squad.json", tmp_path)
    assert dataset.schema.rows == 79
    assert "Left out 1 of 80 questions without a text, a question or an answer." in dataset.schema.notes


def test_answers_are_found_among_the_words():
    """The place that is told decides between two; a part of a word is that word; capitals and marks do not matter."""
    text = 'Tom met Ann - and, later, "Ann Lee" paid $5-million.'
    assert tokens_in.located(text, "Ann") == (2, 2)
    assert tokens_in.located(text, "Ann", text.index("Ann Lee")) == (5, 5)
    assert tokens_in.located(text, "ann lee") == (5, 6)
    assert tokens_in.located(text, "5") == (8, 8)
    assert tokens_in.located(text, "Bob") is None
    assert tokens_in.located(text, "?!") is None
    assert tokens_in.passage(text, 5, 6) == "Ann Lee"
    assert tokens_in.passage(text, 4, 5) == 'later, "Ann'
    assert len(tokens_in.places_of(text)) == len(words_of(text)) == 9


def test_both_readers_give_the_same_numbers(tmp_path):
    """The download sees what the model learned from, the shorter side cut to its own length."""
    dataset = qa.load_sample("stories", tmp_path / "stories")
    prepared = prepared_of(dataset, tmp_path)
    model = keras.Model(*qa.layers_of(prepared.signature, prepared.encoding))
    part = prepared.part("test")
    rows = np.asarray(part.rows)[:20].tolist()
    for place, raw in enumerate(qa.raw(dataset, prepared.signature, rows)):
        told = model.predict_on_batch(raw)
        for side in ("context", "question"):
            np.testing.assert_array_equal(np.asarray(told[side])[0], part.x[side][place])


def test_spans_mark_the_answers(tmp_path):
    """First and last word, counted from 0, are the answer's own words."""
    dataset = qa.load_sample("stories", tmp_path / "stories")
    part = prepared_of(dataset, tmp_path).part("train")
    contexts, _, answers = qa.texts_of(dataset, np.asarray(part.rows)[:200])
    for context, answer, (first, last) in zip(contexts, answers, np.asarray(part.y), strict=False):
        assert words_of(context)[first : last + 1] == words_of(answer)


def test_no_text_of_the_test_part_was_learned_from(tmp_path):
    """All questions about a text stay together, however it is spaced."""
    frame = pd.concat([table(), table().assign(context=lambda some: some["context"].str.replace(" ", "  "))])
    frame.drop(columns="answer_start").to_csv(tmp_path / "questions.csv", index=False)
    dataset = read(tmp_path / "questions.csv", tmp_path)
    prepared = prepared_of(dataset, tmp_path)
    sides = [
        {" ".join(text.split()) for text in qa.texts_of(dataset, np.asarray(prepared.part(name).rows))[0]}
        for name in ("train", "test")
    ]
    assert not sides[0] & sides[1]


def test_people_of_a_test_story_never_met_while_training(tmp_path):
    """No two of the sample's stories have the same people: a name alone gives no answer away."""
    dataset = qa.load_sample("stories", tmp_path / "stories")
    names = {"Anna", "Rosa", "Tom", "Ben", "Max", "Hill", "Wood", "Fox", "Bell", "May", "Joe"}
    prepared = prepared_of(dataset, tmp_path)
    kinds = [set(qa.texts_of(dataset, np.asarray(prepared.part(name).rows))[0]) for name in ("train", "test")]
    assert len(kinds[0] | kinds[1]) == len(kinds[0]) + len(kinds[1])
    assert all(any(name in text for text in kinds[1]) for name in names)


def test_what_cannot_be_learned_is_said_and_left_out(tmp_path):
    """An answer that is not there, and one behind the end of what is read."""
    frame = table().drop(columns="answer_start")
    frame.loc[0, "answer"] = "a green dragon"
    frame.loc[5, "context"] += " word" * 40 + " Zanzibar."
    frame.loc[5, "answer"] = "Zanzibar"
    frame.to_csv(tmp_path / "questions.csv", index=False)
    dataset = read(tmp_path / "questions.csv", tmp_path)
    missing = finding(dataset, "not_in_text")
    assert missing.severity == "notice"
    assert missing.sentence == "1 of 80 answers do not stand in their text, such as 'a green dragon'."
    assert missing.rows == (0,)
    behind = finding(dataset, "behind_the_end", length=60)
    assert behind.sentence == "1 of 80 answers stand behind the first 60 words of their text."
    prepared = prepared_of(dataset, tmp_path, length=60)
    assert sum(prepared.signature.rows.values()) == 78
    assert prepared.signature.details["context_length"] <= 60


def test_questions_about_too_few_texts_are_refused(tmp_path):
    """With two texts no part could be honest."""
    frame = pd.concat([table(8)] * 8)
    frame.to_csv(tmp_path / "questions.csv", index=False)
    dataset = read(tmp_path / "questions.csv", tmp_path)
    assert finding(dataset, "few_texts").severity == "problem"
    with pytest.raises(Refusal) as refused:
        prepared_of(dataset, tmp_path)
    assert str(refused.value) == (
        "All questions are about 2 texts; at least 3 are needed. "
        "Add questions about other texts, or cut a long text into paragraphs."
    )


def test_the_sample_has_nothing_to_complain_about(tmp_path):
    """Every check answers, and all are well."""
    dataset = qa.load_sample("stories", tmp_path / "stories")
    found = qa.check(dataset, Data(sample="stories"))
    assert len(found) == 8
    assert {each.severity for each in found} == {"pass"}


def test_try_needs_both_a_text_and_a_question(tmp_path):
    """What is missing is named."""
    dataset = qa.load_sample("stories", tmp_path / "stories")
    signature = prepared_of(dataset, tmp_path).signature
    with pytest.raises(Refusal, match=r"No text was given. Type or paste the text that holds the answer."):
        qa.parse(signature, {"context": " ", "question": "Who?"})
    with pytest.raises(Refusal, match=r"No question was given. Type one."):
        qa.parse(signature, {"context": "Tom ran.", "question": "?"})
    assert qa.parse(signature, {"context": "Tom ran.", "question": "Who?"})["question"].shape == (1, 1)
