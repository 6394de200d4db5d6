"""From raw cells to one vector of numbers a row, twice: in numpy for training, in stock Keras layers for the model.

Both compute in float32, with constants rounded to float32 and operations in the same order, so that they agree:

* numbers and truth values: standardised; a heavy tail (skewness over 3) is first drawn in by sign(x) * log(1 + |x|);
  a missing cell becomes 0, the average, and columns with missing cells get a second number that says so;
* dates: days since 1970-01-01, standardised, and the place in the year and the week (in the day where there are
  times) as sine and cosine;
* categories: one number for each of the 50 most frequent values, and the first one for everything else: missing,
  never seen, rare;
* texts: one number for each of the 500 words found in most cells, and the first one for other words.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from datasets._table_columns import as_numbers, as_texts, cell_text, pc
from recipes import RawInput, keras

MOST_VALUES = 50
MOST_WORDS = 500
HEAVY_TAIL = 3.0
CYCLES = {"year": 365.2425, "week": 7.0, "day": 1.0}

_LOWER_WITHOUT_MARKS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
)
_WORD = re.compile(r"[^ \t\n\r\f\v]+")


def raw_cells(cells: pa.Array, kind: str) -> np.ndarray:
    """Return a column as the finished model takes it: float32 (NaN is missing) or texts (empty is missing)."""
    if kind in {"category", "text"}:
        return as_texts(cells)
    with np.errstate(over="ignore"):
        return as_numbers(cells, kind).astype(np.float32)


def fit(raw: Mapping[str, np.ndarray], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Learn the encoding from the training part: plain values, ready for JSON."""
    encoding: dict[str, Any] = {"version": 1, "numbers": [], "dates": [], "categories": [], "texts": []}
    for name, kind in kinds.items():
        if kind in {"number", "boolean"}:
            encoding["numbers"].append({"name": name, **_fit_number(raw[name], may_log=kind == "number")})
        elif kind == "date":
            has_times = bool((np.modf(raw[name][np.isfinite(raw[name])])[0] != 0).any())
            cycles = ["year", "week", "day"] if has_times else ["year", "week"]
            encoding["dates"].append({"name": name, **_fit_number(raw[name], may_log=False), "cycles": cycles})
        elif kind == "category" and (values := _most_frequent(raw[name])):
            encoding["categories"].append({"name": name, "values": values})
        elif kind == "text" and (words := _most_used(raw[name])):
            encoding["texts"].append({"name": name, "words": words})
    encoding["numbers"].sort(key=lambda column: column["log"])
    encoding["features"] = _feature_names(encoding)
    return encoding


def used(encoding: Mapping[str, Any]) -> list[str]:
    """Name the columns that the encoding reads."""
    return [column["name"] for group in ("numbers", "dates", "categories", "texts") for column in encoding[group]]


def _fit_number(values: np.ndarray, *, may_log: bool) -> dict[str, Any]:
    known = values[np.isfinite(values)].astype(np.float64)
    log = may_log and abs(_skewness(known)) > HEAVY_TAIL
    if log:
        known = np.sign(known) * np.log1p(np.abs(known))
    mean = float(known.mean()) if len(known) else 0.0
    scale = float(known.std()) if len(known) else 1.0
    if not np.float32(scale) > abs(mean) * 1e-7:
        scale = 1.0
    return {
        "log": log,
        "mean": float(np.float32(mean)),
        "scale": float(np.float32(scale)),
        "missing": len(known) < len(values),
    }


def _skewness(values: np.ndarray) -> float:
    spread = values.std() if len(values) else 0.0
    if not spread > 0:
        return 0.0
    away = (values - values.mean()) / spread
    return float((away * away * away).mean())  # `** 3` takes ten times as long


def _most_frequent(texts: np.ndarray) -> list[str]:
    counted = pc.value_counts(pa.array(texts, pa.string()))
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    ranked = sorted((-count, value) for value, count in pairs if value not in {"", "[UNK]"})
    return [value for _, value in ranked[:MOST_VALUES]]


def _most_used(texts: np.ndarray) -> list[str]:
    cells_with = Counter(word for text in texts for word in set(words_of(text)))
    ranked = sorted((-count, word) for word, count in cells_with.items() if count > 1)
    return [word for _, word in ranked[:MOST_WORDS]]


def words_of(text: str) -> list[str]:
    """Cut a text into words exactly as Keras's `TextVectorization` does: small ASCII letters, no ASCII marks."""
    return _WORD.findall(text.translate(_LOWER_WITHOUT_MARKS))


