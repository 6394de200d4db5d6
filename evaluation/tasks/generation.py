"""Generation: the model makes new examples in the style of those it was shown; texts here, pictures beside.

Texts are judged by how little the held-out text surprises the model. What concerns pictures lies in
`evaluation/_generation_pictures.py`, what writing and judging texts needs in `evaluation/_writing.py`.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from datasets import _prose_tokens as tokens_in
from datasets.prose import cleaned_prompt
from evaluation import _generation_pictures as pictures
from evaluation import _writing
from evaluation.asked import Asked, Replying
from evaluation.words import number, percent
from recipes import Refusal, Signature, keras

TITLE = "New examples"
SENTENCE = "It makes new examples in the style of those that it was shown."
METRICS = {
    "loss": (
        "Loss", "How much the next character (or word) of unseen text surprises it, in nats; 0 is no surprise.", "down",
    ),
    "perplexity": ("Perplexity", "Between how many equally likely characters (or words) it hesitates.", "down"),
    "bits": ("Bits", "How many bits it would need to store one character (or word) of unseen text.", "down"),
    "accuracy": ("Next one right", "How often the likeliest next character (or word) is the right one.", "up"),
    **pictures.METRICS,
}  # fmt: skip
LIVE_TEMPERATURE = 0.7
LIVE_TEXTS = 3
LIVE_SIZE = {"StepPen": 70, "WindowPen": 40}
"""Characters written after an epoch: the quicker the pen, the more."""
KEPT = 24
"""Earlier texts that stay in the evidence."""
TEMPERATURES = (0.3, 0.6, 0.9, 1.2)
SAMPLE_SIZE = 300
OVERFIT = 0.2
LONGEST = 1_000
ODDS = 8


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:
    """Turn logits (batch, length, vocabulary) into the odds of what follows each place of a window."""
    if signature.data_type != "prose":
        return pictures.finish_pictures(signature, outputs)
    return {signature.target.name: keras.layers.Softmax(dtype="float32")(outputs)}


def join(
    signature: Signature,
    encoding: dict[str, Any],  # noqa: ARG001 - part of the contract
    raw: dict[str, Any],  # noqa: ARG001
    ready: dict[str, Any],
    outputs: Any,
) -> dict[str, Any]:
    """Answer the odds of what follows the last token of the text: {"next": (batch, vocabulary)}."""
    if signature.data_type != "prose":
        return pictures.finish_pictures(signature, outputs)
    return {signature.target.name: _writing.at_the_end(ready["tokens"], outputs)}


def usage(signature: Signature) -> str:
    """Write a few lines of plain Keras that write a text with the download, token after token; none for pictures."""
    if signature.data_type != "prose":
        return ""
    start = signature.raw[0].typical if signature.raw else ""
    gap = '" " + ' if signature.details.get("unit") == "words" else ""
    return f"""import keras
import numpy as np

model = keras.saving.load_model("model.keras")
vocabulary = model.get_layer("preprocessing").get_layer("vocabulary").get_vocabulary()
random = np.random.default_rng(1)
temperature = 0.7  # lower: safer and duller; higher: bolder and with more mistakes
text = {start!r}
for _ in range(300):
    odds = np.asarray(model.predict_on_batch({{"text": np.array([[text]])}})["{signature.target.name}"])[0]
    odds = np.log(odds[2:] + 1e-30) / temperature  # the first two stand for padding and for unknown signs
    odds = np.exp(odds - odds.max())
    text += {gap}str(vocabulary[2 + random.choice(len(odds), p=odds / odds.sum())])
