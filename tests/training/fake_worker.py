"""A worker that does what its run's title says, in no time: for what the supervisor must get right."""

import faulthandler
import json
import os
import resource
import signal
import subprocess
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
    if mode == "crashes":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.SIGSEGV)
    if mode == "hangs":
        sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
        from training.pulse import Pulse  # only here: it takes longer than all the rest

        faulthandler.register(signal.SIGUSR1)
        with Pulse(folder / f"writing-{attempt}") as pulse:
            pulse.beat(slow=False)
            while True:
                time.sleep(0.02)
    if mode == "eats":
        taken = bytearray(300 * 2**20)
        taken[:: 2**12] = b"x" * len(taken[:: 2**12])
        time.sleep(60)
    if mode == "bears":
        child = subprocess.Popen(["sleep", "60"])
        (folder / "child").write_text(str(child.pid))
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
