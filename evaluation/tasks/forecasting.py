"""Forecasting: the model answers the values of the steps to come, judged against forecasts that need no model.

Always beside it: the last value going on, the same time a season ago, the line from the first to the last value seen,
and a straight-line model of the same window. All errors are in the target's own unit.

Windows follow each other closely, so their errors are alike; the intervals draw blocks of neighbouring windows (moving
block bootstrap: Künsch, "The jackknife and the bootstrap for general stationary observations", 1989).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Panel
from datasets import series
from datasets._series_plan import ridge
from datasets._series_transform import restored
from evaluation import _rows
from evaluation.asked import Asked, Replying
from evaluation.words import count, number, percent
from recipes import Part, Signature, keras

TITLE = "What comes next"
SENTENCE = "It forecasts the steps to come from those it has seen."
METRICS = {
    "rmse": (
        "Root mean square error", "How far off a forecast is, in its own unit; large errors count more (RMSE).", "down",
    ),
    "mae": ("Mean error", "How far off a forecast is on average, in its own unit (MAE).", "down"),
    "mase": (
        "Scaled error", "The mean error, where 1 is what repeating the past cost in the training part (MASE).", "down",
    ),
    "ratio": (
        "Share of the naive error",
        "Its error (RMSE) as a share of the best forecast without a model; below 1 it is better.",
        "down",
    ),
}  # fmt: skip
LAST, SEASON, DRIFT, LINE = "last value", "a season ago", "drift", "linear model"
NAIVE = (LAST, SEASON)
DRAWS = 1_000
BAND = (0.1, 0.9)
"""Eight of ten validation errors lie within."""
SHOWN_LIVE, SHOWN_WORST = 3, 3
MOST_POINTS, MOST_SEEN = 400, 60
MOST_ROWS = 4_000


def finish(signature: Signature, outputs: Any) -> dict[str, Any]:
    """Turn standardised outputs (batch, horizon) into what was learned: values, or changes, in their own unit."""
    target = signature.target
    return {target.name: keras.layers.Rescaling(target.scale, offset=target.mean, dtype="float32")(outputs)}


def join(signature: Signature, encoding: dict[str, Any], raw: Any, ready: Any, outputs: Any) -> dict[str, Any]:  # noqa: ARG001 - part of the contract
    """Turn the core's outputs and the raw stretch into forecasts (batch, horizon) in the target's own unit."""
    return {signature.target.name: restored(outputs, raw["series"], encoding, keras.ops)}


def evidence(asked: Asked) -> Callable[[], list[Panel]]:
    """Forecast a few held-out stretches, spread over the validation part."""
    part, signature = asked.prepared.part("validation"), asked.signature
    few = _rows.some_of(part, np.unique(np.linspace(0, len(part) - 1, SHOWN_LIVE + 2).astype(int)[1:-1]))
    stretch, future = series.windows(asked.dataset, signature, few.rows)
    naive_name = SEASON if signature.details["season"] > 1 else LAST
    naive = naives(asked, few.rows, stretch)[naive_name]
    charts = [_chart(asked, int(row), stretch[place], future[place]) for place, row in enumerate(few.rows)]

    def ask() -> list[Panel]:
        answer = restored(asked.ask_core(few.x).astype(np.float64), stretch, asked.encoding, np)
        told = [
            chart | {"forecast": _plain(answer[place]), "naive": _plain(naive[place])}
            for place, chart in enumerate(charts)
        ]
        return [_panel(asked, told, naive_name)]

    return ask


def report(asked: Asked, history: list[dict[str, Any]]) -> dict[str, Any]:
    """Judge the forecasts of the sealed last stretch; also writes `predictions.npz`."""
    signature, test = asked.signature, asked.prepared.part("test")
    stretch, truth = series.windows(asked.dataset, signature, test.rows)
    answer = answers(asked, test, stretch)
    _rows.write_predictions(asked.run, test.rows, truth, answer)
    told = naives(asked, test.rows, stretch) | {LINE: straight_line(asked, test, stretch)}
    best = min((name for name in NAIVE if name in told), key=lambda name: _rmse(told[name] - truth))
    judged = {name: judge(asked, truth, each, told[best]) for name, each in told.items()}
    band = band_of(asked)
    found: dict[str, Any] = {
        "task": signature.task,
        "target": signature.target.name,
        "rows": len(test),
        "classes": [],
        "metrics": judge(asked, truth, answer, told[best]),
        "intervals": intervals(asked, truth, answer, told[best]),
        "baselines": [{"name": name, "metrics": each} for name, each in judged.items()],
        "band": band | {"held": float(((answer + band["low"] <= truth) & (truth <= answer + band["high"])).mean())},
        "best_naive": best,
    }
    low, high = found["intervals"]["rmse"] or (None, None)
    found["headline"] = {
        "metric": "rmse", "title": "Error of a forecast (RMSE)", "value": found["metrics"]["rmse"], "low": low,
        "high": high, "baseline": _in_words(asked, best).removeprefix("the "),
        "baseline_value": judged[best]["rmse"], "better": "down",
    }  # fmt: skip
    found["gap"] = gap(asked)
    found["sentences"] = sentences(asked, found)
    found["next"] = suggestion(asked, found, history)
    found["panels"] = [
        _along(asked, test.rows, truth, answer, told[best], band, best),
        _by_horizon(truth, answer, told, asked),
        _skill(truth, answer, told, asked),
        _weakest(asked, test.rows, (stretch, truth, answer, told[best]), best),
    ]
    return found


def reply(replying: Replying) -> dict[str, Any]:
    """Forecast from the values of a form: {"target", "classes", "answer", "low", "high", "seen", "naive"}."""
    signature = replying.signature
    row = replying.row()
    answer = replying.answers(row)[signature.target.name][0].astype(np.float64)
    band = (replying.run.read("report.json") or {}).get("band", {})
    seen = row["series"][0, :, signature.details["target"]]
    told = {"target": signature.target.name, "classes": [], "answer": _plain(answer), "seen": _plain(seen)}
    if band:
        told |= {"low": _plain(answer + band["low"]), "high": _plain(answer + band["high"])}
    season = int(signature.details["season"])
    back = seen[-season:] if 1 < season <= len(seen) else seen[-1:]
    naive = np.resize(back, len(answer))
    return told | {"naive": _plain(naive), "naive_name": SEASON if len(back) > 1 else LAST}


# --- forecasts ----------------------------------------------------------------------------------------------------


def answers(asked: Asked, part: Part, stretch: np.ndarray) -> np.ndarray:
    """Let the core forecast a part: (rows, horizon) in the target's own unit."""
    return restored(asked.ask_core(part.x).astype(np.float64), stretch, asked.encoding, np)


