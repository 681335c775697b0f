"""Probes of the interpreter, torch, the GPUs, the disk and the environment."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import forgelm
from forgelm.assist.doctor.check import Check, Status
from forgelm.base.errors import ConfigError, OptionalDependencyError
from forgelm.evidence.identity import operator_identity
from forgelm.model.hardware import TorchBuild, read_torch

GB = 1 << 30
_PYTHON = (3, 11)
_ENOUGH_GB, _LEAST_GB = 50, 10
_TORCH_FIX = "pip install 'forgelm[train]'; for another build of torch, install torch first from its own index"
_DRIVER = Path("/proc/driver/nvidia/version")
_VARIABLES = (
    *("FORGELM_OPERATOR", "FORGELM_ALLOW_ANONYMOUS_OPERATOR", "FORGELM_AUDIT_SECRET", "FORGELM_SIGNING_KEY"),
    *("HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"),
    *("HF_TOKEN", "HUGGINGFACE_TOKEN", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "HTTPS_PROXY", "HTTP_PROXY"),
)


def check_install() -> Check:
    """Say which ForgeLM this is and where it lies."""
    version = importlib.metadata.version("forgelm")
    place = Path(forgelm.__file__).parent
    inside = "site-packages" in place.parts or "dist-packages" in place.parts
    about = {"version": version, "location": str(place), "in_site_packages": inside}
    return Check("forgelm.install", Status.PASS, f"ForgeLM {version} in {place}", about)


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Check:
    """Compare the interpreter with the oldest that is supported."""
    said, least = ".".join(map(str, version)), ".".join(map(str, _PYTHON))
    if version[:2] >= _PYTHON:
        kind = platform.python_implementation()
        return Check("python.version", Status.PASS, f"{kind} {said}", {"version": said, "implementation": kind})
    about = {"version": said, "minimum": least, "recommended": "3.12"}
    fix = f"install Python {least} or newer and make the environment again"
    return Check("python.version", Status.FAIL, f"Python {said} is older than {least}", about, fix)


def check_torch(environ: Mapping[str, str] = os.environ) -> list[Check]:
    """Say whether torch loads, whether it sees CUDA, and which GPUs."""
    try:
        build = read_torch()
    except (OptionalDependencyError, OSError) as error:
        why = f"torch cannot be loaded: {str(error).splitlines()[0]}"
        missing = {"installed": False}
        return [
            Check("torch.installed", Status.FAIL, why, missing, _TORCH_FIX),
            Check("gpu.inventory", Status.FAIL, "without torch no GPU can be looked for", missing, _TORCH_FIX),
        ]
    installed = Check("torch.installed", Status.PASS, f"torch {build.version}", {"installed": True})
    return [installed, _judge_cuda(build, environ, _DRIVER), _list_gpus(build)]


def _judge_cuda(build: TorchBuild, environ: Mapping[str, str], driver: Path) -> Check:
    about = {
        "torch_version": build.version,
        "cuda_available": build.cuda_available,
        "cuda_version": build.cuda_version,
        "driver_version": read_driver(driver),
    }
    if build.cuda_available:
        return Check("torch.cuda", Status.PASS, f"CUDA {build.cuda_version}, torch {build.version}", about)
    has_driver = about["driver_version"] is not None
    if has_driver and environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        why, fix = "CUDA_VISIBLE_DEVICES hides every GPU", "unset CUDA_VISIBLE_DEVICES"
    elif has_driver and build.cuda_version is None:
        why = f"there is an NVIDIA driver ({about['driver_version']}), and torch {build.version} is built without CUDA"
        fix = "install the CUDA build of torch: pip install --force-reinstall torch (Linux), or as pytorch.org says"
    elif has_driver:
        why = f"torch {build.version} for CUDA {build.cuda_version} cannot use driver {about['driver_version']}"
        fix = "update the driver, or install the torch build for an older CUDA; 'nvidia-smi' says what the driver takes"
    else:
        why = "no CUDA: training runs on the processor, which is enough for the bundled model"
        fix = "use a machine with an NVIDIA GPU for real models, or 'forgelm --config FILE --fit-check --gpu NAME' here"
    return Check("torch.cuda", Status.WARN, why, about, fix)


def read_driver(path: Path = _DRIVER) -> str | None:
    """Return the NVIDIA kernel driver's version, ``None`` where there is none or it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"Kernel Module\D*(\d+(?:\.\d+)+)", text)
    return found[1] if found else None


