"""Recommendation: the model says how high somebody would rate something, and so what to offer next."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from evaluation import _ranking, _rows, conformal, scores, slices
from evaluation._ranking import Newcomers, Pairs
from evaluation.asked import Asked, Replying
from evaluation.words import count, number, percent
from recipes import Part, Refusal, Signature, keras

TITLE = "A recommendation"
SENTENCE = "It says how much somebody would like something, and makes lists of what to try next."
METRICS = {
    "rmse": ("Error (RMSE)", "How far off a rating is, large errors counting more; in steps of the rating.", "down"),
    "mae": ("Mean error", "How far off a rating is on average (MAE).", "down"),
    "r2": ("R²", "The share of the ups and downs that the model explains: 1 is perfect, 0 is the mean.", "up"),
    "mse": ("Mean square error", "The mean of the squared errors.", "down"),
    "order": ("Right order", "Of two ratings of one user, how often the higher one is put first; 0.5 is luck.", "up"),
    "precision_at_10": (
        "Hits among ten", "How many of ten recommended items the user had rated high, unseen by the model.", "up",
    ),
    "recall_at_10": ("Found in ten", "How many of the user's hidden favourites are among ten recommended items.", "up"),
}  # fmt: skip
HEADLINE = "rmse"
MOST_POINTS = 1_000
LISTED = 12
"""Items in a reply."""
LIKED = 0.65
"""A rating counts as a favourite from this share of the scale on: 4 of 1 to 5."""
FEWEST_OWN = 1


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:
    """Turn the standardised rating (batch, 1) into the scale of the ratings, held within its ends."""
    target, details = signature.target, signature.details
    own = keras.layers.Rescaling(target.scale, offset=target.mean, dtype="float32")(outputs)
    return {target.name: keras.ops.clip(own, details["low"], details["high"])}


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Ask about a few held-out ratings, from the lowest to the highest."""
    signature, part = asked.signature, asked.prepared.part("validation")
    spread = np.linspace(0, len(part) - 1, min(_rows.SHOWN, len(part))).astype(int)
    few = _rows.some_of(part, np.sort(np.argsort(np.ravel(part.y), kind="stable")[spread]))
    panel = {"kind": "values", "rows": few.rows.tolist(), "truth": truth_of(signature, few).tolist()}
    return _rows.live(asked, few, panel, finish(signature, asked.core.output)[signature.target.name])


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the core on pairs that it never saw; also writes `predictions.npz` and `validation.npz`."""
    signature = asked.signature
    train, test = (asked.prepared.part(name) for name in ("train", "test"))
    answer, known, asked_of = answers(asked, test), _pairs(signature, train), _pairs(signature, test)
    _rows.write_predictions(asked.run, test.rows, asked_of.values, answer)
    seen = _rows.watched(asked, truth_of, lambda part: answers(asked, part))
    yardsticks: list[dict[str, Any]] = [
        {"name": name, "metrics": _judge(asked_of, told)} for name, told in _ranking.yardsticks(known, asked_of).items()
    ]
    details = signature.details
    liked = _liked(details)
    lists = _ranking.lists(known, asked_of, int(details["items"]), liked, asked.seed, _rating(asked))
    judged = _judge(asked_of, answer) | {name: value for name, value in lists.items() if name in METRICS}
    intervals = _ranking.intervals(asked_of, answer, asked.seed)
    low, high = intervals[HEADLINE]
    told = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": len(test),
        "classes": [],
        "metrics": judged,
        "intervals": intervals,
        "baselines": yardsticks,
        **_details(np.asarray(test.rows), asked_of.values, answer),
        "headline": {
            "metric": HEADLINE,
            "title": METRICS[HEADLINE][0],
            "value": judged[HEADLINE],
            "low": low,
            "high": high,
            "baseline": "mean",
            "baseline_value": yardsticks[0]["metrics"][HEADLINE],
            "better": METRICS[HEADLINE][2],
        },
        "band": conformal.band(asked_of.values, answer, seen),
        "groups": slices.judge(
            _known(known, asked_of), np.asarray(test.rows), np.abs(answer - asked_of.values), "down"
        ),
        "lists": lists,
        "newcomers": _newcomers(asked).plain(),
        "panels": asked.blueprint.evidence(asked)() if asked.blueprint.evidence else [],
    }
    told["gap"] = _rows.gap(
        asked, truth_of, lambda part: answers(asked, part), scores.of_values, yardsticks, seen, history
    )
    told["sentences"] = _sentences(told, liked, signature)
    told["next"] = _next(told, signature)
    return told


def reply(replying: Replying) -> dict[str, Any]:
    """Answer {"user", "item"} with a rating, or {"ratings": {item: rating}} with a list of items for somebody new.

    A list is {"items": [{"name", "value"}], "rated": how many ratings were understood}.
    """
    if "ratings" in replying.values:
        return _list_for(replying, dict(replying.values["ratings"]))
    target = replying.signature.target
    return {"target": target.name, "classes": [], "answer": replying.answers()[target.name][0].tolist()}


def answers(asked: Asked, part: Part) -> np.ndarray:
    """Let the core answer a part: ratings (rows,), held within the ends of the scale."""
    return _on_scale(asked.signature, asked.ask_core(part.x).reshape(len(part)))


def truth_of(signature: Signature, part: Part) -> np.ndarray:
    """Return a part's true ratings: (rows,)."""
    return _rows.in_own_unit(signature, np.asarray(part.y).reshape(len(part)).astype(np.float64))


