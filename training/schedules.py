"""The learning rate over time: the numbers, for the preview plot, and the Keras callbacks that follow them.

A rate belongs to an epoch, not to a step: it is a function of the recipe and the epoch's number, so a resumed run
goes on with the very same rates. Only `reduce_on_plateau` looks at the run itself.
"""

import math
from typing import Any

from recipes import Training, keras


def rates(training: Training, epochs: int | None = None) -> list[float]:
    """Return each epoch's learning rate (`reduce_on_plateau`: as if there were progress all the time)."""
    epochs = epochs or training.epochs
    return [training.learning_rate * _share(training, epoch, epochs) for epoch in range(epochs)]


def make_callbacks(training: Training, epochs: int | None = None) -> list[Any]:
    """Make the callbacks that this recipe asks for: learning rate, reduce on plateau, early stopping."""
    epochs = epochs or training.epochs
    callbacks = []
    planned = rates(training, epochs)
    on_plateau = training.schedule == "reduce_on_plateau"
    if on_plateau or training.schedule != "constant" or training.warmup_epochs:
        # On a plateau schedule the plan ends with the first full rate; from then on the rate is the callback's own.
        last_planned = training.warmup_epochs if on_plateau else epochs - 1
        callbacks.append(
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: planned[epoch] if epoch <= last_planned else rate)
        )
    if on_plateau:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor="val_loss", factor=training.decay_factor, patience=training.decay_every
            )
        )
    if training.early_stopping or training.restore_best:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor="val_loss",
                # Without early stopping it only keeps the best weights, and its patience outlasts the run.
                patience=training.patience if training.early_stopping else epochs + 1,
                restore_best_weights=training.restore_best,
            )
        )
    return callbacks


def _share(training: Training, epoch: int, epochs: int) -> float:
    """Return the part of the full rate that this epoch (from 0) gets."""
    warm_up = min(training.warmup_epochs, epochs)
    if epoch < warm_up:
        return (epoch + 1) / (warm_up + 1)
    passed, left = epoch - warm_up, epochs - warm_up
    if training.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * passed / left))
    if training.schedule == "step":
        return training.decay_factor ** (passed // training.decay_every)
    if training.schedule == "exponential":
        return training.decay_factor ** (passed / max(left - 1, 1))
    return 1.0