print(text)"""


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Return what writes a little from fixed beginnings after an epoch, always with the same draws of chance."""
    if asked.signature.data_type != "prose":
        return pictures.evidence_pictures(asked)
    pen = _writing.pen_of(asked)
    starts = _writing.openings(asked, LIVE_TEXTS)
    given = [tokens_in.encode(asked.encoding, start)[0] for start in starts]
    size = LIVE_SIZE[type(pen).__name__] // (4 if asked.signature.details["unit"] == "words" else 1)
    earlier = _earlier(asked)

    def now() -> list[Panel]:
        warmth = np.full(len(given), LIVE_TEMPERATURE)
        found = _writing.write(pen, given, warmth, size, np.random.default_rng(asked.seed))
        texts = [_told(asked.encoding, start, told) for start, told in zip(starts, found, strict=True)]
        panel = {
            "kind": "texts",
            "title": "What it writes now",
            "sentence": "The first words were given, from text that it never saw; the rest is its own.",
            "texts": texts,
            "earlier": [told for told in earlier if told["text"] != texts[0]["text"]],
        }
        earlier.append({"epoch": _epoch(asked), **texts[0]})
        _thin(earlier)
        return [panel]

    return now


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on the sealed test part, let it write, and look for passages learned by heart."""
    if asked.signature.data_type != "prose":
        return pictures.report_pictures(asked, history)
    signature = asked.signature
    tokens, following = _writing.some_of(asked.prepared.part("test"))
    losses, hits = _writing.judged(asked, tokens, following)
    _writing.write_answers(asked, asked.prepared.part("test"), following, losses, hits)
    rivals = _writing.rivals_of(asked).losses(tokens, following)
    thing = _writing.thing(signature)
    names = (f"{thing} frequencies", f"pairs of {thing}s", f"triples of {thing}s")
    reached = {name: float(told.mean()) for name, told in zip(names, rivals, strict=True)}
    best = min(reached, key=lambda name: reached[name])
    metrics = _scores(losses.mean()) | {"accuracy": float(hits.mean())}
    ends = _writing.interval(losses.mean(axis=1), asked.seed)
    low, high = ends or (None, None)
    intervals = {name: [_scores(end)[name] for end in ends] if ends else None for name in _scores(0.0)}
    samples = _samples(asked)
    copies = _copies(asked, [told["text"] for told in samples])
    found = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": int(tokens.size),
        "classes": [],
        "metrics": metrics,
        "intervals": intervals | {"accuracy": _writing.interval(hits.mean(axis=1), asked.seed)},
        "baselines": [{"name": name, "metrics": _scores(loss)} for name, loss in reached.items()],
        "headline": {
            "metric": "loss", "title": f"Loss per {thing}", "value": metrics["loss"], "low": low, "high": high,
            "baseline": best, "baseline_value": reached[best], "better": "down",
        },
        "gap": _gap(asked, reached[best]),
        "panels": [_sample_panel(samples), _copy_panel(copies)],
    }  # fmt: skip
    found["sentences"] = _sentences(found, thing, copies)
    found["next"] = _suggestion(found, history, asked.recipe.training)
    return found


def reply(replying: Replying) -> dict[str, Any]:
    """Go on from the person's own words: {"text", "odds": likeliest next tokens, "seconds"}."""
    if replying.signature.data_type != "prose":
        return pictures.reply_pictures(replying)
    values, encoding = replying.values, replying.encoding
    start = cleaned_prompt(str(values.get("text") or ""))
    given = tokens_in.encode(encoding, start)[0]
    if not len(given):
        raise Refusal("There is nothing to go on from. Type a few words.")
    temperature = _between(values.get("temperature", LIVE_TEMPERATURE), 0.05, 2.0, "temperature")
    amount = int(_between(values.get("amount", 200), 1, LONGEST, "amount"))
    random = np.random.default_rng(int(values.get("seed", 1)))
    began = time.monotonic()
    pen = _pen_of_files(replying)
    odds = pen.begin([given])[0]
    found = _writing.write(pen, [given], np.array([temperature]), amount, random)
    told = _told(encoding, start, found[0])
    return {
        "start": told["start"], "text": told["text"], "odds": _likeliest(encoding, odds),
        "unknown": sorted({start[place] for place in _unknown(encoding, start)}),
        "seconds": round(time.monotonic() - began, 3),
    }  # fmt: skip


