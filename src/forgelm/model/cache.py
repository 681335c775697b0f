"""Names of models on the hub into their files on this machine, so that a run without a network finds them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra

# What is never loaded: weights in formats that can hold code or that belong to other programs.
_NOT_LOADED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.onnx", "*.gguf", "*.tflite", "original/*")
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class CachedModel:
    """One model's files. ``revision`` is the commit they are from; sizes count what it links to."""

    name: str
    cached_path: str
    revision: str
    size_bytes: int
    duration_s: float

    @property
    def size_mb(self) -> float:
        return round(self.size_bytes / _MEGABYTE, 2)


def hub_cache(output: str | None) -> Path:
    """Return the folder models go to: ``output``, else ``HF_HUB_CACHE``, ``HF_HOME/hub`` or the usual place."""
    if output is not None:
        return Path(os.path.abspath(output))
    if found := os.environ.get("HF_HUB_CACHE"):
        return Path(found).expanduser()
    home = os.environ.get("HF_HOME") or "~/.cache/huggingface"
    return Path(home).expanduser() / "hub"


def cache_model(name: str, folder: Path, *, token: str | None = None) -> CachedModel:
    """Fetch model ``name`` (``org/name``, or ``org/name@revision``) into ``folder``; what is there already stays.

    Raises:
        ModelError: there is no such model, it may not be read, or it could not be fetched.
    """
    hub = load_extra("huggingface_hub", extra="train")
    repo, _, revision = name.partition("@")
    began = time.monotonic()
    try:
        path = hub.snapshot_download(
            repo, revision=revision or None, cache_dir=str(folder), token=token, ignore_patterns=list(_NOT_LOADED)
        )
    except (OSError, ValueError, hub.errors.HTTPError) as error:
        said = str(error).strip().splitlines()
        raise ModelError(
            f"{name} could not be fetched: {said[0] if said else type(error).__name__}",
            hint="check the name, the network, and for a gated model the token in HUGGINGFACE_TOKEN",
        ) from error
    place = Path(path)
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    return CachedModel(name, str(place), place.name, size, round(time.monotonic() - began, 3))
