"""Answering: the model marks the words of a text that answer a question about it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from datasets import _qa_tokens as tokens_in
from datasets._table_encoding import words_of
from datasets.qa import texts_of
from evaluation import _answers, _rows, sentences
from evaluation.asked import Asked, Replying
from evaluation.words import count, percent
from recipes import Signature, keras

TITLE = "An answer in a text"
SENTENCE = "It marks the words of a text that answer a question."
METRICS = {
    "exact": ("Exactly right", "The share of questions that are answered with just the right words.", "up"),
    "f1": ("Words right (F1)", "How far the words overlap with the right ones: 1 is the same, 0 is none.", "up"),
    "place": ("Right place", "The share of answers that touch the right place in the text.", "up"),
}
HEADLINE = "exact"
SHOWN = 6
LISTED = 10
MOST_ROWS = 10_000
MOST_GAP_ROWS = 1_000
MOST_SHOWN_WORDS = 90
"""Words of a text that a panel shows, around the answer: evidence must stay small."""
KINDS = 8
DRAWS = 1_000
LONGEST = 15
"""Words of the longest answer where the data do not tell."""


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:
    """Answer first and last word, counted from 0, (batch, 2), and how sure that is, (batch, 1)."""
    span, sure = _answers.decoded(outputs, _longest(signature))
    return {"span": span, "probability": sure}


def join(
    signature: Signature,
    encoding: dict[str, Any],
    raw: dict[str, Any],  # noqa: ARG001 - part of the contract
    ready: dict[str, Any],
    outputs: Any,
) -> dict[str, Any]:
    """Also answer the words themselves, (batch, longest answer) strings, empty behind the last one."""
    ops = keras.ops
    told = finish(signature, outputs)
    start, end = told["span"][:, :1], told["span"][:, 1:]
    places = ops.add(start, ops.arange(_longest(signature), dtype="int32"))  # (batch, longest)
    inside = ops.take_along_axis(ready["context"], ops.minimum(places, ready["context"].shape[1] - 1), axis=1)
    numbers = ops.multiply(inside, ops.cast(ops.less_equal(places, end), "int32"))
    look_up = keras.layers.StringLookup(vocabulary=list(encoding["vocabulary"]), mask_token="", invert=True)
    return {signature.target.name: look_up(numbers)} | told


def usage(signature: Signature) -> str:
    """Write a few lines of plain Keras that answer a question with the download."""
    text, question = (raw.typical for raw in signature.raw) if len(signature.raw) == 2 else ("", "")
    return f"""import string

import keras
import numpy as np

model = keras.saving.load_model("model.keras")
text = {text!r}
question = {question!r}
told = model.predict_on_batch({{"context": np.array([[text]]), "question": np.array([[question]])}})
first, last = np.asarray(told["span"])[0]
words = [word for word in text.split() if word.strip(string.punctuation)]
print(" ".join(words[first : last + 1]), float(np.asarray(told["probability"])[0, 0]))"""


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Answer the same held-out questions anew after each epoch."""
    part = asked.prepared.part("validation")
    kept = np.unique(np.linspace(0, len(part) - 1, min(SHOWN, len(part))).astype(int))
    few = _rows.some_of(part, kept)
    texts = texts_of(asked.dataset, few.rows)
    model = keras.Model(asked.core.input, asked.core.output)
    model.jit_compile = False

    def now() -> list[Panel]:
        spans, sure = _answers.likeliest(np.asarray(model.predict_on_batch(few.x)), _longest(asked.signature))
        marks = [
            _marked(context, question, truth, right, span, chance)
            for context, question, truth, right, span, chance in zip(*texts, few.y, spans, sure, strict=True)
        ]
        return [_panel("What it marks in texts that it never learned from", "", marks)]

    return now


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on the sealed test part beside the usual place and beside the sentence with most shared words."""
    test = asked.prepared.part("test")
    test = _rows.some_of(test, np.unique(np.linspace(0, len(test) - 1, min(MOST_ROWS, len(test))).astype(int)))
    contexts, questions, answers = texts_of(asked.dataset, test.rows)
    spans, sure = _answers.likeliest(asked.ask_core(test.x), _longest(asked.signature))
    truth = [words_of(answer) for answer in answers]
    scored = _scored(truth, _words(contexts, spans), spans, test.y)
    _rows.write_predictions(asked.run, test.rows, np.ones(len(test)), scored["exact"])
    yardsticks = _yardsticks(asked, contexts, questions, truth)
    metrics = {name: float(values.mean()) for name, values in scored.items()}
    intervals = {name: _interval(values, asked.seed) for name, values in scored.items()}
    best = max(yardsticks, key=lambda each: each["metrics"]["f1"])
    low, high = intervals[HEADLINE] or (None, None)
    marks = [
        _marked(*told)
        for told in zip(contexts, questions, answers, test.y, spans, sure, strict=True)
    ]  # fmt: skip
    found = {
        "task": asked.signature.task,
        "target": asked.signature.target.name,
        "rows": len(test),
        "classes": [],
        "metrics": metrics,
        "intervals": intervals,
        "baselines": yardsticks,
        "headline": {
            "metric": HEADLINE, "title": METRICS[HEADLINE][0], "value": metrics[HEADLINE], "low": low, "high": high,
            "baseline": best["name"], "baseline_value": best["metrics"][HEADLINE], "better": "up",
        },
        "gap": _gap(asked),
        "groups": _rows.grouped(asked, test, scored["exact"], "up"),
        "panels": _panels(marks, scored, questions),
    }  # fmt: skip
    found["sentences"] = _sentences(found, best)
    found["next"] = _suggestion(found, history, asked.recipe.training)
    return found


def reply(replying: Replying) -> dict[str, Any]:
    """Answer a person's question: {"answer", "before", "after": the text around it, "sure", "unknown", "left_out"}."""
    encoding, row = replying.encoding, replying.row()
    context, question = (str(row[side][0, 0]) for side in ("context", "question"))
    told = replying.answers(row)
    first, last = (int(each) for each in told["span"][0])
    places = tokens_in.places_of(context)
    last = min(last, len(places) - 1)
    first = min(first, last)
    known = set(encoding["vocabulary"])
    start, end = tokens_in.extent(context, first, last)
    return {
        "answer": tokens_in.passage(context, first, last),
        "before": context[:start],
        "marked": context[start:end],
        "after": context[end:],
        "sure": float(told["probability"][0, 0]),
        "unknown": sorted({word for word in words_of(question) if word not in known}),
        "left_out": max(0, len(places) - int(encoding["lengths"]["context"])),
    }