def naives(asked: Asked, rows: np.ndarray, stretch: np.ndarray) -> dict[str, np.ndarray]:
    """Forecast without a model: the last value, a season ago (where there is one), the line through what was seen."""
    details = asked.signature.details
    season, ahead = int(details["season"]), np.arange(1, int(details["horizon"]) + 1)
    seen = stretch[:, :, details["target"]].astype(np.float64)
    last = seen[:, -1:]
    found = {LAST: np.repeat(last, len(ahead), axis=1)}
    if season > 1:
        found[SEASON] = series.before(asked.dataset, asked.signature, rows, season, found[LAST])
    if seen.shape[1] > 1:
        found[DRIFT] = last + (last - seen[:, :1]) / (seen.shape[1] - 1) * ahead
    return found


def straight_line(asked: Asked, part: Part, stretch: np.ndarray) -> np.ndarray:
    """Forecast as a linear model of the same ready windows would, learned from the training part."""
    train = asked.prepared.part("train")
    kept = np.unique(np.linspace(0, len(train) - 1, min(len(train), MOST_ROWS)).astype(int))
    some = _rows.some_of(train, kept)
    weights = ridge(_flat(some), np.asarray(some.y))
    return restored(_flat(part) @ weights, stretch, asked.encoding, np)


def _flat(part: Part) -> np.ndarray:
    x = np.asarray(part.x["series"], dtype=np.float64).reshape(len(part), -1)
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def band_of(asked: Asked) -> dict[str, Any]:
    """Return within what eight of ten errors of the validation part lie, for each step ahead: added to a forecast."""
    part = asked.prepared.part("validation")
    kept = np.unique(np.linspace(0, len(part) - 1, min(len(part), MOST_ROWS)).astype(int))
    some = _rows.some_of(part, kept)
    stretch, truth = series.windows(asked.dataset, asked.signature, some.rows)
    low, high = np.quantile(truth - answers(asked, some, stretch), BAND, axis=0)
    return {"low": low, "high": high}


# --- scores -------------------------------------------------------------------------------------------------------


def judge(asked: Asked, truth: np.ndarray, answer: np.ndarray, naive: np.ndarray) -> dict[str, float | None]:
    """Score forecasts (rows, horizon); `ratio` compares with the best naive forecast."""
    errors = answer - truth
    rmse, mae, usual = _rmse(errors), float(np.abs(errors).mean()), float(asked.encoding["mase"])
    simple = _rmse(naive - truth)
    return {
        "rmse": rmse, "mae": mae, "mase": mae / usual if usual else None, "ratio": rmse / simple if simple else None,
    }  # fmt: skip


