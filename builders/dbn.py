"""Deep belief network: layers learn one after the other, without labels, to dream up what they see; then labels follow.

Each layer is a restricted Boltzmann machine: it learns which patterns go together by comparing the data with its own
short dream of them (contrastive divergence). The next layer learns from what the first one found. At the end the stack
becomes an ordinary network of sigmoid layers and is fine-tuned with the labels. Where labels are few this can beat
starting from chance; with `pretraining` off the same network starts from chance, as its own control.
Paper: Hinton, Osindero, Teh, "A Fast Learning Algorithm for Deep Belief Nets", 2006; contrastive divergence after
Hinton, "Training Products of Experts by Minimizing Contrastive Divergence", 2002.
Score: accuracy 0.92 on digits from 10 % of the labels, 0.91 without pre-training (sealed test part, mean of seeds 1
to 3).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from builders import Blueprint, Panel, Stage, _sheets
from builders._layers import objective
from recipes import Refusal, Settings, Signature, keras, setting

TITLE = "Deep belief network"
SUMMARY = "Learns layer by layer without labels, then needs only few: for much data of which little is labelled."
ICON = "layers"
TASKS = ("classification",)
DATA_TYPES = ("tabular", "image")
PAPER = "Hinton, Osindero, Teh: A Fast Learning Algorithm for Deep Belief Nets, 2006"
TRAINING = {"epochs": 200, "batch_size": 32, "learning_rate": 0.003, "patience": 20}
METRICS = {
    "redrawing": ("Redrawing error", "How unlike the data the layer's own dream of them is, squared; it should fall."),
    "gap": ("Free-energy gap", "How much stranger held-out data seem than training data; growing means memorising."),
}
SHOWN = 8
FILTERS = 24
LOOKED_AT = 512
"""Rows from which the live free energies are taken."""


class Config(Settings):
    """Settings of the deep belief network."""

    units: int = setting(256, "Units per layer", "Units of each hidden layer.", ge=1, le=2048, log=True)
    depth: int = setting(2, "Layers", "How many machines are stacked.", ge=1, le=5)
    pretraining: bool = setting(
        True,
        "Pre-training",
        "Layers learn without labels first. Off, the same network starts from chance: the control.",
    )
    pretraining_epochs: int = setting(
        40, "Epochs per layer", "How often each layer sees the data before the labels come.", ge=1, le=1000,
        panel="training",
    )  # fmt: skip
    pretraining_rate: float = setting(
        0.005, "Rate of pre-training", "How far one step of pre-training goes.", ge=0.00001, le=1, log=True,
        advanced=True, panel="training",
    )  # fmt: skip
    chain: int = setting(
        1, "Steps of dreaming", "How many steps a dream takes (k of contrastive divergence).", ge=1, le=20,
        advanced=True,
    )  # fmt: skip
    labels_share: float = setting(
        1.0, "Labels used", "Share of the training labels for fine-tuning; pre-training needs none.", ge=0.01, le=1,
        step=0.05, panel="training",
    )  # fmt: skip
    dropout: float = setting(
        0.0, "Dropout", "Share of the units that sit out each step of fine-tuning.", ge=0, le=0.8, step=0.05,
        panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Make one stage a machine and one for fine-tuning; the answer is (batch, outputs) logits."""
    name, spec = next(iter(signature.inputs.items()))
    is_picture = len(spec.shape) == 3
    if not is_picture and len(spec.shape) != 1:
        raise Refusal("A deep belief network takes tables and pictures. Choose another family.")
    core, layers = _network(name, spec.shape, signature, config, is_picture=is_picture)
    loss, metrics = objective(signature)
    labels = partial(_labelled, share=config.labels_share) if config.labels_share < 1 else None
    if not config.pretraining:
        return Blueprint((Stage("fine-tuning", core, loss, metrics, select=labels),), {"model": core})
    machines = _machines(name, spec.shape, config, is_picture=is_picture)
    told = {
        "epochs": config.pretraining_epochs, "learning_rate": config.pretraining_rate, "early_stopping": False,
        "restore_best": False, "class_weights": "none",
    }  # fmt: skip
    stages = [
        Stage(f"layer {number + 1}", machine, training=told, before=partial(machine.take_over, machines[:number]))
        for number, machine in enumerate(machines)
    ]

    def unroll() -> None:
        """Start fine-tuning where pre-training ended."""
        for layer, machine in zip(layers, machines, strict=True):
            layer.set_weights([np.asarray(machine.kernel), np.asarray(machine.hidden_bias)])

    fine = Stage("fine-tuning", core, loss, metrics, before=unroll, select=labels)
    return Blueprint((*stages, fine), {"model": core}, evidence=partial(_evidence, machines=machines))


