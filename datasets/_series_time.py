"""Times of a series: reading them from cells of many forms, finding the step between them, mending what is missing.

A *clock* holds times as float64: seconds since 1970-01-01 for moments, or plain numbers where a column just counts.
Months, quarters and years are steps of the calendar, all others a fixed length.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datasets._table_columns import as_numbers, as_texts, decimal_mark, find_column

TIME_NAMES = (
    "time", "date", "datetime", "timestamp", "day", "month", "year", "week", "hour", "minute", "second", "quarter",
    "period", "ds", "t", "ts", "step", "index", "datum", "zeit", "moment", "when", "observation_date", "jahr", "monat",
    "tag", "date_time", "local_time", "utc",
)  # fmt: skip
EPOCH_NAMES = ("time", "timestamp", "ts", "unix", "epoch", "utc")
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
NEAT = (
    1.0, 5.0, 10.0, 15.0, 30.0, *(n * MINUTE for n in (1, 5, 10, 15, 30)), *(n * HOUR for n in (1, 3, 6, 12)), DAY,
    7 * DAY,
)  # fmt: skip
"""Steps that people use, in seconds."""
ROOMY = 1.5
"""Average distances that a step covers where times are uneven."""
CALENDAR = {1: "month", 3: "quarter", 6: "half-year", 12: "year"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_MONTH = re.compile(r"(\d{4})\s*[-/.mM ]\s*(\d{1,2})")
_MONTH_YEAR = re.compile(r"(\d{1,2})\s*[-/.]\s*(\d{4})")
_WORD_YEAR = re.compile(r"([A-Za-z]{3,9})\.?[- ,]*(\d{4})")
_YEAR_WORD = re.compile(r"(\d{4})[- ,]*([A-Za-z]{3,9})\.?")
_QUARTER = re.compile(r"(\d{4})\s*[- ]?[qQ]\s*([1-4])")
_WEEK = re.compile(r"(\d{4})\s*-?\s*[wW]\s*(\d{1,2})")
MOST_INSERTED = 3.0
"""Times as many steps may be inserted as there are rows; beyond that the times are no steps of one length."""


@dataclass(frozen=True)
class Step:
    """The distance between two times: `months` of the calendar, or `length` (seconds, or the unit of a count)."""

    length: float
    months: int = 0
    counts: bool = False
    """Times are plain numbers, not moments."""

    @property
    def words(self) -> str:
        """Say the step as in "one value a month"."""
        if self.months:
            return CALENDAR.get(self.months, f"{self.months} months")
        if self.counts:
            return "step" if self.length == 1 else f"{self.length:g} steps"
        for unit, name in ((7 * DAY, "week"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1.0, "second")):
            if self.length >= unit and abs(self.length / unit - round(self.length / unit)) < 1e-9:
                many = round(self.length / unit)
                return name if many == 1 else f"{many} {name}s"
        return f"{self.length:g} seconds"

    @property
    def season(self) -> int:
        """Steps in the most likely season of such times: 12 months, 7 days, 24 hours; 1 where there is none."""
        if self.months:
            return max(1, 12 // self.months)
        if self.counts:
            return 1
        for whole, step in ((365.25 * DAY, 7 * DAY), (7 * DAY, DAY)):
            if self.length >= step:
                return max(1, round(whole / self.length))
        return max(1, round(DAY / self.length))


@dataclass(frozen=True)
class Clock:
    """Times of some rows (NaN where a cell holds none); `counts` where they are plain numbers."""

    times: np.ndarray
    counts: bool = False


def read_clock(name: str, cells: pa.Array, *, must: bool = False) -> Clock | None:
    """Read a column as times; None where it is none. `must`: any column of numbers will do."""
    found = find_column(name, cells, decimal_mark([cells], ""), "")
    if pa.types.is_timestamp(found.cells.type):
        return Clock(as_numbers(found.cells, "date") * DAY)
    if pa.types.is_date(found.cells.type):
        return Clock(as_numbers(found.cells.cast(pa.timestamp("us")), "date") * DAY)
    if pa.types.is_string(found.cells.type):
        return _calendar(as_texts(found.cells))
    if pa.types.is_boolean(found.cells.type):
        return None
    numbers = as_numbers(found.cells, "number")
    return _counted(name, numbers) if must or plain_name(name) in TIME_NAMES or _is_epoch(name, numbers) else None


def plain_name(name: str) -> str:
    """Return a column's name for comparisons: small letters, no marks."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def moment(text: str) -> float | None:
    """Read one text, such as a column's name, as seconds since 1970; None where it is no time."""
    bare = text.strip()
    if re.fullmatch(r"(1[89]|20|21)\d\d", bare):
        return _seconds(int(bare), 1)
    clock = _calendar(np.asarray([bare], dtype=object))
    if clock is not None:
        return float(clock.times[0])
    try:
        return dt.datetime.fromisoformat(bare).replace(tzinfo=dt.UTC).timestamp() if len(bare) >= 8 else None
    except ValueError:
        return None


