"""Values over time: forecast what comes next, or name the class of a recording.

Canonical form: one value a step with nothing missing (`_series_mending.py`), and `dataset.json`. A data set is either
to be forecast (one or several series on a clock; a row is a step) or to be sorted (a row is a recording with a class).
How much is seen and how far ahead is the recipe's choice (`_series_plan.py`); in which form values enter a model is in
`_series_transform.py`.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw

from datasets import DataSet, PartName, Prepared, Progress, Sample
from datasets import _made_demand as demand
from datasets import _made_sensor as sensor
from datasets._archive import opened
from datasets._pack import path as packed
from datasets._series_checks import digests_of, of_classes, of_forecast
from datasets._series_mending import Mended, Series, mended_for_classes, mended_for_forecast
from datasets._series_plan import (
    MOST_BYTES,
    Plan,
    best_transform,
    fit,
    make_plan,
    refuse_impossible,
    thinned,
)
from datasets._series_reading import Raw, Wishes, from_table, read_series
from datasets._series_time import Step, find_step
from datasets._series_transform import entered, moved, standardised
from datasets._sources import divide, tied
from datasets._table_config import Cells
from datasets._table_config import Config as TableConfig
from datasets._table_head import head_of
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
    keras,
    known,
    setting,
    validate,
)

TITLE = "Time series"
SUMMARY = "Values over time: what comes next, or what kind of recording is it?"
NOUN = "measurement"
ICON = "show_chart"
EXTENSIONS = (
    ".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".xls", ".ods", ".parquet", ".pq", ".json", ".ts", ".zip",
)  # fmt: skip
INSIDE = (".ts", ".csv", ".tsv")
TASKS = ("forecasting", "classification")
FIRST_CHOICE = {"forecasting": "tcn", "classification": "tcn"}
READING = (
    "layout", "time", "series", "label", "piece", "delimiter", "encoding", "decimal", "header", "sheet",
)  # fmt: skip

LONGEST = 1_000
"""Steps of a recording that are seen unless more are asked for."""
THUMBNAIL = (240, 120)
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
VALUE_NAMES = ("y", "value", "values", "target", "sales", "demand", "price", "close", "load", "count", "consumption")


class Config(Cells):
    """How series are read and cut; what is left empty is found out and noted."""

    window: int = setting(
        0, "Sees back", "How many steps the model sees at once; 0 chooses by season and length.", ge=0, le=5000,
        unit="steps", zero="automatic", panel="data",
    )  # fmt: skip
    horizon: int = setting(
        0, "Looks ahead", "How many steps are forecast; 0 chooses by the step (three months, a week of days, ...).",
        ge=0, le=500, unit="steps", zero="automatic", panel="data",
    )  # fmt: skip
    transform: Literal["auto", "none", "difference", "log difference", "seasonal difference"] = setting(
        "auto", "Learn changes", "Learn values as they are, their change from the last value, their growth in percent, "
        "or their change from a season ago; `auto` tries all on the training part.", panel="data",
    )  # fmt: skip
    season: int = setting(
        0, "Season", "After how many steps values come again (12 months, 7 days); 0 finds out, 1 means never.", ge=0,
        le=2000, unit="steps", zero="automatic", panel="data", advanced=True,
    )  # fmt: skip
    inputs: Literal["all", "target"] = setting(
        "all", "Look at", "All columns of numbers, or only the one that is forecast.", panel="data", advanced=True
    )
    layout: Literal["auto", "forecast", "classes"] = setting(
        "auto", "What the file is for", "Values to be forecast, or recordings with a class each; `auto` finds out.",
        panel="data", advanced=True,
    )  # fmt: skip
    time: str = setting(
        "",
        "Time column",
        "The column that tells the time; empty: found out.",
        panel="data",
        advanced=True,
        max_length=200,
    )
    series: str = setting(
        "", "Series column", "The column that tells several series apart; empty: found out.", panel="data",
        advanced=True, max_length=200,
    )  # fmt: skip
    label: str = setting(
        "", "Class column", "The column that names the class of a recording; empty: found out.", panel="data",
        advanced=True, max_length=200,
    )  # fmt: skip
    piece: int = setting(
        0, "Piece", "Where the class changes along a recording, it is cut into pieces of so many steps.", ge=0,
        le=5000, unit="steps", zero="automatic", panel="data", advanced=True,
    )  # fmt: skip
    decimal: Literal["", ".", ","] = setting(
        "", "Decimal mark", "The mark before the decimals; empty: found out.", advanced=True, panel="data"
    )


_SAMPLES = (
    Sample(
        name="sunspots",
        title="Sunspots",
        sentence="Dark spots counted on the sun, year by year since 1700: how many will there be next?",
        data_type="series", target="sunspots", task="forecasting", licence="public domain",
        source="National Geophysical Data Center; statsmodels", architecture="tcn",
        expected="error 0.6 of the last value's", rows=309,
    ),
    Sample(
        name="el-nino",
        title="El Niño",
        sentence="How warm the Pacific is off South America, month by month since 1950: what will the next three be?",
        data_type="series", target="temperature", task="forecasting", licence="public domain",
        source="NOAA, ERSST.V3B, Niño 1+2; statsmodels", architecture="tcn",
        expected="error 0.7 of a year ago's", rows=732,
    ),
    Sample(
        name="bakery",
        title="A bakery's sales",
        sentence="What a made-up bakery sold each day for four years: how much will it sell in the coming week?",
        data_type="series", target="sales", task="forecasting", licence="Apache 2.0 (made by Layerwise)",
        source="simulated; datasets/_made_demand.py", architecture="tcn",
        expected="error 0.8 of a week ago's", rows=demand.DAYS,
    ),
    Sample(
        name="wrist-sensor",
        title="Wrist sensor",
        sentence="Five seconds felt by a simulated watch: is its wearer resting, walking, running or waving?",
        data_type="series", target="label", task="classification", licence="Apache 2.0 (made by Layerwise)",
        source="generated by Layerwise", architecture="tcn", expected="accuracy 0.98", rows=sensor.RECORDINGS,
    ),
)  # fmt: skip


# --- reading ------------------------------------------------------------------------------------------------------


def samples() -> tuple[Sample, ...]:
    """List the bundled series."""
    return _SAMPLES


def load_sample(name: str, folder: Path) -> DataSet:
    """Write a bundled sample in canonical form."""
    told = {sample.name: sample for sample in _SAMPLES}
    if name not in told:
        raise known("sample", name, told)
    if name == "wrist-sensor":
        return _store(_wrist_sensor(), told[name].title, f"{name} {sensor.VERSION}".encode(), folder)
    if name == "bakery":
        return _store(_bakery(), told[name].title, f"{name} {demand.VERSION}".encode(), folder)
    file = packed(f"{name}.csv")
    raw = from_table(read_table(file, TableConfig()), TableConfig(), Wishes(layout="forecast"))
    return _store(raw, told[name].title, file.read_bytes(), folder)


def _bakery() -> Raw:
    values, dates = demand.make()
    cells = {"date": pa.array([date.isoformat() for date in dates])}
    cells |= {name: pa.array(values[:, place]) for place, name in enumerate(demand.COLUMNS)}
    return from_table(Table(cells), TableConfig(), Wishes(layout="forecast"))


def _wrist_sensor() -> Raw:
    values, labels, people = sensor.recordings()
    return Raw(
        sensor.CHANNELS,
        list(values.astype(np.float64)),
        [None] * len(values),
        [f"recording {number + 1}" for number in range(len(values))],
        [sensor.CLASSES[label] for label in labels],
        [f"person {person + 1}" for person in people],
        notes=["Recordings of one person stay in one part."],
    )


def read(file: Path, config: Settings, folder: Path, progress: Progress) -> DataSet:
    """Read any upload of series into canonical form; raises `Refusal` in words."""
    settings = Config.model_validate(config.model_dump())
    progress(0.05, "Reading the file")
    wishes = Wishes(settings.layout, settings.time, settings.series, settings.label, settings.piece)
    raw = read_series(file, _reading(settings), wishes, progress)
    progress(0.7, "Putting the values in order")
    source = file.read_bytes() if file.is_file() else b"".join(each.tobytes() for each in raw.values)
    chosen = json.dumps([getattr(settings, name) for name in READING]).encode()
    dataset = _store(raw, file.name, source + chosen, folder)
    progress(1.0, "Done")
    return dataset


def _reading(settings: Config) -> TableConfig:
    names = ("delimiter", "encoding", "decimal", "header", "sheet")
    return TableConfig(**{name: getattr(settings, name) for name in names})


def looks_like(file: Path) -> float:
    """Say how sure it is that a file holds series: even times beside numbers, or numbered columns and a class."""
    if file.is_dir() or file.suffix.lower() == ".zip":
        return _sure_of_bundle(file)
    if file.suffix.lower() == ".ts":
        return 1.0
    table = head_of(file)
    if table is None or file.suffix.lower() not in EXTENSIONS:
        return 0.0
    try:
        raw = from_table(table, TableConfig(), Wishes())
    except Refusal:
        return 0.0
    words = sum("no numbers" in note for note in raw.notes)
    if raw.labels:
        return 0.8 if len(set(raw.labels)) > 1 or raw.values[0].shape[0] >= 8 else 0.4
    clock = raw.clocks[0]
    if clock is None:
        return 0.1
    even = sum(len(each) for each in raw.values) >= 8 and _is_even(raw)
    return (0.8 if not words else 0.6) if even else 0.3


def _is_even(raw: Raw) -> bool:
    """Do most series go forward in even steps?"""
    good = 0
    for clock in raw.clocks:
        times = clock.times if clock is not None else np.zeros(0)
        forward = len(times) > 2 and ((np.diff(times) > 0).all() or (np.diff(times) < 0).all())
        good += int(bool(forward) and clock is not None and find_step(clock) is not None)
    return 2 * good > len(raw.clocks)


def _sure_of_bundle(file: Path) -> float:
    try:
        with opened(file) as bundle:
            names = bundle.names
            if any(name.lower().endswith(".ts") for name in names):
                return 0.95
            tables = [name for name in names if name.lower().endswith((".csv", ".tsv"))]
            if len(tables) < 3 or 2 * len(tables) < len(names):
                return 0.0
            heads = [bundle.read(name)[:2000].decode("utf-8", errors="replace") for name in tables[:5]]
    except (Refusal, OSError):
        return 0.0
    return 0.9 if all(_mostly_numbers(head) for head in heads) else 0.0


def _mostly_numbers(head: str) -> bool:
    cells = [cell for line in head.splitlines()[1:-1] for cell in re.split(r"[,;\t]", line) if cell.strip()]
    return len(cells) > 4 and sum(bool(re.fullmatch(r"[\s\d.+\-eE:/T]+", cell)) for cell in cells) > 0.8 * len(cells)


def _store(raw: Raw, name: str, source: bytes, folder: Path) -> DataSet:
    """Mend, write the arrays, then `dataset.json`."""
    sorts = bool(raw.labels)
    if sorts:
        series, told = mended_for_classes(raw)
        names = raw.names
    else:
        series, told, names = mended_for_forecast(raw)
    series.write(folder)
    spread = series.values.max(axis=0) - series.values.min(axis=0)
    constant = [column for column, each in zip(raw.columns, spread, strict=True) if not each > 0]
    if len(constant) == len(raw.columns):
        raise Refusal("All columns hold the same value everywhere, so there is nothing to learn. Check the file.")
    notes = [*raw.notes, *_mending_notes(told)]
    if len(names) < len(raw.names):
        notes.append(f"Left out {len(raw.names) - len(names):,} series with too few numbers.")
    target = raw.label if sorts else _proposed_target([each for each in raw.columns if each not in constant])
    schema = Schema(
        name=name,
        data_type="series",
        rows=series.count if sorts else len(series.times),
        columns=_columns(raw, series, constant),
        target=target,
        task="classification" if sorts else "forecasting",
        classes=dict(zip(*np.unique(raw.labels, return_counts=True), strict=True)) if sorts else {},
        fingerprint=hashlib.sha256(source).hexdigest(),
        notes=tuple(notes),
        details={
            "layout": "classes" if sorts else "forecast", "step": asdict(series.step), "mended": asdict(told),
            "columns": list(raw.columns), "constant": constant, "names": names[:10_000],
            "grouped": bool(raw.people),
        },
    )  # fmt: skip
    temporary = folder / "dataset.json.tmp"
    temporary.write_text(schema.model_dump_json(indent=1), encoding="utf-8")
    temporary.rename(folder / "dataset.json")
    return DataSet(folder, schema)


def _mending_notes(told: Mended) -> list[str]:
    found = [
        (told.inserted, "missing steps were put in"),
        (told.duplicates, "rows at a time that was there already were averaged"),
        (told.undated, "rows without a readable time were left out"),
    ]
    return [f"{count:,} {what}." for count, what in found if count]


def _proposed_target(columns: list[str]) -> str:
    named = [column for column in columns if column.lower() in VALUE_NAMES]
    return min(named, key=lambda column: VALUE_NAMES.index(column.lower()), default=columns[0])


def _columns(raw: Raw, series: Series, constant: list[str]) -> tuple[Column, ...]:
    found = []
    for place, name in enumerate(raw.columns):
        values = np.asarray(series.values[:, place])
        kind, reason = ("ignore", "the same value everywhere") if name in constant else ("number", "values over time")
        found.append(
            Column(
                name=name, kind=kind, reason=reason, missing=int(series.filled[:, place].sum()),
                unique=len(np.unique(values[:100_000])), examples=tuple(f"{value:g}" for value in values[:3]),
                minimum=float(values.min()), maximum=float(values.max()), mean=float(values.mean()),
            )
        )  # fmt: skip
    if raw.labels:
        kinds = tuple(sorted(set(raw.labels)))
        found.append(Column(name=raw.label, kind="category", unique=len(kinds), examples=kinds[:5], reason="the class"))
    return tuple(found)


# --- checking and preparing ---------------------------------------------------------------------------------------


def tasks(dataset: DataSet) -> tuple[str, ...]:
    """Name what can be learned: a data set is either to be forecast or to be sorted."""
    return (dataset.schema.task,)


def check(dataset: DataSet, data: Data) -> list[Finding]:
    """Look at the series as this recipe would use them; every check answers, also with `pass`."""
    details, series = dataset.schema.details, _opened(dataset)
    _refuse_task(dataset, data)
    if details["layout"] == "classes":
        return of_classes(series, dataset.schema.classes, details)
    try:
        plan: Plan | Refusal = _plan(dataset, data)
    except Refusal as refusal:
        plan = refusal
    return of_forecast(plan, series, details)


def classes(dataset: DataSet, data: Data) -> dict[str, int]:
    """Count the recordings of each class; empty where values are forecast."""
    _refuse_task(dataset, data)
    return dataset.schema.classes


def prepare(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    """Split by time (forecasting) or by recording and person (classes); write (rows, steps, columns) float32."""
    _refuse_task(dataset, data)
    progress(0.0, "Reading the series")
    if dataset.schema.details["layout"] == "classes":
        return _prepare_classes(dataset, data, seed, folder, progress)
    return _prepare_forecast(dataset, data, folder, progress)


def _opened(dataset: DataSet) -> Series:
    return Series.open(dataset.folder, dataset.schema.details)


def _settings(data: Data) -> Config:
    return validate(Config, data.settings, "data")


def _refuse_task(dataset: DataSet, data: Data) -> None:
    own = dataset.schema.task
    if not data.task or data.task == own:
        return
    if data.task not in TASKS:
        raise Refusal(f"Time series can be forecast or sorted into classes; `data.task` cannot be {data.task}.")
    if own == "forecasting":
        raise Refusal("These series have no class each, so they can only be forecast. Set `data.task` to forecasting.")
    raise Refusal("These recordings have a class each. Set `data.task` to classification.")


def _used_columns(dataset: DataSet) -> list[str]:
    constant = set(dataset.schema.details["constant"])
    return [name for name in dataset.schema.details["columns"] if name not in constant]


def _plan(dataset: DataSet, data: Data) -> Plan:
    settings, names = _settings(data), _used_columns(dataset)
    target = data.target or dataset.schema.target
    if target not in names:
        raise known("column", target, names)
    seen = names if settings.inputs == "all" else [target]
    every = dataset.schema.details["columns"]
    columns = tuple(every.index(name) for name in seen)
    wishes = (settings.window, settings.horizon, settings.season)
    shares = (data.validation, data.test)
    return make_plan(_opened(dataset), columns, seen.index(target), shares, wishes, data.folded)


def _prepare_forecast(dataset: DataSet, data: Data, folder: Path, progress: Progress) -> Prepared:
    settings, plan = _settings(data), _plan(dataset, data)
    transform, trials = settings.transform, {}
    if transform == "auto":
        progress(0.2, "Trying in which form the values are learned best")
        transform, trials = best_transform(plan)
    refuse_impossible(plan, transform)
    encoding = fit(plan, transform)
    progress(0.5, "Writing the windows")
    parts = {name: _forecast_part(plan, encoding, _affordable(plan, rows)) for name, rows in plan.origins.items()}
    step, names = plan.series.step, [dataset.schema.details["columns"][place] for place in plan.columns]
    target = names[plan.target]
    encoding |= {"mase": _mase(plan)}
    signature = Signature(
        data_type="series",
        task="forecasting",
        inputs={"series": TensorSpec(shape=(plan.window, len(names)))},
        raw=(_raw_input(plan.window, names, f"The last {plan.window} steps, oldest first", step),),
        target=Target(
            name=target, size=plan.horizon, mean=encoding["answer_mean"], scale=encoding["answer_scale"]
        ),
        rows={name: len(part) for name, part in parts.items()},
        details={
            "columns": names, "target": plan.target, "window": plan.window, "horizon": plan.horizon,
            "season": plan.season, "transform": transform, "trials": trials, "step": step.words,
            "several": plan.series.count > 1,
        },
    )  # fmt: skip
    prepared = Prepared(folder, signature, encoding).save(parts)
    progress(1.0, "Prepared")
    return prepared


def _affordable(plan: Plan, rows: np.ndarray) -> np.ndarray:
    """Skip windows evenly where all would not fit."""
    return thinned(rows, max(1, MOST_BYTES // (4 * plan.window * len(plan.columns))))


def _forecast_part(plan: Plan, encoding: dict[str, Any], rows: np.ndarray) -> Part:
    stretch = plan.stretch(rows)
    y = (moved(stretch, plan.future(rows), encoding, np) - encoding["answer_mean"]) / encoding["answer_scale"]
    return Part({"series": entered(stretch, encoding, np).astype(np.float32)}, y.astype(np.float32), rows)


def _mase(plan: Plan) -> float:
    """Return the mean absolute error of "as a season ago" (without a season: of "as before") in the training part.

    Errors divided by it are MASE (Hyndman and Koehler, "Another look at measures of forecast accuracy", 2006).
    """
    rows, lag = plan.origins["train"], max(1, plan.season)
    column = plan.columns[plan.target]
    rows = rows[rows - plan.series.offsets[np.searchsorted(plan.series.offsets, rows, side="right") - 1] >= lag]
    if not len(rows):
        return 0.0
    return float(np.abs(plan.series.values[rows, column] - plan.series.values[rows - lag, column]).mean())


def _raw_input(steps: int, columns: Sequence[str], what: str, step: Step) -> RawInput:
    unit = "" if step.counts else f", one every {step.words}"
    several = "" if len(columns) == 1 else f" of {len(columns)} columns ({', '.join(columns[:6])})"
    return RawInput(name="series", kind="series", shape=(steps, len(columns)), description=f"{what}{unit}{several}.")


def _prepare_classes(dataset: DataSet, data: Data, seed: int, folder: Path, progress: Progress) -> Prepared:
    settings, series, names = _settings(data), _opened(dataset), _used_columns(dataset)
    if data.target and data.target != dataset.schema.target:
        raise known("class column", data.target, [dataset.schema.target])
    columns = [dataset.schema.details["columns"].index(name) for name in names]
    window = settings.window or _usual_length(series)
    _refuse_too_large(series.count, window, len(columns))
    labels, kinds = np.asarray(series.labels), tuple(dataset.schema.classes)
    groups = tied(series.groups.tolist(), digests_of(series))
    rows = divide(np.asarray(kinds)[labels], groups, (data.validation, data.test), seed, "recording", data.folded)
    progress(0.3, "Learning the spread of the values")
    train = np.stack([brought_to(series.one(row)[:, columns], window) for row in rows["train"]])
    spread = train.std(axis=(0, 1))
    encoding: dict[str, Any] = {
        "task": "classification", "mean": train.mean(axis=(0, 1)).tolist(),
        "scale": np.where(spread > 1e-12, spread, 1.0).tolist(), "window": window, "columns": columns,
    }  # fmt: skip
    parts: dict[PartName, Part] = {}
    for name, here in rows.items():
        values = np.stack([brought_to(series.one(row)[:, columns], window) for row in here]).astype(np.float32)
        parts[name] = Part({"series": standardised(values, encoding, np)}, labels[here].astype(np.int32), here)
        progress(0.5 + 0.1 * len(parts), "Writing the recordings")
    signature = Signature(
        data_type="series",
        task="classification",
        inputs={"series": TensorSpec(shape=(window, len(columns)))},
        raw=(_raw_input(window, names, f"{window} steps of a recording, oldest first", series.step),),
        target=Target(name=dataset.schema.target, classes=kinds),
        rows={name: len(part) for name, part in parts.items()},
        class_counts=tuple(np.bincount(parts["train"].y, minlength=len(kinds)).tolist()),
        details={"columns": names, "window": window, "step": series.step.words},
    )
    prepared = Prepared(folder, signature, encoding).save(parts)
    progress(1.0, "Prepared")
    return prepared


def _usual_length(series: Series) -> int:
    """See 95 of 100 recordings whole, up to a thousand steps."""
    return int(min(LONGEST, np.ceil(np.percentile(series.lengths, 95))))


def _refuse_too_large(count: int, window: int, columns: int) -> None:
    needed = 4 * count * window * columns
    if needed > MOST_BYTES:
        most = int(MOST_BYTES / (4 * count * columns))
        raise Refusal(
            f"{count:,} recordings of {window:,} steps need {needed / 1e9:.1f} GB. Set the window to {most:,} or less."
        )


def brought_to(values: np.ndarray, window: int) -> np.ndarray:
    """Bring a recording (steps, columns) to one length: cut the end, or go on with its last values."""
    lacking = window - len(values)
    return values[:window] if lacking <= 0 else np.concatenate([values, np.repeat(values[-1:], lacking, axis=0)])


# --- rows for people and for the finished model -------------------------------------------------------------------


def preview(dataset: DataSet, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Return steps as time and values, or recordings as a small picture and their class."""
    series, details = _opened(dataset), dataset.schema.details
    if details["layout"] == "classes":
        names = list(dataset.schema.classes)
        return [
            {"recording": picture_of(series.one(row)), dataset.schema.target: names[series.labels[row]]} for row in rows
        ]
    told = []
    for row in rows:
        name = {"series": details["names"][series.owner(row)]} if series.count > 1 else {}
        values = zip(details["columns"], (round(float(value), 6) for value in series.values[row]), strict=True)
        told.append({"time": series.when(row), **name, **dict(values)})
    return told


