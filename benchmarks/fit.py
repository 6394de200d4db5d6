"""How fast training is, beside a plain `model.fit(numpy)` and beside the bare compiled loop of the same model.

    python -m benchmarks.fit [--small] [--rounds 5] [--epochs 6] [--json FILE]

Every round builds the three afresh and runs them one after the other, so that a busy machine troubles all alike; the
ratios are taken within a round and their median is shown. All see the same batches in the same order, and their
losses must agree. Layerwise's own loop runs with live metrics on. None of them validates; `to round 3` counts
everything from the start, compiling too.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import training.fit as loop
from benchmarks.models import SMALL, Case, data, stage
from recipes import Part, Training, keras, validate

FIRST_LOSSES, LATER_LOSSES = 1e-5, 2e-2
"""Largest relative difference. Later rounds differ more, because training magnifies the rounding of single numbers."""


def main() -> None:
    """Run every case, print the table, write the numbers."""
    asked = _arguments()
    rounds, epochs = (1, 3) if asked.small else (asked.rounds, asked.epochs)
    print(f"{'':26}{'plain':>9}{'ours':>9}{'bare':>9}{'plain/ours':>12}{'ours/bare':>11}{'to round 3':>12}  {'losses'}")
    for case in SMALL:
        if not asked.only or asked.only in case.name:
            result = _measure(case, rounds, epochs, small=asked.small)
            if asked.json:
                _keep(asked.json, result)


def _keep(file: Path, result: dict[str, Any]) -> None:
    """Put one case into the file, in the place of an older result of the same case."""
    told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"cases": []}
    order = [case.name for case in SMALL]
    cases = [old for old in told["cases"] if old["case"] != result["case"]] + [result]
    told = {
        "backend": keras.backend.backend(),
        "cores": os.cpu_count(),
        "cases": sorted(cases, key=lambda each: order.index(each["case"])),
    }
    file.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a minute's run: only shows that the losses agree")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--only", help="cases with this word in their name")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _measure(case: Case, rounds: int, epochs: int, *, small: bool) -> dict[str, Any]:
    rows = case.rows // 20 if small else case.rows
    part = data(case, rows)
    training = validate(Training, {"epochs": epochs, "batch_size": case.batch_size, "early_stopping": False})
    runs = [
        {run.__name__.strip("_"): run(case, part, training) for run in (_plain, _ours, _bare)} for _ in range(rounds)
    ]
    for run in runs:
        _assert_same_losses(case, run)
    result = _summary(case, runs)
    print(
        f"{case.name:26}{result['plain']:9.4f}{result['ours']:9.4f}{result['bare']:9.4f}{result['plain_to_ours']:11.1f}x"
        f"{result['ours_to_bare']:10.2f}x{result['plain_to_ours_by_third_epoch']:11.1f}x  {result['losses']}"
    )
    return result


def _summary(case: Case, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Seconds of a later epoch (median of the second half), and ratios within each round (median, lowest, highest)."""

    def later(run: dict[str, Any], name: str) -> float:
        return statistics.median(run[name]["seconds"][len(run[name]["seconds"]) // 2 :])

    def start(run: dict[str, Any], name: str) -> float:
        return sum(run[name]["seconds"][:3])

    ratios = [later(run, "plain") / later(run, "ours") for run in runs]
    return {
        "case": case.name,
        **{name: statistics.median(later(run, name) for run in runs) for name in ("plain", "ours", "bare")},
        "plain_to_ours": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "ours_to_bare": statistics.median(later(run, "ours") / later(run, "bare") for run in runs),
        "plain_to_ours_by_third_epoch": statistics.median(start(run, "plain") / start(run, "ours") for run in runs),
        "losses": [round(runs[0][name]["losses"][-1], 5) for name in ("plain", "ours", "bare")],
        "policy": runs[0]["ours"]["policy"],
        "load": os.getloadavg()[0],
        "runs": runs,
    }


def _assert_same_losses(case: Case, run: dict[str, Any]) -> None:
    first, later = (0.1, 0.1) if case.is_random else (FIRST_LOSSES, LATER_LOSSES)
    for name in ("ours", "bare"):
        losses, expected = run[name]["losses"], run["plain"]["losses"]
        np.testing.assert_allclose(losses[0], expected[0], rtol=first, err_msg=case.name)
        np.testing.assert_allclose(losses, expected, rtol=later, err_msg=case.name)


def _compiled(case: Case, training: Training) -> Any:
    made = stage(case)
    loop.compile_stage(made, training)
    if keras.backend.backend() == "jax":
        made.model.jit_compile = True  # as `compile` would choose by itself
    return made.model


def _plain(case: Case, part: Part, training: Training) -> dict[str, Any]:
    """What a user would write, and nothing else."""
    model, clock = _compiled(case, training), _clock()
    history = model.fit(
        part.x, part.y, batch_size=training.batch_size, epochs=training.epochs, shuffle=False, callbacks=[clock],
        verbose=0,
    )  # fmt: skip
    return {"seconds": _seconds(clock), "losses": history.history["loss"]}


def _ours(case: Case, part: Part, training: Training) -> dict[str, Any]:
    """Layerwise, writing a line of live metrics whenever it looks in."""
    model, clock = _compiled(case, training), _clock()
    # The table is sized for many rounds; what a longer run would choose is measured, whatever --epochs says.
    policy = loop.choose_policy(model, part, training.model_copy(update={"epochs": 30}))
    unshuffled = mock.patch.object(loop, "order", lambda _seed, _epoch, rows: np.arange(rows, dtype=np.int32))
    with unshuffled, tempfile.TemporaryFile("w") as file:
        history = loop.fit(
            model, part, None, training=training, callbacks=[clock], policy=policy,
            between=lambda done, logs: print(json.dumps({"x": done, **logs}), file=file, flush=True),
        )  # fmt: skip
    return {"seconds": _seconds(clock), "losses": history.history["loss"], "policy": policy.sentence}


def _bare(case: Case, part: Part, training: Training) -> dict[str, Any]:
    """One compiled call an epoch around the model's own step: no `fit`, no callbacks, no looking in."""
    model = _compiled(case, training)
    xla = loop.choose_policy(model, part, training.model_copy(update={"epochs": 30})).xla
    keras.tree.map_structure(np.asarray, model.test_on_batch({"x": part.x["x"][:1]}, part.y[:1]))
    with loop.inside().traced(model, xla=xla):
        epoch = (_bare_on_jax if keras.backend.backend() == "jax" else _bare_on_tensorflow)(model, part, training, xla)
        seconds, losses = [], []
        for _ in range(training.epochs):
            started = time.perf_counter()
            losses.append(epoch())
            seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "losses": losses}


def _bare_on_tensorflow(model: Any, part: Part, training: Training, xla: bool) -> Callable[[], float]:  # noqa: FBT001
    import tensorflow as tf

    x, y = tf.constant(part.x["x"]), tf.constant(part.y)
    size = training.batch_size
    full = len(part) // size * size
    table: Any = tf.constant(np.arange(full, dtype=np.int32).reshape(-1, size))

    def step(rows: Any) -> None:
        model.train_step(({"x": tf.gather(x, rows)}, tf.gather(y, rows)))

    def body(at: Any) -> Any:
        step(table[at])
        return at + 1

    def all_full() -> None:
        tf.while_loop(lambda at: at < full // size, body, [tf.constant(0)])

    whole = tf.function(all_full, autograph=False, jit_compile=xla)
    rest = tf.function(lambda: step(tf.range(full, len(part))), autograph=False)

    def epoch() -> float:
        model.reset_metrics()
        whole()
        if full < len(part):
            rest()
        return float(model.get_metrics_result()["loss"])

    return epoch


def _bare_on_jax(model: Any, part: Part, training: Training, xla: bool) -> Callable[[], float]:  # noqa: FBT001
    from training.backend import jax

    del xla
    arrays = jax.device_put(({"x": part.x["x"]}, part.y))
    size = training.batch_size
    full = len(part) // size * size
    table = np.arange(full, dtype=np.int32).reshape(-1, size)
    names = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
    states = [getattr(model.optimizer if "optimizer" in name else model, name.removeprefix("optimizer_"))
              for name in names]  # fmt: skip
    now = [[variable.value for variable in variables] for variables in states]

    def step(state: Any, rows: Any) -> tuple[Any, None]:
        return model.train_step(state, jax.tree.map(lambda array: array[rows], arrays))[1], None

    whole = jax.jit(lambda state: jax.lax.scan(step, state, table)[0], donate_argnums=0)
    rest = jax.jit(lambda state: step(state, np.arange(full, len(part)))[0], donate_argnums=0)

    def epoch() -> float:
        model.reset_metrics()
        state = whole((*now[:3], [variable.value for variable in states[3]]))
        state = rest(state) if full < len(part) else state
        now[:] = state
        for variable, value in zip(states[3], state[3], strict=True):
            variable.assign(value)
        return float(model.get_metrics_result()["loss"])

    return epoch


def _clock() -> Any:
    class Clock(keras.callbacks.Callback):
        """Remember when training began and when each epoch ended."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.times = [time.perf_counter()]

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.times.append(time.perf_counter())

    return Clock()


def _seconds(clock: Any) -> list[float]:
    return [after - before for before, after in zip(clock.times, clock.times[1:], strict=False)]


if __name__ == "__main__":
    main()