def find_step(clock: Clock) -> Step | None:
    """Find the step of times in order (one series); None where they have no common one."""
    times = np.unique(clock.times[np.isfinite(clock.times)])
    if len(times) < 3:
        return None
    gaps = np.diff(times)
    if not clock.counts and np.median(gaps) > 26 * DAY:
        step = _calendar_step(times)
        if step is not None:
            return step
    length = float(np.median(gaps))
    multiples = gaps / length
    regular = np.abs(multiples - np.round(multiples)) < 0.02 * np.maximum(1, multiples)
    whole = np.maximum(1, np.round(multiples))
    if regular.mean() < 0.95 or whole.sum() > (1 + MOST_INSERTED) * len(times):
        return None
    length = float((gaps[regular] / whole[regular]).mean())
    return Step(_neat(length), counts=clock.counts)


def usual_step(clock: Clock) -> Step:
    """Return a step for times that have no common one, such that most steps hold a value; one that people use."""
    times = np.unique(clock.times[np.isfinite(clock.times)])
    length = ROOMY * float(times[-1] - times[0]) / max(1, len(times) - 1)
    if clock.counts:
        return Step(max(length, 1e-9), counts=True)
    if length > 26 * DAY:
        return Step(0.0, months=min((1, 3, 6, 12), key=lambda months: abs(length / (30.44 * DAY) - months)))
    return Step(next((each for each in NEAT if each >= length), 7 * DAY))


def aligned(times: np.ndarray, step: Step) -> np.ndarray:
    """Move times back to the last full step, such as the full hour."""
    return times if step.months else np.floor(times / step.length) * step.length


