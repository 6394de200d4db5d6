"""Counterfactual: the smallest change of few columns that turns the answer, out of values that really occur.

First each single change is tried; if none is enough, the best one stays and the next column is tried. At the end each
change is taken back as far as the answer stays turned. A number's change counts by its spread, a category's as one.
Nothing says that such a change is possible or would cause anything: it tells of the model, not of the world.
Paper: Wachter, Mittelstadt, Russell, "Counterfactual Explanations without Opening the Black Box", 2017; few columns and
values out of the data after Mothilal, Sharma, Tan, "Explaining Machine Learning Classifiers through Diverse
Counterfactual Explanations", 2020.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.explain import Found, Tell
from evaluation.explain._case import Case
from evaluation.explain._columns import cells, cells_of, encoded, inputs_by_name, plain, tried
from evaluation.explain._network import Network
from recipes import RawInput, Refusal, Signature

TITLE = "Smallest change"
NAME = "Counterfactual"
SENTENCE = (
    "Change only these cells, and the model answers otherwise. It tells of the model, not of causes in the world."
)
PAPER = "Wachter, Mittelstadt, Russell: Counterfactual Explanations without Opening the Black Box, 2017"
SCOPE = "example"
ORDER = 15
CHECKED = False
LOOKS = 1_000

MOST_CHANGES = 4
SEEN = 1_000
"""Rows of the validation part whose values are tried."""
STEP = 0.5
"""A number has turned when it has moved by this much of the target's spread."""


@dataclass(frozen=True)
class Search:
    """What is asked again and again: the row, the columns that may change with the values that occur, the aim."""

    case: Case
    network: Network
    own: dict[str, np.ndarray]
    columns: dict[str, RawInput]
    values: dict[str, list[Any]]
    spreads: dict[str, float]
    wanted: int
    goal: float
    """Numbers only: the answer that is to be reached."""

    def margins(self, changes: list[dict[str, Any]]) -> np.ndarray:
        """Return for each set of changes how far beyond the turn the answer is; above 0 it has turned."""
        rows = {name: np.repeat(array, len(changes), axis=0) for name, array in self.own.items()}
        for place, change in enumerate(changes):
            for name, value in change.items():
                rows[name][place] = value
        rest = {key: np.repeat(array, len(changes), axis=0) for key, array in self.case.inputs.items()
                if key != "features"}  # fmt: skip
        said = self.network.answers(rest | {"features": encoded(self.case.asked, rows)})
        if not self.case.asked.signature.target.classes:
            up = 1 if self.goal >= self.case.said[0] else -1
            return up * (said[:, 0] - self.goal)
        others = np.delete(said, self.wanted, axis=1).max(axis=1)
        return said[:, self.wanted] - others

    def cost(self, change: dict[str, Any]) -> float:
        """Add up how large the changes are; each column costs something by itself."""
        return sum(0.25 + self.distance(name, value) for name, value in change.items())

    def distance(self, name: str, value: Any) -> float:
        """Say how large one change is: by the column's spread, or 1 for another category."""
        now = self.own[name][0]
        if self.columns[name].kind in ("category", "text") or not np.isfinite(float(now)):
            return 1.0
        return abs(float(value) - float(now)) / self.spreads[name]