def _judge(asked_of: Pairs, answer: np.ndarray) -> scores.Scores:
    return scores.of_values(asked_of.values, answer) | {"order": _ranking.order(asked_of, answer)}


def _on_scale(signature: Signature, outputs: np.ndarray) -> np.ndarray:
    own = _rows.in_own_unit(signature, outputs.astype(np.float64))
    return np.clip(own, signature.details["low"], signature.details["high"])


def _liked(details: dict[str, Any]) -> float:
    """Return the least rating of a favourite: one that can be given, where ratings come in steps."""
    share = LIKED * (details["high"] - details["low"])
    return details["low"] + (math.ceil(share / details["step"]) * details["step"] if details["step"] else share)


def _pairs(signature: Signature, part: Part) -> Pairs:
    return Pairs(np.asarray(part.x["user"]), np.asarray(part.x["item"]), truth_of(signature, part))


def _rating(asked: Asked) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what rates pairs of numbers of users and items, from their vectors: one product for all pairs."""
    users, items = (_described(asked, name) for name in ("users", "items"))

    def rate(who: np.ndarray, what: np.ndarray) -> np.ndarray:
        fit = np.einsum("rf,rf->r", users["vector"][who], items["vector"][what])
        return fit + users["level"][who] + items["level"][what]

    return rate


def _described(asked: Asked, name: str) -> dict[str, np.ndarray]:
    """Return vectors (all + 1, factors) and levels (all + 1,) of every user or item, the unknown one first."""
    model = asked.blueprint.deliverables[name].model
    return _vectors(model, name, int(asked.signature.details[name]), asked.encoding)


def _vectors(model: Any, name: str, amount: int, encoding: dict[str, Any]) -> dict[str, np.ndarray]:
    inputs: dict[str, np.ndarray] = {name.removesuffix("s"): np.arange(amount + 1, dtype=np.int32)}
    if "features" in model.input:
        inputs["features"] = np.array(encoding["features"]["table"], dtype=np.float32)
    told = model.predict_on_batch(inputs)
    return {
        "vector": np.asarray(told["vector"], dtype=np.float64),
        "level": np.asarray(told["level"], dtype=np.float64).reshape(-1),
    }


def _known(train: Pairs, test: Pairs) -> list[slices.Column]:
    """Return how much is known of the user and of the item of each pair."""
    columns = []
    for name, seen, asked_of in (("user", train.users, test.users), ("item", train.items, test.items)):
        counts = np.bincount(seen, minlength=int(max(seen.max(), asked_of.max())) + 1)
        columns.append(slices.Column(f"Known ratings of the {name}", counts[asked_of].astype(np.float64), "number"))
    return columns


def _newcomers(asked: Asked) -> Newcomers:
    """Learn from the known users what to expect of somebody new; the noise is the error on held-out ratings."""
    users = _described(asked, "users")
    part = asked.prepared.part("validation")
    noise = float(np.mean((asked.ask_core(part.x).reshape(-1) - np.ravel(part.y)) ** 2))
    return Newcomers.among(users["level"][1:], users["vector"][1:], noise)


def _list_for(replying: Replying, ratings: dict[str, Any]) -> dict[str, Any]:
    """Find the person by their ratings, then rate everything else for them."""
    signature, encoding = replying.signature, replying.encoding
    place_of = {name: place for place, name in enumerate(encoding["items"])}
    own = {place_of[name]: float(value) for name, value in ratings.items() if name in place_of}
    if len(own) < FEWEST_OWN:
        raise Refusal(f"Rate at least one {signature.details['item_word']} first.")
    report = replying.run.read("report.json")
    if report is None:
        raise Refusal("This run has no report yet. Wait until it has finished.")
    items = _vectors(replying.model("items"), "items", len(encoding["items"]), encoding)
    level, vector = items["level"][1:], items["vector"][1:]
    seen, target = np.array(list(own)), signature.target
    standard = (np.array(list(own.values())) - target.mean) / target.scale
    person = Newcomers.read(report["newcomers"]).of(level[seen], vector[seen], standard)
    rated = person[0] + level + vector @ person[1:]
    order = [place for place in np.argsort(-rated, kind="stable") if place not in own][:LISTED]
    values = _on_scale(signature, rated)
    return {
        "rated": len(own),
        "items": [{"name": encoding["items"][place], "value": round(float(values[place]), 2)} for place in order],
    }


def _sentences(report: dict[str, Any], liked: float, signature: Signature) -> list[str]:
    metrics, rows, base = report["metrics"], report["rows"], report["baselines"]
    off, mean = number(metrics["rmse"]), base[0]["metrics"]["rmse"]
    told = [
        f"{count(rows, 'rating')} that it had never seen: off by {number(metrics['mae'])} on average (RMSE {off}).",
        _against_the_mean(metrics["rmse"], mean, base[-1]["metrics"]["rmse"]),
    ]
    if metrics["order"] is not None:
        told.append(f"Of two ratings of one user it puts the higher one first in {percent(metrics['order'])} of cases.")
    if lists := report["lists"]:
        told.append(_about_lists(lists, liked, signature))
    return told


def _about_lists(lists: dict[str, Any], liked: float, signature: Signature) -> str:
    own, famous = (10 * found["precision_at_10"] for found in (lists, lists["famous"]))
    told = (
        f"Of ten recommended, {own:.1f} are among the user's hidden favourites (rated {number(liked)} or more); what "
        "was never rated counts as a miss"
    )
    if famous > own:
        word = signature.details["item_word"]
        return f"{told}, so that a list of the best known {word}s, which most people have rated, hits {famous:.1f}."
    return f"{told}. A list of the best known ones would hit {famous:.1f}."


def _against_the_mean(reached: float, mean: float, levels: float) -> str:
    if reached >= mean:
        return f"Always answering with the mean would be no worse: RMSE {number(mean)}."
    return (
        f"Always answering with the mean gives an RMSE of {number(mean)}: the error is {percent(1 - reached / mean)} "
        f"smaller. The levels of user and item alone reach {number(levels)}."
    )


def _next(report: dict[str, Any], signature: Signature) -> str:
    levels = report["baselines"][-1]["metrics"]["rmse"]
    if report["metrics"]["rmse"] >= levels:
        return "The plain levels of user and item do as well. Raise the L2 penalty, or bring more ratings per user."
    if report["gap"]["verdict"] == "over-fitting":
        return "Raise the L2 penalty or use fewer tastes; more ratings help too."
    if not signature.details["features"]:
        return "Add columns about the items, such as a genre, and try two towers."
    return "This works well. Rate a few items of your own under Try and see what it recommends."


def _details(rows: np.ndarray, truth: np.ndarray, answer: np.ndarray) -> dict[str, Any]:
    errors = answer - truth
    order = np.argsort(np.abs(errors), kind="stable")
    shown = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).astype(int))

    def example(index: int) -> dict[str, Any]:
        return {"row": rows[index], "truth": truth[index], "answer": answer[index], "error": errors[index]}

    return {
        "scatter": {"truth": truth[shown], "answer": answer[shown], "rows": rows[shown]},
        "residuals": scores.histogram(errors),
        "best": [example(index) for index in order[: _rows.EXAMPLES]],
        "worst": [example(index) for index in order[::-1][: _rows.EXAMPLES]],
    }
