"""Architectures, one file each; the folder is the registry.

To add a family, add ONE file `builders/<family>.py` that offers what `Architecture` below lists, and run the tests:
the contract tests find it by themselves. Import Keras as `from recipes import keras` and use it inside functions,
so that pages can read titles and settings. Prefer functional models of stock layers that end in logits.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from recipes import Refusal, Settings, Signature, known, validate


@dataclass(frozen=True)
class Stage:
    """One `fit`: the model that is fitted and what it is fitted for.

    `model` maps {input name: (batch, *shape)} to (batch, outputs) logits, or overrides `compute_loss` and then has
    `loss` None. It may wear augmentation that `Blueprint.deliverables` do not have; weights are shared.
    """

    name: str
    model: Any
    loss: Any = None
    metrics: Callable[[], list[Any]] = list
    """Makes fresh metrics for each compile."""


@dataclass(frozen=True)
class Blueprint:
    """An ordered list of stages and the named cores of the deliverables.

    A core maps ready tensors {input name: (batch, *shape)} to what the stages were fitted for (logits, or the
    standardised number); the exporter puts the raw input before it and the named answer behind it.
    """

    stages: tuple[Stage, ...]
    deliverables: dict[str, Any]
    notes: tuple[str, ...] = field(default=())
    """What the builder decided on this data, in words."""


class Architecture(Protocol):
    """What every file of `builders/` offers (as module-level names)."""

    TITLE: str
    """For people: "Dense network"."""
    SUMMARY: str
    """One sentence: what it is good for."""
    ICON: str
    """A Material symbol, such as `hub`."""
    TASKS: tuple[str, ...]
    DATA_TYPES: tuple[str, ...]
    PAPER: str
    """Author, title, year."""
    TRAINING: dict[str, Any]
    """Defaults of `Training` that suit this family better than the general ones."""
    Config: type[Settings]

    def build(self, signature: Signature, config: Any) -> Blueprint:
        """Build fresh models for this data. Raises `Refusal` for an impossible setting, naming it. Worker only."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Name every architecture, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def get(name: str) -> Architecture:
    """Return an architecture by name; an unknown name lists the known ones."""
    if name not in names():
        raise known("architecture", name, names())
    return importlib.import_module(f"builders.{name}")  # ty: ignore[invalid-explicit-return]


def fitting(data_type: str, task: str) -> tuple[str, ...]:
    """Name the architectures that serve this data type and task."""
    return tuple(name for name in names() if data_type in get(name).DATA_TYPES and task in get(name).TASKS)


def config(name: str, settings: dict[str, Any]) -> Settings:
    """Check an architecture's settings; raises `Refusal`."""
    return validate(get(name).Config, settings, "model")


def refuse_unfit(name: str, signature: Signature) -> None:
    """Refuse a family that does not serve this data, naming those that do."""
    if name in fitting(signature.data_type, signature.task):
        return
    able = ", ".join(fitting(signature.data_type, signature.task))
    raise Refusal(f"'{name}' does not take {signature.data_type} data for {signature.task}. Families that do: {able}.")
