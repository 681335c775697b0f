"""Reads the rows a dataset section names: from local files through the engine, or from the hub."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from finetune_cli.core.exceptions import (
    DatasetLoadError,
    DatasetNotFoundError,
    EmptyDatasetError,
    IncompatibleConfigError,
    InvalidConfigError,
)
from finetune_cli.core.translate import data_errors
from finetune_cli.core.types import DatasetConfig, DatasetSource
from forgelm.base.extras import load_extra
from forgelm.base.network import hub_token, is_offline
from forgelm.data.load import load_rows
from forgelm.data.local import find_local, find_nearest
from forgelm.data.rows import Row


@dataclass(frozen=True)
class ReadDataset:
    """Rows as they were read, and the dataset's own validation rows where it has some. ``notes`` are for a person."""

    rows: list[Row]
    validation: list[Row] | None = None
    notes: tuple[str, ...] = ()


def read_dataset(config: DatasetConfig) -> ReadDataset:
    """Return the rows ``config`` names, the first ``max_samples`` of them where it says so.

    Raises:
        DatasetNotFoundError: a local path where nothing is.
        EmptyDatasetError: there are no rows.
        DatasetLoadError: they cannot be read.
        ConfigurationError: a source that is not supported, or streaming where it cannot be.
    """
    if config.source is DatasetSource.CUSTOM:
        raise InvalidConfigError(
            "dataset.source: custom is not supported",
            field="dataset.source",
            hint="make a datasets.Dataset of your rows and hand it to a trainer",
        )
    if config.streaming and (config.source is DatasetSource.LOCAL_FILE or config.max_samples is None):
        raise IncompatibleConfigError(
            "streaming takes the first rows of a dataset on the hub: it needs source: huggingface_hub and max_samples",
            ("dataset.streaming", "dataset.max_samples"),
        )
    read = _read_local(config) if config.source is DatasetSource.LOCAL_FILE else _read_hub(config)
    rows = read.rows if config.max_samples is None else read.rows[: config.max_samples]
    if not rows:
        raise EmptyDatasetError(config.path)
    return ReadDataset(rows, read.validation, read.notes)


def _read_local(config: DatasetConfig) -> ReadDataset:
    if config.config_name is not None:
        raise IncompatibleConfigError(
            "config_name names a part of a dataset on the hub; a local file has none", ("dataset.config_name",)
        )
    path = Path(config.path).expanduser()
    if not path.exists():
        near = find_nearest(path)
        raise DatasetNotFoundError(config.path, hint=f"did you mean {near}?" if near else None)
    if config.data_files is None:
        return _read_split(config.path, config.split)
    files = [config.data_files] if isinstance(config.data_files, str) else list(config.data_files)
    for file in files:
        if not (path / file).is_file():
            raise DatasetNotFoundError(str(path / file))
    parts = [_read_split(str(path / file), config.split) for file in files]
    return ReadDataset([row for part in parts for row in part.rows])


def _read_split(name: str, split: str) -> ReadDataset:
    with data_errors(name):
        # Asked first so that a link to nowhere and a remote address are told apart from an empty file.
        find_local(name)
        raw = load_rows(name, offline=True)
    if split not in raw.splits:
        raise DatasetLoadError(name, f"there is no split {split!r} (splits: {', '.join(raw.splits)})")
    own = None
    if split == "train":
        own = raw.splits.get("validation") or raw.splits.get("test")
    return ReadDataset(raw.splits[split], own, raw.notes)


def _read_hub(config: DatasetConfig) -> ReadDataset:
    plain = (config.split, config.config_name, config.data_files, config.streaming) == ("train", None, None, False)
    if plain:
        with data_errors(config.path):
            raw = load_rows(config.path, offline=is_offline(), token=hub_token(None))
        own = raw.splits.get("validation") or raw.splits.get("test")
        return ReadDataset(raw.splits["train"], own, raw.notes)
    return ReadDataset(_number(_load_from_hub(config), config))


def _load_from_hub(config: DatasetConfig) -> Iterable[dict[str, Any]]:
    datasets = load_extra("datasets", extra="train")
    errors = load_extra("huggingface_hub.errors", extra="train")
    files: str | Sequence[str] | None = config.data_files
    options = {"name": config.config_name, "data_files": list(files) if isinstance(files, tuple) else files}
    try:
        found: Iterable[dict[str, Any]] = datasets.load_dataset(
            config.path, split=config.split, streaming=config.streaming, token=hub_token(None), **options
        )
    except (errors.HTTPError, datasets.exceptions.DatasetsError, OSError, ValueError, RuntimeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DatasetLoadError(config.path, f"cannot be loaded from the hub: {reason}") from error
    return found


def _number(rows: Iterable[dict[str, Any]], config: DatasetConfig) -> list[Row]:
    taken = islice(rows, config.max_samples) if config.max_samples is not None else rows
    return [Row(dict(value), config.path, number, config.split) for number, value in enumerate(taken, start=1)]
