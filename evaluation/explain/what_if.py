"""What-if curves: how the answer to this one row would change with each of its columns, all others as they are.

Paper: Goldstein, Kapelner, Bleich, Pitkin, "Peeking Inside the Black Box", 2015 (individual conditional expectation).
"""

from typing import Any

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._columns import cells, cells_of, encoded, inputs_by_name, plain, tried
from evaluation.explain._network import Network
from recipes import Signature

TITLE = "What if"
NAME = "What-if curves"
SENTENCE = "Each line moves one column of this row and leaves the others; the dot is where the row stands now."
PAPER = "Goldstein and others: Peeking Inside the Black Box, 2015"
SCOPE = "example"
ORDER = 14
CHECKED = True
LOOKS = 100

MOST_COLUMNS = 40
SEEN = 400
"""Rows of the validation part whose values are tried."""


def offered(signature: Signature, kinds: frozenset[str]) -> bool:  # noqa: ARG001 - it only asks
    """It needs a table."""
    return "features" in signature.inputs and signature.task in ("classification", "regression")


def explain(case: Case, network: Network, tell: Tell) -> Found:  # noqa: ARG001 - one step
    """Return one curve a column: of the explained class's probability, or of the number in its own unit."""
    asked, answer = case.asked, case.answer or 0
    own, seen = cells_of(case), cells(asked, case.validation.rows[:SEEN])
    columns = [(raw, values) for raw in list(inputs_by_name(asked).values())[:MOST_COLUMNS]
               if len(values := tried(raw, seen[raw.name])) > 1]  # fmt: skip
    total = sum(len(values) for _, values in columns)
    raw_rows = {name: np.repeat(array, total, axis=0) for name, array in own.items()}
    start, places = 0, []
    for raw, values in columns:
        raw_rows[raw.name][start : start + len(values)] = values
        places.append(slice(start, start + len(values)))
        start += len(values)
    rest = {name: np.repeat(array, total, axis=0) for name, array in case.inputs.items() if name != "features"}
    said = network.answers(rest | {"features": encoded(asked, raw_rows)})[:, answer]
    told: list[dict[str, Any]] = [
        {"name": raw.name, "kind": raw.kind, "values": [plain(raw, value) for value in values],
         "mean": said[place].tolist(), "now": plain(raw, own[raw.name][0]),
         "reach": float(said[place].max() - said[place].min())}
        for (raw, values), place in zip(columns, places, strict=True)
    ]  # fmt: skip
    told.sort(key=lambda column: -column["reach"])
    classes = asked.signature.target.classes
    panel = {"kind": "dependence", "columns": told, "target": asked.signature.target.name,
             "answer": classes[answer] if classes else None, "said": case.said[answer]}  # fmt: skip
    return Found(panel, np.concatenate([said[place] - said[place].mean() for place in places]) if places else None)