def intervals(asked: Asked, truth: np.ndarray, answer: np.ndarray, naive: np.ndarray) -> dict[str, list[float] | None]:
    """Give each score its 95 % interval, drawing blocks of neighbouring windows; None where there is no spread."""
    squared, absolute = ((answer - truth) ** 2).mean(axis=1), np.abs(answer - truth).mean(axis=1)
    simple = ((naive - truth) ** 2).mean(axis=1)
    drawn = [each[:, 0] for each in _drawn((squared[:, None], absolute[:, None], simple[:, None]), truth, asked.seed)]
    usual = float(asked.encoding["mase"])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "rmse": np.sqrt(drawn[0]), "mae": drawn[1], "mase": drawn[1] / usual if usual else np.full(DRAWS, np.nan),
            "ratio": np.sqrt(drawn[0] / drawn[2]),
        }  # fmt: skip
    return {name: _middle(values) for name, values in found.items()}


def _drawn(measures: tuple[np.ndarray, ...], truth: np.ndarray, seed: int) -> list[np.ndarray]:
    """Average each measure (rows, columns) over drawn blocks of neighbouring windows: (draws, columns), all alike."""
    rows, horizon = truth.shape
    size = int(min(max(horizon, round(2 * rows ** (1 / 3))), max(1, rows // 3)))
    blocks = -(-rows // size)
    starts = np.random.default_rng(seed).integers(0, rows - size + 1, (DRAWS, blocks))
    sums = [np.concatenate([np.zeros((1, each.shape[1])), np.cumsum(each, axis=0)]) for each in measures]
    return [(each[starts + size] - each[starts]).sum(axis=1) / (blocks * size) for each in sums]


def _middle(values: np.ndarray) -> list[float] | None:
    if not np.isfinite(values).all():
        return None
    low, high = np.percentile(values, (2.5, 97.5))
    return [float(low), float(high)] if high > low else None


def _rmse(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


def gap(asked: Asked) -> dict[str, Any]:
    """Judge the finished model once more on what it learned from and on what it was watched with."""
    told = {}
    for name in ("train", "validation"):
        part = asked.prepared.part(name)
        kept = np.unique(np.linspace(0, len(part) - 1, min(len(part), MOST_ROWS)).astype(int))
        some = _rows.some_of(part, kept)
        stretch, truth = series.windows(asked.dataset, asked.signature, some.rows)
        simple = naives(asked, some.rows, stretch)
        best = min((simple[each] for each in NAIVE if each in simple), key=lambda each: _rmse(each - truth))
        told[name] = judge(asked, truth, answers(asked, some, stretch), best) | {"rows": len(some)}
    learned, watched = told["train"]["ratio"], told["validation"]["ratio"]
    if learned is None or watched is None:
        verdict, sentence = "unknown", "The naive forecast makes no error, so nothing can be compared."
    elif watched > 1.3 * learned + 0.05:
        verdict = "over-fitting"
        sentence = (
            f"Beside the naive forecast it errs less on the stretch it learned from ({percent(learned)} of the naive "
            f"error) than on the stretch after it ({percent(watched)}): it learned some of it by heart (over-fitting)."
        )
    elif learned > 0.95:
        verdict = "under-fitting"
        sentence = (
            f"Even on the stretch it learned from it makes {percent(learned)} of the naive error: it has not learned "
            "enough, or there is little to learn (under-fitting)."
        )
    else:
        verdict = "fine"
        sentence = (
            f"It does about as well on new stretches ({percent(watched)} of the naive error) as on those it learned "
            f"from ({percent(learned)})."
        )
    return {**told, "verdict": verdict, "sentence": sentence}


# --- words --------------------------------------------------------------------------------------------------------


def sentences(asked: Asked, found: dict[str, Any]) -> list[str]:
    """Say what the scores mean, most important first, and plainly where the naive forecast wins."""
    details, metrics = asked.signature.details, found["metrics"]
    rmse = {each["name"]: each["metrics"]["rmse"] for each in found["baselines"]}
    steps = count(details["horizon"], details["step"] if details["step"].isalpha() else "step")
    off, forecasts = number(metrics["mae"]), count(found["rows"], "forecast")
    told = [
        f"Its forecasts of the next {steps} are off by {off} on average ({forecasts} on a stretch it had never seen).",
        _against_naive(asked, found, rmse),
    ]
    interval = found["intervals"]["ratio"]
    if interval is not None:
        low, high = (percent(each) for each in interval)
        told.append(f"Chance plays a part: the true share lies between {low} and {high} (95 % sure).")
    line = rmse[LINE]
    if line < 0.97 * metrics["rmse"]:
        told.append(f"A straight-line model of the same window is better ({number(line)}): the network adds nothing.")
    elif line > 1.03 * metrics["rmse"]:
        told.append(f"A straight-line model of the same window reaches {number(line)}, so the network adds something.")
    else:
        told.append(f"A straight-line model of the same window does as well ({number(line)}).")
    if details["transform"] != "none":
        told.append(f"It learned {_learned(details['transform'])}.")
    told.append(
        f"The band around a forecast is made from validation errors to hold 8 of 10 values; here it held "
        f"{percent(found['band']['held'])}."
    )
    return told


def _against_naive(asked: Asked, found: dict[str, Any], rmse: dict[str, float]) -> str:
    best, ours = found["best_naive"], found["metrics"]["rmse"]
    others = [name for name in NAIVE if name in rmse]
    plain = " and ".join(f"{_in_words(asked, name)} {number(rmse[name])}" for name in others)
    told = f"Its error (RMSE) is {number(ours)}; without any model, {plain}."
    ratio = found["metrics"]["ratio"]
    if ratio is None:
        return told
    if ratio >= 1:
        return f"{told} So {_in_words(asked, best)} is the better forecast: do not use this model yet."
    return f"{told} That is {percent(ratio)} of the better naive error."


def _in_words(asked: Asked, name: str) -> str:
    details = asked.signature.details
    if name != SEASON:
        return {LAST: "the last value", DRIFT: "the line through what was seen"}[name]
    yearly = (details["step"], details["season"]) in {("month", 12), ("quarter", 4), ("week", 52), ("day", 365)}
    if yearly:
        return "the value a year ago"
    known = {("day", 7): "the value a week ago", ("hour", 24): "the value a day ago"}
    steps = f"{details['season']} {details['step']}s" if details["step"].isalpha() else f"{details['season']} steps"
    return known.get((details["step"], details["season"]), f"the value {steps} ago")


def _learned(transform: str) -> str:
    return {
        "difference": "how far values move from the last one",
        "log difference": "by how many percent values move from the last one",
        "seasonal difference": "how far values differ from those a season ago",
    }[transform]


def suggestion(asked: Asked, found: dict[str, Any], history: list[dict[str, Any]]) -> str:
    """Choose the one next step that helps most."""
    ratio, details = found["metrics"]["ratio"], asked.signature.details
    line = next(each["metrics"]["rmse"] for each in found["baselines"] if each["name"] == LINE)
    ends = [each for each in history if each.get("val_loss") is not None]
    planned = asked.recipe.training.get("epochs")
    if ratio is not None and ratio >= 1:
        other = "difference" if details["transform"] == "none" else "none"
        return (
            f"Set 'Learn changes' to {other}, or let the model see more than {details['window']} steps. If neither "
            "helps, the naive forecast is hard to beat here."
        )
    if planned and len(ends) >= planned and min(ends, key=lambda each: each["val_loss"]) is ends[-1]:
        return f"The validation loss was still falling at the end. Train for {2 * planned} epochs instead of {planned}."
    if line < 0.97 * found["metrics"]["rmse"]:
        return "A straight-line model does better here. Try a smaller network, a lower learning rate, or less dropout."
    if found["gap"]["verdict"] == "over-fitting":
        return "Raise the dropout or make the network smaller; a longer past helps most of all."
    if found["rows"] < 50:
        return f"The test part has only {count(found['rows'], 'forecast')}. A longer series would make the score surer."
    return "This works well. Try it on values of your own, then download the model."


# --- pictures -----------------------------------------------------------------------------------------------------


def _panel(asked: Asked, charts: list[dict[str, Any]], naive: str, title: str = "", sentence: str = "") -> Panel:
    known = {"title": title, "sentence": sentence} if title else {}
    return {
        "kind": "forecast", **known, "target": asked.signature.target.name, "naive": _in_words(asked, naive),
        "moments": series.has_moments(asked.dataset), "charts": charts,
    }  # fmt: skip


def _chart(asked: Asked, row: int, seen: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """Return what was seen and what came: times are numbers (milliseconds where they are moments)."""
    before = min(len(seen), MOST_SEEN)
    times = series.times_of(asked.dataset, np.arange(row - before, row + len(truth)))
    return {
        "row": row, "name": series.words_of(asked.dataset, row), "times": times,
        "seen": _plain(seen[-before:, asked.signature.details["target"]]), "truth": _plain(truth),
    }  # fmt: skip


def _along(
    asked: Asked, rows: np.ndarray, truth: np.ndarray, answer: np.ndarray, naive: np.ndarray, band: dict[str, Any],
    best: str,
) -> Panel:  # fmt: skip
    """Put forecasts one behind the other along the test stretch (of the longest series), each as far as the next."""
    horizon = truth.shape[1]
    whole = series.longest_run(asked.dataset, rows)
    chosen = whole[: max(1, MOST_POINTS // horizon) * horizon : horizon]
    steps = (rows[chosen][:, None] + np.arange(horizon)).ravel()
    low, high = (answer[chosen] + band[side] for side in ("low", "high"))
    chart = {
        "row": int(rows[chosen[0]]), "name": "", "times": series.times_of(asked.dataset, steps), "seen": [],
        "truth": _plain(truth[chosen].ravel()), "forecast": _plain(answer[chosen].ravel()),
        "naive": _plain(naive[chosen].ravel()), "low": _plain(low.ravel()), "high": _plain(high.ravel()),
    }  # fmt: skip
    sentence = f"Every {horizon} steps a new forecast begins; it knows only what came before."
    if horizon == 1:
        sentence = "Each value is forecast from what came before it."
    sentence += " The band is to hold 8 of 10 values."
    return _panel(asked, [chart], best, "The last stretch, never seen in training", sentence)


def _weakest(asked: Asked, rows: np.ndarray, told: tuple[np.ndarray, ...], best: str) -> Panel:
    """Show the forecasts with the largest errors, from different times."""
    stretch, truth, answer, naive = told
    errors = ((answer - truth) ** 2).mean(axis=1)
    chosen: list[int] = []
    for place in np.argsort(-errors, kind="stable"):
        if all(abs(int(rows[place]) - int(rows[other])) > 2 * truth.shape[1] for other in chosen):
            chosen.append(int(place))
        if len(chosen) == SHOWN_WORST:
            break
    charts = [
        _chart(asked, int(rows[place]), stretch[place], truth[place])
        | {"forecast": _plain(answer[place]), "naive": _plain(naive[place])}
        for place in chosen
    ]
    return _panel(asked, charts, best, "Where it fails most", "The forecasts that were furthest off.")


def _by_horizon(truth: np.ndarray, answer: np.ndarray, told: dict[str, np.ndarray], asked: Asked) -> Panel:
    """Show how the error grows the further the forecast looks ahead."""

    def errors(each: np.ndarray) -> list[float]:
        return _plain(np.sqrt(((each - truth) ** 2).mean(axis=0)))

    lines = [{"name": "This model", "role": "test", "values": errors(answer)}]
    roles = {LAST: "baseline", SEASON: "validation", LINE: "training"}
    names = {LINE: "straight-line model"}
    lines += [
        {"name": names.get(name) or _in_words(asked, name), "role": role, "values": errors(told[name])}
        for name, role in roles.items()
        if name in told
    ]
    return {
        "kind": "lines", "title": "How far ahead", "sentence": "The further ahead, the harder: the error of each step.",
        "x": list(range(1, truth.shape[1] + 1)), "x_title": "Steps ahead", "y_title": "Error (RMSE)", "zero": True,
        "whole": True, "lines": lines,
    }  # fmt: skip


def _skill(truth: np.ndarray, answer: np.ndarray, told: dict[str, np.ndarray], asked: Asked) -> Panel:
    """Show for each step how much of each naive error the model saves, with its 95 % interval."""
    names = [name for name in NAIVE if name in told]
    squared = [(each - truth) ** 2 for each in (answer, *(told[name] for name in names))]
    drawn = _drawn(tuple(squared), truth, asked.seed)
    lines = []
    for place, name in enumerate(names, 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            values = 1 - np.sqrt(squared[0].mean(axis=0) / squared[place].mean(axis=0))
            low, high = np.percentile(1 - np.sqrt(drawn[0] / drawn[place]), (2.5, 97.5), axis=0)
        ends = {"values": _known(values), "low": _known(low), "high": _known(high)}
        lines.append({"name": f"against {_in_words(asked, name)}"} | ends)
    return {
        "kind": "skill", "title": "Is it worth it?", "lines": lines,
        "sentence": "The share of a naive forecast's error that the model saves, for each step: above 0 it helps. The "
        "bands are where the true share lies (95 % sure).",
    }  # fmt: skip


def _known(values: np.ndarray) -> list[float | None]:
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values]


def _plain(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