# --- evidence -----------------------------------------------------------------------------------------------------


def _told(encoding: dict[str, Any], start: str, tokens: np.ndarray) -> dict[str, Any]:
    return {"start": start, "text": tokens_in.between(encoding) + tokens_in.written(encoding, tokens)}


def _earlier(asked: Asked) -> list[dict[str, Any]]:
    """Return the texts of earlier epochs that a resumed run has left."""
    file = asked.run.folder / "evidence.json"
    if not file.exists():
        return []
    panels = json.loads(file.read_text(encoding="utf-8")).get("panels", [])
    return next((list(panel.get("earlier", [])) for panel in panels if panel.get("kind") == "texts"), [])


def _epoch(asked: Asked) -> int:
    lines, _ = asked.run.lines("metrics")
    return max((int(line["epoch"]) for line in lines if line.get("end")), default=0)


def _thin(earlier: list[dict[str, Any]]) -> None:
    """Keep the first, the last and some between: of too many, every second one goes."""
    if len(earlier) > KEPT:
        del earlier[1:-1:2]


# --- report -------------------------------------------------------------------------------------------------------


def _scores(loss: float) -> dict[str, float]:
    return {"loss": float(loss), "perplexity": float(np.exp(min(loss, 50.0))), "bits": float(loss / np.log(2))}


def _samples(asked: Asked) -> list[dict[str, Any]]:
    """Write once at each temperature, from the same beginning."""
    start = _writing.openings(asked, 1)[0]
    given = tokens_in.encode(asked.encoding, start)[0]
    size = SAMPLE_SIZE // (4 if asked.signature.details["unit"] == "words" else 1)
    found = _writing.write(
        _writing.pen_of(asked), [given] * len(TEMPERATURES), np.array(TEMPERATURES), size,
        np.random.default_rng(asked.seed),
    )  # fmt: skip
    pairs = zip(TEMPERATURES, found, strict=True)
    return [{"note": f"Temperature {warmth}", **_told(asked.encoding, start, tokens)} for warmth, tokens in pairs]


def _copies(asked: Asked, texts: list[str]) -> dict[str, Any]:
    """Find the longest passage that is copied from the training part, and the same for real text it never saw."""
    source = _writing.train_text(asked)
    own = max((_writing.longest_copy(text, source) for text in texts), key=len)
    real = _writing.test_passages(asked, len(texts), SAMPLE_SIZE)
    usual = max((_writing.longest_copy(text, source) for text in real), key=len)
    return {"own": own, "usual": usual}


def _sample_panel(samples: list[dict[str, Any]]) -> Panel:
    return {
        "kind": "texts",
        "title": "Written by the model",
        "sentence": "The same beginning, four temperatures: low ones play safe and repeat, high ones dare and stumble.",
        "texts": samples,
    }


def _copy_panel(copies: dict[str, Any]) -> Panel:
    return {
        "kind": "texts",
        "title": "Learned by heart?",
        "sentence": "The longest passages that stand in the training text word for word.",
        "texts": [
            {"start": "", "text": copies["own"], "note": f"By the model: {len(copies['own'])} characters"},
            {"start": "", "text": copies["usual"], "note": f"In real unseen text: {len(copies['usual'])} characters"},
        ],
    }


def _gap(asked: Asked, rival: float) -> dict[str, Any]:
    """Compare the loss on what it learned from with the loss on what it was watched with."""
    told = {}
    for name in ("train", "validation"):
        tokens, following = _writing.some_of(asked.prepared.part(name), 500)
        losses, hits = _writing.judged(asked, tokens, following)
        told[name] = _scores(losses.mean()) | {"accuracy": float(hits.mean()), "rows": len(tokens)}
    seen, unseen = told["train"]["loss"], told["validation"]["loss"]
    verdict = "over-fitting" if unseen - seen > OVERFIT else "under-fitting" if seen > rival else "fine"
    sentence = {
        "over-fitting": f"It knows its training text better (loss {number(seen)}) than new text ({number(unseen)}): it "
        "learned some of it by heart (over-fitting).",
        "under-fitting": f"Even on its own training text (loss {number(seen)}) it is no better than counting (under-"
        "fitting).",
        "fine": f"It does about as well on new text (loss {number(unseen)}) as on its training text ({number(seen)}).",
    }[verdict]
    return told | {"verdict": verdict, "sentence": sentence}


