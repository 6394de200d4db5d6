"""Tables: CSV, TSV, Excel, Parquet and JSON, with columns of numbers, categories, truth values, dates and texts.

Canonical form: `table.parquet` (numbers as numbers, times as times, everything else as texts; missing cells are
null) and `dataset.json`. The rules by which columns get their kinds are in `_table_columns.py`, those by which they
become numbers in `_table_encoding.py`.
"""

import datetime as dt
import hashlib
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from datasets import DataSet, PartName, Prepared, Progress, Sample, _made_credit, _made_fraud, room
from datasets import _table_encoding as encoding_of
from datasets._pack import path as packed
from datasets._table_checks import findings
from datasets._table_columns import (
    as_numbers,
    as_texts,
    cell_text,
    decimal_mark,
    find_column,
    one_array,
    parse_dates,
    propose_target,
    propose_task,
)
from datasets._table_config import Config
from datasets._table_plan import Plan, make_plan, problems, sorted_classes
from datasets._table_reading import Table, read_table
from recipes import (
    Column,
    Data,
    Finding,
    Part,
    RawInput,
    Refusal,
    Schema,
    Settings,
    Signature,
    Target,
    TensorSpec,
    known,
)

__all__ = ["Config"]

TITLE = "Tables"
SUMMARY = "Rows and columns: predict one column from the others, or find the odd rows."
NOUN = "row"
CHOOSES_TARGET = True
ICON = "table"
EXTENSIONS = (
    ".csv", ".tsv", ".tab", ".txt", ".data", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".parquet", ".pq", ".json",
    ".jsonl", ".ndjson",
)  # fmt: skip
TASKS = ("classification", "regression", "reconstruction")
FIRST_CHOICE = {"classification": "mlp", "regression": "mlp", "reconstruction": "autoencoder"}
READING = ("delimiter", "encoding", "decimal", "header", "sheet", "skip_bad_rows", "columns")

CHUNK = 65_536
"""Rows that are encoded at once; keeps memory small."""
GENERATORS = {"credit": _made_credit, "fraud": _made_fraud}
"""Samples that are made here, by name: each has `make` and `record`."""
_SAMPLES = (
    Sample(
        name="penguins",
        title="Palmer penguins",
        sentence="344 penguins from three islands in Antarctica: tell the species from beak, flipper and weight.",
        data_type="tabular", target="species", task="classification", licence="CC0 1.0",
        source="K. Gorman, Palmer Station Antarctica LTER; palmerpenguins", architecture="mlp",
        expected="accuracy 0.99", rows=344,
    ),
    Sample(
        name="titanic",
        title="Titanic",
        sentence="1,313 passengers of the Titanic: who survived (1) and who did not (0), by class, age and sex?",
        data_type="tabular", target="survived", task="classification", licence="public domain (by its record)",
        source="historical passenger list; bokeh_sampledata", architecture="mlp", expected="accuracy 0.82", rows=1313,
    ),
    Sample(
        name="auto-mpg",
        title="Cars and their thirst",
        sentence="392 cars of the seventies: how many miles does one drive on a gallon, by weight, power and year?",
        data_type="tabular", target="mpg", task="regression", licence="CC0 1.0 (by its record)",
        source="D. Donoho, E. Ramos: CRCARS; 1983 American Statistical Association Data Exposition", architecture="mlp",
        expected="R² 0.86", rows=392,
    ),
    Sample(
        name="iris",
        title="Iris flowers",
        sentence="150 iris flowers of three species, told apart by the size of four leaves of the blossom.",
        data_type="tabular", target="species", task="classification", licence="BSD 3-Clause (scikit-learn)",
        source="R. A. Fisher (1936); scikit-learn", architecture="mlp", expected="accuracy 0.97", rows=150,
    ),
    Sample(
        name="wine",
        title="Three wines",
        sentence="178 Italian wines from three kinds of grape, told apart by thirteen chemical measurements.",
        data_type="tabular", target="cultivar", task="classification", licence="BSD 3-Clause (scikit-learn)",
        source="M. Forina (1988); scikit-learn", architecture="mlp", expected="accuracy 0.96", rows=178,
    ),
    Sample(
        name="breast-cancer",
        title="Breast cancer",
        sentence="569 tissue samples under the microscope: is the growth harmless (benign) or cancer (malignant)?",
        data_type="tabular", target="diagnosis", task="classification", licence="BSD 3-Clause (scikit-learn)",
        source="W. Wolberg, W. Street, O. Mangasarian (1993); scikit-learn", architecture="mlp",
        expected="accuracy 0.98", rows=569,
    ),
    Sample(
        name="fraud",
        title="Card fraud",
        sentence="20,000 simulated card payments, of which 240 are fraud. Can you catch them without false alarms?",
        data_type="tabular", target="fraud", task="classification", licence="Apache 2.0 (made by Layerwise)",
        source="simulated; datasets/_made_fraud.py", architecture="mlp", expected="average precision 0.63", rows=20_000,
    ),
    Sample(
        name="credit",
        title="Loans",
        sentence="5,000 made-up loan applications: who will not pay back (default), by income, debts and history?",
        data_type="tabular", target="defaulted", task="classification", licence="Apache 2.0 (made by Layerwise)",
        source="simulated; datasets/_made_credit.py", architecture="mlp", expected="ROC AUC 0.77",
        rows=_made_credit.ROWS,
    ),
    Sample(
        name="diabetes",
        title="Diabetes after a year",
        sentence="442 people with diabetes: how far has it come after a year? A hard one, on which simple models win.",
        data_type="tabular", target="progression", task="regression", licence="BSD 3-Clause (scikit-learn)",
        source="B. Efron and others (2004); scikit-learn", architecture="mlp", expected="R² 0.43", rows=442,
    ),
)  # fmt: skip


