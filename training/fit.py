"""Keras's own `fit` with its inside compiled: the same steps, losses and callbacks, without Python between the steps.

Small models lose most of their time in Python. Here the data become tensors once; the train function that `fit`
calls once an epoch runs a compiled loop which gathers each batch and calls the model's own `train_step`; Python looks
in about ten times a second. So `compute_loss`, optimizers, metrics, History and callbacks keep their usual meaning.

The order of the rows is a function of seed and epoch alone, and nothing that changes a result depends on a clock:
a resumed run meets the very same batches. `choose_policy` decides by fixed rules which way is fastest.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from builders import Stage
from recipes import Part, Refusal, Training, keras
from training import backend
from training.fast_dropout import all_layers
from training.optimizers import make_optimizer

Between = Callable[[float, dict[str, float]], None]
"""Called between two chunks of steps with the finished epochs (3.25) and the running means of the metrics.
Raise an exception of your own to leave at once: it comes out of `fit` as it is."""

BACKENDS = ("tensorflow", "jax")
CHUNK_SECONDS = 0.1
BLOCK_BYTES = 64 * 2**20
MOST_RESIDENT = 3 * 2**29
"""Bytes of data that are kept in memory: a worker is to get by with 4 GiB."""
VALIDATION_NUMBERS = 4_000_000
COMPILE_SECONDS, COMPILE_SECONDS_A_LAYER = 0.4, 0.1
SAVED_BY_LOOP, SAVED_BY_XLA = (0.85e-3, 0.05e-9), (0.13e-3, 0.05e-9)
"""Seconds that the compiled loop saves against plain `fit`, and XLA against the compiled loop: a step, and each
multiplication in it. Measured on two cores; a rule, not a clock, for a resumed run must do the same."""
MARGIN = 1.6
"""XLA begins once the loop has saved so many times what compiling takes: that varies with the machine, and no run is
to fall behind a plain `fit`."""
STEPS_PER_CALL = 32
XLA_GAINS = (
    "Activation", "Add", "AdditiveAttention", "Attention", "Average", "AveragePooling1D", "BatchNormalization",
    "Bidirectional", "Concatenate", "Dense", "Dot", "Dropout", "EinsumDense", "ELU", "Embedding", "Flatten",
    "GlobalAveragePooling1D", "GlobalMaxPooling1D", "GroupNormalization", "GroupQueryAttention", "GRU", "GRUCell",
    "Identity", "InputLayer", "LayerNormalization", "LeakyReLU", "LSTM", "LSTMCell", "Masking", "Maximum", "Minimum",
    "MultiHeadAttention", "Multiply", "Normalization", "Permute", "PReLU", "ReLU", "RepeatVector", "Rescaling",
    "Reshape", "RMSNormalization", "SimpleRNN", "SimpleRNNCell", "Softmax", "Subtract", "UnitNormalization",
)  # fmt: skip
"""Layers that were measured or are known to be as fast or faster when XLA compiles them for a CPU."""


SLOWER = "compiling further (XLA) would slow down this model on this processor"
XLA_CANNOT = ("RandomRotation", "RandomTranslation", "RandomZoom")
"""Layers that say nothing of it, but TensorFlow's XLA refuses them."""


class NotFiniteError(ArithmeticError):
    """The loss became infinite or not a number; `epochs_done` says when (3.25: in the fourth epoch)."""

    def __init__(self, epochs_done: float) -> None:
        super().__init__(f"The loss became NaN in epoch {int(epochs_done) + 1}.")
        self.epochs_done = epochs_done


@dataclass(frozen=True)
class Policy:
    """How a stage is fitted, and why, in one sentence for people."""

    loop: Literal["compiled", "plain"]
    xla: bool
    resident: bool
    sentence: str
    steps_before_xla: int = 0
    """So many steps of a run go without XLA: the curve begins at once, and when XLA begins to compile, the loop has
    already saved the time that takes. Where XLA takes over is fixed, for a resumed run must do the same."""


