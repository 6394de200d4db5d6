"""A worker that does what its run's title says, in no time: for what the supervisor must get right."""

import json
import os
import signal
import sys
import time
from pathlib import Path


def main(folder: Path, attempt: int) -> int:
    if json.loads((folder / "state.json").read_text())["attempt"] != attempt:
        return 0
    mode = json.loads((folder / "catalogue.json").read_text())["title"].split()[0]
    with (folder / "attempts").open("a") as file:
        file.write(f"{attempt} {os.environ['CUDA_VISIBLE_DEVICES']}\n")
    if mode == "dies" or (mode == "stumbles" and attempt == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "climbs" and attempt < 7:
        state = json.loads((folder / "state.json").read_text())
        (folder / "state.json").write_text(json.dumps(state | {"epoch": attempt, "epochs": 9}))
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    told = []
    if mode == "waits":
        signal.signal(signal.SIGTERM, lambda *_: told.append("stopped"))
    while mode in ("waits", "stubborn") and not told and not (folder / "go").exists():
        time.sleep(0.02)
    state = json.loads((folder / "state.json").read_text())
    name = told[0] if told else "finished"
    (folder / "state.json").write_text(json.dumps(state | {"state": name, "phase": "done"}))
    (folder / "done.json").write_text(json.dumps({"state": name, "attempt": attempt, "time": time.time()}))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[3])))
