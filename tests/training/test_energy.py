"""What a run used is counted, or estimated with the method named; attempts add up."""

import ctypes
import time

import pytest

from recipes import Refusal
from records import Run
from training import energy, grids
from training.energy import Meter

NONE = ("LAYERWISE_COUNTRY", "LAYERWISE_GRAMS_PER_KWH", "LAYERWISE_WATTS_PER_CORE")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in NONE:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(energy, "COUNTERS", tmp_path / "none")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    return Run(tmp_path)


def busy(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_processor_time_is_turned_into_watt_hours_and_the_method_is_named(run):
    meter = Meter(run, 1)
    busy(0.2)
    meter.note(now=True)
    told = run.read("energy.json")
    spent = told["attempts"][0]["cpu_seconds"]
    assert 0.15 <= spent < 1
    assert told["wh"] == pytest.approx(spent * 12 / 3600, rel=0.1)
    assert told["grams"] == pytest.approx(told["wh"] * 0.48)
    assert told["method"] == "estimated from processor time, 12 W a core"
    assert not told["is_measured"]
    assert told["grid"] == {
        "name": "the world's mean", "grams_per_kwh": 480.0, "source": "Ember, via Our World in Data", "year": 2023,
    }  # fmt: skip


def test_attempts_add_up_and_an_attempt_is_counted_once(run):
    first = Meter(run, 1)
    busy(0.05)
    first.note(now=True)
    first.note(now=True)
    second = Meter(run, 2)
    busy(0.05)
    second.note(now=True)
    told = run.read("energy.json")
    assert [each["attempt"] for each in told["attempts"]] == [1, 2]
    assert told["wh"] == pytest.approx(sum(each["cpu_wh"] for each in told["attempts"]))


def test_notes_are_written_every_few_seconds_only(run):
    meter = Meter(run, 1)
    meter.note()
    before = (run.folder / "energy.json").stat().st_mtime_ns
    meter.note()
    assert (run.folder / "energy.json").stat().st_mtime_ns == before


def test_country_and_own_number_choose_the_grid(monkeypatch):
    monkeypatch.setenv("LAYERWISE_COUNTRY", "fra")
    assert grids.here() == grids.Grid("France", 56.0, "Ember, via Our World in Data", 2023)
    monkeypatch.setenv("LAYERWISE_GRAMS_PER_KWH", "12.5")
    assert grids.here() == grids.Grid("France", 12.5, "LAYERWISE_GRAMS_PER_KWH")


def test_settings_that_mean_nothing_are_refused_in_words(monkeypatch):
    monkeypatch.setenv("LAYERWISE_COUNTRY", "XYZ")
    with pytest.raises(Refusal) as refused:
        grids.here()
    assert str(refused.value) == (
        "LAYERWISE_COUNTRY is 'XYZ', which is not in the table of 2023. Use three letters such as DEU, or set "
        "LAYERWISE_GRAMS_PER_KWH to a number."
    )
    monkeypatch.setenv("LAYERWISE_GRAMS_PER_KWH", "green")
    with pytest.raises(Refusal, match="LAYERWISE_GRAMS_PER_KWH is 'green', but must be a number of grams"):
        grids.here()
    monkeypatch.setenv("LAYERWISE_WATTS_PER_CORE", "-3")
    with pytest.raises(Refusal, match="LAYERWISE_WATTS_PER_CORE is '-3', but must be a number of watts, such as 12"):
        energy.watts_per_core()


def counters(folder, **joules):
    for name, used in joules.items():
        place = folder / name.replace("_", ":").replace("rapl", "intel-rapl")
        place.mkdir(parents=True, exist_ok=True)
        (place / "energy_uj").write_text(f"{used}\n", encoding="ascii")
        (place / "max_energy_range_uj").write_text("999999999\n", encoding="ascii")


def test_a_processor_that_counts_is_believed_by_the_part_of_the_work(tmp_path, monkeypatch):
    seconds = iter([(1.0, 10.0), (3.0, 14.0), (3.0, 14.0)])
    now = next(seconds)
    monkeypatch.setattr(energy, "processor_seconds", lambda: now[0])
    monkeypatch.setattr(energy, "_machine_seconds", lambda: now[1])
    counters(tmp_path, rapl_0=999_000_000, rapl_0_0=5, rapl_1=1_000_000)
    package = energy.Package.found(tmp_path)
    assert package is not None
    counters(tmp_path, rapl_0=1_000_000 - 1 + 1_000_000, rapl_0_0=9_000_000, rapl_1=3_000_000)
    now = next(seconds)
    # The first counter began again from 0: 3 J less a rounding; the second used 2 J; half of the work was the run's.
    assert package.joules() == pytest.approx(2.5, abs=1e-5)
    assert energy.Package.found(tmp_path / "none") is None


class Driver:
    """What the driver's library answers, in its own words."""

    def __init__(self):
        self.used, self.broken, self.asked = 1_000, 0, []

    def nvmlInit_v2(self):  # noqa: N802 - NVIDIA's name
        return 0

    def nvmlDeviceGetHandleByUUID(self, name, _handle):  # noqa: N802 - NVIDIA's name
        self.asked.append(name.value)
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index, _handle):  # noqa: N802 - NVIDIA's name
        self.asked.append(index.value)
        return 0

    def nvmlDeviceGetTotalEnergyConsumption(self, _handle, place):  # noqa: N802 - NVIDIA's name
        ctypes.cast(place, ctypes.POINTER(ctypes.c_ulonglong)).contents.value = self.used
        return self.broken


def test_a_gpu_is_read_off_and_added_to_the_processor(run, monkeypatch):
    driver = Driver()
    monkeypatch.setattr(energy.ctypes, "CDLL", lambda _name: driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-12ab,1")
    meter = Meter(run, 1)
    driver.used += 1_800_000  # of each of the two
    meter.note(now=True)
    told = run.read("energy.json")
    assert driver.asked == [b"GPU-12ab", 1]
    assert told["attempts"][0]["gpu_wh"] == pytest.approx(1.0)
    assert told["method"] == "measured by the GPU (NVML); estimated from processor time, 12 W a core"
    driver.used, driver.broken = 0, 15
    meter.note(now=True)
    assert run.read("energy.json")["attempts"][0]["gpu_wh"] == pytest.approx(1.0)


def test_an_old_gpu_that_does_not_count_is_left_out(monkeypatch):
    driver = Driver()
    driver.broken = 3
    monkeypatch.setattr(energy.ctypes, "CDLL", lambda _name: driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert energy.Graphics.found() is None