def _feature_names(encoding: Mapping[str, Any]) -> list[str]:
    names = [column["name"] for column in encoding["numbers"]]
    names += [f"{column['name']} is missing" for column in encoding["numbers"] if column["missing"]]
    for column in encoding["dates"]:
        name = column["name"]
        names += [name, *(f"{name}: {part} of {cycle}" for cycle in column["cycles"] for part in ("sine", "cosine"))]
        names += [f"{name} is missing"] if column["missing"] else []
    for column in encoding["categories"]:
        names += [f"{column['name']} = {value}" for value in ["(other)", *column["values"]]]
    for column in encoding["texts"]:
        names += [f"{column['name']} has '{word}'" for word in ["(other words)", *column["words"]]]
    return names


# --- in numpy -----------------------------------------------------------------------------------------------------


def encode(encoding: Mapping[str, Any], raw: Mapping[str, np.ndarray]) -> np.ndarray:
    """Turn raw columns into the ready matrix (rows, features), float32."""
    rows = len(next(iter(raw.values())))
    ready = np.zeros((rows, len(encoding["features"])), dtype=np.float32)
    place = 0

    def put(block: np.ndarray) -> None:
        nonlocal place
        ready[:, place : place + block.shape[1]] = block
        place += block.shape[1]

    if encoding["numbers"]:
        cells = np.stack([raw[column["name"]].astype(np.float32) for column in encoding["numbers"]], axis=1)
        put(_standardised(cells, encoding["numbers"]))
        put(~np.isfinite(cells[:, [column["missing"] for column in encoding["numbers"]]]))
    for column in encoding["dates"]:
        put(_date_block(raw[column["name"]].astype(np.float32)[:, None], column))
    for column in encoding["categories"]:
        found = pc.index_in(pa.array(raw[column["name"]], pa.string()), value_set=pa.array(column["values"]))
        slots = found.fill_null(-1).to_numpy(zero_copy_only=False) + 1
        ready[np.arange(rows), place + slots] = 1.0
        place += len(column["values"]) + 1
    for column in encoding["texts"]:
        slot_of = {word: slot for slot, word in enumerate(column["words"], 1)}
        for row, text in enumerate(raw[column["name"]]):
            for word in words_of(text):
                ready[row, place + slot_of.get(word, 0)] = 1.0
        place += len(column["words"]) + 1
    return ready


def _standardised(cells: np.ndarray, columns: list[dict[str, Any]]) -> np.ndarray:
    known = np.isfinite(cells)
    values = np.where(known, cells, np.float32(0))
    heavy = [column["log"] for column in columns]
    values[:, heavy] = np.sign(values[:, heavy]) * np.log1p(np.abs(values[:, heavy]))
    mean, scale = (np.array([column[key] for column in columns], dtype=np.float32) for key in ("mean", "scale"))
    return np.where(known, (values - mean) / scale, np.float32(0))


def _date_block(days: np.ndarray, column: dict[str, Any]) -> np.ndarray:
    known = np.isfinite(days)
    values = np.where(known, days, np.float32(0))
    parts = [(values - np.float32(column["mean"])) / np.float32(column["scale"])]
    for cycle in column["cycles"]:
        angle = np.mod(values, np.float32(CYCLES[cycle])) * np.float32(2 * math.pi / CYCLES[cycle])
        parts += [np.sin(angle), np.cos(angle)]
    block = np.where(known, np.concatenate(parts, axis=1), np.float32(0))
    return np.concatenate([block, ~known], axis=1) if column["missing"] else block


# --- in stock Keras layers ----------------------------------------------------------------------------------------


def layers(encoding: Mapping[str, Any], raw: tuple[RawInput, ...]) -> tuple[dict[str, Any], Any]:
    """Return (inputs by column name, the tensor of features): stock layers and `keras.ops` only."""
    inputs = {
        column.name: keras.Input(column.shape, name=layer_name(number, column.name), dtype=column.dtype)
        for number, column in enumerate(raw, 1)
    }
    blocks = []
    if encoding["numbers"]:
        blocks += _number_layers(encoding["numbers"], inputs)
    for column in encoding["dates"]:
        blocks += _date_layers(column, inputs[column["name"]])
    for column in encoding["categories"]:
        lookup = keras.layers.StringLookup(vocabulary=column["values"], output_mode="one_hot", dtype="float32")
        blocks.append(lookup(inputs[column["name"]]))
    for column in encoding["texts"]:
        vectorize = keras.layers.TextVectorization(vocabulary=column["words"], output_mode="multi_hot", dtype="float32")
        blocks.append(vectorize(keras.ops.squeeze(inputs[column["name"]], axis=-1)))
    return inputs, _joined(blocks)


