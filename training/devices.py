"""What a run can be computed on: the NVIDIA GPUs of this machine, or its cores."""

import csv
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from recipes.configuration import configuration

NO_GPU = "-1"
"""What CUDA_VISIBLE_DEVICES must say so that no GPU is touched."""


RUN_MB = 1536
"""What a run on the CPU takes with all its libraries, in megabytes."""


@dataclass(frozen=True)
class Device:
    """What one run has: one GPU, or as many as `per_run` says. `id` is what CUDA_VISIBLE_DEVICES takes."""

    id: str
    name: str
    memory_mb: int


@cache
def find() -> tuple[Device, ...]:
    """List the GPUs that `nvidia-smi` names, in its order, one or several a run; none where it is missing or fails.

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
    return grouped(read(answer.stdout, os.environ.get("CUDA_VISIBLE_DEVICES")), per_run())


def per_run() -> int:
    """Say how many GPUs share the batches of one run."""
    return configuration().gpus_per_run


def grouped(found: tuple[Device, ...], size: int) -> tuple[Device, ...]:
    """Join GPUs to groups of this size, one group a run; those left over make a smaller group only if it is alone."""
    size = min(size, len(found)) or 1
    groups = [found[first : first + size] for first in range(0, len(found) // size * size, size)]
    return tuple(group[0] if size == 1 else _joined(group) for group in groups)


def read(table: str, allowed: str | None) -> tuple[Device, ...]:
    """Read the table of `nvidia-smi`; `allowed` is a CUDA_VISIBLE_DEVICES, or None for all."""
    wanted = None if allowed is None else [name.strip() for name in allowed.split(",") if name.strip()]
    found = []
    for index, uuid, name, memory in csv.reader(table.splitlines(), skipinitialspace=True):
        if wanted is None or any(name_of in (index, uuid) for name_of in wanted):
            megabytes = int(memory) if memory.isdigit() else 0  # shared memory is told as [N/A]
            found.append(Device(uuid, name, megabytes))
    return tuple(found)


def _joined(group: tuple[Device, ...]) -> Device:
    # Each holds the whole model, so the smallest memory is what a run has.
    name = f"{len(group)} × {group[0].name}"
    return Device(",".join(each.id for each in group), name, min(each.memory_mb for each in group))


def slots() -> int:
    """Say how many runs go at once: what the configuration says, else one a GPU or group of GPUs.

    Without GPUs one a core, but no more than there is memory for.
    """
    return configuration().slots or len(find()) or max(1, min(cores(), memory_mb() // RUN_MB))


def memory_mb() -> int:
    """Return the memory of this machine, or of the container that it is, in megabytes."""
    total = psutil.virtual_memory().total // 2**20
    allowed = Path("/sys/fs/cgroup/memory.max")
    told = allowed.read_text(encoding="ascii").strip() if allowed.exists() else "max"
    return min(total, int(told) // 2**20) if told.isdigit() else total


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