def _network(name: str, shape: Any, signature: Signature, config: Config, *, is_picture: bool) -> tuple[Any, list[Any]]:
    """Return the unrolled network and those of its layers that pre-training fills."""
    given = keras.Input(shape, name=name)
    x = _visible(given, is_picture=is_picture)
    layers = [keras.layers.Dense(config.units, activation="sigmoid") for _ in range(config.depth)]
    for layer in layers:
        x = layer(x)
        x = keras.layers.Dropout(config.dropout)(x) if config.dropout else x
    answer = keras.layers.Dense(signature.outputs, dtype="float32", name="answer")(x)
    return keras.Model({name: given}, answer, name="dbn"), layers


def _visible(given: Any, *, is_picture: bool) -> Any:
    """Lay pictures out flat, from 0 to 1; a table's standardised numbers stay as they are."""
    return keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(given)) if is_picture else given


def _machines(name: str, shape: Any, config: Config, *, is_picture: bool) -> list[Any]:
    """Make one machine a layer, each behind frozen copies of those below."""
    found = []
    for number in range(config.depth):
        given = keras.Input(shape, name=name)
        x = _visible(given, is_picture=is_picture)
        below = [keras.layers.Dense(config.units, activation="sigmoid", trainable=False) for _ in range(number)]
        for layer in below:
            x = layer(x)
        sight = keras.Model({name: given}, x, name=f"below_{number + 1}")
        # A table's numbers have no bounds; what they mean is a normal distribution around the dream.
        found.append(_machine()(sight, below, config.units, config.chain, is_normal=not is_picture and number == 0))
    return found


def _labelled(part: Any, share: float) -> Any:
    """Keep a share of the rows of each class, at least one, the same ones for the same part."""
    labels = np.asarray(part.y).reshape(len(part.rows))
    order = np.random.default_rng(0).permutation(len(labels))
    kept = [order[labels[order] == label] for label in np.unique(labels)]
    rows = np.sort(np.concatenate([rows[: max(1, round(share * len(rows)))] for rows in kept]))
    x = {key: np.asarray(array[rows]) for key, array in part.x.items()}
    return replace(part, x=x, y=np.asarray(part.y[rows]), rows=np.asarray(part.rows[rows]))


@cache
def _machine() -> Any:
    """Make the class that is fitted; Keras is only there once a worker builds."""
    ops = keras.ops

    class BoltzmannMachine(keras.Model):
        """A restricted Boltzmann machine; contrastive divergence is a difference of free energies."""

        def __init__(self, sight: Any, below: list[Any], units: int, chain: int, *, is_normal: bool) -> None:
            super().__init__(name=f"{sight.name}_machine")
            self.sight, self.below, self.chain, self.is_normal = sight, below, chain, is_normal
            inputs = int(sight.output.shape[-1])
            begin = keras.initializers.RandomNormal(stddev=0.01)
            self.kernel = self.add_weight((inputs, units), begin, name="kernel")
            self.hidden_bias = self.add_weight((units,), "zeros", name="hidden_bias")
            self.visible_bias = self.add_weight((inputs,), "zeros", name="visible_bias")
            self.seed = keras.random.SeedGenerator()
            self.redrawing = keras.metrics.Mean(name="redrawing")
            self.built = True

        def take_over(self, machines: list[Any]) -> None:
            """Copy what the machines below have learned into the frozen layers."""
            for layer, machine in zip(self.below, machines, strict=True):
                layer.set_weights([np.asarray(machine.kernel), np.asarray(machine.hidden_bias)])

        def hidden(self, visible: Any) -> Any:
            return ops.sigmoid(ops.matmul(visible, self.kernel) + self.hidden_bias)

        def visible(self, hidden: Any) -> Any:
            reach = ops.matmul(hidden, ops.transpose(self.kernel)) + self.visible_bias
            return reach if self.is_normal else ops.sigmoid(reach)

        def draw(self, shares: Any) -> Any:
            return ops.cast(keras.random.uniform(ops.shape(shares), seed=self.seed) < shares, shares.dtype)

        def free_energy(self, visible: Any) -> Any:
            hidden = ops.sum(ops.softplus(ops.matmul(visible, self.kernel) + self.hidden_bias), axis=-1)
            if self.is_normal:
                return 0.5 * ops.sum(ops.square(visible - self.visible_bias), axis=-1) - hidden
            return -ops.matmul(visible, self.visible_bias) - hidden

        def call(self, x: Any, training: Any = None) -> Any:
            data = self.sight(x)
            dream = data
            for _ in range(self.chain):
                dream = self.visible(self.draw(self.hidden(dream)))
            return {"data": data, "dream": ops.stop_gradient(dream)}

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
            data, dream = y_pred["data"], y_pred["dream"]
            self.redrawing.update_state(ops.mean(ops.square(data - dream)))
            return ops.mean(self.free_energy(data) - self.free_energy(dream))

    return BoltzmannMachine


