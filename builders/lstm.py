"""LSTM: reads step by step and keeps a memory that it writes to, erases and reads through gates.

For sentences and series in which the order matters. Texts are read in both directions by default; a forecast reads
forward and answers from the last state.
Paper: Hochreiter, Schmidhuber, "Long short-term memory", 1997; both directions after Schuster, Paliwal, "Bidirectional
recurrent neural networks", 1997.
Score: accuracy 0.91 on reviews (sealed test part, mean of seeds 1 to 3), 0.97 on tickets (seed 1).
"""

from builders import Blueprint
from builders._recurrent import RecurrentSettings, recurrent
from builders._sequences import DATA_TYPES, TASKS
from recipes import Signature

__all__ = ["DATA_TYPES", "TASKS"]

TITLE = "LSTM"
SUMMARY = "Reads step by step with a memory of its own: for sentences and series."
ICON = "memory"
PAPER = "Hochreiter, Schmidhuber: Long short-term memory, 1997"
TRAINING = {"epochs": 12, "learning_rate": 0.002, "patience": 3}


class Config(RecurrentSettings):
    """Settings of the LSTM."""


def build(signature: Signature, config: Config) -> Blueprint:
    """Map (batch, steps) tokens or (batch, steps, columns) to (batch, outputs) logits or standardised numbers."""
    return recurrent("LSTM", signature, config)
