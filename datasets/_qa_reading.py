"""From an upload to questions about texts: a table with three columns, or JSON and Parquet shaped as SQuAD is.

SQuAD's own JSON nests questions in paragraphs in articles (Rajpurkar, Zhang, Lopyrev, Liang, "SQuAD: 100,000+ questions
for machine comprehension of text", 2016); its flat form has one row a question with `answers` as a group of lists.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from datasets._table_columns import as_numbers, as_texts
from datasets._table_config import Config as TableConfig
from datasets._table_encoding import words_of
from datasets._table_head import HEAD_BYTES, head_of
from datasets._table_reading import MOST_BYTES, Table, read_table
from recipes import Refusal, known

NAMES = {
    "context": ("context", "text", "passage", "paragraph", "story", "document"),
    "question": ("question", "query"),
    "answer": ("answer", "answer_text", "answers", "answer text"),
    "start": ("answer_start", "start", "answer start", "start_position"),
}
"""What columns are usually called, likeliest first."""
LOOKED_AT = 300


@dataclass
class Questions:
    """Questions as they were read: texts, questions, answers; where each answer starts (characters), or -1."""

    contexts: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    columns: tuple[str, str, str] = ("context", "question", "answer")
    notes: list[str] = field(default_factory=list)

    def add(self, context: str, question: str, answer: str, start: int) -> None:
        """Take one more question."""
        self.contexts.append(context)
        self.questions.append(question)
        self.answers.append(answer)
        self.starts.append(start)


def read_questions(file: Path, chosen: dict[str, str], reading: TableConfig) -> Questions:
    """Read an upload; `chosen` names columns by role (empty: found out). Raises `Refusal` in words."""
    nested = None if any(chosen.values()) else _nested(file)
    found = _of_records(nested) if nested is not None else _of_table(read_table(file, reading), chosen)
    if not found.contexts:
        raise Refusal("No row has a text, a question and an answer. Fill the three columns, or choose them by hand.")
    return found


def sureness(file: Path) -> float:
    """Say how sure it is (0 to 1) that a file holds questions about texts."""
    if file.is_dir():
        return 0.0
    if _is_squad(file):
        return 0.98
    table = head_of(file)
    if table is None:
        return 0.0
    roles = _by_name(table)
    if {"context", "question", "answer"} <= roles.keys():
        return 0.95
    return 0.7 if {"context", "question", "answer"} <= _by_content(table, roles).keys() else 0.0


# --- SQuAD's two shapes -------------------------------------------------------------------------------------------


def _is_squad(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
    except OSError:
        return False
    if head.startswith(b"PAR1"):
        return _answers_of_parquet(file)
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    return text[:1] in ("{", "[") and '"context"' in text and ('"qas"' in text or '"answers"' in text)


def _nested(file: Path) -> list[dict[str, Any]] | None:
    """Return flat records of SQuAD's shapes; None for every other file."""
    if file.stat().st_size > MOST_BYTES or not _is_squad(file):
        return None  # whoever reads tables says what is too large
    if _answers_of_parquet(file):
        return parquet.read_table(file, columns=["context", "question", "answers"]).to_pylist()
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        try:
            told = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise Refusal("This is not valid JSON. Save or download the file again.") from None
    records = list(_flat(told))
    return records or None


def _answers_of_parquet(file: Path) -> bool:
    """Is this Parquet with the flat form's group of answers?"""
    try:
        schema = parquet.read_schema(file)
    except (pa.ArrowException, OSError):
        return False
    return {"context", "question", "answers"} <= set(schema.names) and not pa.types.is_string(
        schema.field("answers").type
    )


def _flat(told: Any) -> Iterator[dict[str, Any]]:
    """Walk through articles and paragraphs to records {"context", "question", "answers"}."""
    if isinstance(told, list):
        for each in told:
            yield from _flat(each)
    elif isinstance(told, dict) and isinstance(told.get("qas"), list):
        for each in told["qas"]:
            if isinstance(each, dict):
                yield {**each, "context": told.get("context")}
    elif isinstance(told, dict) and "context" in told and "question" in told:
        yield told
    elif isinstance(told, dict):
        for name in ("data", "paragraphs"):
            if isinstance(told.get(name), list):
                yield from _flat(told[name])


def _of_records(records: list[dict[str, Any]]) -> Questions:
    found = Questions()
    for record in records:
        answer, start = _first_answer(record.get("answers", record.get("answer")))
        context, question = record.get("context"), record.get("question")
        if isinstance(context, str) and isinstance(question, str) and context.strip() and question.strip() and answer:
            found.add(context, question.strip(), answer, start)
    found.notes.append("Read as SQuAD: questions with the place of each answer; of several answers the first.")
    _note_left_out(found, len(records))
    return found


