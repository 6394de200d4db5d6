"""Explanations, one file a method: why a model answers as it does, each beside its own check.

To add a method, add ONE file `evaluation/explain/<method>.py` that offers what `Method` below lists; what it shows is
drawn by `ui/explain/<kind>.py`. Keras is used inside the functions of a worker only.

The check is that of Adebayo and others, "Sanity Checks for Saliency Maps", 2018: the same explanation is made of copies
of the network whose weights are drawn anew, which have learned nothing. An explanation that looks the same there tells
of the data, not of what was learned.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Protocol

import numpy as np

from builders import Blueprint
from evaluation.asked import Asked
from evaluation.explain._case import Case
from evaluation.explain._network import Network, kinds_of, network_of, untrained
from evaluation.scores import clean
from recipes import Refusal, Signature, known

COPIES = 3
"""Copies with new weights that an explanation is compared with; one alone may be alike by chance."""
ALIKE = 0.5
"""Mean rank correlation above which an explanation is said to tell nothing of what was learned."""
FLAT = 1e-6
"""Weights that differ by less are the same everywhere, but for rounding."""
Tell = Callable[[float, str], None]
"""Called with the share done (0 to 1) and a few words; may raise to stop."""


@dataclass(frozen=True)
class Found:
    """What a method found in one network."""

    panel: dict[str, Any]
    """Plain values with a `kind`, drawn by `ui/explain/<kind>.py`."""
    weights: np.ndarray | None = None
    """What is compared with the copies: one number a place, column or word; None where there is nothing to compare."""


class Method(Protocol):
    """What every file of `evaluation/explain/` offers (as module-level names)."""

    TITLE: str
    """For people: "Where it looked"."""
    NAME: str
    """The field's own name: "Grad-CAM"."""
    SENTENCE: str
    """How to read what is shown."""
    PAPER: str
    SCOPE: Literal["example", "model"]
    """Does it explain one answer, or the model as a whole?"""
    ORDER: int
    """Methods are offered in this order."""
    CHECKED: bool
    """Is it compared with copies that have learned nothing?"""
    LOOKS: int
    """About how many looks at an example it takes, a look with a gradient counting three times; of a method for the
    whole model, how many at each row (for each column, where there are columns)."""

    def offered(self, signature: Signature, kinds: frozenset[str]) -> bool:
        """Does it suit these data, this task and a core of these kinds of layers?"""
        ...

    def explain(self, case: Case, network: Network, tell: Tell) -> Found:
        """Explain an answer (or the whole) of this network. Raises `Refusal` in words. Worker only."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Name every method, in the order in which they are offered."""
    found = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    return tuple(sorted(found, key=lambda name: (get(name).ORDER, name)))


def get(name: str) -> Method:
    """Return a method by name; an unknown name lists the known ones."""
    every = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    if name not in every:
        raise known("explanation", name, every)
    return importlib.import_module(f"evaluation.explain.{name}")  # ty: ignore[invalid-explicit-return]


def offered(signature: Signature, blueprint: Blueprint) -> tuple[str, ...]:
    """Name the methods that suit a run, in their order."""
    kinds = kinds_of(blueprint)
    return tuple(name for name in names() if get(name).offered(signature, kinds))


def explain(asked: Asked, settings: dict[str, Any], tell: Tell | None = None) -> dict[str, Any]:
    """Explain with `settings["method"]` and check it; returns plain values.

    Settings: `row` (a row number of the validation part) or `values` (cells of one's own); `answer`, the number of the
    class (or of the step) that is explained, by default the one that the model gives; whatever else the method takes.
    Answers {"method", "panel", "case", "check"}.
    """
    name, say = str(settings.get("method", "")), tell or _silent
    method = get(name)
    if name not in offered(asked.signature, asked.blueprint):
        raise Refusal(f"'{method.TITLE}' does not suit this model. Choose another explanation.")
    network = network_of(asked)
    case = Case.of(asked, settings, network, needs_example=method.SCOPE == "example")
    rounds = 1 + (COPIES if method.CHECKED else 0)

    def step(number: int) -> Tell:
        return lambda share, text: say((number + share) / rounds, text)

    step(0)(0.0, "Looking at the model")
    found = method.explain(case, network.about(case.cell), step(0))
    check = _checked(method, case, found, step) if method.CHECKED and found.weights is not None else None
    return clean({"method": name, "panel": found.panel, "case": case.told(), "check": check})


def _silent(share: float, text: str) -> None:
    """Nobody waits."""


def _checked(method: Method, case: Case, found: Found, step: Callable[[int], Tell]) -> dict[str, Any]:
    """Make the explanation of copies that have learned nothing, and say whether it looks the same there."""
    others = []
    for number in range(1, COPIES + 1):
        step(number)(0.0, "The same with a network that has learned nothing")
        others.append(method.explain(case, untrained(case.asked, number).about(case.cell), step(number)))
    likeness = float(np.mean([alike(found.weights, other.weights) for other in others]))
    holds = likeness <= ALIKE
    return {"panel": others[0].panel, "likeness": round(likeness, 3), "bound": ALIKE, "holds": holds,
            "copies": COPIES, "sentence": _sentence(likeness, holds=holds)}  # fmt: skip


def _sentence(likeness: float, *, holds: bool) -> str:
    if holds:
        return f"Check passed: with new weights the picture becomes another one (likeness {likeness:.2f})."
    return (
        f"Do not trust this picture: a network that has learned nothing gives nearly the same one (likeness "
        f"{likeness:.2f}, allowed {ALIKE}). It shows the example itself more than what was learned."
    )


def alike(one: Any, other: Any) -> float:
    """Return Spearman's rank correlation of two explanations; 0 where one of them is the same everywhere."""
    from scipy.stats import rankdata

    if one is None or other is None:
        return 0.0
    first, second = (np.ravel(np.asarray(each, dtype=np.float64)) for each in (one, other))
    if first.size < 2 or first.size != second.size or min(np.ptp(first), np.ptp(second)) < FLAT:
        return 0.0
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])
