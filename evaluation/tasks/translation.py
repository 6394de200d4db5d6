"""Translation: the model turns one sentence into another, word by word; also short forms and answers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from datasets import _pairs_tokens as tokens_in
from datasets.pairs import texts_of
from evaluation import _pairs, _rows, sentences
from evaluation.asked import Asked, Replying
from evaluation.words import count, number, percent
from recipes import Part, Signature, keras

TITLE = "A sentence"
SENTENCE = "It turns a sentence into another one."
METRICS = {
    "exact": ("Exactly right", "The share of sentences of which every word is right.", "up"),
    "words": ("Words right", "The share of words that are right and at their place, the mean over sentences.", "up"),
    "chrf": ("chrF", "How many runs of characters it shares with the right answer: 0 is none, 100 is all.", "up"),
}
HEADLINE = "exact"
SHOWN = 8
LISTED = 12
MOST_ROWS = 5_000
DRAWS = 1_000


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:
    """Answer the numbers of the words that were written: (batch, T)."""
    return {signature.target.name: keras.layers.Identity()(outputs)}


def join(
    signature: Signature,
    encoding: dict[str, Any],
    raw: dict[str, Any],  # noqa: ARG001 - part of the contract
    ready: dict[str, Any],  # noqa: ARG001
    outputs: Any,
) -> dict[str, Any]:
    """Answer words: (batch, T) strings, empty behind the end."""
    look_up = keras.layers.StringLookup(
        vocabulary=list(encoding["target"]), mask_token="", oov_token=tokens_in.UNKNOWN, invert=True
    )
    return {signature.target.name: look_up(outputs)}


def usage(signature: Signature) -> str:
    """Write a few lines of plain Keras that translate a sentence with the download."""
    start = signature.raw[0].typical if signature.raw else ""
    gap = '" "' if signature.details.get("unit") == "words" else '""'
    return f"""import keras
import numpy as np

model = keras.saving.load_model("model.keras")
words = model.predict_on_batch({{"text": np.array([[{start!r}]])}})[{signature.target.name!r}]
print({gap}.join(word.decode() for word in np.asarray(words)[0] if word))"""


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Translate the same held-out sentences anew after each epoch."""
    part = asked.prepared.part("validation")
    kept = np.unique(np.linspace(0, len(part) - 1, min(SHOWN, len(part))).astype(int))
    inputs = {"source": np.asarray(part.x["source"][kept])}
    sources, targets = texts_of(asked.dataset, np.asarray(part.rows[kept]))
    model = keras.Model(asked.core.input, asked.core.output)
    model.jit_compile = False

    def now() -> list[Panel]:
        words = np.asarray(model.predict_on_batch(inputs))
        pairs = [_pair(asked, source, target, row) for source, target, row in zip(sources, targets, words, strict=True)]
        return [_panel("What it makes of sentences that it never learned from", "", pairs)]

    return now


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on the sealed test part beside copying and beside the nearest training sentence."""
    test, unit = asked.prepared.part("test"), asked.encoding["unit"]
    kept, sources, truth, answer = _judged(asked, test)
    hits = _pairs.exact(truth, answer)
    _rows.write_predictions(asked.run, np.asarray(test.rows[kept]), np.ones_like(hits), hits)
    scores = _scored(truth, answer, unit)
    rivals = _rivals(asked, kept, sources)
    intervals = {
        name: _interval(scores[name], asked.seed) if name != "chrf" else _chrf_interval(scores["counts"], asked.seed)
        for name in METRICS
    }
    metrics = _means(scores)
    reached = {name: _means(_scored(truth, told, unit)) for name, told in rivals.items()}
    best = max(reached, key=lambda name: reached[name]["words"])
    low, high = intervals[HEADLINE] or (None, None)
    found = {
        "task": asked.signature.task,
        "target": asked.signature.target.name,
        "rows": len(truth),
        "classes": [],
        "metrics": metrics,
        "intervals": intervals,
        "baselines": [{"name": name, "metrics": told} for name, told in reached.items()],
        "headline": {
            "metric": HEADLINE, "title": METRICS[HEADLINE][0], "value": metrics[HEADLINE], "low": low, "high": high,
            "baseline": best, "baseline_value": reached[best][HEADLINE], "better": "up",
        },
        "gap": _gap(asked),
        "groups": _rows.grouped(asked, _rows.some_of(test, kept), hits, "up"),
        "panels": _examples(asked, sources, truth, answer, scores["words"]),
    }  # fmt: skip
    found["sentences"] = _sentences(found, best, reached[best])
    found["next"] = _suggestion(found, history, asked.recipe.training)
    return found


def reply(replying: Replying) -> dict[str, Any]:
    """Translate the person's sentence: {"text": the sentence, "words", "unknown": words that it never met}."""
    encoding = replying.encoding
    row = replying.row()
    told = replying.answers(row)[replying.signature.target.name][0]
    words = [word.decode() if isinstance(word, bytes) else str(word) for word in told.tolist()]
    words = [word for word in words if word]
    sentence = str(row["text"][0, 0])
    cut = tokens_in.cut_source(sentence, encoding["unit"])
    known = set(encoding["source"])
    return {
        "text": tokens_in.joined(words, encoding["unit"]), "words": words,
        "unknown": sorted({token for token in cut if token not in known}),
        "left_out": max(0, len(cut) - int(encoding["source_length"])),
    }  # fmt: skip