def _sentences(report: dict[str, Any], thing: str, copies: dict[str, Any]) -> list[str]:
    metrics, head = report["metrics"], report["headline"]
    own, usual = len(copies["own"]), len(copies["usual"])
    heart = "That is a sign of learning by heart." if own > 2 * usual else "So it does not write from memory."
    better = "better" if metrics["loss"] < head["baseline_value"] else "no better"
    hesitates = (
        f"On {report['rows']:,} unseen {thing}s it hesitates as if between {number(metrics['perplexity'])} equally "
        f"likely {thing}s (loss {number(metrics['loss'])} per {thing})."
    )
    return [
        hesitates,
        f"It names the very next {thing} right in {percent(metrics['accuracy'])}.",
        f"That is {better} than counting {head['baseline']}, which reaches a loss of {number(head['baseline_value'])}.",
        f"The longest passage that it copied has {own} characters; real unseen text shares up to {usual}. {heart}",
    ]


def _suggestion(report: dict[str, Any], history: list[dict[str, Any]], training: dict[str, Any]) -> str:
    ends = [line["val_loss"] for line in history if line.get("val_loss") is not None]
    planned = int(training.get("epochs", 0))
    if len(ends) > 2 and len(ends) >= planned and ends[-1] <= min(ends) and ends[-1] < 0.99 * ends[-3]:
        return f"It was still learning at the end. Train for {2 * planned} epochs instead of {planned}."
    if report["gap"]["verdict"] == "over-fitting":
        return "Add more text of the same kind, raise the dropout, or make the model smaller."
    if report["gap"]["verdict"] == "under-fitting":
        return "Make the model larger, train for more epochs, or try a higher learning rate."
    return "Let it write from beginnings of your own, and move the temperature."


# --- answering ----------------------------------------------------------------------------------------------------


def _pen_of_files(replying: Replying) -> _writing.Pen:
    if (replying.run.folder / "deliverables" / "step.keras").exists():
        return _writing.StepPen(replying.model("step"))
    model, name, encoding = replying.model("model"), replying.signature.target.name, replying.encoding

    def ask(window: np.ndarray) -> np.ndarray:
        texts = [[_as_text(encoding, row)] for row in window]
        return np.asarray(model.predict_on_batch({"text": np.array(texts, dtype=object)})[name])

    return _writing.WindowPen(ask, int(encoding["length"]))


def _as_text(encoding: dict[str, Any], numbers: np.ndarray) -> str:
    return tokens_in.written(encoding, numbers)


def _between(value: Any, low: float, high: float, name: str) -> float:
    if not isinstance(value, (int, float)) or not low <= value <= high:
        raise Refusal(f"`{name}` must be between {low:g} and {high:g}, but got {value!r}.")
    return float(value)


def _likeliest(encoding: dict[str, Any], odds: np.ndarray) -> list[dict[str, Any]]:
    known = ["", tokens_in.UNKNOWN, *encoding["vocabulary"]]
    order = np.argsort(-odds, kind="stable")[:ODDS]
    return [{"token": known[place], "share": round(float(odds[place]), 5)} for place in order if place]


def _unknown(encoding: dict[str, Any], text: str) -> list[int]:
    """Return the places of signs that the model never met."""
    if encoding["unit"] == "words":
        return []
    numbers, places = tokens_in.encode(encoding, text)
    return [int(place) for place in places[numbers == 1]]
