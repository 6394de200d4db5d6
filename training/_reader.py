"""The child that reads an upload into a data set, in a jail: `python -P -m training._reader JOB`.

JOB is the job's folder, the only one that it may write into: it reads `job.json` and the upload, makes the data set in
`made/`, tells how far it is in `progress.json`, and at the end writes `result.json` (`training/shelf.py` has the other
side). The jail comes before every other import: NumPy starts threads, and a process with threads gets no network of
its own.
"""

import ctypes
import json
import signal
import sys
from pathlib import Path

from training import _jail

DIE_WITH_PARENT = 1


def main(job: Path) -> int:
    """Read in a jail; the exit code is 0 whenever `result.json` was written."""
    told = json.loads((job / "job.json").read_text(encoding="utf-8"))
    limits = {"memory": told["memory"], "seconds": told["seconds"], "largest_file": told["largest_file"]}
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if file := told["data"].get("file"):
        missing = _jail.enter(job, readable=(file,), **limits)
    else:  # a sample that is downloaded first: it needs the network and the cache, and no stranger made it
        _jail.limit(**limits)
        missing = []
    from training import shelf

    return shelf.read_job(job, missing)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
