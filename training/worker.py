"""One run from its folder to report and download: `python -m training.worker FOLDER`.

A worker needs nothing but its run folder. It goes on from the newest whole checkpoint, if there is one. SIGTERM or a
wish in `ask.json` stops it between two chunks of steps: `stop` can be resumed, `keep` goes on to report and download.
"""

import argparse
import faulthandler
import platform
import signal
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import builders
from builders import Blueprint, Stage, imported
from datasets import DataSet, PartName, Prepared
from evaluation.asked import Asked
from recipes import Part, Recipe, Refusal, Training, keras, validate
from records import Run, Workspace, disk, write_json
from records.disk import Superseded
from records.run import write_text
from training import backend, checkpoints, devices, failures, proof, reaper, shares
from training.checkpoints import Snapshot
from training.energy import Meter
from training.plan import resolve, training_of
from training.proof import Proof
from training.pulse import Pulse
from training.reporter import Halted, Reporter
from training.shelf import open_prepared

FINISHED, FAILED, REFUSED, FENCED = 0, 1, 2, 3
"""Exit codes. A run that was stopped in good order also ends with 0."""
LOG = 2
"""The handle of this process's log."""
COMMIT_SECONDS = 2.0
"""A checkpoint is written at most that often, and always at the end: tiny epochs are not slowed down."""


def main(folder: Path, attempt: int) -> int:
    """Execute a run for this attempt; returns the exit code. Everything told goes into the run's folder."""
    run = Run(folder)
    state = run.state
    if state.attempt > attempt or state.state == "finished":
        return FENCED if state.attempt > attempt else FINISHED
    try:
        with disk.held(folder, attempt) as lease:
            return _begun(run, attempt, lease)
    except Superseded:
        return FENCED


def _begun(run: Run, attempt: int, lease: disk.Lease) -> int:
    """Execute the run with all that watches over it: signals, heartbeat, patience with a full disk."""
    reaper.sign(run.folder, attempt)
    disk.remove(run.folder / "done.json")
    reporter = Reporter(run, attempt)
    former = {name: signal.signal(name, lambda *_: _end(reporter)) for name in (signal.SIGTERM, signal.SIGINT)}
    faulthandler.enable(LOG)
    faulthandler.register(signal.SIGUSR1, LOG)  # the supervisor asks where a run stands that gets no further
    try:
        with Pulse(lease.writing) as reporter.pulse, disk.waiting(reporter.wait_for_room):
            return _guarded(run, reporter)
    finally:
        faulthandler.unregister(signal.SIGUSR1)
        for name, handler in former.items():
            signal.signal(name, handler)


def _end(reporter: Reporter) -> None:
    reporter.ends = True


def _guarded(run: Run, reporter: Reporter) -> int:
    """Turn every way in which a run can end into its last state."""
    worker = Worker(run, reporter)
    try:
        worker.execute()
    except Halted as halted:
        if halted.limit:
            reporter.end("failed", *_too_late(halted.limit))
            return FAILED
        reporter.end("stopped", worker.stopped_sentence(), "Press Resume to go on.")
    except Superseded:
        raise
    except Refusal as refusal:
        reporter.end("failed", *failures.classify(refusal))
        return REFUSED
    except Exception as error:  # noqa: BLE001 - whatever happens, the person reads one sentence
        traceback.print_exc()
        worker.rescue()
        reporter.end("failed", *failures.classify(error, worker.recipe, worker.safe_epochs))
        return FAILED
    return FINISHED


def _too_late(limit: str) -> failures.Failure:
    advice = "Choose fewer data or a smaller model, then train again."
    return failures.Failure(f"Reached the {limit} before training began.", advice, "limit")