def _longest(signature: Signature) -> int:
    shape = signature.inputs["context"].shape[0] or LONGEST
    return min(int(signature.details.get("answer_length", LONGEST)), int(shape))


# --- judging ------------------------------------------------------------------------------------------------------


def _words(contexts: list[str], spans: np.ndarray) -> list[list[str]]:
    return [words_of(context)[first : last + 1] for context, (first, last) in zip(contexts, spans, strict=True)]


def _scored(
    truth: list[list[str]], answer: list[list[str]], spans: np.ndarray, right: np.ndarray
) -> dict[str, np.ndarray]:
    touching = (spans[:, 0] <= right[:, 1]) & (spans[:, 1] >= right[:, 0])
    return {
        "exact": _answers.exact(truth, answer), "f1": _answers.f1(truth, answer), "place": touching.astype(float),
    }  # fmt: skip


def _yardsticks(
    asked: Asked, contexts: list[str], questions: list[str], truth: list[list[str]]
) -> list[dict[str, Any]]:
    """Judge two rivals that learn nothing; where their words stand is not asked."""
    place = _answers.usual_place(np.asarray(asked.prepared.part("train").y))
    rivals = {
        "most frequent position": [_answers.at_place(text, place) for text in contexts],
        "sentence with most shared words": [
            _answers.most_shared(text, question) for text, question in zip(contexts, questions, strict=True)
        ],
    }
    return [
        {"name": name, "metrics": {
            "exact": float(_answers.exact(truth, told).mean()), "f1": float(_answers.f1(truth, told).mean()),
        }}
        for name, told in rivals.items()
    ]  # fmt: skip


