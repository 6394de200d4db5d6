"""Magnitude pruning: the smallest weights become zero, a few more each epoch, while the rest learns to do without them.

Zhu and Gupta, "To prune, or not to prune: exploring the efficacy of pruning for model compression", 2017: the share of
zeros rises by a cubic curve (their equation 1), in each kernel alike. A dense layer with zeros is still a dense layer:
the zipped file becomes smaller, the model no faster.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from builders import Stage
from recipes import Part, Training, keras
from training.fit import choose_policy, compile_stage, fit

KERNELS = ("kernel", "embeddings")
"""How weights end that are pruned; biases and the scales of normalisations are few and matter much."""
RATE = 0.5
"""Of the run's learning rate: what is left of the weights is to adapt, not to start anew."""
LEAST, MOST = 3, 6
"""Epochs in which the share of zeros rises."""


def share_at(step: int, steps: int, initial: float, final: float) -> float:
    """Return the share of zeros after `step` of `steps` (Zhu and Gupta, equation 1)."""
    return final + (initial - final) * (1 - min(step, steps) / steps) ** 3


def epochs_of(training: Training) -> tuple[int, int]:
    """Return in how many epochs the share rises, and how many follow for the rest to settle."""
    rising = int(np.clip(training.epochs // 4, LEAST, MOST))
    return rising, max(2, rising // 2)


def kernels_of(model: Any) -> list[Any]:
    """List the weights that are pruned: trained ones with at least two axes."""
    return [each for each in model.trainable_variables if len(each.shape) > 1 and each.name.endswith(KERNELS)]


def mask_of(kernel: np.ndarray, share: float) -> np.ndarray:
    """Return 0 for exactly this share of the weights, the smallest, and 1 for the others: float32 of the same shape."""
    mask = np.ones(kernel.size, "float32")
    mask[np.argsort(np.abs(kernel), axis=None, kind="stable")[: round(share * kernel.size)]] = 0
    return mask.reshape(kernel.shape)


def zeros(kernels: list[Any]) -> float:
    """Return the share of zeros among all these weights."""
    arrays = [np.asarray(each) for each in kernels]
    return sum(int((each == 0).sum()) for each in arrays) / max(1, sum(each.size for each in arrays))


def prune(
    stage: Stage,
    train: Part,
    validation: Part,
    *,
    training: Training,
    shares: tuple[float, float],
    between: Callable[[float], None],
) -> None:
    """Fit the stage's model a little longer while the share of zeros rises from `shares[0]` to `shares[1]`.

    `between` is called with the share of the work that is done.
    """  # fmt: skip
    rising, settling = epochs_of(training)
    epochs = rising + settling
    planned = [share_at(epoch + 1, rising, *shares) for epoch in range(epochs)]
    told = training.model_copy(update={
        "epochs": epochs, "learning_rate": RATE * training.learning_rate, "schedule": "constant", "warmup_epochs": 0,
        "early_stopping": False, "restore_best": False,
    })  # fmt: skip
    compile_stage(stage, told)
    policy = choose_policy(stage.model, train, told, xla=stage.xla)
    keeping = Keeping(kernels_of(stage.model))
    try:
        fit(
            stage.model, train, validation, training=told, callbacks=[keeping.callback(planned)],
            between=lambda done, _: between(done / epochs), policy=policy,
        )  # fmt: skip
        keeping.cut(shares[1])
    finally:
        keeping.release()


class Keeping:
    """Keeps what was cut at zero: a constraint on each kernel, which the optimizer applies after every step.

    The layers stay stock layers. A backend that traces masks as constants keeps those of its first trace within an
    epoch; what came to life again is cut at the epoch's end.
    """

    def __init__(self, kernels: list[Any]) -> None:
        self.kernels = kernels
        self.former = [kernel.constraint for kernel in kernels]
        self.masks = [keras.Variable(np.ones(kernel.shape, "float32"), trainable=False) for kernel in kernels]
        for kernel, mask, former in zip(kernels, self.masks, self.former, strict=True):
            kernel.constraint = _masked(mask, former)

    def cut(self, share: float) -> None:
        """Set the smallest weights of each kernel to zero."""
        for kernel, mask in zip(self.kernels, self.masks, strict=True):
            values = np.asarray(kernel)
            mask.assign(mask_of(values, share))
            kernel.assign(values * np.asarray(mask))

    def release(self) -> None:
        """Take the constraints away; zeros stay."""
        for kernel, former in zip(self.kernels, self.former, strict=True):
            kernel.constraint = former

    def callback(self, shares: list[float]) -> Any:
        """Cut at the beginning of each epoch, to the share that is planned for it."""
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, _logs: self.cut(shares[min(epoch, len(shares) - 1)]),
        )


def _masked(mask: Any, former: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def constraint(kernel: Any) -> Any:
        return keras.ops.multiply(former(kernel) if former else kernel, keras.ops.cast(mask.value, kernel.dtype))

    return constraint
