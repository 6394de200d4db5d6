"""What a run can be computed on: the NVIDIA GPUs of this machine, or its cores."""

import csv
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

NO_GPU = "-1"
"""What CUDA_VISIBLE_DEVICES must say so that no GPU is touched."""


@dataclass(frozen=True)
class Device:
    """One GPU. `id` is what CUDA_VISIBLE_DEVICES takes."""

    id: str
    name: str
    memory_mb: int


@cache
def find() -> tuple[Device, ...]:
    """List the GPUs that `nvidia-smi` names, in its order; none where it is missing or fails.

    A CUDA_VISIBLE_DEVICES that is already set (by a scheduler, or by hand) is respected.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    question = [program, "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()  # a driver without a card answers with an error: then there is none
    return read(answer.stdout, os.environ.get("CUDA_VISIBLE_DEVICES"))


def read(table: str, allowed: str | None) -> tuple[Device, ...]:
    """Read the table of `nvidia-smi`; `allowed` is a CUDA_VISIBLE_DEVICES, or None for all."""
    wanted = None if allowed is None else [name.strip() for name in allowed.split(",") if name.strip()]
    found = []
    for index, uuid, name, memory in csv.reader(table.splitlines(), skipinitialspace=True):
        if wanted is None or any(name_of in (index, uuid) for name_of in wanted):
            megabytes = int(memory) if memory.isdigit() else 0  # shared memory is told as [N/A]
            found.append(Device(uuid, name, megabytes))
    return tuple(found)


def slots() -> int:
    """Say how many runs go at once: one a GPU, else one a core; LAYERWISE_SLOTS sets it by hand."""
    told = os.environ.get("LAYERWISE_SLOTS", "")
    return int(told) if told.isdigit() and int(told) else len(find()) or cores()


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
