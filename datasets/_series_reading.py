"""From an upload to series: one long table, tables with a row per series, `.ts` files, a zip with a file per series."""

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from datasets import Progress
from datasets._archive import Bundle, note_unsafe, opened
from datasets._layout import Kind, layout, listed, note_unreadable, refuse_unreadable
from datasets._series_time import Clock, moment, plain_name, read_clock
from datasets._table_columns import as_numbers, as_texts, decimal_mark, find_column
from datasets._table_config import Config as TableConfig
from datasets._table_reading import Table, read_table
from recipes import Refusal, known

TABLES = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".xls", ".ods", ".parquet", ".pq")
LABELS = (
    "label", "class", "target", "activity", "gesture", "state", "category", "movement", "y", "kind", "type",
    "condition", "diagnosis", "fault", "klasse",
)  # fmt: skip
SERIES_IDS = (
    "id", "series", "series_id", "sensor", "unit", "case", "instance", "sample", "item", "store", "sku", "recording",
    "machine", "station", "subject", "user", "patient", "trial", "dim_case", "unique_id", "country", "region", "shop",
    "product", "city", "engine", "session", "name", "symbol", "ticker",
)  # fmt: skip
PEOPLE = ("subject", "person", "user", "patient", "participant", "group", "volunteer")
FEWEST_STEPS = 8
"""Columns with numbered names that make a row a series."""
RUN = 10
"""Steps a label lasts at least, in the middle, where one recording holds several classes."""