def compile_stage(stage: Stage, training: Training) -> None:
    """Compile the stage's model as the recipe says, with the optimizer's state already made."""
    model = stage.model
    model.compile(make_optimizer(training), loss=stage.loss, metrics=stage.metrics(), jit_compile=False)
    model.optimizer.build(model.trainable_variables)


def choose_policy(
    model: Any, train: Part, training: Training, callbacks: Sequence[Any] = (), *, xla: bool = True
) -> Policy:
    """Decide by fixed rules (no clock, no chance) how this model is fitted on these data.

    `xla` False says that this model was measured to be slower with it on a CPU (`Stage.xla`).
    """
    if backend.name() not in BACKENDS:
        return _plain("the compiled loop is made for TensorFlow and JAX")
    if listening := [callback for callback in callbacks if _hears_batches(callback)]:
        return _plain(f"`{type(listening[0]).__name__}` wants to hear of every batch")
    resident = _bytes_of(train) <= min(_free_memory() / 4, MOST_RESIDENT)
    where = "The data lie in memory" if resident else "The data are too big for memory and come in blocks from the disk"
    if backend.name() == "jax":
        if slow := _slow_inside_jax(model):
            return _plain(f"`{slow}` layers are slow inside a compiled loop of JAX on this processor")
        return Policy("compiled", True, resident, f"{where} and many steps run as one program compiled by JAX.")
    before, worth = _steps_before_xla(model, train, training)
    reason = _reason_against_xla(model, train, training, worth) or ("" if xla or backend.cards() else SLOWER)
    if reason:
        return Policy("compiled", False, resident, f"{where} and many steps run per call; {reason}.")
    return Policy("compiled", True, resident, f"{where} and many steps run as one program compiled by XLA.", before)


def fit(
    model: Any,
    train: Part,
    validation: Part | None,
    *,
    training: Training,
    epochs: int | None = None,
    initial_epoch: int = 0,
    callbacks: Sequence[Any] = (),
    between: Between | None = None,
    policy: Policy | None = None,
    compiling: Callable[[], None] | None = None,
) -> Any:
    """Fit a compiled model (`compile_stage`) and return Keras's `History`.

    `compiling` is called before steps that may take long because they are compiled first.

    Raises `NotFiniteError` as soon as the loss is no number, and whatever `between` raises.
    """
    policy = policy or choose_policy(model, train, training, callbacks)
    told = {"epochs": epochs or training.epochs, "initial_epoch": initial_epoch, "shuffle": False, "verbose": 0}
    job = _Job(model, train, validation, training, list(callbacks), between, policy, told, compiling)
    return _fit_compiled(job) if policy.loop == "compiled" else _fit_plain(job)


def order(seed: int, epoch: int, rows: int) -> np.ndarray:
    """Return the order in which an epoch (from 0) reads the training rows."""
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def weights_of_classes(train: Part) -> np.ndarray:
    """Return the weight of each class such that all classes count the same and the mean weight is 1."""
    if not np.issubdtype(train.y.dtype, np.integer):
        raise Refusal("`class_weights: balanced` needs classes, but the target is a number. Set it to `none`.")
    counts = np.bincount(np.ravel(train.y))
    return (len(train.y) / (np.count_nonzero(counts) * np.maximum(counts, 1))).astype(np.float32)


# Which way


def _plain(reason: str) -> Policy:
    return Policy("plain", False, False, f"Keras's own loop with {STEPS_PER_CALL} steps per call, because {reason}.")


def _hears_batches(callback: Any) -> bool:
    base = keras.callbacks.Callback
    names = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    return any(getattr(type(callback), name) is not getattr(base, name) for name in names)


def _bytes_of(part: Part) -> int:
    return sum(array.nbytes for array in part.x.values()) + part.y.nbytes


