"""Partial dependence: a column is set to one value in all rows, and the mean answer is noted; then to the next value.

The thin lines are single rows (individual conditional expectation): where they cross, the mean hides something.
Paper: Friedman, "Greedy Function Approximation", 2001, section 8.2; the lines after Goldstein, Kapelner, Bleich and
Pitkin, "Peeking Inside the Black Box", 2015.
"""

from typing import Any

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._columns import cells, encoded, inputs_by_name, plain, tried, with_value
from evaluation.explain._network import Network
from recipes import Signature

TITLE = "How a column moves it"
NAME = "Partial dependence"
SENTENCE = "The thick line is the mean answer as one column changes and all others stay; thin lines are single rows."
PAPER = "Friedman: Greedy Function Approximation, 2001; Goldstein and others: Peeking Inside the Black Box, 2015"
SCOPE = "model"
ORDER = 110
CHECKED = True
LOOKS = 5

ROWS = 300
LINES = 8
MOST_COLUMNS = 40


def offered(signature: Signature, kinds: frozenset[str]) -> bool:  # noqa: ARG001 - it only asks
    """It needs a table."""
    return "features" in signature.inputs and signature.task in ("classification", "regression")


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return one curve a column: of the wanted class's probability, or of the number in its own unit."""
    asked = case.asked
    part = case.validation
    kept = np.sort(np.random.default_rng(asked.seed).permutation(len(part))[:ROWS])
    x = {name: array[kept] for name, array in part.x.items()}
    answer = _answer(case)
    raw = cells(asked, part.rows[kept])
    known = list(inputs_by_name(asked).values())[:MOST_COLUMNS]
    told: list[dict[str, Any]] = []
    every = []
    some = np.linspace(0, len(kept) - 1, min(LINES, len(kept))).astype(int)
    for number, column in enumerate(known):
        tell(number / len(known), f"Moving '{column.name}'")
        values = tried(column, raw[column.name])
        if len(values) < 2:
            continue
        curves = np.stack([_said(network, x, encoded(asked, with_value(raw, column.name, value)), answer)
                           for value in values])  # (values, rows)  # fmt: skip
        mean = curves.mean(axis=1)
        told.append({
            "name": column.name, "kind": column.kind, "values": [plain(column, value) for value in values],
            "mean": mean.tolist(), "lines": curves[:, some].T.tolist(), "reach": float(mean.max() - mean.min()),
        })  # fmt: skip
        every.append(mean - mean.mean())
    told.sort(key=lambda column: -column["reach"])
    classes = asked.signature.target.classes
    panel: dict[str, Any] = {
        "kind": "dependence", "columns": told, "rows": len(kept), "target": asked.signature.target.name,
        "answer": classes[answer] if classes else None,
    }  # fmt: skip
    return Found(panel, np.concatenate(every) if every else None)


def _answer(case: Case) -> int:
    """Return the class whose probability is followed: the wanted one, else the second (of two: the rarer) one."""
    target = case.asked.signature.target
    if not target.classes:
        return 0
    wanted = case.settings.get("answer")
    if wanted is not None:
        return min(max(0, int(wanted)), len(target.classes) - 1)
    counts = case.asked.signature.class_counts
    return int(np.argmin(counts)) if len(counts) == 2 else 0


def _said(network: Network, x: dict[str, np.ndarray], features: np.ndarray, answer: int) -> np.ndarray:
    return network.as_answers(network.ask(x | {"features": features}))[:, answer]