@dataclass
class Raw:
    """Series as they were read: each (steps, columns) with NaN for missing cells, and its times or None."""

    columns: tuple[str, ...]
    values: list[np.ndarray]
    clocks: list[Clock | None] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    """The class of each series; empty where values are to be forecast."""
    people: list[str] = field(default_factory=list)
    """Whose series it is; series of one person stay in one part. Empty where unknown."""
    label: str = "label"
    """What the class is called."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wishes:
    """What a person has said about the columns; empty is found out."""

    layout: str = "auto"
    time: str = ""
    series: str = ""
    label: str = ""
    steps: int = 0
    """Length of the pieces into which long recordings are cut."""


def read_series(file: Path, reading: TableConfig, wishes: Wishes, progress: Progress) -> Raw:
    """Read any upload; raises `Refusal` in words for what holds no series."""
    if file.is_dir() or (file.suffix.lower() == ".zip"):
        with opened(file) as bundle:
            return _from_bundle(bundle, reading, wishes, progress)
    if file.suffix.lower() == ".ts":
        return read_ts(file.read_bytes(), file.name)
    return from_table(read_table(file, reading), reading, wishes)


# --- one table ----------------------------------------------------------------------------------------------------


def from_table(table: Table, reading: TableConfig, wishes: Wishes) -> Raw:
    """Find out how a table holds its series, and take them out."""
    for wished in (wishes.time, wishes.series, wishes.label):
        if wished and wished not in table.columns:
            raise known("column", wished, table.columns)
    found = _understood(table, reading)
    numbered = _numbered(found)
    if wishes.layout != "forecast" and not wishes.time and numbered and _label(found, wishes, numbered):
        raw = _rows_are_series(found, numbered, wishes)
    elif not wishes.time and (years := _times_across(found)):
        raw = _melted(found, years, wishes)
    else:
        raw = _long(found, wishes)
    raw.notes[:0] = table.notes
    return raw


@dataclass(frozen=True)
class _Found:
    """Columns of a table as they were understood."""

    kinds: dict[str, str]
    cells: dict[str, pa.Array]

    def of_kind(self, *kinds: str) -> list[str]:
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """Return columns as (rows, columns) float64."""
        return np.stack([as_numbers(self.cells[name], self.kinds[name]) for name in names], axis=1)

    def texts(self, name: str) -> np.ndarray:
        return as_texts(self.cells[name])


def _understood(table: Table, reading: TableConfig) -> _Found:
    decimal = reading.decimal or decimal_mark(table.columns.values(), str(table.details.get("delimiter", "")))
    kinds, cells = {}, {}
    for name, raw_cells in table.columns.items():
        column = find_column(name, raw_cells, decimal, guess_decimal=not reading.decimal)
        numeric = pa.types.is_floating(column.cells.type) or pa.types.is_integer(column.cells.type)
        # Here a number is a number, also where it counts up or stays the same.
        kinds[name] = (
            "number"
            if numeric
            else "word"
            if column.column.kind in {"ignore", "category", "text"}
            else column.column.kind
        )
        cells[name] = column.cells
    return _Found(kinds, cells)


def _numbered(found: _Found) -> dict[str, list[str]]:
    """Group columns that are steps of a series by channel: {"": [t0, t1, ...]} or {"x": [x_0, ...], "y": [...]}."""
    groups: dict[str, dict[int, str]] = {}
    for name in found.of_kind("number", "boolean"):
        hit = re.fullmatch(r"(.*?)[\s_.\-\[(]*(\d+)[\])]?", name.strip())
        if hit:
            groups.setdefault(hit[1].strip().casefold(), {})[int(hit[2])] = name
    lengths = Counter(len(group) for group in groups.values() if len(group) >= FEWEST_STEPS)
    if not lengths:
        return {}
    usual = max(lengths, key=lambda length: length * lengths[length])
    steps = {
        channel: [group[number] for number in sorted(group)] for channel, group in groups.items() if len(group) == usual
    }
    steps = {channel: names for channel, names in steps.items() if _counts_on(names)}
    used = sum(len(names) for names in steps.values())
    return steps if 2 * used >= len(found.kinds) else {}


def _counts_on(names: list[str]) -> bool:
    numbers = [int(re.findall(r"\d+", name)[-1]) for name in names]
    return bool((np.diff(numbers) == numbers[1] - numbers[0]).all())


def _label(found: _Found, wishes: Wishes, numbered: dict[str, list[str]]) -> str:
    """Find the column that names the class of a row that is a series."""
    if wishes.label:
        return wishes.label
    steps = {name for names in numbered.values() for name in names}
    others = [name for name in found.kinds if name not in steps]
    named = [name for name in others if plain_name(name) in LABELS]
    words = [name for name in others if found.kinds[name] in {"word", "boolean"} and _recurs(found.texts(name))]
    few = [name for name in others if found.kinds[name] == "number" and _recurs(found.texts(name))]
    return next(iter([*named, *words, *few]), "")


def _recurs(texts: np.ndarray) -> bool:
    present = texts[texts != ""]
    return len(present) > 0 and 1 < len(set(present)) <= max(2, len(present) // 3)


def _rows_are_series(found: _Found, numbered: dict[str, list[str]], wishes: Wishes) -> Raw:
    label = _label(found, wishes, numbered)
    texts = found.texts(label)
    kept = np.flatnonzero(texts != "")
    if not len(kept):
        raise Refusal(f"Column '{label}' is empty, so no class is known. Choose another label column.")
    values = np.stack([found.numbers(names) for names in numbered.values()], axis=2)  # (rows, steps, channels)
    channels = ("value",) if len(numbered) == 1 else tuple(channel or "value" for channel in numbered)
    person = _person(found, label)
    steps, count = values.shape[1], len(channels)
    told = f"{steps} steps" if count == 1 else f"{steps} steps of {count} columns"
    notes = [f"Every row is one series of {told}; column '{label}' names its class."]
    if len(kept) < len(texts):
        notes.append(f"Left out {len(texts) - len(kept):,} rows without a class.")
    return Raw(
        channels,
        [values[row] for row in kept],
        [None] * len(kept),
        [f"row {row + 1}" for row in kept],
        texts[kept].tolist(),
        found.texts(person)[kept].tolist() if person else [],
        label,
        notes,
    )


def _person(found: _Found, *taken: str) -> str:
    fitting = [name for name in found.kinds if plain_name(name) in PEOPLE and name not in taken]
    return fitting[0] if fitting else ""


def _times_across(found: _Found) -> dict[str, float]:
    """Find columns whose names are times, as in tables with a column per year: {name: seconds}."""
    told = {name: moment(name) for name in found.of_kind("number")}
    times = {name: time for name, time in told.items() if time is not None}
    return times if len(times) >= FEWEST_STEPS and 2 * len(times) >= len(found.kinds) else {}


def _melted(found: _Found, times: dict[str, float], wishes: Wishes) -> Raw:
    """Take rows of a table with a column per time as series to be forecast."""
    order = sorted(times, key=lambda name: times[name])
    clock = Clock(np.asarray([times[name] for name in order]))
    values = found.numbers(order)
    names = [wishes.series] if wishes.series else [name for name in found.of_kind("word") if name not in times]
    called = found.texts(names[0]).tolist() if names else [f"row {row + 1}" for row in range(len(values))]
    kept = [row for row in range(len(values)) if np.isfinite(values[row]).sum() >= FEWEST_STEPS]
    if not kept:
        raise Refusal(f"No row has {FEWEST_STEPS} numbers, so there is no series to learn from. Check the file.")
    notes = [f"Every column from '{order[0]}' to '{order[-1]}' is a time, so every row is one series."]
    if len(kept) < len(values):
        notes.append(f"Left out {len(values) - len(kept):,} rows with almost no numbers.")
    return Raw(("value",), [values[row][:, None] for row in kept], [clock] * len(kept), [called[row] for row in kept],
               notes=notes)  # fmt: skip


# --- long tables --------------------------------------------------------------------------------------------------


def _long(found: _Found, wishes: Wishes) -> Raw:
    """Take series out of a table with a row per time: one series, or several told apart by a column."""
    time, clock = _find_time(found, wishes)
    series = wishes.series or _find_ids(found, time, clock)
    keys = found.texts(series) if series else np.full(_rows_of(found), "", dtype=object)
    label = "" if wishes.layout == "forecast" else _long_label(found, keys, {time, series}, wishes)
    if wishes.layout == "classes" and not label:
        raise Refusal("No column names a class. Choose the label column, or use the file to forecast values.")
    person = _person(found, time, series, label) if label else ""
    taken = {time, series, label, person}
    measured = [name for name in found.of_kind("number", "boolean") if name not in taken]
    left_out = [name for name in found.kinds if name not in taken and name not in measured]
    if not measured:
        raise Refusal("No column of numbers was found, so there is nothing to follow over time. Check the file.")
    notes = [_time_note(time)]
    if series:
        notes.append(f"Column '{series}' tells {len(dict.fromkeys(keys[keys != ''])):,} series apart.")
    if left_out:
        notes.append(f"Left out {listed(left_out[:5])}: no numbers.")
    whole = Raw(tuple(measured), [], label=label or "label", notes=notes)
    values = found.numbers(measured)
    labels = found.texts(label) if label else None
    people = found.texts(person) if person else None
    for key in dict.fromkeys(keys[keys != ""] if series else keys):
        rows = np.flatnonzero(keys == key)
        one = None if clock is None else Clock(clock.times[rows], clock.counts)
        _take(whole, str(key) or "series", values[rows], one)
        if labels is not None:
            whole.labels.append(",".join(dict.fromkeys(labels[rows][labels[rows] != ""])))
        if people is not None:
            whole.people.append(str(people[rows[0]]))
    if labels is None:
        return whole
    if all(len(set(labels[keys == key]) - {""}) <= 1 for key in dict.fromkeys(keys)):
        return _with_classes(whole, label)
    return _cut_where_it_changes(whole, (keys, labels, people, values), label, wishes)


def _rows_of(found: _Found) -> int:
    return len(next(iter(found.cells.values())))


def _find_time(found: _Found, wishes: Wishes) -> tuple[str, Clock | None]:
    if wishes.time:
        clock = read_clock(wishes.time, found.cells[wishes.time], must=True)
        if clock is None:
            raise Refusal(f"Column '{wishes.time}' holds no times. Choose a column of dates, or one that counts up.")
        return wishes.time, clock
    dated = [*found.of_kind("date"), *found.of_kind("word"), *found.of_kind("number")]
    best, most = ("", None), 0
    for name in dated:
        clock = read_clock(name, found.cells[name])
        if clock is not None:
            distinct = len(np.unique(clock.times[np.isfinite(clock.times)]))
            if distinct > max(most, 2):
                best, most = (name, clock), distinct
            if found.kinds[name] == "date" and distinct > 2:
                break
    return best


def _time_note(time: str) -> str:
    if time:
        return f"Column '{time}' tells the time."
    return "No column tells the time, so the rows are taken as equal steps in the order of the file."


def _find_ids(found: _Found, time: str, clock: Clock | None) -> str:
    """Find the column that tells series apart: it recurs, and no time is there twice within one of its values."""
    rows = _rows_of(found)
    for name in found.kinds:
        if name == time or plain_name(name) not in SERIES_IDS:
            continue
        texts = found.texts(name)
        distinct = len(set(texts) - {""})
        if not 1 < distinct <= rows // 4:
            continue
        if clock is None or len({*zip(texts.tolist(), clock.times.tolist(), strict=True)}) >= 0.98 * rows:
            return name
    if clock is None:
        return ""
    present = clock.times[np.isfinite(clock.times)]
    if len(np.unique(present)) > 0.6 * len(present):
        return ""
    # Times recur: some column of words must tell why.
    for name in found.of_kind("word"):
        texts = found.texts(name)
        if name != time and len({*zip(texts.tolist(), clock.times.tolist(), strict=True)}) >= 0.98 * rows:
            return name
    return ""


def _long_label(found: _Found, keys: np.ndarray, taken: set[str], wishes: Wishes) -> str:
    """Find a class for each series, or a column whose classes follow each other in long runs."""
    if wishes.label:
        return wishes.label
    named = [name for name in found.kinds if name not in taken and plain_name(name) in LABELS]
    named += [name for name in found.of_kind("word") if name not in taken and name not in named]
    for name in named:
        texts = found.texts(name)
        if found.kinds[name] == "number" and plain_name(name) in {"y", "target"}:
            continue
        distinct = set(texts) - {""}
        if not 1 < len(distinct) <= 50:
            continue
        series = dict.fromkeys(keys)
        constant = all(len(set(texts[keys == key]) - {""}) == 1 for key in series)
        if len(series) >= 3 * len(distinct) and constant:
            return name
        if plain_name(name) in LABELS and not constant and np.median(_run_lengths(texts, keys)) >= RUN:
            return name
    return ""


def _run_lengths(texts: np.ndarray, keys: np.ndarray) -> np.ndarray:
    return np.diff(np.append(_run_starts(texts, keys), len(texts)))


def _run_starts(texts: np.ndarray, keys: np.ndarray) -> np.ndarray:
    changes = (texts[1:] != texts[:-1]) | (keys[1:] != keys[:-1])
    return np.append(0, np.flatnonzero(changes) + 1)


def _take(whole: Raw, name: str, values: np.ndarray, clock: Clock | None) -> None:
    whole.names.append(name)
    whole.values.append(values)
    whole.clocks.append(clock)


def _with_classes(whole: Raw, label: str) -> Raw:
    kept = [place for place, told in enumerate(whole.labels) if told]
    if len(kept) < len(whole.labels):
        whole.notes.append(f"Left out {len(whole.labels) - len(kept):,} series without a class.")
        for name in ("values", "clocks", "names", "labels", "people"):
            told = getattr(whole, name)
            setattr(whole, name, [told[place] for place in kept] if told else [])
    whole.notes.append(f"Column '{label}' names the class of each series.")
    return whole


def _cut_where_it_changes(
    whole: Raw, told: tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray], label: str, wishes: Wishes

) -> Raw:  # fmt: skip
    """Cut long recordings, in which one class follows the other, into pieces of one class and one length."""
    keys, labels, people, values = told
    starts = _run_starts(labels, keys)
    ends = np.append(starts[1:], len(labels))
    lengths = (ends - starts)[labels[starts] != ""]
    steps = wishes.steps or int(np.clip(np.median(lengths) // 2, RUN, 100))
    pieces = Raw(whole.columns, [], label=label, notes=whole.notes)
    pieces.notes.append(
        f"Column '{label}' changes along the way, so the recordings were cut into pieces of {steps} steps. "
        "Pieces of one stretch stay together."
    )
    for number, (first, last) in enumerate(zip(starts, ends, strict=True)):
        if not labels[first]:
            continue
        for begin in range(first, last - steps + 1, steps):
            _take(pieces, f"steps {begin + 1} to {begin + steps}", values[begin : begin + steps], None)
            pieces.labels.append(str(labels[first]))
            pieces.people.append(str(people[first]) if people is not None else f"stretch {number + 1}")
    if not pieces.values:
        raise Refusal(f"No class lasts {steps} steps. Set the window to fewer steps.")
    return pieces


# --- .ts files ----------------------------------------------------------------------------------------------------


def read_ts(data: bytes, name: str) -> Raw:
    """Read the text format of time-series archives: `@` lines, then a line per series, `:` between channels."""
    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    head, body = _ts_head(lines, name)
    if head.get("targetlabel", "").split(" ")[0].lower() == "true":
        raise Refusal("This file holds a number for each series. Only classes can be learned from `.ts` files so far.")
    labelled = head.get("classlabel", "false").split(" ")[0].lower() == "true"
    timed = head.get("timestamps", "false").lower() == "true"
    values, labels = [], []
    for number, line in body:
        parts = _ts_parts(line)
        if labelled:
            labels.append(parts.pop().strip())
        channels = [_ts_numbers(part, number, timed=timed) for part in parts]
        if not channels or not max(map(len, channels)):
            raise Refusal(f"Line {number} of '{name}' holds no numbers. Remove it or save the file again.")
        longest = max(map(len, channels))
        padded = [np.append(each, np.full(longest - len(each), np.nan)) for each in channels]
        values.append(np.stack(padded, axis=1))
    counts = {each.shape[1] for each in values}
    if len(counts) > 1:
        raise Refusal(f"The series of '{name}' have {min(counts)} to {max(counts)} channels. All must have the same.")
    if not labelled and len(values) > 1:
        raise Refusal(f"'{name}' names no classes (`@classLabel true ...` is missing), so there is nothing to learn.")
    columns = ("value",) if counts == {1} else tuple(f"channel {place + 1}" for place in range(max(counts)))
    names = [f"series {place + 1}" for place in range(len(values))]
    return Raw(columns, values, [None] * len(values), names, labels, label="class")


def _ts_head(lines: list[str], name: str) -> tuple[dict[str, str], list[tuple[int, str]]]:
    head: dict[str, str] = {}
    for place, line in enumerate(lines):
        bare = line.strip()
        if bare.lower() == "@data":
            body = [(number, text.strip()) for number, text in enumerate(lines[place + 1 :], place + 2)]
            body = [(number, text) for number, text in body if text and not text.startswith("#")]
            if not body:
                raise Refusal(f"'{name}' has no series below `@data`. Was it still downloading?")
            return head, body
        if bare.startswith("@"):
            key, _, value = bare[1:].partition(" ")
            head[key.lower()] = value.strip()
    raise Refusal(f"'{name}' has no line `@data`, so it is no `.ts` file of series. Check that it is the right file.")


def _ts_parts(line: str) -> list[str]:
    """Split at colons, except those of clock times inside parentheses."""
    return re.split(r":(?![^(]*\))", line)


def _ts_numbers(part: str, line: int, *, timed: bool) -> np.ndarray:
    texts = re.findall(r"\([^)]*?,\s*([^,)]*)\)", part) if timed else part.split(",")
    try:
        return np.asarray([np.nan if text.strip() in {"?", "NaN", "nan", ""} else float(text) for text in texts])
    except ValueError:
        wrong = next(text.strip() for text in texts if not _is_number(text))
        raise Refusal(
            f"Line {line} holds '{wrong[:30]}' where a number should be. Mend the line or remove it."
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text.strip() in {"?", ""}
    return True


# --- a file per series --------------------------------------------------------------------------------------------


def _from_bundle(bundle: Bundle, reading: TableConfig, wishes: Wishes, progress: Progress) -> Raw:
    """Read a zip or folder: `.ts` files put together, or a table per series."""
    ts = [name for name in bundle.names if name.lower().endswith(".ts")]
    if ts:
        return _put_together([read_ts(_bytes_of(bundle, name), PurePosixPath(name).name) for name in ts], ts)
    tables = [name for name in bundle.names if name.lower().endswith(TABLES)]
    if not tables:
        raise Refusal("No tables found. Expected a table per series, e.g. walk/1.csv, or a single table.")
    if len(tables) == 1:
        return from_table(_table_in(bundle, tables[0], reading), reading, wishes)
    kind = Kind("series", TABLES, "walk/1.csv")
    labels, notes = _classes_of(bundle, kind, wishes)
    whole = Raw((), [], notes=[*notes, *note_unsafe(bundle)])
    unreadable: list[tuple[str, str]] = []
    for place, name in enumerate(labels or tables):
        progress(0.1 + 0.6 * place / len(tables), f"Reading series: {place:,} of {len(tables):,}")
        try:
            _add(whole, name, _table_in(bundle, name, reading), reading, wishes)
        except Refusal as refusal:
            unreadable.append((name, str(refusal)))
            continue
        if labels:
            whole.labels.append(labels[name])
    refuse_unreadable(unreadable, labels or dict.fromkeys(tables, "series"), kind)
    whole.notes += note_unreadable(unreadable, len(labels or tables), kind)
    return whole


def _classes_of(bundle: Bundle, kind: Kind, wishes: Wishes) -> tuple[dict[str, str], list[str]]:
    if wishes.layout == "forecast":
        return {}, []
    try:
        found = layout(bundle, kind)
    except Refusal:
        if wishes.layout == "classes":
            raise
        return {}, ["No classes were found among the files, so each is a series to be forecast."]
    return found.labels, found.notes


def _add(whole: Raw, name: str, table: Table, reading: TableConfig, wishes: Wishes) -> None:
    """Add the one series of a table."""
    found = _understood(table, reading)
    time, clock = _find_time(found, wishes)
    measured = tuple(column for column in found.of_kind("number", "boolean") if column != time)
    if not measured:
        raise Refusal(f"'{PurePosixPath(name).name}' has no column of numbers.")
    if not whole.columns:
        whole.columns = measured
    if set(whole.columns) - set(measured):
        lacking = min(set(whole.columns) - set(measured))
        raise Refusal(f"'{PurePosixPath(name).name}' has no column '{lacking}', but the first file has.")
    _take(whole, PurePosixPath(name).stem, found.numbers(whole.columns), clock)


def _put_together(raws: list[Raw], names: Iterable[str]) -> Raw:
    first = raws[0]
    for raw in raws[1:]:
        if raw.columns != first.columns or bool(raw.labels) != bool(first.labels):
            raise Refusal(
                "The `.ts` files in this zip hold different kinds of series. Zip only those that belong together."
            )
        first.values += raw.values
        first.labels += raw.labels
    first.names = [f"series {place + 1}" for place in range(len(first.values))]
    first.clocks = [None] * len(first.values)
    if len(raws) > 1:
        short = listed([PurePosixPath(name).name for name in names][:4])
        first.notes.append(f"Files {short} were put together; Layerwise splits the series anew.")
    return first


def _bytes_of(bundle: Bundle, name: str) -> bytes:
    try:
        return bundle.read(name)
    except OSError:
        raise Refusal(f"'{PurePosixPath(name).name}' is damaged or too large. Save it again and zip it anew.") from None


def _table_in(bundle: Bundle, name: str, reading: TableConfig) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / PurePosixPath(name).name
        file.write_bytes(_bytes_of(bundle, name))
        return read_table(file, reading)
