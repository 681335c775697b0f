"""The machine's own counters, where it has them and lets us read them: energy in joules, share of time in use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forgelm.base.errors import OptionalDependencyError
from forgelm.base.extras import load_extra
from forgelm.model.hardware import Hardware

RAPL = Path("/sys/class/powercap")


def _nothing() -> float:
    return 0.0


@dataclass(frozen=True)
class Counters:
    """``read_joules`` only ever rises; ``read_utilisation`` is between 0 and 1. A reason says why one reads nothing."""

    read_joules: Callable[[], float] = _nothing
    energy_source: str | None = None
    energy_reason: str | None = "nothing here measures energy"
    read_utilisation: Callable[[], float] = _nothing
    utilisation_reason: str | None = "nothing here measures how busy the device is"


def open_counters(hardware: Hardware, rapl: Path = RAPL) -> Counters:
    """Return the counters of the GPUs where there are GPUs, else those of the processor packages."""
    if not hardware.has_gpu:
        return open_rapl(rapl)
    try:
        nvml = load_extra("pynvml", extra="gpu")
    except OptionalDependencyError as error:
        return Counters(energy_reason=str(error), utilisation_reason=str(error))
    return open_nvml(nvml, len(hardware.gpu_names))


def open_nvml(nvml: Any, gpus: int) -> Counters:
    """Return counters over the first ``gpus`` devices of NVML, the library of the NVIDIA driver."""
    try:
        nvml.nvmlInit()
        devices = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(gpus)]
        for device in devices:
            nvml.nvmlDeviceGetTotalEnergyConsumption(device)
            nvml.nvmlDeviceGetUtilizationRates(device)
    except nvml.NVMLError as error:
        reason = f"the GPU's counters cannot be read: {error}"
        return Counters(energy_reason=reason, utilisation_reason=reason)
    return Counters(
        read_joules=lambda: sum(nvml.nvmlDeviceGetTotalEnergyConsumption(device) for device in devices) / 1000,
        energy_source="NVML, the GPUs alone",
        energy_reason=None,
        read_utilisation=lambda: (
            sum(nvml.nvmlDeviceGetUtilizationRates(device).gpu for device in devices) / 100 / len(devices)
        ),
        utilisation_reason=None,
    )


def open_rapl(folder: Path = RAPL) -> Counters:
    """Return the energy counters of Linux' powercap tree: whole processor packages, whatever else runs on them."""
    packages = sorted(path for path in folder.glob("intel-rapl:*") if path.name.count(":") == 1)
    if not packages:
        return Counters(energy_reason=f"this machine offers no energy counters in {folder}")
    try:
        zones = [_Zone(path) for path in packages]
    except (OSError, ValueError) as error:
        return Counters(energy_reason=f"the energy counters in {folder} cannot be read: {error}")
    return Counters(
        read_joules=lambda: _read_zones(zones),
        energy_source="RAPL, whole processor packages",
        energy_reason=None,
    )


class _Zone:
    """One counter in microjoules that starts again at zero when it is full."""

    def __init__(self, path: Path) -> None:
        self._path = path / "energy_uj"
        self._range = int((path / "max_energy_range_uj").read_text())
        self._last = int(self._path.read_text())
        self._total = 0

    def joules(self) -> float:
        now = int(self._path.read_text())
        self._total += (now - self._last) % (self._range + 1)
        self._last = now
        return self._total / 1e6


def _read_zones(zones: Sequence[_Zone]) -> float:
    return sum(zone.joules() for zone in zones)
