"""Where an example comes from: one speaker, one recording, one film. Examples of one source stay in one part."""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np

from datasets import PartName
from datasets._layout import short
from datasets._split import folded, split
from recipes import Finding, Fold, Refusal, Settings, setting

TRIES = 200
MOST_PARTS = 6
"""Parts of a file name that are looked at."""


class SourceSettings(Settings):
    """Settings of every data type whose examples are files that may come from one source."""

    group: Literal["auto", "file", "folder", "name"] = setting(
        "auto", "What stays together", "What comes from one source must not lie in training and test: `folder` takes "
        "the folders inside a class (one per speaker or place), `name` a part of the file name, `file` the file alone.",
        panel="data", advanced=True,
    )  # fmt: skip
    group_part: int = setting(
        1, "Part of the file name", "Which part names the source, counted between `_`, `-` and dots: in yes_anna_3.wav "
        "it is part 2. Only with `name`.", ge=1, le=6, panel="data", advanced=True,
    )  # fmt: skip


def sources(names: list[str], labels: list[str], settings: SourceSettings) -> tuple[list[str], str]:
    """Return the source of each file ("" where nothing is known) and, in words, what the sources are ("" for none)."""
    nothing = [""] * len(names)
    if settings.group == "file":
        return nothing, ""
    folders = [_folder_inside(name, label) for name, label in zip(names, labels, strict=True)]
    if settings.group == "folder" or (settings.group == "auto" and _recur(folders, labels)):
        if not any(folders):
            raise Refusal("There are no folders inside the class folders, so `group` cannot be `folder`. Set it to "
                          "`auto`, or put the files of each source into a folder of its own.")  # fmt: skip
        return folders, "folder inside the class"
    place = settings.group_part if settings.group == "name" else part_of_names(names, labels)
    if not place:
        return nothing, ""
    parts = [parts_of(name) for name in names]
    lacking = next((name for name, found in zip(names, parts, strict=True) if len(found) < place), None)
    if lacking is not None:
        raise Refusal(f"The name of '{short(lacking)}' has no part {place}. Set `group_part` to another part, or "
                      "`group` to `file`.")  # fmt: skip
    return [found[place - 1].casefold() for found in parts], f"part {place} of the file name"


def check_sources(found: tuple[list[str], str], noun: str) -> Finding:
    """Say by what examples are kept together, or that it is not known."""
    groups, what = found
    if what:
        sentence = f"{noun.capitalize()}s are kept together by {what} ({len(set(groups))} in all): the test comes from "
        return Finding(code="sources", severity="pass", sentence=f"{sentence}sources never met in training.")
    sentence = f"It is not known which {noun}s come from the same source, so the test may be too easy."
    cure = "Name the source in the file names, or put it into a folder, then set what stays together."
    return Finding(code="sources", severity="notice", sentence=sentence, cure=cure)


def tied(*keys: Sequence[Any]) -> np.ndarray | None:
    """Return one number a row, equal where any of the keys are equal, also by way of others; None where all differ.

    A key that is empty ("") ties nothing.
    """
    rows = len(keys[0])
    root = list(range(rows))

    def find(row: int) -> int:
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for each in keys:
        first: dict[Any, int] = {}
        for row, key in enumerate(each):
            if key != "":
                root[find(row)] = find(first.setdefault(key, row))
    found = np.array([find(row) for row in range(rows)])
    return found if len(np.unique(found)) < rows else None