def _free_memory() -> int:
    import psutil

    return psutil.virtual_memory().available


def _reason_against_xla(model: Any, train: Part, training: Training, worth: int) -> str:
    layers = [layer for layer in all_layers(model) if not isinstance(layer, keras.Model)]
    if backend.cards():
        if inside().replicas() > 1:
            return "XLA cannot share a batch among several GPUs"
        stubborn = [kind for kind in map(_kind, layers) if kind in XLA_CANNOT]
        stubborn += [_kind(layer) for layer in layers if not layer.supports_jit]
        return f"XLA cannot compile `{stubborn[0]}` layers" if stubborn else ""
    foreign = {_kind(layer) for layer in layers} - set(XLA_GAINS)
    if foreign:
        name = min(foreign, key=lambda kind: ("Conv" not in kind, kind))
        return f"compiling further (XLA) would slow down `{name}` layers on this processor"
    steps = training.epochs * math.ceil(len(train) / training.batch_size)
    if steps < worth:
        return f"compiling further (XLA) would take longer than the {steps:,} steps it would shorten"
    return ""


def _steps_before_xla(model: Any, train: Part, training: Training) -> tuple[int, int]:
    """Say after how many steps XLA may take over, and how long a run must be for that to be worth it."""
    layers = all_layers(model)
    compiling = COMPILE_SECONDS + COMPILE_SECONDS_A_LAYER * len(layers)
    looked_up = sum(layer.count_params() for layer in layers if isinstance(layer, keras.layers.Embedding))
    # Each step of a sequence meets the same weights anew.
    repeats = max((array.shape[1] for array in train.x.values() if _is_sequence(array)), default=1)
    multiplications = (model.count_params() - looked_up) * repeats * training.batch_size
    by_loop, by_xla = (step + each * multiplications for step, each in (SAVED_BY_LOOP, SAVED_BY_XLA))
    before = math.ceil(MARGIN * compiling / by_loop)
    return before, before + math.ceil(compiling / by_xla)


def _is_sequence(array: Any) -> bool:
    return array.ndim == 3 or (array.ndim == 2 and array.dtype.kind in "iu")


def _kind(layer: Any) -> str:
    return type(layer).__name__


def _slow_inside_jax(model: Any) -> str:
    """Name a kind of layer that XLA's loops for a CPU compute on one core only; nothing on a GPU."""
    kinds = sorted(map(_kind, all_layers(model)))
    return "" if backend.cards() else next((kind for kind in kinds if "Conv" in kind), "")


# The compiled way


@dataclass(frozen=True)
class _Job:
    """What `fit` was asked to do; `told` goes on to Keras's `fit` as it is."""

    model: Any
    train: Part
    validation: Part | None
    training: Training
    callbacks: list[Any]
    between: Between | None
    policy: Policy
    told: dict[str, Any]
    compiling: Callable[[], None] | None = None


def _fit_compiled(job: _Job) -> Any:
    model, within = job.model, inside()
    arrays = _arrays(job.train, job.training)
    within.build_metrics(model, keras.tree.map_structure(lambda array: np.asarray(array[:1]), arrays))
    # `fit` asks once an epoch for one element of these and gets nothing: the loops know their data.
    ticks = within.ticks()
    with within.traced(model, xla=job.policy.xla):
        try:
            loop = _TrainLoop(job, arrays)
            model.train_function = loop.steps.function(loop)
            if job.validation:
                validation = _TestLoop(job, job.validation)
                model.test_function = validation.steps.function(validation)
            return model.fit(
                ticks, steps_per_epoch=1, validation_data=ticks if job.validation else None, validation_steps=1,
                callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=loop.begin), *job.callbacks], **job.told,
            )  # fmt: skip
        finally:
            model.train_function = model.test_function = None


def inside() -> Any:
    """Return the module that knows the compiled inside of `fit` on this backend."""
    if backend.name() == "jax":
        from training import _on_jax

        return _on_jax
    from training import _on_tensorflow

    return _on_tensorflow


