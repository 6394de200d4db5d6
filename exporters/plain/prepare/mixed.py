"""A row with a picture, texts or series beside its cells: each part becomes numbers in its own way."""

from pathlib import Path
from typing import Any

import numpy as np

from . import image, tabular, text


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map a row to the parts that the model reads: `features`, `picture`, `tokens`, `series`."""
    settings, kinds = told["preprocessing"], tabular.kinds_of(told)
    found = {}
    if settings["table"]:
        found["features"] = tabular.features(row, settings["table"], kinds)
    if settings["picture"]:
        part = settings["picture"]
        picture = image.array(row[part["name"]], part["channels"])
        found["picture"] = image.resized(picture, int(part["size"]), "crop")[None]
    if settings["texts"]:
        part = settings["texts"]
        blocks = [
            text.numbered(row[name], part["words"], "words", int(length)) for name, length in part["columns"].items()
        ]
        found["tokens"] = np.concatenate(blocks, axis=1)
    if settings["series"]:
        part = settings["series"]
        columns = [_steps(row[name], int(part["steps"]), fitted) for name, fitted in part["columns"].items()]
        found["series"] = np.stack(columns, axis=-1)[None]
    return found


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the rows of a CSV file with a head; pictures are named there, beside the file; series are lists."""
    picture, series = (told["preprocessing"][part] for part in ("picture", "series"))
    rows = tabular.read(given, told)
    for row in rows:
        if picture:
            row[picture["name"]] = str(Path(given).parent / row[picture["name"]])
        for name in series["columns"] if series else ():
            row[name] = [float(each) for each in row[name].strip("[] ").replace(",", " ").replace(";", " ").split()]
    return rows


def _steps(values: Any, steps: int, fitted: dict[str, float]) -> np.ndarray:
    """Standardise one series, cut or filled up with the average: (steps,) float32."""
    given = np.asarray(values, np.float32).ravel()[:steps]
    full = np.full(steps, np.nan, np.float32)
    full[: len(given)] = given
    known = np.isfinite(full)
    centred = np.where(known, full, np.float32(0)) - np.float32(fitted["mean"])
    return np.where(known, centred / np.float32(fitted["scale"]), np.float32(0))
