"""What a model must beat: always the most frequent class or the mean, and a linear model on the same ready arrays."""

import warnings
from typing import Any

import numpy as np

from recipes import Part, Signature

MOST_ROWS = 10_000
MOST_WORK = 10_000_000
"""Rows times features times classes for the linear model: it answers within about three seconds."""
STEPS = 100
SIDE = 16
"""Pictures are averaged down to at most this many pixels a side."""


def simplest(signature: Signature, train: Part, rows: int) -> np.ndarray:
    """Answer without looking at the input: the training part's class shares, or its mean (in standard units)."""
    if signature.task == "classification":
        counts = np.bincount(_labels(train), minlength=len(signature.target.classes))
        return np.tile(counts / counts.sum(), (rows, 1))
    return np.full(rows, float(np.mean(train.y, dtype=np.float64)))


def linear(signature: Signature, train: Part, test: Part, seed: int) -> np.ndarray | None:
    """Answer as a linear model would, for sentences from word counts; None where neither numbers nor words go in."""
    classes = max(1, len(signature.target.classes))
    if _is_sentences(train):
        return _from_words(signature, train, test, seed)
    if not all(_is_plain(array) for array in train.x.values()):
        return None
    width = features(Part({name: array[:1] for name, array in train.x.items()}, train.y[:1], train.rows[:1])).shape[1]
    most = min(MOST_ROWS, max(500, MOST_WORK // (width * classes)))
    kept = np.sort(np.random.default_rng(seed).permutation(len(train))[:most])
    some = Part({name: array[kept] for name, array in train.x.items()}, train.y[kept], train.rows[kept])
    inputs, asked = features(some), features(test)
    if signature.task == "classification":
        return _logistic(inputs, _labels(some), asked, classes)
    return _ridge(inputs, np.asarray(some.y, dtype=np.float64).ravel(), asked)


def features(part: Part) -> np.ndarray:
    """Lay ready tensors side by side as (rows, features); pictures averaged down and flattened."""
    flat = [_pooled(array) if _is_picture(array) else np.asarray(array) for array in part.x.values()]
    return np.concatenate([array.reshape(len(array), -1).astype(np.float64) for array in flat], axis=1)


def _is_sentences(part: Part) -> bool:
    tokens = part.x.get("tokens")
    return len(part.x) == 1 and tokens is not None and tokens.ndim == 2 and np.issubdtype(tokens.dtype, np.integer)


def _from_words(signature: Signature, train: Part, test: Part, seed: int) -> np.ndarray | None:
    kept = np.sort(np.random.default_rng(seed).permutation(len(train))[:MOST_ROWS])
    width = int(signature.details["vocabulary"])
    inputs, asked = _word_counts(train.x["tokens"][kept], width), _word_counts(test.x["tokens"], width)
    if signature.task == "classification":
        return _logistic(inputs, _labels(train)[kept], asked, max(1, len(signature.target.classes)))
    return _ridge(inputs, np.asarray(train.y, dtype=np.float64).ravel()[kept], asked)


def _word_counts(tokens: np.ndarray, width: int) -> Any:
    """Count the words of each row, as log(1 + count): sparse, (rows, width); padding is not counted."""
    from scipy import sparse

    rows, places = np.nonzero(tokens)
    counts: Any = sparse.csr_matrix(
        (np.ones(len(rows)), (rows, np.asarray(tokens)[rows, places])), shape=(len(tokens), width)
    )
    counts.data = np.log1p(counts.data)
    return counts


def _labels(part: Part) -> np.ndarray:
    return np.asarray(part.y).ravel().astype(np.int64)


def _is_picture(array: np.ndarray) -> bool:
    return array.ndim == 4 and array.dtype == np.uint8


def _is_plain(array: np.ndarray) -> bool:
    return _is_picture(array) or (array.ndim <= 3 and np.issubdtype(array.dtype, np.floating))


def _pooled(pictures: np.ndarray) -> np.ndarray:
    """Average (rows, height, width, channels) in even blocks, scaled to 0..1."""
    height, width = pictures.shape[1:3]
    step = -(-max(height, width) // SIDE)
    down, across = max(1, height // step), max(1, width // step)
    cut = np.asarray(pictures[:, : down * step, : across * step], dtype=np.float32)
    blocks = cut.reshape(len(cut), down, cut.shape[1] // down, across, cut.shape[2] // across, -1)
    return blocks.mean(axis=(2, 4)) / 255.0


def _logistic(inputs: Any, labels: np.ndarray, asked: Any, classes: int) -> np.ndarray | None:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    if len(np.unique(labels)) < 2:
        return None
    model: Any = LogisticRegression(max_iter=STEPS, tol=1e-3)
    # One thread: on a busy machine several wait for each other, up to thirty times as long (measured).
    with warnings.catch_warnings(), threadpool_limits(1):
        # A yardstick need not be fitted to the last digit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs, labels)
    answer = np.zeros((asked.shape[0], classes))
    answer[:, model.classes_] = model.predict_proba(asked)
    return answer


def _ridge(inputs: Any, values: np.ndarray, asked: Any) -> np.ndarray:
    from sklearn.linear_model import Ridge

    model: Any = Ridge(alpha=1.0)
    return model.fit(inputs, values).predict(asked)
