"""How a worker tells what it does: state, points on the curve, events, all on a clock; also how it hears wishes."""

import shutil
import time
from typing import Any, Literal

import psutil

from recipes.configuration import configuration
from records import Run, disk, write_json
from records.run import Name, Phase
from training.energy import FILE, Meter
from training.limits import Limits
from training.pulse import Pulse

STATE_SECONDS = 0.2
POINT_SECONDS = 0.1


class Halted(Exception):  # noqa: N818 - a wish that came true, not an error
    """Somebody asked the worker to stop, or its time is up: `limit` then names the limit that it reached."""

    def __init__(self, wish: Literal["stop", "keep"], limit: str = "") -> None:
        super().__init__(wish)
        self.wish, self.limit = wish, limit


class Reporter:
    """Write a run's `state.json`, `metrics.jsonl` and `events.jsonl` for one attempt."""

    def __init__(self, run: Run, attempt: int) -> None:
        self.run = run
        self.attempt = attempt
        self.ends = False
        """Set by a signal: stop at the next look."""
        self.is_fitted = False
        """Set when training is over: from then on `keep` is what happens anyway."""
        self.unit = 1.0
        """One unit of a standardised target in the target's own unit."""
        self.all_epochs: list[int] = []
        """Planned epochs of each stage."""
        self.meter: Meter | None = None
        """Counts the electricity that is used."""
        self.pulse: Pulse | None = None
        """Tells the supervisor that the run gets further."""
        self.is_quiet = False
        """Set while epochs are trained again only to compare: they are on the curve already."""
        self.safe_epochs = 0
        """Epochs that a resume would not have to do again."""
        self.limits = Limits.of(run)
        self._seconds_before = sum(
            each["seconds"] for each in (run.read(FILE) or {"attempts": []})["attempts"] if each["attempt"] != attempt
        )
        self._began = time.monotonic()
        self.state = run.state.model_copy(
            update={"attempt": attempt, "started": time.time(), "ended": None, "first_point": None, "message": "",
                    "advice": "", "reason": "", "cure": {}, "eta_seconds": None}
        )  # fmt: skip
        self._process = psutil.Process()
        self._written = 0.0
        self._pointed = 0.0
        self._rows = 0
        self._mark: tuple[float, float] | None = None
        self._epoch_started = 0.0

    def tell(self, *, now: bool = False, **changes: Any) -> None:
        """Change the state; it is written at most five times a second unless `now`."""
        self.state = self.state.model_copy(update=changes)
        if not now and time.monotonic() - self._written < STATE_SECONDS:
            return
        self._written = time.monotonic()
        disk.check()
        memory = self._process.memory_info().rss / 2**20
        self.state = self.state.model_copy(update={"updated": time.time(), "memory_mb": round(memory, 1)})
        self.run.write_state(self.state)
        if self.meter:
            self.meter.note()

    def phase(self, phase: Phase, **changes: Any) -> None:
        """Enter a phase; a stop that was asked for in the last one comes true here."""
        self.hear()
        self._beat()
        self.tell(now=True, state="running", phase=phase, **changes)
        self.event("phase", phase)

    def event(self, kind: str, text: str) -> None:
        """Note an event for people."""
        self.run.append("events", {"time": time.time(), "kind": kind, "text": text})

    def hear(self) -> None:
        """Raise `Halted` if somebody asked to stop, or if the time is up that the run may take."""
        wish = "stop" if self.ends else self.run.asked()
        if wish and not (wish == "keep" and self.is_fitted):
            raise Halted("keep" if wish == "keep" else "stop")
        if not self.is_fitted and self.limits.is_over(self._seconds_before + time.monotonic() - self._began):
            raise Halted("keep", self.limits.name)

    def wait_for_room(self) -> None:
        """Wait until the full disk has room again, and say so; stops that are asked for come true meanwhile."""
        root = self.run.folder.parents[1]
        disk.drop_ballast(root)
        safe = f"Your model up to epoch {self.safe_epochs} is safe." if self.safe_epochs else "Nothing was lost."
        message, advice = f"Storage is full. {safe}", "It goes on by itself when there is room."
        self._said("full", message, message=message, advice=advice)
        size = configuration().ballast_mb
        while True:
            self._pause(configuration().room_seconds)
            is_roomy = disk.lay_ballast(root, size) and shutil.disk_usage(root).free >= size * 2**20
            if is_roomy and self._said("room", "There is room again, so the run goes on.", message="", advice=""):
                return
            disk.drop_ballast(root)

    def preparing(self, share: float, text: str) -> None:
        """Take the progress of reading and preparing data."""
        self.hear()
        self._beat()
        self.tell(message=text)

    def begin_stage(
        self, name: str, number: int, stages: int, epochs: int, rows: int, steps: int, **changes: Any
    ) -> None:
        """Start to count a stage; it is still compiling until the first steps are done."""
        self._rows, self._mark = rows, None
        self._beat()
        self.tell(
            phase="compiling", stage=name, stage_number=number, stages=stages, epochs=epochs, steps=steps, step=0,
            message="", **changes,
        )  # fmt: skip

    def begin_epoch(self, epoch: int) -> None:
        """Start the clock of an epoch (from 0)."""
        self._epoch_started = time.monotonic()
        self._beat()
        if not self.is_quiet:
            self.tell(epoch=epoch)

    def begin_validation(self) -> None:
        """Say that the validation part is being asked."""
        self._beat()
        if not self.is_quiet:
            self.tell(phase="validating")

    def point(self, done: float, logs: dict[str, float]) -> None:
        """Take the running means between two chunks of steps; `done` counts epochs with their fraction."""
        self.hear()
        self._beat(slow=False)
        if self.state.phase == "compiling":
            self.phase("training")
        if self.is_quiet:
            return
        now = time.monotonic()
        self._pace(done, now)
        if now - self._pointed >= POINT_SECONDS:
            self._pointed = now
            epoch = -int(-done // 1)
            self._append({"epoch": epoch, "x": round(done, 4)} | self._in_units(logs))
        fraction = done % 1 or 1.0
        self.tell(step=round(fraction * self.state.steps))

    def end_epoch(self, epoch: int, logs: dict[str, float], rate: float) -> None:
        """Note the end of an epoch (from 1)."""
        self._beat()
        seconds = time.monotonic() - self._epoch_started
        line = self._in_units(logs) | {"learning_rate": rate, "seconds": round(seconds, 4)}
        self._append({"epoch": epoch, "x": float(epoch), "end": True} | line)
        pace = self.state.samples_per_second or round(self._rows / max(seconds, 1e-9), 1)
        self.tell(epoch=epoch, phase="training", samples_per_second=pace)

    def slowly(self) -> None:
        """Hear that the next steps are compiled first."""
        if self.pulse:
            self.pulse.slowly()

    def end(
        self, state: Name, message: str, advice: str = "", reason: str = "", cure: dict[str, Any] | None = None
    ) -> None:
        """Write the last state and `done.json`."""
        ended = time.time()
        phase = "done" if state == "finished" else self.state.phase
        if self.meter:
            self.meter.note(now=True)
        self.event(state, f"{message} {advice}".strip())
        last = {"message": message, "advice": advice, "reason": reason, "cure": cure or {}}
        self.tell(now=True, state=state, phase=phase, ended=ended, eta_seconds=None, **last)
        write_json(self.run.folder / "done.json", {"state": state, "attempt": self.attempt, "time": ended})
        disk.flush(self.run.folder)

    def _append(self, line: dict[str, Any]) -> None:
        now = time.time()
        self.run.append("metrics", {"time": now, "stage": self.state.stage} | line)
        if self.state.first_point is None:
            self.tell(now=True, first_point=now)

    def _in_units(self, logs: dict[str, float]) -> dict[str, float]:
        """Give errors in the target's own unit; the loss stays what is minimised."""
        return {
            name: float(value) * (self.unit if name.removeprefix("val_") == "mae" else 1.0)
            for name, value in logs.items()
            if name != "learning_rate"
        }

    def _pace(self, done: float, now: float) -> None:
        """Measure from the first chunk on, which carries the compilation."""
        if self._mark is None:
            self._mark = (done, now)
        epochs, seconds = done - self._mark[0], now - self._mark[1]
        if epochs > 0 and seconds > 0:
            left = self.state.epochs - done + sum(self.all_epochs[self.state.stage_number :])
            self.state = self.state.model_copy(
                update={
                    "samples_per_second": round(epochs * self._rows / seconds, 1),
                    "eta_seconds": round(left * seconds / epochs, 1),
                }
            )

    def _beat(self, *, slow: bool = True) -> None:
        if self.pulse:
            self.pulse.beat(slow=slow)

    def _said(self, kind: str, text: str, **changes: Any) -> bool:
        """Write an event and the state, if there is room for that much; says whether there was."""
        try:
            self.event(kind, text)
            self.tell(now=True, **changes)
        except OSError as error:
            if not disk.is_full(error):
                raise
            self.state = self.state.model_copy(update=changes)
            return False
        return True

    def _pause(self, seconds: float) -> None:
        last = time.monotonic() + seconds
        while time.monotonic() < last:
            self.hear()
            self._beat()
            time.sleep(min(0.1, seconds))
