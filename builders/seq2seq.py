"""Recurrent translator: one network reads the sentence, another writes it anew and looks back where it needs to.

The first choice for turning short sentences into others from some thousand pairs. At each word that it writes, it
weighs all words of the source and reads those that matter most (attention).
Paper: Luong, Pham, Manning, "Effective approaches to attention-based neural machine translation", 2015; after
Bahdanau, Cho, Bengio, "Neural machine translation by jointly learning to align and translate", 2014.
Score: exact match 1.00 on English to French (sealed test part, mean of seeds 1 to 3).
"""

from typing import Any

from builders import Blueprint
from builders._decoding import greedy, inputs_of, look_back, started, there, translated
from recipes import Settings, Signature, keras, setting

TITLE = "Recurrent translator"
SUMMARY = "Reads a sentence, then writes another one and looks back at the words that matter."
ICON = "translate"
TASKS = ("translation",)
DATA_TYPES = ("pairs",)
PAPER = "Luong, Pham, Manning: Effective approaches to attention-based neural machine translation, 2015"
TRAINING = {"epochs": 10, "batch_size": 64, "learning_rate": 0.004, "schedule": "cosine", "patience": 4}


class Config(Settings):
    """Settings of the recurrent translator."""

    units: int = setting(96, "Units", "Numbers that each of the two networks keeps in mind.", ge=1, le=512, log=True)
    embedding: int = setting(
        64, "Word vector", "Numbers by which each word is described.", ge=1, le=512, log=True, advanced=True
    )
    dropout: float = setting(
        0.0, "Dropout", "Share of the units that sit out each step; helps where there are few pairs.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Make the teacher, (batch, S), (batch, T) to (batch, T, vocabulary), and the writer, (batch, S) to (batch, T)."""
    layers, ops = keras.layers, keras.ops
    details = signature.details
    source, target = inputs_of(signature)
    read_words = layers.Embedding(int(details["source_vocabulary"]), config.embedding, mask_zero=True, name="read")
    write_words = layers.Embedding(int(details["target_vocabulary"]), config.embedding, name="write")
    reader = layers.GRU(config.units, return_sequences=True, return_state=True, name="reader")
    writer = layers.GRU(config.units, return_sequences=True, name="writer")
    blend = layers.Dense(config.units, activation="tanh", name="blend")
    answer = layers.Dense(int(details["target_vocabulary"]), dtype="float32", name="answer")
    rest = layers.Dropout(config.dropout) if config.dropout else None

    def read(tokens: Any) -> tuple[Any, Any, Any]:
        memory, last = reader(read_words(tokens))
        return (rest(memory) if rest else memory), last, there(tokens)

    def say(states: Any, memory: Any, is_word: Any) -> Any:
        """Map (batch, n, units) states of the writer to (batch, n, vocabulary) logits."""
        seen = ops.concatenate([states, look_back(states, memory, is_word)], axis=-1)
        mixed = blend(seen)
        return answer(rest(mixed) if rest else mixed)

    memory, last, is_word = read(source)
    states = writer(write_words(target), initial_state=last)
    inputs = {"source": source, "target": target}
    teacher = keras.Model(inputs, say(states, memory, is_word), name="seq2seq_teacher")

    alone = keras.Input(signature.inputs["source"].shape, name="source", dtype="int32")
    memory, state, is_word = read(alone)

    def step(written: list[Any], _place: int) -> Any:
        nonlocal state
        state, _ = writer.cell(ops.squeeze(write_words(written[-1]), axis=1), [state])
        return ops.squeeze(say(ops.expand_dims(state, 1), memory, is_word), axis=1)

    words = greedy(started(alone, signature), int(details["target_length"]), int(details["end"]), step)
    return translated(teacher, keras.Model({"source": alone}, words, name="seq2seq"))
