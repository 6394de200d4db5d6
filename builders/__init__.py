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

import numpy as np

from recipes import Part, Refusal, Settings, Signature, known, validate

Panel = dict[str, Any]
"""Something to be drawn: plain values with a `kind`, for which `ui/panels/<kind>.py` exists."""


@dataclass(frozen=True)
class Stage:
    """One `fit`: the model that is fitted and what it is fitted for.

    `model` maps {input name: (batch, *shape)} to (batch, outputs) logits, or overrides `compute_loss` and then has
    `loss` None; its weights exist already (a subclass of `keras.Model` was called once). It may wear augmentation that
    `Blueprint.deliverables` do not have; weights are shared.
    """

    name: str
    model: Any
    loss: Any = None
    metrics: Callable[[], list[Any]] = list
    """Makes fresh metrics for each compile."""
    training: dict[str, Any] = field(default_factory=dict)
    """Settings of `Training` that this stage has otherwise: fewer epochs, a smaller rate."""
    before: Callable[[], None] | None = None
    """Called once before the stage is compiled: copy weights from the stage before, unfreeze layers. A resumed run
    calls it again for every stage up to its own, before the variables are put back."""
    select: Callable[[Part], Part] | None = None
    """Turns a `Part` (train or validation) into the one this stage reads, such as the labelled rows alone."""
    xla: bool = True
    """False where XLA was measured to slow this model down on a CPU, though its layers alone would gain."""


@dataclass(frozen=True)
class Whole:
    """A deliverable that is saved as it is: a decoder, a generator. Functional, stock layers, dict to dict."""

    model: Any
    title: str
    sentence: str
    """What goes in and what comes out, for the download page."""
    examples: dict[str, np.ndarray]
    """A few inputs, rows first, with which the clean process is checked."""


@dataclass(frozen=True)
class Blueprint:
    """An ordered list of stages and the named deliverables.

    A deliverable is a core or a `Whole`. A core maps ready tensors {input name: (batch, *shape)} to what the stages
    were fitted for (logits, the standardised number); the exporter puts the raw input before it and the task's named
    answer behind it. The first one is what the report judges and Try asks.
    """

    stages: tuple[Stage, ...]
    deliverables: dict[str, Any]
    notes: tuple[str, ...] = field(default=())
    """What the builder decided on this data, in words."""
    evidence: Callable[[Any], Callable[[], list[Panel]]] | None = None
    """Takes an `evaluation.asked.Asked` once and returns what makes the family's own live panels after an epoch."""

    @property
    def core(self) -> Any:
        """The model that the report judges."""
        first = next(iter(self.deliverables.values()))
        return first.model if isinstance(first, Whole) else first

    @property
    def models(self) -> list[Any]:
        """Every model of the stages and the deliverables."""
        given = [each.model if isinstance(each, Whole) else each for each in self.deliverables.values()]
        return [stage.model for stage in self.stages] + given


class Architecture(Protocol):
    """What every file of `builders/` offers (as module-level names).

    Optional: `METRICS`, titles and meanings of live metrics that only this family has: {"kl": ("Latent cost", "...")};
    `READING`, the sentence under the loss curve where a falling loss is not what counts; `NEEDS_FILE`, True for a
    family that a visitor can choose only with a model file of their own.
    """

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


def needs_file(name: str) -> bool:
    """Is this family for visitors with a model file of their own?"""
    return bool(getattr(get(name), "NEEDS_FILE", False))


def config(name: str, settings: dict[str, Any]) -> Settings:
    """Check an architecture's settings; raises `Refusal`."""
    return validate(get(name).Config, settings, "model")


def refuse_unfit(name: str, signature: Signature) -> None:
    """Refuse a family that does not serve this data, naming those that do."""
    if name in fitting(signature.data_type, signature.task):
        return
    able = ", ".join(fitting(signature.data_type, signature.task))
    raise Refusal(f"'{name}' does not take {signature.data_type} data for {signature.task}. Families that do: {able}.")
