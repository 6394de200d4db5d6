"""The report in sentences: what was found, over- or under-fitting, and one suggestion what to do next."""

from collections.abc import Callable, Sequence
from typing import Any

from evaluation import slices
from evaluation.words import count, number, percent

MANY_POINTS = 0.05
"""A gap of five points of accuracy between training and validation is worth a word, if chance does not explain it."""
MUCH_VARIANCE = 0.1

Scores = dict[str, Any]


def about(report: dict[str, Any]) -> list[str]:
    """Say what the scores mean, most important first."""
    told = _about_classes(report) if report["task"] == "classification" else _about_values(report)
    return [sentence for sentence in told if sentence]


def gap(
    task: str, train: Scores, validation: Scores, yardsticks: list[dict[str, Any]],
    history: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:  # fmt: skip
    """Compare the finished model on training and validation rows: over-fitting, under-fitting, limited, or fine.

    `limited`: little was learned, but the curve shows that learning more only made it worse on new rows.
    """
    verdict = _verdict(task, train, validation, yardsticks)
    if verdict == "under-fitting" and _went_too_far(history):
        verdict = "limited"
    return {"train": train, "validation": validation, "verdict": verdict, "sentence": _gap_sentence(task, train,
            validation, verdict)}  # fmt: skip


def beyond_chance(learned: float, watched: float, margin: float, rows: int) -> bool:
    """Say whether a share on training rows is above that on `rows` validation rows by more than chance and margin."""
    return learned - watched > max(margin, 2 * (max(0.0, watched * (1 - watched)) / rows) ** 0.5)


def suggestion(report: dict[str, Any], history: list[dict[str, Any]], training: dict[str, Any]) -> str:
    """Choose the one next step that helps most."""
    found = (
        _still_falling(history, training)
        or _against_the_gap(report["gap"]["verdict"])
        or _against_the_line(report)
        or _weakest_class(report)
        or _weakest_group(report)
        or _more_rows(report)
    )
    return found or "This works well. Try it on examples of your own, then download the model."


def _about_classes(report: dict[str, Any]) -> list[str]:
    metrics, rows = report["metrics"], report["rows"]
    right, share = round(metrics["accuracy"] * rows), percent(metrics["accuracy"])
    told = [
        _rare_sentence(report),
        f"Right on {right:,} of {count(rows, 'example')} that the model had never seen ({share}).",
        _range_sentence(report, "accuracy", percent),
        _yardstick_sentence(report, "accuracy", percent, "Always answering with the most frequent class"),
        _confusion_sentence(report),
    ]
    absent = [entry["class"] for entry in report["per_class"] if not entry["rows"]]
    if absent:
        told.append(f"The test part has no example of '{absent[0]}', so nothing is known about that class.")
    return told


def _rare_sentence(report: dict[str, Any]) -> str:
    """Say how much of a rare class is found for how many false alarms; accuracy would praise who finds nothing."""
    name = report.get("sought")
    if not name or report["metrics"]["recall_at_1"] is None:
        return ""
    there = next(entry["rows"] for entry in report["per_class"] if entry["class"] == name)
    found = round(report["metrics"]["recall_at_1"] * there)
    return (
        f"If 1 in 100 of the other examples may raise a false alarm, it finds {found:,} of {there:,} '{name}' "
        f"({percent(report['metrics']['recall_at_1'])})."
    )


def _about_values(report: dict[str, Any]) -> list[str]:
    metrics, rows, target = report["metrics"], report["rows"], report["target"]
    error = number(metrics["mae"])
    told = [
        f"On {count(rows, 'example')} that the model had never seen it misses '{target}' by {error} on average.",
        _range_sentence(report, "mae", number),
    ]
    if metrics["r2"] is not None:
        told.append(_explained_sentence(metrics["r2"], target))
    told.append(_yardstick_sentence(report, "mae", number, "Always answering with the mean", "would miss it by"))
    return told


def _range_sentence(report: dict[str, Any], metric: str, words: Callable[[float], str]) -> str:
    rows, interval = report["rows"], report["intervals"][metric]
    if interval is None:
        return ""
    low, high = map(words, interval)
    few = f"With only {count(rows, 'test example')}, chance plays a part" if rows < 200 else "Chance plays a small part"
    return f"{few}: the true value lies between {low} and {high} (95 % sure)."


def _explained_sentence(r2: float, target: str) -> str:
    if r2 < 0:
        return (
            f"It explains nothing of the ups and downs of '{target}': the mean alone would be nearer (R² {number(r2)})."
        )
    return f"It explains {percent(r2)} of the ups and downs of '{target}' (R²)."


def _yardstick_sentence(
    report: dict[str, Any], metric: str, write: Any, simplest: str, would: str = "would reach"
) -> str:
    first, *others = report["baselines"]
    linear = next((entry["metrics"][metric] for entry in others if entry["name"] == "linear model"), None)
    told = f"{simplest} {would} {write(first['metrics'][metric])}"
    return f"{told}, a plain linear model {write(linear)}." if linear is not None else f"{told}."


def _confusion_sentence(report: dict[str, Any]) -> str:
    names, counts = report["classes"], report["confusion"]["counts"]
    pairs = [(int(counts[there][answered]), there, answered) for there in range(len(names)) for answered in
             range(len(names)) if there != answered]  # fmt: skip
    amount, there, answered = max(pairs, key=lambda pair: pair[0])
    if not amount:
        return "It mixed up no classes at all." if report["rows"] > 1 else ""
    took = f"{count(amount, 'time')}" if amount > 1 else "once"
    return f"The most common mistake: '{names[there]}' taken for '{names[answered]}' ({took})."


def _verdict(task: str, train: Scores, validation: Scores, yardsticks: list[dict[str, Any]]) -> str:
    metric, margin = ("accuracy", MANY_POINTS) if task == "classification" else ("r2", MUCH_VARIANCE)
    learned, watched = train[metric], validation[metric]
    if learned is None or watched is None:
        return "unknown"
    is_share = task == "classification"
    if beyond_chance(learned, watched, margin, validation["rows"]) if is_share else learned - watched > margin:
        return "over-fitting"
    simplest = yardsticks[0]["metrics"][metric] or 0.0
    best = max(entry["metrics"][metric] or 0.0 for entry in yardsticks)
    little = simplest + 0.2 * (1 - simplest)
    return "under-fitting" if learned < little or learned < best - margin else "fine"


def _gap_sentence(task: str, train: Scores, validation: Scores, verdict: str) -> str:
    metric, title, write = ("accuracy", "", percent) if task == "classification" else ("r2", "R² ", number)
    if verdict == "unknown":
        return "There are too few rows to compare training and validation."
    seen, unseen = f"{title}{write(train[metric])}", f"{title}{write(validation[metric])}"
    return {
        "over-fitting": f"It knows its training rows better ({seen}) than new rows ({unseen}): it learned some of them "
        "by heart (over-fitting).",
        "under-fitting": f"It is not good yet even on its own training rows ({seen}; new rows {unseen}): it has not "
        "learned enough (under-fitting).",
        "limited": f"It is not very good even on its own training rows ({seen}; new rows {unseen}), and learning them "
        "better made it worse on new ones: these columns or examples hold little more to be learned.",
        "fine": f"It does about as well on new rows ({unseen}) as on its training rows ({seen}): neither learned by "
        "heart nor learned too little.",
    }[verdict]


def _went_too_far(history: Sequence[dict[str, Any]]) -> bool:
    """Did training go on after the best epoch, better on its own rows and worse on new ones?"""
    ends = [line for line in history if line.get("val_loss") is not None and line.get("loss") is not None]
    ends = [line for line in ends if line.get("stage") == ends[-1].get("stage")]  # losses of stages are not alike
    if len(ends) < 2:
        return False
    best = min(ends, key=lambda line: line["val_loss"])
    return ends[-1]["val_loss"] > 1.01 * best["val_loss"] and ends[-1]["loss"] < 0.97 * best["loss"]


def _still_falling(history: list[dict[str, Any]], training: dict[str, Any]) -> str:
    ends = [line for line in history if line.get("val_loss") is not None]
    planned = training.get("epochs")
    if len(ends) < 2 or not planned or ends[-1]["epoch"] < planned:
        return ""
    best = min(ends, key=lambda line: line["val_loss"])
    before = ends[max(0, len(ends) - 1 - max(1, len(ends) // 10))]
    if best is not ends[-1] or best["val_loss"] > 0.99 * before["val_loss"]:
        return ""
    return (
        f"The validation loss was still falling in the last epoch. Train for {2 * planned} epochs instead of {planned}."
    )


def _against_the_gap(verdict: str) -> str:
    return {
        "over-fitting": "Raise the dropout or make the network smaller; more training examples help too.",
        "limited": "Give it what tells more: another column, clearer examples. A larger network would not help.",
        "under-fitting": "Make the network wider or deeper, train for more epochs, or try a higher learning rate.",
    }.get(verdict, "")


def _against_the_line(report: dict[str, Any]) -> str:
    metric = report["headline"]["metric"]
    linear = next((entry["metrics"][metric] for entry in report["baselines"] if entry["name"] == "linear model"), None)
    reached = report["headline"]["value"]
    if linear is None or reached is None or linear <= reached:
        return ""
    return "A plain linear model does better here. Try a smaller network, a lower learning rate, or more examples."


def _weakest_class(report: dict[str, Any]) -> str:
    there = [entry for entry in report.get("per_class", []) if entry["rows"] >= 3]
    weakest = min(there, key=lambda entry: entry["recall"], default=None)
    if weakest is None or weakest["recall"] >= min(0.8, report["metrics"]["accuracy"]):
        return ""
    found = round(weakest["recall"] * weakest["rows"])
    return (
        f"Class '{weakest['class']}' is found least often ({found:,} of {weakest['rows']:,}). Add examples of it, "
        "or set the class weights to balanced."
    )


def _weakest_group(report: dict[str, Any]) -> str:
    weak = report.get("groups", {}).get("weak", [])
    if not weak:
        return ""
    place = slices.in_words(weak[0]["conditions"])
    return f"It is weakest where {place}. Open these rows under 'Look closer', and add examples of that kind."


def _more_rows(report: dict[str, Any]) -> str:
    if report["rows"] >= 50:
        return ""
    return f"The test part has only {count(report['rows'], 'example')}. More data would make the score surer."
