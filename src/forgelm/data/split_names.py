"""Names of splits as people write them to the three this program knows, and which of them a run reads."""

from __future__ import annotations

import re
from collections.abc import Collection
from types import MappingProxyType

_SPLIT_OF_WORD = MappingProxyType(
    {
        "train": "train",
        "training": "train",
        "validation": "validation",
        "valid": "validation",
        "val": "validation",
        "dev": "validation",
        "test": "test",
        "eval": "test",
        "holdout": "test",
    }
)


def split_of(name: str) -> str | None:
    """Return the split that a file, folder or hub split is named after (``dev-00001`` is ``validation``), if any."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return next((_SPLIT_OF_WORD[word] for word in words if word in _SPLIT_OF_WORD), None)


def choose_splits(available: Collection[str], *, train_only: bool) -> tuple[str, ...]:
    """Return the splits to read: ``train``, and the validation split or else the test split in its place."""
    if train_only:
        return ("train",)
    held_out = next((split for split in ("validation", "test") if split in available), None)
    return ("train", held_out) if held_out else ("train",)


def note_unread(name: str, available: Collection[str], chosen: tuple[str, ...]) -> list[str]:
    """Return the remark that splits of dataset ``name`` stay unread, if any do."""
    unread = [split for split in available if split not in chosen]
    return [f"{name}: not read: {', '.join(unread)} split"] if unread else []
