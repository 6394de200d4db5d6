"""What each column of a table is, by stated rules, and which one is to be learned.

The rules, first match wins (a recipe's `columns: {name: kind}` overrules them):

1. no cell, or the same cell everywhere: `ignore`;
2. all cells are numbers (decimal comma and thousands marks understood; at least 90 % for a column with some stray
   words, which then count as empty): `number`; but whole numbers that count the rows, or differ in every row under a
   name such as "id", are `ignore`;
3. true and false: `boolean`;
4. at least 95 % are dates of one form: `date`;
5. several words a cell, mostly small letters, mostly different: `text`;
6. a different word in nearly every row (over 90 %), or over half of the rows with names of several words: `ignore`;
7. everything else: `category`.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from recipes import Column, Refusal

pc: Any = compute
"""Arrow's functions on columns; they are made when Arrow is imported, so no type checker knows them."""

MISSING = (
    "", "NA", "N/A", "n/a", "NaN", "nan", "NAN", "-nan", "NULL", "null", "Null", "None", "<NA>", "#N/A", "#NA", "NaT",
    "?", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "(null)",
)  # fmt: skip
"""Cells that count as empty, beside white space."""
DASHES = ("-", "--", "–", "—", ".", "..", "...", "n.a.", "k.A.")
"""Count as empty among numbers and dates only; elsewhere they may be names."""

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_INFINITE = r"^[+-]?(?i:inf|infinity|∞)$"
_COMMA = r"^[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?$"
_GROUPED_POINT = r"^[+-]?\d{1,3}([,'’   ]\d{3})+(\.\d+)?$"
_GROUPED_COMMA = r"^[+-]?\d{1,3}([.'’   ]\d{3})+(,\d+)?$"
_SPEAKS_FOR_COMMA = r"^[+-]?(\d+,(\d{1,2}|\d{4,})|0,\d+|\d{1,3}([.'’   ]\d{3})+,\d+)$"
_SPEAKS_FOR_POINT = r"^[+-]?(\d*\.(\d{1,2}|\d{4,})|0\.\d+|\d{1,3}([,'’   ]\d{3})+\.\d+)$"
_UNIT = r"^([+-]?)\s*[$€£¥₹]?\s*(.*?)\s*[$€£¥₹%]?$"

