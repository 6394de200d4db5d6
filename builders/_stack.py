"""A stack of layers followed from the data to the answer: shapes, parameters, and why a layer cannot stand there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from builders._stack_kinds import KINDS, Flow, Impossible, Layer
from recipes import Refusal, Signature, known, validate

MOST_LAYERS = 64
MOST_PARAMETERS = 50_000_000
"""With the optimizer's two averages and the gradients about 0.8 GB."""
MOST_NUMBERS = 4_000_000
"""Numbers between two layers, for one example: 16 MB."""


@dataclass(frozen=True)
class Step:
    """One layer on its place: what comes in, what leaves, its weights; or why it cannot stand here."""

    number: int
    """From 1."""
    layer: Layer
    before: Flow | None
    after: Flow | None = None
    parameters: int = 0
    reason: str = ""
    """A whole sentence that names the layer; empty where it can stand, and behind one that cannot."""


def entering(signature: Signature) -> Flow:
    """Say what the data hand to the first layer. Pictures were scaled to -1..1 before."""
    spec = next(iter(signature.inputs.values()))
    shape = tuple(int(size or 1) for size in spec.shape)
    if signature.data_type == "text":
        return Flow(shape, "words", vocabulary=int(signature.details["vocabulary"]))
    if signature.data_type == "audio":
        return Flow(shape, "sound", rate=int(signature.details["rate"]))
    return Flow(shape)


def read(layers: Any) -> tuple[Layer, ...]:
    """Check a list of plain layers; a mistake is refused with the layer's number and name."""
    if not isinstance(layers, list | tuple):
        raise Refusal("`layers` must be a list of layers such as `- {kind: Dense, units: 64}`.")
    if len(layers) > MOST_LAYERS:
        raise Refusal(f"`layers` holds {len(layers)} layers, at most {MOST_LAYERS} are possible. Take some out.")
    return tuple(_one(number, layer) for number, layer in enumerate(layers, 1))


def follow(layers: Sequence[Layer], start: Flow) -> list[Step]:
    """Follow the data through the layers, up to the first one that cannot stand where it is."""
    steps: list[Step] = []
    flow: Flow | None = start
    total = 0
    for number, layer in enumerate(layers, 1):
        if flow is None:
            steps.append(Step(number, layer, None))
            continue
        try:
            after = layer.after(flow)
            parameters = layer.parameters(layer.inner(flow), flow)
            total += parameters
            _refuse_large(layer, flow, after, total)
        except Impossible as impossible:
            steps.append(Step(number, layer, flow, reason=_sentence(number, layer, impossible, steps)))
            flow = None
        else:
            steps.append(Step(number, layer, flow, after, parameters))
            flow = after
    return steps


def obstacle(steps: Sequence[Step], start: Flow) -> str:
    """Say why this stack cannot be built, in one or two sentences; nothing where it can."""
    if reason := next((step.reason for step in steps if step.reason), ""):
        return reason
    end = steps[-1].after if steps else start
    return _refusal_of_end(end, steps) if end else ""


def fits(layer: Layer, flow: Flow | None) -> bool:
    """Can this layer stand behind what leaves the one before?"""
    if flow is None:
        return True
    try:
        _refuse_large(layer, flow, layer.after(flow), layer.parameters(layer.inner(flow), flow))
    except Impossible:
        return False
    return True


def _one(number: int, layer: Any) -> Layer:
    if isinstance(layer, Layer):
        return layer
    if not isinstance(layer, dict) or not isinstance(layer.get("kind"), str):
        raise Refusal(f"Layer {number} needs a `kind`, such as `kind: Dense`.")
    kind = layer["kind"]
    if kind not in KINDS:
        raise Refusal(f"Layer {number}: {known('layer', kind, KINDS)}")
    try:
        return validate(KINDS[kind], layer)
    except Refusal as refusal:
        raise Refusal(f"Layer {number} ({kind}): {refusal}") from None


def _refuse_large(layer: Layer, flow: Flow, after: Flow, total: int) -> None:
    if total > MOST_PARAMETERS:
        raise Impossible(
            f"brings the model to {total:,} parameters, and at most {MOST_PARAMETERS:,} are possible",
            "Make it smaller, or make what comes in smaller with pooling.",
        )
    numbers = max(math.prod(after.shape), layer.most(flow.shape))
    if numbers > MOST_NUMBERS:
        raise Impossible(
            f"makes {numbers:,} numbers of each example, and at most {MOST_NUMBERS:,} are possible",
            "Make it smaller, or make what comes in smaller with pooling.",
        )


def _sentence(number: int, layer: Layer, impossible: Impossible, before: Sequence[Step]) -> str:
    cure = impossible.cure or _cure(impossible.axes, before, layer)
    return f"Layer {number} ({layer.kind}) {impossible.reason}. {cure}"


def _cure(axes: tuple[int, ...], before: Sequence[Step], layer: Layer) -> str:
    """Say where the layer could stand: before the one that took the shape away, or behind a Reshape."""
    for step in reversed(before):
        if step.before and step.before.what != "words" and len(step.before.shape) in axes:
            if 2 in axes and getattr(step.layer, "return_sequences", None) is False:
                return f"Switch on `return_sequences` in layer {step.number} ({step.layer.kind})."
            return f"Put it before layer {step.number} ({step.layer.kind})."
    if axes == (2,) and layer.kind.startswith(("Global", "Max", "Average")):
        return f"Use {layer.kind.replace('1D', '2D')} for pictures, or put a Reshape before it."
    return "Put a Reshape before it, or choose another layer."


def _refusal_of_end(end: Flow, steps: Sequence[Step]) -> str:
    """The answer reads one row of numbers; say what is missing where it gets something else."""
    if end.what == "words":
        return f"The answer needs a row of numbers, but gets {end.words}. Start with an Embedding."
    if len(end.shape) == 1:
        return ""
    told = f"The answer needs one row of numbers, but gets {end.words}."
    last = steps[-1] if steps else None
    if last and getattr(last.layer, "return_sequences", False):
        return f"{told} Switch off `return_sequences` in layer {last.number} ({last.layer.kind}), or add a Flatten."
    return f"{told} Add a Flatten or a GlobalAveragePooling{len(end.shape) - 1}D at the end."
