"""What this process computes with: the same few questions, put to TensorFlow or to JAX. Worker only."""

import importlib.metadata
import os
from dataclasses import dataclass
from typing import Any

from recipes import Refusal, Signature, keras
from recipes.lazy import OnFirstUse
from training import devices

jax: Any = OnFirstUse("jax")
TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


@dataclass(frozen=True)
class Card:
    """One GPU as the backend sees it."""

    name: str
    capability: tuple[int, int]
    """NVIDIA's number of what it can do: (9, 0) is a Hopper chip."""


def cards() -> list[Card]:
    """List the GPUs that this process may use."""
    if name() == "jax":
        return [
            Card(each.device_kind, _pair(getattr(each, "compute_capability", "0.0"))) for each in _jax_devices()
            if each.platform in ("gpu", "cuda", "rocm")
        ]  # fmt: skip
    if name() != "tensorflow":
        return []
    import tensorflow as tf

    details = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return [Card(each.get("device_name", "GPU"), each.get("compute_capability", (0, 0))) for each in details]


def settle() -> None:
    """Let GPU memory grow with the need and compute the same bits every time on a CPU; before anything is computed."""
    if name() == "jax":
        # JAX reads this when it first looks for devices, and would take three quarters of a GPU's memory at once.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        return
    if name() != "tensorflow":
        return
    import tensorflow as tf

    graphics = tf.config.list_physical_devices("GPU")
    for gpu in graphics:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not graphics:
        tf.config.experimental.enable_op_determinism()


def share_batches(kind: str = "GPU") -> None:
    """Let the devices that a run was given share each batch, each with the whole model; before a model is built.

    A run has one GPU unless LAYERWISE_GPUS_PER_RUN says otherwise. `kind` is TensorFlow's word for the devices.
    """
    wanted = devices.per_run()
    if name() == "jax":
        found = keras.distribution.list_devices()[:wanted]
        if len(found) > 1:
            keras.distribution.set_distribution(
                keras.distribution.DataParallel(devices=found, auto_shard_dataset=False)
            )
    elif name() == "tensorflow":
        import tensorflow as tf

        found = [each.name for each in tf.config.list_logical_devices(kind)][:wanted]
        if len(found) > 1:
            tf.distribute.experimental_set_strategy(tf.distribute.MirroredStrategy(found))


def refuse_words(signature: Signature) -> None:
    """Refuse data whose download must look up words, where that cannot be computed."""
    words = [f"`{each.name}`" for each in signature.raw if each.dtype == "string"]
    if not words or name() == "tensorflow":
        return
    columns = f"column {words[0]} holds" if len(words) == 1 else f"columns {', '.join(words)} hold"
    raise Refusal(
        f"The {columns} words, and the download looks words up with TensorFlow, but this Layerwise computes with "
        f"{title()}. Leave them out, or start Layerwise with KERAS_BACKEND=tensorflow."
    )


def name() -> str:
    """Return Keras's word for the backend; raises `Refusal` where it is not installed."""
    try:
        return keras.backend.backend()
    except ModuleNotFoundError as error:
        asked = os.environ.get("KERAS_BACKEND", "tensorflow")
        raise Refusal(
            f"Layerwise was told to compute with {TITLES.get(asked, asked)} (KERAS_BACKEND={asked}), but the package "
            f"`{error.name}` is not installed. Install it, or start Layerwise without KERAS_BACKEND."
        ) from None


def title() -> str:
    """Name the backend for people."""
    return TITLES.get(name(), name())


def version() -> str:
    """Name the backend with its version."""
    return f"{title()} {importlib.metadata.version(name())}"


def _jax_devices() -> list[Any]:
    return jax.local_devices()


def _pair(capability: str) -> tuple[int, int]:
    major, _, minor = str(capability).partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else (0, 0)
