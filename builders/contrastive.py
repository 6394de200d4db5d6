"""Learning without labels, then from few: the network first learns by itself which pictures are the same thing.

For many pictures of which only a handful are labelled. Each picture is changed at random in two ways (turned, leant,
moved, made bolder or paler); the network learns to find its twin among all others. No label is looked at. Then a last
layer learns the classes from a few labels a class.
Paper: Chen, Kornblith, Norouzi, Hinton, "A Simple Framework for Contrastive Learning of Visual Representations", 2020.
Score: accuracy 0.52 on emoji from 5 labels a class, 0.48 without the first part (sealed test part, mean of seeds 1
to 3): less than the ten points that it is to gain.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Blueprint, Panel, Stage
from builders._embeddings import cloud, held_out
from builders._layers import objective
from builders._twins import changed, twin_finder
from recipes import Part, Refusal, Settings, Signature, keras, setting

TITLE = "Self-taught, then few labels"
SUMMARY = "Learns from pictures without labels first; then a handful of labels a class are enough."
ICON = "join_inner"
TASKS = ("classification",)
DATA_TYPES = ("image",)
PAPER = "Chen, Kornblith, Norouzi, Hinton: A Simple Framework for Contrastive Learning of Visual Representations, 2020"
TRAINING = {"epochs": 60, "early_stopping": False, "restore_best": False}
METRICS = {"found": ("Twins found", "How often the changed twin of a picture was picked out of all others.")}
SHUFFLE = 5
"""Seed of which examples keep their label: the same ones in each run, so that settings can be compared."""


class Config(Settings):
    """Settings of contrastive pre-training and of learning from few labels."""

    labels_per_class: int = setting(
        5, "Labels per class", "So many training pictures of each class keep their label; all others are used without.",
        ge=1, le=1000, log=True,
    )  # fmt: skip
    pretraining: bool = setting(
        True, "Learn without labels first", "Switch it off to see what the few labels alone are worth."
    )
    pretraining_epochs: int = setting(
        8, "Rounds without labels", "Epochs in which twins are sought; more make better features.", ge=1, le=1000,
        panel="training",
    )  # fmt: skip
    pretraining_batch: int = setting(
        256, "Pictures to find a twin among", "How many pictures stand side by side in a step.", ge=4, le=2048,
        panel="training", advanced=True,
    )  # fmt: skip
    pretraining_rate: float = setting(
        0.002, "Rate without labels", "Learning rate while twins are sought.", ge=0.000001, le=0.1, log=True,
        panel="training", advanced=True,
    )  # fmt: skip
    temperature: float = setting(
        0.2, "Temperature", "Small values make the network look hard at the most similar strangers.", ge=0.02, le=2,
        log=True, advanced=True,
    )  # fmt: skip
    change: float = setting(
        1.0, "Strength of change", "How much twins differ: turned, leant, moved, bolder or paler. 0 changes nothing.",
        ge=0, le=2, step=0.1, panel="training",
    )  # fmt: skip
    mirror: bool = setting(False, "Mirror", "Twins may be mirrored. Not for digits and letters.", panel="training")
    learn_on: bool = setting(
        True, "Fine-tune everything", "The whole network learns on from the labels; else only the last layer.",
        advanced=True,
    )  # fmt: skip
    filters: int = setting(
        32, "Filters", "Filters in the first block; they double from block to block.", ge=4, le=128, log=True
    )
    depth: int = setting(3, "Blocks", "Each block halves the picture.", ge=1, le=5)
    dropout: float = setting(
        0.2, "Dropout", "Share of the features that sit out each step while labels are learned.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Map (batch, height, width, channels), 0 to 255, to (batch, classes) logits."""
    name, spec = next(iter(signature.inputs.items()))
    _refuse_impossible(spec.shape, config)
    encoder = _encoder(spec.shape, config)
    picture = keras.Input(spec.shape, name=name)
    features = encoder(picture)
    x = keras.layers.Dropout(config.dropout)(features) if config.dropout else features
    answer = keras.layers.Dense(signature.outputs, dtype="float32", name="answer")(x)
    core = keras.Model({name: picture}, answer, name="few_labels")
    loss, metrics = objective(signature)
    stages = []
    if config.pretraining:
        finder = twin_finder()(encoder, name, config.temperature, config.change, mirror=config.mirror)
        training = {
            "epochs": config.pretraining_epochs, "batch_size": config.pretraining_batch, "class_weights": "none",
            "learning_rate": config.pretraining_rate, "schedule": "cosine", "warmup_epochs": 1,
        }  # fmt: skip
        stages.append(Stage("without labels", finder, training=training))
    stages.append(
        Stage(
            "few labels",
            _changing(core, config),
            loss,
            metrics,
            before=lambda: _freeze(encoder, config),
            select=lambda part: few(part, config.labels_per_class),
        )
    )
    rows, classes = signature.rows["train"], len(signature.target.classes)
    labelled = min(rows, config.labels_per_class * classes)
    note = f"{labelled:,} of {rows:,} training pictures keep their label, {config.labels_per_class} a class."
    return Blueprint(tuple(stages), {"model": core}, (note,), lambda asked: _evidence(asked, encoder))


def few(part: Part, each: int) -> Part:
    """Keep `each` examples of every class, always the same ones."""
    truth = np.asarray(part.y)
    order = np.random.default_rng(SHUFFLE).permutation(len(truth))
    kept = np.sort(np.concatenate([order[truth[order] == label][:each] for label in np.unique(truth)]))
    return Part({name: np.asarray(array[kept]) for name, array in part.x.items()}, truth[kept], part.rows[kept])


def _encoder(shape: tuple[int | None, ...], config: Config) -> Any:
    """Map pictures in 0 to 255 to (batch, features)."""
    layers = keras.layers
    picture = keras.Input(shape, name="picture")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(picture)
    for block in range(config.depth):
        filters = int(config.filters * 2**block)
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D(2)(x)  # (batch, height / 2, width / 2, filters)
    x = layers.Conv2D(2 * filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(picture, layers.GlobalAveragePooling2D()(x), name="encoder")


def _changing(core: Any, config: Config) -> Any:
    """Return the core behind milder changes of the same kind (same weights): few pictures must serve often."""
    if not config.change:
        return core
    (name,) = core.input
    picture = keras.Input(core.input[name].shape[1:], name=name)
    x = changed(picture, config.change / 2, mirror=config.mirror)
    return keras.Model({name: picture}, core({name: x}), name="few_labels_in_training")


def _freeze(encoder: Any, config: Config) -> None:
    encoder.trainable = config.learn_on or not config.pretraining


def _refuse_impossible(shape: tuple[int | None, ...], config: Config) -> None:
    side = min(int(shape[0] or 1), int(shape[1] or 1))
    possible = side.bit_length() - 1
    if config.depth > possible:
        raise Refusal(
            f"`depth` {config.depth} halves the picture {config.depth} times, but {side} pixels can be halved only "
            f"{possible} times. Set `depth` to {possible} or less, or use larger pictures."
        )


def _evidence(asked: Any, encoder: Any) -> Callable[[], list[Panel]]:
    """Draw how the encoder arranges held-out pictures."""
    x, truth = held_out(asked)
    ((_, pictures),) = x.items()
    model = keras.Model(encoder.input, encoder.output)
    model.jit_compile = False
    sentence = "How the network arranges pictures it never trained on: what it takes for alike lies close together."
    classes = list(asked.signature.target.classes)
    return cloud(lambda: np.asarray(model.predict_on_batch(pictures)), truth, classes, pictures, sentence)
