"""How a stretch of a series enters a model and how its answer becomes a forecast again, in one code for two readers.

`ops` is `numpy` where arrays are prepared and `keras.ops` where the same steps become part of the download, so that
both agree. A stretch is (rows, window, columns) in its own units; `encoding` is plain JSON.

none               the model sees the values and answers the values to come
difference         it sees how far the values were from the last one, and answers how far they will move from it
log difference     the same of logarithms: growth in percent
seasonal difference  it sees how far the values were from the mean of the last season, and answers how far the values to
                   come will differ from those a season before
"""

from typing import Any

TRANSFORMS = ("none", "difference", "log difference", "seasonal difference")


def entered(stretch: Any, encoding: dict[str, Any], ops: Any) -> Any:
    """Map raw values (rows, window, columns) to what a model reads, of the same shape, about 0 with spread 1."""
    values = logged(stretch, encoding, ops)
    season = int(encoding["season"])
    if encoding["transform"] in {"difference", "log difference"}:
        values = values - values[:, -1:, :]
    elif encoding["transform"] == "seasonal difference":
        values = values - ops.mean(values[:, -season:, :], axis=1, keepdims=True)
    return standardised(values, encoding, ops)


def standardised(values: Any, encoding: dict[str, Any], ops: Any) -> Any:
    """Bring every column (the last axis) to mean 0 and spread 1 of the training part."""
    mean, scale = (ops.array(encoding[name], dtype="float32") for name in ("mean", "scale"))
    return (values - mean) / scale


def start(stretch: Any, encoding: dict[str, Any], ops: Any) -> Any:
    """Return from where the answer counts: (rows, 1) or (rows, horizon), as logarithms where the answer is one."""
    values = logged(stretch, encoding, ops)[:, :, int(encoding["target"])]  # (rows, window)
    season, horizon = int(encoding["season"]), int(encoding["horizon"])
    if encoding["transform"] == "seasonal difference":
        times = -(-horizon // season)
        return ops.concatenate([values[:, -season:]] * times, axis=1)[:, :horizon]
    last = values[:, -1:]
    return last * 0.0 if encoding["transform"] == "none" else last


def restored(outputs: Any, stretch: Any, encoding: dict[str, Any], ops: Any) -> Any:
    """Turn a model's answers (rows, horizon) into forecasts in the target's own unit."""
    mean, scale = (float(encoding[name]) for name in ("answer_mean", "answer_scale"))
    values = start(stretch, encoding, ops) + outputs * scale + mean
    return ops.exp(values) if encoding["transform"] == "log difference" else values


def moved(stretch: Any, future: Any, encoding: dict[str, Any], ops: Any) -> Any:
    """Return what a model should answer, before it is standardised: (rows, horizon)."""
    if encoding["transform"] == "log difference":
        future = ops.log(ops.maximum(future, float(encoding["floor"][int(encoding["target"])])))
    return future - start(stretch, encoding, ops)


def logged(stretch: Any, encoding: dict[str, Any], ops: Any) -> Any:
    """Take logarithms of the columns that have them; values that have none count as the smallest allowed one."""
    if encoding["transform"] != "log difference":
        return stretch
    floor = ops.array(encoding["floor"], dtype="float32")  # 0 where a column has no logarithm
    has = ops.array([float(each > 0) for each in encoding["floor"]], dtype="float32")
    positive = ops.maximum(stretch, floor + (1.0 - has))
    return has * ops.log(positive) + (1.0 - has) * stretch
