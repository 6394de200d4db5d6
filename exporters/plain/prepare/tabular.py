"""The cells of a row become one vector of numbers, in float32 as the model was trained.

Numbers are standardised, heavy tails drawn in before; dates also become their place in the year and the week;
categories and words one place each, the first place for all that was never seen. A missing cell is the average.
"""

import csv
import datetime as dt
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

CYCLES = {"year": 365.2425, "week": 7.0, "day": 1.0}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
YES, NO = {"true", "yes", "1", "on", "t", "y"}, {"false", "no", "0", "off", "f", "n"}
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'")
_WORD = re.compile(r"[^ \t\n\r\f\v]+")


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map cells by column to {"features": (1, features) float32}; a column that is left out is missing."""
    return {"features": features(row, told["preprocessing"], kinds_of(told))}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the rows of a CSV file with a head."""
    with Path(given).open(encoding="utf-8-sig", newline="") as file:
        rows = [{name.strip(): cell for name, cell in row.items() if name} for row in
                csv.DictReader(file, dialect=_dialect(file))]  # fmt: skip
    lacking = [raw["name"] for raw in told["raw"] if rows and raw["name"] not in rows[0]]
    if lacking:
        raise SystemExit(f"'{given}' has no column '{lacking[0]}'. Name the columns as README.txt lists them.")
    return rows


def kinds_of(told: dict[str, Any]) -> dict[str, str]:
    """Return the kind of each raw input by name."""
    return {raw["name"]: raw["kind"] for raw in told["raw"]}


def features(row: dict[str, Any], encoding: dict[str, Any], kinds: dict[str, str]) -> np.ndarray:
    """Map cells by column to (1, features) float32."""
    parts = []
    if encoding["numbers"]:
        columns = encoding["numbers"]
        cells = np.array([number(row.get(each["name"]), kinds[each["name"]], each["name"]) for each in columns],
                         np.float32)  # fmt: skip
        known = np.isfinite(cells)
        values = np.where(known, cells, np.float32(0))
        heavy = np.array([each["log"] for each in columns])
        values = np.where(heavy, np.sign(values) * np.log1p(np.abs(values)), values)
        mean, scale = (np.array([each[key] for each in columns], np.float32) for key in ("mean", "scale"))
        parts.append(np.where(known, (values - mean) / scale, np.float32(0)))
        parts.append(~known[[each["missing"] for each in columns]])
    parts += [_date(number(row.get(each["name"]), "date", each["name"]), each) for each in encoding["dates"]]
    for each in encoding["categories"]:
        parts.append(_places([text(row.get(each["name"]))], each["values"]))
    for each in encoding["texts"]:
        parts.append(_places(words_of(text(row.get(each["name"]))), each["words"]))
    return np.concatenate(parts).astype(np.float32)[None]


def _places(found: list[str], known: list[str]) -> np.ndarray:
    """Mark what was found: the first place for all that is not known."""
    place_of = {value: place for place, value in enumerate(known, 1)}
    marked = np.zeros(len(known) + 1, np.float32)
    marked[[place_of.get(value, 0) for value in found]] = 1
    return marked


def _date(days: float, column: dict[str, Any]) -> np.ndarray:
    known = math.isfinite(days)
    value = np.float32(days if known else 0)
    block = [(value - np.float32(column["mean"])) / np.float32(column["scale"])]
    for cycle in column["cycles"]:
        angle = np.mod(value, np.float32(CYCLES[cycle])) * np.float32(2 * math.pi / CYCLES[cycle])
        block += [np.sin(angle), np.cos(angle)]
    return np.array([each if known else 0.0 for each in block] + [float(not known)] * column["missing"], np.float32)


def words_of(whole: str) -> list[str]:
    """Cut a text into words: small ASCII letters, no ASCII marks."""
    return _WORD.findall(whole.translate(_SMALL))


def text(cell: Any) -> str:
    """Return a cell as text; empty is missing."""
    cell = cell.ravel()[0] if isinstance(cell, np.ndarray) else cell
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return str(cell)


def number(cell: Any, kind: str, name: str) -> float:
    """Return a cell as a number: NaN where it is missing, 0 or 1 for truth values, days since 1970 for dates."""
    cell = cell.ravel()[0] if isinstance(cell, np.ndarray) else cell
    if isinstance(cell, (bool, int, float, np.number)):
        return float(cell)
    told = text(cell).strip()
    if told.lower() in MISSING:
        return math.nan
    if kind == "boolean" and told.lower() in YES | NO:
        return float(told.lower() in YES)
    try:
        return _days(told) if kind == "date" else float(told)
    except ValueError:
        wanted = "a date such as 2024-12-31" if kind == "date" else "a number such as 1.5"
        raise SystemExit(f"'{told}' in column '{name}' is not {wanted}.") from None


def _days(told: str) -> float:
    try:
        return float(told)
    except ValueError:
        moment = dt.datetime.fromisoformat(told)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return (moment - EPOCH).total_seconds() / 86_400


def _dialect(file: Any) -> type[csv.Dialect]:
    """Guess what stands between the cells from the first lines."""
    start = file.read(8_192)
    file.seek(0)
    try:
        return csv.Sniffer().sniff(start, ",;\t|")
    except csv.Error:
        return csv.excel
