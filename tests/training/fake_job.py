"""A job that does nothing but go on until it is to stop; with `die` in its settings it dies without a word."""

import os
import sys
import time
from pathlib import Path

from records.job import JobFolder
from training import jobs

job = jobs.Job(JobFolder(Path(sys.argv[1])))
if job.settings.get("die"):
    os._exit(9)
try:
    for step in range(2000):
        job.tell(step / 2000, f"Step {step}")
        time.sleep(0.01)
except jobs.Stopped:
    job.place.write_state("stopped", text="Stopped by you.")
