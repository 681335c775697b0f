"""Turns a model name into the place its files are read from, and a hub reference into the commit it stands for."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.base.network import is_offline

logger = logging.getLogger(__name__)

BUILTIN_PREFIX = "builtin/"
BUILTIN_MODELS = ("ember",)

_HUB_ID = re.compile(r"(?!.*(?:--|\.\.))(?:\b[\w.-]{1,96}\b/)?\b[\w.-]{1,96}\b(?<!\.git)", re.ASCII)
_COMMIT = re.compile(r"[0-9a-fA-F]{40}")
_LOOKUP_SECONDS = 10.0


@dataclass(frozen=True)
class Revision:
    """Where a model came from. ``resolution_source`` is one of the contract's words (``artefacts.md`` section 5)."""

    repo_id: str
    path: str
    revision_requested: str | None
    revision_resolved: str | None
    resolution_source: str

    @property
    def is_local(self) -> bool:
        return self.resolution_source == "local_path"

    @property
    def pinned(self) -> bool:
        """Whether a commit was asked for and this is it; a local folder's files may change at any time."""
        return not self.is_local and bool(_COMMIT.fullmatch(self.revision_requested or ""))

    def load_options(self) -> dict[str, str]:
        """Keyword arguments for ``from_pretrained`` that load exactly this revision."""
        revision = self.revision_resolved or self.revision_requested
        return {"revision": revision} if revision and not self.is_local else {}


def resolve_revision(
    name: str, *, revision: str | None, offline: bool, token: str | None, cache_dir: str | None = None
) -> Revision:
    """Return the place to load model ``name`` from.

    Raises:
        ModelError: the name is neither a bundled model, nor an existing folder, nor a well-formed hub id.
    """
    if name.startswith(BUILTIN_PREFIX):
        return Revision(name, str(_builtin_folder(name)), revision, None, "local_path")
    if os.path.exists(name):
        return Revision(name, _model_folder(Path(name)), revision, None, "local_path")
    if not _HUB_ID.fullmatch(name):
        raise ModelError(f"there is no model at {name!r}: no such folder, and not a hub id either")
    if offline or is_offline():
        resolved, source = _find_cached_commit(name, revision, cache_dir)
    else:
        resolved, source = _resolve_commit(name, revision, token=token)
    return Revision(name, name, revision, resolved, source)


def _builtin_folder(name: str) -> Path:
    short = name.removeprefix(BUILTIN_PREFIX)
    if short not in BUILTIN_MODELS:
        near = get_close_matches(short, BUILTIN_MODELS, n=1)
        hint = f"did you mean {BUILTIN_PREFIX}{near[0]}?" if near else f"bundled: {', '.join(BUILTIN_MODELS)}"
        raise ModelError(f"there is no bundled model {name!r}", hint=hint)
    return Path(str(files("forgelm.model") / short))


def _model_folder(path: Path) -> str:
    if not path.is_dir():
        raise ModelError(f"{path} is a file; a model is a folder with config.json and safetensors weights")
    if (path / "adapter_config.json").exists() and not (path / "config.json").exists():
        raise ModelError(
            f"{path} holds an adapter, not a whole model",
            hint="fine-tune from a merged model (training.merge_adapters: true), or name the adapter's base model",
        )
    if not (path / "config.json").exists():
        raise ModelError(f"{path} has no config.json, so it is not a model folder")
    return str(path)


def _find_cached_commit(name: str, revision: str | None, cache_dir: str | None) -> tuple[str | None, str]:
    if revision and _COMMIT.fullmatch(revision):
        return revision, "pinned_unverified"
    _warn_unpinned(name, revision)
    hub = load_extra("huggingface_hub", extra="train")
    cached = hub.try_to_load_from_cache(name, "config.json", revision=revision, cache_dir=cache_dir)
    return (Path(cached).parent.name, "cache") if isinstance(cached, str) else (None, "unresolved")


def _resolve_commit(name: str, revision: str | None, *, token: str | None) -> tuple[str | None, str]:
    if revision and _COMMIT.fullmatch(revision):
        return revision, "pinned_resolved"
    _warn_unpinned(name, revision)
    hub = load_extra("huggingface_hub", extra="train")
    try:
        info = hub.HfApi().model_info(name, revision=revision, timeout=_LOOKUP_SECONDS, token=token)
    except (OSError, hub.errors.HTTPError) as error:
        logger.warning("the commit of %s could not be looked up (%s); loading by name", name, type(error).__name__)
        return None, "unresolved"
    return info.sha, "resolved"


def _warn_unpinned(name: str, revision: str | None) -> None:
    if revision is None:
        logger.warning("model %s is not pinned: set model.revision to a commit to make this run repeatable", name)
