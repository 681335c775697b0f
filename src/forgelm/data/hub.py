"""A dataset id of the Hugging Face Hub to the raw rows of its splits, pinned to one commit; offline from the cache."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from forgelm.base.errors import DataError
from forgelm.base.extras import load_extra
from forgelm.base.network import is_offline
from forgelm.base.redact import redact_text
from forgelm.data.fingerprint import fingerprint_hub
from forgelm.data.local import find_nearest, read_local
from forgelm.data.problems import join_names
from forgelm.data.rows import RawDataset, Row
from forgelm.data.split_names import choose_splits, note_unread, split_of
from forgelm.data.tables import drop_filled_nulls, keep_bytes

LOOKUP_SECONDS = 10.0
_COMMIT = re.compile(r"[0-9a-f]{40}")


def read_hub(name: str, *, train_only: bool, offline: bool = False, token: str | None = None) -> RawDataset:
    """Read the splits a run uses from a hub dataset.

    The commit is looked up first and the load is tied to it. Offline, or when the hub does not answer, the copy in
    the cache of ``datasets`` is used, or else a snapshot in the hub's own cache; the notes say so.

    Raises:
        DataError: no such dataset, no access, not in the cache, no training split, or it cannot be loaded.
    """
    if offline or is_offline():
        return _read_cached(name, "offline", train_only=train_only)
    commit, failure = _find_commit(name, token)
    if commit is None:
        return _read_cached(name, f"the hub did not answer: {failure}", train_only=train_only)
    datasets = load_extra("datasets", extra="train")
    try:
        builder = datasets.load_dataset_builder(name, revision=commit, token=token)
        if builder.hash != commit:
            raise DataError(f"{name}: commit {commit} could not be loaded, only {builder.hash} is in the cache")
        builder.download_and_prepare()
        return _read_builder(name, builder, [], train_only=train_only)
    except _load_failures() as error:
        raise DataError(f"{name}: cannot be loaded from the hub: {_explain(error)}") from error


def _find_commit(name: str, token: str | None) -> tuple[str | None, str]:
    """Return the newest commit's hash, or ``None`` and why the hub could not say.

    Raises:
        DataError: the hub says that there is no such dataset or no access to it.
    """
    hub = load_extra("huggingface_hub", extra="train")
    errors = load_extra("huggingface_hub.errors", extra="train")
    try:
        return str(hub.HfApi().dataset_info(name, timeout=LOOKUP_SECONDS, token=token).sha), ""
    except errors.GatedRepoError as error:
        raise DataError(
            f"{name}: access to this dataset must be granted first",
            hint=f"ask for it at https://huggingface.co/datasets/{name} and set auth.hf_token",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise DataError(
            f"{name}: neither a local file or folder nor a dataset on the hub",
            hint=_suggest(name, "a private dataset needs auth.hf_token"),
        ) from error
    except (errors.HTTPError, OSError, ValueError) as error:
        return None, _explain(error)


def _read_cached(name: str, why: str, *, train_only: bool) -> RawDataset:
    cache = load_extra("datasets.packaged_modules.cache.cache", extra="train")
    note = f"{name}: read from the local cache ({why})"
    try:
        builder = cache.Cache(dataset_name=name.rpartition("/")[2], repo_id=name, version="auto", hash="auto")
        return _read_builder(name, builder, [note], train_only=train_only)
    except _load_failures() as error:
        found = _find_snapshot(name)
        if found is None:
            raise DataError(
                f"{name}: neither a local file or folder nor in the local cache ({why})",
                hint=_suggest(name, f"load it once with network access to have it in the cache ({_explain(error)})"),
            ) from error
    raw = read_local(found, name, train_only=train_only)
    fingerprint = fingerprint_hub(name, revision=found.name, reason=None)
    pinned = {key: raw.fingerprint[key] for key in ("sha256", "size_bytes", "files")}
    return RawDataset(name, "huggingface_hub", raw.splits, raw.files, (note, *raw.notes), fingerprint | pinned)


def _find_snapshot(name: str) -> Path | None:
    """Return the folder of this dataset's snapshot in the hub's cache; it is named after its commit."""
    hub = load_extra("huggingface_hub", extra="train")
    try:
        folder = Path(hub.snapshot_download(name, repo_type="dataset", local_files_only=True))
    except (OSError, ValueError):
        return None
    return folder if _COMMIT.fullmatch(folder.name) else None


def _read_builder(name: str, builder: Any, notes: list[str], *, train_only: bool) -> RawDataset:
    tables = builder.as_dataset()
    names = _name_splits(list(tables), name)
    chosen = choose_splits(names, train_only=train_only)
    splits = {split: _read_rows(tables[names[split]], name, names[split]) for split in chosen}
    commit = builder.hash if builder.hash and _COMMIT.fullmatch(builder.hash) else None
    return RawDataset(
        name=name,
        kind="huggingface_hub",
        splits=splits,
        files=tuple((split, names[split]) for split in chosen),
        notes=(*notes, *note_unread(name, names, chosen)),
        fingerprint=fingerprint_hub(
            name, revision=commit, reason="the cached copy does not name its commit", info=builder.info
        ),
    )


def _name_splits(available: list[str], name: str) -> dict[str, str]:
    """Return the dataset's own name of each split this program knows; an exact name wins over a similar one."""
    names = {split: split for split in available if split in ("train", "validation", "test")}
    for split in available:
        known = split_of(split)
        if known and known not in names:
            names[known] = split
        elif known == "train" and split != names[known] and names[known] != "train":
            raise DataError(f"{name}: several splits could be the training split: {names[known]}, {split}")
    if "train" not in names:
        raise DataError(f"{name}: has no train split (found: {join_names(available)})")
    return names


def _read_rows(table: Any, name: str, part: str) -> list[Row]:
    rows = [
        Row(drop_filled_nulls(value), name, number, part) for number, value in enumerate(keep_bytes(table), start=1)
    ]
    if not rows:
        raise DataError(f"{name}: its split {part} holds no rows")
    return rows


def _load_failures() -> tuple[type[BaseException], ...]:
    """Everything the two libraries raise for a dataset that cannot be had; they share no base class."""
    exceptions = load_extra("datasets.exceptions", extra="train")
    errors = load_extra("huggingface_hub.errors", extra="train")
    return (exceptions.DatasetsError, errors.HTTPError, OSError, ValueError, RuntimeError, ImportError)


def _suggest(name: str, advice: str) -> str:
    near = find_nearest(Path(name))
    return f"did you mean {near}? Else: {advice}" if near else advice


def _explain(error: BaseException) -> str:
    text = redact_text(str(error)).strip()
    return text.splitlines()[0] if text else type(error).__name__