# --- judging ------------------------------------------------------------------------------------------------------


def _judged(asked: Asked, part: Part) -> tuple[np.ndarray, list[str], list[list[str]], list[list[str]]]:
    """Return places, sources, true words and written words of a part, at most 5,000 rows spread over it."""
    unit, encoding = asked.encoding["unit"], asked.encoding
    kept = np.unique(np.linspace(0, len(part) - 1, min(MOST_ROWS, len(part))).astype(int))
    sources, targets = texts_of(asked.dataset, np.asarray(part.rows[kept]))
    found = asked.ask_core({"source": np.asarray(part.x["source"][kept])})
    known = ["", tokens_in.UNKNOWN, *encoding["target"]]
    answer = [[known[token] for token in row if token] for row in found.tolist()]
    return kept, sources, [tokens_in.cut_target(text, unit) for text in targets], answer


def _scored(truth: list[list[str]], answer: list[list[str]], unit: str) -> dict[str, np.ndarray]:
    joined = (
        (tokens_in.joined(one, unit), tokens_in.joined(other, unit)) for one, other in zip(truth, answer, strict=True)
    )
    counts = np.array([_pairs.chrf_counts(one, other) for one, other in joined])
    return {"exact": _pairs.exact(truth, answer), "words": _pairs.tokens_right(truth, answer), "counts": counts}


def _means(scores: dict[str, np.ndarray]) -> dict[str, float]:
    return {
        "exact": float(scores["exact"].mean()),
        "words": float(scores["words"].mean()),
        "chrf": _pairs.chrf(scores["counts"].sum(axis=0)),
    }


def _interval(values: np.ndarray, seed: int) -> list[float] | None:
    """Return the 95 % interval of a share (Wilson's where all are 0 or 1, else a bootstrap)."""
    if np.isin(values, (0.0, 1.0)).all():
        share, rows, z = float(values.mean()), len(values), 1.959964
        middle, half = share + z * z / (2 * rows), z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
        scale = 1 + z * z / rows
        return [max(0.0, float((middle - half) / scale)), min(1.0, float((middle + half) / scale))]
    random = np.random.default_rng(seed)
    drawn = [values[random.integers(0, len(values), len(values))].mean() for _ in range(DRAWS)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return None if low == high else [float(low), float(high)]


def _chrf_interval(counts: np.ndarray, seed: int) -> list[float] | None:
    random = np.random.default_rng(seed)
    weights = random.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=DRAWS)
    sums = np.einsum("dr,rnk->dnk", weights, counts, optimize=True)
    low, high = np.percentile([_pairs.chrf(each) for each in sums], (2.5, 97.5))
    return None if low == high else [float(low), float(high)]


def _rivals(asked: Asked, kept: np.ndarray, sources: list[str]) -> dict[str, list[list[str]]]:
    """Answer by copying the sentence, and by the counterpart of the nearest training sentence."""
    unit, train, test = asked.encoding["unit"], asked.prepared.part("train"), asked.prepared.part("test")
    remembered = np.asarray(train.x["source"][: _pairs.MOST_REMEMBERED])
    nearest = _pairs.Nearest(remembered)
    places = [nearest.of(row) for row in np.asarray(test.x["source"][kept])]
    _, targets = texts_of(asked.dataset, np.asarray(train.rows)[places])
    return {
        "copy of the sentence": [tokens_in.cut_target(text, unit) for text in sources],
        "nearest training sentence": [tokens_in.cut_target(text, unit) for text in targets],
    }


