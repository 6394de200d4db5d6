"""The split into training, validation and sealed test part: seeded, by class, copies and groups kept together.

In a cross-validation each fold is judged in turn: then the part called `test` is that fold of all that lies outside the
sealed test part, which is left out altogether. The folds are the same in every run with the same seed.
"""

import numpy as np

from datasets import PartName
from recipes import Fold, Refusal

NEEDED = 3
"""Rows of each class without which a part would have none of it."""


def split(
    labels: np.ndarray | None,
    rows: int,
    validation: float,
    test: float,
    seed: int,
    groups: np.ndarray | None = None,
    thing: str = "row",
    fold: Fold | None = None,
) -> dict[PartName, np.ndarray]:
    """Return the positions (0 to `rows` - 1, ascending) of each part.

    Every class of `labels` lands in every part in about the shares asked for. Rows of one group (`groups`: any
    values that can be sorted) stay together. `thing` is what a row is called in a refusal. With a `fold`, the sealed
    test part is left out and that fold of the rest stands in its place.
    """
    parts = _sealed(labels, rows, validation, test, seed, groups, thing)
    if fold is None:
        return parts
    rest = np.sort(np.r_[parts["train"], parts["validation"]])
    found = folded(
        None if labels is None else np.asarray(labels)[rest], len(rest), validation / (1 - test), seed,
        None if groups is None else groups[rest], thing, fold,
    )  # fmt: skip
    return {name: rest[places] for name, places in found.items()}


def folded(
    labels: np.ndarray | None,
    rows: int,
    validation: float,
    seed: int,
    groups: np.ndarray | None,
    thing: str,
    fold: Fold,
) -> dict[PartName, np.ndarray]:
    """Deal rows out into folds as `split` deals out parts; one fold is judged, a share of the others is watched."""
    names, codes = _coded(labels, rows)
    units, sizes, classes = _units(codes, rows, groups)
    _refuse_few(names, np.bincount(classes, minlength=len(names)), thing, fold)
    order = np.random.default_rng([seed, fold.of]).permutation(len(units))
    order = order[np.argsort(classes[order], kind="stable")]
    fold_of = np.zeros(len(units), dtype=np.int64)
    fold_of[order] = np.arange(len(units)) % fold.of if groups is None else _evened(order, sizes, classes, fold.of)
    part_of_unit = np.where(fold_of == fold.number - 1, 2, 0)
    left = order[part_of_unit[order] == 0]
    wanted = _quotas(np.bincount(classes[left], sizes[left], len(names)), validation)
    for code, quota in enumerate(wanted):
        here = left[classes[left] == code]
        if groups is not None:
            here = here[np.argsort(sizes[here] > quota, kind="stable")]
        part_of_unit[here[: _how_many(np.cumsum(sizes[here]), quota, len(here) - 1)]] = 1
    return _places(part_of_unit, groups)


def _evened(order: np.ndarray, sizes: np.ndarray, classes: np.ndarray, folds: int) -> np.ndarray:
    """Deal groups of unlike sizes out so that folds hold about as many rows of each class: (units,) in `order`."""
    found = np.zeros(len(order), dtype=np.int64)
    filled = np.zeros(folds)
    for code in np.unique(classes):
        places = np.flatnonzero(classes[order] == code)
        own = np.zeros(folds)
        for place in places[np.argsort(-sizes[order[places]], kind="stable")]:
            fewest = np.lexsort((filled, own))[0]
            found[place] = fewest
            own[fewest] += sizes[order[place]]
            filled[fewest] += sizes[order[place]]
    return found