_DATES = (
    (r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?", "ISO8601"),
    (r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    (r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}", "%Y/%m/%d %H:%M"),
    (r"\d{4}/\d{1,2}/\d{1,2} \d{1,2}:\d{2}:\d{2}", "%Y/%m/%d %H:%M:%S"),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", "%d.%m.%y"),
    (r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}", "%d.%m.%Y %H:%M"),
    (r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d{2}:\d{2}", "%d.%m.%Y %H:%M:%S"),
    (r"\d{1,2}/\d{1,2}/\d{4}", "%d/%m/%Y"),
    (r"\d{1,2}/\d{1,2}/\d{2}", "%d/%m/%y"),
    (r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}", "%d/%m/%Y %H:%M"),
    (r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2}:\d{2}", "%d/%m/%Y %H:%M:%S"),
    (r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2} ?[AaPp][Mm]", "%d/%m/%Y %I:%M %p"),
    (r"\d{1,2}-\d{1,2}-\d{4}", "%d-%m-%Y"),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{4}", "%d-%b-%Y"),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{2}", "%d-%b-%y"),
    (r"[A-Za-z]{3} \d{1,2},? \d{4}", "%b %d %Y"),
    (r"[A-Za-z]{4,9} \d{1,2},? \d{4}", "%B %d %Y"),
    (r"\d{1,2} [A-Za-z]{4,9} \d{4}", "%d-%B-%Y"),
)
"""Forms of dates; where day and month may be either, a day above 12 decides, else the day comes first."""

_ID_NAME = re.compile(r"(^|[^a-z])(id|ids|uuid|guid|nr|no|idx|index|key|row|rowid|unnamed.*)$")
_TARGET_NAMES = (
    "target", "label", "class", "y", "outcome", "survived", "species", "diagnosis", "churn", "churned", "default",
    "fraud", "is_fraud", "response", "category", "result", "price", "saleprice", "quality", "mpg", "medv",
    "progression",
)  # fmt: skip
FEW_NUMBERS = 10
"""A target with at most this many different whole numbers is taken for classes (20 where they count from 0 or 1)."""


@dataclass(frozen=True)
class Found:
    """A column as it was understood: its description, its cells in canonical form, and what did not fit."""

    column: Column
    cells: pa.Array
    strays: tuple[tuple[int, str], ...] = ()
    """Row and text of cells that are no numbers in a column of numbers (the first few)."""
    stray_count: int = 0


def decimal_mark(columns: Iterable[pa.Array], delimiter: str) -> str:
    """Tell decimal comma from decimal point by all cells of the table that leave no doubt."""
    comma = point = lone = 0
    for cells in columns:
        if pa.types.is_string(cells.type):
            head = _without_unit(_trimmed(cells.slice(0, 2000)))
            comma += _matches(head, _SPEAKS_FOR_COMMA)
            point += _matches(head, _SPEAKS_FOR_POINT)
            lone += _matches(head, r"^\d+,\d{3}$")
    if comma == point == 0:
        return "," if lone and delimiter == ";" else "."
    return "," if comma > point else "."


def find_column(name: str, cells: pa.Array, decimal: str, wanted: str = "", *, guess_decimal: bool = True) -> Found:
    """Say what one column is; `wanted` overrules the rules."""
    if pa.types.is_string(cells.type):
        cells = _without_missing(_trimmed(cells))
        if not wanted or wanted in {"number", "date", "boolean"}:
            mark = _own_mark(cells, decimal) if guess_decimal else decimal
            found = _from_texts(name, cells, mark, wanted)
            if found is not None:
                return found
    return _described(name, cells, wanted or None)


def _from_texts(name: str, cells: pa.Array, decimal: str, wanted: str) -> Found | None:
    """Return the column as numbers or dates where its texts are such."""
    present = len(cells) - cells.null_count
    if not present:
        return None
    if wanted != "date" and (wanted == "number" or _look_numeric(cells)):
        numbers = parse_numbers(cells, decimal)
        good = len(numbers) - numbers.null_count
        dashes = _matches_any(cells, DASHES)
        strays = present - good - dashes
        if good and (wanted == "number" or strays <= 0.1 * (good + strays)):
            places = np.flatnonzero((pc.is_valid(cells).to_numpy(False)) & ~pc.is_valid(numbers).to_numpy(False))
            told = [(int(place), cells[int(place)].as_py()) for place in places[:200]]
            told = tuple((place, text) for place, text in told if text not in DASHES)[:5]
            found = _described(name, _whole(numbers), wanted or None)
            return Found(found.column, found.cells, told, strays)
    if wanted != "number" and (wanted == "date" or not wanted):
        dates = parse_dates(cells, 0.95 if not wanted else 0.01)
        if dates is not None:
            return _described(name, dates, wanted or None)
    if wanted in {"number", "date"}:
        what = "numbers: none of its cells is one" if wanted == "number" else "dates: its cells are no dates"
        raise Refusal(f"Column '{name}' cannot be read as {what}. Choose 'category' or 'text' for it.")
    return None


# --- kinds --------------------------------------------------------------------------------------------------------


def _described(name: str, cells: pa.Array, wanted: str | None) -> Found:
    rows, present = len(cells), len(cells) - cells.null_count
    counted = pc.value_counts(cells.drop_null())
    unique = len(counted)
    kind, reason = (wanted, "chosen by you") if wanted else _kind(name, cells, counted)
    low = high = mean = None
    numbers = as_numbers(cells, kind) if kind in {"number", "date"} else np.empty(0)
    finite = numbers[np.abs(numbers) < 1e300]
    if len(finite):
        low, high, mean = float(finite.min()), float(finite.max()), float(finite.mean())
    order = np.argsort(-counted.field("counts").to_numpy(), kind="stable")[:5] if present else []
    examples = tuple(_short(_brief(counted.field("values")[int(place)].as_py())) for place in order)
    told = {
        "name": name, "kind": kind, "reason": reason, "missing": rows - present, "unique": unique,
        "examples": examples, "minimum": low, "maximum": high, "mean": mean,
    }  # fmt: skip
    return Found(Column.model_validate(told), cells)


def _kind(name: str, cells: pa.Array, counted: pa.Array) -> tuple[str, str]:
    present, unique = len(cells) - cells.null_count, len(counted)
    if not present:
        return "ignore", "every cell is empty"
    if unique == 1:
        return "ignore", f"every cell is the same ({_short(cell_text(counted.field('values')[0].as_py()))})"
    if pa.types.is_timestamp(cells.type):
        return "date", "all cells are dates"
    if pa.types.is_boolean(cells.type):
        return "boolean", "all cells are true or false"
    if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type):
        return _number_kind(name, cells, present, unique)
    if unique <= 6 and {value.lower() for value in counted.field("values").to_pylist()} == {"true", "false"}:
        return "boolean", "all cells are true or false"
    return _word_kind(counted.field("values").to_pylist(), present, unique)


def _number_kind(name: str, cells: pa.Array, present: int, unique: int) -> tuple[str, str]:
    reason = "all cells are numbers" if present == len(cells) else "all filled cells are numbers"
    if unique == present >= 10 and pa.types.is_integer(cells.type):
        span = pc.min_max(cells)
        if span["max"].as_py() - span["min"].as_py() == present - 1:
            return "ignore", "it numbers the rows"
        if _ID_NAME.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()):
            return "ignore", "its name says id, and every row has its own number"
    return "number", reason


