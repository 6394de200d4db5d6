"""Detection: the model says where things are in a picture, and what each of them is."""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from builders._boxes import chosen
from evaluation import _boxes, _rows
from evaluation.asked import Asked, Replying, asking
from evaluation.words import count, number, percent
from recipes import Part, Signature, keras

TITLE = "Boxes"
SENTENCE = "It finds things in a picture: where each of them is, and what it is."
METRICS = {
    "iou": (
        "Overlap",
        "How much the box of a thing and the true one overlap (IoU), on average; missed counts 0.",
        "up",
    ),
    "class_accuracy": ("Classes right", "The share of the things that were found and taken for what they are.", "up"),
    "map50": (
        "mAP@.5",
        "The area under precision and recall, the mean over the classes; half an overlap with a thing counts.",
        "up",
    ),
    "found": ("Found", "The share of the things whose box overlaps them by half or more.", "up"),
    "extra": ("Boxes too many", "Boxes in a picture, on average, that belong to no thing.", "down"),
}
HEADLINE = "iou"
SHOWN = 8
"""Validation pictures that the live evidence asks about."""
LISTED = 6
MOST_ROWS = 5_000
MOST_WATCHED = 1_000
"""Pictures of the training and of the validation part that the report looks at once more."""
LIVE_LEAST = 0.3
"""How sure a box must be to be shown while the model learns."""
USUAL, NEAREST = "usual box", "nearest training picture"


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:  # noqa: ARG001 - part of the contract
    """Answer boxes (batch, most, 4) in shares of the sides, scores (batch, most) and classes (batch, most)."""
    return chosen(outputs)


def usage(signature: Signature) -> str:
    """Write a few lines of plain Keras that find things with the download."""
    grey = bool(signature.raw) and signature.raw[0].shape[-1] == 1
    mode, axes = ("L", "[None, ..., None]") if grey else ("RGB", "[None]")
    return f"""import keras
import numpy as np
from PIL import Image

model = keras.saving.load_model("model.keras")
picture = np.array(Image.open("picture.png").convert("{mode}"), "float32"){axes}
told = {{name: np.asarray(answer)[0] for name, answer in model.predict_on_batch({{"picture": picture}}).items()}}
classes = [{", ".join(map(repr, signature.target.classes))}]
for box, score, number in zip(told["boxes"], told["scores"], told["classes"]):
    if score >= 0.5:
        print(classes[number], round(float(score), 2), box)  # left, top, right, bottom in shares of the sides"""


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Look for things in the same few validation pictures anew after each epoch."""
    part = asked.prepared.part("validation")
    few = _rows.some_of(part, np.unique(np.linspace(0, len(part) - 1, min(SHOWN, len(part))).astype(int)))
    truth, ask = _true(few.y), _asking(asked)

    def now() -> list[Panel]:
        return [_panel(asked, few.rows, truth, ask(few.x), LIVE_LEAST)]

    return now


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on the sealed test part beside the usual box and beside the nearest training picture."""
    ask, classes = _asking(asked), len(asked.signature.target.classes)
    train, test = asked.prepared.part("train"), _spread(asked.prepared.part("test"), MOST_ROWS)
    watched = _spread(asked.prepared.part("validation"), MOST_WATCHED)
    least = _boxes.best_threshold(_boxes.ranked(_true(watched.y), ask(watched.x), classes))
    truth, answer = _true(test.y), ask(test.x)
    _write(asked, test, answer)
    metrics = _boxes.scores(truth, answer, classes, least)
    intervals = _boxes.intervals(truth, answer, classes, least, asked.seed)
    rivals = _rivals(train, test)
    baselines: list[dict[str, Any]] = [
        {"name": name, "metrics": _boxes.scores(truth, told, classes, least)} for name, told in rivals.items()
    ]
    best = max(baselines, key=lambda each: each["metrics"][HEADLINE] or 0.0)
    low, high = intervals.get(HEADLINE) or (None, None)
    found = {
        "task": asked.signature.task,
        "target": asked.signature.target.name,
        "rows": len(test),
        "things": sum(map(len, truth)),
        "classes": list(asked.signature.target.classes),
        "threshold": least,
        "metrics": metrics,
        "intervals": {name: intervals.get(name) for name in METRICS},
        "baselines": baselines,
        "headline": {
            "metric": HEADLINE, "title": METRICS[HEADLINE][0], "value": metrics[HEADLINE], "low": low, "high": high,
            "baseline": best["name"], "baseline_value": best["metrics"][HEADLINE], "better": METRICS[HEADLINE][2],
        },
        "gap": _gap(ask, classes, least, {"train": _spread(train, MOST_WATCHED), "validation": watched}),
        "mistakes": _boxes.mistakes(truth, answer, least),
    }  # fmt: skip
    precisions = _boxes.average_precisions(_boxes.ranked(truth, answer, classes))
    found["per_kind"] = dict(zip(found["classes"], precisions.tolist(), strict=True))
    found["panels"] = [*_examples(asked, test, truth, answer, least), *_bars(found)]
    found["sentences"] = _sentences(found, best)
    found["next"] = _suggestion(found, history, asked.recipe.training)
    return found