class Worker:
    """What one run knows while it is executed."""

    def __init__(self, run: Run, reporter: Reporter) -> None:
        self.run, self.reporter = run, reporter
        self.recipe = run.recipe
        self.fitted: Fitted | None = None

    @property
    def safe_epochs(self) -> int:
        """Epochs that a resume would not have to do again."""
        return self.reporter.safe_epochs

    def stopped_sentence(self) -> str:
        """Say where the run was stopped."""
        if self.fitted is None:
            return "Stopped by you before the first epoch."
        return f"Stopped by you after epoch {self.safe_epochs} of {self.fitted.all_epochs}."

    def rescue(self) -> None:
        """Write what is known before a failed run ends; a disk without room must not hide the first failure."""
        if self.fitted:
            try:
                self.fitted.commit()
            except OSError:
                traceback.print_exc()

    def execute(self) -> None:
        """Prepare, build, fit, judge, save, check."""
        self.reporter.meter = Meter(self.run, self.reporter.attempt)
        dataset, prepared = disk.with_room(self._prepare)
        training = training_of(self.recipe)
        self.reporter.phase("compiling", message="", device=device(), epochs=training.epochs)
        self.reporter.event("versions", versions())
        blueprint = self._build(prepared, training)
        asked = Asked(self.run, self.recipe, dataset, prepared, blueprint)
        self.fitted = Fitted(asked, self.reporter, training)
        kept = self.fitted.fit()
        self.reporter.is_fitted = True
        disk.with_room(lambda: self._judge(asked))
        self.reporter.end("finished", kept or self.fitted.finished_sentence(), reason=self.fitted.reason)

    def _prepare(self) -> tuple[DataSet, Prepared]:
        self.reporter.phase("preparing")
        self.recipe = resolve(self.recipe)
        workspace = Workspace(self.run.folder.resolve().parents[1])
        imported.lies_in(workspace.models)
        self.recipe, dataset, prepared = open_prepared(self.recipe, workspace, self.reporter.preparing)
        write_text(self.run.folder / "recipe.yaml", self.recipe.yaml())
        places = {"folder": str(prepared.folder), "dataset": str(dataset.folder)}
        write_json(self.run.folder / "prepared.json", places)
        return dataset, prepared

    def _build(self, prepared: Prepared, training: Training) -> Blueprint:
        from builders._layers import layer_table

        backend.refuse_words(prepared.signature)
        settle(training)
        blueprint = build(self.recipe, prepared)
        stages = [
            {"name": stage.name, "layers": layer_table(stage.model), "parameters": int(stage.model.count_params())}
            for stage in blueprint.stages
        ]
        write_json(self.run.folder / "layers.json", {"stages": stages})
        self.reporter.tell(parameters=stages[-1]["parameters"])
        for note in blueprint.notes:
            self.reporter.event("note", note)
        return blueprint

    def _judge(self, asked: Asked) -> None:
        """Save first: clean processes load the files while the report is made."""
        from evaluation import report, strange
        from exporters import check, keras_file

        self.reporter.phase("saving")
        files = {
            name: keras_file.export(asked, name, deliverable)
            for name, deliverable in asked.blueprint.deliverables.items()
        }
        checking = [check.start(asked, file, asked.blueprint.deliverables[name]) for name, file in files.items()]
        try:
            self.reporter.phase("evaluating")
            history = [line for line in self.run.lines("metrics")[0] if line.get("end")]
            report.make(asked, history)
            strange.fit(asked)
            self.reporter.phase("checking")
            for each in checking:
                self.reporter.event("check", each.finish()["sentence"])
        finally:
            for each in checking:
                each.cancel()


