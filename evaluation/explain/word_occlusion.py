"""Word occlusion: one word after the other is taken away, and what the answer loses is what the word had counted.

Paper: Li, Monroe, Jurafsky, "Understanding Neural Networks through Representation Erasure", 2016, section 3.
"""

import numpy as np

from evaluation.explain import Found, Tell, _words
from evaluation.explain._case import Case
from evaluation.explain._network import Network
from evaluation.explain._view import suits
from recipes import Refusal, Signature

TITLE = "Without a word"
NAME = "Occlusion by word"
SENTENCE = "Blue: without this word the answer loses ground. Orange: without it the answer would be surer."
PAPER = "Li, Monroe, Jurafsky: Understanding Neural Networks through Representation Erasure, 2016"
SCOPE = "example"
ORDER = 12
CHECKED = True
LOOKS = 30


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs words."""
    return suits(signature, kinds, ("tokens",)) and "tokens" in signature.inputs


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return how much the answer loses without each word."""
    tokens, groups = np.asarray(case.inputs["tokens"]), _words.groups_of(case)
    if not groups:
        raise Refusal("There is no word in this sentence. Choose another example.")
    tell(0.1, "Taking away one word after the other")
    without = np.repeat(tokens, len(groups) + 1, axis=0)
    for number, (first, last) in enumerate(groups, 1):
        without[number, first:last] = _words.UNKNOWN
    others = {name: np.repeat(array, len(without), axis=0) for name, array in case.inputs.items() if name != "tokens"}
    told = network.answers(others | {"tokens": without})
    said = told.mean(axis=1) if case.answer is None else told[:, case.answer]
    lost = said[0] - said[1:]
    weights = np.zeros(tokens.shape[1])
    for (first, last), loss in zip(groups, lost, strict=True):
        weights[first:last] = loss / (last - first)
    return Found(_words.panel(case, weights, signed=True) | {"most": round(float(lost.max()), 4)}, lost)
