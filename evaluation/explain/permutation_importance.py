"""Permutation importance: a column is shuffled between rows, and the score that is lost by it is counted.

Shuffled several times, and each time judged on another draw of the rows, so that the spread tells of both chances: how
the shuffle fell, and which rows there were. Columns that say the same stand in for each other and look unimportant.
Paper: Breiman, "Random Forests", 2001, section 10; Fisher, Rudin, Dominici, "All Models are Wrong, but Many are
Useful", 2019, section 3.
"""

from typing import Any

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._columns import blocks, encoding_of
from evaluation.explain._judging import answers, judge_of
from evaluation.explain._network import Network
from recipes import Signature

TITLE = "What matters"
NAME = "Permutation importance"
SENTENCE = "Each column in turn is shuffled between rows. The further right, the more the score falls without it."
PAPER = "Breiman: Random Forests, 2001; Fisher, Rudin, Dominici: All Models are Wrong, but Many are Useful, 2019"
SCOPE = "model"
ORDER = 100
CHECKED = True
LOOKS = 10

REPEATS = 10
DRAWS = 20
"""Draws of the rows for each shuffle."""
PARTS = {"picture": "Picture", "tokens": "Text", "series": "Series"}


def offered(signature: Signature, kinds: frozenset[str]) -> bool:  # noqa: ARG001 - it only asks
    """It needs a table, and a truth to judge by."""
    return "features" in signature.inputs and signature.task in ("classification", "regression")


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return the loss of score by each column: its mean and between what 95 of 100 lie."""
    part, asked = case.validation, case.asked
    judge = judge_of(asked, part)
    random = np.random.default_rng(asked.seed)
    weights = np.stack([np.bincount(random.integers(0, len(part), len(part)), minlength=len(part))
                        for _ in range(DRAWS)]).astype(float)  # fmt: skip
    once = np.ones((1, len(part)))
    whole = answers(network, part.x)
    base, drawn = judge.of(whole, once)[0], judge.of(whole, weights)
    told: list[dict[str, Any]] = []
    columns = _columns(case)
    for number, (name, (key, places)) in enumerate(columns.items()):
        losses = []
        for repeat in range(REPEATS):
            tell((number + repeat / REPEATS) / len(columns), f"Shuffling '{name}'")
            array = np.array(part.x[key])
            mixed = random.permutation(len(part))
            array[:, places] = part.x[key][mixed][:, places]
            said = answers(network, part.x | {key: array})
            losses.append(judge.sign * np.r_[base - judge.of(said, once)[0], drawn - judge.of(said, weights)])
        found = np.stack(losses)
        low, high = np.nanquantile(found[:, 1:], (0.025, 0.975))
        told.append({"name": name, "value": float(np.nanmean(found[:, 0])), "low": float(low), "high": float(high)})
    told.sort(key=lambda column: -column["value"])
    values = {column["name"]: column["value"] for column in told}
    panel = {
        "kind": "importance", "metric": judge.metric, "title": judge.title, "whole": float(base), "rows": len(part),
        "repeats": REPEATS, "columns": told,
    }  # fmt: skip
    return Found(panel, np.asarray([values[name] for name in columns]))


def _columns(case: Case) -> dict[str, tuple[str, np.ndarray | slice]]:
    """Name the columns, and the parts of a mixed row, with where they stand among the ready tensors."""
    found: dict[str, tuple[str, np.ndarray | slice]] = {
        name: ("features", places) for name, places in blocks(encoding_of(case.asked)).items()
    }
    told = case.asked.signature.details.get("parts", {})
    for key in case.asked.signature.inputs:
        if key != "features":
            found[" + ".join(told.get(key, [PARTS.get(key, key)]))] = (key, slice(None))
    return found
