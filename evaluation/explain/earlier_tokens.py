"""What the next one leans on: the letters or words before it are taken away one after the other.

Explained is what the model would write behind a passage that it never learned from. How much less likely that becomes
without an earlier letter or word is what it had counted; so one sees how far back the model looks.
Paper: Khandelwal, He, Qi, Jurafsky, "Sharp Nearby, Fuzzy Far Away: How Neural Language Models Use Context", 2018.
"""

import numpy as np

from evaluation.explain import Found, Tell, _tokens
from evaluation.explain._case import Case
from evaluation.explain._network import Network, network_of
from recipes import Refusal, Signature

TITLE = "What the next leans on"
NAME = "Occlusion by earlier token"
SENTENCE = "Blue: without this letter or word, what comes next is less likely. Orange: without it, it is likelier."
PAPER = "Khandelwal, He, Qi, Jurafsky: How Neural Language Models Use Context, 2018"
SCOPE = "example"
ORDER = 10
CHECKED = True
LOOKS = 48
TOGETHER = 32
BACK = 48
"""So many tokens before the next one are asked about."""
SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a text that is continued."""
    return signature.task == "generation" and "tokens" in signature.inputs and bool(kinds)


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return how much less likely the next token is without each of those before it."""
    tokens = np.asarray(case.inputs["tokens"])
    size = _tokens.count_of(tokens)
    if size < 2:
        raise Refusal("There is too little text here to look back at. Choose another example.")
    first = max(0, size - BACK)
    told = _tokens.shares(network_of(case.asked).outputs({"tokens": tokens})[0, size - 1])
    told[:2] = 0.0  # what fills up, and what is not known, is never written
    following = int(told.argmax())
    without = _tokens.without_each(tokens, [(place, place + 1) for place in range(first, size)])
    likely = _tokens.in_turn(
        len(without), TOGETHER, tell,
        lambda some: _tokens.shares(network.outputs({"tokens": without[some]})[:, size - 1])[:, following],
    )  # fmt: skip
    lost = likely[0] - likely[1:]
    vocabulary = case.asked.encoding.get("vocabulary", ())
    (answer,) = _tokens.readable([following], vocabulary)
    read = [SIGNS.get(token, token) for token in _tokens.readable(tokens[0, first:size], vocabulary)]
    panel = {
        "kind": "words", "words": read, "weights": np.round(lost, 6).tolist(), "signed": True,
        "next": SIGNS.get(answer, answer), "likely": round(float(likely[0]), 4),
    }  # fmt: skip
    return Found(panel, lost)