def reply(replying: Replying) -> dict[str, Any]:
    """Return {"classes", "boxes": [[class number, left, top, right, bottom, how sure], ...], "threshold"}."""
    told = replying.answers()
    answer = _listed({name: values[:1] for name, values in told.items()})[0]
    judged = replying.run.read("report.json") or {}
    return {
        "classes": list(replying.signature.target.classes),
        "boxes": np.round(answer, 4).tolist(),
        "threshold": judged.get("threshold", 0.5),
    }


# Asking


def _asking(asked: Asked) -> Callable[[dict[str, np.ndarray]], list[np.ndarray]]:
    """Make what finds things in ready pictures: for each its boxes (n, 6), surest first."""
    ask = asking(keras.Model(asked.core.input, finish(asked.signature, asked.core.output)))
    return lambda x: _listed(ask(x))


def _listed(told: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Turn the answers of a batch into one array a picture, without unused places."""
    rows = np.concatenate([told["classes"][..., None], told["boxes"], told["scores"][..., None]], axis=-1)
    return [row[row[:, 5] > 0].astype(np.float64) for row in rows]


def _true(y: np.ndarray) -> list[np.ndarray]:
    """Turn (rows, 5 * most) into one array a picture, without unused places."""
    rows = np.asarray(y, dtype=np.float64).reshape(len(y), -1, 5)
    return [row[row[:, 0] >= 0] for row in rows]


def _spread(part: Part, most: int) -> Part:
    return _rows.some_of(part, np.unique(np.linspace(0, len(part) - 1, min(most, len(part))).astype(int)))


def _write(asked: Asked, test: Part, answer: list[np.ndarray]) -> None:
    """Write `predictions.npz`: the answer (rows, most, 6) is filled up with class -1."""
    most = max(1, *map(len, answer)) if answer else 1
    filled = np.zeros((len(answer), most, 6), dtype=np.float32)
    filled[:, :, 0] = -1
    for row, boxes in enumerate(answer):
        filled[row, : len(boxes)] = boxes
    _rows.write_predictions(asked.run, np.asarray(test.rows), np.asarray(test.y), filled)


def _rivals(train: Part, test: Part) -> dict[str, list[np.ndarray]]:
    boxes = _true(train.y[: max(_boxes.MOST_REMEMBERED, MOST_ROWS)])
    remembered = np.asarray(train.x["picture"][: _boxes.MOST_REMEMBERED])
    return {
        USUAL: _boxes.usual(boxes, len(test)),
        NEAREST: _boxes.of_nearest(test.x["picture"], remembered, boxes),
    }


def _gap(
    ask: Callable[[dict[str, np.ndarray]], list[np.ndarray]], classes: int, least: float, parts: dict[str, Part]
) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, part in parts.items():
        told[name] = _boxes.scores(_true(part.y), ask(part.x), classes, least) | {"rows": len(part)}
    seen, unseen = told["train"]["map50"] or 0.0, told["validation"]["map50"] or 0.0
    verdict = "over-fitting" if seen - unseen > 0.15 else "under-fitting" if seen < 0.5 else "fine"
    sentence = {
        "over-fitting": f"It finds things better in pictures that it learned from (mAP@.5 {number(seen)}) than in new "
        f"ones ({number(unseen)}): it learned some by heart (over-fitting).",
        "under-fitting": f"Even in pictures that it learned from it finds too little (mAP@.5 {number(seen)}): "
        "under-fitting.",
        "fine": f"It finds things about as well in new pictures (mAP@.5 {number(unseen)}) as in those that it learned "
        f"from ({number(seen)}).",
    }[verdict]
    return told | {"verdict": verdict, "sentence": sentence}


# Showing


def _panel(
    asked: Asked, rows: np.ndarray, truth: list[np.ndarray], answer: list[np.ndarray], least: float
) -> dict[str, Any]:
    shown = [boxes[boxes[:, 5] >= least][:20] for boxes in answer]
    return {
        "kind": "boxes",
        "classes": list(asked.signature.target.classes),
        "rows": np.asarray(rows).tolist(),
        "truth": [np.round(boxes, 3).tolist() for boxes in truth],
        "answer": [np.round(boxes, 3).tolist() for boxes in shown],
    }


def _examples(asked: Asked, test: Part, truth: list[np.ndarray], answer: list[np.ndarray], least: float) -> list[Panel]:
    def panel(places: np.ndarray, title: str, sentence: str) -> Panel:
        there, said = [truth[place] for place in places], [answer[place] for place in places]
        return _panel(asked, test.rows[places], there, said, least) | {"title": title, "sentence": sentence}

    told = _boxes.met(truth, answer, least)
    lost = np.bincount(told.picture, 1 - told.overlap * told.right, len(truth)) + told.extra
    some = np.unique(np.linspace(0, len(truth) - 1, min(LISTED, len(truth))).astype(int))
    panels = [panel(some, "Some of the test part", "Pictures that it had never seen, not chosen for how well it did.")]
    worst = np.argsort(-lost, kind="stable")[:LISTED]
    if len(worst) and lost[worst[0]] > 0.5:
        panels.append(panel(worst[lost[worst] > 0.5], "Where it is most wrong", "Look at the labels first: they may "
                            "be what is wrong."))  # fmt: skip
    return panels


def _bars(report: dict[str, Any]) -> list[Panel]:
    known = {name: value for name, value in report["per_kind"].items() if value == value}  # noqa: PLR0124 - not NaN
    hardest = sorted(known, key=lambda name: known[name])[:20]
    happened, things = report["mistakes"], count(report["things"], "thing")
    return [
        {
            "kind": "bars",
            "title": "What became of the things",
            "sentence": f"{things} in the test part, with boxes that are at least {percent(report['threshold'])} sure.",
            "names": list(happened),
            "values": list(happened.values()),
        },
        {
            "kind": "bars",
            "title": "Class by class",
            "sentence": "Average precision of each class in hundredths (100 is perfect), the hardest first.",
            "names": hardest,
            "values": [round(100 * known[name]) for name in hardest],
        },
    ]


def _sentences(report: dict[str, Any], best: dict[str, Any]) -> list[str]:
    metrics, things = report["metrics"], report["things"]
    found = round((metrics["found"] or 0.0) * things)
    extra = report["mistakes"]["Boxes on nothing"]
    unseen = f"{count(report['rows'], 'picture')} that it had never seen"
    told = [
        f"Found {found:,} of {count(things, 'thing')} in {unseen} ({percent(metrics['found'] or 0.0)}).",
        f"It takes {percent(metrics['class_accuracy'] or 0.0)} of the things for what they are.",
        f"It drew {count(extra, 'box', 'boxes')} where nothing is." if extra else "It drew no box where nothing is.",
        f"The best simple rival, {best['name']}, reaches an overlap of {number(best['metrics'][HEADLINE] or 0.0)}.",
    ]
    known = {name: value for name, value in report["per_kind"].items() if value == value}  # noqa: PLR0124 - not NaN
    if len(known) > 1 and min(known.values()) < 0.9:
        hardest = min(known, key=lambda name: known[name])
        told.insert(2, f"Hardest to find: '{hardest}' (average precision {number(known[hardest])}).")
    return told


def _suggestion(report: dict[str, Any], history: list[dict[str, Any]], training: dict[str, Any]) -> str:
    ends = [line["val_loss"] for line in history if line.get("val_loss") is not None]
    planned = int(training.get("epochs", 0))
    happened = report["mistakes"]
    if (report["metrics"]["map50"] or 0.0) >= 0.9:
        return "This works well. Try it on pictures of your own, then download the model."
    if len(ends) > 2 and len(ends) >= planned and ends[-1] <= min(ends) and ends[-1] < 0.99 * ends[-3]:
        return f"It was still learning at the end. Train for {2 * planned} epochs instead of {planned}."
    if report["gap"]["verdict"] == "over-fitting":
        return "Label more pictures, or also show mirrored ones, where a mirrored thing is still the same."
    if happened["Missed"] > happened["Found, wrong class"]:
        return "Raise the picture size if the things that it misses are small; else label more pictures."
    return "Label more pictures of the classes that it mixes up, or make the model larger."
