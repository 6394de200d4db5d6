"""What is done with a run after (or while) it trains, in a process of its own: one file a kind of job.

    python -m training.jobs FOLDER

To add a kind, add ONE file `training/jobs/<kind>.py` with `do(job) -> dict`; screens start it with `ui.jobs.show`. The
process is a fork of the parent of workers; it works on the CPU, beside the runs, and one at a time.
"""

import importlib
import pkgutil
import signal
import traceback
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from evaluation.asked import Asked
from recipes import Refusal, known
from records import Run, write_json
from records.job import JobFolder

FINISHED, FAILED = 0, 1


class Stopped(Exception):  # noqa: N818 - a wish, not an error
    """Somebody pressed Stop."""


class Job:
    """A job as the file of its kind sees it."""

    def __init__(self, place: JobFolder) -> None:
        self.place = place
        self.settings: dict[str, Any] = place.question["settings"]
        self.ends = False

    @property
    def run(self) -> Run:
        """The run that it works on."""
        return self.place.run

    @property
    def folder(self) -> Path:
        """Where its files go, beside `result.json`."""
        return self.place.folder

    @cached_property
    def asked(self) -> Asked:
        """The run's data and its models with what they have learned; made on first use."""
        from training.opened import opened

        self.tell(0.0, "Opening the model")
        return opened(self.run)

    def tell(self, done: float, text: str) -> None:
        """Say how far it is, 0 to 1; raises `Stopped` where somebody wishes that: call it between two steps."""
        if self.ends or self.place.is_to_stop:
            raise Stopped
        self.place.write_state("running", min(done, 1.0), text)


@cache
def names() -> tuple[str, ...]:
    """Name every kind, in alphabetical order."""
    return tuple(sorted(each.name for each in pkgutil.iter_modules(__path__) if not each.name.startswith("_")))


def get(name: str) -> Any:
    """Return a kind's module; an unknown name lists the known ones."""
    if name not in names():
        raise known("job", name, names())
    return importlib.import_module(f"training.jobs.{name}")


def main(folder: Path) -> int:
    """Do one job; returns the exit code. Everything told goes into the job's folder."""
    place = JobFolder(folder)
    job = Job(place)
    former = signal.signal(signal.SIGTERM, lambda *_: setattr(job, "ends", True))
    try:
        job.tell(0.0, "Starting")
        result = get(place.question["kind"]).do(job)
        write_json(folder / "result.json", result)
        place.write_state("finished", 1.0)
    except Stopped:
        place.write_state("stopped", text="Stopped by you.")
    except Refusal as refusal:
        place.write_state("failed", text=str(refusal))
    except Exception as error:  # noqa: BLE001 - whatever happens, the person reads one sentence
        from training import failures

        traceback.print_exc()
        place.write_state("failed", text=failures.classify(error)[0])
        return FAILED
    finally:
        signal.signal(signal.SIGTERM, former)
    return FINISHED