def picture_of(values: np.ndarray) -> Image.Image:
    """Draw a recording (steps, columns) as lines on white."""
    width, height = (2 * side for side in THUMBNAIL)
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    shown = values[:, : len(LINES)]
    low, high = float(shown.min()), float(shown.max())
    x = np.linspace(8, width - 8, max(2, len(shown)))
    y = height - 8 - (shown - low) / ((high - low) or 1.0) * (height - 16)
    for column in range(shown.shape[1]):
        pen.line([*zip(x.tolist(), y[:, column].tolist(), strict=False)], fill=LINES[column], width=3)
    return image.resize(THUMBNAIL, Image.Resampling.LANCZOS)


def lines(dataset: DataSet, most: int) -> list[dict[str, Any]]:
    """Return what a chart of the data shows: {"name", "column", "times" in words, "values"}, each thinned evenly.

    For a forecast all columns of the longest series; for classes one recording of each.
    """
    series, details = _opened(dataset), dataset.schema.details
    if details["layout"] == "classes":
        labels = np.asarray(series.labels)
        firsts = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
        names = list(dataset.schema.classes)
        return [line for row in firsts for line in _lines_of(series, row, details["columns"], names[labels[row]], most)]
    place = int(np.argmax(series.lengths))
    return _lines_of(series, place, details["columns"], details["names"][place], most)


