"""BERT: learns language first, from texts without labels, and then the task, from few labelled ones.

For many texts of which only some have labels. First it fills in masked words and picks the part of a text that comes
next; what it learned about words then makes a few hundred labels worth more.
Paper: Devlin, Chang, Lee, Toutanova, "BERT: Pre-training of deep bidirectional transformers for language
understanding", 2019.
Score: accuracy 0.87 on reviews from 200 labels, 0.78 without pre-training (sealed test part, mean of seeds 1 to 3).
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from builders import Blueprint, Panel, Stage
from builders._attention import AttentionSettings, block, placed, refuse_uneven
from builders._evidence_text import MOST_WORDS, sentences_judged, words_of
from builders._layers import answer, objective
from builders._masked_words import EXTRA, FIRST_WORD, average, mask_of, pretraining
from builders._sequences import Sequence
from recipes import Signature, keras, setting

TITLE = "BERT-style transformer"
SUMMARY = "Reads texts without labels first, so that a few hundred labels are enough."
ICON = "menu_book"
TASKS = ("classification", "regression")
DATA_TYPES = ("text",)
PAPER = "Devlin, Chang, Lee, Toutanova: BERT, Pre-training of deep bidirectional transformers, 2019"
TRAINING = {"epochs": 25, "batch_size": 16, "patience": 6}
METRICS = {
    "masked_accuracy": ("Masked words found", "Of the hidden words, the share that it filled in exactly."),
    "masked_loss": ("Masked word loss", "How surprised it was by the hidden words."),
    "next_accuracy": (
        "What comes next",
        "How often it picked the right second part of a text among 32.",
    ),
}
BATCH, STEPS = 32, 1_200
"""Texts in a step of pre-training, and the steps after which it knows enough to be worth its time."""
ASKED = 6
"""Hidden words of the live evidence."""
GUESSES = 4
COMMON = 30
"""The most frequent words say little about what a text is about."""


class Config(AttentionSettings):
    """Settings of the BERT-style transformer."""

    pretraining: bool = setting(
        True, "Pre-training", "Learn from all texts without their labels first; off shows what that is worth."
    )
    pretraining_epochs: int = setting(
        0, "Pre-training epochs", "How often all training texts are read without labels; 0 gives few texts more.",
        ge=0, le=500, zero="automatic",
    )  # fmt: skip
    labels: int = setting(
        200, "Labelled sentences", "How many labels are used, in training and for watching; 0 uses all.", ge=0,
        le=100_000, zero="all",
    )  # fmt: skip
    masked: float = setting(
        0.15, "Masked share", "Share of the words that are hidden and asked for.", ge=0.05, le=0.5, step=0.05,
        advanced=True,
    )  # fmt: skip
    next_part: bool = setting(
        True, "What comes next", "Also learn which second part of a text follows the first.", advanced=True
    )
    positions: Literal["waves", "learned"] = setting(
        "waves", "Positions", "How places are told: fixed sine waves, or vectors that are learned.", advanced=True
    )
    dropout: float = setting(
        0.1, "Dropout", "Share of the units that sit out each step, so that none is relied on alone.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Map (batch, length) tokens to (batch, outputs) logits or the standardised number; the stages share weights."""
    refuse_uneven(config.embedding, config.heads)
    vocabulary, length = int(signature.details["vocabulary"]), int(signature.inputs["tokens"].shape[0] or 1)
    body = _body(vocabulary, length, config)
    core = _core(body, vocabulary, signature, config)
    fine = Stage("fine-tuning", core, *objective(signature), select=lambda part: few_labels(part, config.labels))
    if not config.pretraining:
        notes = (f"Pre-training is off: it learns from {_labels(config)} alone.",)
        return Blueprint((fine,), {"model": core}, notes, sentences_judged)
    lesson = pretraining(body, vocabulary, length, config.masked, next_part=config.next_part)
    told = {
        "epochs": config.pretraining_epochs or _enough(signature.rows["train"]),
        "early_stopping": False, "restore_best": False, "class_weights": "none",
        "batch_size": BATCH, "learning_rate": 0.003,
    }  # fmt: skip
    first = Stage("pre-training", lesson, training=told)
    notes = (f"It reads all training texts without their labels first, then learns from {_labels(config)}.",)
    return Blueprint((first, fine), {"model": core}, notes, filling_in(body, lesson, vocabulary))


def _enough(rows: int) -> int:
    """Return the epochs that make `STEPS` steps, within reason."""
    return min(60, max(4, math.ceil(STEPS * BATCH / rows)))


