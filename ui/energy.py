"""The electricity of runs, in words: how much, how it was counted, what it means."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from records import Run
from training.energy import FILE
from ui import look

LAMP_WATTS = 10.0
"""What the amounts are compared with: a lamp with its watts printed on it."""


def of(run: Run) -> dict[str, Any] | None:
    """Return a run's `energy.json`; None for a run that was not metered."""
    file = run.folder / FILE
    try:
        return _read(file, file.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


def amount(watt_hours: float) -> str:
    """Write an amount of electricity: under 0.01 Wh, 0.41 Wh, 12 Wh, 1.3 kWh."""
    return _rounded(watt_hours, "Wh", "kWh")


def weight(grams: float) -> str:
    """Write a weight of CO2: under 0.01 g, 0.2 g, 12 g, 1.3 kg."""
    return _rounded(grams, "g", "kg")


def sentence(told: dict[str, Any]) -> str:
    """Say what a run used, how that was counted, and what it is like."""
    grid = told["grid"]
    lamp = look.duration(told["wh"] / LAMP_WATTS * 3600)
    year = f" in {grid['year']}" if grid["year"] else ""
    again = f", {len(told['attempts'])} attempts added up" if len(told["attempts"]) > 1 else ""
    how = told["method"][0].upper() + told["method"][1:]
    return (
        f"{amount(told['wh'])} of electricity, as much as a {LAMP_WATTS:g}-watt lamp uses in {lamp}; "
        f"{_about(weight(told['grams']))} of CO2. {how}{again}; CO2 by {grid['name']}: {grid['grams_per_kwh']:g} g a "
        f"kilowatt-hour{year} ({grid['source']})."
    )


def total(runs: Iterable[Run]) -> str:
    """Say what all of these runs used together; empty where none was metered."""
    told = [each for run in runs if (each := of(run)) is not None]
    if not told:
        return ""
    used, carbon = sum(each["wh"] for each in told), sum(each["grams"] for each in told)
    measured = all(each["is_measured"] for each in told)
    how = "measured" if measured else "estimated" if not any(each["is_measured"] for each in told) else "part measured"
    return f"{look.counted(len(told), 'run')} used {amount(used)}, {_about(weight(carbon))} of CO2 ({how})."


def _about(words: str) -> str:
    return words if words.startswith("under") else f"about {words}"


@lru_cache(maxsize=2048)
def _read(file: Path, _changed: int) -> dict[str, Any]:
    """Read once for each change: a list of runs asks for every one of them."""
    return json.loads(file.read_text(encoding="utf-8"))


def _rounded(value: float, small: str, large: str) -> str:
    if value < 0.01:
        return f"under 0.01 {small}"
    if value >= 1000:
        return f"{value / 1000:.3g} {large}"
    return f"{value:.2g} {small}" if value < 100 else f"{value:.0f} {small}"