class _TrainLoop:
    """What one call from `fit` does: an epoch, in chunks of about a tenth of a second."""

    def __init__(self, job: _Job, arrays: Any) -> None:
        self.training, self.between, self.compiling = job.training, job.between, job.compiling
        self.compiled: set[tuple[bool, bool]] = set()
        # Devices that share a batch take equal shares.
        amount = inside().replicas()
        self.rows = len(job.train) // amount * amount
        self.size = max(1, job.training.batch_size // amount) * amount
        self.feed = _feed(arrays, self.size, resident=job.policy.resident)
        self.steps = inside().Steps(job.model, "train", arrays, batch_size=self.size, xla=job.policy.xla)
        self.epoch = 0
        self.before = self.steps_before_xla = job.policy.steps_before_xla
        self.stride = 1

    def begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        self.steps_before_xla = self.before - epoch * math.ceil(self.rows / self.size)

    def __call__(self) -> dict[str, Any]:
        size = self.size
        rows = order(self.training.seed, self.epoch, self.rows)
        full = len(rows) // size
        logs: dict[str, Any] = {}
        done = 0
        for data, table in self.feed(rows[: full * size].reshape(full, size)):
            for first, stop in self._chunks(done, len(table)):
                xla = done + first >= self.steps_before_xla
                logs = self._run(data, table, (first, stop), done + stop, xla=xla)
            done += len(table)
        if len(rows) % size:
            for data, table in self.feed(rows[full * size :].reshape(1, -1)):
                # One step of another shape is not worth a compilation.
                logs = self._run(data, table, (0, 1), full + 1, xla=False)
        return logs

    def _chunks(self, done: int, steps: int) -> Iterator[tuple[int, int]]:
        """Yield bounds of chunks; the length follows the clock, which changes nothing in the result."""
        first = 0
        while first < steps:
            stop, started = min(first + self.stride, steps), time.monotonic()
            if done + first < self.steps_before_xla < done + stop:
                stop = self.steps_before_xla - done
            yield first, stop
            pace = (stop - first) / (time.monotonic() - started)
            if stop - first == self.stride:
                self.stride = max(1, min(4 * self.stride, int(pace * CHUNK_SECONDS)))
            first = stop

    def _run(self, data: Any, table: Any, bounds: tuple[int, int], done: int, *, xla: bool) -> dict[str, Any]:
        kind = xla, table.shape[1] == self.size
        if kind not in self.compiled and self.compiling:
            self.compiling()
        self.compiled.add(kind)
        logs = self.steps(data, table, *bounds, xla=xla)
        numbers = {name: float(value) for name, value in logs.items()}
        epochs_done = self.epoch + min(done * self.size / self.rows, 1.0)
        if not np.isfinite(numbers["loss"]):
            raise NotFiniteError(epochs_done - 1e-9)
        if self.between:
            self.between(epochs_done, numbers)
        return logs


class _TestLoop:
    """What one call from `evaluate` does: the whole validation part."""

    def __init__(self, job: _Job, part: Part) -> None:
        arrays = _arrays(part)
        amount = inside().replicas()
        rows = len(part) // amount * amount
        numbers = sum(int(np.prod(array.shape[1:])) for array in arrays[0].values())
        self.size = min(rows, max(job.training.batch_size, VALIDATION_NUMBERS // max(numbers, 1) // 64 * 64))
        self.size = self.size // amount * amount or amount
        self.feed = _feed(arrays, self.size, resident=job.policy.resident)
        self.steps = inside().Steps(job.model, "test", arrays, batch_size=self.size)
        self.rows = np.arange(rows, dtype=np.int32)

    def __call__(self) -> dict[str, Any]:
        full = len(self.rows) // self.size * self.size
        logs: dict[str, Any] = {}
        for rows in (self.rows[:full].reshape(-1, self.size), self.rows[full:].reshape(1, -1)):
            for data, table in self.feed(rows) if rows.size else ():
                logs = self.steps(data, table, 0, len(table))
        return logs


_Feed = Callable[[np.ndarray], Iterator[tuple[Any, Any]]]
"""Turns a table of row numbers (steps, batch) into pairs of data tensors and the table that points into them."""


def _feed(arrays: Any, batch_size: int, *, resident: bool) -> _Feed:
    place = inside().place
    if resident:
        data = keras.tree.map_structure(place, arrays)
        return lambda table: iter([(data, place(table))] if len(table) else [])
    row_bytes = sum(array.nbytes // max(len(array), 1) for array in keras.tree.flatten(arrays))
    steps = max(1, BLOCK_BYTES // max(row_bytes * batch_size, 1))

    def read(rows: np.ndarray) -> tuple[Any, Any]:
        data = keras.tree.map_structure(lambda array: place(array[rows.ravel()]), arrays)
        return data, place(np.arange(rows.size, dtype=np.int32).reshape(rows.shape))

    def blocks(table: np.ndarray) -> Iterator[tuple[Any, Any]]:
        """Read one block ahead of the one that is being trained on."""
        parts = [table[first : first + steps] for first in range(0, len(table), steps)]
        with ThreadPoolExecutor(1) as reader:
            ahead = [reader.submit(read, parts[0])] if parts else []
            for following in [*parts[1:], None]:
                if not ahead:
                    return
                ready = ahead.pop().result()
                if following is not None:
                    ahead.append(reader.submit(read, following))
                yield ready

    return blocks


def _arrays(part: Part, training: Training | None = None) -> tuple[Any, ...]:
    """Return (x, y) or, with class weights, (x, y, weight of each row)."""
    if training and training.class_weights == "balanced":
        return part.x, part.y, weights_of_classes(part)[np.ravel(part.y)]
    return part.x, part.y


# The plain way


def _fit_plain(job: _Job) -> Any:
    batches = _batches(_arrays(job.train, job.training), job.training)
    steps = len(batches)
    listening = any(_hears_batches(callback) for callback in job.callbacks)
    job.model.steps_per_execution = 1 if listening else min(STEPS_PER_CALL, steps)
    held_out = (job.validation.x, job.validation.y) if job.validation else None
    return job.model.fit(
        batches, validation_data=held_out, validation_batch_size=job.training.batch_size,
        callbacks=[_watch(batches, steps, job.between), *job.callbacks], **job.told,
    )  # fmt: skip


def _batches(arrays: Any, training: Training) -> Any:
    class Batches(keras.utils.PyDataset):
        """The batches of one epoch, in the same order as the compiled loop reads them."""

        epoch = 0

        def __len__(self) -> int:
            return math.ceil(len(arrays[1]) / training.batch_size)

        def __getitem__(self, index: int) -> Any:
            rows = order(training.seed, self.epoch, len(arrays[1]))
            rows = rows[index * training.batch_size :][: training.batch_size]
            return tuple(
                {name: array[rows] for name, array in part.items()} if isinstance(part, dict) else part[rows]
                for part in arrays
            )

    return Batches()


def _watch(batches: Any, steps: int, between: Between | None) -> Any:
    class Watch(keras.callbacks.Callback):
        """Tell the data set which epoch it is; look in on a clock."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            batches.epoch = epoch
            self.looked = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            last = batch + 1 >= steps
            if time.monotonic() - self.looked < CHUNK_SECONDS and not last:
                return
            self.looked = time.monotonic()
            numbers = {name: float(value) for name, value in logs.items()}
            epochs_done = batches.epoch + min((batch + 1) / steps, 1.0)
            if not np.isfinite(numbers["loss"]):
                raise NotFiniteError(epochs_done - 1e-9)
            if between:
                between(epochs_done, numbers)

    return Watch()
