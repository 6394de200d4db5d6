"""Write a run as a script and a notebook of plain Keras: `code.zip` beside the result."""

from typing import Any

from training.jobs import Job


def do(job: Job) -> dict[str, Any]:
    """Write the zip; returns {"bytes"}."""
    from exporters import code

    asked = job.asked
    job.tell(0.4, "Writing the code")
    file = code.write(asked, job.folder / code.NAME)
    return {"bytes": file.stat().st_size}