# What is shown while it learns


def _evidence(asked: Any, machines: list[Any]) -> Callable[[], list[Panel]]:
    """Watch the free energies of training and held-out rows, and for pictures what the layers see and dream."""
    parts = [asked.prepared.part(name) for name in ("train", "validation")]
    few = [{key: np.asarray(array[:LOOKED_AT]) for key, array in part.x.items()} for part in parts]
    shape = next(iter(asked.signature.inputs.values())).shape

    def look() -> list[Panel]:
        trained = [number for number, machine in enumerate(machines) if _has_learned(machine)]
        if not trained:
            return []
        panels = [_gaps(machines, few, trained)]
        return ([*_pictures(machines, few[1], trained, shape), *panels]) if len(shape) == 3 else panels

    return look


def _has_learned(machine: Any) -> bool:
    return bool(np.any(np.asarray(machine.hidden_bias)))


def _seen(machines: list[Any], x: dict[str, np.ndarray], number: int) -> np.ndarray:
    """Return what machine `number` sees of these rows, by the machines' own weights."""
    array = next(iter(x.values()))
    seen = array.reshape(len(array), -1) / (255.0 if array.dtype == np.uint8 else 1.0)
    for machine in machines[:number]:
        seen = _sigmoid(seen @ np.asarray(machine.kernel) + np.asarray(machine.hidden_bias))
    return seen


def _gaps(machines: list[Any], few: list[dict[str, np.ndarray]], trained: list[int]) -> Panel:
    """Compare free energies: about equal is well, a growing gap is memorising."""
    gaps = []
    for number in trained:
        usual, unseen = (_energy(machines[number], _seen(machines, x, number)).mean() for x in few)
        gaps.append(float(f"{unseen - usual:.4g}"))
    said = ", ".join(f"layer {number + 1}: {gap:+.3g}" for number, gap in zip(trained, gaps, strict=True))
    return {
        "kind": "lines", "title": "Free-energy gap", "x": [number + 1 for number in trained], "x_title": "Layer",
        "y_title": "Held out minus training", "whole": True, "zero": True,
        "lines": [{"name": "Gap", "role": "validation", "values": gaps}], "tone": "good",
        "words": f"How much stranger held-out rows seem than training rows. {said}. A growing gap means memorising.",
    }  # fmt: skip


def _energy(machine: Any, seen: np.ndarray) -> np.ndarray:
    """Return the free energy of each row, in numpy."""
    reach = np.logaddexp(0, seen @ np.asarray(machine.kernel) + np.asarray(machine.hidden_bias)).sum(axis=1)
    bias = np.asarray(machine.visible_bias)
    return (0.5 * ((seen - bias) ** 2).sum(axis=1) if machine.is_normal else -seen @ bias) - reach


def _pictures(
    machines: list[Any], x: dict[str, np.ndarray], trained: list[int], shape: tuple[int | None, ...]
) -> list[Panel]:
    """Show held-out pictures as each layer redraws them, and the patterns that the first layer looks for."""
    few = {key: array[:SHOWN] for key, array in x.items()}
    rows = [next(iter(few.values())).astype(np.float32)]
    for number in trained:
        seen = _sigmoid(
            _seen(machines, few, number) @ np.asarray(machines[number].kernel) + machines[number].hidden_bias
        )
        for machine in reversed(machines[: number + 1]):
            seen = _sigmoid(np.asarray(seen) @ np.asarray(machine.kernel).T + np.asarray(machine.visible_bias))
        rows.append(255 * seen.reshape(SHOWN if len(seen) == SHOWN else len(seen), *shape))
    names = ["Picture", *(f"Layer {number + 1}" for number in trained)]
    told = _sheets.panel(
        np.concatenate(rows), len(rows[0]), "Redrawn by each layer", "Held-out pictures, up and down again.", names
    )
    kernel = np.asarray(machines[0].kernel)
    strongest = np.argsort(-np.linalg.norm(kernel, axis=0))[:FILTERS]
    filters = kernel[:, strongest].T.reshape(-1, *shape)
    reach = np.abs(filters).max(axis=(1, 2, 3), keepdims=True) + 1e-12
    shown = 127.5 + 127.5 * filters / reach
    return [told, _sheets.panel(shown, 8, "What the first layer looks for", "Bright: wanted. Dark: unwanted.")]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(x)))
