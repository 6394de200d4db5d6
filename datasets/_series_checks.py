"""What a look at series finds before training, in words."""

import hashlib
from typing import Any

import numpy as np

from datasets import _class_checks as shared
from datasets._layout import counted, listed
from datasets._series_mending import Series
from datasets._series_plan import Plan, trend
from recipes import Finding, Refusal

FEW_STEPS = 100
FAR = 6.0
"""Times the middle spread (interquartile range over 1.35) at which a jump is far out."""


def of_forecast(plan: Plan | Refusal, series: Series, details: dict[str, Any]) -> list[Finding]:
    """Judge series whose values are to be forecast; a plan that failed is a problem."""
    found = [_steps(series), *_mended(details["mended"], len(series.times), series)]
    if isinstance(plan, Refusal):
        sentence, _, cure = str(plan).partition(". ")
        return [Finding(code="too_short", severity="problem", sentence=f"{sentence}.", cure=cure), *found]
    return [*found, _windows(plan), _constant(details), _season(plan), _trend(plan), _outside(plan), _jumps(plan)]


def of_classes(series: Series, classes: dict[str, int], details: dict[str, Any]) -> list[Finding]:
    """Judge series that have a class each."""
    digests = np.asarray(digests_of(series), dtype=np.uint64)
    return [
        shared.check_count(series.count, "recording"),
        shared.check_few(classes, "recording"),
        shared.check_balance(classes, "recording"),
        shared.check_conflicts(digests, np.asarray(series.labels), list(classes), "recording"),
        shared.check_duplicates(digests, "recording"),
        _lengths(series),
        _constant(details),
        _missing(int(details["mended"]["missing"]), series.values.size),
    ]


def digests_of(series: Series) -> list[int]:
    """Return a number for each series, equal where two are equal to the last bit."""
    return [_digest(series.one(place)) for place in range(series.count)]


def _digest(values: np.ndarray) -> int:
    told = hashlib.blake2b(np.ascontiguousarray(values, dtype=np.float32).tobytes(), digest_size=8)
    return int.from_bytes(told.digest(), "little")


def _finding(code: str, severity: str, sentence: str, cure: str = "", **more: Any) -> Finding:
    return Finding.model_validate({"code": code, "severity": severity, "sentence": sentence, "cure": cure, **more})


def _steps(series: Series) -> Finding:
    longest = int(series.lengths.max())
    many = "" if series.count == 1 else f" in {series.count:,} series (the longest has {longest:,})"
    told = f"{len(series.times):,} steps{many}, one every {series.step.words}"
    if longest < FEW_STEPS:
        return _finding("few_steps", "warning", f"There are only {told}; scores will swing from run to run.",
                        "Bring a longer past if you can.")  # fmt: skip
    return _finding("few_steps", "pass", f"There are {told}.")


def _mended(told: dict[str, Any], steps: int, series: Series) -> list[Finding]:
    return [
        _gaps(told, steps),
        _missing(int(told["missing"]) - int(told["inserted"]) * series.values.shape[1], series.values.size),
        _duplicates(told),
        _clock(told, series),
    ]


def _gaps(told: dict[str, Any], steps: int) -> Finding:
    inserted, longest = int(told["inserted"]), int(told["longest_gap"])
    if not inserted:
        return _finding("gaps", "pass", "No step is missing.")
    share = inserted / steps
    sentence = (
        f"{counted(inserted, 'step')} of {steps:,} ({share:.0%}) {'is' if inserted == 1 else 'are'} missing; the "
        f"longest gap is {counted(longest, 'step')}, at {told['gap_at']}."
    )
    cure = "They were filled with a straight line; stretches that are mostly filled are neither learned nor judged."
    return _finding("gaps", "warning" if share > 0.1 else "notice", sentence, cure)


def _missing(cells: int, size: int) -> Finding:
    if cells <= 0:
        return _finding("missing_values", "pass", "No value is missing.")
    share = cells / size
    verb = "is" if cells == 1 else "are"
    sentence = f"{counted(cells, 'value')} ({share:.1%}) {verb} missing."
    cure = "They were filled with a straight line between their neighbours."
    return _finding("missing_values", "warning" if share > 0.2 else "notice", sentence, cure)


def _duplicates(told: dict[str, Any]) -> Finding:
    twice = int(told["duplicates"])
    if not twice:
        return _finding("duplicates", "pass", "No time is there twice.")
    sentence = f"{counted(twice, 'row')} {'repeats' if twice == 1 else 'repeat'} a time that is there already."
    cure = "Their values were averaged. If they belong to several series, name the column that tells them apart."
    return _finding("duplicates", "warning", sentence, cure)


