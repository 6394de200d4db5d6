"""Answer a whole file of examples with a run's download: `answers.csv` beside the result."""

from typing import Any

from training.jobs import Job

OUT = "answers.csv"


def do(job: Job) -> dict[str, Any]:
    """Answer `settings["file"]` (a path in the run's folder); returns what `evaluation.batch.answer_file` does."""
    from evaluation import batch

    return batch.answer_file(job.run, job.run.folder / job.settings["file"], job.folder / OUT, job.tell)
