"""Merged models in some folders, and which sealed models each was made of, as its own record says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forgelm.base.files import INTEGRITY_FILE, MERGE_FILE
from forgelm.evidence.exported import seal_digest

_PATTERNS = tuple("*/" * depth + MERGE_FILE for depth in range(5))


@dataclass(frozen=True)
class Merge:
    """A merged model: its folder, its seal if it has one, and the seals of its parts."""

    folder: Path
    seal: str | None
    parts: frozenset[str]


def find_merges(folders: Iterable[Path]) -> tuple[Merge, ...]:
    """Return the merged models in ``folders`` and up to four levels below; a damaged record names no parts."""
    records = {path.resolve() for folder in folders for pattern in _PATTERNS for path in folder.glob(pattern)}
    return tuple(_read(record) for record in sorted(records))


def made_of(seals: Iterable[str], merges: Sequence[Merge]) -> Iterator[Merge]:
    """Yield the merges with a part that has one of ``seals``, and those made of such merges in turn."""
    known, left = set(seals), list(merges)
    while found := [merge for merge in left if merge.parts & known]:
        yield from found
        known |= {merge.seal for merge in found if merge.seal is not None}
        left = [merge for merge in left if merge not in found]


def _read(record: Path) -> Merge:
    parts, seal = frozenset[str](), None
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        named = [part["manifest_sha256"] for part in json.loads(record.read_bytes())["sources"]]
        parts = frozenset(seal for seal in named if isinstance(seal, str))
    with contextlib.suppress(OSError):
        seal = seal_digest((record.parent / INTEGRITY_FILE).read_bytes())
    return Merge(record.parent, seal, parts)