def _interval(values: np.ndarray, seed: int) -> list[float] | None:
    """Return the 95 % interval of a mean (Wilson's where all values are 0 or 1, else a bootstrap)."""
    if np.isin(values, (0.0, 1.0)).all():
        share, rows, z = float(values.mean()), len(values), 1.959964
        middle, half = share + z * z / (2 * rows), z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
        scale = 1 + z * z / rows
        return [max(0.0, float((middle - half) / scale)), min(1.0, float((middle + half) / scale))]
    random = np.random.default_rng(seed)
    drawn = [values[random.integers(0, len(values), len(values))].mean() for _ in range(DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return None if low == high else [float(low), float(high)]


def _gap(asked: Asked) -> dict[str, Any]:
    """Judge the finished model once more on what it learned from and on what it was watched with."""
    told: dict[str, Any] = {}
    for name in ("train", "validation"):
        part = asked.prepared.part(name)
        some = _rows.some_of(part, np.unique(np.linspace(0, len(part) - 1, min(MOST_GAP_ROWS, len(part))).astype(int)))
        contexts, _, answers = texts_of(asked.dataset, some.rows)
        spans, _ = _answers.likeliest(asked.ask_core(some.x), _longest(asked.signature))
        scored = _scored([words_of(answer) for answer in answers], _words(contexts, spans), spans, some.y)
        told[name] = {key: float(values.mean()) for key, values in scored.items()} | {"rows": len(some)}
    seen, unseen = told["train"]["f1"], told["validation"]["f1"]
    learned_by_heart = sentences.beyond_chance(seen, unseen, 0.05, told["validation"]["rows"])
    verdict = "over-fitting" if learned_by_heart else "under-fitting" if seen < 0.5 else "fine"
    sentence = {
        "over-fitting": f"It finds more of the answers in texts that it learned from ({percent(seen)} of the words) "
        f"than in new ones ({percent(unseen)}): it learned some by heart (over-fitting).",
        "under-fitting": f"Even in texts that it learned from it finds only {percent(seen)} of the words "
        "(under-fitting).",
        "fine": f"It finds about as much in new texts ({percent(unseen)} of the words) as in those that it learned "
        f"from ({percent(seen)}).",
    }[verdict]
    return told | {"verdict": verdict, "sentence": sentence}


# --- words and panels ---------------------------------------------------------------------------------------------


def _marked(
    context: str, question: str, truth: str, right: np.ndarray, span: np.ndarray, sure: float
) -> dict[str, Any]:
    """Return a text in pieces around its answer, at most some 90 words of it."""
    places = tokens_in.places_of(context)
    last = min(int(span[1]), len(places) - 1)
    first = min(int(span[0]), last)
    begin, end = _window(first, last, len(places))
    cut = places[begin][0] if begin else 0, places[end - 1][1] if end < len(places) else len(context)
    start, stop = tokens_in.extent(context, first, last)
    told = words_of(context)[first : last + 1]
    is_right = tokens_in.weighty(told) == tokens_in.weighty(words_of(truth))
    return {
        "question": question,
        "before": ("… " if begin else "") + context[cut[0] : start],
        "marked": context[start:stop],
        "after": context[stop : cut[1]] + (" …" if end < len(places) else ""),
        "answer": tokens_in.passage(context, first, last),
        "truth": tokens_in.passage(context, int(right[0]), int(right[1])) or truth,
        "right": is_right,
        "sure": round(float(sure), 4),
    }


def _window(first: int, last: int, words: int) -> tuple[int, int]:
    """Return which words to show: all of a short text, else those around the answer."""
    if words <= MOST_SHOWN_WORDS:
        return 0, words
    begin = max(0, min((first + last - MOST_SHOWN_WORDS) // 2, words - MOST_SHOWN_WORDS))
    return begin, max(begin + MOST_SHOWN_WORDS, last + 1)


def _panel(title: str, sentence: str, marks: list[dict[str, Any]]) -> Panel:
    return {"kind": "marked", "title": title, "sentence": sentence, "texts": marks}


def _panels(marks: list[dict[str, Any]], scored: dict[str, np.ndarray], questions: list[str]) -> list[Panel]:
    some = np.unique(np.linspace(0, len(marks) - 1, min(SHOWN, len(marks))).astype(int))
    panels = [_panel("Some of the test part", "Texts that it had never seen.", [marks[place] for place in some])]
    wrong = sorted(np.flatnonzero(scored["exact"] == 0), key=lambda place: -marks[place]["sure"])[:LISTED]
    if wrong:
        told = "Surest mistakes first."
        panels.append(_panel("Where it is wrong", told, [marks[place] for place in wrong]))
    kinds = _by_first_word(questions, scored["exact"])
    if len(kinds) > 1:
        panels.append({
            "kind": "bars", "title": "Exactly right, by how the question begins",
            "sentence": "Of 100 questions of each kind.", "names": list(kinds), "values": list(kinds.values()),
        })  # fmt: skip
    return panels


def _by_first_word(questions: list[str], hits: np.ndarray) -> dict[str, float]:
    """Return how many of 100 are right for each of the most frequent first words."""
    firsts = np.array([words_of(question)[0] for question in questions])
    kinds, counts = np.unique(firsts, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:KINDS]
    return {str(kinds[place]): round(100 * float(hits[firsts == kinds[place]].mean()), 1) for place in order}


def _sentences(report: dict[str, Any], best: dict[str, Any]) -> list[str]:
    metrics, rows, rival = report["metrics"], report["rows"], best["metrics"]
    right = round(metrics["exact"] * rows)
    first = f"Exactly right on {right:,} of {count(rows, 'question')} about texts that it had never seen"
    words = f"Word by word, {percent(metrics['f1'])} overlap with the right answers"
    beside = f"The best simple rival, {best['name']}, is exactly right on {percent(rival['exact'])} of the questions"
    return [
        f"{first} ({percent(metrics['exact'])}).",
        f"{words}; {percent(metrics['place'])} of its answers touch the right place.",
        f"{beside} ({percent(rival['f1'])} word by word).",
    ]


def _suggestion(report: dict[str, Any], history: list[dict[str, Any]], training: dict[str, Any]) -> str:
    ends = [line["val_loss"] for line in history if line.get("val_loss") is not None]
    planned = int(training.get("epochs", 0))
    if report["metrics"]["exact"] >= 0.95:
        return "This works well. Try it on a text of your own, in the manner of these."
    if len(ends) > 2 and len(ends) >= planned and ends[-1] <= min(ends) and ends[-1] < 0.99 * ends[-3]:
        return f"It was still learning at the end. Train for {2 * planned} epochs instead of {planned}."
    if report["gap"]["verdict"] == "over-fitting":
        return "Add texts with questions, raise the dropout, or make the model smaller."
    return "Add texts that resemble each other, make the model larger, or train for more epochs."