def divide(
    labels: np.ndarray,
    groups: np.ndarray | None,
    shares: tuple[float, float],
    seed: int,
    thing: str,
    fold: Fold | None = None,
) -> dict[PartName, np.ndarray]:
    """Split with the groups kept whole and every class in every part; `shares` are those of validation and test.

    Where a group holds several classes (a voice says every word), whole groups are dealt out until all parts have
    all classes.
    """
    validation, test = shares
    if groups is None or len(np.unique(np.stack([groups, labels]), axis=1)[0]) == len(np.unique(groups)):
        return split(labels, len(labels), validation, test, seed, groups, thing, fold)
    every = set(np.unique(labels).tolist())

    def is_whole(parts: dict[PartName, np.ndarray]) -> bool:
        return all(set(np.unique(labels[rows]).tolist()) == every for rows in parts.values())

    for attempt in range(TRIES):
        parts = split(None, len(labels), validation, test, seed + 1_000_003 * attempt, groups, thing)
        if is_whole(parts):
            return parts if fold is None else _fold(parts, groups, shares, seed, thing, fold, is_whole)
    raise Refusal(
        f"With {len(np.unique(groups))} sources kept apart, not every class lands in training, validation and test. "
        f"Add {thing}s from more sources, or set what stays together to `file`."
    )


def _fold(
    parts: dict[PartName, np.ndarray], groups: np.ndarray, shares: tuple[float, float], seed: int, thing: str,
    fold: Fold, is_whole: Callable[[dict[PartName, np.ndarray]], bool],
) -> dict[PartName, np.ndarray]:  # fmt: skip
    """Deal out what lies outside the test part until every fold has all classes; the same in every fold's run."""
    rest = np.sort(np.r_[parts["train"], parts["validation"]])
    share = shares[0] / (1 - shares[1])
    for attempt in range(TRIES):
        folds = [
            folded(None, len(rest), share, seed + 1_000_003 * attempt, groups[rest], thing, Fold(number, fold.of))
            for number in range(1, fold.of + 1)
        ]
        placed = [{name: rest[places] for name, places in each.items()} for each in folds]
        if all(map(is_whole, placed)):
            return placed[fold.number - 1]
    raise Refusal(
        f"With {len(np.unique(groups[rest]))} sources kept apart, not every class lands in each of {fold.of} folds. "
        f"Choose fewer folds, add {thing}s from more sources, or set what stays together to `file`."
    )


def part_of_names(names: Sequence[str], labels: Sequence[str]) -> int:
    """Find the part of the file names (from 1) that names the source; 0 where none does.

    Such a part is no number, is not the class, recurs, and recurs in several classes: "yes_anna_3" and "no_anna_1".
    """
    split_names = [parts_of(name) for name in names]
    best, most = 0, 1.5
    for place in range(min(MOST_PARTS, min(map(len, split_names), default=0))):
        words = [parts[place].casefold() for parts in split_names]
        numbers = sum(word.isdigit() for word in words)
        own = sum(word == label.casefold() for word, label in zip(words, labels, strict=True))
        kinds = set(words)
        if 10 * numbers > 2 * len(words) or own or not 3 <= len(kinds) <= len(words) // 2:
            continue
        pairs = set(zip(words, labels, strict=True))
        if len(pairs) / len(kinds) > most:
            best, most = place + 1, len(pairs) / len(kinds)
    return best


def parts_of(name: str) -> list[str]:
    """Split a file name at `_`, `-`, spaces and dots: "0a7c_nohash_1.wav" gives 0a7c, nohash, 1."""
    return [part for part in re.split(r"[\s_.\-]+", PurePosixPath(name).stem) if part]


def _folder_inside(name: str, label: str) -> str:
    """Return the folder inside the class folder that a file lies in; "" where there is none."""
    parts = [part.casefold() for part in PurePosixPath(name).parts[:-1]]
    own = label.casefold()
    inside = parts[parts.index(own) + 1 :] if own in parts else parts
    return inside[0] if inside else ""


def _recur(folders: list[str], labels: list[str]) -> bool:
    """Say whether folders look like sources: at least three of them hold files of several classes."""
    classes_of: dict[str, set[str]] = {}
    for folder, label in zip(folders, labels, strict=True):
        classes_of.setdefault(folder, set()).add(label)
    return sum(len(found) > 1 for folder, found in classes_of.items() if folder) >= 3