def _list_gpus(build: TorchBuild) -> Check:
    devices = [
        {"index": index, "name": name, "vram_gib": round(size / GB, 2), "vram_bytes": size}
        for index, (name, size) in enumerate(build.devices)
    ]
    about = {"device_count": len(devices), "devices": devices}
    if devices:
        said = ", ".join(f"{device['name']} ({device['vram_gib']} GiB)" for device in devices)
        return Check("gpu.inventory", Status.PASS, said, about)
    fix = "nothing to do for the bundled model; 'forgelm recommend' says which GPU another one needs"
    return Check("gpu.inventory", Status.WARN, "torch sees no GPU", about, fix)


def check_numpy_abi(torch: str | None, numpy: str | None) -> Check:
    """Compare the versions, importing neither: torch before 2.3 was built for numpy 1 and breaks with 2."""
    about = {"torch_version": torch, "numpy_version": numpy}
    if torch is None or numpy is None:
        reason = f"{'torch' if torch is None else 'numpy'} is not installed"
        said = {**about, "skipped": True, "reason": reason}
        return Check("numpy.torch_abi", Status.PASS, f"skipped: {reason}", said)
    said = {**about, "skipped": False, "reason": None}
    if _numbers(torch) < (2, 3) and _numbers(numpy) >= (2,):
        why = f"torch {torch} was built for numpy 1, and numpy {numpy} is installed"
        return Check("numpy.torch_abi", Status.FAIL, why, said, "pip install 'numpy<2', or torch 2.3 or newer")
    return Check("numpy.torch_abi", Status.PASS, f"torch {torch} and numpy {numpy} fit", said)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:2])


def installed_version(name: str) -> str | None:
    """Return the version of an installed distribution, without importing it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def check_disk(folder: Path, free_bytes: int | None = None) -> Check:
    """Measure the free space (2^30 bytes) of the disk that ``folder`` is on."""
    free = (shutil.disk_usage(folder).free if free_bytes is None else free_bytes) / GB
    about = {"free_gb": round(free, 1), "path": str(folder)}
    said = f"{free:.1f} GB free in {folder}"
    if free >= _ENOUGH_GB:
        return Check("disk.workspace", Status.PASS, said, about)
    fix = f"free space, or work on another disk: a 7B model with its checkpoints takes about {_ENOUGH_GB} GB"
    return Check("disk.workspace", Status.WARN if free >= _LEAST_GB else Status.FAIL, said, about, fix)


def check_writable(folder: Path) -> Check:
    """Try to write a file into ``folder``; it is gone afterwards."""
    about = {"path": str(folder)}
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"forgelm")
    except OSError as error:
        why = f"{folder} cannot be written: {error.strerror or error}"
        fix = "run in a folder of your own, or set training.output_dir to one"
        return Check("workspace.writable", Status.FAIL, why, about, fix)
    return Check("workspace.writable", Status.PASS, f"{folder} can be written", about)


def check_operator(environ: Mapping[str, str] = os.environ) -> Check:
    """Say whose name the audit log would carry."""
    fix = "set FORGELM_OPERATOR=<name or job id>"
    try:
        name = operator_identity(environ)
    except ConfigError as error:
        return Check("operator.identity", Status.FAIL, error.message, {"source": None}, error.hint)
    if environ.get("FORGELM_OPERATOR", "").strip():
        said = {"source": "FORGELM_OPERATOR"}
        return Check("operator.identity", Status.PASS, "FORGELM_OPERATOR names who is at work", said)
    source = "anonymous" if name.startswith("anonymous@") else "login"
    return Check("operator.identity", Status.WARN, f"the log would say {name}", {"source": source}, fix)


def check_environment(environ: Mapping[str, str] = os.environ) -> Check:
    """Name the variables that change what ForgeLM does; never their values, which may be secrets."""
    there = [name for name in _VARIABLES if name in environ]
    blank = [name for name in there if not environ[name].strip() and name != "CUDA_VISIBLE_DEVICES"]
    about = {"set": there, "empty": blank}
    if blank:
        fix = f"unset {' '.join(blank)}, or give a value"
        return Check("environment.variables", Status.WARN, f"set, but empty: {', '.join(blank)}", about, fix)
    return Check("environment.variables", Status.PASS, f"set: {', '.join(there) or 'none'}", about)
