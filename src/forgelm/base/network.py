"""Switches that keep a run's libraries off the network: telemetry always, everything when offline."""

from __future__ import annotations

import os

_NO_TELEMETRY = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
}
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
_YES = frozenset({"1", "ON", "YES", "TRUE"})  # what the hub's own client takes for true


def stay_private(*, offline: bool) -> None:
    """What every run does first: no telemetry, and when ``offline`` no hub request either."""
    silence_telemetry()
    if offline:
        go_offline()


def silence_telemetry() -> None:
    """Switch off the usage pings of the libraries a run loads. Call it before they are imported."""
    os.environ.update(_NO_TELEMETRY)


def go_offline() -> None:
    """Forbid every hub request of this process. Call it before the libraries are imported."""
    os.environ.update(dict.fromkeys(_OFFLINE, "1"))


def is_offline() -> bool:
    return any(os.environ.get(name, "").upper() in _YES for name in _OFFLINE[:2])


def hub_token(configured: str | None) -> str | None:
    """Return the hub token: the configured one, else ``HUGGINGFACE_TOKEN``; ``None`` leaves it to the hub's client."""
    return configured or os.environ.get("HUGGINGFACE_TOKEN") or None