# --- reading ------------------------------------------------------------------------------------------------------


def samples() -> tuple[Sample, ...]:
    """List the bundled tables."""
    return _SAMPLES


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled table in canonical form."""
    told = {sample.name: sample for sample in _SAMPLES}
    if name not in told:
        raise known("sample", name, told)
    config = Config()
    if name in GENERATORS:
        made = GENERATORS[name].make()
        cells = {column: pa.array(values, from_pandas=True) for column, values in made.items()}
        table = Table(cells, details=GENERATORS[name].record(made))
        source = pa.table(table.columns).to_pandas().to_csv(index=False).encode()
    elif packed(f"{name}.csv").exists():
        table = read_table(packed(f"{name}.csv"), config)
        source = packed(f"{name}.csv").read_bytes()
    else:
        table = _from_scikit_learn(name, told[name].target)
        source = name.encode()
    return _store(table, told[name].title, hashlib.sha256(source), config, folder, told[name].target, told[name].task)


def _from_scikit_learn(name: str, target: str) -> Table:
    from sklearn import datasets as bundled

    bunch: Any = getattr(bundled, f"load_{name.replace('-', '_')}")()
    columns = {str(column): pa.array(values) for column, values in zip(bunch.feature_names, bunch.data.T, strict=True)}
    if "target_names" in bunch:
        columns[target] = pa.array([str(name) for name in bunch.target_names[bunch.target]])
    else:
        columns[target] = pa.array(bunch.target)
    return Table(columns)


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:
    """Read any table into canonical form; raises `Refusal` in words."""
    settings = Config.model_validate(config.model_dump())
    progress(0.05, "Reading the file")
    table = read_table(file, settings)
    progress(0.5, "Looking at the columns")
    with file.open("rb") as opened:
        source = hashlib.file_digest(opened, "sha256")
    dataset = _store(table, file.name, source, settings, folder)
    progress(1.0, "Done")
    return dataset


def _store(
    table: Table, name: str, source: Any, config: Config, folder: Path, target: str = "", task: str = ""
) -> DataSet:
    """Find the kinds, write `table.parquet`, then `dataset.json`; `source` is a hash that has seen the file."""
    for column in config.columns:
        if column not in table.columns:
            raise known("column", column, table.columns)
    decimal = config.decimal or decimal_mark(table.columns.values(), str(table.details.get("delimiter", "")))
    found = {
        column: find_column(column, cells, decimal, config.columns.get(column, ""), guess_decimal=not config.decimal)
        for column, cells in table.columns.items()
    }
    notes = list(table.notes)
    if decimal == ",":
        notes.append("Numbers are read with a decimal comma.")
    columns = {column: told.column for column, told in found.items()}
    cells = {column: told.cells for column, told in found.items()}
    target = target or propose_target(columns)
    columns = _revived(columns, cells, target)
    task = task or (propose_task(columns[target], cells[target]) if target else "")
    folder.mkdir(parents=True, exist_ok=True)
    # Numbers rarely repeat: a dictionary of them costs much time and saves no room.
    texts = [column for column, array in cells.items() if pa.types.is_string(array.type)]
    parquet.write_table(pa.table(cells), folder / "table.parquet", use_dictionary=texts)
    schema = Schema(
        name=name,
        data_type="tabular",
        rows=len(next(iter(cells.values()))),
        columns=tuple(columns.values()),
        target=target,
        task=task,
        classes=_class_counts(cells[target]) if task == "classification" else {},
        fingerprint=_fingerprint(source, config),
        notes=tuple(notes),
        details=table.details
        | {"decimal": decimal}
        | {"strays": {column: _strays(told) for column, told in found.items() if told.stray_count}},
    )
    temporary = folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(indent=1), encoding="utf-8")
    temporary.rename(folder / "dataset.json")
    return DataSet(folder, schema)


def _fingerprint(source: Any, config: Config) -> str:
    source.update(config.model_dump_json().encode())
    return source.hexdigest()


def _strays(found: Any) -> dict[str, Any]:
    return {
        "count": found.stray_count,
        "rows": [row for row, _ in found.strays],
        "texts": [text for _, text in found.strays],
    }


def _revived(columns: dict[str, Column], cells: dict[str, pa.Array], target: str) -> dict[str, Column]:
    """Use columns of running numbers after all where there is nothing else to learn from."""
    if any(column.kind != "ignore" for name, column in columns.items() if name != target):
        return columns
    return {
        name: column.model_copy(
            update={"kind": "number", "reason": "it counts up, but nothing else is left to learn from"}
        )
        if column.kind == "ignore" and column.unique > 1 and pa.types.is_integer(cells[name].type) and name != target
        else column
        for name, column in columns.items()
    }


def _class_counts(cells: pa.Array) -> dict[str, int]:
    texts = as_texts(cells)
    found, counts = np.unique(texts[texts != ""].astype(str), return_counts=True)
    told = dict(zip(found.tolist(), counts.tolist(), strict=True))
    return {name: told[name] for name in sorted_classes(told)}


# --- checking and preparing ---------------------------------------------------------------------------------------


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the table as this recipe would use it; every check answers, also with `pass`."""
    return findings(_plan(dataset, data))


