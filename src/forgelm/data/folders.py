"""A folder of data files to the files of each split, told apart by their names or their subfolders' names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from forgelm.base.errors import DataError
from forgelm.data.problems import join_names
from forgelm.data.split_names import split_of

_NOT_DATA = frozenset(
    {"readme", "license", "licence", "notice", "changelog", "requirements", "dataset_info", "dataset_infos", "state"}
)


def find_split_files(folder: Path, name: str, suffixes: frozenset[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the data files of each split, as paths relative to ``folder`` in name order, and remarks.

    Without any split's name in the folder every data file is ``train``; files without one beside files with one are
    ``train`` when nothing else is, and are reported as unused otherwise.

    Raises:
        DataError: no data file in the folder, or none for training.
    """
    found = sorted(list_files(folder))
    data = [file for file in found if is_data_file(file, suffixes)]
    if not data:
        listing = join_names(found) or "nothing"
        raise DataError(f"{name}: no data file in this folder (found: {listing})", hint=_hint(found, suffixes))
    splits: dict[str, list[str]] = {}
    for file in data:
        splits.setdefault(_split_of_path(file) or "", []).append(file)
    unnamed = splits.pop("", [])
    if unnamed and "train" not in splits:
        return {"train": unnamed, **splits}, []
    if "train" not in splits:
        raise DataError(
            f"{name}: no file to train on (found: {join_names(data)})",
            hint="name the training file train, such as train.jsonl",
        )
    return splits, [f"{name}: not used, as no split is in the name: {join_names(unnamed)}"] if unnamed else []


def list_files(folder: Path) -> Iterator[str]:
    """Yield every file below ``folder`` that is not hidden, as a relative path with forward slashes."""
    for place, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = sorted(item for item in folders if not item.startswith((".", "_")))
        for file in files:
            if not file.startswith((".", "_")):
                yield Path(place, file).relative_to(folder).as_posix()


def _raise(error: OSError) -> None:
    raise error


def is_data_file(file: str, suffixes: frozenset[str]) -> bool:
    """Whether a file's ending is one of ``suffixes`` and its name not that of something that lies beside data."""
    path = PurePath(file)
    return path.suffix.lower() in suffixes and path.stem.lower() not in _NOT_DATA


def _split_of_path(file: str) -> str | None:
    path = PurePath(file)
    names = (path.stem, *reversed(path.parts[:-1]))
    return next((split for split in map(split_of, names) if split), None)


def _hint(found: list[str], suffixes: frozenset[str]) -> str:
    if any(file.endswith(".arrow") for file in found):
        return "this looks like save_to_disk output; write it as Parquet with Dataset.to_parquet"
    return f"put files of these kinds there: {join_names(sorted(suffixes))}"
