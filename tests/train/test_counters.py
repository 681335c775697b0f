"""Counters that are there are read, with their wrap-around; those that are not say why."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from forgelm.model.hardware import Hardware
from forgelm.train.counters import open_counters, open_nvml, open_rapl

CPU = Hardware("cpu", bf16=False, fp16=False)


def zone(folder: Path, name: str, microjoules: int) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "max_energy_range_uj").write_text("999999\n")
    (path / "energy_uj").write_text(f"{microjoules}\n")
    return path / "energy_uj"


def test_the_packages_are_added_up_and_their_parts_are_not(tmp_path: Path) -> None:
    first, second = zone(tmp_path, "intel-rapl:0", 100), zone(tmp_path, "intel-rapl:1", 0)
    zone(tmp_path, "intel-rapl:0:0", 0).write_text("5")
    counters = open_counters(CPU, tmp_path)
    assert counters.energy_reason is None
    assert counters.read_joules() == 0.0
    first.write_text("600100")
    second.write_text("400000")
    assert counters.read_joules() == pytest.approx(1.0)
    # Full at 999999, it starts again at zero.
    first.write_text("100")
    assert counters.read_joules() == pytest.approx(1.4)


def test_a_machine_without_them_says_so(tmp_path: Path) -> None:
    counters = open_rapl(tmp_path)
    assert "offers no energy counters" in str(counters.energy_reason)
    assert counters.read_joules() == 0.0


def test_counters_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 1).unlink()
    assert "cannot be read" in str(open_rapl(tmp_path).energy_reason)


def test_a_gpu_without_the_reader_names_the_extra_and_no_processor_stands_in() -> None:
    if find_spec("pynvml") is not None:
        pytest.skip("nvidia-ml-py is installed")
    counters = open_counters(Hardware("cuda", bf16=True, fp16=True, gpu_names=("NVIDIA L4",)))
    assert "pynvml" in str(counters.energy_reason)
    assert counters.utilisation_reason == counters.energy_reason


class Driver:
    """What the driver's library answers, for two devices."""

    class NVMLError(Exception):
        pass

    def __init__(self, *, broken: bool = False) -> None:
        self.millijoules, self.percent, self.broken = 1000, 50, broken

    def nvmlInit(self) -> None:
        if self.broken:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, device: int) -> int:
        return self.millijoules * (device + 1)

    def nvmlDeviceGetUtilizationRates(self, device: int) -> Any:
        return SimpleNamespace(gpu=self.percent + 10 * device)


def test_the_gpus_are_added_up_and_their_use_is_averaged() -> None:
    driver = Driver()
    counters = open_nvml(driver, 2)
    assert counters.read_joules() == 3.0
    driver.millijoules = 2000
    assert counters.read_joules() == 6.0
    assert counters.read_utilisation() == pytest.approx(0.55)
    assert (counters.energy_reason, counters.utilisation_reason) == (None, None)


def test_a_driver_that_does_not_answer_says_so() -> None:
    counters = open_nvml(Driver(broken=True), 1)
    assert "Driver Not Loaded" in str(counters.energy_reason)
