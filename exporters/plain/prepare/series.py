"""A stretch of a series is standardised, and where the model learned changes, turned into changes and back."""

import csv
from pathlib import Path
from typing import Any

import numpy as np


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map a stretch (window, columns) in its own units to {"series": (1, window, columns) float32}."""
    settings = told["preprocessing"]
    values = _stretch(row, told)
    if settings["task"] != "classification":
        values = _logged(values, settings)
        season = int(settings["season"])
        if settings["transform"] in {"difference", "log difference"}:
            values = values - values[:, -1:, :]
        elif settings["transform"] == "seasonal difference":
            values = values - values[:, -season:, :].mean(axis=1, keepdims=True)
    mean, scale = (np.array(settings[name], np.float32) for name in ("mean", "scale"))
    return {"series": (values - mean) / scale}


def finish(answers: dict[str, np.ndarray], row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Turn what the model says of the change into a forecast (1, horizon) in the target's own unit."""
    settings = told["preprocessing"]
    if settings["task"] == "classification":
        return answers
    target = told["target"]
    last = _logged(_stretch(row, told), settings)[:, :, int(settings["target"])]  # (1, window)
    season, horizon = int(settings["season"]), int(settings["horizon"])
    if settings["transform"] == "none":
        start = np.zeros((1, 1), np.float32)
    elif settings["transform"] == "seasonal difference":
        start = np.concatenate([last[:, -season:]] * -(-horizon // season), axis=1)[:, :horizon]
    else:
        start = last[:, -1:]
    values = start + answers[target]
    return {target: np.exp(values) if settings["transform"] == "log difference" else values}


def words(answers: dict[str, np.ndarray], told: dict[str, Any]) -> dict[str, Any]:
    """List the steps of the forecast."""
    return {told["target"]: [round(float(value), 6) for value in answers[told["target"]].ravel()]}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Read a CSV file with a head, one step a line, oldest first."""
    columns = told["details"]["columns"]
    with Path(given).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    lacking = [name for name in columns if rows and name not in rows[0]]
    if lacking:
        raise SystemExit(f"'{given}' has no column '{lacking[0]}'. It needs: {', '.join(columns)}.")
    return [{"series": np.array([[float(row[name]) for name in columns] for row in rows], np.float32)}]


def _stretch(row: dict[str, Any], told: dict[str, Any]) -> np.ndarray:
    """Return (1, window, columns): the last steps for a forecast; a whole recording is cut or filled up behind."""
    values, window = np.asarray(row["series"], np.float32), int(told["details"]["window"])
    values = values[0] if values.ndim == 3 else values
    if told["preprocessing"]["task"] == "classification":
        lacking = max(0, window - len(values))
        return np.concatenate([values[:window], np.repeat(values[-1:], lacking, axis=0)])[None]
    if len(values) < window:
        raise SystemExit(f"The model looks at {window} steps, but got {len(values)}. Add {window - len(values)} more.")
    return values[None, -window:]


def _logged(values: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """Take logarithms of the columns that have them."""
    if settings["transform"] != "log difference":
        return values
    floor = np.array(settings["floor"], np.float32)  # 0 where a column has no logarithm
    return np.where(floor > 0, np.log(np.maximum(values, np.where(floor > 0, floor, 1))), values).astype(np.float32)