def offered(signature: Signature, kinds: frozenset[str]) -> bool:  # noqa: ARG001 - it only asks
    """It needs a table."""
    return "features" in signature.inputs and signature.task in ("classification", "regression")


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Search the smallest change.

    `settings["columns"]` names what may change (all by default), `settings["wanted"]` the class that is wanted (the
    second likeliest by default), or `up` or `down` for a number.
    """
    search = _search(case, network)
    tell(0.1, "Trying single changes")
    found = _greedy(search, tell)
    classes = case.asked.signature.target.classes
    panel: dict[str, Any] = {
        "kind": "changes", "target": case.asked.signature.target.name, "columns": list(search.columns),
        "wanted": classes[search.wanted] if classes else search.goal, "found": found is not None, "changes": [],
        "from": classes[int(np.argmax(case.said))] if classes else case.said[0],
    }  # fmt: skip
    if found is not None:
        panel["changes"] = [
            {"name": name, "from": plain(search.columns[name], search.own[name][0]),
             "to": plain(search.columns[name], value), "kind": search.columns[name].kind}
            for name, value in found.items()
        ]  # fmt: skip
        panel["said"] = _said(search, found)
    return Found(panel)


def _search(case: Case, network: Network) -> Search:
    asked = case.asked
    columns = inputs_by_name(asked)
    allowed = case.settings.get("columns") or list(columns)
    if unknown := [name for name in allowed if name not in columns]:
        raise Refusal(f"There is no column '{unknown[0]}'. Choose from: {', '.join(columns)}.")
    seen = cells(asked, case.validation.rows[:SEEN])
    values = {name: tried(columns[name], seen[name]) for name in allowed}
    spreads = {name: float(np.nanstd(seen[name].astype(float))) or 1.0 for name in allowed
               if columns[name].kind not in ("category", "text")}  # fmt: skip
    return Search(case, network, cells_of(case), {name: columns[name] for name in allowed}, values, spreads,
                  *_aim(case))  # fmt: skip


def _aim(case: Case) -> tuple[int, float]:
    target, wanted = case.asked.signature.target, case.settings.get("wanted")
    if not target.classes:
        return 0, case.said[0] + (-1 if wanted == "down" else 1) * STEP * target.scale
    ranked = np.argsort(case.said)[::-1]
    aim = int(ranked[1]) if wanted is None else int(wanted)
    if not 0 <= aim < len(target.classes):
        raise Refusal(f"There is no class number {aim}. Choose one from 0 to {len(target.classes) - 1}.")
    if aim == int(ranked[0]):
        raise Refusal(f"The model already answers {target.classes[aim]}. Choose another class.")
    return aim, 0.0


def _greedy(search: Search, tell: Tell) -> dict[str, Any] | None:
    """Add one change after the other until the answer turns; None where even `MOST_CHANGES` are not enough."""
    kept: dict[str, Any] = {}
    for number in range(MOST_CHANGES):
        tell(0.1 + 0.8 * number / MOST_CHANGES, f"Trying {number + 1} changes together")
        tries = [kept | {name: value} for name, values in search.values.items() if name not in kept
                 for value in values if value != search.own[name][0]]  # fmt: skip
        if not tries:
            return None
        margins = search.margins(tries)
        turned = [place for place in range(len(tries)) if margins[place] > 0]
        if turned:
            return _smallest(search, min((tries[place] for place in turned), key=search.cost))
        kept = tries[int(np.argmax(margins))]
    return None


def _smallest(search: Search, found: dict[str, Any]) -> dict[str, Any]:
    """Take each change back: wholly where the answer stays turned, else to the nearest value that turns it."""
    for name in sorted(found, key=lambda name: -search.distance(name, found[name])):
        without = {key: value for key, value in found.items() if key != name}
        if without and search.margins([without])[0] > 0:
            found = without
            continue
        nearer = [value for value in search.values[name]
                  if search.distance(name, value) < search.distance(name, found[name])]  # fmt: skip
        tries = [found | {name: value} for value in nearer if value != search.own[name][0]]
        if tries:
            margins = search.margins(tries)
            turned = [tries[place] for place in range(len(tries)) if margins[place] > 0]
            found = min([found, *turned], key=search.cost)
    return found


def _said(search: Search, change: dict[str, Any]) -> Any:
    rows = {name: array.copy() for name, array in search.own.items()}
    for name, value in change.items():
        rows[name][0] = value
    said = search.network.answers(search.case.inputs | {"features": encoded(search.case.asked, rows)})[0]
    return float(said[search.wanted]) if search.case.asked.signature.target.classes else float(said[0])
