"""Attention roll-out: through all blocks of a transformer, how much of each word arrives in the answer.

Each block lets a word keep half of itself and take the other half from the words that it looks at; the blocks are
multiplied.
Paper: Abnar, Zuidema, "Quantifying Attention Flow in Transformers", 2020, section 3, equation 1.
"""

from typing import Any

import numpy as np

from evaluation.explain import Found, Tell, _words
from evaluation.explain._case import Case
from evaluation.explain._network import Network, tensors, through
from recipes import Refusal, Signature

TITLE = "Looked at"
NAME = "Attention roll-out"
SENTENCE = "The stronger a word, the more of it flowed through all blocks. It shows looking, not yet agreeing."
PAPER = "Abnar, Zuidema: Quantifying Attention Flow in Transformers, 2020"
SCOPE = "example"
ORDER = 40
CHECKED = True
LOOKS = 4


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs words and layers of attention."""
    return "tokens" in signature.inputs and signature.task in ("classification", "regression") and (
        "MultiHeadAttention" in kinds
    )  # fmt: skip


def explain(case: Case, network: Network, tell: Tell) -> Found:  # noqa: ARG001 - one step
    """Return how much of each token arrives, the mean over all words that are there."""
    tokens = _words.tokens_of(case)
    if not len(tokens):
        raise Refusal("There is no word in this sentence. Choose another example.")
    there = np.flatnonzero(np.asarray(case.inputs["tokens"][0]))
    blocks = looks(network, case.inputs)
    if not blocks:
        raise Refusal("In this model words do not look at each other. Choose another explanation.")
    flow = np.eye(blocks[0].shape[-1])
    for scores in blocks:
        block = 0.5 * scores.mean(axis=0) + 0.5 * np.eye(len(flow))  # the heads' mean, and what stays
        flow = (block / block.sum(axis=-1, keepdims=True)) @ flow
    # A network may put signs of its own before the words; they take part in the flow and are not shown.
    before = len(flow) - case.inputs["tokens"].shape[1]
    asking = np.r_[np.arange(before), there + before]
    arrived = flow[asking].mean(axis=0)[before:]
    weights = np.zeros(len(arrived))
    weights[there] = arrived[there]
    return Found(_words.panel(case, weights, signed=False), weights[there])


def looks(network: Network, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return who looked where in each block over all words, in order: (heads, words, words)."""
    words = inputs["tokens"].shape[1]
    found: list[np.ndarray] = []

    def around(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if type(operation).__name__ != "MultiHeadAttention":
            return operation(*args, **kwargs)
        told, scores = operation(*args, **kwargs | {"return_attention_scores": True})
        scores = np.asarray(scores)[0]
        if scores.shape[-1] == scores.shape[-2] >= words:
            found.append(scores)
        return (told, scores) if kwargs.get("return_attention_scores") else told

    through(network.core, tensors(inputs), around)
    return found