def _word_kind(values: list[str], present: int, unique: int) -> tuple[str, str]:
    share = unique / present
    few = values[:2000]
    words = [word for value in few for word in value.split()]
    per_cell = len(words) / len(few)
    small = sum(word[0].islower() for word in words) / max(len(words), 1)
    if present >= 10 and share > 0.5 and per_cell >= 3 and small > 0.5:
        return "text", f"about {per_cell:.0f} words a cell, mostly different in each row"
    if present >= 10 and unique == present:
        return "ignore", "every row has its own value, like a name or an id"
    if present >= 20 and share > 0.9:
        return "ignore", f"nearly every row has its own value ({unique:,} of {present:,}), like a name"
    if present >= 50 and share > 0.5 and per_cell >= 1.5:
        return "ignore", f"most rows have their own value ({unique:,} of {present:,}), like a name"
    return "category", f"{unique:,} different words"


# --- target -------------------------------------------------------------------------------------------------------


def propose_target(columns: Mapping[str, Column]) -> str:
    """Propose what to learn: a telling name, else the last column that can be learned."""
    able = [column for column in columns.values() if _can_be_target(column)]
    named = {re.sub(r"[^a-z]+", "_", column.name.lower()).strip("_"): column.name for column in able}
    for name in _TARGET_NAMES:
        if name in named:
            return named[name]
    for column in reversed(able):
        if column.name.lower().endswith(("target", "label", "class")):
            return column.name
    return able[-1].name if able else ""


def _can_be_target(column: Column) -> bool:
    if column.kind in {"number", "boolean"}:
        return True
    return column.kind == "category" and column.unique <= 50


def propose_task(column: Column, cells: pa.Array) -> str:
    """Say whether classes or a number are to be learned."""
    if column.kind == "number" and not pa.types.is_string(cells.type) and not pa.types.is_boolean(cells.type):
        return "classification" if _like_classes(column, cells) else "regression"
    return "regression" if column.kind == "date" else "classification"


def _like_classes(column: Column, cells: pa.Array) -> bool:
    if column.unique == 2:
        return True
    if not pa.types.is_integer(cells.type) or column.minimum is None or column.maximum is None:
        return False
    counts_up = column.minimum in {0.0, 1.0} and column.maximum - column.minimum == column.unique - 1
    return column.unique <= (20 if counts_up else FEW_NUMBERS) and len(cells) >= 3 * column.unique


# --- cells as numbers, as texts -----------------------------------------------------------------------------------


def as_numbers(cells: pa.Array, kind: str) -> np.ndarray:
    """Return cells as float64: dates as days since 1970-01-01, true as 1, missing as NaN."""
    if pa.types.is_string(cells.type):
        cells = _without_missing(_trimmed(cells))
        if kind == "boolean":
            return _truths(cells)
        if kind == "date":
            dates = parse_dates(cells, 0.01)
            return np.full(len(cells), np.nan) if dates is None else as_numbers(dates, "date")
        cells = parse_numbers(cells, _own_mark(cells, "."))
    if pa.types.is_timestamp(cells.type):
        micros = pc.cast(cells, pa.int64()).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return micros / 86_400e6
    # Not safe: beyond 2**53 whole numbers are rounded, as every float is.
    return cells.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)


def as_texts(cells: pa.Array) -> np.ndarray:
    """Return cells as texts; missing ones are empty."""
    if pa.types.is_string(cells.type):
        cells = _without_missing(_trimmed(cells))
    coded = cells.dictionary_encode()
    names = np.asarray([*(cell_text(value) for value in coded.dictionary.to_pylist()), ""], dtype=object)
    return names[coded.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)]


