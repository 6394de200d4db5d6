"""Findings that every data set of labelled files shares: too few, rare classes, copies, what could not be read."""

from collections.abc import Sequence

import numpy as np

from datasets._layout import are, counted, listed, short
from recipes import Finding
from recipes.findings import Severity


def check_count(number: int, noun: str) -> Finding:
    """Say whether there are enough examples."""
    code = f"few_{noun}s"
    if number < 10:
        sentence = f"There are only {number} {noun}s; at least 10 are needed."
        return Finding(code=code, severity="problem", sentence=sentence, cure=f"Add more {noun}s.")
    if number < 100:
        sentence = f"There are only {number} {noun}s; scores will swing from run to run."
        return Finding(code=code, severity="warning", sentence=sentence, cure="Add more if you can.")
    return Finding(code=code, severity="pass", sentence=f"There are {number:,} {noun}s.")


def check_few(classes: dict[str, int], noun: str) -> Finding:
    """Say whether each class has enough examples."""
    label = min(classes, key=lambda name: classes[name])
    few = [name for name in classes if classes[name] < 20]
    if classes[label] < 3:
        sentence = f"Class '{label}' has only {counted(classes[label], noun)}; at least 3 are needed."
        cure = f"Add {noun}s to this class or leave it out."
        return Finding(code="few_per_class", severity="problem", sentence=sentence, cure=cure, column="label")
    if few:
        sentence = f"{listed(few[:5])} {'have' if len(few) > 1 else 'has'} fewer than 20 {noun}s."
        cure = f"Add {noun}s; a model learns little from so few."
        return Finding(code="few_per_class", severity="warning", sentence=sentence, cure=cure, column="label")
    sentence = f"All {len(classes)} classes have at least {classes[label]} {noun}s."
    return Finding(code="few_per_class", severity="pass", sentence=sentence, column="label")


def check_balance(classes: dict[str, int], noun: str) -> Finding:
    """Say whether one class outnumbers another."""
    most, least = max(classes, key=lambda name: classes[name]), min(classes, key=lambda name: classes[name])
    ratio = classes[most] / max(1, classes[least])
    if ratio < 3:
        return Finding(code="imbalance", severity="pass", sentence="The classes are about equally frequent.")
    sentence = f"Class '{most}' is {ratio:.0f} times as frequent as '{least}'."
    cure = f"Set class weights to `balanced`, or add {noun}s to the rare class."
    severity = "warning" if ratio >= 10 else "notice"
    return Finding(code="imbalance", severity=severity, sentence=sentence, cure=cure, column="label")


def check_conflicts(digests: np.ndarray, labels: np.ndarray, classes: list[str], noun: str) -> Finding:
    """Say whether the same example lies in two classes."""
    pairs = np.unique(np.stack([digests, labels.astype(np.uint64)]), axis=1)[0]
    several = np.unique(pairs[np.flatnonzero(pairs[1:] == pairs[:-1])])
    rows = np.flatnonzero(np.isin(digests, several))
    if not len(rows):
        return Finding(code="conflicting_labels", severity="pass", sentence=f"No {noun} lies in two classes.")
    example = listed(sorted({classes[labels[row]] for row in rows if digests[row] == several[0]}))
    verb = "lies" if len(several) == 1 else "lie"
    sentence = f"{counted(len(several), noun)} {verb} in several classes, e.g. {example}."
    cure = "Decide where they belong and remove the other copies."
    return Finding(code="conflicting_labels", severity="warning", sentence=sentence, cure=cure, rows=few_of(rows))


def check_duplicates(digests: np.ndarray, noun: str) -> Finding:
    """Say whether examples are there twice."""
    _, first = np.unique(digests, return_index=True)
    extra = np.setdiff1d(np.arange(len(digests)), first)
    if not len(extra):
        return Finding(code="duplicates", severity="pass", sentence=f"No {noun} is there twice.")
    verb = "repeats" if len(extra) == 1 else "repeat"
    sentence = f"{counted(len(extra), noun)} of {len(digests):,} {verb} another exactly."
    cure = "Nothing to do: copies are kept together, so that the test stays honest."
    return Finding(code="duplicates", severity="notice", sentence=sentence, cure=cure, rows=few_of(extra))


def check_unreadable(names: Sequence[str], noun: str) -> Finding:
    """Say what was skipped."""
    if not names:
        return Finding(code="unreadable", severity="pass", sentence=f"Every {noun} could be read.")
    examples = listed([short(name) for name in names[:3]])
    sentence = f"Skipped {counted(len(names), f'unreadable {noun}')}, for example {examples}."
    return Finding(code="unreadable", severity="notice", sentence=sentence, cure="Replace them if they matter.")


def check_rows(
    code: str, rows: np.ndarray, noun: str, told: tuple[str, str, str], severity: Severity = "warning"
) -> Finding:
    """Say which rows show something; `told`: the sentence if none does, what those that do are, and the cure."""
    fine, what, cure = told
    if not len(rows):
        return Finding(code=code, severity="pass", sentence=fine)
    sentence = f"{are(len(rows), noun)} {what}"
    return Finding(code=code, severity=severity, sentence=sentence, cure=cure, rows=few_of(rows))


def few_of(rows: np.ndarray) -> tuple[int, ...]:
    """Return the first ten row numbers as plain numbers."""
    return tuple(int(row) for row in rows[:10])
