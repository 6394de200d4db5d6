"""Fit small models plainly and fast in a process of its own, and print both histories: `on_devices.py COUNT`.

The backend is KERAS_BACKEND's; COUNT says among how many simulated devices each batch is shared.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
ROWS, FEATURES, CLASSES, BATCH = 52, 6, 3, 16
SETTINGS = {"epochs": 3, "batch_size": BATCH, "early_stopping": False, "seed": 5}


def simulate(count):
    """Make this machine look like several devices; before any library looks for them."""
    os.environ["LAYERWISE_GPUS_PER_RUN"] = str(count)
    if os.environ["KERAS_BACKEND"] == "jax":
        os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={count}"
        return
    import tensorflow as tf

    one = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [one] * count)


def share(count):
    """Share batches as a run on several GPUs does."""
    from training import backend

    if count > 1 and os.environ["KERAS_BACKEND"] == "tensorflow":
        backend.share_batches("CPU")
    else:
        backend.share_batches()


def build(case):
    """Make a model in which nothing is left to rounding: no bias that normalization takes away again."""
    from recipes import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    inputs = keras.Input((8, 8, 1) if case == "picture" else (FEATURES,), name="x")
    x = inputs
    if case == "picture":
        x = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
        x = layers.GlobalAveragePooling2D()(layers.Activation("relu")(layers.BatchNormalization()(x)))
    else:
        x = layers.Activation("relu")(layers.BatchNormalization()(layers.Dense(16, use_bias=False)(x)))
    x = layers.Dropout(0.3, seed=3)(x) if case == "dropout" else x
    return keras.Model({"x": inputs}, layers.Dense(CLASSES)(x))


def data(case, rows, seed):
    """Make rows that depend on the seed alone."""
    from datasets import Part

    random = np.random.default_rng(seed)
    y = random.integers(0, CLASSES, rows).astype("int32")
    shape = (rows, 8, 8, 1) if case == "picture" else (rows, FEATURES)
    x = random.normal(size=shape) + y.reshape(-1, *[1] * (len(shape) - 1))
    return Part({"x": x.astype("float32")}, y, np.arange(rows))


def fitted(case, *, fast):
    """Fit the case, by Layerwise or by Keras alone on rows laid out in the same order; returns the history."""
    import training.fit as loop
    from builders import Stage
    from recipes import Training, keras, validate

    training = validate(Training, SETTINGS)
    model = build(case)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    loop.compile_stage(Stage("fit", model, loss, lambda: accuracy), training)
    train, held_out = data(case, ROWS, 0), data(case, 20, 1)
    if fast:
        policy = loop.Policy("compiled", os.environ["KERAS_BACKEND"] == "jax", True, "As the test wants it.")
        history = loop.fit(model, train, held_out, training=training, policy=policy).history
        return history | {"weights": [float(np.sum(np.abs(weight))) for weight in model.get_weights()]}
    history = {}
    for epoch in range(training.epochs):
        rows = loop.order(training.seed, epoch, ROWS)
        told = model.fit(
            {"x": train.x["x"][rows]}, train.y[rows], batch_size=BATCH, shuffle=False, epochs=epoch + 1,
            initial_epoch=epoch, validation_data=(held_out.x, held_out.y), verbose=0,
        ).history  # fmt: skip
        history = {name: history.get(name, []) + values for name, values in told.items()}
    return history | {"weights": [float(np.sum(np.abs(weight))) for weight in model.get_weights()]}


def main(count):
    """Print {"case": [fast, plain]}; on several devices `plain` is left to the process with one."""
    simulate(count)
    sys.path.insert(0, str(ROOT))
    share(count)
    cases = ("normalization", "picture") + (("dropout",) if os.environ["KERAS_BACKEND"] == "jax" else ())
    told = {case: [fitted(case, fast=True), fitted(case, fast=False) if count == 1 else None] for case in cases}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
