"""Pictures with what is there and what the model finds there."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

import datasets
from datasets import DataSet
from datasets._box_drawing import ANSWERED, TRUE, Drawn, drawn
from evaluation import words
from records import Run
from ui import look

SIDE = 220
MOST_WORDS = 3
"""Boxes of a picture that are told in words."""


def show(run: Run, told: dict[str, Any], key: str) -> None:
    """Draw {"classes", "rows", "truth": [[class, box]] a picture, "answer": [[class, box, how sure]] a picture}."""
    images = plain(run, tuple(told["rows"]))
    if not images:
        look.quiet("The data of this run are no longer on this computer.")
        return
    names = told["classes"]
    grid = st.grid(min_column_width=150, key=key)
    for image, row, truth, answer in zip(images, told["rows"], told["truth"], told["answer"], strict=True):
        with grid.container():
            there, said = _named(truth, names), _named(answer, names)
            picture = marked(image, truth, answer, names)
            st.image(picture, width="stretch", alt=f"Picture {row}: {there} is there, the model finds {said}")
            right = sorted(box[0] for box in truth) == sorted(box[0] for box in answer)
            sign = ":green[" + look.symbol("check") + "]" if right else ":orange[" + look.symbol("close") + "]"
            st.markdown(f"{sign} {look.plain(said if right else f'{said}; there: {there}')}")
    look.quiet("Green: what is there. Orange: what the model finds, and how sure it is.")


def marked(
    image: Image.Image, truth: Sequence[Sequence[float]], answer: Sequence[Sequence[float]], names: Sequence[str],
    side: int = SIDE,
) -> Image.Image:  # fmt: skip
    """Return the picture with the true boxes, and above them those that the model found, each with a word."""
    boxes: list[Drawn] = [(box[1:5], "", TRUE) for box in truth]
    boxes += [
        (box[1:5], f"{names[int(box[0])]} {words.percent(box[5])}", ANSWERED)
        for box in sorted(answer, key=lambda box: box[5])
    ]
    return drawn(image, boxes, side)


def plain(run: Run, rows: tuple[int, ...]) -> list[Image.Image]:
    """Return these rows' pictures without boxes; an empty list where the data set is gone."""
    where = run.read("prepared.json")
    if where is None or not (Path(where["dataset"]) / "dataset.json").exists():
        return []
    return _plain(Path(where["dataset"]), rows)


@st.cache_resource(max_entries=128, ttl="2h", show_spinner=False)
def _plain(folder: Path, rows: tuple[int, ...]) -> list[Image.Image]:
    dataset = DataSet.open(folder)
    return datasets.get(dataset.schema.data_type).pictures(dataset, rows)  # ty: ignore[missing-attribute]


def _named(boxes: Sequence[Sequence[float]], names: Sequence[str]) -> str:
    if not boxes:
        return "nothing"
    told = sorted(names[int(box[0])] for box in boxes)
    more = f" and {len(told) - MOST_WORDS} more" if len(told) > MOST_WORDS else ""
    return ", ".join(told[:MOST_WORDS]) + more
