"""Whether a resumed run equals the unbroken one: checked where that is cheap, and never claimed where it was not.

The run goes on from the checkpoint *before* the newest one, trains the epochs between them once more, and compares
every byte with the newest. `resumes.json` holds what came out, one entry for each resume:

    {"attempt": 2, "epoch": 7, "same": true, "sentence": "Trained epochs 5 to 7 again from the checkpoint of ..."}

`same` is null where nothing could be compared.
"""

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from records import Run, write_json
from training import checkpoints, devices
from training.checkpoints import Snapshot

FILE = "resumes.json"
SECONDS = 5.0
"""The most that training again may take."""
WORDS = {
    "python": "Python", "keras": "Keras", "backend": "the engine", "processor": "the processor", "threads": "its cores",
    "device": "the device", "switches": "the engine's switches", "data": "the data",
}  # fmt: skip
SWITCHES = ("TF_ENABLE_ONEDNN_OPTS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "XLA_FLAGS")


@dataclass(frozen=True)
class Proof:
    """What a resume has to compare with; without `older`, `why` says why nothing is compared."""

    newest: Snapshot
    older: Snapshot | None = None
    why: str = ""

    @property
    def start(self) -> Snapshot:
        """The snapshot from which the run goes on."""
        return self.older or self.newest

    def sentence(self, *, same: bool | None) -> str:
        """Say in words what came out."""
        epoch = self.newest.epoch
        if same is None or self.older is None:
            return f"Continues after epoch {epoch}. {self.why}"
        again = f"epoch {epoch}" if self.older.epoch + 1 == epoch else f"epochs {self.older.epoch + 1} to {epoch}"
        trained = f"Trained {again} again from the checkpoint of epoch {self.older.epoch}"
        if same:
            return f"{trained}: the same to the last bit."
        return f"{trained}: not the same to the last bit. It continues from the first result."


def prepare(run: Run, newest: Snapshot, now: dict[str, Any], stage: str) -> Proof:
    """Choose the checkpoint to compare from, if there is one, it is of the same kind, and it does not take long."""
    changed = [word for name, word in WORDS.items() if newest.made_with.get(name) != now.get(name)]
    if not newest.made_with:
        return Proof(newest, why="Its checkpoint does not say how it was made, so nothing was compared.")
    if changed:
        return Proof(newest, why=f"What changed meanwhile: {_listed(changed)}. The last digits may differ.")
    older = _older(run, newest)
    if older is None:
        return Proof(newest, why="There is no earlier checkpoint to compare with.")
    lines = [line for line in run.lines("metrics")[0] if line.get("end") and line["stage"] == stage]
    seconds = sum(line["seconds"] for line in lines if older.epoch < line["epoch"] <= newest.epoch)
    if seconds > SECONDS:
        return Proof(newest, why="Training its last epochs again to compare would have taken too long.")
    return Proof(newest, older)


def is_same(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> bool:
    """Say whether two lists of arrays hold the same bytes."""
    return len(first) == len(second) and all(
        mine.dtype == other.dtype and mine.shape == other.shape and mine.tobytes() == other.tobytes()
        for mine, other in zip(first, second, strict=True)
    )


def note(run: Run, attempt: int, proof: Proof, *, same: bool | None) -> str:
    """Write down what came out; returns its sentence."""
    sentence = proof.sentence(same=same)
    entry = {"attempt": attempt, "epoch": proof.newest.epoch, "same": same, "sentence": sentence}
    write_json(run.folder / FILE, [*(run.read(FILE) or []), entry])
    return sentence


def circumstances(device: str, backend: str, data: Path) -> dict[str, Any]:
    """Return all that the last bits of a training depend on, beside the recipe."""
    return {
        "python": platform.python_version(),
        "keras": importlib.metadata.version("keras"),
        "backend": backend,
        "device": device,
        "processor": _processor(),
        "threads": devices.cores(),
        "switches": {name: os.environ[name] for name in SWITCHES if name in os.environ},
        "data": data.name,
    }


def _older(run: Run, newest: Snapshot) -> Snapshot | None:
    for place in reversed(checkpoints.every(run.folder / "checkpoints")):
        found = checkpoints.read(place)
        if found and found.stage == newest.stage and found.epoch < newest.epoch:
            is_alike = found.names == newest.names and found.made_with == newest.made_with
            return found if is_alike else None
    return None


def _processor() -> str:
    """Name the processor's model and a hash of what it can do."""
    file = Path("/proc/cpuinfo")
    if not file.exists():
        return platform.processor() or platform.machine()
    told = dict(line.split(":", 1) for line in file.read_text(encoding="utf-8").splitlines() if ":" in line)
    about = {name.strip(): value.strip() for name, value in told.items()}
    flags = about.get("flags") or about.get("Features") or ""
    return f"{about.get('model name', platform.machine())}, {hashlib.sha256(flags.encode()).hexdigest()[:12]}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