def looks_like(file: Path) -> float:
    """Any table is half one's own: a kind of table that knows more of it is surer."""
    return 0.5 if file.is_file() and file.suffix.lower() in EXTENSIONS else 0.0


def tasks(dataset: DataSet) -> tuple[str, ...]:
    """Name what can be learned: what the target suggests first, the other ways after it."""
    schema = dataset.schema
    able = {"reconstruction"} | ({"classification"} if schema.target else set())
    if any(column.kind in {"number", "date"} for column in schema.columns):
        able.add("regression")
    return tuple(sorted(able, key=lambda task: (task != schema.task, TASKS.index(task))))


def classes(dataset: DataSet, data: Data) -> dict[str, int]:
    """Count the rows of each class of the chosen target; empty where no class is learned."""
    plan = _plan(dataset, data)
    return plan.counts if plan.task == "classification" else {}


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split, learn the encoding from the training part, and write ready arrays.

    Where rows are only redrawn, `y` holds the class numbers by which they are judged afterwards (zeros where there is
    no such column), and `details` name the classes and the odd ones among them.
    """
    progress(0.0, "Reading the table")
    plan = _plan(dataset, data)
    for problem in problems(plan):
        raise Refusal(f"{problem.sentence} {problem.cure}")
    parts = plan.parts(seed)
    progress(0.2, "Learning the encoding")
    raw = {name: plan.raw(name) for name in plan.used}
    train = {name: values[parts["train"]] for name, values in raw.items()}
    encoding = encoding_of.fit(train, plan.used)
    if not encoding["features"]:
        raise Refusal("No column holds anything to learn from in the training part. Choose other columns or more rows.")
    target, answers = _answers(plan, parts["train"])
    signature = Signature(
        data_type="tabular",
        task=plan.task,
        inputs={"features": TensorSpec(shape=(len(encoding["features"]),))},
        raw=tuple(
            encoding_of.raw_input(name, kind, train[name], encoding)
            for name, kind in plan.used.items()
            if name in encoding_of.used(encoding)
        ),
        target=target,
        rows={name: len(positions) for name, positions in parts.items()},
        class_counts=tuple(np.bincount(answers[parts["train"]], minlength=len(target.classes)).tolist())
        if target.classes
        else (),
        details={"classes": list(plan.classes), "anomalies": list(plan.odd)} if plan.task == "reconstruction" else {},
    )
    progress(0.5, "Writing the arrays")
    ready: dict[PartName, Part] = {}
    for name, positions in parts.items():
        x = room(folder, name, "features", (len(positions), len(encoding["features"])), np.float32)
        for start in range(0, len(positions), CHUNK):
            here = positions[start : start + CHUNK]
            x[start : start + CHUNK] = encoding_of.encode(
                encoding, {name: values[here] for name, values in raw.items()}
            )
        y = answers[positions][:, None] if plan.task == "regression" else answers[positions]
        ready[name] = Part({"features": x}, y, plan.rows[positions].astype(np.int64))
    prepared = Prepared(folder, signature, encoding).save(ready)
    progress(1.0, "Prepared")
    return prepared


def _plan(dataset: DataSet, data: Data) -> Plan:
    return make_plan(dataset, parquet.read_table(dataset.folder / "table.parquet"), data)


def _answers(plan: Plan, train: np.ndarray) -> tuple[Target, np.ndarray]:
    if plan.task != "regression":
        place_of = {name: place for place, name in enumerate(plan.classes or ("",))}
        answers = np.asarray([place_of[name] for name in plan.labels], dtype=np.int32)
        if plan.task == "reconstruction":
            return Target(name="row"), answers
        return Target(name=plan.target, classes=plan.classes), answers
    values = plan.labels[train]
    mean, scale = float(values.mean()), float(values.std()) or 1.0
    answers = ((plan.labels - mean) / scale).astype(np.float32)
    return Target(name=plan.target, mean=mean, scale=scale), answers


# --- rows for people and for the finished model -------------------------------------------------------------------


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return these rows as plain cells; None is a missing one."""
    table = parquet.read_table(dataset.folder / "table.parquet").take(pa.array(list(rows), pa.int64()))
    return [{name: _cell(value) for name, value in row.items()} for row in table.to_pylist()]


