"""Encoder-decoder transformer: reads all words at once, then writes word by word, looking at both sentences.

The network that made attention famous, in small. It needs more pairs than a recurrent translator, and then scales
better; the order of words is told to it by place vectors.
Paper: Vaswani and others, "Attention is all you need", 2017; normalization before each part after Xiong and others,
"On layer normalization in the transformer architecture", 2020.
Score: exact match 1.00 on English to French (sealed test part, mean of seeds 1 to 3).
"""

from typing import Any

from builders import Blueprint
from builders._causal import SMALL, refuse_uneven
from builders._decoding import greedy, inputs_of, started, there, translated
from recipes import Settings, Signature, keras, setting

TITLE = "Encoder-decoder transformer"
SUMMARY = "Reads all words at once and writes word by word: the network that made attention famous."
ICON = "swap_horiz"
TASKS = ("translation",)
DATA_TYPES = ("pairs",)
PAPER = "Vaswani and others: Attention is all you need, 2017"
TRAINING = {
    "epochs": 10, "batch_size": 64, "learning_rate": 0.002, "schedule": "cosine", "warmup_epochs": 1, "patience": 4,
}  # fmt: skip


class Config(Settings):
    """Settings of the encoder-decoder transformer."""

    width: int = setting(64, "Width", "Numbers by which each word is described.", ge=8, le=512, step=8, log=True)
    blocks: int = setting(1, "Blocks", "Layers of attention for reading, and as many for writing.", ge=1, le=4)
    heads: int = setting(4, "Heads", "Ways of looking that work side by side; they share the width.", ge=1, le=16)
    dropout: float = setting(
        0.0, "Dropout", "Share of the units that sit out each step; helps where there are few pairs.", ge=0, le=0.8,
        step=0.05, panel="training",
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Make the teacher, (batch, S), (batch, T) to (batch, T, vocabulary), and the writer, (batch, S) to (batch, T)."""
    refuse_uneven(config.width, config.heads)
    details = signature.details
    reader = _Side(int(details["source_vocabulary"]), int(details["source_length"]), config, looks_across=False)
    writer = _Side(int(details["target_vocabulary"]), int(details["target_length"]), config, looks_across=True)
    answer = keras.layers.Dense(int(details["target_vocabulary"]), dtype="float32", name="answer")

    source, target = inputs_of(signature)
    logits = answer(writer(target, reader(source, None, None), there(source)))
    teacher = keras.Model({"source": source, "target": target}, logits, name="translator_teacher")

    alone = keras.Input(signature.inputs["source"].shape, name="source", dtype="int32")
    memory, is_word = reader(alone, None, None), there(alone)

    def step(written: list[Any], _place: int) -> Any:
        so_far = keras.ops.concatenate(written, axis=-1) if len(written) > 1 else written[0]
        return answer(writer(so_far, memory, is_word)[:, -1])

    words = greedy(started(alone, signature), int(details["target_length"]), int(details["end"]), step)
    return translated(teacher, keras.Model({"source": alone}, words, name="translator"))


class _Side:
    """The layers of one side, made once and called for each word that is written."""

    def __init__(self, vocabulary: int, length: int, config: Config, *, looks_across: bool) -> None:
        layers = keras.layers
        small = keras.initializers.RandomNormal(stddev=SMALL)
        self.looks_across = looks_across
        self.words = layers.Embedding(vocabulary, config.width, embeddings_initializer=small)
        self.places = layers.Embedding(length, config.width, embeddings_initializer=small)
        self.rest = layers.Dropout(config.dropout) if config.dropout else None
        self.last = layers.LayerNormalization(epsilon=1e-5)
        self.blocks: list[dict[str, Any]] = [
            {
                "norms": [layers.LayerNormalization(epsilon=1e-5) for _ in range(2 + looks_across)],
                "self": layers.MultiHeadAttention(config.heads, config.width // config.heads),
                "across": layers.MultiHeadAttention(config.heads, config.width // config.heads),
                "wide": layers.Dense(4 * config.width, activation="gelu"),
                "narrow": layers.Dense(config.width),
            }
            for _ in range(config.blocks)
        ]

    def __call__(self, tokens: Any, memory: Any, is_word: Any) -> Any:
        """Map (batch, length) tokens to (batch, length, width), with a look at `memory` where there is one."""
        ops = keras.ops
        places = ops.subtract(ops.cumsum(ops.ones_like(tokens), axis=-1), 1)
        x = self._rested(ops.add(self.words(tokens), self.places(places)))
        for block in self.blocks:
            norms = iter(block["norms"])
            calm = next(norms)(x)
            mask = None if self.looks_across else _columns(there(tokens))
            found = block["self"](calm, calm, attention_mask=mask, use_causal_mask=self.looks_across)
            x = ops.add(x, self._rested(found))
            if self.looks_across:
                found = block["across"](next(norms)(x), memory, attention_mask=_columns(is_word))
                x = ops.add(x, self._rested(found))
            x = ops.add(x, self._rested(block["narrow"](block["wide"](next(norms)(x)))))
        return self.last(x)

    def _rested(self, x: Any) -> Any:
        return self.rest(x) if self.rest else x


def _columns(is_word: Any) -> Any:
    """Turn (batch, S) into a mask over what is looked at: (batch, 1, S)."""
    return keras.ops.expand_dims(keras.ops.cast(is_word, "bool"), 1)
