"""Word by word: which words of a sentence made each word of its translation.

One word of the sentence after the other is taken away; how much less likely that makes each word that was written is
what it had counted for it. The words stay those that the model wrote of the whole sentence, so each row is about one.
Paper: Li, Monroe, Jurafsky, "Understanding Neural Networks through Representation Erasure", 2016.
"""

import numpy as np

from datasets._pairs_tokens import cut_source
from datasets.pairs import texts_of
from evaluation.explain import Found, Tell, _tokens
from evaluation.explain._case import Case
from evaluation.explain._network import Network
from recipes import Refusal, Signature

TITLE = "Word by word"
NAME = "Occlusion by source word"
SENTENCE = (
    "A row is a word that was written, a column a word that was read. Blue: without it, this word was less likely."
)
PAPER = "Li, Monroe, Jurafsky: Understanding Neural Networks through Representation Erasure, 2016"
SCOPE = "example"
ORDER = 10
CHECKED = True
LOOKS = 30
TOGETHER = 32
NOTHING = "It writes nothing for this sentence, so there is nothing to explain. Choose another example."


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a translation."""
    return signature.task == "translation" and bool(kinds)


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return how much less likely each written word is without each word that was read: (written, read)."""
    signature, encoding = case.asked.signature, case.asked.encoding
    unit, source = str(signature.details.get("unit", "words")), np.asarray(case.inputs["source"])
    # Not traced: the writer is written out word by word, and tracing all of it would take longer than asking once.
    written = Network(case.asked.core, signature).outputs({"source": source})[0]
    written = written[written > 0]
    if not len(written):
        raise Refusal(NOTHING)
    read = _tokens.readable(source[0, : _tokens.count_of(source)], encoding.get("source", ()), _typed(case, unit))
    told = _tokens.readable(written, encoding.get("target", ()))
    columns, rows = _tokens.words(read, unit), _tokens.words(told, unit)
    if not columns or not rows:
        raise Refusal(NOTHING)
    likely = _likely(network, _tokens.without_each(source, columns), written, int(signature.details["start"]), tell)
    by_word = np.stack([likely[:, first:last].mean(axis=1) for first, last in rows], axis=1)  # (1 + read, written)
    weights = (by_word[:1] - by_word[1:]).T
    panel = {
        "kind": "grid", "columns": ["".join(read[first:last]) for first, last in columns],
        "rows": ["".join(told[first:last]) for first, last in rows], "weights": np.round(weights, 5).tolist(),
        "down": "written", "across": "read",
    }  # fmt: skip
    return Found(panel, weights)


def _likely(network: Network, sources: np.ndarray, written: np.ndarray, start: int, tell: Tell) -> np.ndarray:
    """Return how likely each written word is behind those before it: (sources, words)."""
    length = int(network.signature.inputs["target"].shape[0] or len(written))
    so_far = np.zeros((1, length), dtype="int32")
    written = written[:length]
    so_far[0, : len(written)] = [start, *written[:-1]]
    places = np.arange(len(written))

    def ask(some: slice) -> np.ndarray:
        few = sources[some]
        logits = network.outputs({"source": few, "target": np.repeat(so_far, len(few), axis=0)})
        return _tokens.shares(logits)[:, places, written]

    return _tokens.in_turn(len(sources), TOGETHER, tell, ask)


def _typed(case: Case, unit: str) -> list[str]:
    """Return the sentence's words as they were written; nothing where it is not at hand."""
    if case.asked.dataset is None:
        return []
    text = (
        str(case.settings["values"].get("text", ""))
        if case.row is None
        else texts_of(case.asked.dataset, [case.row])[0][0]
    )
    return cut_source(text, unit)