def _cell(value: Any) -> Any:
    return cell_text(value) if isinstance(value, dt.datetime) else value


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return these rows as the finished model takes them, one dictionary a row."""
    table = parquet.read_table(dataset.folder / "table.parquet", columns=[column.name for column in signature.raw])
    places = np.asarray(list(rows), dtype=np.int64)
    cells = {
        column.name: encoding_of.raw_cells(one_array(table.column(column.name)), column.kind)[places]
        for column in signature.raw
    }
    return [
        {column.name: _batch(column, cells[column.name][place]) for column in signature.raw}
        for place in range(len(places))
    ]


def _batch(column: RawInput, value: Any) -> np.ndarray:
    return np.array([[value]], dtype=object if column.dtype == "string" else np.float32)


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn the cells of a Try form into one raw row; a cell that is left out or empty is missing."""
    readers: dict[str, Callable[[RawInput, Any], Any]] = {
        "number": _read_number, "boolean": _read_truth, "date": _read_day,
    }  # fmt: skip
    row = {}
    for column in signature.raw:
        value = values.get(column.name)
        value = value.strip() if isinstance(value, str) else value
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            row[column.name] = _batch(column, "" if column.dtype == "string" else math.nan)
        elif column.kind in readers:
            row[column.name] = _batch(column, readers[column.kind](column, value))
        else:
            row[column.name] = _batch(column, cell_text(value))
    return row


def _read_number(column: RawInput, value: Any) -> float:
    text = str(value).replace(" ", "").replace("\u00a0", "").replace("'", "")
    if re.fullmatch(r"[+-]?\d*,\d+", text):
        text = text.replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        example = "1.5" if column.typical is None else f"{column.typical:.4g}"
        raise Refusal(f"'{value}' is not a number for '{column.name}'. Type one such as {example}, or leave it empty.")
    return number


def _read_truth(column: RawInput, value: Any) -> float:
    text = cell_text(value).lower()
    if text in {"true", "yes", "1", "on"}:
        return 1.0
    if text in {"false", "no", "0", "off"}:
        return 0.0
    raise Refusal(f"'{value}' is neither true nor false for '{column.name}'. Type true or false, or leave it empty.")


def _read_day(column: RawInput, value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    moment = parse_dates(pa.array([str(value)]), 1.0)
    if moment is None:
        raise Refusal(f"'{value}' is not a date for '{column.name}'. Type it as 2024-12-31, or leave it empty.")
    return float(as_numbers(moment, "date")[0])


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return raw inputs by column name and the ready tensor, joined by stock layers. Worker only."""
    inputs, features = encoding_of.layers(encoding, signature.raw)
    return inputs, {"features": features}
