"""What a run costs in electricity: read off where the hardware counts it, estimated where it does not.

A GPU counts its own energy (NVML, in thousandths of a joule, since the driver was loaded). A processor of a bare
machine does so too (RAPL), but only the administrator may read it; a run's part of it is its part of the work.
Elsewhere the run's processor time counts, its children's with it, times the watts of a busy core: 12 unless
LAYERWISE_WATTS_PER_CORE says otherwise, the default of the Green Algorithms calculator (Lannelongue, Grealey and
Inouye, "Green Algorithms: Quantifying the Carbon Footprint of Computation", 2021). Memory, screen and cooling are not
in it.

A run's `energy.json`; `wh` and `grams` are the sums of all attempts:

    {"wh": 0.41, "grams": 0.2, "method": "estimated from processor time, 12 W a core", "is_measured": false,
     "grid": {"name", "grams_per_kwh", "source", "year"},
     "attempts": [{"attempt", "seconds", "cpu_seconds", "cpu_wh", "cpu_method", "gpu_wh", "gpu_method", "grams"}]}
"""

import contextlib
import ctypes
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

from recipes.configuration import configuration
from records import Run, write_json
from training import devices, grids

FILE = "energy.json"
NOTE_SECONDS = 5.0
"""A worker that is killed loses at most so much of its count."""
JOULES_PER_WH = 3600.0
COUNTERS = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"
RAPL_WORDS, NVML_WORDS = "measured by the processor (RAPL), its part of the work", "measured by the GPU (NVML)"


class Counter(Protocol):
    """Something that counts joules from the moment it was made."""

    @property
    def words(self) -> str:
        """Say how it counts."""
        ...

    def joules(self) -> float:
        """Return what was used so far."""
        ...


class Meter:
    """Counts what one attempt of a run uses, in this process and its children; `note` writes it down."""

    def __init__(self, run: Run, attempt: int) -> None:
        told = run.read(FILE) or {"attempts": []}
        self._file, self._attempt = run.folder / FILE, attempt
        self._former = [each for each in told["attempts"] if each["attempt"] != attempt]
        self._grid = grids.here()
        self._started, self._busy = time.monotonic(), processor_seconds()
        self._processor: Counter = Package.found() or ProcessorTime()
        self._graphics: Counter | None = Graphics.found()
        self._noted = float("-inf")

    def note(self, *, now: bool = False) -> None:
        """Write `energy.json`, every few seconds and whenever it must be `now`."""
        if not now and time.monotonic() - self._noted < NOTE_SECONDS:
            return
        self._noted = time.monotonic()
        write_json(self._file, summed([*self._former, self._attempt_so_far()], self._grid))

    def _attempt_so_far(self) -> dict[str, Any]:
        processor = self._processor.joules() / JOULES_PER_WH
        graphics = self._graphics.joules() / JOULES_PER_WH if self._graphics else None
        return {
            "attempt": self._attempt,
            "seconds": round(time.monotonic() - self._started, 2),
            "cpu_seconds": round(processor_seconds() - self._busy, 2),
            "cpu_wh": processor,
            "cpu_method": self._processor.words,
            "gpu_wh": graphics,
            "gpu_method": self._graphics.words if self._graphics else None,
            "grams": (processor + (graphics or 0.0)) * self._grid.grams_per_kwh / 1000,
        }


def summed(attempts: list[dict[str, Any]], grid: grids.Grid) -> dict[str, Any]:
    """Add up the attempts of a run: what `energy.json` holds."""
    methods = dict.fromkeys(each[name] for each in attempts for name in ("gpu_method", "cpu_method") if each[name])
    return {
        "wh": sum(each["cpu_wh"] + (each["gpu_wh"] or 0.0) for each in attempts),
        "grams": sum(each["grams"] for each in attempts),
        "method": "; ".join(methods),
        "is_measured": all(words.startswith("measured") for words in methods),
        "grid": asdict(grid),
        "attempts": attempts,
    }


def processor_seconds() -> float:
    """Return the processor time of this process, of its threads and of its children that have ended."""
    told = os.times()
    return told.user + told.system + told.children_user + told.children_system


