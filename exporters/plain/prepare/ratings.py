"""The names of user and item become their numbers, and the item its known properties; somebody new is number 0."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from .text import plain


def ready(row: dict[str, Any], told: dict[str, Any]) -> dict[str, np.ndarray]:
    """Map two names to {"user", "item": (1,) int32} and, where the model reads it, {"features": (1, properties)}."""
    settings = told["preprocessing"]
    user, item = (_number(row.get(name, ""), settings[group]) for name, group in (("user", "users"), ("item", "items")))
    found = {"user": np.array([user], np.int32), "item": np.array([item], np.int32)}
    if any(each["name"] == "features" for each in told["inputs"]):
        found["features"] = np.array(settings["features"]["table"][item], np.float32)[None]
    return found


def words(answers: dict[str, np.ndarray], told: dict[str, Any]) -> dict[str, Any]:
    """Say the rating."""
    return {told["target"]: round(float(answers[told["target"]].ravel()[0]), 4)}


def read(given: str, told: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: ARG001 - the same call for all
    """Read a CSV file with the columns `user` and `item`."""
    with Path(given).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _number(name: Any, known: list[str]) -> int:
    name = plain(name)
    return known.index(name) + 1 if name in known else 0
