"""GaLore: the fields to transformers' arguments, and what its optimizers need to be built and to be read again."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

from forgelm.base.errors import ConfigError, ModelError, OptionalDependencyError
from forgelm.base.extras import is_installed, load_extra
from forgelm.config.galore import GaloreConfig
from forgelm.model.hardware import Hardware

DEFAULT_TARGETS = (".*.attn.*", ".*.mlp.*")


def galore_arguments(training: GaloreConfig) -> dict[str, Any]:
    """Return what TRL's configuration gets in place of its optimizer."""
    if not training.galore_enabled:
        return {}
    options = {
        "rank": training.galore_rank,
        "update_proj_gap": training.galore_update_proj_gap,
        "scale": training.galore_scale,
        "proj_type": training.galore_proj_type,
    }
    return {
        "optim": training.galore_optim,
        "optim_target_modules": list(training.galore_target_modules or DEFAULT_TARGETS),
        "optim_args": ",".join(f"{name}={value}" for name, value in options.items()),
    }


def check_galore(training: GaloreConfig, hardware: Hardware | None = None) -> None:
    """Refuse what cannot run here; without ``hardware``, only whether the package is there.

    Raises:
        OptionalDependencyError: galore-torch is not installed.
        ModelError: an 8-bit variant was asked for and there is no GPU.
    """
    if not training.galore_enabled:
        return
    if not is_installed("galore_torch"):
        raise OptionalDependencyError(
            "training.galore_enabled needs the package 'galore-torch', which is not installed",
            hint="pip install 'forgelm[galore]', or set training.galore_enabled: false",
        )
    if hardware is not None and "8bit" in training.galore_optim and not hardware.has_gpu:
        raise ModelError(
            f"training.galore_optim {training.galore_optim} keeps its state in 8 bits, which needs a CUDA GPU",
            hint=f"use {training.galore_optim.replace('_8bit', '')}",
        )


def check_galore_resume(training: GaloreConfig) -> None:
    """Refuse to continue a training whose optimizer keeps nothing in its checkpoints.

    Raises:
        ConfigError: the optimizer is layerwise.
    """
    if training.galore_layerwise:
        raise ConfigError(
            f"cannot resume with training.galore_optim {training.galore_optim}: transformers saves no state of it, so "
            "the continued training would be another one",
            hint=f"train from the beginning, or with {training.galore_optim.removesuffix('_layerwise')}",
        )


@contextlib.contextmanager
def galore_optimizers(training: GaloreConfig) -> Iterator[None]:
    """Within the block these optimizers can be built and their checkpoints read; without GaLore nothing changes.

    A view is an object, which torch reads only from classes it was told to trust. And transformers tells Adafactor not
    to choose its own learning rate except in the layerwise variant, whose defaults contradict the rate it is given.
    """
    if not training.galore_enabled:
        yield
        return
    torch, galore = load_extra("torch", extra="train"), load_extra("galore_torch", extra="galore")
    projector = load_extra("galore_torch.galore_projector", extra="galore").GaLoreProjector
    original = galore.GaLoreAdafactor
    if training.galore_layerwise:
        galore.GaLoreAdafactor = functools.partial(original, scale_parameter=False, relative_step=False)
    try:
        with torch.serialization.safe_globals([projector]):
            yield
    finally:
        galore.GaLoreAdafactor = original