def _clock(told: dict[str, Any], series: Series) -> Finding:
    if told["undated"]:
        verb = "was" if told["undated"] == 1 else "were"
        sentence = f"{counted(int(told['undated']), 'row')} had no readable time and {verb} left out."
        return _finding("times", "warning", sentence, "Mend the times if these rows matter.")
    if told["averaged"]:
        sentence = f"The times are not even; the values were averaged to one every {series.step.words}."
        return _finding("times", "notice", sentence, "Nothing to do, if that step suits you.")
    if told["unordered"]:
        return _finding("times", "notice", "The rows were not in the order of time and were sorted.", "Nothing to do.")
    return _finding("times", "pass", f"The times are even: one value every {series.step.words}.")


def _windows(plan: Plan) -> Finding:
    train, test = len(plan.origins["train"]), len(plan.origins["test"])
    sentence = (
        f"{train:,} stretches of {plan.window} steps to learn from and {test:,} to be tested on, each with the "
        f"{counted(plan.horizon, 'step')} after it."
    )
    if min(train // 3, test) < 20:
        return _finding("windows", "warning", sentence, "Few stretches make scores swing; bring a longer past.")
    return _finding("windows", "pass", sentence)


def _constant(details: dict[str, Any]) -> Finding:
    same = details.get("constant", [])
    if not same:
        return _finding("constant", "pass", "Every column changes.")
    sentence = f"{listed(same[:5])} {'holds' if len(same) == 1 else 'hold'} the same value everywhere."
    return _finding("constant", "notice", sentence, "Nothing to do: nothing can be learned from it, it is left out.")


def _season(plan: Plan) -> Finding:
    if plan.season < 2:
        sentence = "No season was found: values do not come again after a fixed time."
        return _finding("season", "pass", sentence)
    return _finding("season", "pass", f"Values come again about every {plan.season} steps.")


def _learned(plan: Plan) -> np.ndarray:
    """Return the target in the training part of the longest series."""
    place = int(np.argmax(plan.series.lengths))
    values = plan.series.one(place)[:, plan.columns[plan.target]]
    times = plan.series.times[plan.series.offsets[place] : plan.series.offsets[place + 1]]
    return values[times < plan.borders[0]]


def _trend(plan: Plan) -> Finding:
    way = trend(_learned(plan))
    if not way:
        return _finding("trend", "pass", "No lasting trend was found.")
    sentence = f"The series {'rises' if way > 0 else 'falls'} all along the part that is learned from."
    cure = "Nothing to do: with `transform` on auto, changes are learned instead of values where that helps."
    return _finding("trend", "notice", sentence, cure)


def _outside(plan: Plan) -> Finding:
    rows = plan.origins["test"]
    train = plan.future(plan.origins["train"])
    low, high = float(train.min()), float(train.max())
    test = plan.future(rows)
    room = 0.05 * (high - low)
    share = float(((test < low - room) | (test > high + room)).mean())
    if share < 0.05:
        return _finding("new_range", "pass", "The last stretch lies in the range of what is learned from.")
    sentence = f"{share:.0%} of the last stretch, on which the model is tested, lies outside the range it learns from."
    cure = "With `transform` on auto or `difference` changes are learned; learned as values, the forecast is weaker."
    return _finding("new_range", "notice", sentence, cure)


def _jumps(plan: Plan) -> Finding:
    values = plan.series.values[:, plan.columns[plan.target]]
    low, high = np.percentile(values, (25, 75))
    spread = (high - low) / 1.35
    rows = np.flatnonzero(np.abs(values - np.median(values)) > FAR * spread) if spread > 0 else np.zeros(0, int)
    if not len(rows):
        return _finding("outliers", "pass", "No value lies far out.")
    example = f"{values[rows[0]]:.4g} at {plan.series.when(int(rows[0]))}"
    verb = "lies" if len(rows) == 1 else "lie"
    sentence = f"{counted(len(rows), 'value')} {verb} far from all others, such as {example}."
    cure = "If these are errors of measurement, correct them in the file; a few can rule the whole training."
    return _finding("outliers", "warning", sentence, cure, rows=shared.few_of(rows))


def _lengths(series: Series) -> Finding:
    shortest, longest = int(series.lengths.min()), int(series.lengths.max())
    if shortest == longest:
        return _finding("lengths", "pass", f"All recordings have {longest:,} steps.")
    sentence = f"Recordings have {shortest:,} to {longest:,} steps."
    cure = "Nothing to do: all are brought to one length. Set the window if another part of them matters."
    return _finding("lengths", "notice", sentence, cure)
