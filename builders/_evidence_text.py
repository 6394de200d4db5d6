"""Live evidence of families that read sentences: a few sentences judged anew, and which words look at which."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from builders import Panel
from recipes import Signature, keras

HELD_OUT = 3
"""Sentences of the validation part that are shown beside the visitor's own."""
MOST_WORDS = 28
"""Words of a sentence whose attention is drawn."""
MOST_EPOCHS = 60
MOST_SIGNS = 400
SHORT = 160
"""Signs of a held-out sentence that are shown."""
UNKNOWN = "□"

Maker = Callable[[], list[Panel]]


def sentences_judged(asked: Any) -> Maker:
    """Judge the visitor's own sentence and a few held-out ones after each epoch; remembers its earlier answers."""
    signature, held_out = asked.signature, _held_out(asked)
    past: dict[str, list[list[float]]] = {}

    def make() -> list[Panel]:
        shown = [*_own(asked), *held_out]
        answers = asked.ask_core({"tokens": np.concatenate([each["tokens"] for each in shown])})
        told = []
        for each, answer in zip(shown, _readable(signature, answers), strict=True):
            trace = past.setdefault(each["text"], [])
            trace.append(answer)
            del trace[:-MOST_EPOCHS]
            plain = {"text": each["text"], "own": each["own"], "truth": each["truth"]}
            told.append(plain | {"answer": answer, "trace": trace if each["own"] else []})
        title = "Your sentence, judged anew" if shown[0]["own"] else "Sentences judged anew"
        return [{
            "kind": "sentences", "title": title, "classes": list(signature.target.classes),
            "target": signature.target.name, "sentences": told,
        }]  # fmt: skip

    return make


def attention_map(looking: Any) -> Callable[[Any], Maker]:
    """Return what shows, beside the judged sentences, how much each word looks at each other one.

    `looking` maps the tokens to the attention of the last block, (batch, heads, steps, steps).
    """

    def prepare(asked: Any) -> Maker:
        judge = sentences_judged(asked)
        first = _held_out(asked)[:1]
        model = keras.Model(looking.input, looking.output)
        model.jit_compile = False

        def make() -> list[Panel]:
            shown = (_own(asked) or first)[0]
            scores = np.asarray(model.predict_on_batch({"tokens": shown["tokens"]}), np.float64)[0].mean(axis=0)
            words = words_of(asked.encoding, shown["tokens"][0])[:MOST_WORDS]
            matrix = scores[: len(words), : len(words)]
            return [*judge(), {
                "kind": "tokens", "title": "Where it looks",
                "sentence": "Each row is a word; the darker a square, the more it takes over from the word above.",
                "words": words, "weights": np.round(matrix.mean(axis=0), 4).tolist(),
                "matrix": np.round(matrix, 3).tolist(),
            }]  # fmt: skip

        return make

    return prepare


def words_of(encoding: dict[str, Any], numbers: Iterable[int]) -> list[str]:
    """Write token numbers as words; unknown ones are a box, padding is left out."""
    known = ["", UNKNOWN, *encoding["vocabulary"]]
    return [known[number] if number < len(known) else UNKNOWN for number in map(int, numbers) if number]


def _own(asked: Any) -> list[dict[str, Any]]:
    """Return the sentence that a visitor wrote on the run's page, if there is one."""
    values = asked.own()
    if values is None:
        return []
    text = str(values.get("text", "")).strip()[:MOST_SIGNS]
    return [{"text": text, "own": True, "truth": None, "tokens": asked.ready({"text": text})["tokens"]}] if text else []


def _held_out(asked: Any) -> list[dict[str, Any]]:
    """Choose validation rows of different answers; their texts are what the model sees of them."""
    part, classes = asked.prepared.part("validation"), asked.signature.target.classes
    truth = np.asarray(part.y).reshape(len(part))
    order = np.argsort(truth, kind="stable")
    places = order[np.linspace(0, len(order) - 1, min(HELD_OUT, len(order))).astype(int)]
    if classes:
        places = [int(np.flatnonzero(truth == name)[0]) for name in np.unique(truth)[:HELD_OUT]]
    joint = " " if asked.encoding["unit"] == "words" else ""
    found = []
    for place in places:
        tokens = np.asarray(part.x["tokens"][place : place + 1])
        text = joint.join(words_of(asked.encoding, tokens[0]))
        text = text if len(text) <= SHORT else f"{text[:SHORT]}…"
        told = classes[int(truth[place])] if classes else None
        found.append({"text": text, "own": False, "truth": told, "tokens": tokens})
    return found


def _readable(signature: Signature, answers: np.ndarray) -> list[list[float]]:
    """Turn logits into probabilities, standardised numbers into the target's own unit."""
    answers = np.asarray(answers, dtype=np.float64).reshape(len(answers), -1)
    if not signature.target.classes:
        return np.round(answers * signature.target.scale + signature.target.mean, 4).tolist()
    powers = np.exp(answers - answers.max(axis=1, keepdims=True))
    return np.round(powers / powers.sum(axis=1, keepdims=True), 4).tolist()
