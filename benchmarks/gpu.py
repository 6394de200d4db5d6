"""How fast training is on a GPU, beside a plain `model.fit(numpy)`, with and without half-size numbers.

    python -m benchmarks.gpu [--small] [--rounds 3] [--epochs 6] [--only WORD] [--json FILE]

Every measurement is a process of its own, for precision and memory are settled before a model is built; plain and
ours alternate. All see the same rows in the same order, and their first losses must agree. `first` is the time from
the first call to the first point on the curve, compiling included; `epoch` is the median of the later epochs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.models import LARGE, Case, data, stage
from recipes import Training, keras, validate

ROOT = Path(__file__).resolve().parents[1]
AGREE = {"off": 1e-3, "auto": 0.1}
"""Largest relative difference of the first epoch's loss; GPUs add in another order each time."""


def main() -> None:
    """Measure every case, print the table, write the numbers."""
    asked = _arguments()
    if asked.measure:
        print(json.dumps(_measured(asked)))
        return
    rounds, epochs = (1, 2) if asked.small else (asked.rounds, asked.epochs)
    print(
        f"{'':34}{'precision':>10}{'plain':>10}{'ours':>10}{'plain/ours':>12}{'ours, rows/s':>14}{'first':>8}  losses"
    )
    results = []
    for case in LARGE:
        if asked.only and asked.only not in case.name:
            continue
        for precision in AGREE:
            results.append(_compared(case, precision, rounds, epochs, small=asked.small))
            _print(results[-1])
    told = {"rounds": rounds, "epochs": epochs, "seed": 1, "small": asked.small, "cases": results}
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="few rows and rounds: only shows that it runs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--only", default="", help="cases with this word in their name")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", choices=("plain", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--precision", choices=tuple(AGREE), default="off", help=argparse.SUPPRESS)
    return parser.parse_args()


def _compared(case: Case, precision: str, rounds: int, epochs: int, *, small: bool) -> dict[str, Any]:
    """Run both ways in turn; ratios are taken within a round."""
    runs = [
        {way: _in_own_process(case, way, precision, epochs, small=small) for way in ("plain", "ours")}
        for _ in range(rounds)
    ]
    for run in runs:
        first = 0.1 if case.is_random else AGREE[precision]
        np.testing.assert_allclose(run["ours"]["losses"][0], run["plain"]["losses"][0], rtol=first, err_msg=case.name)
    ratios = [run["plain"]["epoch"] / run["ours"]["epoch"] for run in runs]
    ours = statistics.median(run["ours"]["epoch"] for run in runs)
    return {
        "case": case.name,
        "precision": precision,
        "dtype": runs[0]["ours"]["dtype"],
        "device": runs[0]["ours"]["device"],
        "backend": runs[0]["ours"]["backend"],
        "rows": runs[0]["ours"]["rows"],
        "plain": statistics.median(run["plain"]["epoch"] for run in runs),
        "ours": ours,
        "plain_to_ours": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "rows_per_second": runs[0]["ours"]["rows"] / ours,
        "first_point": statistics.median(run["ours"]["first"] for run in runs),
        "losses": [runs[0][way]["losses"][-1] for way in ("plain", "ours")],
        "policy": runs[0]["ours"]["policy"],
        "runs": runs,
    }


def _print(told: dict[str, Any]) -> None:
    losses = " ".join(f"{loss:.4f}" for loss in told["losses"])
    print(
        f"{told['case']:34}{told['dtype']:>10.10}{told['plain']:10.4f}{told['ours']:10.4f}{told['plain_to_ours']:11.1f}x"
        f"{told['rows_per_second']:14,.0f}{told['first_point']:8.2f}  {losses}",
        flush=True,
    )


def _in_own_process(case: Case, way: str, precision: str, epochs: int, *, small: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.gpu", "--measure", way, "--precision", precision]
    command += ["--only", case.name, "--epochs", str(epochs), *(["--small"] if small else [])]
    # What a library warns of on standard error is shown only where the measurement failed.
    answer = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise SystemExit(answer.stderr)
    return json.loads(answer.stdout.splitlines()[-1])


def _measured(asked: argparse.Namespace) -> dict[str, Any]:
    from training import worker

    case = next(case for case in LARGE if case.name == asked.only)
    rows = case.batch_size * 3 + 5 if asked.small else case.rows
    settings = {"epochs": asked.epochs, "batch_size": case.batch_size, "early_stopping": False}
    training = validate(Training, settings | {"mixed_precision": asked.precision})
    worker.settle(training)
    part = data(case, rows)
    made = stage(case)
    told = (_ours if asked.measure == "ours" else _plain)(made, part, training)
    return told | {
        "rows": rows,
        "epoch": statistics.median(told["seconds"][1:]),
        "dtype": keras.config.dtype_policy().name,
        "device": worker.device(),
        "backend": worker.versions(),
    }


def _plain(made: Any, part: Any, training: Training) -> dict[str, Any]:
    """What a user would write: Keras chooses by itself whether it compiles."""
    from training.optimizers import make_optimizer

    made.model.compile(make_optimizer(training), loss=made.loss, metrics=made.metrics())
    clock = _clock()
    history = made.model.fit(
        part.x, part.y, batch_size=training.batch_size, epochs=training.epochs, shuffle=False, callbacks=[clock],
        verbose=0,
    )  # fmt: skip
    return {"seconds": clock.seconds(), "losses": history.history["loss"], "first": clock.times[1] - clock.times[0]}


def _as_stored(seed: int, epoch: int, rows: int) -> np.ndarray:  # noqa: ARG001 - as the plain script reads them
    return np.arange(rows, dtype=np.int32)


def _ours(made: Any, part: Any, training: Training) -> dict[str, Any]:
    import training.fit as loop

    loop.compile_stage(made, training)
    policy = loop.choose_policy(made.model, part, training.model_copy(update={"epochs": 100}))
    clock, points = _clock(), []
    with mock.patch.object(loop, "order", _as_stored):
        history = loop.fit(
            made.model, part, None, training=training, callbacks=[clock], policy=policy,
            between=lambda _done, _logs: points.append(time.perf_counter()),
        )  # fmt: skip
    first = points[0] - clock.times[0]
    return {"seconds": clock.seconds(), "losses": history.history["loss"], "first": first, "policy": policy.sentence}


def _clock() -> Any:
    class Clock(keras.callbacks.Callback):
        """Remember when training began and when each epoch ended."""

        def on_train_begin(self, logs: Any = None) -> None:
            self.times = [time.perf_counter()]

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.times.append(time.perf_counter())

        def seconds(self) -> list[float]:
            return [after - before for before, after in zip(self.times, self.times[1:], strict=False)]

    return Clock()


if __name__ == "__main__":
    main()
