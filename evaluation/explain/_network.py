"""A core that can be looked into: asked, walked through operation by operation, changed at one place on the way."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from builders import Blueprint
from evaluation.asked import Asked, asking
from recipes import Signature, keras

Change = Callable[[Any], Any]
CONVOLUTIONS = ("Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Conv3D")
COARSEST = 4
"""A map of fewer places a side says little about where: then an earlier convolution is looked at."""
BOX = 5
"""A detector's cell answers whether there is a thing, four numbers of its box, then the classes."""
TOGETHER = 64
"""Examples that go through the network at once."""


@dataclass(frozen=True)
class Stop:
    """One operation on the way through a core: what it reads and gives for one example."""

    operation: Any
    reads: tuple[Any, ...]
    gives: Any

    @property
    def kind(self) -> str:
        """The operation's class: `Conv2D`."""
        return type(self.operation).__name__

    @property
    def after(self) -> tuple[int, ...]:
        """The shape of what it gives."""
        return tuple(int(size) for size in self.gives.shape)

    def follows(self, other: "Stop") -> bool:
        """Does it read what the other one gives?"""
        return any(each is other.gives for each in self.reads)


@dataclass(frozen=True)
class Place:
    """Where a network is looked into: what enters an operation or what leaves it."""

    operation: Any
    enters: bool = False


