"""The inside of Keras's `fit` on JAX: many steps of the model's own `train_step` in one compiled `while` loop.

On JAX a step maps (state, batch) to (logs, state), and while `fit` runs the variables of the model lie in that state
alone. So whoever leaves between two chunks must leave the newest state where Keras looks for it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import numpy as np

from recipes import keras
from training.backend import jax

STATES = {
    "train": ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"),
    "test": ("trainable_variables", "non_trainable_variables", "metrics_variables"),
}
"""What Keras passes to a step, in this order."""


class Steps:
    """Steps of one kind over batches that are gathered on the device; the state stays there between the calls."""

    def __init__(
        self, model: Any, kind: Literal["train", "test"], arrays: Any, *, batch_size: int, xla: bool = True
    ) -> None:
        del arrays, batch_size, xla  # JAX reads shapes off the first call, and compiles whatever it runs
        self.model, self.names = model, STATES[kind]
        self.state: Any = None
        step = model.train_step if kind == "train" else model.test_step
        self._loop = _compiled_loop(step, model, self.names.index("metrics_variables"))

    def function(self, epoch: Callable[[], dict[str, Any]]) -> Callable[..., Any]:
        """Wrap a whole epoch as Keras calls it on this backend."""

        def call(state: Any, _iterator: Any) -> tuple[dict[str, Any], Any]:
            self.state = state
            return epoch(), self.state

        return call

    def __call__(self, data: Any, table: Any, first: int, stop: int, *, xla: bool = True) -> dict[str, Any]:
        """Run the steps `first` to `stop` of a table of row numbers (steps, batch); returns the running means."""
        del xla
        logs, self.state = self._loop(self.state, data, table, np.int32(first), np.int32(stop))
        self.model._jax_state = dict(zip(self.names, self.state, strict=True))  # noqa: SLF001 - `fit` syncs from here
        return logs


def place(array: np.ndarray) -> Any:
    """Put an array on the device, or whole on each of several."""
    return jax.device_put(np.asarray(array), _sharding())


def replicas() -> int:
    """Count the devices that share each batch."""
    distribution = keras.distribution.distribution()
    return int(np.prod(distribution.device_mesh.shape)) if distribution else 1


def traced(model: Any, *, xla: bool) -> AbstractContextManager[None]:
    """Leave the layers as they are while they are traced in here."""
    del model, xla
    return nullcontext()


def ticks() -> Any:
    """Make the data of which `fit` asks one element an epoch; nobody looks at it."""

    class Ticks(keras.utils.PyDataset):
        """One empty batch an epoch."""

        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Any:
            return (np.zeros((replicas(), 1), "float32"),)

    return Ticks()


def build_metrics(model: Any, one_row: Any) -> None:
    """Let loss and metrics make their variables, on shapes alone."""
    model._symbolic_build(data_batch=one_row)  # noqa: SLF001 - what `fit` itself would do with its first batch


def _compiled_loop(step: Callable[..., Any], model: Any, metrics: int) -> Callable[..., Any]:
    def loop(state: Any, data: Any, table: Any, first: Any, stop: Any) -> tuple[dict[str, Any], Any]:
        def body(carried: Any) -> Any:
            at, state = carried
            rows = _shared(table[at])
            _, state = step(state, jax.tree.map(lambda array: array[rows], data))
            return at + 1, state

        _, state = jax.lax.while_loop(lambda carried: carried[0] < stop, body, (first, state))
        known = zip(model.metrics_variables, state[metrics], strict=True)
        with keras.StatelessScope(state_mapping=list(known)):
            return model.get_metrics_result(), state

    return jax.jit(loop, donate_argnums=0, out_shardings=_sharding())


def _sharding(*axes: str | None) -> Any:
    """Return how an array lies on several devices: whole on each, or cut along the batch; None on a single one."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return None
    mesh = distribution.device_mesh.backend_mesh
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))


def _shared(rows: Any) -> Any:
    """Share the rows of a batch among the devices, if there are several."""
    if replicas() == 1:
        return rows
    return jax.lax.with_sharding_constraint(rows, _sharding(keras.distribution.distribution().batch_dim_name))