def _first_answer(told: Any) -> tuple[str, int]:
    """Return the first answer and where it starts, of any of the forms in which it may be written; "" without one."""
    if isinstance(told, dict):
        texts, starts = told.get("text"), told.get("answer_start")
        texts, starts = (each if isinstance(each, list) else [each] for each in (texts, starts))
        told = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=False)]
    if isinstance(told, list):
        told = told[0] if told else ""
    if isinstance(told, dict):
        start = told.get("answer_start")
        text = told.get("text")
        return (text.strip() if isinstance(text, str) else ""), start if isinstance(start, int) else -1
    return (told.strip() if isinstance(told, str) else ""), -1


# --- tables -------------------------------------------------------------------------------------------------------


def _of_table(table: Table, chosen: dict[str, str]) -> Questions:
    for wanted in filter(None, chosen.values()):
        if wanted not in table.columns:
            raise known("column", wanted, table.columns)
    roles = {role: name for role, name in chosen.items() if name}
    roles = _by_content(table, _by_name(table, roles))
    lacking = [role for role in ("context", "question", "answer") if role not in roles]
    if lacking:
        raise Refusal(
            f"Three columns are needed: the text, the question and the answer. Not found: {', '.join(lacking)}. "
            f"Choose by hand among: {', '.join(table.columns)}."
        )
    names = (roles["context"], roles["question"], roles["answer"])
    if len(set(names)) < 3:
        raise Refusal(f"Text, question and answer must be three different columns, but got {', '.join(names)}.")
    contexts, questions, answers = (as_texts(table.columns[name]).tolist() for name in names)
    starts = _starts(table, roles.get("start", ""), len(contexts))
    found = Questions(columns=names, notes=list(table.notes))
    for context, question, answer, start in zip(contexts, questions, answers, starts, strict=True):
        if context.strip() and question.strip() and answer.strip():
            found.add(context, question.strip(), answer.strip(), start)
    found.notes.append(f"Read '{names[0]}' as the text, '{names[1]}' as the question, '{names[2]}' as the answer.")
    _note_left_out(found, len(contexts))
    return found


def _starts(table: Table, name: str, rows: int) -> list[int]:
    if not name:
        return [-1] * rows
    return [-1 if np.isnan(start) else int(start) for start in as_numbers(table.columns[name], "number")]


def _by_name(table: Table, roles: dict[str, str] | None = None) -> dict[str, str]:
    """Find the roles that columns are named after."""
    found = dict(roles or {})
    small = {name.strip().lower(): name for name in table.columns}
    for role, usual in NAMES.items():
        name = next((small[each] for each in usual if each in small and small[each] not in found.values()), "")
        if role not in found and name:
            found[role] = name
    return found


def _by_content(table: Table, roles: dict[str, str]) -> dict[str, str]:
    """Find what names did not tell: questions end in a question mark, texts are longest, answers stand in the text."""
    found = dict(roles)
    texts = {
        name: [text for text in as_texts(cells.slice(0, LOOKED_AT)).tolist() if text.strip()]
        for name, cells in table.columns.items()
        if name not in found.values() and (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type))
    }
    texts = {name: some for name, some in texts.items() if some}
    asks = {name: sum(text.rstrip().endswith("?") for text in some) / len(some) for name, some in texts.items()}
    if "question" not in found and asks and max(asks.values()) > 0.5:
        found["question"] = max(asks, key=lambda name: asks[name])
        texts.pop(found["question"])
    sizes = {name: sum(map(len, some)) / len(some) for name, some in texts.items()}
    if "context" not in found and sizes and max(sizes.values()) > 20:
        found["context"] = max(sizes, key=lambda name: sizes[name])
        texts.pop(found["context"])
    if "answer" not in found and "context" in found:
        inside = {name: _inside(table, found["context"], name) for name in texts}
        if inside and max(inside.values()) > 0.6:
            found["answer"] = max(inside, key=lambda name: inside[name])
    return found


def _inside(table: Table, context: str, name: str) -> float:
    """Return the share of the cells whose words stand in the same row's text."""
    rows = zip(*(as_texts(table.columns[each].slice(0, LOOKED_AT)).tolist() for each in (context, name)), strict=True)
    told = [(f" {' '.join(words_of(text))} ", " ".join(words_of(cell))) for text, cell in rows if cell.strip()]
    return sum(f" {cell} " in text for text, cell in told) / max(1, len(told))


def _note_left_out(found: Questions, rows: int) -> None:
    if len(found.contexts) < rows:
        lost = rows - len(found.contexts)
        found.notes.append(f"Left out {lost:,} of {rows:,} questions without a text, a question or an answer.")
