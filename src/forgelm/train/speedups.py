"""What makes training faster or smaller and needs something of the machine: it is there, or refused by name."""

from __future__ import annotations

import shutil

from forgelm.base.errors import ModelError, OptionalDependencyError
from forgelm.base.extras import is_installed
from forgelm.config.root import ForgeConfig
from forgelm.model.hardware import Hardware
from forgelm.train.galore import check_galore


def check_speedups(config: ForgeConfig, hardware: Hardware | None = None) -> None:
    """Refuse what cannot work here; without ``hardware``, only what is not installed.

    Raises:
        OptionalDependencyError: a package is missing; the message names the extra.
        ModelError: the machine cannot do it.
    """
    training = config.training
    check_galore(training, hardware)
    if training.use_liger_kernel:
        _check_liger(hardware)
    if training.torch_compile and hardware is not None and not hardware.has_gpu:
        _check_compiler()


def _check_liger(hardware: Hardware | None) -> None:
    if hardware is not None and not hardware.has_gpu:
        raise ModelError(
            f"training.use_liger_kernel: its kernels are written for GPUs (Triton), and this machine trains on "
            f"{hardware.device}",
            hint="set training.use_liger_kernel: false",
        )
    if not is_installed("liger_kernel"):
        raise OptionalDependencyError(
            "training.use_liger_kernel needs the package 'liger-kernel', which is not installed",
            hint="pip install 'forgelm[liger]', or set training.use_liger_kernel: false",
        )


def _check_compiler() -> None:
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        raise ModelError(
            "training.torch_compile builds C++ code on a CPU, and there is no C++ compiler",
            hint="install one, or set training.torch_compile: false",
        )