def _gap(asked: Asked) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in ("train", "validation"):
        part = asked.prepared.part(name)
        kept = np.unique(np.linspace(0, len(part) - 1, min(500, len(part))).astype(int))
        some = Part({key: array[kept] for key, array in part.x.items()}, part.y[kept], part.rows[kept])
        _, _, truth, answer = _judged(asked, some)
        told[name] = _means(_scored(truth, answer, asked.encoding["unit"])) | {"rows": len(truth)}
    seen, unseen = told["train"]["words"], told["validation"]["words"]
    learned_by_heart = sentences.beyond_chance(seen, unseen, 0.05, told["validation"]["rows"])
    verdict = "over-fitting" if learned_by_heart else "under-fitting" if seen < 0.5 else "fine"
    sentence = {
        "over-fitting": f"It gets more words right in sentences that it learned from ({percent(seen)}) than in new "
        f"ones ({percent(unseen)}): it learned some by heart (over-fitting).",
        "under-fitting": f"Even in sentences that it learned from it gets only {percent(seen)} of the words right "
        "(under-fitting).",
        "fine": f"It gets about as many words right in new sentences ({percent(unseen)}) as in those that it learned "
        f"from ({percent(seen)}).",
    }[verdict]
    return told | {"verdict": verdict, "sentence": sentence}


# --- words and panels ---------------------------------------------------------------------------------------------


def _pair(asked: Asked, source: str, target: str, numbers: np.ndarray) -> dict[str, Any]:
    known = ["", tokens_in.UNKNOWN, *asked.encoding["target"]]
    words = [known[token] for token in numbers.tolist() if token]
    right = words == tokens_in.cut_target(target, asked.encoding["unit"])
    return {
        "source": source,
        "answer": tokens_in.joined(words, asked.encoding["unit"]),
        "truth": target,
        "right": right,
    }


def _panel(title: str, sentence: str, pairs: list[dict[str, Any]]) -> Panel:
    return {"kind": "pairs", "title": title, "sentence": sentence, "pairs": pairs}


def _examples(
    asked: Asked, sources: list[str], truth: list[list[str]], answer: list[list[str]], words: np.ndarray
) -> list[Panel]:
    unit = asked.encoding["unit"]

    def told(place: int) -> dict[str, Any]:
        return {
            "source": sources[place], "answer": tokens_in.joined(answer[place], unit),
            "truth": tokens_in.joined(truth[place], unit), "right": truth[place] == answer[place],
        }  # fmt: skip

    order = np.argsort(words, kind="stable")
    wrong = [int(place) for place in order if truth[place] != answer[place]][:LISTED]
    some = np.unique(np.linspace(0, len(truth) - 1, min(SHOWN, len(truth))).astype(int))
    panels = [_panel("Some of the test part", "Sentences that it had never seen.", [told(place) for place in some])]
    if wrong:
        panels.append(_panel("Where it is most wrong", "", [told(place) for place in wrong]))
    return panels


def _sentences(report: dict[str, Any], best: str, rival: dict[str, float]) -> list[str]:
    metrics, rows = report["metrics"], report["rows"]
    right = round(metrics["exact"] * rows)
    first = f"Exactly right on {right:,} of {count(rows, 'sentence')} that it had never seen"
    beside = f"The best simple rival, {best}, gets {percent(rival['exact'])} of the sentences"
    return [
        f"{first} ({percent(metrics['exact'])}).",
        f"Of all words, {percent(metrics['words'])} are right and at their place (chrF {number(metrics['chrf'])}).",
        f"{beside} and {percent(rival['words'])} of the words.",
    ]


def _suggestion(report: dict[str, Any], history: list[dict[str, Any]], training: dict[str, Any]) -> str:
    ends = [line["val_loss"] for line in history if line.get("val_loss") is not None]
    planned = int(training.get("epochs", 0))
    if report["metrics"]["exact"] >= 0.95:
        return "This works well. Try it on sentences of your own, with words that it has met."
    if len(ends) > 2 and len(ends) >= planned and ends[-1] <= min(ends) and ends[-1] < 0.99 * ends[-3]:
        return f"It was still learning at the end. Train for {2 * planned} epochs instead of {planned}."
    if report["gap"]["verdict"] == "over-fitting":
        return "Add pairs, raise the dropout, or make the model smaller."
    return "Add pairs that resemble each other, make the model larger, or train for more epochs."
