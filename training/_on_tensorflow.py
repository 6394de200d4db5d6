"""The inside of Keras's `fit` on TensorFlow: many steps of the model's own `train_step` in one graph or XLA program."""

import logging
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any, Literal

import numpy as np

from recipes import keras
from training.fast_dropout import all_layers, hashed_dropout

log = logging.getLogger(__name__)


class Steps:
    """Steps of one kind over batches that are gathered in the graph; variables stay where Keras made them."""

    def __init__(
        self, model: Any, kind: Literal["train", "test"], arrays: Any, *, batch_size: int, xla: bool = False
    ) -> None:
        self.model, self.arrays, self.batch_size = model, arrays, batch_size
        self.step = model.train_step if kind == "train" else model.test_step
        self.stops = kind == "train"
        self.is_for_xla = xla

    @cached_property
    def loop(self) -> Any:
        """The loop for batches of any size, traced when it is needed: the first point need not wait for validation."""
        return _loop_over(self.step, self.model, self.arrays, stops=self.stops)

    @cached_property
    def full(self) -> Any:
        """The loop for full batches: XLA wants to know their size, or it refuses recurrent layers."""
        return _loop_over(self.step, self.model, self.arrays, self.batch_size, stops=self.stops)

    @cached_property
    def xla(self) -> Any:
        """The very same trace as `full`, handed to XLA."""
        return _through_xla(self.full, self.arrays, self.batch_size)

    def function(self, epoch: Callable[[], dict[str, Any]]) -> Callable[..., Any]:
        """Wrap a whole epoch as Keras calls it on this backend."""
        return lambda _iterator: epoch()

    def __call__(self, data: Any, table: Any, first: int, stop: int, *, xla: bool = False) -> dict[str, Any]:
        """Run the steps `first` to `stop` of a table of row numbers (steps, batch); returns the running means."""
        import tensorflow as tf

        bounds = tf.constant(first), tf.constant(stop)
        if not self.is_for_xla or table.shape[1] != self.batch_size:
            return self.loop(data, table, *bounds)
        if xla:
            try:
                return self.xla(data, table, *bounds)
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
                # It fails while it compiles, the same way each time, before any weight has changed.
                log.warning("XLA cannot compile this model; it goes on without.", exc_info=True)
                self.is_for_xla = False
                return self.loop(data, table, *bounds)
        return self.full(data, table, *bounds)


def place(array: np.ndarray) -> Any:
    """Put an array on the device."""
    import tensorflow as tf

    return tf.constant(np.asarray(array))


def replicas() -> int:
    """Count the devices that share each batch."""
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


@contextmanager
def traced(model: Any, *, xla: bool) -> Generator[None]:
    """While they are traced in here, let layers draw cheap masks and take their means over all devices."""
    with ExitStack() as stack:
        if xla:
            stack.enter_context(hashed_dropout(model))
        if replicas() > 1:
            stack.enter_context(_synchronized(model))
        yield


def ticks() -> Any:
    """Make the data of which `fit` asks one element an epoch; nobody looks at it."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(tf.zeros((replicas(), 1))).repeat()


def build_metrics(model: Any, one_row: Any) -> None:
    """Let loss and metrics make their variables now: made inside a trace, they would cost a second one."""
    import tensorflow as tf

    seeds = [variable for variable in model.variables if "seed_generator" in variable.path]
    before = [variable.numpy() for variable in seeds]
    model.test_step(tf.nest.map_structure(tf.constant, one_row))
    for variable, value in zip(seeds, before, strict=True):
        variable.assign(value)


def _loop_over(
    step: Callable[[Any], Any], model: Any, arrays: Any, size: int | None = None, *, stops: bool = False
) -> Callable[..., dict[str, Any]]:
    """Make a loop over batches of this size; with none given, one trace serves all.

    `stops` ends it behind the first batch whose loss is no number: every further step would only be lost time.
    """
    import tensorflow as tf

    def loop(data: Any, table: Any, first: Any, stop: Any) -> dict[str, Any]:
        def body(at: Any, fine: Any) -> Any:
            _share(step, data, table[at])
            return at + 1, _is_finite(model) if stops else fine

        tf.while_loop(lambda at, fine: tf.logical_and(at < stop, fine), body, [first, tf.constant(value=True)])
        return model.get_metrics_result()

    return tf.function(loop, _signature(arrays, size), autograph=False).get_concrete_function()


def _is_finite(model: Any) -> Any:
    """Say whether the sum of the losses so far is a number; several devices have a sum each, so that nobody asks."""
    import tensorflow as tf

    if replicas() > 1:
        return tf.constant(value=True)
    return tf.math.is_finite(model._loss_tracker.total)  # noqa: SLF001 - cheaper than the mean that Keras tells


def _share(step: Callable[[Any], Any], data: Any, rows: Any) -> None:
    """Run one step on these rows; several devices take an equal share each, and their gradients are summed up."""
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    amount = strategy.num_replicas_in_sync

    def on(rows: Any) -> None:
        step(tf.nest.map_structure(lambda array: tf.gather(array, rows), data))

    def on_share() -> None:
        on(tf.reshape(rows, [amount, -1])[tf.distribute.get_replica_context().replica_id_in_sync_group])

    if amount == 1:
        on(rows)
    else:
        strategy.run(on_share)


@contextmanager
def _synchronized(model: Any) -> Generator[None]:
    """Let batch normalization use means over the whole batch; on JAX it does so by itself."""
    normalizing = [each for each in all_layers(model) if isinstance(each, keras.layers.BatchNormalization)]
    before = [layer.synchronized for layer in normalizing]
    for layer in normalizing:
        layer.synchronized = True
    try:
        yield
    finally:
        for layer, was in zip(normalizing, before, strict=True):
            layer.synchronized = was


def _through_xla(loop: Any, arrays: Any, size: int) -> Callable[..., dict[str, Any]]:
    """Hand the very same trace to XLA; traced anew inside, it would differ in the last bit and break a resumed run."""
    import tensorflow as tf

    def outer(data: Any, table: Any, first: Any, stop: Any) -> dict[str, Any]:
        return loop(data, table, first, stop)

    return tf.function(outer, _signature(arrays, size), autograph=False, jit_compile=True)


def _signature(arrays: Any, size: int | None) -> list[Any]:
    import tensorflow as tf

    data = tf.nest.map_structure(lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), arrays)
    number = tf.TensorSpec([], tf.int32)
    return [data, tf.TensorSpec([None, size], tf.int32), number, number]
