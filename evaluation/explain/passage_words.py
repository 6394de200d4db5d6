"""Words of question and text: which of them made the model mark this answer.

One word after the other is taken away; how much less sure the model then is of the very words that it marked is what
the word had counted. The words of the answer itself nearly always count; telling are the others.
Paper: Li, Monroe, Jurafsky, "Understanding Neural Networks through Representation Erasure", 2016.
"""

import numpy as np

from datasets._table_encoding import words_of
from datasets.qa import texts_of
from evaluation import _answers
from evaluation.explain import Found, Tell, _tokens
from evaluation.explain._case import Case
from evaluation.explain._network import Network, network_of
from recipes import Refusal, Signature

TITLE = "Without a word"
NAME = "Occlusion by word"
SENTENCE = "Blue: without this word it is less sure of its answer, which is underlined. Orange: without it, surer."
PAPER = "Li, Monroe, Jurafsky: Understanding Neural Networks through Representation Erasure, 2016"
SCOPE = "example"
ORDER = 10
CHECKED = True
LOOKS = 100
TOGETHER = 32
LONGEST = 15
"""Words of the longest answer where the data do not tell."""
AROUND = 60
"""Words of the text that are shown (and asked about) before and behind the answer."""
PARTS = {"question": "The question", "context": "The text"}


def offered(signature: Signature, kinds: frozenset[str]) -> bool:
    """It needs a text and a question."""
    return signature.task == "answering" and bool(kinds)


def explain(case: Case, network: Network, tell: Tell) -> Found:
    """Return how much less sure the answer is without each word of the question and of the text around it."""
    signature = case.asked.signature
    most = min(
        int(signature.details.get("answer_length", LONGEST)), int(signature.inputs["context"].shape[0] or LONGEST)
    )
    ((first, last),), _ = _answers.likeliest(network_of(case.asked).outputs(case.inputs), most)
    weights, parts = [], []
    for number, side in enumerate(PARTS):
        size = _tokens.count_of(case.inputs[side])
        start, end = (0, size) if side == "question" else (max(0, first - AROUND), min(size, last + 1 + AROUND))
        groups = [(place, place + 1) for place in range(start, end)]
        if not groups:
            raise Refusal("There is no word to be taken away here. Choose another example.")
        lost = _lost(
            case, network, side, groups, (first, last), lambda share, words, n=number: tell((n + share) / 2, words)
        )
        weights.append(lost)
        parts.append(_part(case, side, (start, end), lost, (first, last)))
    return Found({"kind": "passages", "parts": parts}, np.concatenate(weights))


def _lost(
    case: Case, network: Network, side: str, groups: list[_tokens.Group], span: tuple[int, int], tell: Tell
) -> np.ndarray:
    changed = _tokens.without_each(case.inputs[side], groups)

    def ask(some: slice) -> np.ndarray:
        few = {name: np.repeat(np.asarray(array), len(changed[some]), axis=0) for name, array in case.inputs.items()}
        likely = _tokens.shares(network.outputs(few | {side: changed[some]}))  # (rows, 2, words)
        return likely[:, 0, span[0]] * likely[:, 1, span[1]]

    sure = _tokens.in_turn(len(changed), TOGETHER, tell, ask)
    return sure[0] - sure[1:]


def _part(case: Case, side: str, shown: tuple[int, int], lost: np.ndarray, span: tuple[int, int]) -> dict:
    numbers = np.asarray(case.inputs[side])[0]
    read = _tokens.readable(
        numbers[: _tokens.count_of(numbers)], case.asked.encoding.get("vocabulary", ()), _typed(case, side)
    )
    marked = [span[0] - shown[0], span[1] - shown[0]] if side == "context" else []
    return {"title": PARTS[side], "words": read[slice(*shown)], "weights": np.round(lost, 5).tolist(),
            "marked": [int(place) for place in marked]}  # fmt: skip


def _typed(case: Case, side: str) -> list[str]:
    if case.asked.dataset is None:
        return []
    if case.row is None:
        return words_of(str(case.settings["values"].get(side, "")))
    context, question, _ = texts_of(case.asked.dataset, [case.row])
    return words_of((context if side == "context" else question)[0])