def one_array(cells: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column of a table as one plain array."""
    if isinstance(cells, pa.Array):
        return cells
    return pa.concat_arrays(cells.chunks) if cells.num_chunks else pa.array([], cells.type)


def cell_text(value: object) -> str:
    """Write one cell as a person would: 3 for 3.0, a date without its midnight."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return str(value.date())
    return str(value)


def _truths(cells: pa.Array) -> np.ndarray:
    low = pc.utf8_lower(cells)
    yes = pc.is_in(low, value_set=pa.array(["true", "yes", "1", "t", "y"])).to_numpy(zero_copy_only=False)
    no = pc.is_in(low, value_set=pa.array(["false", "no", "0", "f", "n"])).to_numpy(zero_copy_only=False)
    return np.where(yes, 1.0, np.where(no, 0.0, np.nan))


def parse_numbers(cells: pa.Array, decimal: str) -> pa.Array:
    """Read texts as numbers; null where a text is none."""
    if decimal == ".":
        try:
            return cells.cast(pa.float64())
        except pa.ArrowInvalid:
            pass
    bare = _without_unit(cells)
    grouped, point = (_GROUPED_COMMA, False) if decimal == "," else (_GROUPED_POINT, True)
    groups = pc.match_substring_regex(bare, grouped)
    marks = r"[.'’   ]" if decimal == "," else r"[,'’   ]"
    bare = pc.if_else(groups, pc.replace_substring_regex(bare, marks, ""), bare)
    if not point:
        bare = pc.if_else(pc.match_substring_regex(bare, _COMMA), pc.replace_substring(bare, ",", "."), bare)
    bare = pc.replace_substring_regex(bare, r"^\+", "")
    bare = pc.replace_substring_regex(bare, r"^([+-]?).*∞.*$", r"\1inf")
    good = pc.or_(pc.match_substring_regex(bare, _PLAIN), pc.match_substring_regex(bare, _INFINITE))
    return pc.if_else(good, bare, pa.scalar(None, pa.string())).cast(pa.float64())


def parse_dates(cells: pa.Array, needed: float) -> pa.Array | None:
    """Read texts as times, where at least this share of them has one of the known forms."""
    import pandas as pd

    head = [text for text in cells.drop_null().slice(0, 200).to_pylist() if text not in DASHES]
    for pattern, form in _DATES:
        form_of = re.compile(pattern)
        if not head or sum(bool(form_of.fullmatch(text)) for text in head) < needed * len(head):
            continue
        texts = cells
        if "%b" in form or "%B" in form:
            texts = pc.replace_substring_regex(cells, r"[, -]+", "-" if form.startswith("%d") else " ")
        series = texts.to_pandas().astype(object)
        best = None
        for order in _day_orders(form):
            times = pd.to_datetime(series, format=order, errors="coerce", utc=True)
            if best is None or times.notna().sum() > best.notna().sum():
                best = times
        present = len(cells) - cells.null_count - _matches_any(cells, DASHES)
        if best is not None and best.notna().sum() >= max(1, needed * present):
            return pa.Array.from_pandas(best.dt.tz_localize(None)).cast(pa.timestamp("us"), safe=False)
    return None


def _day_orders(form: str) -> tuple[str, ...]:
    for mark in ("/", "-"):
        if form.startswith(f"%d{mark}%m"):
            return form, form.replace(f"%d{mark}%m", f"%m{mark}%d", 1)
    return (form,)


def _trimmed(cells: pa.Array) -> pa.Array:
    return pc.utf8_trim_whitespace(cells)


def _without_missing(cells: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(cells, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), cells)


def _without_unit(cells: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(cells, _UNIT, r"\1\2")


def _own_mark(cells: pa.Array, decimal: str) -> str:
    """Let a column that leaves no doubt overrule the table."""
    head = _without_unit(cells.slice(0, 2000))
    comma, point = _matches(head, _SPEAKS_FOR_COMMA), _matches(head, _SPEAKS_FOR_POINT)
    return decimal if comma == point else ("," if comma > point else ".")


def _look_numeric(cells: pa.Array) -> bool:
    """Spare columns of words the closer look: are most of the first cells numbers by any reading?"""
    head = _without_unit(cells.drop_null().slice(0, 500))
    return _matches(head, r"^([+-]?[\d.,'’   ]*\d[\d.,'’   ]*([eE][+-]?\d+)?|[+-]?(?i:inf|infinity|∞))$") >= 0.5 * len(
        head
    )


def _matches(cells: pa.Array, pattern: str) -> int:
    return pc.sum(pc.match_substring_regex(cells, pattern)).as_py() or 0


def _matches_any(cells: pa.Array, texts: tuple[str, ...]) -> int:
    return pc.sum(pc.is_in(cells, value_set=pa.array(texts))).as_py() or 0


def _whole(numbers: pa.Array) -> pa.Array:
    """Keep whole numbers whole."""
    values = numbers.drop_null().to_numpy()
    if (
        len(values)
        and np.isfinite(values).all()
        and (np.abs(values) < 2**53).all()
        and (values == np.round(values)).all()
    ):
        return numbers.cast(pa.int64())
    return numbers


def _brief(value: object) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.6g}"
    return cell_text(value)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