def watts_per_core() -> float:
    """Return the power of a busy core."""
    return configuration().watts_per_core


@dataclass
class ProcessorTime:
    """Processor time, times the watts of a busy core."""

    watts: float = field(default_factory=watts_per_core)
    start: float = field(default_factory=processor_seconds)

    @property
    def words(self) -> str:
        """See `Counter`."""
        return f"estimated from processor time, {self.watts:g} W a core"

    def joules(self) -> float:
        """See `Counter`."""
        return (processor_seconds() - self.start) * self.watts


class Package:
    """The processor's own counters (RAPL), of which a run has its part of the work that was done meanwhile."""

    words = RAPL_WORDS

    def __init__(self, files: list[Path]) -> None:
        self._limits = {file: _whole(file.with_name("max_energy_range_uj")) for file in files}
        self._last = {file: _whole(file) for file in files}
        self._own, self._all = processor_seconds(), _machine_seconds()
        self._joules = 0.0

    @classmethod
    def found(cls, folder: Path | None = None) -> "Package | None":
        """Return the counters of all processors, or None where there are none or they may not be read."""
        files = sorted((folder or COUNTERS).glob("intel-rapl:[0-9]*/energy_uj"))
        packages = [file for file in files if file.parent.name.count(":") == 1]  # the others are parts of these
        try:
            return cls(packages) if packages else None
        except (OSError, ValueError):
            return None

    def joules(self) -> float:
        """See `Counter`; a counter that has begun again from 0 is put right, one that is gone stands still."""
        try:
            now = {file: _whole(file) for file in self._last}
        except (OSError, ValueError):
            return self._joules
        used = sum((now[file] - before) % (self._limits[file] + 1) for file, before in self._last.items()) / 1e6
        own, everything = processor_seconds(), _machine_seconds()
        share = (own - self._own) / max(everything - self._all, own - self._own, 1e-9)
        self._last, self._own, self._all = now, own, everything
        self._joules += used * share
        return self._joules


class Graphics:
    """The energy counters of the GPUs that this process was given, read from the driver's own library."""

    words = NVML_WORDS

    def __init__(self, library: Any, names: list[str]) -> None:
        self._library = library
        _ask(library.nvmlInit_v2)
        self._handles = [self._handle(name) for name in names]
        self._start = self._last = self._counted()

    @classmethod
    def found(cls) -> "Graphics | None":
        """Return the counters of this process's GPUs; None without a GPU, or where an old one does not count."""
        given = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        names = [name.strip() for name in given.split(",") if name.strip()]
        if given == devices.NO_GPU or (not names and not devices.find()):
            return None
        names = names or [each for device in devices.find()[:1] for each in device.id.split(",")]
        try:
            return cls(ctypes.CDLL(NVML), names)
        except OSError:
            return None

    def joules(self) -> float:
        """See `Counter`; a GPU that does not answer any more must not end the run that it was lent to."""
        with contextlib.suppress(OSError):
            self._last = self._counted()
        return (self._last - self._start) / 1000

    def _handle(self, name: str) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        if name.isdigit():
            _ask(self._library.nvmlDeviceGetHandleByIndex_v2, ctypes.c_uint(int(name)), ctypes.byref(handle))
        else:
            _ask(self._library.nvmlDeviceGetHandleByUUID, ctypes.c_char_p(name.encode()), ctypes.byref(handle))
        return handle

    def _counted(self) -> int:
        """Return thousandths of a joule since the driver was loaded, of all GPUs."""
        total = 0
        for handle in self._handles:
            told = ctypes.c_ulonglong()
            _ask(self._library.nvmlDeviceGetTotalEnergyConsumption, handle, ctypes.byref(told))
            total += told.value
        return total


def _ask(function: Any, *arguments: Any) -> None:
    if code := function(*arguments):
        raise OSError(f"The driver of the GPU answers {function.__name__} with error {code}.")


def _whole(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))


def _machine_seconds() -> float:
    """Return the processor time of everybody on this machine."""
    told = psutil.cpu_times()
    return sum(told) - told.idle - getattr(told, "iowait", 0.0) - getattr(told, "guest", 0.0)
