"""One job in a process of its own: `python -m training.jobs FOLDER`."""

import sys
from pathlib import Path

from training import jobs

sys.exit(jobs.main(Path(sys.argv[1])))
