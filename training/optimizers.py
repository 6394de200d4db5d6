"""The optimizer of a recipe: Keras's own, by its name."""

from typing import Any

from recipes import Training, keras
from training import backend

CLASSES = {
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "Nadam",
    "adamax": "Adamax",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "ftrl": "Ftrl",
    "lamb": "Lamb",
    "lion": "Lion",
    "muon": "Muon",
    "schedule_free_adam_w": "ScheduleFreeAdamW",
}
WITH_MOMENTUM = ("sgd", "rmsprop")


def make_optimizer(training: Training) -> Any:
    """Make the optimizer with this recipe's rate, momentum, weight decay and clipping."""
    settings: dict[str, Any] = {
        "learning_rate": training.learning_rate,
        # Zero, not None: AdamW and Muon would fall back to a decay that nobody asked for.
        "weight_decay": training.weight_decay,
        "global_clipnorm": training.gradient_clipping or None,
    }
    if training.optimizer in WITH_MOMENTUM:
        settings["momentum"] = training.momentum
    if training.optimizer == "muon":
        settings["adam_weight_decay"] = training.weight_decay
    if training.optimizer == "adafactor":
        settings["relative_step"] = False  # otherwise it caps the rate that the person has set
    return getattr(keras.optimizers, CLASSES[training.optimizer])(**settings)


def precision(training: Training) -> str:
    """Name the dtype policy for this machine; set it (`keras.config.set_dtype_policy`) before the model is built."""
    if training.mixed_precision == "off":
        return "float32"
    cards = backend.cards()
    if not cards:
        return "mixed_bfloat16" if training.mixed_precision == "on" else "float32"
    capability = cards[0].capability
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) or training.mixed_precision == "on" else "float32"