def few_labels(part: Any, most: int) -> Any:
    """Keep `most` rows of a part, all classes (or small and large numbers) in turn; 0 keeps all."""
    if not most or len(part) <= most:
        return part
    truth = np.asarray(part.y).reshape(len(part))
    random = np.random.default_rng(len(part)).permutation(len(part))
    names = np.unique(truth) if np.issubdtype(truth.dtype, np.integer) else None
    turns = np.arange(len(part))
    if names is not None:
        for name in names:
            members = np.flatnonzero(truth[random] == name)
            turns[members] = np.arange(len(members))
    kept = np.sort(random[np.argsort(turns, kind="stable")[:most]])
    return type(part)({name: np.asarray(array[kept]) for name, array in part.x.items()}, part.y[kept], part.rows[kept])


def _labels(config: Config) -> str:
    return f"{config.labels:,} labelled texts" if config.labels else "all labels"


def _body(vocabulary: int, length: int, config: Config) -> Any:
    """Return the reader: {"tokens": (batch, steps)} to (batch, steps, width), for any number of steps."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(vocabulary + EXTRA, config.embedding, name="words")(tokens)
    there = keras.ops.cast(keras.ops.not_equal(tokens, 0), "float32")
    x = placed(Sequence("tokens", tokens, x, there, length + EXTRA), config)
    for _ in range(config.blocks):
        x, _ = block(x, there, config)
    if config.norm == "before":
        x = keras.layers.LayerNormalization()(x)
    return keras.Model({"tokens": tokens}, x, name="reader")


def _core(body: Any, vocabulary: int, signature: Signature, config: Config) -> Any:
    """Put the start before the text, read it, and answer from the average of all words."""
    ops = keras.ops
    text = keras.Input(signature.inputs["tokens"].shape, dtype="int32", name="tokens")
    tokens = ops.pad(ops.cast(text, "int32"), ((0, 0), (1, 0)), constant_values=vocabulary + 2)
    x = average(body({"tokens": tokens}), tokens)
    x = keras.layers.Dropout(config.dropout)(x) if config.dropout else x
    return keras.Model({"tokens": text}, answer(x, signature, config), name="bert")


def filling_in(body: Any, lesson: Any, vocabulary: int) -> Callable[[Any], Callable[[], list[Panel]]]:
    """Return what shows a held-out text with hidden words, and what the model would fill in now."""

    def prepare(asked: Any) -> Callable[[], list[Panel]]:
        judge = sentences_judged(asked)
        tokens = _long_text(asked.prepared.part("validation"))
        words = words_of(asked.encoding, tokens)
        places = _spread(tokens, vocabulary)
        hidden = tokens.copy()
        hidden[places] = mask_of(vocabulary)
        row = np.concatenate([[vocabulary + 2], hidden])[None].astype(np.int32)
        model = keras.Model(body.input, body.output)
        model.jit_compile = False

        def make() -> list[Panel]:
            read = np.asarray(model.predict_on_batch({"tokens": row}))
            logits = np.asarray(lesson.guess(read[:, np.asarray(places) + 1]))[0].astype(np.float64)
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            chances = powers / powers.sum(axis=1, keepdims=True)
            chances[:, :FIRST_WORD] = 0.0
            masks = []
            for place, each in zip(places, chances, strict=True):
                best = np.argsort(-each)[:GUESSES]
                told = [[words_of(asked.encoding, [number])[0], round(float(each[number]), 4)] for number in best]
                masks.append({"place": place, "truth": words[place], "guesses": told})
            return [{"kind": "masked", "title": "Words being filled in", "words": words, "masks": masks}, *judge()]

        return make

    return prepare


def _long_text(part: Any) -> np.ndarray:
    """Choose a text of middle length that is mostly known words; returns its first tokens."""
    tokens = np.asarray(part.x["tokens"][:200])
    sizes = (tokens > 0).sum(axis=1)
    rough = (tokens == 1).sum(axis=1) + np.abs(sizes - MOST_WORDS)
    return tokens[int(np.argmin(rough))][: max(1, min(int(sizes[int(np.argmin(rough))]), MOST_WORDS))]


def _spread(tokens: np.ndarray, vocabulary: int) -> list[int]:
    """Choose known words, evenly spread; words such as "the" only where there are no others."""
    known = np.flatnonzero((tokens >= FIRST_WORD) & (tokens < vocabulary))
    telling = known[tokens[known] >= COMMON]
    known = telling if len(telling) else known
    return known[np.linspace(0, len(known) - 1, min(ASKED, len(known))).astype(int)].tolist()
