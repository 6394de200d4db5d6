"""Reconstruction: the model rebuilds each example from few numbers; the error of rebuilding says how odd it is.

Where some classes count as odd (`details["anomalies"]` of the signature), they stand in the test part alone, and the
report judges how well the error finds them. The threshold comes from the validation part, which holds none of them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel, _sheets
from evaluation import _rows, scores
from evaluation.asked import Asked, Replying
from recipes import Part, Signature, keras

TITLE = "Itself again"
SENTENCE = "It squeezes each example into a few numbers and rebuilds it; what it cannot rebuild is odd."
METRICS = {
    "error": ("Rebuilding error", "The mean squared error of a rebuilt example, as the model sees it.", "down"),
    "explained": ("Kept", "The share of the differences between examples that survives: 1 is all of it.", "up"),
    "roc_auc": ("ROC AUC", "How well the error puts odd before usual: 0.5 is guessing, 1 is perfect.", "up"),
    "average_precision": (
        "Average precision", "How clean the list of the oddest stays while more of the odd ones are found.", "up",
    ),
    "recall_at_1": ("Found at 1 % false alarms", "The share of the odd ones found if 1 % of the usual may ring.", "up"),
}  # fmt: skip
SHOWN = 8
BINS = 40
ALARMS = (0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Shares of false alarms between which a person can choose."""
USUAL_ALARMS = 0.05
MOST_TRAINING_ROWS = 5_000
"""Rows from which the yardsticks are fitted."""
DRAWS = 500


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:  # noqa: ARG001 - part of the contract
    """Pass named answers on, in full precision: `reconstruction` and `error`, or the `code` of an encoder."""
    return {name: keras.layers.Activation("linear", dtype="float32")(each) for name, each in outputs.items()}


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Rebuild the same few validation rows again and again, and show how the errors spread."""
    part = asked.prepared.part("validation")
    chosen = np.random.default_rng(asked.seed).permutation(len(part))[:256]
    few = _rows.some_of(part, np.sort(chosen))

    def look() -> list[Panel]:
        told = asked.ask_core(few.x)
        errors = told["error"].ravel()
        panels = [_histogram({"Held out": errors}, {}, "How well it rebuilds now")]
        if asked.signature.data_type == "image":
            pictures, columns = _sheets.paired(_only(few)[:SHOWN], told["reconstruction"][:SHOWN])
            sentence = "Pictures that it never trains on, and what it makes of them."
            panels.insert(0, _sheets.panel(pictures, columns, "Rebuilt", sentence, ("Picture", "Rebuilt")))
        return panels

    return look


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: ARG001 - part of the contract
    """Judge the errors on the sealed test part; also writes `predictions.npz`."""
    signature, seed = asked.signature, asked.seed
    train, validation, test = (asked.prepared.part(name) for name in ("train", "validation", "test"))
    told = asked.ask_core(test.x)
    errors = told["error"].ravel().astype(np.float64)
    odd = odd_rows(signature, test)
    _rows.write_predictions(asked.run, test.rows, odd.astype(np.int64), errors)
    usual_of_validation = asked.ask_core(validation.x)["error"].ravel().astype(np.float64)
    yardsticks = _yardsticks(asked, train, test)
    spread = float(yardsticks["mean"][~odd].mean())
    found = {name: _judge(each, odd, spread) for name, each in {"model": errors, **yardsticks}.items()}
    judged = found.pop("model")
    names = {"mean": "mean of all", "components": f"straight-line code of {_code_size(asked)}"}
    alarms = _alarms(usual_of_validation, errors, odd)
    report_ = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": len(test),
        "classes": [],
        "metrics": judged,
        "intervals": _intervals(errors, odd, spread, seed),
        "baselines": [{"name": names[name], "metrics": metrics} for name, metrics in found.items()],
        "threshold": alarms["threshold"],
        "panels": _panels(asked, test, told, odd, alarms),
    }
    report_["headline"] = _headline(report_)
    report_["sentences"] = _sentences(report_, signature, odd, alarms)
    report_["next"] = _next(report_)
    return report_


def reply(replying: Replying) -> dict[str, Any]:
    """Rebuild one example: {"error", "threshold", "odd"}, and for a picture {"sheet", "columns"}."""
    row = replying.row()
    told = replying.answers(row)
    error = float(told["error"].ravel()[0])
    report_ = replying.run.read("report.json") or {}
    threshold = report_.get("threshold")
    answer = {"error": error, "threshold": threshold, "odd": None if threshold is None else error > threshold}
    if replying.signature.data_type != "image":
        return answer
    rebuilt = told["reconstruction"]
    pictures = np.concatenate([_brought_to_size(row["picture"], rebuilt.shape[1:3]), rebuilt])
    return answer | {"sheet": _sheets.sheet(pictures, 2, 64), "columns": 2}


def odd_rows(signature: Signature, part: Part) -> np.ndarray:
    """Say of each row whether it counts as odd."""
    return np.isin(np.asarray(part.y).reshape(len(part)), signature.details.get("anomalies", []))


def _only(part: Part) -> np.ndarray:
    return np.asarray(next(iter(part.x.values())))


def _scaled(asked: Asked, part: Part, rows: int | None = None) -> np.ndarray:
    """Return a part as the error sees it, flat: pictures from 0 to 1."""
    array = _only(part) if rows is None else np.asarray(next(iter(part.x.values()))[:rows])
    scale = 255.0 if asked.signature.data_type == "image" else 1.0
    return array.reshape(len(array), -1).astype(np.float64) / scale


def _code_size(asked: Asked) -> int:
    return int(asked.blueprint.deliverables["encoder"].output["code"].shape[-1])


def _yardsticks(asked: Asked, train: Part, test: Part) -> dict[str, np.ndarray]:
    """Rebuild the test part without a network: as the mean, and by principal components, as many as the code has."""
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    known, asked_for = _scaled(asked, train, MOST_TRAINING_ROWS), _scaled(asked, test)
    mean = known.mean(axis=0)
    size = min(_code_size(asked), *known.shape)
    with threadpool_limits(1):
        straight = PCA(size, svd_solver="auto", random_state=asked.seed).fit(known)
        rebuilt = straight.inverse_transform(straight.transform(asked_for))
    return {
        "components": ((asked_for - rebuilt) ** 2).mean(axis=1),
        "mean": ((asked_for - mean) ** 2).mean(axis=1),
    }


def _judge(errors: np.ndarray, odd: np.ndarray, spread: float) -> dict[str, float | None]:
    """Score errors (rows,): how small they are on usual rows, how well they find odd ones."""
    usual = float(errors[~odd].mean())
    told: dict[str, float | None] = {"error": usual, "explained": 1 - usual / spread if spread else None}
    if not odd.any():
        return told
    ranks = scores.of_classes(odd.astype(np.int64), _as_shares(errors))
    return told | {name: ranks[name] for name in ("roc_auc", "average_precision", "recall_at_1")}


def _as_shares(errors: np.ndarray) -> np.ndarray:
    """Turn errors into (rows, 2) from 0 to 1 in the same order, as scores of two classes want them."""
    places = np.searchsorted(np.unique(errors), errors) / max(1, len(np.unique(errors)) - 1)
    return np.stack([1 - places, places], axis=1)


def _intervals(errors: np.ndarray, odd: np.ndarray, spread: float, seed: int) -> scores.Intervals:
    random, usual = np.random.default_rng(seed), errors[~odd]
    means = np.array([usual[random.integers(0, len(usual), len(usual))].mean() for _ in range(DRAWS)])
    low, high = (float(each) for each in np.percentile(means, (2.5, 97.5)))
    told: scores.Intervals = {
        "error": [low, high],
        "explained": [1 - high / spread, 1 - low / spread] if spread else None,
    }
    if not odd.any():
        return told
    ranks = scores.intervals_of_classes(odd.astype(np.int64), _as_shares(errors), seed)
    return told | {name: ranks[name] for name in ("roc_auc", "average_precision", "recall_at_1")}


def _alarms(validation: np.ndarray, errors: np.ndarray, odd: np.ndarray) -> dict[str, Any]:
    """Say for each share of false alarms which threshold gives it, and what it finds in the test part."""
    thresholds = np.quantile(validation, [1 - share for share in ALARMS])
    steps = [
        {
            "asked": share,
            "threshold": float(threshold),
            "alarms": float((errors[~odd] > threshold).mean()),
            "found": float((errors[odd] > threshold).mean()) if odd.any() else None,
        }
        for share, threshold in zip(ALARMS, thresholds, strict=True)
    ]
    usual = next(step for step in steps if step["asked"] == USUAL_ALARMS)
    return {"threshold": usual["threshold"], "usual": usual, "steps": steps}


def _histogram(errors: dict[str, np.ndarray], alarms: dict[str, Any], title: str, sentence: str = "") -> Panel:
    """Count errors in even bins, the far tail in the last one."""
    every = np.concatenate(list(errors.values()))
    low, high = float(every.min()), float(np.quantile(every, 0.995))
    edges = np.linspace(low, high if high > low else low + 1e-9, BINS + 1)
    series = [
        {"name": name, "counts": np.histogram(np.minimum(each, edges[-1]), edges)[0].tolist()}
        for name, each in errors.items()
    ]
    told = {"kind": "histogram", "title": title, "sentence": sentence, "x": "Rebuilding error"}
    return told | {"edges": [float(f"{edge:.4g}") for edge in edges], "series": series, **alarms}


def _panels(
    asked: Asked, test: Part, told: dict[str, np.ndarray], odd: np.ndarray, alarms: dict[str, Any]
) -> list[Panel]:
    errors = told["error"].ravel()
    groups = {"Usual": errors[~odd]} | ({"Odd": errors[odd]} if odd.any() else {})
    sentence = "Move the threshold: fewer false alarms, or more of the odd ones found."
    threshold = {"threshold": alarms["threshold"], "steps": alarms["steps"]}
    panels = [_histogram(groups, threshold, "How odd is odd?", sentence)]
    order = np.argsort(-errors, kind="stable")
    lists = {
        "The oddest": ("The largest errors of the test part.", order[:SHOWN]),
        "The most usual": ("The smallest errors.", order[::-1][:SHOWN]),
    }
    if odd.any() and (missed := order[odd[order]][::-1][:SHOWN]).size:
        lists["The hardest to find"] = ("Odd ones with the smallest errors.", missed)
    for title, (words, places) in lists.items():
        if asked.signature.data_type == "image":
            pictures, columns = _sheets.paired(_only(test)[places], told["reconstruction"][places])
            panels.append(_sheets.panel(pictures, columns, title, words, ("Picture", "Rebuilt")))
        else:
            notes = [f"error {errors[place]:.3g}{', odd' if odd[place] else ''}" for place in places]
            rows = np.asarray(test.rows)[places].tolist()
            panels.append({"kind": "rows", "title": title, "sentence": words, "rows": rows, "notes": notes})
    return panels


def _headline(report_: dict[str, Any]) -> dict[str, Any]:
    metric = "roc_auc" if "roc_auc" in report_["metrics"] else "explained"
    low, high = report_["intervals"][metric] or (None, None)
    first = report_["baselines"][0]
    return {
        "metric": metric,
        "title": METRICS[metric][0],
        "value": report_["metrics"][metric],
        "low": low,
        "high": high,
        "baseline": first["name"],
        "baseline_value": first["metrics"][metric],
        "better": METRICS[metric][2],
    }


def _sentences(report_: dict[str, Any], signature: Signature, odd: np.ndarray, alarms: dict[str, Any]) -> list[str]:
    kept = report_["metrics"]["explained"]
    straight = report_["baselines"][0]["metrics"]["explained"]
    told = []
    if kept is not None and straight is not None:
        told.append(
            f"On {int((~odd).sum()):,} rows that it had never seen, {max(0.0, kept):.0%} of the differences survive "
            f"the squeezing; straight lines with as many numbers keep {max(0.0, straight):.0%}."
        )
    if odd.any():
        names = [signature.details["classes"][number] for number in signature.details["anomalies"]]
        usual = alarms["usual"]
        told.append(
            f"It never trained on {' and '.join(repr(name) for name in names)}. At {usual['alarms']:.0%} false alarms "
            f"it finds {usual['found']:.0%} of the {int(odd.sum()):,} such rows."
        )
    else:
        told.append(
            f"The threshold {alarms['threshold']:.3g} rings for {alarms['usual']['alarms']:.0%} of the test part."
        )
    return told


def _next(report_: dict[str, Any]) -> str:
    headline = report_["headline"]
    value, straight = headline["value"], headline["baseline_value"]
    if value is not None and straight is not None and value <= straight:
        return "A straight-line code does as well. Train longer, or use more units."
    if headline["metric"] == "explained":
        return "Hold out a class, or name a column that says which rows are odd, to see how well it finds them."
    if headline["value"] < 0.9:
        return "Try fewer numbers in the code, or more noise: then odd examples are rebuilt worse."
    return "Try it on examples of your own, and choose how many false alarms you can live with."


def _brought_to_size(picture: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Bring a raw picture (1, height, width, channels) to the size of the rebuilt one, for showing both."""
    if picture.shape[1:3] == size:
        return picture.astype(np.float32)
    return np.asarray(keras.ops.image.resize(picture.astype(np.float32), size, crop_to_aspect_ratio=True))