def _lines_of(series: Series, place: int, columns: list[str], name: str, most: int) -> list[dict[str, Any]]:
    first = int(series.offsets[place])
    kept = thinned(np.arange(int(series.lengths[place])), most)
    times = [series.when(first + int(step)) for step in kept]
    values = series.one(place)[kept]
    return [
        {"name": name, "column": column, "times": times, "values": values[:, number].tolist()}
        for number, column in enumerate(columns)
    ]


def windows(dataset: DataSet, signature: Signature, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what was seen before these steps and what came from them on, in own units.

    (rows, window, columns) and (rows, horizon), both float64.
    """
    opened, details = _opened(dataset), signature.details
    columns = [dataset.schema.details["columns"].index(name) for name in details["columns"]]
    rows = np.asarray(rows, dtype=np.int64)
    seen = opened.values[rows[:, None] + np.arange(-int(details["window"]), 0)][..., columns]
    ahead = rows[:, None] + np.arange(int(details["horizon"]))
    return seen.astype(np.float32).astype(np.float64), np.asarray(opened.values[ahead, columns[details["target"]]])


def before(dataset: DataSet, signature: Signature, rows: np.ndarray, lag: int, lacking: np.ndarray) -> np.ndarray:
    """Return the known values so many steps (or a multiple) before each step ahead: (rows, horizon).

    Where a series had not begun by then, `lacking` (of the same shape) stands in.
    """
    opened, details = _opened(dataset), signature.details
    column = dataset.schema.details["columns"].index(details["columns"][details["target"]])
    rows = np.asarray(rows, dtype=np.int64)
    ahead = np.arange(int(details["horizon"]))
    steps = rows[:, None] + ahead - lag * (1 + ahead // lag)
    first = opened.offsets[np.searchsorted(opened.offsets, rows, side="right") - 1][:, None]
    values = np.asarray(opened.values[np.maximum(steps, 0), column])
    return np.where(steps >= first, values, lacking)


def has_moments(dataset: DataSet) -> bool:
    """Say whether times are moments of the calendar, not mere counts."""
    return not dataset.schema.details["step"]["counts"]


def times_of(dataset: DataSet, rows: np.ndarray) -> list[float]:
    """Return the times of steps: milliseconds since 1970 where they are moments, else plain numbers."""
    scale = 1000.0 if has_moments(dataset) else 1.0
    return [float(time) * scale for time in _opened(dataset).times[rows]]


def words_of(dataset: DataSet, row: int) -> str:
    """Say which step this is: its time and, where there are several, its series."""
    opened = _opened(dataset)
    name = dataset.schema.details["names"][opened.owner(row)] if opened.count > 1 else ""
    return f"{name}, {opened.when(row)}" if name else opened.when(row)


def longest_run(dataset: DataSet, rows: np.ndarray) -> np.ndarray:
    """Return the places of those rows that lie in the series with the most of them, in order."""
    owners = np.searchsorted(_opened(dataset).offsets, rows, side="right") - 1
    return np.flatnonzero(owners == np.bincount(owners).argmax())


def raw(dataset: DataSet, signature: Signature, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Return what the finished model takes: {"series": (1, window, columns)}; a step is asked with what lies before."""
    series, window = _opened(dataset), int(signature.details["window"])
    every = dataset.schema.details["columns"]
    columns = [every.index(name) for name in signature.details["columns"]]
    if signature.task == "classification":
        found = [brought_to(series.one(row)[:, columns], window) for row in rows]
    else:
        found = [np.asarray(series.values[row - window : row])[:, columns] for row in rows]
    return [{"series": values.astype(np.float32)[None]} for values in found]


def parse(signature: Signature, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn pasted text or rows of numbers under "series" into (1, window, columns)."""
    window, columns = int(signature.details["window"]), list(signature.details["columns"])
    given = values.get("series")
    found = pasted(given, columns) if isinstance(given, str) else _as_steps(given, columns)
    if signature.task == "classification":
        return {"series": brought_to(found, window).astype(np.float32)[None]}
    if len(found) < window:
        raise Refusal(
            f"The model looks at {window} steps, but got {len(found)}. Add {window - len(found)} more before them."
        )
    return {"series": found[-window:].astype(np.float32)[None]}


def pasted(text: str, columns: Sequence[str]) -> np.ndarray:
    """Read pasted numbers, a line per step (or all in a row for one column): (steps, columns)."""
    if not text.strip():
        raise Refusal("No values were given. Paste numbers, a line per step, or choose a stretch from the test part.")
    # A comma is the decimal mark where no point is there and something else separates.
    comma = "." not in text and re.search(r"\d,\d", text) and re.search(r"[;\t\n]|\d \d", text.strip())
    text = text.replace(",", ".") if comma and not re.search(r",\d+,", text) else text
    lines = [line for line in text.strip().splitlines() if line.strip()]
    rows = [[cell for cell in re.split(r"[,;\s]+", line.strip()) if cell] for line in lines]
    if rows and not any(_number(cell) is not None for cell in rows[0]):
        rows = rows[1:]  # a line of names
    if len(columns) == 1:
        rows = [[cell] for row in rows for cell in row]
    numbers = []
    for place, row in enumerate(rows, 1):
        wrong = next((cell for cell in row if _number(cell) is None), None)
        if wrong is not None:
            raise Refusal(f"Line {place} holds '{wrong[:30]}' where a number should be. Mend it and try again.")
        if len(row) != len(columns):
            raise Refusal(f"Line {place} has {len(row)} numbers, but {len(columns)} are needed: {', '.join(columns)}.")
        numbers.append([_number(cell) for cell in row])
    return _as_steps(numbers, columns)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _as_steps(given: Any, columns: Sequence[str]) -> np.ndarray:
    """Check rows of numbers: (steps, columns), finite."""
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise Refusal("The values are no numbers. Give a line of numbers per step.") from None
    if given is None or not found.size:
        raise Refusal("No values were given. Paste numbers, a line per step, or choose a stretch from the test part.")
    found = found.reshape(-1, 1) if found.ndim == 1 and len(columns) == 1 else found
    if found.ndim != 2 or found.shape[1] != len(columns):
        raise Refusal(f"Every step needs {len(columns)} numbers: {', '.join(columns)}.")
    if not np.isfinite(found).all():
        raise Refusal("Some values are missing. Fill them in and try again.")
    return found


def layers_of(signature: Signature, encoding: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the raw stretch (batch, window, columns) and the ready one of the same shape. Worker only."""
    series = keras.Input(signature.raw[0].shape, name="series", dtype="float32")
    step = standardised if encoding["task"] == "classification" else entered
    return {"series": series}, {"series": step(series, encoding, keras.ops)}
