"""Transformer: every word looks at every other word and takes over what it needs; all steps at once.

For sentences and series in which far parts belong together. It sees the whole input at each layer, so the order
is told to it by position vectors. Small data suit few blocks.
Paper: Vaswani and others, "Attention is all you need", 2017; normalization before each part after Xiong and others,
"On layer normalization in the transformer architecture", 2020.
Score: accuracy 0.91 on reviews (sealed test part, mean of seeds 1 to 3), 0.93 on tickets (seed 1).
"""

from dataclasses import replace

from builders import Blueprint
from builders._attention import AttentionSettings, block, placed, refuse_uneven
from builders._evidence_text import attention_map
from builders._sequences import DATA_TYPES, TASKS, ForecastSettings, Summary, answered, entered, summarised
from recipes import Signature, keras, setting

__all__ = ["DATA_TYPES", "TASKS"]

TITLE = "Transformer"
SUMMARY = "Every word looks at every other word: for sentences and series with far connections."
ICON = "hub"
PAPER = "Vaswani and others: Attention is all you need, 2017"
TRAINING = {"epochs": 12, "patience": 3}


class Config(AttentionSettings, ForecastSettings):
    """Settings of the transformer."""

    summary: Summary = setting(
        "auto", "Before the answer", "The last step, or average or largest value of all steps; `auto` suits the task.",
        advanced=True,
    )  # fmt: skip


def build(signature: Signature, config: Config) -> Blueprint:
    """Map (batch, steps) tokens or (batch, steps, columns) to (batch, outputs) logits or standardised numbers."""
    refuse_uneven(config.embedding, config.heads)
    sequence = entered(signature, config.embedding)
    x = placed(sequence, config)
    mask = sequence.mask
    seen = []
    for _ in range(config.blocks):
        x, scores = block(x, mask, config)
        seen.append(scores)
    if config.norm == "before":
        x = keras.layers.LayerNormalization()(x)
    forecasts = signature.task == "forecasting"
    how = config.summary if config.summary != "auto" else "last" if forecasts else "average"
    plan = answered(sequence, summarised(sequence, x, how), signature, config, "transformer")
    if signature.data_type != "text":
        return plan
    return replace(plan, evidence=attention_map(keras.Model({sequence.name: sequence.input}, seen[-1], name="looking")))
