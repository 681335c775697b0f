"""Switches that keep a run's libraries off the network: telemetry always, everything when offline."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType

_NO_TELEMETRY = MappingProxyType(
    {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "WANDB_ERROR_REPORTING": "false",
    }
)
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
_YES = frozenset({"1", "ON", "YES", "TRUE"})  # what the hub's own client takes for true


@contextlib.contextmanager
def private(*, offline: bool) -> Iterator[None]:
    """Keep the libraries loaded inside the block from pinging home, and when ``offline`` from any hub request.

    They read these switches when they are imported. Afterwards the environment is as it was: a caller's next run may
    be online.
    """
    with _environment(dict(_NO_TELEMETRY) | (dict.fromkeys(_OFFLINE, "1") if offline else {})):
        yield


@contextlib.contextmanager
def _environment(switches: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in switches}
    os.environ.update(switches)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def quiet_ray(*, alone: bool) -> Iterator[None]:
    """Keep Ray, loaded inside the block, from reporting its use; when ``alone``, it listens on this machine only."""
    switches = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    if alone:
        # The one switch by which Ray takes the loopback address for a node's own.
        switches |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
    with _environment(switches):
        yield


def is_offline() -> bool:
    return any(os.environ.get(name, "").upper() in _YES for name in _OFFLINE[:2])


def hub_token(configured: str | None) -> str | None:
    """Return the hub token: the configured one, else ``HUGGINGFACE_TOKEN``; ``None`` leaves it to the hub's client."""
    return configured or os.environ.get("HUGGINGFACE_TOKEN") or None
