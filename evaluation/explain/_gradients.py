"""Gradients of anything that is computed with Keras, under the backend that runs: the one place that knows both."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from recipes import Refusal, keras


def gradient(function: Callable[[Any], Any], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `function(at)`, (rows,), and the gradient of its sum, of the shape of `at` (float32, rows first)."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _of_tensorflow(function, at)
    if backend == "jax":
        return _of_jax(function, at)
    raise Refusal("This explanation needs TensorFlow or JAX. Choose one that covers parts instead.")


def _of_tensorflow(function: Callable[[Any], Any], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import tensorflow as tf

    x = tf.convert_to_tensor(at, tf.float32)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        values = function(x)
        total = tf.reduce_sum(values)
    slope = tape.gradient(total, x)
    # Where nothing leads from `at` to the answer, there is no gradient: it is 0.
    return np.asarray(values), np.zeros_like(at, dtype=np.float32) if slope is None else np.asarray(slope)


def _of_jax(function: Callable[[Any], Any], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    jax: Any = importlib.import_module("jax")

    def total(x: Any) -> tuple[Any, Any]:
        values = function(x)
        return values.sum(), values

    (_, values), slope = jax.value_and_grad(total, has_aux=True)(jax.numpy.asarray(at, "float32"))
    return np.asarray(values), np.asarray(slope)