def _sealed(
    labels: np.ndarray | None, rows: int, validation: float, test: float, seed: int, groups: np.ndarray | None,
    thing: str,
) -> dict[PartName, np.ndarray]:  # fmt: skip
    names, codes = _coded(labels, rows)
    units, sizes, classes = _units(codes, rows, groups)
    _refuse_rare(names, np.bincount(codes, minlength=len(names)), thing, "")
    _refuse_rare(names, np.bincount(classes, minlength=len(names)), thing, "group of ")
    order = np.random.default_rng(seed).permutation(len(units))
    order = order[np.argsort(classes[order], kind="stable")]
    ends = np.cumsum(np.bincount(classes, minlength=len(names)))
    wanted_test = _quotas(np.bincount(classes, sizes, len(names)), test)
    wanted_validation = _quotas(np.bincount(classes, sizes, len(names)), validation)
    part_of_unit = np.zeros(len(units), dtype=np.int8)
    for start, end, quota_test, quota_validation in zip(
        np.r_[0, ends[:-1]], ends, wanted_test, wanted_validation, strict=True
    ):
        here = order[start:end]
        if groups is not None:  # a group larger than a whole part can only serve training
            here = here[np.argsort(sizes[here] > min(quota_test, quota_validation), kind="stable")]
        reached = np.cumsum(sizes[here])
        in_test = _how_many(reached, quota_test, len(here) - 2)
        before = reached[in_test - 1]
        in_validation = _how_many(reached[in_test:] - before, quota_validation, len(here) - in_test - 1)
        part_of_unit[here[:in_test]] = 2
        part_of_unit[here[in_test : in_test + in_validation]] = 1
    return _places(part_of_unit, groups)


def refuse_held_out(fold: Fold | None, held_out: object) -> None:
    """Refuse folds where a whole class stands in the test part: there is none of it outside."""
    if fold and held_out:
        raise Refusal("A class that is held out stands in the test part alone, so it has no folds. Hold out nothing.")


def _places(part_of_unit: np.ndarray, groups: np.ndarray | None) -> dict[PartName, np.ndarray]:
    part = part_of_unit if groups is None else part_of_unit[np.unique(groups, return_inverse=True)[1]]
    return {
        "train": np.flatnonzero(part == 0),
        "validation": np.flatnonzero(part == 1),
        "test": np.flatnonzero(part == 2),
    }


def _coded(labels: np.ndarray | None, rows: int) -> tuple[list[str], np.ndarray]:
    if labels is None:
        return [""], np.zeros(rows, dtype=np.int64)
    names, codes = np.unique(labels, return_inverse=True)
    return [str(name) for name in names], codes


def _units(codes: np.ndarray, rows: int, groups: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is dealt out (rows or groups) with its size and class; a group's class is its rarest one."""
    if groups is None:
        return np.arange(rows), np.ones(rows, dtype=np.int64), codes
    kinds, group = np.unique(groups, return_inverse=True)
    order = np.lexsort((np.bincount(codes)[codes], group))
    first = np.unique(group[order], return_index=True)[1]
    return np.arange(len(kinds)), np.bincount(group), codes[order][first]


def _quotas(counts: np.ndarray, share: float) -> np.ndarray:
    """Rows of each class for one part: at least one each, in sum as near to the share as that allows."""
    exact = counts * share
    quotas = np.maximum(1, np.floor(exact)).astype(np.int64)
    missing = round(float(counts.sum()) * share) - int(quotas.sum())
    if missing > 0:
        quotas[np.argsort(quotas - exact, kind="stable")[:missing]] += 1
    return quotas


def _how_many(reached: np.ndarray, quota: int, most: int) -> int:
    """Count the units that come nearest to the quota: at least one, at most `most`."""
    return max(1, min(int(np.searchsorted(reached, quota)) + 1, most))


def _refuse_rare(names: list[str], counts: np.ndarray, thing: str, group: str) -> None:
    rare = int(np.argmin(counts))
    if counts[rare] >= NEEDED:
        return
    things = f"{thing}s" if counts[rare] != 1 or group else thing
    only = f"only {counts[rare]} {group.replace('group', 'group' if counts[rare] == 1 else 'groups')}{things}"
    if names == [""]:
        raise Refusal(f"This data set has {only}, but at least {NEEDED} are needed. Add more {thing}s.")
    others = int((counts < NEEDED).sum()) - 1
    more = f" ({others} more such {'class' if others == 1 else 'classes'})" if others else ""
    raise Refusal(
        f"Class '{names[rare]}' has {only}{more}. Each class needs at least {NEEDED}, so that training, validation "
        f"and test each get one: add {thing}s to it, or leave this class out."
    )


def _refuse_few(names: list[str], counts: np.ndarray, thing: str, fold: Fold) -> None:
    rare = int(np.argmin(counts))
    if counts[rare] >= fold.of:
        return
    whose = f"Class '{names[rare]}'" if names != [""] else "This data set"
    raise Refusal(
        f"{whose} has only {counts[rare]} {thing}{'' if counts[rare] == 1 else 's'} that stand apart outside the test "
        f"part, but {fold.of} folds need at least {fold.of}. Choose fewer folds, or add {thing}s."
    )