def places(times: np.ndarray, step: Step) -> np.ndarray:
    """Number the times by their step, the first being 0: (n,) int64."""
    if step.months:
        return ((_months(times) - _months(times[:1])[0]) // step.months).astype(np.int64)
    return np.round((times - times[0]) / step.length).astype(np.int64)


def times_of(first: float, count: int, step: Step) -> np.ndarray:
    """Return `count` times in steps from the first one."""
    if not step.months:
        return first + step.length * np.arange(count)
    start = np.datetime64(int(first), "s").astype("datetime64[M]")
    inside = first - float(start.astype("datetime64[s]").astype(np.int64))
    months = start + np.arange(count) * step.months
    return months.astype("datetime64[s]").astype(np.int64) + inside


def time_text(time: float, *, counts: bool, length: float = 0.0, months: int = 0) -> str:
    """Write a time as a person would, no finer than its step."""
    if counts or not np.isfinite(time):
        return f"{time:g}"
    try:
        told = dt.datetime.fromtimestamp(time, dt.UTC)
    except (OverflowError, OSError, ValueError):
        return f"{time:g}"
    if months:
        return str(told.year) if months >= 12 else f"{told:%Y-%m}"
    return f"{told:%Y-%m-%d}" if length >= DAY else f"{told:%Y-%m-%d %H:%M}" if length >= MINUTE else f"{told:%H:%M:%S}"


def _counted(name: str, numbers: np.ndarray) -> Clock | None:
    present = numbers[np.isfinite(numbers)]
    if not len(present):
        return None
    if _is_epoch(name, numbers):
        return Clock(numbers / next(scale for scale in (1e9, 1e6, 1e3, 1.0) if present.min() >= 1e8 * scale))
    if plain_name(name) in {"year", "jahr"} and (present == np.round(present)).all() and 0 < present.min() <= 9999:
        years = np.where(np.isfinite(numbers), numbers, 1970).astype(int).tolist()
        seconds = np.asarray([_seconds(year, 1) if 1 <= year <= 9999 else np.nan for year in years])
        return Clock(np.where(np.isfinite(numbers), seconds, np.nan))
    return Clock(numbers, counts=True)


def _is_epoch(name: str, numbers: np.ndarray) -> bool:
    """Are these seconds (or milliseconds, ...) since 1970, from 1973 on?"""
    present = numbers[np.isfinite(numbers)]
    return bool(len(present)) and plain_name(name) in EPOCH_NAMES and present.min() >= 1e8


def _calendar(texts: np.ndarray) -> Clock | None:
    """Read months, quarters and weeks in the forms that people write."""
    found = [_one(str(text).strip()) for text in texts]
    given = sum(text != "" for text in texts)
    if not given or sum(time is not None for time in found) < 0.95 * given:
        return None
    return Clock(np.asarray([np.nan if time is None else time for time in found], dtype=np.float64))


def _one(text: str) -> float | None:
    for pattern, year, month in ((_YEAR_MONTH, 1, 2), (_MONTH_YEAR, 2, 1)):
        if (hit := pattern.fullmatch(text)) and 1 <= int(hit[month]) <= 12:
            return _seconds(int(hit[year]), int(hit[month]))
    for pattern, year, word in ((_WORD_YEAR, 2, 1), (_YEAR_WORD, 1, 2)):
        if (hit := pattern.fullmatch(text)) and hit[word][:3].lower() in _MONTHS:
            return _seconds(int(hit[year]), _MONTHS.index(hit[word][:3].lower()) + 1)
    if hit := _QUARTER.fullmatch(text):
        return _seconds(int(hit[1]), 3 * int(hit[2]) - 2)
    if (hit := _WEEK.fullmatch(text)) and 1 <= int(hit[2]) <= 53:
        try:
            return dt.datetime.fromisocalendar(int(hit[1]), int(hit[2]), 1).replace(tzinfo=dt.UTC).timestamp()
        except ValueError:
            return None
    return None


def _seconds(year: int, month: int) -> float:
    return float(np.datetime64(f"{year:04d}-{month:02d}", "s").astype(np.int64))


def _months(times: np.ndarray) -> np.ndarray:
    return times.astype(np.int64).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)


def _calendar_step(times: np.ndarray) -> Step | None:
    gaps = np.diff(_months(times))
    if (gaps < 1).any() or len(_distinct_days(times)) > 4:
        return None
    months = int(np.median(gaps))
    fits = gaps % months == 0
    if fits.mean() < 0.95 or gaps.sum() / months > (1 + MOST_INSERTED) * len(times):
        return None
    return Step(0.0, months=months)


def _distinct_days(times: np.ndarray) -> Sequence[int]:
    """Return the days of the month on which these times lie: one for the first, up to four for the last."""
    days = times.astype(np.int64).astype("datetime64[s]").astype("datetime64[D]")
    return np.unique((days - days.astype("datetime64[M]")).astype(np.int64)).tolist()


def _neat(length: float) -> float:
    """Round what adding up has blurred."""
    return float(f"{length:.6g}") if abs(length - round(length)) > 1e-6 * length else float(round(length))
