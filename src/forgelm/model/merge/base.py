"""An adapter's record of its base model to the folder that base is in, or a refusal when another one is offered."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from forgelm.base.errors import ModelError
from forgelm.base.extras import load_extra
from forgelm.model.merge.adapter import Adapter
from forgelm.model.revision import Revision, resolve_revision

logger = logging.getLogger(__name__)
_WANTED = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "LICENSE*", "NOTICE*")
# The same weights once more, under the names of the code they were trained with.
_TWICE = ("consolidated*", "original/*")


@dataclass(frozen=True)
class Place:
    """A model on this machine: the name it was asked for by, its commit where it has one, and its folder."""

    name: str
    revision: str | None
    folder: Path


def find_base(
    adapter: Adapter, name: str | None, *, offline: bool, token: str | None, allow_other_base: bool = False
) -> Place:
    """Return the base model to merge ``adapter`` into: ``name``, or the one it recorded.

    Raises:
        ModelError: ``name`` is not what the adapter was trained on, none is known, or there is no such model.
    """
    recorded = adapter.base_name
    if name is None and recorded is None:
        raise ModelError(f"{adapter.folder} does not say what its base model is", hint="name it: --base-model")
    if name is not None and recorded is not None and not _same(recorded, name):
        if not allow_other_base:
            raise ModelError(
                f"{adapter.folder} was trained on {recorded}, not on {name}",
                hint="merge it into that one, or say that the two are the same model with --allow-other-base",
            )
        logger.warning("%s was trained on %s and is merged into %s, as asked", adapter.folder, recorded, name)
    chosen = name or recorded or ""
    revision = adapter.base_revision if recorded is not None and _same(recorded, chosen) else None
    return find_model(chosen, revision=revision, offline=offline, token=token)


def find_model(name: str, *, revision: str | None = None, offline: bool = False, token: str | None = None) -> Place:
    """Return where the whole model ``name`` is on this machine; one from the hub is fetched without code.

    Raises:
        ModelError: there is no such model, or it cannot be fetched.
    """
    found = resolve_revision(name, revision=revision, offline=offline, token=token)
    if found.is_local:
        return Place(name, None, Path(found.path))
    return Place(name, found.revision_resolved or revision, _fetch(found, offline=offline, token=token))


def _fetch(found: Revision, *, offline: bool, token: str | None) -> Path:
    hub = load_extra("huggingface_hub", extra="train")
    try:
        folder = hub.snapshot_download(
            found.repo_id,
            revision=found.revision_resolved or found.revision_requested,
            allow_patterns=list(_WANTED),
            ignore_patterns=list(_TWICE),
            local_files_only=offline,
            token=token,
        )
    except (OSError, ValueError, hub.errors.HTTPError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"the model {found.repo_id} could not be fetched: {reason}") from error
    return Path(folder)


def _same(recorded: str, name: str) -> bool:
    """Tell whether two names can mean one model: a copy on this machine ends like the name on the hub."""
    if recorded == name:
        return True
    if os.path.exists(recorded) and os.path.exists(name):
        return os.path.samefile(recorded, name)
    return Path(recorded).name.lower() == Path(name).name.lower()