@dataclass(frozen=True, eq=False)
class Network:
    """A core with its signature; `core` maps ready tensors to logits (batch, classes) or standardised numbers."""

    core: Any
    signature: Signature
    cell: int | None = None
    """A detector answers by cells: the one that is asked about."""

    def about(self, cell: int | None) -> "Network":
        """Return the same network, asked about one cell."""
        return self if cell is None else replace(self, cell=cell)

    @cached_property
    def ask(self) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
        """Ask about many examples; worth its tracing only where that is often."""
        return asking(self.core)

    def outputs(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return logits or standardised numbers (rows, outputs), without tracing."""
        return self._in_pieces(inputs, lambda some: self._plain(self.core(some, training=False)))

    def answers(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """Return probabilities (rows, classes), or numbers (rows, outputs) in the target's own unit."""
        return self.as_answers(self.outputs(inputs))

    def as_answers(self, outputs: np.ndarray) -> np.ndarray:
        """Turn what the core puts out into what a person reads."""
        outputs = np.asarray(outputs, dtype=np.float64)
        target = self.signature.target
        if self.cell is not None:  # is there a thing, and if so, which
            return self.as_shares(outputs[:, 1:]) / (1 + np.exp(-outputs[:, :1]))
        if not target.classes:
            return outputs.reshape(len(outputs), -1) * target.scale + target.mean
        return self.as_shares(outputs)

    def as_shares(self, logits: np.ndarray) -> np.ndarray:
        """Turn logits (rows, classes) into probabilities."""
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def scored(self, answer: int | None) -> Callable[[Any], Any]:
        """Return what makes one number a row out of the core's outputs: one logit, one number, or their mean."""

        def score(outputs: Any) -> Any:
            if self.cell is not None and answer is not None:
                return outputs[:, 0] + outputs[:, 1 + answer]
            return keras.ops.mean(outputs, axis=-1) if answer is None else outputs[:, answer]

        return score

    def at(self, inputs: dict[str, np.ndarray], place: Place) -> np.ndarray:
        """Return what one example is at a place."""
        seen: list[Any] = []

        def remember(value: Any) -> Any:
            seen[:] = [value]
            return value

        self.walk(inputs, place, remember)
        return np.asarray(seen[0])

    def walk(self, inputs: dict[str, Any], place: Place | None = None, change: Change | None = None) -> Any:
        """Compute the outputs; at `place`, `change` has the last word."""

        def around(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            here = place is not None and change is not None and operation is place.operation
            if here and place.enters:
                return operation(_changed(args[0], change), *args[1:], **kwargs)
            told = operation(*args, **kwargs)
            return _changed(told, change) if here else told

        return self._plain(through(self.core, tensors(inputs), around))

    def tour(self, inputs: dict[str, np.ndarray]) -> list[Stop]:
        """List the operations in the order in which one example meets them."""
        stops: list[Stop] = []

        def around(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            told = operation(*args, **kwargs)
            flat = keras.tree.flatten
            reads = tuple(each for each in flat((args, kwargs)) if hasattr(each, "shape"))
            stops.append(Stop(operation, reads, flat(told)[0]))
            return told

        through(self.core, tensors(inputs), around)
        return stops

    def last_convolution(self, inputs: dict[str, np.ndarray]) -> Place:
        """Return the last convolution with a map fine enough to point at something, with its bend behind it."""
        stops = self.tour(inputs)
        there = [number for number, stop in enumerate(stops) if stop.kind in CONVOLUTIONS and len(stop.after) > 3]
        if self.signature.task == "detection":  # the last ones, one place wide, are the answer itself
            there = [number for number in there if max(stops[number].operation.kernel_size) > 1]
        fine = [number for number in there if min(stops[number].after[-3:-1]) >= COARSEST]
        found = stops[(fine or there)[-1]]
        # What the next layers read is the map behind normalization and activation, which keep its shape.
        while after := next((stop for stop in stops if stop.follows(found)), None):
            if after.after != found.after or after.kind in CONVOLUTIONS:
                break
            found = after
        return Place(found.operation)

    def first_convolution(self, inputs: dict[str, np.ndarray]) -> Place:
        """Return what enters the first convolution: of a sound, its picture of pitch over time."""
        stop = next(stop for stop in self.tour(inputs) if stop.kind in CONVOLUTIONS)
        return Place(stop.operation, enters=True)

    def word_vectors(self, inputs: dict[str, np.ndarray]) -> Place:
        """Return where words have become vectors: (1, words, width); a network may put signs of its own before them."""
        embeddings = [stop for stop in self.tour(inputs) if stop.kind == "Embedding"]
        # Positions are numbers made inside the network; words are what came in.
        named = [stop for stop in embeddings if stop.operation.name.startswith("words")]
        return Place((named or embeddings)[0].operation)

    def last_features(self, inputs: dict[str, np.ndarray]) -> Place:
        """Return what enters the last layer with weights: what the network has made of an example."""
        stops = [stop for stop in self.tour(inputs) if getattr(stop.operation, "weights", None)]
        return Place(stops[-1].operation, enters=True)

    def _plain(self, outputs: Any) -> Any:
        """Return what the core puts out, of a detector what one cell says: (rows, 1 + classes) logits."""
        if self.cell is None:
            return outputs
        return keras.ops.concatenate([outputs[:, self.cell, :1], outputs[:, self.cell, BOX:]], axis=-1)

    def _in_pieces(self, inputs: dict[str, np.ndarray], ask: Change) -> np.ndarray:
        rows = len(next(iter(inputs.values())))
        pieces = [
            np.asarray(ask({name: array[start : start + TOGETHER] for name, array in inputs.items()}))
            for start in range(0, rows, TOGETHER)
        ]
        return np.concatenate(pieces)


def network_of(asked: Asked) -> Network:
    """Return the run's own network; made once."""
    return _kept(asked, "own", lambda: Network(_learned(asked), asked.signature))


def untrained(asked: Asked, number: int) -> Network:
    """Return a copy of the run's network whose weights are drawn anew, as they were before training; made once."""

    def make() -> Network:
        keras.utils.set_random_seed(1_000 + number)
        return Network(keras.models.clone_model(_learned(asked), recursive=True), asked.signature)

    return _kept(asked, str(number), make)


def _learned(asked: Asked) -> Any:
    """Return the model that is looked into: the core, or what taught one that writes word by word by itself."""
    return asked.blueprint.stages[0].model if asked.signature.task == "translation" else asked.core


def kinds_of(blueprint: Blueprint) -> frozenset[str]:
    """Name the kinds of layers of which a run's core is made, nested models opened; nothing where it is no graph."""
    core = blueprint.core
    return frozenset(_kinds(core)) if _graph(core) is not None else frozenset()


def through(model: Any, inputs: Any, around: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> Any:
    """Compute a functional model operation by operation, nested ones too; `around` computes each."""

    def of(operation: Any) -> Callable[..., Any]:
        inner = _graph(operation)
        if inner is not None:
            return lambda given, *_, **__: through(inner, given, around)
        return lambda *args, **kwargs: around(operation, args, kwargs)

    return _graph(model)._run_through_graph(inputs, operation_fn=of)  # noqa: SLF001 - Keras has no public walk


def tensors(inputs: dict[str, Any]) -> dict[str, Any]:
    """Turn arrays into tensors; bytes of pictures become numbers that gradients can pass."""
    ops = keras.ops
    return {
        name: ops.convert_to_tensor(array, "float32" if str(array.dtype) in ("uint8", "float64") else None)
        for name, array in inputs.items()
    }


def repeated(inputs: dict[str, np.ndarray], times: int) -> dict[str, np.ndarray]:
    """Return one example many times."""
    return {name: np.repeat(array, times, axis=0) for name, array in inputs.items()}


def _graph(model: Any) -> Any:
    """Return the model that has a graph: a functional one itself, the one inside a sequential one; None for a layer."""
    if not isinstance(model, keras.Model):
        return None
    inner = getattr(model, "_functional", model)
    return inner if hasattr(inner, "_run_through_graph") else None


def _kinds(model: Any) -> set[str]:
    found: set[str] = set()
    for layer in model.layers:
        found |= _kinds(layer) if isinstance(layer, keras.Model) else {type(layer).__name__}
    return found


def _changed(value: Any, change: Change) -> Any:
    """Change a tensor, or the first of several; a mask that it carries stays with it."""
    if isinstance(value, list | tuple):
        return type(value)([_changed(value[0], change), *value[1:]])
    new = keras.ops.convert_to_tensor(change(value))
    mask = getattr(value, "_keras_mask", None)
    if mask is not None:
        new._keras_mask = mask  # noqa: SLF001 - where Keras itself keeps it
    return new


def _kept(asked: Asked, name: str, make: Callable[[], Network]) -> Network:
    """Keep what was made of a run with it: `Asked` is frozen, but has room for what it remembers."""
    kept = asked.__dict__.setdefault("networks", {})
    if name not in kept:
        kept[name] = make()
    return kept[name]