def layer_name(number: int, column: str) -> str:
    """Name an input as its column where Keras allows it: no slash, nor a name that it gives to its own operations."""
    own = {*dir(keras.ops), *(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() for name in dir(keras.layers))}
    base = re.sub(r"_\d+$", "", column)
    if "/" not in column and base not in own | {"functional", "sequential", "model"}:
        return column
    return f"{column.replace('/', '_')} (column {number})"


def _joined(tensors: list[Any]) -> Any:
    return keras.layers.Concatenate(dtype="float32")(tensors) if len(tensors) > 1 else tensors[0]


def _number_layers(columns: list[dict[str, Any]], inputs: Mapping[str, Any]) -> list[Any]:
    ops = keras.ops
    standardised = []
    for log in (False, True):
        group = [column for column in columns if column["log"] == log]
        if not group:
            continue
        cells = _joined([inputs[column["name"]] for column in group])
        known = ops.isfinite(cells)
        values = ops.where(known, cells, 0.0)
        if log:
            values = ops.multiply(ops.sign(values), ops.log1p(ops.absolute(values)))
        mean, scale = (np.array([column[key] for column in group], dtype=np.float32) for key in ("mean", "scale"))
        standardised.append(ops.where(known, ops.divide(ops.subtract(values, mean), scale), 0.0))
    marked = [inputs[column["name"]] for column in columns if column["missing"]]
    return [*standardised, _is_missing(_joined(marked))] if marked else standardised


def _is_missing(cells: Any) -> Any:
    return keras.ops.cast(keras.ops.logical_not(keras.ops.isfinite(cells)), "float32")


def _date_layers(column: dict[str, Any], days: Any) -> list[Any]:
    ops = keras.ops
    known = ops.isfinite(days)
    values = ops.where(known, days, 0.0)
    parts = [ops.divide(ops.subtract(values, column["mean"]), column["scale"])]
    for cycle in column["cycles"]:
        angle = ops.multiply(ops.mod(values, CYCLES[cycle]), 2 * math.pi / CYCLES[cycle])
        parts += [ops.sin(angle), ops.cos(angle)]
    block = ops.where(known, _joined(parts), 0.0)
    return [block, _is_missing(days)] if column["missing"] else [block]


# --- what a Try form needs ----------------------------------------------------------------------------------------


def raw_input(name: str, kind: str, values: np.ndarray, encoding: Mapping[str, Any]) -> RawInput:
    """Describe one raw input by its values in the training part."""
    if kind == "category":
        choices = next(column["values"] for column in encoding["categories"] if column["name"] == name)
        text = f"One of {len(choices)} values; any other counts as missing."
        return RawInput(
            name=name, kind=kind, dtype="string", choices=tuple(sorted(choices)), typical=choices[0], description=text
        )
    if kind == "text":
        typical = next((value for value in values if value), "")
        return RawInput(name=name, kind=kind, dtype="string", typical=str(typical), description="A text of any length.")
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return RawInput(name=name, kind=kind, description="A number; all training rows have it empty.")
    low, high = float(known.min()), float(known.max())
    if kind == "boolean":
        yes = float(known.mean())
        return RawInput(
            name=name, kind=kind, minimum=0.0, maximum=1.0, typical=float(yes >= 0.5), description=f"True in {yes:.0%}."
        )
    middle = float(np.partition(known, len(known) // 2)[len(known) // 2])
    if kind == "date":
        text = f"A date; the training rows lie between {_day(low)} and {_day(high)}."
    else:
        text = f"A number; the training rows lie between {_number(low)} and {_number(high)}."
    return RawInput(
        name=name, kind=kind, minimum=_plain(low), maximum=_plain(high), typical=_plain(middle), description=text
    )


def _plain(value: float) -> float:
    """Undo the noise that float32 adds in print: 32.099998 is 32.1."""
    return float(f"{value:.7g}")


def _number(value: float) -> str:
    return cell_text(_plain(value))


def _day(days: float) -> str:
    return str(np.datetime64(math.floor(days), "D"))