class Fitted:
    """The stages of a run, fitted one after the other, with checkpoints."""

    def __init__(self, asked: Asked, reporter: Reporter, training: Training) -> None:
        from training.evidence import Evidence

        self.run, self.blueprint, self.prepared = asked.run, asked.blueprint, asked.prepared
        self.reporter, self.training = reporter, training
        self.trainings = trainings_of(asked.blueprint, training)
        self.all_epochs = sum(each.epochs for each in self.trainings)
        self.evidence = Evidence(asked)
        self.models = variables_of(asked.blueprint)
        self.variables: list[Any] = []
        self.snapshot: Snapshot | None = None
        self.committed = time.monotonic()
        self.is_on_disk = True
        self.reason = ""
        self.circumstances = proof.circumstances(device(), backend.version(), self.prepared.folder)
        reporter.unit = asked.signature.target.scale
        reporter.all_epochs = [each.epochs for each in self.trainings]

    def fit(self) -> str:
        """Fit every stage; returns what to say where a person ended it with `keep`, else nothing."""
        self.snapshot = self._resume()
        first = self.snapshot.stage if self.snapshot else 0
        try:
            for number in range(first, len(self.blueprint.stages)):
                self._fit_stage(number, self.blueprint.stages[number])
        except Halted as halted:
            self._roll_back()
            if halted.wish == "stop":
                raise
            self.reason = "limit" if halted.limit else ""
            return self._kept_sentence(halted.limit)
        return ""

    def commit(self) -> None:
        """Write the last snapshot, if it is not on disk yet."""
        if self.snapshot and not self.is_on_disk:
            disk.settle(self.run.folder / "metrics.jsonl")  # a checkpoint says how long it is
            checkpoints.commit(self.run.folder / "checkpoints", self.snapshot)
            self.is_on_disk, self.committed = True, time.monotonic()
            self.reporter.safe_epochs = self.snapshot.finished

    def _resume(self) -> Snapshot | None:
        snapshot, damaged = checkpoints.newest(self.run.folder / "checkpoints")
        metrics = self.run.folder / "metrics.jsonl"
        epoch = self.reporter.safe_epochs = snapshot.finished if snapshot else 0
        for name in damaged:
            self.reporter.event("damage", f"The checkpoint {name} is damaged and was passed over.")
        checkpoints.mend(self.run.folder / "checkpoints", damaged)
        if metrics.stat().st_size:
            disk.cut(metrics, snapshot.bytes_written["metrics"] if snapshot else 0)
            where = f"goes on after epoch {epoch}" if epoch else "starts again from the beginning"
            self.reporter.event("resume", f"Attempt {self.reporter.attempt} {where}.")
        # Where the newest epoch is the best one, the checkpoint holds its weights once, with the optimizer's.
        return snapshot and replace(snapshot, best_variables=snapshot.best_variables[: len(self.models)])

    def _fit_stage(self, number: int, stage: Stage) -> None:
        from training.fit import choose_policy, compile_stage, fit
        from training.schedules import make_callbacks

        training = self.trainings[number]
        resumed = self.snapshot if self.snapshot and self.snapshot.stage == number else None
        for former in self.blueprint.stages[: number + 1] if resumed else (stage,):
            if former.before:
                former.before()
        compile_stage(stage, training)
        self.variables = [*self.models, *stage.model.optimizer.variables]
        # Keeping the best epoch is done here, for all runs alike, also for those without early stopping.
        callbacks = make_callbacks(training.model_copy(update={"restore_best": False}))
        known = None
        if resumed and resumed.is_over:  # nothing is trained any more, so nothing can be compared either
            checkpoints.put_back(self.variables, resumed.variables)
        elif resumed:
            known = proof.prepare(self.run, resumed, self.circumstances, stage.name)
            if known.older is None:
                self._prove(known, same=None)
            checkpoints.put_back(self.variables, known.start.variables)
        train, validation = (self._part(stage, name) for name in ("train", "validation"))
        policy = choose_policy(stage.model, train, training, callbacks, xla=stage.xla)
        self.reporter.begin_stage(
            stage.name, number + 1, len(self.blueprint.stages), training.epochs, len(train),
            -(-len(train) // training.batch_size), policy=policy.sentence, epoch=resumed.epoch if resumed else 0,
        )  # fmt: skip
        if not (resumed and resumed.is_over):
            fit(
                stage.model, train, validation, training=training, initial_epoch=known.start.epoch if known else 0,
                callbacks=[*callbacks, self._listener(number, stage.model, callbacks, known)],
                between=self.reporter.point, policy=policy, compiling=self.reporter.slowly,
            )  # fmt: skip
            self.snapshot = replace(self.snapshot, is_over=True) if self.snapshot else None
            self.is_on_disk = False
            self.commit()
        self._use_best()
        if self.snapshot:
            shown = self.snapshot.best["epoch"] if training.restore_best else self.snapshot.epoch
            self.evidence.show(stage.name, shown, now=True)

    def _part(self, stage: Stage, name: PartName) -> Part:
        part = self.prepared.part(name)
        if name == "train" and self.training.train_share < 1:
            part = shares.of(part, self.training.train_share, self.training.seed)
        return stage.select(part) if stage.select else part

    def _listener(self, number: int, model: Any, callbacks: list[Any], known: Proof | None) -> Any:
        """Make the callback that reports epochs and takes snapshots; it must stand behind all others."""

        def begin(_logs: Any) -> None:
            if known:
                checkpoints.remind(callbacks, known.start.memory)
                self.reporter.is_quiet = known.older is not None

        def end_epoch(epoch: int, logs: dict[str, Any]) -> None:
            self._refuse_broken(epoch)
            if known and epoch < known.newest.epoch:  # trained again, only to compare
                if epoch + 1 == known.newest.epoch:
                    self._compare(known, model, callbacks)
                return
            rate = float(logs.get("learning_rate", model.optimizer.learning_rate))
            self.reporter.end_epoch(epoch + 1, logs, rate)
            self._take(number, epoch + 1, logs, callbacks)
            self.evidence.show(self.blueprint.stages[number].name, epoch + 1)

        return keras.callbacks.LambdaCallback(
            on_train_begin=begin,
            on_epoch_begin=lambda epoch, _logs: self.reporter.begin_epoch(epoch),
            on_epoch_end=end_epoch,
            on_test_begin=lambda _logs: self.reporter.begin_validation(),
        )

    def _refuse_broken(self, epoch: int) -> None:
        """Where the last step of an epoch broke the weights, no loss has told it yet: such weights are never kept."""
        from training.fit import NotFiniteError

        arrays = (np.asarray(variable) for variable in self.models)
        if not all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f"):
            raise NotFiniteError(epoch + 0.5)

    def _compare(self, known: Proof, model: Any, callbacks: list[Any]) -> None:
        """Compare what was trained again with the newest checkpoint, and go on from that one in any case."""
        same = proof.is_same(checkpoints.arrays_of(self.variables), known.newest.variables)
        same = same and checkpoints.memory_of(callbacks) == known.newest.memory
        if not same:
            checkpoints.put_back(self.variables, known.newest.variables)
            checkpoints.remind(callbacks, known.newest.memory)
            model.stop_training = False
        self.reporter.is_quiet = False
        self._prove(known, same=same)

    def _prove(self, known: Proof, *, same: bool | None) -> None:
        self.reporter.event("proof", proof.note(self.run, self.reporter.attempt, known, same=same))

    def _take(self, number: int, epoch: int, logs: dict[str, Any], callbacks: list[Any]) -> None:
        """Remember the run as it is at the end of this epoch; write it when the last one on disk is old."""
        variables = checkpoints.arrays_of(self.variables)
        models = variables[: len(self.models)]
        loss = float(logs.get("val_loss", logs["loss"]))
        former = self.snapshot if self.snapshot and self.snapshot.stage == number else None
        is_best = former is None or loss < former.best["loss"]
        self.snapshot = Snapshot(
            stage=number,
            epoch=epoch,
            finished=sum(each.epochs for each in self.trainings[:number]) + epoch,
            variables=variables,
            names=[variable.path for variable in self.variables],
            memory=checkpoints.memory_of(callbacks),
            best={"epoch": epoch, "loss": loss} if is_best else former.best,
            best_variables=models if is_best else former.best_variables,
            bytes_written={"metrics": (self.run.folder / "metrics.jsonl").stat().st_size},
            made_with=self.circumstances,
        )
        self.is_on_disk = False
        if time.monotonic() - self.committed > COMMIT_SECONDS:
            self.commit()

    def _roll_back(self) -> None:
        """Return to the end of the last finished epoch: a run is resumed between epochs only."""
        self.reporter.is_quiet = False
        if self.snapshot:
            checkpoints.put_back(self.variables, self.snapshot.variables)
            self.commit()
            self._use_best()

    def _use_best(self) -> None:
        if self.snapshot and self._keeps_best:
            checkpoints.put_back(self.models, self.snapshot.best_variables)

    @property
    def _keeps_best(self) -> bool:
        return self.snapshot is not None and self.trainings[self.snapshot.stage].restore_best

    def finished_sentence(self) -> str:
        """Say how training came to its end by itself."""
        done = self.snapshot.finished if self.snapshot else 0
        if done < self.all_epochs:
            return f"Finished early after epoch {done} of {self.all_epochs}: no progress for a while."
        return f"Finished after {done} epochs." if done != 1 else "Finished after 1 epoch."

    def _kept_sentence(self, limit: str = "") -> str:
        if limit and self.snapshot is None:
            return f"Reached the {limit} in the first epoch; the model as it was then was kept."
        if limit:
            return f"Reached the {limit}; the {'best' if self._keeps_best else 'last'} epoch was kept."
        if self.snapshot is None:
            return f"Stopped by you in epoch 1 of {self.all_epochs}; the model as it was then was kept."
        kept = f"the best epoch ({self.snapshot.best['epoch']})" if self._keeps_best else "the last epoch"
        return f"Stopped by you after epoch {self.snapshot.finished} of {self.all_epochs}; {kept} was kept."


def settle(training: Training) -> None:
    """Make this process ready for a run: seeds, precision, memory of GPUs, and on a CPU the same bits every time."""
    from training.optimizers import precision

    backend.settle()
    backend.share_batches()
    keras.utils.set_random_seed(training.seed)
    keras.config.set_dtype_policy(precision(training))


def build(recipe: Recipe, prepared: Prepared) -> Blueprint:
    """Build the recipe's models for these data; raises `Refusal` for an impossible setting."""
    name = recipe.model.architecture
    builders.refuse_unfit(name, prepared.signature)
    return builders.get(name).build(prepared.signature, builders.config(name, recipe.model.settings))


def variables_of(blueprint: Blueprint) -> list[Any]:
    """List what a run's models are made of, each once: weights, counters and seeds, but no running metrics."""
    metrics = {id(variable) for model in blueprint.models for variable in model.metrics_variables}
    every = {id(variable): variable for model in blueprint.models for variable in model.variables}
    return [variable for key, variable in every.items() if key not in metrics]


def trainings_of(blueprint: Blueprint, training: Training) -> list[Training]:
    """Return the training settings of each stage: the recipe's, with what the stage has otherwise."""
    plain = training.model_dump(mode="json")
    return [validate(Training, plain | stage.training, "training") for stage in blueprint.stages]


def device() -> str:
    """Name what this process computes on."""
    if cards := backend.cards()[: devices.per_run()]:
        return cards[0].name if len(cards) == 1 else f"{len(cards)} × {cards[0].name}"
    cores = devices.cores()
    return f"CPU · {cores} core{'s' if cores > 1 else ''}"


def versions() -> str:
    """Name the programs that this process computes with."""
    return f"Python {platform.python_version()}, Keras {keras.__version__} and {backend.version()}"


def _next_attempt(run: Run) -> int:
    state = run.state
    return state.attempt + 1 if state.started else state.attempt


def _from_command_line(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.worker", description="Execute or resume one run.")
    parser.add_argument("folder", type=Path, help="a run's folder")
    parser.add_argument("--attempt", type=int, help="number of this start (the next one by default)")
    asked = parser.parse_args(arguments)
    run = Run(asked.folder.resolve())
    run.clear_ask()
    return main(run.folder, asked.attempt or _next_attempt(run))


if __name__ == "__main__":
    sys.exit(_from_command_line())
