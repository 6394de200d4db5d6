"""Recurrent writer: reads a text sign by sign, keeps the gist in memory and guesses the next sign.

The first choice for learning to write in a style from some hundred thousand characters. One memory is carried from
sign to sign; to write, the guess is read again as the next sign.
Paper: Graves, "Generating sequences with recurrent neural networks", 2013; the gated unit after Cho and others,
"Learning phrase representations using RNN encoder-decoder", 2014.
Score: held-out loss per character 1.44 on Grimm's tales (sealed test part, mean of seeds 1 to 3).
"""

from typing import Any, Literal

import numpy as np

from builders import Blueprint, Whole
from builders._writers import next_token, tokens_in, written
from recipes import Settings, Signature, keras, setting

TITLE = "Recurrent writer"
SUMMARY = "The first choice for writing in a style: reads sign by sign and guesses the next one."
ICON = "history_edu"
TASKS = ("generation",)
DATA_TYPES = ("prose",)
PAPER = "Graves: Generating sequences with recurrent neural networks, 2013"
TRAINING = {"epochs": 14, "batch_size": 32, "learning_rate": 0.004, "schedule": "cosine", "patience": 4}


class Config(Settings):
    """Settings of the recurrent writer."""

    cell: Literal["GRU", "LSTM"] = setting(
        "GRU", "Kind of memory", "GRU is quicker; LSTM keeps a second, slower memory."
    )
    units: int = setting(128, "Units", "Numbers that it keeps in mind from sign to sign.", ge=1, le=1024, log=True)
    layers: int = setting(1, "Layers", "Recurrent layers on top of each other.", ge=1, le=4)
    embedding: int = setting(
        32, "Sign vector", "Numbers by which each character or word is described.", ge=1, le=512, log=True,
        advanced=True,
    )  # fmt: skip
    dropout: float = setting(
        0.0, "Dropout", "Share of the units that sit out each step; helps where the text is short.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Map a window (batch, length) to logits of the token that follows each place: (batch, length, vocabulary)."""
    tokens = tokens_in(signature)
    embed = keras.layers.Embedding(signature.outputs, config.embedding, name="signs")
    x = embed(tokens)
    layers = []
    for number in range(1, config.layers + 1):
        layer = getattr(keras.layers, config.cell)(config.units, return_sequences=True, name=f"memory_{number}")
        layer.cell.name = f"cell_{number}"  # each one is a layer of its own in the model of one step
        x = layer(x)
        layers.append(layer)
        x = keras.layers.Dropout(config.dropout)(x) if config.dropout else x
    core = keras.Model({"tokens": tokens}, next_token(x, signature), name="char_rnn")
    return written(core, {"step": _step(core, embed, layers, signature, config)})


def _step(core: Any, embed: Any, layers: list[Any], signature: Signature, config: Config) -> Whole:
    """Make the model that reads one token and hands its memory on: what is written costs the same at any length.

    {"token": (batch, 1), memories: (batch, units) each} to {"next": (batch, vocabulary), the new memories}.
    """
    token = keras.Input((1,), name="token", dtype="int32")
    inputs, outputs = {"token": token}, {}
    x = keras.ops.squeeze(embed(token), axis=1)
    for number, layer in enumerate(layers, 1):
        names = [f"memory_{number}"] + ([f"carry_{number}"] if config.cell == "LSTM" else [])
        memory = [keras.Input((config.units,), name=name) for name in names]
        inputs |= dict(zip(names, memory, strict=True))
        x, after = layer.cell(x, memory)
        # A name of its own: what comes out may not be called as what goes in.
        outputs |= {f"new_{name}": each for name, each in zip(names, after, strict=True)}
    logits = core.get_layer("next_token")(x)
    model = keras.Model(
        inputs, {"next": keras.layers.Softmax(dtype="float32", name="next")(logits)} | outputs, name="step"
    )
    amount = min(4, signature.outputs)
    zeros = np.zeros((amount, config.units), dtype=np.float32)
    examples: dict[str, np.ndarray] = {name: zeros for name in inputs if name != "token"}
    examples["token"] = np.arange(amount, dtype=np.int32)[:, None]
    return Whole(
        model,
        "One sign at a time",
        "Takes one token number with the memory so far (zeros at the start), answers the odds of the next token and "
        "the new memory: quick for writing long texts.",
        examples,
    )
